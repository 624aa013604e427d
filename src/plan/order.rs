//! Ordering: a free domain, teams on it, and the orders that only a person may allow.

use super::action::Action;
use super::conditions::{Fact, Terms, is_true, whole_seconds};
use super::customer::{forgetting, is_observe, observed, stalled, verdict};
use super::reasons::{Reconciling, Stalled, SyncedReason, TermsReason};
use super::{Grace, Input, Next, OrderGate, Plan, Summary, facts};
use crate::crd::{
    Approval, CustomerType, ManagementPolicy, OperationKind, PendingOperation,
    ResellerCustomerStatus, names as annotations,
};
use crate::domain::memory::order_hash;
use crate::domain::observed::Answer;

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

/// Nobody has the domain.
pub(super) fn free(input: Input<'_>) -> Plan {
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
        return Plan::look(input.memory.clone(), verdict, Next::Grace).watching(Grace::Conflict);
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
            return Plan::look(input.memory.clone(), verdict, Next::OrderLimit);
        }
        OrderGate::Locked => {
            let message = "An order for this domain was made a short while ago; its outcome may not be readable yet.";
            let verdict = progressing(Reconciling::Ordering, message, SyncedReason::NotRead);
            return Plan::look(input.memory.clone(), verdict, Next::Grace);
        }
        OrderGate::Open => {}
    }
    let order = input.desired.order();
    let verdict =
        progressing(Reconciling::Ordering, "The customer is being ordered.", SyncedReason::Pending);
    let mut plan = Plan::look(base, verdict, Next::Soon);
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
