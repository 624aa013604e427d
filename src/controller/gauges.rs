//! What the metrics show of the objects, counted when they are scraped.

use std::collections::BTreeSet;
use std::sync::{Arc, LazyLock, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::ResourceExt;
use kube::runtime::reflector::Store;

use super::clock::{self, Moment};
use super::context::Context;
use super::schedule::Depth;
use super::stored::Stored;
use crate::crd::{OperationKind, ResellerCustomer};
use crate::google::Lane;
use crate::metrics::{ConditionLabels, Metrics, OPERATIONS, Objects};
use crate::plan::conditions::{find, is_true};
use crate::plan::reasons::{
    FactReason, PausedReason, ReadyReason, Reconciling, Stalled, SyncedReason, TermsReason,
};

const CONDITIONS: [&str; 9] = [
    "Ready",
    "Reconciling",
    "Stalled",
    "Synced",
    "Paused",
    "Managed",
    "ForeignManaged",
    "MultipleTeams",
    "AwaitingToS",
];

static REASONS: LazyLock<BTreeSet<&'static str>> = LazyLock::new(|| {
    let all = [
        ReadyReason::DOCS,
        Reconciling::DOCS,
        Stalled::DOCS,
        SyncedReason::DOCS,
        PausedReason::DOCS,
        FactReason::DOCS,
        TermsReason::DOCS,
    ];
    all.into_iter().flatten().map(|doc| doc.reason).collect()
});

/// Counts objects on demand.
#[derive(Clone)]
pub struct Gauges {
    ctx: Arc<Context>,
    stores: Arc<Mutex<Vec<Store<Stored>>>>,
    /// Since when this process is known to lead: before that it read nothing, and need not have.
    leads_since: Arc<OnceLock<Moment>>,
}

impl std::fmt::Debug for Gauges {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Gauges").finish_non_exhaustive()
    }
}

impl Gauges {
    pub(super) fn new(ctx: Arc<Context>) -> Self {
        Self { ctx, stores: Arc::default(), leads_since: Arc::default() }
    }

    pub(super) fn watch(&self, stores: Vec<Store<Stored>>) {
        *self.stores.lock().unwrap_or_else(PoisonError::into_inner) = stores;
    }

    /// Sets the gauges that are snapshots. A process that stands by tells of no objects and of no
    /// queue, so that sums over all processes are right.
    pub fn refresh(&self, metrics: &Metrics) {
        let leads = self.ctx.leadership.is_held();
        metrics.set_leader(leads);
        metrics.set_credential_refused(self.ctx.google.is_refused());
        if leads {
            metrics.set_queue(&self.ctx.schedule.depth());
            metrics.set_objects(&self.objects(*self.leads_since.get_or_init(Moment::now)));
        } else {
            let due = Lane::ALL.map(|lane| (lane, 0));
            metrics.set_queue(&Depth { due, later: 0, in_flight: 0 });
            metrics.set_objects(&Objects::default());
        }
    }

    fn objects(&self, leads_since: Moment) -> Objects {
        let stores = self.stores.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let now = clock::now();
        let mut seen = Objects::default();
        for object in stores.iter().flat_map(Store::state) {
            let since_read = self.ctx.tracks.since_read(object.uid());
            look(&mut seen, &object, Clocks { since_read, leads_since, now });
        }
        seen
    }
}

/// The times that the age of a read follows from.
#[derive(Clone, Copy, Debug)]
struct Clocks {
    /// How long ago this process last read the account well.
    since_read: Option<Duration>,
    /// Since when this process leads.
    leads_since: Moment,
    now: Timestamp,
}

/// Adds one object to what was seen.
fn look(seen: &mut Objects, object: &Stored, clocks: Clocks) {
    match object {
        Stored::Parsed(customer) => {
            let unread = unread_for(customer, clocks).unwrap_or_default();
            seen.oldest_read = seen.oldest_read.max(unread);
            count(seen, customer, clocks.now);
        }
        Stored::Unparsable(_) => seen.unparsable += 1,
    }
}

