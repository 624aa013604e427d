//! The table of states.md: answer x type x policy x memory.
//!
//! ```text
//! answer          | ours                      | new
//! ----------------+---------------------------+----------------------------------------------
//! full record     | compare, write, onboard   | adopt (Always), or only if equal (IfUnchanged)
//! minimal record  | ForeignManaged, lost      | ForeignManaged
//! teams           | (ids never answer so)     | TeamsExist; a team may be ordered on a person's word
//! 404             | vanished.rs               | order (Full), OrderNotAllowed (AdoptOnly)
//! no answer       | outage.rs                 | outage.rs
//! ```

use super::action::{Cause, Change};
use super::compare::{Comparison, compare, drift_entries, names, writes};
use super::conditions::{Fact, whole_seconds};
use super::order::{free, teams};
use super::reasons::{Reconciling, Stalled, SyncedReason};
use super::{
    Grace, Input, Next, Plan, Summary, Verdict, facts, onboarding, outage, stopped, transfer,
    vanished,
};
use crate::crd::{
    AdoptionPolicy, CustomerType, DriftPolicy, ManagementPolicy, Origin, ResellerCustomerStatus,
};
use crate::domain::Field;
use crate::domain::desired::type_name;
use crate::domain::memory::{is_applied, is_ours};
use crate::domain::observed::{Answer, Key};
use crate::google::types::Customer;

/// Decides about an object without an open order.
pub(super) fn decide(input: Input<'_>) -> Plan {
    match &input.observed.answer {
        Answer::Full(account) => full(input, account),
        Answer::Minimal(account) => foreign(input, account),
        Answer::MultipleTeams => teams(input),
        Answer::Absent => match input.observed.key {
            Key::Id(ref id) => vanished::decide(input, id),
            Key::Domain(_) => free(input),
        },
        Answer::Failed(error) => outage::unread(input, error),
    }
}

// ---- verdicts ----------------------------------------------------------------------------------

/// A verdict on what was seen in this pass.
pub(super) fn verdict(
    input: Input<'_>,
    summary: Summary,
    synced: SyncedReason,
    answer: &Answer,
) -> Verdict {
    let terms = match answer {
        Answer::Full(_) => facts::terms(input),
        _ => facts::not_managed(),
    };
    Verdict {
        summary,
        synced: Some((synced, synced_message(synced))),
        facts: facts::seen(input, answer),
        terms,
    }
}

fn synced_message(synced: SyncedReason) -> String {
    let message = match synced {
        SyncedReason::InSync => "The account equals the manifest in every managed field.",
        SyncedReason::Pending => "Something is still to be written at Google.",
        SyncedReason::Drifted => {
            "The account differs from the manifest; status.drift lists the fields."
        }
        SyncedReason::ValueNotAccepted => {
            "Google kept another value than the one that was sent; status.drift lists it."
        }
        SyncedReason::NotManaged => "There is no account of ours to compare with.",
        SyncedReason::NotRead => "The account was not compared in this pass.",
        SyncedReason::QuotaExceeded
        | SyncedReason::Unavailable
        | SyncedReason::CredentialsInvalid => "Google could not be asked.",
    };
    message.to_owned()
}

/// A plan that asks a person to act.
pub(super) fn stalled(input: Input<'_>, reason: Stalled, message: String, answer: &Answer) -> Plan {
    let verdict =
        verdict(input, Summary::Stalled(reason, message), SyncedReason::NotManaged, answer);
    Plan::look(input.memory.clone(), verdict, Next::StalledRetry)
}

/// A plan of an object that only looks.
pub(super) fn observed(
    input: Input<'_>,
    synced: SyncedReason,
    message: &str,
    answer: &Answer,
) -> Plan {
    let verdict = verdict(input, Summary::Observed(message.to_owned()), synced, answer);
    let next = if facts::is_waiting_for_person(&verdict.terms, input.memory) {
        Next::Onboarding
    } else {
        Next::Resync
    };
    let mut plan = Plan::look(input.memory.clone(), verdict, next);
    plan.status.drift.clear();
    plan
}

pub(super) fn is_observe(input: Input<'_>) -> bool {
    input.desired.management == ManagementPolicy::Observe
}

// ---- full record -------------------------------------------------------------------------------

