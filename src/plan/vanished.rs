//! An id that answers 404: lag, a deleted account, or one that was made anew; customer.md, Finding
//! the account.

use super::conditions::{Fact, find, is_true};
use super::customer::{is_observe, observed, stalled};
use super::order::on_a_persons_word;
use super::reasons::{ReadyReason, Reconciling, Stalled, SyncedReason};
use super::{Grace, Input, Next, Plan, Summary, Verdict, outage};
use crate::domain::observed::Answer;
use crate::google::types::Customer;

/// Decides about an object whose id answers 404.
pub(super) fn decide(input: Input<'_>, id: &str) -> Plan {
    let is_known = input.memory.customer_id.as_deref() == Some(id);
    if !is_known {
        return not_found(input);
    }
    let grace = Grace::Gone(id.to_owned());
    if !input.surroundings.is_over(&grace) {
        return maybe_lag(input).watching(grace);
    }
    match &input.observed.domain_answer {
        None => maybe_lag(input).watching(grace),
        Some(Answer::Full(account) | Answer::Minimal(account)) if has_id(account, id) => {
            maybe_lag(input).watching(grace)
        }
        Some(Answer::Failed(error)) => outage::unread(input, error).watching(grace),
        Some(answer @ (Answer::Full(account) | Answer::Minimal(account))) => {
            made_anew(input, answer, account).watching(grace)
        }
        Some(answer @ (Answer::Absent | Answer::MultipleTeams)) => {
            gone(input, answer).watching(grace)
        }
    }
}

fn has_id(account: &Customer, id: &str) -> bool {
    account.customer_id.as_deref() == Some(id)
}

/// The pinned id is not ours and unknown to Google.
fn not_found(input: Input<'_>) -> Plan {
    let message = "Google knows no account with spec.customerId. Correct it, or remove it to look \
                   the account up by its domain.";
    let answer = &Answer::Absent;
    if is_observe(input) {
        return observed(input, SyncedReason::NotManaged, message, answer);
    }
    stalled(input, Stalled::CustomerNotFound, message.to_owned(), answer)
}

/// A 404 of a known id may be lag: all stays as it was until the grace is over.
fn maybe_lag(input: Input<'_>) -> Plan {
    let conditions = &input.memory.conditions;
    let was_judged = is_true(conditions, "Ready")
        || is_true(conditions, "Stalled")
        || find(conditions, "Ready")
            .is_some_and(|ready| ready.reason == ReadyReason::Stale.as_str());
    let message =
        "Google does not know the account's id at the moment; it may not be readable yet.";
    let summary = if was_judged {
        Summary::Kept
    } else {
        Summary::Progressing(Reconciling::Onboarding, message.to_owned())
    };
    let synced = Some((SyncedReason::NotRead, message.to_owned()));
    let verdict = Verdict { summary, synced, facts: Fact::Kept, terms: Fact::Kept };
    Plan::look(input.memory.clone(), verdict, Next::Grace)
}

/// The domain has an account with another id: deleted and reinstated is a new account for Google.
fn made_anew(input: Input<'_>, answer: &Answer, account: &Customer) -> Plan {
    let id = account.customer_id.as_deref().unwrap_or_default();
    let whose = if matches!(answer, Answer::Minimal(_)) {
        "The new one is foreign: it belongs to Google or to another reseller."
    } else {
        "To manage the new one, set spec.customerId to its id."
    };
    let message = format!(
        "The account of status.customerId is gone, and its domain has another account, {id}: it \
         was deleted and made anew. {whose}"
    );
    if is_observe(input) {
        return without_terms(observed(input, SyncedReason::NotManaged, &message, answer));
    }
    without_terms(stalled(input, Stalled::CustomerIdChanged, message, answer))
}

fn without_terms(mut plan: Plan) -> Plan {
    plan.verdict.terms = super::facts::not_managed();
    plan
}

/// Neither the id nor the domain has an account of ours any more.
fn gone(input: Input<'_>, answer: &Answer) -> Plan {
    let message = "The account of status.customerId is gone from Google. If that is meant, delete \
                   this object.";
    if is_observe(input) {
        return observed(input, SyncedReason::NotManaged, message, answer);
    }
    on_a_persons_word(input, Stalled::CustomerVanished, message, answer)
}
