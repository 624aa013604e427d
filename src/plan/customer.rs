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

use super::action::{Action, Cause, Change};
use super::compare::{Comparison, compare, drift_entries, names, writes};
use super::conditions::{Fact, Terms, is_true, whole_seconds};
use super::reasons::{Reconciling, Stalled, SyncedReason, TermsReason};
use super::{
    Grace, Input, Next, OrderGate, Plan, Summary, Verdict, facts, onboarding, outage, vanished,
};
use crate::crd::{
    AdoptionPolicy, Approval, CustomerType, DriftPolicy, ManagementPolicy, OperationKind, Origin,
    PendingOperation, ResellerCustomerStatus, names as annotations,
};
use crate::domain::desired::type_name;
use crate::domain::memory::{is_applied, is_ours, order_hash};
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
    Plan::look(input.memory, verdict, Next::StalledRetry)
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
    let mut plan = Plan::look(input.memory, verdict, next);
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
    let message = "The account with this id has another primary domain than spec.customerDomain. \
                   If the domain was renamed: pin spec.customerId to this id and set \
                   spec.customerDomain to the new name.";
    let (summary, synced) = if is_observe(input) {
        (Summary::Observed(message.to_owned()), SyncedReason::Drifted)
    } else {
        (Summary::Stalled(Stalled::IdentityMismatch, message.to_owned()), SyncedReason::NotRead)
    };
    let mut verdict = verdict(input, summary, synced, answer);
    verdict.terms = Fact::Kept;
    let next = if is_observe(input) { Next::Resync } else { Next::StalledRetry };
    Plan::look(input.memory, verdict, next)
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
    plan
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