fn full(input: Input<'_>, account: &Customer) -> Plan {
    let answer = &input.observed.answer;
    let is_domain_other = account
        .customer_domain
        .as_deref()
        .is_some_and(|domain| !domain.eq_ignore_ascii_case(input.desired.domain.as_str()));
    if is_domain_other && matches!(input.observed.key, Key::Id(_)) {
        return identity_mismatch(input, answer);
    }
    if is_observe(input) {
        return look(input, account, answer);
    }
    let google_type = account.customer_type.as_deref();
    if input.desired.customer_type == CustomerType::Domain && google_type == Some("team") {
        let message = "spec.customerType is domain and the account is a team. Set customerType to \
                       team in a new object, or have the customer verify its domain.";
        let mut plan = stalled(input, Stalled::TypeMismatch, message.to_owned(), answer);
        facts::note(&mut plan.status, account);
        return plan;
    }
    let ours = is_ours(input.memory, input.desired);
    if !ours && is_somebody_elses_team(input, account) {
        return teams(input);
    }
    match (ours, input.memory.lost_at.is_some()) {
        (true, false) => managed(input, account, input.memory.clone()),
        (true, true) => adopt_unchanged(input, account, regained(input.memory)),
        (false, _) => adopt(input, account),
    }
}

fn identity_mismatch(input: Input<'_>, answer: &Answer) -> Plan {
    let theirs = input.observed.full().and_then(|account| account.customer_domain.as_deref());
    let theirs = theirs.unwrap_or("unknown");
    let message = format!(
        "The account with this id has the primary domain {theirs}, not spec.customerDomain. If the \
         domain was renamed: pin spec.customerId to this id and set spec.customerDomain to {theirs}."
    );
    let (summary, synced) = if is_observe(input) {
        (Summary::Observed(message), SyncedReason::Drifted)
    } else {
        (Summary::Stalled(Stalled::IdentityMismatch, message), SyncedReason::NotRead)
    };
    let mut verdict = verdict(input, summary, synced, answer);
    verdict.terms = Fact::Kept;
    let next = if is_observe(input) { Next::Resync } else { Next::StalledRetry };
    Plan::look(input.memory.clone(), verdict, next)
}

/// Observe: only looks, and tells what differs.
fn look(input: Input<'_>, account: &Customer, answer: &Answer) -> Plan {
    let comparison = compare(input, account, input.memory);
    let is_type_other = account.customer_type.as_deref().is_some_and(|google| {
        google != "customerTypeUnspecified" && google != type_name(input.desired.customer_type)
    });
    let (synced, message) = if comparison.is_equal() && !is_type_other {
        (SyncedReason::InSync, "The account was seen and equals the manifest.")
    } else {
        (
            SyncedReason::Drifted,
            "The account was seen and differs from the manifest; the policy is Observe, so nothing is written.",
        )
    };
    let mut plan = observed(input, synced, message, answer);
    if comparison.language_unread.is_some() && synced == SyncedReason::InSync {
        plan.verdict.synced = Some(language_unread());
    }
    plan.status.drift = comparison.differences();
    plan.withheld = writes(id_of(account), account, &comparison.changes);
    facts::note(&mut plan.status, account);
    onboarding::close_insert(input, id_of(account), plan)
}

fn language_unread() -> (SyncedReason, String) {
    let message = "spec.language could not be compared: the Directory API did not answer; the other fields are equal.";
    (SyncedReason::NotRead, message.to_owned())
}

/// A team found by its domain is ours only if pinned or if its administrator is the same.
fn is_somebody_elses_team(input: Input<'_>, account: &Customer) -> bool {
    let is_by_domain = matches!(input.observed.key, Key::Domain(_));
    let is_team = input.desired.customer_type == CustomerType::Team
        && account.customer_type.as_deref() != Some("domain");
    is_by_domain && is_team && !has_our_admin(input, account)
}

/// Whether a team's first administrator is the one of the manifest.
pub(super) fn has_our_admin(input: Input<'_>, account: &Customer) -> bool {
    let theirs = account.primary_admin.as_ref().and_then(|admin| admin.primary_email.as_deref());
    match (theirs, input.desired.primary_admin.as_deref()) {
        (Some(theirs), Some(ours)) => theirs.eq_ignore_ascii_case(ours),
        _ => false,
    }
}

fn id_of(account: &Customer) -> &str {
    account.customer_id.as_deref().unwrap_or_default()
}

/// An account that exists before this object: its adoption policy decides, unless it is another
/// object's already (a team's second object, or one for the new name of a renamed domain).
fn adopt(input: Input<'_>, account: &Customer) -> Plan {
    if let Some(holder) = input.surroundings.taken.get(id_of(account)) {
        return stopped::duplicate(input.memory, holder.as_deref());
    }
    let adopted = adopted(input.memory, id_of(account));
    match input.desired.adoption {
        AdoptionPolicy::Always => managed(input, account, adopted),
        AdoptionPolicy::IfUnchanged => adopt_unchanged(input, account, adopted),
    }
}

