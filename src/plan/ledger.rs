//! What an open order means: it is resolved by reading, before anything else, whatever the
//! manifest says now; customer.md, Ordering is never repeated.
//!
//! ```text
//! answer  | domain                                  | team
//! --------+-----------------------------------------+----------------------------------------
//! full    | proof: ours, Ordered. None: it existed  | our primaryAdmin and proof: ours. Else unknown
//! 404     | after the grace: not ordered            | free before too, after the grace: not ordered
//! minimal | not ordered, foreign                    | unknown
//! teams   | not ordered, TeamsExist                 | unknown
//! ```

use jiff::{SignedDuration, Timestamp};

use super::conditions::{Fact, find};
use super::customer::{self, is_observe, verdict};
use super::order::{on_a_persons_word, order};
use super::outcome::remember_answer;
use super::reasons::{FactReason, Reconciling, Stalled, SyncedReason};
use super::{Grace, Input, Next, Plan, Summary};
use crate::crd::{
    CustomerType, ManagementPolicy, Origin, PendingOperation, ResellerCustomerStatus,
};
use crate::domain::memory::{is_order, open_order, proves_order};
use crate::domain::observed::{Answer, Key, Read};
use crate::google::types::Customer;

/// How far Google's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Whether an account can be the one that the open order made.
enum Proof {
    Given,
    Refuted,
    /// The Directory of a fresh account does not answer yet.
    Awaited,
}

/// Decides about an object with an open order; none if there is none, or if it is closed by this.
pub(super) fn resolve(input: Input<'_>) -> Option<Plan> {
    let operation = open_order(input.memory)?;
    let is_team = input.desired.customer_type == CustomerType::Team;
    let answer = &input.observed.answer;
    Some(match answer {
        Answer::Failed(_) => return None,
        Answer::Absent if matches!(input.observed.key, Key::Id(_)) => return None,
        Answer::Absent => absent(input, operation, is_team),
        Answer::Full(account) => found(input, operation, account, is_team)?,
        Answer::Minimal(_) | Answer::MultipleTeams if is_team => unknown(input),
        Answer::Minimal(_) | Answer::MultipleTeams => {
            customer::decide(with(input, &closed(input.memory)))
        }
    })
}

/// The memory without the operation: it is known that nothing was ordered.
fn closed(memory: &ResellerCustomerStatus) -> ResellerCustomerStatus {
    ResellerCustomerStatus {
        pending_operation: None,
        approval: memory
            .approval
            .clone()
            .filter(|approval| approval.reason != Stalled::OrderOutcomeUnknown.as_str()),
        ..memory.clone()
    }
}

fn with<'a>(input: Input<'a>, memory: &'a ResellerCustomerStatus) -> Input<'a> {
    Input { memory, ..input }
}

fn grace(operation: &PendingOperation) -> Grace {
    Grace::Operation(operation.id.clone())
}

/// The outcome of a team's order cannot be read: only a person can tell.
fn unknown(input: Input<'_>) -> Plan {
    let message = "It is not known whether the order of this team was carried out. Look for the \
                   team in the Partner Sales Console: if it is there, set spec.customerId to its id; \
                   if it is not, approve another order.";
    let answer = &input.observed.answer;
    if is_observe(input) {
        return customer::observed(input, SyncedReason::NotRead, message, answer);
    }
    let mut plan = on_a_persons_word(input, Stalled::OrderOutcomeUnknown, message, answer);
    if plan.actions.is_empty() {
        plan.verdict.terms = super::facts::not_managed();
        plan.verdict.synced =
            Some((SyncedReason::NotRead, "The outcome of an order is not known.".to_owned()));
        plan.status.pending_operation.clone_from(&input.memory.pending_operation);
    }
    if let (Answer::MultipleTeams, Fact::Seen(facts)) = (answer, &mut plan.verdict.facts) {
        // One of these teams may be ours.
        facts.managed = super::conditions::Truth::Unknown;
    }
    plan
}

/// 404: lag, or not ordered.
fn absent(input: Input<'_>, operation: &PendingOperation, is_team: bool) -> Plan {
    if is_team && !was_free(input.memory) {
        return unknown(input);
    }
    if !input.surroundings.is_over(&grace(operation)) {
        let message =
            "The outcome of the order is being read; Google does not show the account yet.";
        return waiting(input, operation, message);
    }
    let memory = closed(input.memory);
    let input = with(input, &memory);
    match input.desired.management {
        // A domain can exist once, so ordering it again is safe.
        ManagementPolicy::Full => order(input, memory.clone(), &input.observed.answer),
        ManagementPolicy::AdoptOnly | ManagementPolicy::Observe => customer::decide(input),
    }
}