fn count(seen: &mut Objects, customer: &ResellerCustomer, now: Timestamp) {
    let Some(status) = &customer.status else { return };
    for labels in status.conditions.iter().filter_map(labels) {
        *seen.conditions.entry(labels).or_default() += 1;
    }
    if let Some(operation) = &status.pending_operation {
        let [order, user] = OPERATIONS;
        let kind = match operation.kind {
            OperationKind::CustomersInsert => order,
            OperationKind::UsersInsert => user,
        };
        *seen.open_operations.entry(kind).or_default() += 1;
        let age = age(&operation.started_at, now);
        seen.oldest_open_operation = seen.oldest_open_operation.max(age);
    }
}

/// The labels of a condition; only what the operator itself writes becomes one.
fn labels(condition: &Condition) -> Option<ConditionLabels> {
    Some(ConditionLabels {
        condition: CONDITIONS.into_iter().find(|known| *known == condition.type_)?,
        status: ["True", "False"]
            .into_iter()
            .find(|known| *known == condition.status)
            .unwrap_or("Unknown"),
        reason: REASONS.get(condition.reason.as_str()).copied().unwrap_or("Other"),
    })
}

/// How long the account of this object was not read well, as far as this process and the object
/// know. None where it need not be read: the object is suspended, goes away, or waits for a person.
fn unread_for(customer: &ResellerCustomer, clocks: Clocks) -> Option<Duration> {
    let Clocks { since_read, leads_since, now } = clocks;
    let conditions = customer.status.as_ref().map(|status| status.conditions.as_slice());
    let conditions = conditions.unwrap_or_default();
    let need_not = customer.spec.suspend
        || customer.metadata.deletion_timestamp.is_some()
        || is_true(conditions, "Stalled");
    if need_not {
        return None;
    }
    let created = customer.creation_timestamp().map(|at| age(&at, now)).unwrap_or_default();
    let here = since_read.unwrap_or_else(|| leads_since.elapsed_at_least().min(created));
    // An outage is remembered by the object, also over restarts.
    let outage = find(conditions, "Synced").filter(|synced| is_outage(synced));
    let outage = outage.map(|synced| age(&synced.last_transition_time, now));
    Some(here.max(outage.unwrap_or_default()))
}

fn is_outage(synced: &Condition) -> bool {
    [SyncedReason::QuotaExceeded, SyncedReason::Unavailable, SyncedReason::CredentialsInvalid]
        .into_iter()
        .any(|reason| synced.reason == reason.as_str())
}