/// The memory of an account that becomes ours by adoption. What was known of another account goes,
/// but an open operation is never cleared by an edit.
fn adopted(memory: &ResellerCustomerStatus, id: &str) -> ResellerCustomerStatus {
    let mut status = forgetting(memory);
    status.customer_id = Some(id.to_owned());
    status.origin = Some(Origin::Adopted);
    status.pending_operation.clone_from(&memory.pending_operation);
    status
}

fn regained(memory: &ResellerCustomerStatus) -> ResellerCustomerStatus {
    ResellerCustomerStatus { lost_at: None, ..memory.clone() }
}

/// A status that knows of no account.
pub(super) fn forgetting(memory: &ResellerCustomerStatus) -> ResellerCustomerStatus {
    ResellerCustomerStatus {
        observed_generation: memory.observed_generation,
        conditions: memory.conditions.clone(),
        last_handled_reconcile_at: memory.last_handled_reconcile_at.clone(),
        ..ResellerCustomerStatus::default()
    }
}

/// Takes an account over only if nothing would change.
fn adopt_unchanged(input: Input<'_>, account: &Customer, adopted: ResellerCustomerStatus) -> Plan {
    let comparison = compare(input, account, &adopted);
    if let (true, Some(error)) = (comparison.is_equal(), comparison.language_unread) {
        // What cannot be wholly compared is not known to be unchanged.
        return onboarding::not_readable(input, input.memory.clone(), error, "spec.language");
    }
    if comparison.is_equal() {
        return managed(input, account, adopted);
    }
    let differing = names(comparison.changes.iter().chain(&comparison.not_accepted));
    let message = if input.memory.lost_at.is_some() {
        format!(
            "The account was somebody else's for a while and came back; it differs in {differing} \
             (values in status.drift). Make the manifest equal to the account; then it is managed again."
        )
    } else {
        format!(
            "The account exists and differs in {differing} (values in status.drift), and \
             adoptionPolicy is IfUnchanged. Make the manifest equal to the account, or set \
             adoptionPolicy to Always."
        )
    };
    let mut plan =
        stalled(input, Stalled::AdoptionRequiresApproval, message, &input.observed.answer);
    plan.verdict.synced = Some((SyncedReason::Drifted, synced_message(SyncedReason::Drifted)));
    plan.status.drift = comparison.differences();
    plan.withheld = writes(id_of(account), account, &comparison.changes);
    facts::note(&mut plan.status, account);
    plan
}

/// An account that is ours, by `status`: compare, write what differs, go on with onboarding.
pub(super) fn managed(
    input: Input<'_>,
    account: &Customer,
    mut status: ResellerCustomerStatus,
) -> Plan {
    let comparison = compare(input, account, &status);
    comparison.remember_into(&mut status, |field| input.desired.fields.contains_key(&field));
    status.waiting_since = status.waiting_since.filter(|_| !status.onboarded);
    status.approval = None;
    status.drift.clear();
    facts::note(&mut status, account);

    let (edits, drifted): (Vec<Change>, Vec<Change>) =
        comparison.changes.iter().cloned().partition(|change| change.cause == Cause::Edit);
    let is_lag = !drifted.is_empty() && input.surroundings.is_settling();
    if !edits.is_empty() {
        if is_lag {
            status.drift.clone_from(&input.memory.drift);
        }
        let drifted = if is_lag { Vec::new() } else { drifted };
        return edit(input, account, status, edits, drifted);
    }
    if is_lag {
        return lag(input, status);
    }
    if !drifted.is_empty() && is_applied(&status, input.desired) {
        return drift(input, account, status, &comparison, &drifted);
    }
    if !drifted.is_empty() {
        return onboarding::drifted_meanwhile(input, account, status, &comparison, drifted);
    }
    if !comparison.not_accepted.is_empty() {
        return not_accepted(input, status, &comparison);
    }
    onboarding::go_on(input, account, status, comparison.language_unread)
}

/// Writes what was edited, and with it what has drifted, if that is to be corrected.
fn edit(
    input: Input<'_>,
    account: &Customer,
    mut status: ResellerCustomerStatus,
    mut changes: Vec<Change>,
    drifted: Vec<Change>,
) -> Plan {
    if input.desired.drift == DriftPolicy::Report {
        // What is only reported stays open beside the edit.
        status.drift.extend(drift_entries(drifted.iter()));
        let mut plan = update(input, account, status, &changes);
        plan.withheld = writes(id_of(account), account, &drifted);
        return plan;
    }
    changes.extend(drifted);
    changes.sort_by_key(|change| change.field);
    update(input, account, status, &changes)
}