/// An account that exists before this object: its adoption policy decides.
fn adopt(input: Input<'_>, account: &Customer) -> Plan {
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
    if comparison.is_equal() {
        return managed(input, account, adopted);
    }
    let differing = names(comparison.changes.iter().chain(&comparison.not_accepted));
    let message = format!(
        "The account exists and differs in {differing} (values in status.drift), and adoptionPolicy \
         is IfUnchanged. Make the manifest equal to the account, or set adoptionPolicy to Always."
    );
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
    status: ResellerCustomerStatus,
    mut changes: Vec<Change>,
    drifted: Vec<Change>,
) -> Plan {
    if input.desired.drift == DriftPolicy::Report {
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
    let is_language_only =
        changes.iter().all(|change| change.field == crate::domain::Field::Language);
    let is_onboarding =
        status.origin == Some(Origin::Ordered) && !status.onboarded && is_language_only;
    let reason = if is_onboarding { Reconciling::Onboarding } else { Reconciling::Updating };
    let message = format!("Writing {}.", names(changes));
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
    let mut plan = Plan::look(&status, verdict, Next::Soon);
    plan.status = status;
    plan
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
    let message = "The customer belongs to Google or to another reseller. To take it over: list \
                   its transferable subscriptions with a transfer token that the customer makes \
                   for you, then transfer them. Until then no team can be made for it either.";
    if is_observe(input) {
        return observed(input, SyncedReason::NotManaged, message, answer);
    }
    let mut plan = stalled(input, Stalled::ForeignManaged, message.to_owned(), answer);
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

// ---- teams -------------------------------------------------------------------------------------

/// Teams exist on the domain, or one that is not ours.
pub(super) fn teams(input: Input<'_>) -> Plan {
    let answer = &input.observed.answer;
    if is_observe(input) {
        let message = "Teams exist on this domain.";
        return observed(input, SyncedReason::NotManaged, message, answer);
    }
    if input.desired.customer_type == CustomerType::Domain {
        let message = "Teams exist on this domain, so a domain customer cannot be ordered. The \
                       customer must buy from Google directly, verify the domain, take the teams \
                       over, and then transfer its subscriptions to you.";
        return stalled(input, Stalled::TeamsExist, message.to_owned(), answer);
    }
    let message = "Teams exist on this domain. If one of them is meant, pin its id in \
                   spec.customerId.";
    let mut plan = on_a_persons_word(input, Stalled::TeamsExist, message, answer);
    if matches!(answer, Answer::Full(_)) {
        let message = "Another team answers on this domain, so nothing tells whether the terms of service are accepted.";
        plan.verdict.terms =
            Fact::Seen(Terms { reason: TermsReason::NoSignal, message: message.to_owned() });
    }
    plan
}

// ---- a person's word ---------------------------------------------------------------------------

/// An order that could be a second one: made only on a person's word.
pub(super) fn on_a_persons_word(
    input: Input<'_>,
    reason: Stalled,
    what: &str,
    answer: &Answer,
) -> Plan {
    let approval =
        input.memory.approval.as_ref().filter(|approval| approval.reason == reason.as_str());
    let given = input.surroundings.approve_order.as_deref();
    let is_given = approval.is_some_and(|approval| given == Some(approval.token.as_str()));
    match (input.desired.management, input.desired.pinned.is_some(), is_given) {
        (ManagementPolicy::Full, false, true) => {
            let base = forgetting(input.memory);
            let mut plan = order(input, base, answer);
            plan.verdict.terms = facts::not_managed();
            plan
        }
        (ManagementPolicy::AdoptOnly, _, true) => not_allowed(input, answer),
        (ManagementPolicy::Full, false, false) => {
            let approval = approval.cloned().unwrap_or_else(|| Approval {
                reason: reason.as_str().to_owned(),
                token: input.surroundings.nonce.clone(),
            });
            let message = format!("{what} {}", ask(input, &approval, given));
            let mut plan = stalled(input, reason, message, answer);
            plan.status.approval = Some(approval);
            plan
        }
        (ManagementPolicy::Full, true, _) => {
            let message =
                format!("{what} While spec.customerId is set nothing is ordered; remove it first.");
            stalled(input, reason, message, answer)
        }
        _ => stalled(input, reason, what.to_owned(), answer),
    }
}

fn ask(input: Input<'_>, approval: &Approval, given: Option<&str>) -> String {
    let ignored = if given.is_some() {
        format!(
            "The annotation {} has another value than the one that is asked for and is ignored. ",
            annotations::APPROVE_ORDER
        )
    } else {
        String::new()
    };
    let Input { surroundings, .. } = input;
    format!(
        "{ignored}To order (it costs money): kubectl annotate rcust {} {}={} --overwrite -n {}",
        surroundings.name,
        annotations::APPROVE_ORDER,
        approval.token,
        surroundings.namespace,
    )
}

// ---- 404 ---------------------------------------------------------------------------------------

/// Nobody has the domain.
fn free(input: Input<'_>) -> Plan {
    let answer = &input.observed.answer;
    match input.desired.management {
        ManagementPolicy::Observe => {
            let message =
                "There is no account with this domain; the policy is Observe, so none is ordered.";
            let mut plan = observed(input, SyncedReason::NotManaged, message, answer);
            plan.withheld = vec![Action::CustomersInsert(Box::new(input.desired.order()))];
            plan
        }
        ManagementPolicy::AdoptOnly => not_allowed(input, answer),
        ManagementPolicy::Full if input.memory.waiting_since.is_some() => {
            after_conflict(input, answer)
        }
        ManagementPolicy::Full => order(input, input.memory.clone(), answer),
    }
}

/// AdoptOnly never orders.
pub(super) fn not_allowed(input: Input<'_>, answer: &Answer) -> Plan {
    let message = "There is no account to adopt, and managementPolicy AdoptOnly does not allow an \
                   order. Set it to Full to order the customer, or correct spec.customerDomain.";
    let mut plan = stalled(input, Stalled::OrderNotAllowed, message.to_owned(), answer);
    plan.withheld = vec![Action::CustomersInsert(Box::new(input.desired.order()))];
    plan
}

/// An order was answered by 409, and the domain is still free: lag, or Google's refusal. The start
/// of that wait is in `waitingSince`; a change of the spec ends it.
fn after_conflict(input: Input<'_>, answer: &Answer) -> Plan {
    let is_refused = is_true(&input.memory.conditions, "Stalled");
    if !is_refused && !input.surroundings.is_over(&Grace::Conflict) {
        let message = "Google says that the account exists (409) and does not show it yet; it is looked up again.";
        let summary = Summary::Progressing(Reconciling::Ordering, message.to_owned());
        let verdict = verdict(input, summary, SyncedReason::Pending, answer);
        return Plan::look(input.memory, verdict, Next::Grace).watching(Grace::Conflict);
    }
    let message = "Google refused the order with 409 (the customer exists) and shows no account. \
                   Google's remedy: its subscriptions must be transferred to you before it can be \
                   registered. Nothing is ordered again until the manifest changes.";
    stalled(input, Stalled::OrderRefused, message.to_owned(), answer)
}

/// Orders the customer, if it may be done now. `base` is what the status knows besides.
pub(super) fn order(input: Input<'_>, base: ResellerCustomerStatus, answer: &Answer) -> Plan {
    let progressing = |reason, message: &str, synced| {
        verdict(input, Summary::Progressing(reason, message.to_owned()), synced, answer)
    };
    match input.surroundings.orders {
        OrderGate::Limit => {
            let message =
                "The hourly limit of orders (--max-orders-per-hour) is reached; the order waits.";
            let verdict = progressing(Reconciling::OrderLimit, message, SyncedReason::Pending);
            return Plan::look(input.memory, verdict, Next::Minute);
        }
        OrderGate::Locked => {
            let message = "An order for this domain was made a short while ago; its outcome may not be readable yet.";
            let verdict = progressing(Reconciling::Ordering, message, SyncedReason::NotRead);
            return Plan::look(input.memory, verdict, Next::Grace);
        }
        OrderGate::Open => {}
    }
    let order = input.desired.order();
    let verdict =
        progressing(Reconciling::Ordering, "The customer is being ordered.", SyncedReason::Pending);
    let mut plan = Plan::look(&base, verdict, Next::Soon);
    plan.status.approval = None;
    plan.status.waiting_since = None;
    plan.status.pending_operation = Some(PendingOperation {
        id: input.surroundings.nonce.clone(),
        kind: OperationKind::CustomersInsert,
        started_at: whole_seconds(input.now),
        payload_hash: order_hash(&order),
        secret_version: None,
    });
    plan.actions = vec![Action::CustomersInsert(Box::new(order))];
    plan
}