fn age(since: &Time, now: Timestamp) -> Duration {
    Duration::try_from(now.duration_since(since.0)).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    const HOUR: Duration = Duration::from_hours(1);

    fn now() -> Timestamp {
        "2026-06-01T12:00:00Z".parse().unwrap()
    }

    fn customer(change: impl FnOnce(&mut Value)) -> ResellerCustomer {
        let mut object = json!({
            "apiVersion": "reseller-operator.dev/v1alpha1", "kind": "ResellerCustomer",
            "metadata": {"name": "a", "creationTimestamp": "2026-05-01T12:00:00Z"},
            "spec": {"customerDomain": "acme.example"},
            "status": {"observedGeneration": 1, "conditions": []},
        });
        change(&mut object);
        serde_json::from_value(object).unwrap()
    }

    fn condition(kind: &str, status: &str, reason: &str) -> Value {
        json!({"type": kind, "status": status, "reason": reason, "message": "",
               "lastTransitionTime": "2026-06-01T09:00:00Z"})
    }

    fn with(condition: &Value) -> ResellerCustomer {
        customer(|object| object["status"]["conditions"] = json!([condition]))
    }

    fn unread(customer: &ResellerCustomer, since_read: Option<Duration>) -> Option<Duration> {
        unread_for(customer, Clocks { since_read, leads_since: Moment::now(), now: now() })
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_never_read_counts_from_when_it_could_have_been() {
        let leads_since = Moment::with_wall_set(2 * 3600);
        tokio::time::advance(2 * HOUR).await;
        let unread = |customer: &ResellerCustomer, since_read| {
            unread_for(customer, Clocks { since_read, leads_since, now: now() })
        };
        let old = unread(&customer(|_| ()), None).unwrap();
        assert!(old >= 2 * HOUR && old < 3 * HOUR, "since this process leads: {old:?}");
        let new = customer(|object| {
            object["metadata"]["creationTimestamp"] = json!("2026-06-01T11:59:00Z");
        });
        assert_eq!(unread(&new, None), Some(Duration::from_mins(1)));
        assert_eq!(unread(&new, Some(HOUR)), Some(HOUR), "read since");
    }

    #[test]
    fn an_outage_is_as_old_as_the_object_says_also_after_a_restart() {
        let outage = with(&condition("Synced", "Unknown", "Unavailable"));
        assert_eq!(unread(&outage, None), Some(3 * HOUR));
        let fine = with(&condition("Synced", "True", "InSync"));
        assert_eq!(unread(&fine, Some(Duration::ZERO)), Some(Duration::ZERO));
    }

    #[test]
    fn who_need_not_be_read_is_not_stale() {
        let suspended = customer(|object| object["spec"]["suspend"] = json!(true));
        let stalled = with(&condition("Stalled", "True", "InvalidSpec"));
        for object in [suspended, stalled] {
            assert_eq!(unread(&object, Some(9 * HOUR)), None);
        }
    }

    #[test]
    fn only_the_words_of_the_operator_become_labels() {
        let of = |kind: &str, status: &str, reason: &str| {
            labels(&serde_json::from_value(condition(kind, status, reason)).unwrap())
        };
        let labels = ConditionLabels { condition: "Ready", status: "True", reason: "InSync" };
        assert_eq!(of("Ready", "True", "InSync"), Some(labels.clone()));
        assert_eq!(of("AcmeExample", "True", "InSync"), None);
        let other = ConditionLabels { reason: "Other", status: "Unknown", ..labels };
        assert_eq!(of("Ready", "acme.example", "acme.example"), Some(other));
    }

    #[test]
    fn open_operations_are_counted_by_kind_with_the_age_of_the_oldest() {
        let open = |kind: &str, at: &str| {
            customer(|object| {
                object["status"]["pendingOperation"] =
                    json!({"id": "1", "kind": kind, "payloadHash": "v1:0", "startedAt": at});
            })
        };
        let mut seen = Objects::default();
        count(&mut seen, &open("customers.insert", "2026-06-01T11:00:00Z"), now());
        count(&mut seen, &open("customers.insert", "2026-06-01T11:30:00Z"), now());
        count(&mut seen, &open("users.insert", "2026-06-01T11:59:00Z"), now());
        assert_eq!(seen.open_operations, [("customers.insert", 2), ("users.insert", 1)].into());
        assert_eq!(seen.oldest_open_operation, HOUR);
    }

    #[test]
    fn an_object_that_does_not_parse_is_counted_and_hides_no_other() {
        let broken = json!({"metadata": {"name": "b"}, "spec": {"suspend": "perhaps"}});
        let broken: Stored = serde_json::from_value(broken).unwrap();
        let fine = Stored::Parsed(Box::new(with(&condition("Ready", "True", "InSync"))));
        let clocks = Clocks { since_read: Some(HOUR), leads_since: Moment::now(), now: now() };
        let mut seen = Objects::default();
        for object in [&broken, &fine, &broken] {
            look(&mut seen, object, clocks);
        }
        assert_eq!((seen.unparsable, seen.conditions.len()), (2, 1));
        assert_eq!(seen.oldest_read, HOUR);
    }
}
