//! One run of a scenario, with at most one death of the operator.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use kube::config::Kubeconfig;
use kube::runtime::wait::await_condition;
use reseller_operator::crd::{ManagementPolicy, ResellerCustomer};
use reseller_operator::plan::conditions::{find, is_true};
use reseller_operator::simulator::{CallFilter, CallRecord, CustomerType, Fault};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::gate::{Gate, Mark, Point, Side};
use crate::operator::Operator;
use crate::proxy::Proxies;
use crate::scenario::{DOMAIN, NAME, Scenario, Step};
use crate::shown::message;
use crate::world::{PATIENCE, World};

const APPROVE: &str = "reseller-operator.dev/approve-order";
const REFRESH: &str = "reseller-operator.dev/reconcile-requested-at";
/// The look at the end, which must find nothing to do.
pub const END: &str = "end";

/// What a run left behind.
pub struct Report {
    pub points: Vec<Point>,
    /// Whether the operator came to the point at which it was to be killed.
    pub was_killed: bool,
    /// Whether the ledger was open when the operator died.
    pub was_open: bool,
    /// What a person was asked after the crash.
    pub asked: Option<String>,
    pub object: ResellerCustomer,
    pub accounts: Vec<Value>,
    /// The Secrets that the operator made: name and value.
    pub secrets: BTreeMap<String, String>,
    pub events: Vec<String>,
    pub calls: Vec<CallRecord>,
    pub marks: Vec<Mark>,
    pub passwords: Vec<String>,
    /// Number of the last call when the object was settled, before the look at the end.
    pub settled_at: u64,
    /// The specs by generation, with the number of the last call before each.
    pub specs: BTreeMap<i64, (u64, Value)>,
    /// Ids of accounts that were there before and are nothing to the object.
    pub others: Vec<String>,
}

struct Stage {
    world: World,
    gate: Arc<Gate>,
    proxies: Proxies,
    specs: BTreeMap<i64, (u64, Value)>,
    others: Vec<String>,
    was_killed: bool,
    was_open: bool,
    asked: Option<String>,
}

/// Runs a scenario; the operator is killed at the point, if one is given, and started again.
pub async fn run(scenario: &Scenario, death: Option<(Point, Side)>) -> Report {
    let mut stage = Stage::new().await;
    let mut operator = stage.start().await;
    for step in &scenario.before {
        stage.act(step).await;
        stage.settled().await;
    }
    stage.gate.arm(death);
    for step in &scenario.steps {
        stage.act(step).await;
        stage.goes_on(&mut operator).await;
    }
    let settled_at = stage.last_call();
    stage.gate.close();
    stage.act(&Step::Refresh(END)).await;
    stage.goes_on(&mut operator).await;
    operator.kill().await;
    stage.report(settled_at).await
}

impl Stage {
    async fn new() -> Self {
        let world = World::new("crash").await;
        let gate = Arc::new(Gate::new(world.google.clone()));
        let proxies = Proxies::start(world.plane, &world.url, &gate).await;
        Self {
            world,
            gate,
            proxies,
            specs: BTreeMap::new(),
            others: Vec::new(),
            was_killed: false,
            was_open: false,
            asked: None,
        }
    }

    /// Starts an operator that reaches both servers only by the proxies.
    async fn start(&self) -> Operator {
        let key = self.world.key_file().with_extension("proxied.json");
        let token_url = format!("{}token", self.proxies.google);
        self.world.google.write_key_file(&key, &token_url).expect("key");
        let arguments = self.world.arguments(&[
            "--credentials-file",
            &key.to_string_lossy(),
            "--reseller-url",
            &self.proxies.google,
            "--directory-url",
            &self.proxies.google,
            // A lease would only make each restart wait, and a crash the less dangerous.
            "--leader-election",
            "false",
        ]);
        let operator = Operator::spawn(self.world.namespace(), &self.kubeconfig(), &arguments);
        operator.is_ready().await;
        operator
    }

