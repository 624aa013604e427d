//! What each test has for itself: namespaces, a Google, and who the operator is.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::core::v1::Secret;
use k8s_openapi::api::events::v1::Event;
use k8s_openapi::api::rbac::v1::{Role, RoleBinding};
use kube::api::{DeleteParams, ListParams, Patch, PatchParams, PostParams};
use kube::config::Kubeconfig;
use kube::{Api, Client};
use reseller_operator::crd::ResellerCustomer;
use reseller_operator::plan::conditions::is_true;
use reseller_operator::simulator::{Simulator, serve};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;

use crate::common::{AuditEvent, ControlPlane, wait_for, wait_until};
use crate::operator::Operator;
use crate::shown::shows;

/// Long enough for a busy machine; nothing waits this long when all is well.
pub const PATIENCE: Duration = Duration::from_mins(1);

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
        Self::on(ControlPlane::shared(), prefix, count).await
    }

    /// The same on a control plane of its own.
    pub async fn on(plane: &'static ControlPlane, prefix: &str, count: usize) -> Self {
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

    /// Puts another key into the key file, that of `other`, which is from now on the only one
    /// that Google takes.
    pub fn rotate_key(&self, other: &Simulator) {
        let (new, uri) = (self.folder.path().join("new.json"), format!("{}token", self.url));
        other.write_key_file(&new, &uri).expect("key");
        self.google.write_key_file(&new, &uri).expect("key");
        std::fs::rename(new, self.key_file()).expect("key");
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
        let api = Api::<Role>::namespaced(self.client.clone(), namespace);
        api.create(&create, &role).await.expect("role");
        let api = Api::<RoleBinding>::namespaced(self.client.clone(), namespace);
        api.create(&create, &binding).await.expect("binding");
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

    /// Waits until the object is Ready, or gives way to another.
    pub async fn settled(&self, name: &str) -> ResellerCustomer {
        let is_settled = |object: Option<&ResellerCustomer>| {
            object.is_some_and(|object| {
                shows(object, "Ready=True/InSync") || shows(object, "Ready=False/DuplicateClaim")
            })
        };
        let (api, what) = (self.api(), "Ready, or another object's claim");
        wait_for(&api, name, what, PATIENCE, is_settled).await.expect("object")
    }

    /// Waits until the object is at rest: it has a verdict on its latest change.
    pub async fn until_at_rest(&self, name: &str) -> ResellerCustomer {
        let is_at_rest = |object: Option<&ResellerCustomer>| {
            object.is_some_and(|object| {
                let status = object.status.as_ref();
                let seen = status.map(|status| status.observed_generation);
                let is =
                    |kind: &str| status.is_some_and(|status| is_true(&status.conditions, kind));
                let has_verdict = (is("Ready") || is("Stalled")) && !is("Reconciling");
                seen == object.metadata.generation && has_verdict
            })
        };
        wait_for(&self.api(), name, "a verdict", PATIENCE, is_at_rest).await.expect("object")
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
        {"apiGroups": ["coordination.k8s.io"], "resources": ["leases"],
         "verbs": ["get", "create", "update"]},
    ])
}
