//! What is told once, on a transition; status.md, Events. Names of fields, never their values.

use super::action::{Action, Cause};
use super::conditions::{find, is_true};
use super::outcome::Applied;
use super::reasons::{EventReason, Reconciling, SyncedReason};
use crate::crd::{DriftEntry, OperationKind, Origin, ResellerCustomerStatus};

/// A Kubernetes Event about an object.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// Closed set of status.md.
    pub reason: &'static str,
    /// For people.
    pub note: String,
    /// Whether a person should look.
    pub is_warning: bool,
}

fn normal(reason: EventReason, note: String) -> Event {
    Event { reason: reason.as_str(), note, is_warning: false }
}

fn warning(reason: EventReason, note: String) -> Event {
    Event { reason: reason.as_str(), note, is_warning: true }
}

/// The events of the way from one status to the next.
pub(super) fn between(
    old: &ResellerCustomerStatus,
    new: &ResellerCustomerStatus,
    applied: &Applied,
) -> Vec<Event> {
    let mut events = memory_events(old, new);
    // What was found comes before what was done about it.
    events.extend(condition_events(old, new));
    events.extend(applied.done.iter().flat_map(|(action, _)| action_events(action)));
    events
}

fn memory_events(old: &ResellerCustomerStatus, new: &ResellerCustomerStatus) -> Vec<Event> {
    let mut events = Vec::new();
    let id = new.customer_id.as_deref().unwrap_or_default();
    let had_open_order = old
        .pending_operation
        .as_ref()
        .is_some_and(|operation| operation.kind == OperationKind::CustomersInsert);
    let is_other = old.customer_id != new.customer_id || old.origin != new.origin;
    match new.origin.filter(|_| is_other) {
        Some(Origin::Ordered) if had_open_order => {
            events.push(normal(
                EventReason::OrderResolved,
                format!("The order was carried out: {id}."),
            ));
        }
        Some(Origin::Ordered) => {
            events.push(normal(EventReason::Ordered, format!("Ordered {id}.")));
        }
        Some(Origin::Adopted) => {
            events.push(normal(EventReason::Adopted, format!("Adopted {id}.")));
        }
        None => {}
    }
    if had_open_order && new.pending_operation.is_none() && new.origin == old.origin {
        events.push(normal(EventReason::OrderResolved, "Nothing was ordered.".to_owned()));
    }
    if old.lost_at.is_none() && new.lost_at.is_some() {
        let note = format!("{id} belongs to somebody else now; id and origin are kept.");
        events.push(warning(EventReason::Lost, note));
    }
    events
}

fn action_events(action: &Action) -> Vec<Event> {
    match action {
        Action::CustomersPatch(patch) => {
            [(Cause::Edit, EventReason::Updated), (Cause::Drift, EventReason::DriftCorrected)]
                .into_iter()
                .filter_map(|(cause, reason)| {
                    let changes: Vec<_> =
                        patch.changes.iter().filter(|change| change.cause == cause).collect();
                    let names = super::compare::names(changes.iter().copied());
                    (!changes.is_empty()).then(|| normal(reason, format!("Wrote {names}.")))
                })
                .collect()
        }
        Action::DirectoryCustomersPatch(patch) => {
            let note = format!(
                "Set spec.language to {}; only users made later get it.",
                patch.change.desired
            );
            vec![normal(EventReason::LanguageSet, note)]
        }
        Action::UsersInsert { .. } => {
            vec![normal(EventReason::AdminCreated, "Created the first administrator.".to_owned())]
        }
        Action::CustomersInsert(_) | Action::UsersMakeAdmin { .. } => Vec::new(),
    }
}

fn condition_events(old: &ResellerCustomerStatus, new: &ResellerCustomerStatus) -> Vec<Event> {
    let has = |status: &ResellerCustomerStatus, kind: &str, reason: &str| {
        find(&status.conditions, kind).is_some_and(|condition| condition.reason == reason)
    };
    let turned = |kind: &str, reason: &str| has(new, kind, reason) && !has(old, kind, reason);
    let message =
        |kind: &str| find(&new.conditions, kind).map_or_else(String::new, |c| c.message.clone());
    let mut events = Vec::new();
    let stalled = |status: &ResellerCustomerStatus| {
        find(&status.conditions, "Stalled").map(|condition| condition.reason.clone())
    };
    if stalled(new).is_some() && stalled(new) != stalled(old) {
        events.push(warning(EventReason::Stalled, message("Stalled")));
    }
    // Told for each field once, also if an edit or an outage came in between.
    let is_new = |entry: &DriftEntry| old.drift.iter().all(|known| known.field != entry.field);
    if has(new, "Synced", SyncedReason::Drifted.as_str()) && new.drift.iter().any(is_new) {
        let fields: Vec<&str> = new.drift.iter().map(|entry| entry.field.as_str()).collect();
        events.push(warning(
            EventReason::DriftDetected,
            format!("The account differs in {}.", fields.join(", ")),
        ));
    }
    if turned("Synced", SyncedReason::QuotaExceeded.as_str()) {
        events.push(warning(EventReason::QuotaExceeded, message("Synced")));
    }
    if turned("Reconciling", Reconciling::OrderLimit.as_str()) {
        events.push(warning(EventReason::OrderLimit, message("Reconciling")));
    }
    let was_awaiting = is_true(&old.conditions, "AwaitingToS");
    if is_true(&new.conditions, "AwaitingToS") && !was_awaiting {
        events.push(normal(EventReason::AwaitingToS, message("AwaitingToS")));
    }
    let is_accepted = find(&new.conditions, "AwaitingToS").is_some_and(|c| c.status == "False");
    if was_awaiting && is_accepted {
        events.push(normal(EventReason::ToSAccepted, message("AwaitingToS")));
    }
    events
}