    fn kubeconfig(&self) -> PathBuf {
        let path = self.world.kubeconfig(&self.world.user());
        let mut config = Kubeconfig::read_from(&path).expect("kubeconfig");
        for cluster in config.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
            cluster.server = Some(self.proxies.kube.clone());
            cluster.certificate_authority = None;
        }
        std::fs::write(&path, serde_json::to_string(&config).expect("JSON")).expect("kubeconfig");
        path
    }

    fn last_call(&self) -> u64 {
        let calls = self.world.google.simulation().calls(&CallFilter::default());
        calls.last().map_or(0, |call| call.number)
    }

    async fn act(&mut self, step: &Step) {
        let calls = self.last_call();
        let changed = match step {
            Step::Account(account) => {
                let id = self.world.add(account.clone());
                if account["customerType"] == "team" || account["owner"] == "foreign" {
                    self.others.push(id);
                }
                return;
            }
            Step::Google(change) => return change(self.world.google.simulation().state_mut()),
            Step::LostAnswer(method) => return self.world.fail_once(method, Fault::LostAnswer),
            Step::Secret(name, key, value) => {
                return self.world.create_secret(name, key, value).await;
            }
            Step::Refresh(token) => {
                return self.world.annotate(NAME, "reconcile-requested-at", token).await;
            }
            Step::Approve => return self.approve().await,
            Step::Create(spec) => self.world.create(NAME, spec.clone()).await,
            Step::Edit(change) => self.world.edit(NAME, change.clone()).await,
        };
        let spec = serde_json::to_value(&changed.spec).expect("spec");
        self.specs.insert(changed.metadata.generation.expect("generation"), (calls, spec));
    }

    /// Does as the message says, to the letter.
    async fn approve(&self) {
        let object = self.world.get(NAME).await;
        let message = message(&object, "Stalled");
        let (_, rest) = message.split_once(&format!("{APPROVE}=")).expect("the command");
        let token = rest.split_whitespace().next().expect("the token");
        self.world.annotate(NAME, "approve-order", token).await;
    }

    /// Waits until the object is settled; kills the operator meanwhile if it comes to its point, and
    /// answers what a person is asked then.
    async fn goes_on(&mut self, operator: &mut Operator) {
        let is_reached = tokio::select! {
            () = self.settled() => false,
            () = self.gate.is_reached() => true,
        };
        if is_reached {
            operator.kill().await;
            self.was_killed = true;
            let status = self.world.get(NAME).await.status;
            self.was_open = status.is_some_and(|status| status.pending_operation.is_some());
            *operator = self.start().await;
            self.settled().await;
        }
        if let Some(question) = self.question().await.filter(|_| self.was_killed) {
            self.answer(&question).await;
            self.asked = Some(question);
            self.settled().await;
        }
    }

    async fn settled(&self) {
        // An object that is not there yet has nothing to wait for.
        if self.specs.is_empty() {
            return;
        }
        let settled = |object: Option<&ResellerCustomer>| object.is_some_and(is_settled);
        let settled = await_condition(self.world.api(), NAME, settled);
        if let Ok(settled) = timeout(PATIENCE, settled).await {
            settled.expect("watch");
        } else {
            let status = self.world.get(NAME).await.status;
            panic!("waited in vain for the end of all work: {}", json!(status));
        }
    }

    /// What a person is asked.
    async fn question(&self) -> Option<String> {
        let object = self.world.get(NAME).await;
        Some(object.status?.approval?.reason)
    }

    /// What a person does who follows the message: a team that is there is pinned.
    async fn answer(&mut self, question: &str) {
        assert_eq!(question, "OrderOutcomeUnknown", "no other question is left by a crash");
        let ours = {
            let google = self.world.google.simulation();
            let email = format!("ada@{DOMAIN}");
            let accounts = google.state().accounts().values();
            let mut ours = accounts.filter(|account| {
                account.customer_type == CustomerType::Team
                    && account.primary_admin.as_ref().is_some_and(|a| a.primary_email == email)
            });
            ours.next().map(|account| account.customer_id.clone())
        };
        match ours {
            Some(id) => self.act(&Step::Edit(json!({"customerId": id}))).await,
            None => self.act(&Step::Approve).await,
        }
    }

    async fn report(self, settled_at: u64) -> Report {
        let Self { world, gate, specs, others, was_killed, was_open, asked, .. } = self;
        let (accounts, calls) = {
            let google = world.google.simulation();
            let json = |account| serde_json::to_value(account).expect("account");
            let accounts = google.state().accounts().values().map(json).collect();
            (accounts, google.calls(&CallFilter::default()))
        };
        let mut secrets = BTreeMap::new();
        for name in ["first-password"] {
            let secret = world.secret(name).await.and_then(|secret| secret.data);
            let value = secret.and_then(|mut data| data.remove("password"));
            let value = value.map(|value| String::from_utf8(value.0).expect("text"));
            secrets.extend(value.map(|value| (name.to_owned(), value)));
        }
        let events = world.all_events().await;
        Report {
            points: gate.points(),
            was_killed,
            was_open,
            asked,
            object: world.get(NAME).await,
            accounts,
            secrets,
            events: events.into_iter().filter_map(|event| event.reason).collect(),
            calls,
            marks: gate.take_marks(),
            passwords: gate.passwords(),
            settled_at,
            specs,
            others,
        }
    }
}

/// Whether all that was asked for is done, or waits for a person.
fn is_settled(object: &ResellerCustomer) -> bool {
    let Some(status) = &object.status else { return false };
    let annotation = |name: &str| object.metadata.annotations.as_ref()?.get(name).cloned();
    let conditions = &status.conditions;
    let is_of_now = |kind: &str| {
        let generation = find(conditions, kind).and_then(|shown| shown.observed_generation);
        generation == object.metadata.generation
    };
    if object.spec.suspend {
        return is_of_now("Paused");
    }
    let is_looked_at = status.last_handled_reconcile_at == annotation(REFRESH);
    if !is_of_now("Ready") || !is_looked_at || is_true(conditions, "Reconciling") {
        return false;
    }
    let given = annotation(APPROVE);
    match &status.approval {
        Some(approval) if is_true(conditions, "Stalled") => {
            given.as_deref() != Some(approval.token.as_str())
        }
        _ if is_true(conditions, "Stalled") => true,
        _ => {
            let is_synced = object.spec.management_policy == ManagementPolicy::Observe
                || is_true(conditions, "Synced");
            is_true(conditions, "Ready") && is_synced && status.observed_generation >= 0
        }
    }
}
