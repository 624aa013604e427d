//! What each test has for itself: namespaces, a Google, and who the operator is.

use std::fmt::Write;
use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::Kubeconfig;
use kube::{Api, Client, ResourceExt};
use reseller_operator::crd::ResellerCustomer;
use reseller_operator::plan::conditions::find;
use reseller_operator::simulator::{
    Account, CallFilter, CallRecord, Fault, FaultRule, Simulator, serve,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::common::{AuditEvent, ControlPlane, wait_for, wait_until};
use crate::operator::Operator;

/// Long enough for a busy machine; nothing waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_secs(60);

pub const ORDER: &str = "reseller.customers.insert";
pub const GET: &str = "reseller.customers.get";
pub const PATCH: &str = "reseller.customers.patch";

/// Calls that change something at Google.
pub const WRITES: [&str; 9] = [
    ORDER,
    PATCH,
    "reseller.customers.update",
    "reseller.subscriptions.insert",
    "directory.customers.patch",
    "directory.customers.update",
    "directory.users.insert",
    "directory.users.patch",
    "directory.users.makeAdmin",
];

pub struct World {
    pub plane: &'static ControlPlane,
    /// The namespaces that the operator watches.
    pub namespaces: Vec<String>,
    pub google: Simulator,
    pub url: String,
    pub client: Client,
    folder: TempDir,
}

impl World {
    /// A namespace, a Google without accounts, and the rights that the operator needs.
    pub async fn new(prefix: &str) -> Self {
        Self::with_namespaces(prefix, 1).await
    }

    pub async fn with_namespaces(prefix: &str, count: usize) -> Self {
        let plane = ControlPlane::shared();
        plane.apply_crd().await;
        let google = Simulator::live(Vec::new(), None).expect("simulator");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}/", listener.local_addr().expect("address"));
        tokio::spawn(serve(listener, google.clone()));
        let mut namespaces = Vec::new();
        for _ in 0..count {
            namespaces.push(plane.namespace(prefix).await);
        }
        let folder = tempfile::tempdir().expect("folder");
        let client = plane.client().await;
        let world = Self { plane, namespaces, google, url, client, folder };
        world.write_key();
        for namespace in &world.namespaces {
            world.grant(namespace, &world.user(), &rights()).await;
        }
        world
    }

    pub fn namespace(&self) -> &str {
        &self.namespaces[0]
    }

    /// The Kubernetes user that the operator is.
    pub fn user(&self) -> String {
        format!("operator-{}", self.namespace())
    }

    // ---- the operator ----

    pub fn key_file(&self) -> PathBuf {
        self.folder.path().join("key.json")
    }

    /// A working key file.
    pub fn write_key(&self) {
        self.google.write_key_file(&self.key_file(), &format!("{}token", self.url)).expect("key");
    }

    /// A kubeconfig of `user`, who has no rights but those that were granted.
    pub fn kubeconfig(&self, user: &str) -> PathBuf {
        let mut config = Kubeconfig::read_from(self.plane.kubeconfig()).expect("kubeconfig");
        for named in &mut config.auth_infos {
            if let Some(info) = &mut named.auth_info {
                info.impersonate = Some(user.to_owned());
            }
        }
        let path = self.folder.path().join(format!("{user}.kubeconfig"));
        let text = serde_json::to_string(&config).expect("kubeconfig");
        std::fs::write(&path, text).expect("kubeconfig");
        path
    }

    /// Arguments of `run`; `flags` come last and replace these.
    pub fn arguments(&self, flags: &[&str]) -> Vec<String> {
        let key = self.key_file().to_string_lossy().into_owned();
        let mut arguments: Vec<(String, String)> = [
            ("--credentials-file", key.as_str()),
            ("--subject", "admin@reseller.example"),
            ("--reseller-url", &self.url),
            ("--directory-url", &self.url),
            ("--admin-address", "127.0.0.1:0"),
            ("--requests-per-second", "200"),
            ("--lag-grace", "2s"),
            ("--settle-time", "1s"),
        ]
        .map(|(flag, value)| (flag.to_owned(), value.to_owned()))
        .into();
        for pair in flags.chunks(2) {
            let [flag, value] = pair else { panic!("flags come with values: {flags:?}") };
            arguments.retain(|(known, _)| known != flag);
            arguments.push(((*flag).to_owned(), (*value).to_owned()));
        }
        for namespace in &self.namespaces {
            arguments.push(("--watch-namespace".to_owned(), namespace.clone()));
        }
        arguments.into_iter().flat_map(|(flag, value)| [flag, value]).collect()
    }

    /// Starts an operator and waits until its passes begin.
    pub async fn operator(&self, flags: &[&str]) -> Operator {
        let operator = self.spawn(flags);
        operator.is_ready().await;
        operator
    }

    /// Starts an operator.
    pub fn spawn(&self, flags: &[&str]) -> Operator {
        let kubeconfig = self.kubeconfig(&self.user());
        Operator::spawn(self.namespace(), &kubeconfig, &self.arguments(flags))
    }

    /// Gives `user` these rights in `namespace`.
    pub async fn grant(&self, namespace: &str, user: &str, rules: &Value) {
        let meta = json!({"name": user});
        let role: Role =
            serde_json::from_value(json!({"metadata": meta, "rules": rules})).expect("role");
        let binding: RoleBinding = serde_json::from_value(json!({
            "metadata": meta,
            "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": user},
            "subjects": [{"apiGroup": "rbac.authorization.k8s.io", "kind": "User", "name": user}],
        }))
        .expect("binding");
        let create = PostParams::default();
        let roles = Api::<Role>::namespaced(self.client.clone(), namespace);
        roles.create(&create, &role).await.expect("role");
        let bindings = Api::<RoleBinding>::namespaced(self.client.clone(), namespace);
        bindings.create(&create, &binding).await.expect("binding");
    }

    /// What the operator asked the API server to change, but for the question for its own rights.
    pub fn kube_writes(&self) -> Vec<AuditEvent> {
        let mut writes = self.plane.writes(&self.user());
        writes.retain(|write| write.resource != "selfsubjectaccessreviews");
        writes
    }

    // ---- objects ----

    pub fn api(&self) -> Api<ResellerCustomer> {
        Api::namespaced(self.client.clone(), self.namespace())
    }

    pub async fn create(&self, name: &str, spec: Value) -> ResellerCustomer {
        self.create_in(self.namespace(), name, spec).await
    }

    pub async fn create_in(&self, namespace: &str, name: &str, spec: Value) -> ResellerCustomer {
        let object = serde_json::from_value(json!({
            "apiVersion": "reseller-operator.dev/v1alpha1", "kind": "ResellerCustomer",
            "metadata": {"name": name}, "spec": spec,
        }))
        .expect("object");
        let api = Api::<ResellerCustomer>::namespaced(self.client.clone(), namespace);
        api.create(&PostParams::default(), &object).await.expect("create")
    }

    /// Edits the spec, as a JSON merge patch.
    pub async fn edit(&self, name: &str, spec: Value) -> ResellerCustomer {
        let patch = Patch::Merge(json!({"spec": spec}));
        self.api().patch(name, &PatchParams::default(), &patch).await.expect("edit")
    }

    /// Sets an annotation of our group.
    pub async fn annotate(&self, name: &str, annotation: &str, value: &str) {
        let annotations = json!({format!("reseller-operator.dev/{annotation}"): value});
        let patch = Patch::Merge(json!({"metadata": {"annotations": annotations}}));
        self.api().patch(name, &PatchParams::default(), &patch).await.expect("annotate");
    }

    /// Asks for a look at the object, and waits for the answer.
    pub async fn refresh(&self, name: &str, token: &str) -> ResellerCustomer {
        self.annotate(name, "reconcile-requested-at", token).await;
        let answered = |object: Option<&ResellerCustomer>| {
            object.and_then(|object| object.status.as_ref()?.last_handled_reconcile_at.as_deref())
                == Some(token)
        };
        let api = self.api();
        let what = format!("the answer to refresh {token}");
        wait_for(&api, name, &what, PATIENCE, answered).await.expect("object")
    }

    pub async fn delete(&self, name: &str) {
        self.api().delete(name, &DeleteParams::default()).await.expect("delete");
    }

    pub async fn get(&self, name: &str) -> ResellerCustomer {
        self.api().get(name).await.expect("get")
    }

    /// Waits until the object shows these conditions; see [`shows`].
    pub async fn until(&self, name: &str, conditions: &str) -> ResellerCustomer {
        self.until_in(self.namespace(), name, conditions).await
    }

    pub async fn until_in(
        &self,
        namespace: &str,
        name: &str,
        conditions: &str,
    ) -> ResellerCustomer {
        let api = Api::<ResellerCustomer>::namespaced(self.client.clone(), namespace);
        let shown =
            |object: Option<&ResellerCustomer>| object.is_some_and(|o| shows(o, conditions));
        wait_for(&api, name, conditions, PATIENCE, shown).await.expect("object")
    }

    pub async fn secret(&self, name: &str) -> Option<Secret> {
        let api = Api::<Secret>::namespaced(self.client.clone(), self.namespace());
        api.get_opt(name).await.expect("secret")
    }

    pub async fn create_secret(&self, name: &str, key: &str, value: &str) {
        let secret = json!({"metadata": {"name": name}, "stringData": {key: value}});
        let api = Api::<Secret>::namespaced(self.client.clone(), self.namespace());
        let secret = serde_json::from_value(secret).expect("secret");
        api.create(&PostParams::default(), &secret).await.expect("secret");
    }

    /// Waits for the Events about an object, and checks that there are no others: they are told
    /// after the status that they are about.
    pub async fn told(&self, name: &str, reasons: &[&str]) {
        let what = format!("Events {reasons:?} about {name}");
        let told = wait_until(&what, PATIENCE, async || {
            Some(self.events(name).await).filter(|events| events.len() >= reasons.len())
        });
        assert_eq!(told.await, reasons, "{name}");
    }

    /// Reasons of the Events about an object, each as often as it was told, in order of time.
    async fn events(&self, name: &str) -> Vec<String> {
        let mut events = self.all_events().await;
        events.retain(|event| {
            event.regarding.as_ref().and_then(|object| object.name.as_deref()) == Some(name)
        });
        events
            .into_iter()
            .flat_map(|event| {
                let times = event.series.as_ref().map_or(1, |series| series.count);
                let times = usize::try_from(times).expect("a count");
                std::iter::repeat_n(event.reason.unwrap_or_default(), times)
            })
            .collect()
    }

    pub async fn all_events(&self) -> Vec<Event> {
        let api = Api::<Event>::namespaced(self.client.clone(), self.namespace());
        let mut events = api.list(&ListParams::default()).await.expect("events").items;
        events.sort_by_key(|event| event.event_time.clone().map(|at| at.0));
        events
    }

    // ---- Google ----

    /// Adds an account at Google; gives its id.
    pub fn add(&self, account: Value) -> String {
        let account: Account = serde_json::from_value(account).expect("account");
        let mut google = self.google.simulation();
        let now = google.now();
        google.state_mut().add(account, now)
    }

    /// Changes an account behind the operator's back.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut Account)) {
        change(self.google.simulation().state_mut().account_mut(id).expect("account"));
    }

    pub fn account(&self, id: &str) -> Account {
        self.google.simulation().state().account(id).expect("account").clone()
    }

    /// The only account with this domain.
    pub fn account_of(&self, domain: &str) -> Account {
        let google = self.google.simulation();
        let accounts = google.state().accounts().values();
        let mut found: Vec<_> = accounts.filter(|a| a.customer_domain == domain).collect();
        assert_eq!(found.len(), 1, "accounts with domain {domain}");
        found.remove(0).clone()
    }

    /// The next call of a method fails like this.
    pub fn fail_once(&self, method: &str, fault: Fault) {
        self.google.simulation().inject(FaultRule::once(method, fault));
    }

    /// Every call of a method (none: of any) fails like this, until [`Self::heal`].
    pub fn fail(&self, method: Option<&str>, fault: Fault) {
        let method = method.map(str::to_owned);
        let rule = FaultRule { method, key: None, skip: 0, times: None, fault };
        self.google.simulation().inject(rule);
    }

    pub fn heal(&self) {
        self.google.simulation().clear_faults();
    }

    pub fn calls(&self, method: &str) -> Vec<CallRecord> {
        self.google.simulation().calls(&CallFilter::method(method))
    }

    /// Calls of a method for one domain, id or address.
    pub fn calls_for(&self, method: &str, key: &str) -> Vec<CallRecord> {
        let mut calls = self.calls(method);
        calls.retain(|call| call.key == key);
        calls
    }

    /// How many calls there were, of any method.
    pub fn call_count(&self) -> usize {
        self.google.simulation().calls(&CallFilter::default()).len()
    }

    /// Waits until there were so many calls of a method.
    pub async fn seen(&self, method: &str, count: usize) -> Vec<CallRecord> {
        let filter = CallFilter::method(method);
        let seen = tokio::time::timeout(PATIENCE, self.google.seen(&filter, count)).await;
        seen.unwrap_or_else(|_| panic!("waited in vain for {count} calls of {method}"))
    }

    /// What was asked to be changed at Google, in order: method and key.
    pub fn google_writes(&self) -> Vec<String> {
        let calls = self.google.simulation().calls(&CallFilter::default());
        let writes = calls.iter().filter(|call| WRITES.contains(&call.method));
        writes.map(|call| format!("{} {}", call.method, call.key)).collect()
    }

    /// Orders of a domain that Google carried out.
    pub fn orders(&self, domain: &str) -> usize {
        self.calls_for(ORDER, domain).iter().filter(|call| call.committed).count()
    }
}

