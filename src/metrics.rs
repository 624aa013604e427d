//! What the operator counts and measures, for Prometheus. Names follow the OpenMetrics rules: base
//! units, and `_total` for counters, which the encoder adds. `docs/metrics.md` lists them all.

mod labels;

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::text;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use labels::{ByApi, ByCall, ByKind, ByLane, ByOutcome, ByResult};
pub use labels::{ConditionLabels, OrderResult, PassOutcome, WriteResult};

use crate::controller::schedule::Depth;
use crate::google::{ApiMethod, CallObserver, ErrorClass, Lane};
use crate::plan::reasons::{ReasonDoc, Reconciling, Stalled};

/// Media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The commit that this program is built from; build.rs finds it.
const COMMIT: &str = env!("RESELLER_OPERATOR_COMMIT");

/// The limits that the flags set, beside what is measured against them.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// `--requests-per-second`.
    pub requests_per_second: f64,
    /// `--max-orders-per-hour`.
    pub max_orders_per_hour: usize,
    /// `--resync-interval`.
    pub resync_interval: Duration,
}

/// What the objects show now.
#[derive(Clone, Debug, Default)]
pub struct Objects {
    /// How many have each condition.
    pub conditions: BTreeMap<ConditionLabels, usize>,
    /// How many do not parse.
    pub unparsable: usize,
    /// How many calls are open, by kind.
    pub open_operations: BTreeMap<&'static str, usize>,
    /// Age of the oldest open call.
    pub oldest_open_operation: Duration,
    /// For how long the customer that was not read for longest has not been read.
    pub oldest_read: Duration,
}

type FloatGauge = Gauge<f64, AtomicU64>;
type Durations<L> = Family<L, Histogram, fn() -> Histogram>;

/// All metrics of the operator.
#[derive(Debug)]
pub struct Metrics {
    registry: Mutex<Registry>,
    reconciles: Family<ByOutcome, Counter>,
    reconcile_duration: Durations<ByOutcome>,
    queue_depth: Family<ByLane, Gauge>,
    queue_later: Gauge,
    in_flight: Gauge,
    queue_wait: Durations<ByLane>,
    google_calls: Family<ByCall, Counter>,
    google_call_duration: Durations<ByCall>,
    google_pace: FloatGauge,
    google_throttled: Histogram,
    token_refreshes: Family<ByResult, Counter>,
    google_ceiling: FloatGauge,
    credential_refused: Family<ByApi, Gauge>,
    customers: Family<ConditionLabels, Gauge>,
    unparsable: Gauge,
    orders: Family<ByResult, Counter>,
    order_ceiling: Gauge,
    open_operations: Family<ByKind, Gauge>,
    oldest_open_operation: FloatGauge,
    oldest_read_age: FloatGauge,
    resync_interval: FloatGauge,
    status_writes: Family<ByResult, Counter>,
    watch_errors: Counter,
    leader: Gauge,
}

/// The calls that are never repeated, as `status.pendingOperation.kind` has them.
pub const OPERATIONS: [&str; 2] = ["customers.insert", "users.insert"];

/// From a quick answer to the longest timeout of a call, in seconds.
fn call_time() -> Histogram {
    Histogram::new([0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0])
}

