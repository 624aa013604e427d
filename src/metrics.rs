//! What the operator counts and measures, for Prometheus. Names follow the OpenMetrics rules: base
//! units, and `_total` for counters, which the encoder adds.

use std::collections::BTreeMap;
use std::sync::atomic::AtomicU64;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use prometheus_client::encoding::{EncodeLabelSet, text};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::metrics::info::Info;
use prometheus_client::registry::{Registry, Unit};

use crate::controller::schedule::Depth;
use crate::google::{ApiMethod, CallObserver, Lane};

/// Media type of [`Metrics::render`].
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// How a pass over one object ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassOutcome {
    /// Nothing is left to do.
    Settled,
    /// Something was written at Google; the next read tells whether it was taken.
    Changed,
    /// Waits for a time or for somebody, without an error.
    Waiting,
    /// Needs a person.
    Stalled,
    /// Failed, and is tried again.
    Failed,
}

impl PassOutcome {
    const ALL: [Self; 5] =
        [Self::Settled, Self::Changed, Self::Waiting, Self::Stalled, Self::Failed];

    fn id(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Changed => "changed",
            Self::Waiting => "waiting",
            Self::Stalled => "stalled",
            Self::Failed => "failed",
        }
    }
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderResult {
    /// Google made the account.
    Made,
    /// Google made nothing, provably.
    Refused,
    /// No answer: reading will tell.
    Unknown,
}

impl OrderResult {
    const ALL: [Self; 3] = [Self::Made, Self::Refused, Self::Unknown];