/// Whether the domain answered 404 before the order, and since. Once the outcome was called
/// unknown, a 404 proves nothing any more.
fn was_free(memory: &ResellerCustomerStatus) -> bool {
    let was_asked = memory
        .approval
        .as_ref()
        .is_some_and(|approval| approval.reason == Stalled::OrderOutcomeUnknown.as_str());
    !was_asked
        && find(&memory.conditions, "Managed")
            .is_some_and(|managed| managed.reason == FactReason::DomainFree.as_str())
}

fn waiting(input: Input<'_>, operation: &PendingOperation, message: &str) -> Plan {
    let summary = Summary::Progressing(Reconciling::Ordering, message.to_owned());
    let verdict = verdict(input, summary, SyncedReason::NotRead, &input.observed.answer);
    Plan::look(input.memory.clone(), verdict, Next::Grace).watching(grace(operation))
}

/// A full record: ours if it can be proved. None if the pinned account is another domain's, which
/// says nothing of the order.
fn found(
    input: Input<'_>,
    operation: &PendingOperation,
    account: &Customer,
    is_team: bool,
) -> Option<Plan> {
    let is_pinned = matches!(input.observed.key, Key::Id(_));
    let is_domain_ours = account
        .customer_domain
        .as_deref()
        .is_some_and(|domain| domain.eq_ignore_ascii_case(input.desired.domain.as_str()));
    if is_pinned && !is_domain_ours {
        return None;
    }
    if is_team && !is_pinned && !customer::has_our_admin(input, account) {
        return Some(unknown(input));
    }
    Some(match proof(input, operation, account) {
        Proof::Given => ours(input, operation, account, is_team),
        Proof::Awaited if !input.surroundings.is_over(&grace(operation)) => waiting(
            input,
            operation,
            "The account is there; whether this object ordered it is being read.",
        ),
        Proof::Awaited | Proof::Refuted if is_team && !is_pinned => unknown(input),
        Proof::Awaited | Proof::Refuted => customer::decide(with(input, &closed(input.memory))),
    })
}

/// Proof that this order made the account: it was created not before the order, and carries what
/// was sent.
fn proof(input: Input<'_>, operation: &PendingOperation, account: &Customer) -> Proof {
    if !proves_order(account, &operation.payload_hash) {
        return Proof::Refuted;
    }
    let Read::Got(directory) = &input.observed.directory else { return Proof::Awaited };
    let created =
        directory.customer_creation_time.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
    match created {
        Some(created) if created >= operation.started_at.0 - CLOCK_SKEW => Proof::Given,
        Some(_) => Proof::Refuted,
        None => Proof::Awaited,
    }
}

/// The order was carried out: the account is ours.
fn ours(input: Input<'_>, operation: &PendingOperation, account: &Customer, is_team: bool) -> Plan {
    let mut status = customer::forgetting(input.memory);
    status.customer_id.clone_from(&account.customer_id);
    status.origin = Some(Origin::Ordered);
    status.ordered_at = Some(operation.started_at.clone());
    let order = input.desired.order();
    if is_order(&order, &operation.payload_hash) {
        // What is seen now is Google's answer to that very order.
        remember_answer(&mut status, input.desired, account);
    }
    if is_team && !is_observe(input) {
        let mut plan = customer::managed(input, account, status);
        if plan.actions.is_empty() {
            plan.next = Next::Soon;
        }
        let message = "The order was carried out; the account is being compared with the manifest.";
        plan.verdict.summary = Summary::Progressing(Reconciling::Updating, message.to_owned());
        plan.verdict.synced = Some((SyncedReason::Pending, message.to_owned()));
        return plan;
    }
    let message = "The order was carried out; the account is set up next.";
    let summary = if is_observe(input) {
        Summary::Observed(message.to_owned())
    } else {
        Summary::Progressing(Reconciling::Onboarding, message.to_owned())
    };
    let verdict = verdict(input, summary, SyncedReason::Pending, &input.observed.answer);
    super::facts::note(&mut status, account);
    Plan::look(status, verdict, Next::Soon)
}