/// Just what the operator needs in a namespace that it watches.
pub fn rights() -> Value {
    json!([
        {"apiGroups": ["reseller-operator.dev"], "resources": ["resellercustomers"],
         "verbs": ["get", "list", "watch"]},
        {"apiGroups": ["reseller-operator.dev"], "resources": ["resellercustomers/status"],
         "verbs": ["patch"]},
        {"apiGroups": ["events.k8s.io"], "resources": ["events"], "verbs": ["create", "patch"]},
        {"apiGroups": [""], "resources": ["secrets"], "verbs": ["get", "create"]},
    ])
}

/// Whether an object shows conditions such as `Ready=True/InSync Stalled=-` (`-`: absent). A Ready
/// that is True or False counts only as a verdict on the generation that is there.
pub fn shows(object: &ResellerCustomer, expected: &str) -> bool {
    let Some(status) = &object.status else { return false };
    let is_observed = Some(status.observed_generation) == object.metadata.generation;
    expected.split_whitespace().all(|one| {
        let (kind, expected) = one.split_once('=').expect("TYPE=STATUS/REASON");
        let shown = find(&status.conditions, kind)
            .map_or_else(|| "-".to_owned(), |found| format!("{}/{}", found.status, found.reason));
        let is_verdict =
            kind == "Ready" && (expected.starts_with("True") || expected.starts_with("False"));
        shown == expected && (is_observed || !is_verdict)
    })
}