    fn id(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of a write to Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteResult {
    /// Written.
    Ok,
    /// Somebody else wrote first.
    Conflict,
    /// Anything else.
    Error,
}

impl WriteResult {
    const ALL: [Self; 3] = [Self::Ok, Self::Conflict, Self::Error];

    fn id(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Conflict => "conflict",
            Self::Error => "error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByLane {
    lane: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByCall {
    method: &'static str,
    result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByResult {
    result: &'static str,
}

/// One condition of an object, as `status.conditions` has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
pub struct ConditionLabels {
    /// Type of the condition.
    pub condition: String,
    /// `True`, `False` or `Unknown`.
    pub status: String,
    /// Reason, from a closed set.
    pub reason: String,
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
    customers: Family<ConditionLabels, Gauge>,
    orders: Family<ByResult, Counter>,
    open_operations: Gauge,
    status_writes: Family<ByResult, Counter>,
    oldest_read_age: FloatGauge,
}

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
            customers: Family::default(),
            orders: Family::default(),
            open_operations: Gauge::default(),
            status_writes: Family::default(),
            oldest_read_age: FloatGauge::default(),
        };
        metrics.registry = Mutex::new(metrics.register());
        metrics.initialise();
        metrics
    }

    fn register(&self) -> Registry {
        let mut registry = Registry::with_prefix("reseller_operator");
        let build = Info::new([("version", env!("CARGO_PKG_VERSION"))]);
        registry.register("build", "Which build this is", build);
        self.register_passes(&mut registry);
        self.register_google(&mut registry);
        self.register_customers(&mut registry);
        registry
    }

    fn register_passes(&self, registry: &mut Registry) {
        registry.register("reconciles", "Passes by how they ended", self.reconciles.clone());
        registry.register_with_unit(
            "reconcile_duration",
            "How long passes took",
            Unit::Seconds,
            self.reconcile_duration.clone(),
        );
        registry.register("queue_depth", "Objects that are due", self.queue_depth.clone());
        registry.register("queue_later", "Objects due in the future", self.queue_later.clone());
        registry.register("reconciles_in_flight", "Passes that run", self.in_flight.clone());
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
        registry.register_with_unit(
            "google_throttle_wait",
            "How long calls waited for their place in the quota",
            Unit::Seconds,
            self.google_throttled.clone(),
        );
        registry.register(
            "google_token_refreshes",
            "Access tokens that were asked for",
            self.token_refreshes.clone(),
        );
    }

    fn register_customers(&self, registry: &mut Registry) {
        registry.register("customers", "ResellerCustomers by condition", self.customers.clone());
        registry.register("orders", "Orders by what became of them", self.orders.clone());
        registry.register(
            "open_operations",
            "Calls that must not be repeated and whose outcome is not known yet",
            self.open_operations.clone(),
        );
        registry.register(
            "status_writes",
            "Writes of status to Kubernetes",
            self.status_writes.clone(),
        );
        registry.register_with_unit(
            "oldest_read_age",
            "Age of the oldest last good read among all managed customers",
            Unit::Seconds,
            self.oldest_read_age.clone(),
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
            drop(self.google_calls.get_or_create(&ByCall { method, result: "ok" }));
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

    /// How many objects have each condition now; replaces what was said before.
    pub fn set_customers(&self, conditions: &BTreeMap<ConditionLabels, usize>) {
        let _nobody_renders_half_of_it = self.lock();
        self.customers.clear();
        for (labels, objects) in conditions {
            self.customers.get_or_create(labels).set(count(*objects));
        }
    }

    /// An order was sent.
    pub fn ordered(&self, result: OrderResult) {
        self.orders.get_or_create(&ByResult { result: result.id() }).inc();
    }

    /// How many objects have a call open whose outcome is not known.
    pub fn set_open_operations(&self, objects: usize) {
        self.open_operations.set(count(objects));
    }

    /// Status was written to Kubernetes, or not.
    pub fn status_write(&self, result: WriteResult) {
        self.status_writes.get_or_create(&ByResult { result: result.id() }).inc();
    }

    /// For how long the customer that was not read for longest has not been read.
    pub fn set_oldest_read_age(&self, age: Duration) {
        self.oldest_read_age.set(age.as_secs_f64());
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
mod tests {
    use super::*;

    fn has(metrics: &Metrics, line: &str) -> bool {
        metrics.render().unwrap().lines().any(|found| found == line)
    }

    fn condition(status: &str, reason: &str) -> ConditionLabels {
        let [condition, status, reason] = ["Ready", status, reason].map(str::to_owned);
        ConditionLabels { condition, status, reason }
    }

    #[test]
    fn known_series_are_there_before_anything_happens() {
        let text = Metrics::new().render().unwrap();
        for line in [
            r#"reseller_operator_reconciles_total{outcome="stalled"} 0"#,
            r#"reseller_operator_reconcile_duration_seconds_count{outcome="failed"} 0"#,
            r#"reseller_operator_queue_depth{lane="edit"} 0"#,
            r#"reseller_operator_queue_wait_seconds_count{lane="drift"} 0"#,
            r#"reseller_operator_google_calls_total{method="reseller.customers.get",result="ok"} 0"#,
            r#"reseller_operator_google_token_refreshes_total{result="error"} 0"#,
            r#"reseller_operator_orders_total{result="unknown"} 0"#,
            r#"reseller_operator_status_writes_total{result="conflict"} 0"#,
            "reseller_operator_google_throttle_wait_seconds_count 0",
            "reseller_operator_oldest_read_age_seconds 0.0",
        ] {
            assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
        }
        assert!(text.contains("reseller_operator_build_info{version="));
        assert!(text.ends_with("# EOF\n"));
    }

    #[test]
    fn names_follow_the_rules_of_openmetrics() {
        let text = Metrics::new().render().unwrap();
        for line in text.lines().filter(|line| *line != "# EOF") {
            let name = line.trim_start_matches("# ").split(' ').find(|w| w.contains('_'));
            assert!(name.unwrap().starts_with("reseller_operator_"), "{line}");
            assert!(!line.contains("_total_total") && !line.contains("_seconds_seconds"), "{line}");
        }
    }

    #[test]
    fn what_happens_is_counted_under_its_labels() {
        let metrics = Metrics::new();
        metrics.reconciled(PassOutcome::Changed, Duration::from_millis(300));
        metrics.call(ApiMethod::CustomersPatch, "quota", Duration::from_secs(2));
        metrics.token_refresh(false);
        metrics.pace(2.5);
        metrics.ordered(OrderResult::Made);
        metrics.status_write(WriteResult::Conflict);
        let due = Lane::ALL.map(|lane| (lane, 7));
        metrics.set_queue(&Depth { due, later: 9, in_flight: 2 });
        for line in [
            r#"reseller_operator_reconciles_total{outcome="changed"} 1"#,
            r#"reseller_operator_reconcile_duration_seconds_sum{outcome="changed"} 0.3"#,
            r#"reseller_operator_google_calls_total{method="reseller.customers.patch",result="quota"} 1"#,
            r#"reseller_operator_google_token_refreshes_total{result="error"} 1"#,
            "reseller_operator_google_pace_requests_per_second 2.5",
            r#"reseller_operator_orders_total{result="made"} 1"#,
            r#"reseller_operator_status_writes_total{result="conflict"} 1"#,
            r#"reseller_operator_queue_depth{lane="adopt"} 7"#,
            "reseller_operator_queue_later 9",
            "reseller_operator_reconciles_in_flight 2",
        ] {
            assert!(has(&metrics, line), "no {line} in\n{}", metrics.render().unwrap());
        }
    }

    #[test]
    fn a_snapshot_of_conditions_replaces_the_one_before() {
        let metrics = Metrics::new();
        metrics.set_customers(&[(condition("False", "OrderRefused"), 3)].into());
        metrics.set_customers(&[(condition("True", "InSync"), 4)].into());
        let text = metrics.render().unwrap();
        let line =
            r#"reseller_operator_customers{condition="Ready",status="True",reason="InSync"} 4"#;
        assert!(text.contains(line), "{text}");
        assert!(!text.contains("OrderRefused"), "{text}");
    }
}