/// From no wait at all to the hours of a queue that is too long, in seconds.
fn waiting_time() -> Histogram {
    Histogram::new([0.01, 0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 1800.0, 7200.0])
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Everything at zero, with all labels that are known beforehand.
    #[must_use]
    pub fn new() -> Self {
        let mut metrics = Self {
            registry: Mutex::default(),
            reconciles: Family::default(),
            reconcile_duration: Family::new_with_constructor(call_time),
            queue_depth: Family::default(),
            queue_later: Gauge::default(),
            in_flight: Gauge::default(),
            queue_wait: Family::new_with_constructor(waiting_time),
            google_calls: Family::default(),
            google_call_duration: Family::new_with_constructor(call_time),
            google_pace: FloatGauge::default(),
            google_throttled: waiting_time(),
            token_refreshes: Family::default(),
            google_ceiling: FloatGauge::default(),
            credential_refused: Family::default(),
            customers: Family::default(),
            unparsable: Gauge::default(),
            orders: Family::default(),
            order_ceiling: Gauge::default(),
            open_operations: Family::default(),
            oldest_open_operation: FloatGauge::default(),
            oldest_read_age: FloatGauge::default(),
            resync_interval: FloatGauge::default(),
            status_writes: Family::default(),
            watch_errors: Counter::default(),
            leader: Gauge::default(),
        };
        metrics.registry = Mutex::new(metrics.register());
        metrics.initialise();
        metrics
    }

    fn register(&self) -> Registry {
        let mut registry = Registry::with_prefix("reseller_operator");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION")), ("commit", COMMIT)]);
        registry.register("build", "Which build this is", build);
        let leader = "1 if this process works, 0 if it stands by";
        registry.register("leader", leader, self.leader.clone());
        self.register_passes(&mut registry);
        self.register_google(&mut registry);
        self.register_customers(&mut registry);
        self.register_orders(&mut registry);
        self.register_kubernetes(&mut registry);
        registry
    }

    fn register_passes(&self, registry: &mut Registry) {
        registry.register(
            "reconciles",
            "Passes over objects by how they ended",
            self.reconciles.clone(),
        );
        registry.register_with_unit(
            "reconcile_duration",
            "How long passes over objects took, with their waits for the quota",
            Unit::Seconds,
            self.reconcile_duration.clone(),
        );
        registry.register("reconciles_in_flight", "Passes that run now", self.in_flight.clone());
        registry.register("queue_depth", "Objects that are due now", self.queue_depth.clone());
        registry.register("queue_later", "Objects due in the future", self.queue_later.clone());
        registry.register_with_unit(
            "queue_wait",
            "How long objects were due before their pass began",
            Unit::Seconds,
            self.queue_wait.clone(),
        );
    }

    fn register_google(&self, registry: &mut Registry) {
        registry.register("google_calls", "Calls of Google's APIs", self.google_calls.clone());
        registry.register_with_unit(
            "google_call_duration",
            "How long calls of Google's APIs took",
            Unit::Seconds,
            self.google_call_duration.clone(),
        );
        registry.register(
            "google_pace_requests_per_second",
            "How many calls a second the operator allows itself now",
            self.google_pace.clone(),
        );
        registry.register(
            "google_max_requests_per_second",
            "How many calls a second --requests-per-second allows",
            self.google_ceiling.clone(),
        );
        registry.register_with_unit(
            "google_throttle_wait",
            "How long calls waited for their place in the quota, of those that had to",
            Unit::Seconds,
            self.google_throttled.clone(),
        );
        registry.register(
            "google_token_refreshes",
            "Access tokens that were asked for",
            self.token_refreshes.clone(),
        );
        registry.register(
            "google_credential_refused",
            "1 while Google refuses the credential, so that nothing is asked but whether it is good",
            self.credential_refused.clone(),
        );
    }

    fn register_customers(&self, registry: &mut Registry) {
        registry.register("customers", "ResellerCustomers by condition", self.customers.clone());
        registry.register(
            "unparsable_customers",
            "ResellerCustomers that cannot be read and are left alone; the log names them",
            self.unparsable.clone(),
        );
        registry.register_with_unit(
            "oldest_read_age",
            "Age of the oldest last good read, of the customers that are neither suspended nor Stalled",
            Unit::Seconds,
            self.oldest_read_age.clone(),
        );
        registry.register_with_unit(
            "resync_interval",
            "How often a settled customer is read again (--resync-interval)",
            Unit::Seconds,
            self.resync_interval.clone(),
        );
    }

    fn register_orders(&self, registry: &mut Registry) {
        registry.register("orders", "Orders by what became of them", self.orders.clone());
        registry.register(
            "max_orders_per_hour",
            "How many orders an hour --max-orders-per-hour allows",
            self.order_ceiling.clone(),
        );
        registry.register(
            "open_operations",
            "Calls that must not be repeated and whose outcome is not recorded yet",
            self.open_operations.clone(),
        );
        registry.register_with_unit(
            "oldest_open_operation_age",
            "Age of the oldest open operation; 0 without one",
            Unit::Seconds,
            self.oldest_open_operation.clone(),
        );
    }

    fn register_kubernetes(&self, registry: &mut Registry) {
        registry.register(
            "status_writes",
            "Writes of status to Kubernetes; conflicts are normal",
            self.status_writes.clone(),
        );
        registry.register(
            "watch_errors",
            "Watches and lists of ResellerCustomers that failed",
            self.watch_errors.clone(),
        );
    }

    /// Known labels exist from the start, so that rates and absences can be told apart.
    fn initialise(&self) {
        for outcome in PassOutcome::ALL.map(PassOutcome::id) {
            drop(self.reconciles.get_or_create(&ByOutcome { outcome }));
            drop(self.reconcile_duration.get_or_create(&ByOutcome { outcome }));
        }
        for lane in Lane::ALL.map(Lane::id) {
            drop(self.queue_depth.get_or_create(&ByLane { lane }));
            drop(self.queue_wait.get_or_create(&ByLane { lane }));
        }
        for method in ApiMethod::ALL.map(ApiMethod::id) {
            for result in ErrorClass::ALL.map(ErrorClass::id).into_iter().chain(["ok"]) {
                drop(self.google_calls.get_or_create(&ByCall { method, result }));
            }
            drop(self.google_call_duration.get_or_create(&ByCall { method, result: "ok" }));
        }
        for result in ["ok", "error"] {
            drop(self.token_refreshes.get_or_create(&ByResult { result }));
        }
        for result in OrderResult::ALL.map(OrderResult::id) {
            drop(self.orders.get_or_create(&ByResult { result }));
        }
        for result in WriteResult::ALL.map(WriteResult::id) {
            drop(self.status_writes.get_or_create(&ByResult { result }));
        }
        self.set_credential_refused([false; 2]);
        self.set_objects(&Objects::default());
    }

    /// A pass over one object has ended.
    pub fn reconciled(&self, outcome: PassOutcome, took: Duration) {
        let labels = ByOutcome { outcome: outcome.id() };
        self.reconciles.get_or_create(&labels).inc();
        self.reconcile_duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// An object got its turn after it had been due for `waited`.
    pub fn turn(&self, lane: Lane, waited: Duration) {
        let labels = ByLane { lane: lane.id() };
        self.queue_wait.get_or_create(&labels).observe(waited.as_secs_f64());
    }

    /// What waits and what runs now.
    pub fn set_queue(&self, depth: &Depth) {
        for (lane, due) in depth.due {
            self.queue_depth.get_or_create(&ByLane { lane: lane.id() }).set(count(due));
        }
        self.queue_later.set(count(depth.later));
        self.in_flight.set(count(depth.in_flight));
    }

    /// A call of Google's APIs has ended; `result` is `ok` or a class of errors.
    pub fn call(&self, method: ApiMethod, result: &'static str, took: Duration) {
        let labels = ByCall { method: method.id(), result };
        self.google_calls.get_or_create(&labels).inc();
        self.google_call_duration.get_or_create(&labels).observe(took.as_secs_f64());
    }

    /// An access token was asked for.
    pub fn token_refresh(&self, ok: bool) {
        let result = if ok { "ok" } else { "error" };
        self.token_refreshes.get_or_create(&ByResult { result }).inc();
    }

    /// How many calls a second the operator allows itself now.
    pub fn pace(&self, requests_per_second: f64) {
        self.google_pace.set(requests_per_second);
    }

    /// A call waited for its place in the quota.
    pub fn throttled(&self, waited: Duration) {
        self.google_throttled.observe(waited.as_secs_f64());
    }

    /// What the objects show now; replaces what was said before.
    pub fn set_objects(&self, objects: &Objects) {
        let _nobody_renders_half_of_it = self.lock();
        self.customers.clear();
        for labels in known_waits() {
            drop(self.customers.get_or_create(&labels));
        }
        for (labels, number) in &objects.conditions {
            self.customers.get_or_create(labels).set(count(*number));
        }
        self.unparsable.set(count(objects.unparsable));
        for kind in OPERATIONS {
            let open = objects.open_operations.get(kind).copied().unwrap_or_default();
            self.open_operations.get_or_create(&ByKind { kind }).set(count(open));
        }
        self.oldest_open_operation.set(objects.oldest_open_operation.as_secs_f64());
        self.oldest_read_age.set(objects.oldest_read.as_secs_f64());
    }

    /// Whether this process works, or stands by.
    pub fn set_leader(&self, leads: bool) {
        self.leader.set(i64::from(leads));
    }

    /// Whether Google refuses the credential for the Reseller API, and for the Directory API.
    pub fn set_credential_refused(&self, refused: [bool; 2]) {
        for (api, refused) in ["reseller", "directory"].into_iter().zip(refused) {
            self.credential_refused.get_or_create(&ByApi { api }).set(i64::from(refused));
        }
    }

    /// The limits that the flags set.
    pub fn set_limits(&self, limits: Limits) {
        self.google_ceiling.set(limits.requests_per_second);
        self.order_ceiling.set(count(limits.max_orders_per_hour));
        self.resync_interval.set(limits.resync_interval.as_secs_f64());
    }

    /// An order was sent.
    pub fn ordered(&self, result: OrderResult) {
        self.orders.get_or_create(&ByResult { result: result.id() }).inc();
    }

    /// Status was written to Kubernetes, or not.
    pub fn status_write(&self, result: WriteResult) {
        self.status_writes.get_or_create(&ByResult { result: result.id() }).inc();
    }

    /// A watch or list of the objects failed.
    pub fn watch_failed(&self) {
        self.watch_errors.inc();
    }

    /// All metrics in the OpenMetrics text format, [`CONTENT_TYPE`].
    ///
    /// # Errors
    ///
    /// Only if a metric cannot be formatted, which is a fault of its type.
    pub fn render(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        text::encode(&mut text, &self.lock())?;
        Ok(text)
    }

    fn lock(&self) -> MutexGuard<'_, Registry> {
        self.registry.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What objects may wait for. Each is there from the start, so that an alert about it has a zero
/// to come from.
fn known_waits() -> impl Iterator<Item = ConditionLabels> {
    let of = |condition, docs: &'static [ReasonDoc]| {
        let labels = move |doc: &ReasonDoc| ConditionLabels {
            condition,
            status: "True",
            reason: doc.reason,
        };
        docs.iter().map(labels)
    };
    of("Stalled", Stalled::DOCS).chain(of("Reconciling", Reconciling::DOCS))
}

fn count(objects: usize) -> i64 {
    i64::try_from(objects).unwrap_or(i64::MAX)
}

impl CallObserver for Metrics {
    fn call(&self, method: ApiMethod, result: &'static str, took: Duration) {
        self.call(method, result, took);
    }

    fn token_refresh(&self, ok: bool) {
        self.token_refresh(ok);
    }

    fn pace(&self, requests_per_second: f64) {
        self.pace(requests_per_second);
    }

    fn throttled(&self, waited: Duration) {
        self.throttled(waited);
    }
}

#[cfg(test)]
mod tests;