/// All conditions in one line, as [`shows`] reads them; for assertions that name every one.
pub fn conditions(object: &ResellerCustomer) -> String {
    let mut line = String::new();
    for condition in object.status.iter().flat_map(|status| &status.conditions) {
        let gap = if line.is_empty() { "" } else { " " };
        write!(line, "{gap}{}={}/{}", condition.type_, condition.status, condition.reason)
            .expect("a String");
    }
    line
}

/// The message of a condition.
pub fn message(object: &ResellerCustomer, kind: &str) -> String {
    let status = object.status.as_ref().expect("status");
    find(&status.conditions, kind).map_or_else(String::new, |found| found.message.clone())
}

/// The fields of a call's body, sorted, as paths without values.
pub fn body_fields(call: &CallRecord) -> Vec<String> {
    fn walk(value: &Value, path: &str, into: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    walk(value, &path, into);
                }
            }
            _ => into.push(path.to_owned()),
        }
    }
    let mut fields = Vec::new();
    walk(call.body.as_ref().expect("a body"), "", &mut fields);
    fields.sort();
    fields
}

/// The name of an object, for messages.
pub fn id(object: &ResellerCustomer) -> String {
    let status = object.status.as_ref();
    status.and_then(|status| status.customer_id.clone()).unwrap_or_else(|| object.name_any())
}
