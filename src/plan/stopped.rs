//! What ends a pass before Google is asked, and what is announced before it is.

use std::ops::ControlFlow::{self, Break, Continue};

use super::conditions::{self, Fact, find, is_true};
use super::reasons::{ReadyReason, Reconciling, Stalled, SyncedReason};
use super::{Claim, Next, Plan, Summary, Surroundings, Verdict};
use crate::crd::{ManagementPolicy, ResellerCustomerSpec, ResellerCustomerStatus};
use crate::domain::memory::{field_hash, is_applied, is_field_applied};
use crate::domain::violation::Violations;
use crate::domain::{Desired, Field};
use jiff::Timestamp;

/// Whether the object is looked up: goes on with what it asks for, or breaks off with the plan of
/// an object that is suspended, not possible, or claimed by another.
pub fn stopped_before_read<'a>(
    spec: &ResellerCustomerSpec,
    desired: &'a Result<Desired, Violations>,
    memory: &ResellerCustomerStatus,
    surroundings: &Surroundings,
) -> ControlFlow<Plan, &'a Desired> {
    if spec.suspend {
        let applied = desired.as_ref().is_ok_and(|desired| counts_as_applied(memory, desired));
        return Break(unread(memory, Summary::Paused { applied }, None, Next::AwaitChange));
    }
    let mut plan = match (desired, &surroundings.claim) {
        (Err(faults), _) => {
            stalled(memory, Stalled::InvalidSpec, faults.to_string(), Next::AwaitChange)
        }
        (Ok(_), Claim::Other(holder)) => duplicate(memory, holder.as_deref()),
        (Ok(desired), Claim::Held) => return Continue(desired),
    };
    if let Some(asked) = &surroundings.reconcile_requested_at {
        plan.status.last_handled_reconcile_at = Some(asked.clone());
    }
    Break(plan)
}

/// The plan of an object whose account is another object's.
pub(super) fn duplicate(memory: &ResellerCustomerStatus, holder: Option<&str>) -> Plan {
    stalled(memory, Stalled::DuplicateClaim, duplicate_claim(holder), Next::StalledRetry)
}

fn stalled(memory: &ResellerCustomerStatus, reason: Stalled, message: String, next: Next) -> Plan {
    let synced = Some((SyncedReason::NotRead, "The account was not read: see Stalled.".to_owned()));
    unread(memory, Summary::Stalled(reason, message), synced, next)
}

fn unread(
    memory: &ResellerCustomerStatus,
    summary: Summary,
    synced: Option<(SyncedReason, String)>,
    next: Next,
) -> Plan {
    Plan::look(
        memory.clone(),
        Verdict { summary, synced, facts: Fact::Kept, terms: Fact::Kept },
        next,
    )
}

fn duplicate_claim(holder: Option<&str>) -> String {
    let who = holder.map_or_else(
        || "another object, in another namespace,".to_owned(),
        |name| format!("the object {name:?} of this namespace"),
    );
    format!(
        "spec.customerDomain or spec.customerId is already claimed: {who} manages this account. \
         Remove one of the two objects; nothing changes at Google by that."
    )
}

/// Whether a suspended object needs nothing more: everything was applied, or it is only observed
/// and was seen.
fn counts_as_applied(memory: &ResellerCustomerStatus, desired: &Desired) -> bool {
    match desired.management {
        ManagementPolicy::Observe => was_ready(memory),
        ManagementPolicy::Full | ManagementPolicy::AdoptOnly => is_applied(memory, desired),
    }
}

/// Whether Ready was True, and nothing but staleness changed that.
pub(super) fn was_ready(memory: &ResellerCustomerStatus) -> bool {
    find(&memory.conditions, "Ready")
        .is_some_and(|ready| ready.status == "True" || ready.reason == ReadyReason::Stale.as_str())
}

/// What the status says before the first call for a new generation: nothing is known of it yet,
/// and changed fields are edits until they were seen at Google. None if that was said already.
#[must_use]
pub fn announce(
    desired: &Desired,
    memory: &ResellerCustomerStatus,
    generation: i64,
    now: Timestamp,
) -> Option<ResellerCustomerStatus> {
    let is_announced = find(&memory.conditions, "Ready")
        .is_some_and(|ready| ready.observed_generation == Some(generation))
        && !is_true(&memory.conditions, "Paused");
    if memory.observed_generation == generation || is_announced {
        return None;
    }
    let mut status = memory.clone();
    status.fields.retain(|entry| {
        Field::from_path(&entry.field)
            .and_then(|field| Some((field, desired.fields.get(&field)?)))
            .is_some_and(|(field, value)| {
                entry.applied_hash.as_ref().is_none_or(|hash| *hash == field_hash(field, value))
            })
    });
    if status.origin.is_none() && status.pending_operation.is_none() {
        // The change of the spec is what a refused order waited for.
        status.waiting_since = None;
    }
    conditions::render(&mut status, &announcement(desired, memory), generation, now);
    Some(status)
}

fn announcement(desired: &Desired, memory: &ResellerCustomerStatus) -> Verdict {
    let is_edit = memory.origin.is_some()
        && desired.management != ManagementPolicy::Observe
        && desired.fields.iter().any(|(field, value)| !is_field_applied(memory, *field, value));
    let (reason, synced) = if is_edit {
        let pending = (SyncedReason::Pending, "The manifest was changed.".to_owned());
        (Reconciling::Updating, Some(pending))
    } else {
        (Reconciling::Progressing, None)
    };
    Verdict {
        summary: Summary::Progressing(
            reason,
            "A new generation of the manifest is looked at.".to_owned(),
        ),
        synced,
        facts: Fact::Kept,
        terms: Fact::Kept,
    }
}
