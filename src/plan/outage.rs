//! No answer: what is kept, what is tried again, what a person must mend; states.md, F rows.

use jiff::Timestamp;

use super::conditions::{Fact, find, is_true};
use super::reasons::{ReadyReason, Reconciling, Stalled, SyncedReason};
use super::stopped::was_ready;
use super::{Input, Next, Plan, Summary, Verdict};
use crate::crd::{ManagementPolicy, ResellerCustomerStatus};
use crate::domain::memory::is_applied;
use crate::google::{ApiError, ErrorClass};

/// The plan of a pass whose main read failed.
pub(super) fn unread(input: Input<'_>, error: &ApiError) -> Plan {
    let text = super::outcome::told(error, input.desired);
    let (stalled, message) = match error.class() {
        ErrorClass::Permission => (
            Stalled::PermissionDenied,
            format!(
                "Google does not let this credential look the account up: {text}. Check the reseller's access and the scopes of domain-wide delegation."
            ),
        ),
        ErrorClass::Credentials => return offline(input, SyncedReason::CredentialsInvalid, &text),
        ErrorClass::Quota => return offline(input, SyncedReason::QuotaExceeded, &text),
        ErrorClass::Unavailable => return offline(input, SyncedReason::Unavailable, &text),
        ErrorClass::MultipleTeams
        | ErrorClass::NotFound
        | ErrorClass::Conflict
        | ErrorClass::Rejected
        | ErrorClass::OtherClient => (
            Stalled::ReadRefused,
            format!(
                "Google refuses to look the account up: {text}. Check spec.customerDomain and spec.customerId."
            ),
        ),
    };
    let is_denied = stalled == Stalled::PermissionDenied;
    let verdict = Verdict {
        summary: Summary::Stalled(stalled, message),
        synced: Some((
            SyncedReason::NotRead,
            "The account could not be read: see Stalled.".to_owned(),
        )),
        facts: if is_denied { Fact::KeptDenied } else { Fact::Kept },
        terms: Fact::Kept,
    };
    Plan::look(input.memory.clone(), verdict, Next::StalledRetry)
}

/// Google cannot be asked now: an applied object keeps Ready until the staleness budget.
fn offline(input: Input<'_>, synced: SyncedReason, text: &str) -> Plan {
    let is_credential = synced == SyncedReason::CredentialsInvalid;
    let mut verdict = Verdict {
        summary: Summary::KeptUnread,
        synced: Some((synced, format!("Google could not be read: {text}."))),
        facts: Fact::Kept,
        terms: Fact::Kept,
    };
    if keeps_ready(input) {
        if is_stale(input.memory, input) {
            verdict.summary = Summary::Stale(format!(
                "Google could not be read for longer than the staleness budget: {text}."
            ));
            verdict.facts = Fact::Forgotten;
            verdict.terms = Fact::Forgotten;
        }
    } else if is_credential {
        verdict.summary = Summary::Stalled(Stalled::CredentialsInvalid, credentials_message(text));
    } else {
        verdict.summary =
            Summary::Retrying(format!("Google could not be asked; it is tried again: {text}."));
    }
    let next = if is_credential { Next::StalledRetry } else { Next::Retry };
    Plan::look(input.memory.clone(), verdict, next)
}

/// The way out of a credential that Google does not take.
pub(super) fn credentials_message(text: &str) -> String {
    format!(
        "Google does not take the operator's credential: {text}. Check --credentials-file, \
         --subject and domain-wide delegation; the next good token wakes this object."
    )
}

/// Whether Ready stays as it is: this spec was applied (under Observe: seen) and has a verdict.
fn keeps_ready(input: Input<'_>) -> bool {
    let memory = input.memory;
    match input.desired.management {
        ManagementPolicy::Observe => was_ready(memory),
        ManagementPolicy::Full | ManagementPolicy::AdoptOnly => {
            is_applied(memory, input.desired) && has_verdict(memory)
        }
    }
}

fn has_verdict(memory: &ResellerCustomerStatus) -> bool {
    find(&memory.conditions, "Ready").is_some_and(|ready| {
        ![ReadyReason::Progressing.as_str(), Reconciling::ProgressingWithRetry.as_str()]
            .contains(&ready.reason.as_str())
            && ready.reason != Stalled::CredentialsInvalid.as_str()
            && ready.reason != ReadyReason::Paused.as_str()
    })
}

/// Whether Google has been unreadable for longer than the budget. Counted from the transition of
/// Synced to Unknown, so that it survives restarts (status.md, Rules).
fn is_stale(memory: &ResellerCustomerStatus, input: Input<'_>) -> bool {
    let since = find(&memory.conditions, "Synced")
        .filter(|synced| synced.status == "Unknown")
        .map(|synced| synced.last_transition_time.0);
    let is_over = |since: Timestamp| {
        let elapsed = input.now.duration_since(since);
        std::time::Duration::try_from(elapsed)
            .is_ok_and(|elapsed| elapsed >= input.surroundings.durations.staleness_budget)
    };
    since.is_some_and(is_over) && !is_true(&memory.conditions, "Stalled")
}
