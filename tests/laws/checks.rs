//! What holds of every status that is written; status.md, Rules.

use std::collections::BTreeMap;

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use reseller_operator::crd::{ManagementPolicy, Origin, ResellerCustomerStatus};
use reseller_operator::domain::memory::{field_hash, is_field_applied};
use reseller_operator::domain::normal_form::is_equal;
use reseller_operator::domain::{Desired, Field};
use reseller_operator::google::types::Customer;
use reseller_operator::plan::conditions::{find, is_true};
use reseller_operator::plan::events::Event;

use crate::world::World;

const ALWAYS: [&str; 6] =
    ["AwaitingToS", "ForeignManaged", "Managed", "MultipleTeams", "Ready", "Synced"];
const WHILE_TRUE: [&str; 3] = ["Paused", "Reconciling", "Stalled"];

/// Which conditions there are, and how they go together and follow each other.
pub(crate) fn shape(old: &ResellerCustomerStatus, new: &ResellerCustomerStatus) {
    let kinds: Vec<&str> =
        new.conditions.iter().map(|condition| condition.type_.as_str()).collect();
    assert!(kinds.is_sorted_by(|one, other| one < other), "{kinds:?}");
    for kind in ALWAYS {
        assert!(kinds.contains(&kind), "{kind} is missing: {kinds:?}");
    }
    for condition in &new.conditions {
        let kind = condition.type_.as_str();
        assert!(ALWAYS.contains(&kind) || WHILE_TRUE.contains(&kind) && condition.status == "True");
        assert!(!condition.reason.is_empty() && !condition.message.is_empty(), "{condition:?}");
        moved_only_with_status(find(&old.conditions, kind), condition);
    }
    // An order on a person's word that was provably not made gives back what was known before it.
    if old.origin.is_none() && old.pending_operation.is_none() && new.origin.is_some() {
        assert!(is_true(&new.conditions, "Managed"), "ours without a full record: {new:#?}");
    }
    let ready = find(&new.conditions, "Ready").expect("Ready is always there");
    let reconciling = find(&new.conditions, "Reconciling");
    let stalled = find(&new.conditions, "Stalled");
    assert!(reconciling.is_none() || stalled.is_none(), "both Reconciling and Stalled: {new:#?}");
    if ready.status == "False" {
        let why = stalled.or(reconciling).expect("Ready=False and neither Stalled nor Reconciling");
        assert_eq!((&why.reason, &why.message), (&ready.reason, &ready.message));
    }
    if stalled.is_some() {
        assert_eq!(ready.status, "False", "Stalled and not Ready=False");
    }
    assert!(new.fields.is_sorted_by(|one, other| one.field < other.field));
    assert!(new.drift.is_sorted_by(|one, other| one.field < other.field));
}

fn moved_only_with_status(old: Option<&Condition>, new: &Condition) {
    if let Some(old) = old {
        let is_same = old.status == new.status;
        let has_moved = old.last_transition_time != new.last_transition_time;
        assert!(!is_same || !has_moved, "{} moved without its status", new.type_);
    }
}

/// `observedGeneration`: never ahead, never back, and there with every verdict.
pub(crate) fn generation(
    old: &ResellerCustomerStatus,
    new: &ResellerCustomerStatus,
    generation: i64,
) {
    assert!(
        new.observed_generation <= generation && new.observed_generation >= old.observed_generation
    );
    let ready = find(&new.conditions, "Ready").expect("Ready is always there");
    let is_verdict = ready.observed_generation == Some(generation)
        && (ready.status != "Unknown" || ready.reason == "Stale")
        && !is_true(&new.conditions, "Paused");
    if is_verdict {
        assert_eq!(
            new.observed_generation, generation,
            "a verdict without its generation: {new:#?}"
        );
    }
    if ready.reason == "Progressing" && ready.observed_generation == Some(generation) {
        assert!(old.observed_generation == new.observed_generation, "no verdict, and a generation");
    }
}

/// Events name fields, never values or people.
pub(crate) fn events(events: &[Event]) {
    for event in events {
        let tells = ["@", "Quill", "Mill"].iter().any(|value| event.note.contains(value));
        assert!(!tells, "an event tells contact data: {event:?}");
    }
}

/// Ready=True is never written by assumption.
pub(crate) fn verdict(
    world: &World,
    old: &ResellerCustomerStatus,
    new: &ResellerCustomerStatus,
    seen: u64,
) {
    let is_new = |status: &ResellerCustomerStatus| {
        is_true(&status.conditions, "Ready") && status.observed_generation == world.generation
    };
    if !is_new(new) || world.spec.suspend {
        return;
    }
    let calls = world.calls_since(seen);
    let is_read =
        calls.iter().any(|call| call.method == "reseller.customers.get" && call.status.is_some());
    assert!(is_read || is_new(old), "Ready without a read of this generation: {new:#?}");
    if world.spec.management_policy == ManagementPolicy::Observe {
        return;
    }
    let is_kept = is_new(old) && find(&old.conditions, "Ready") == find(&new.conditions, "Ready");
    let is_patched = calls.iter().any(|call| call.method == "reseller.customers.patch");
    assert!(
        is_kept || is_applied(world, new, is_patched),
        "Ready before all was applied: {new:#?}"
    );
    let is_in_sync = is_true(&new.conditions, "Synced");
    if is_in_sync && is_read && !world.surroundings().is_settling() {
        let different = differences(world, new);
        assert_eq!(different, [], "Ready, and different at Google");
    }
}

/// Whether every managed field was once seen equal and onboarding is done. A PATCH of this very
/// pass may have shown that Google does not keep a value.
fn is_applied(world: &World, status: &ResellerCustomerStatus, is_patched: bool) -> bool {
    let desired = Desired::validate(&world.spec).expect("a valid spec");
    let is_dropped = |field: &Field| {
        let entry = status.fields.iter().find(|entry| entry.field == field.path());
        entry.is_some_and(|entry| entry.applied_hash.is_none())
    };
    status.origin.is_some()
        && (status.onboarded || status.origin == Some(Origin::Adopted))
        && desired.fields.iter().all(|(field, value)| {
            is_field_applied(status, *field, value) || is_patched && is_dropped(field)
        })
}

/// The managed fields whose value, as Google shows it, is neither the manifest's, in normal form, nor Google's
/// own remembered form of it.
pub(crate) fn differences(world: &World, status: &ResellerCustomerStatus) -> Vec<Field> {
    let simulation = world.google.simulator().simulation();
    let id = status.customer_id.as_deref().unwrap_or_default();
    let account = simulation.state().account(id).expect("our account is at Google");
    let shown = match &account.lag.earlier {
        Some((until, earlier)) if simulation.now() < *until => earlier.clone(),
        _ => account.record(),
    };
    let record: Customer = serde_json::from_value(shown).expect("a record");
    let hashes: BTreeMap<&str, _> =
        status.fields.iter().map(|entry| (entry.field.as_str(), entry)).collect();
    let is_same = |field: &Field| {
        let Some(desired) = field.desired(&world.spec) else { return true };
        let observed = match field {
            Field::Language => account.language(),
            _ => field.observed(&record),
        };
        let is_remembered = hashes.get(field.path()).is_some_and(|entry| {
            entry.applied_hash == Some(field_hash(*field, desired))
                && entry.answered_hash == Some(field_hash(*field, observed))
        });
        is_equal(*field, desired, observed) || is_remembered
    };
    Field::ALL.into_iter().filter(|field| !is_same(field)).collect()
}