pub(super) fn update(
    input: Input<'_>,
    account: &Customer,
    status: ResellerCustomerStatus,
    changes: &[Change],
) -> Plan {
    let is_language_only = changes.iter().all(|change| change.field == Field::Language);
    let is_onboarding =
        status.origin == Some(Origin::Ordered) && !status.onboarded && is_language_only;
    let reason = if is_onboarding { Reconciling::Onboarding } else { Reconciling::Updating };
    let whom = if changes.iter().any(|change| change.field == Field::Language) {
        " Only users made after it get the new language."
    } else {
        ""
    };
    let message = format!("Writing {}.{whom}", names(changes));
    let mut plan =
        writing(input, status, Summary::Progressing(reason, message), SyncedReason::Pending);
    plan.actions = writes(id_of(account), account, changes);
    plan
}

fn writing(
    input: Input<'_>,
    status: ResellerCustomerStatus,
    summary: Summary,
    synced: SyncedReason,
) -> Plan {
    let verdict = verdict(input, summary, synced, &input.observed.answer);
    Plan::look(status, verdict, Next::Soon)
}

/// A read that differs so soon after a write is lag.
fn lag(input: Input<'_>, status: ResellerCustomerStatus) -> Plan {
    let mut plan = writing(input, status, Summary::Kept, SyncedReason::NotRead);
    plan.verdict.synced = None;
    plan.status.drift.clone_from(&input.memory.drift);
    plan.next = Next::Settle;
    plan
}

pub(super) fn drift(
    input: Input<'_>,
    account: &Customer,
    mut status: ResellerCustomerStatus,
    comparison: &Comparison<'_>,
    drifted: &[Change],
) -> Plan {
    status.drift = drift_entries(drifted.iter().chain(&comparison.not_accepted));
    let differing = names(drifted);
    let actions = writes(id_of(account), account, drifted);
    if input.desired.drift == DriftPolicy::Report {
        let message = format!(
            "The account was changed elsewhere in {differing} (values in status.drift); driftPolicy \
             is Report, so it is left as it is."
        );
        let summary = if comparison.not_accepted.is_empty() {
            Summary::Drifted(message)
        } else {
            Summary::Stalled(Stalled::ValueNotAccepted, not_accepted_message(comparison))
        };
        let mut plan = writing(input, status, summary, SyncedReason::Drifted);
        plan.withheld = actions;
        plan.next = settled(&plan);
        return plan;
    }
    let message =
        format!("The account was changed elsewhere in {differing}; it is being written back.");
    let mut plan = writing(input, status, Summary::CorrectingDrift(message), SyncedReason::Drifted);
    plan.actions = actions;
    plan
}

fn not_accepted(
    input: Input<'_>,
    mut status: ResellerCustomerStatus,
    comparison: &Comparison<'_>,
) -> Plan {
    status.drift = comparison.differences();
    let summary = Summary::Stalled(Stalled::ValueNotAccepted, not_accepted_message(comparison));
    let mut plan = writing(input, status, summary, SyncedReason::ValueNotAccepted);
    plan.next = if input.surroundings.is_settling() { Next::Settle } else { Next::StalledRetry };
    plan
}

fn not_accepted_message(comparison: &Comparison<'_>) -> String {
    format!(
        "Google took the request and kept another value of {} (status.drift shows it). Change the \
         field to a value that Google keeps; it is not sent again as it is.",
        names(&comparison.not_accepted)
    )
}

/// When to look again at an account that needs nothing.
pub(super) fn settled(plan: &Plan) -> Next {
    if facts::is_waiting_for_person(&plan.verdict.terms, &plan.status) {
        Next::Onboarding
    } else {
        Next::Resync
    }
}

// ---- minimal record ----------------------------------------------------------------------------

pub(super) fn foreign(input: Input<'_>, account: &Customer) -> Plan {
    let answer = &input.observed.answer;
    let message = format!(
        "The customer belongs to Google or to another reseller. To take it over: list its \
         transferable subscriptions with a transfer token that the customer makes for you, then \
         transfer them. Until then no team can be made for it either.{}",
        transfer::told(input)
    );
    if is_observe(input) {
        let mut plan = observed(input, SyncedReason::NotManaged, &message, answer);
        transfer::note(&mut plan.status, input);
        return plan;
    }
    let mut plan = stalled(input, Stalled::ForeignManaged, message, answer);
    transfer::note(&mut plan.status, input);
    if is_ours(input.memory, input.desired) && input.memory.lost_at.is_none() {
        let grace = Grace::Foreign(id_of(account).to_owned());
        if input.surroundings.is_over(&grace) {
            plan.status.lost_at = Some(whole_seconds(input.now));
        } else {
            plan.next = Next::Grace;
            plan = plan.watching(grace);
        }
    }
    plan
}
