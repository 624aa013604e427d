//! Least rights: what the ServiceAccount of the chart may do is what the operator does, by the
//! audit log of the API server, no more and no less.

use std::collections::BTreeSet;
use std::fmt;

use reseller_operator::crd::ResellerCustomer;
use reseller_operator::simulator::Fault;
use serde_json::{Value, json};

use crate::common::{AuditEvent, ControlPlane, wait_until};
use crate::google::ORDER;
use crate::helm::{Helm, documents, of_kind, with_key};
use crate::operator::Operator;
use crate::release::{NAME, Release};
use crate::specs::{account, domain_spec, initial_admin, with};
use crate::world::{PATIENCE, World};

const READY: &str = "Ready=True/InSync Synced=True/InSync Stalled=-";
const FOREIGN: &str = "Ready=False/ForeignManaged Stalled=True/ForeignManaged";

/// One verb of one resource in one place; the place of a right in all namespaces is `*`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Right {
    place: String,
    group: String,
    resource: String,
    verb: String,
}

impl Right {
    fn allows(&self, event: &AuditEvent) -> bool {
        (self.place == "*" || self.place == event.namespace)
            && (&self.group, &self.resource, &self.verb)
                == (&event.group, &event.resource, &event.verb)
    }
}

impl fmt::Display for Right {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { place, group, resource, verb } = self;
        write!(f, "{verb} {resource}.{group} in {place}")
    }
}

/// What is wrong with a set of rights: those that nobody used, and requests that none allows.
#[derive(Debug, Default, PartialEq, Eq)]
struct Verdict {
    unused: Vec<String>,
    missing: BTreeSet<String>,
}

/// Holds rights against requests. Pure.
fn compare(rights: &BTreeSet<Right>, requests: &[AuditEvent]) -> Verdict {
    let is_used = |right: &&Right| requests.iter().any(|request| right.allows(request));
    let is_allowed =
        |request: &&AuditEvent| rights.iter().any(|right: &Right| right.allows(request));
    Verdict {
        unused: rights.iter().filter(|right| !is_used(right)).map(Right::to_string).collect(),
        missing: requests
            .iter()
            .filter(|request| !is_allowed(request))
            .map(|one| format!("{} {}.{} in {}", one.verb, one.resource, one.group, one.namespace))
            .collect(),
    }
}

/// All that the rendered roles give to the ServiceAccount by the rendered bindings.
fn granted(objects: &[Value], namespace: &str) -> BTreeSet<Right> {
    let subject = json!([{"kind": "ServiceAccount", "name": NAME, "namespace": namespace}]);
    let mut rights = BTreeSet::new();
    for (binding_kind, place_of_all) in [("ClusterRoleBinding", Some("*")), ("RoleBinding", None)] {
        for binding in of_kind(objects, binding_kind) {
            assert_eq!(binding["subjects"], subject, "nobody else is given anything");
            let role = &binding["roleRef"];
            let place = &binding["metadata"]["namespace"];
            let role = of_kind(objects, role["kind"].as_str().expect("kind"))
                .into_iter()
                .find(|one| {
                    one["metadata"]["name"] == role["name"]
                        && one["metadata"]["namespace"] == *place
                })
                .expect("the role that is bound");
            let place = place_of_all.or(place.as_str()).expect("a place");
            for rule in role["rules"].as_array().expect("rules") {
                add_rule(&mut rights, place, rule);
            }
        }
    }
    rights
}

fn add_rule(rights: &mut BTreeSet<Right>, place: &str, rule: &Value) {
    let list = |name: &str| -> Vec<String> {
        serde_json::from_value(rule[name].clone()).unwrap_or_else(|_| panic!("{name} of {rule}"))
    };
    assert_eq!(rule.as_object().expect("a rule").len(), 3, "{rule}");
    for group in list("apiGroups") {
        for resource in list("resources") {
            for verb in list("verbs") {
                let place = place.to_owned();
                let right = Right { place, group: group.clone(), resource: resource.clone(), verb };
                assert!(rights.insert(right), "given twice: {rule}");
            }
        }
    }
}

fn manifest(release: &Release<'_>) -> Vec<Value> {
    documents(&release.helm.plain(["get", "manifest", NAME, "-n", &release.namespace]).ok())
}

/// Requests of the operator. Everybody may ask for their own rights, without any role of ours.
fn requests(release: &Release<'_>) -> Vec<AuditEvent> {
    let mut requests = release.world.plane.requests(&release.user());
    requests.retain(|request| request.resource != "selfsubjectaccessreviews");
    requests
}

// ---- what the operator is made to do ----

async fn order_with_a_first_administrator(world: &World, name: &str) {
    let domain = format!("{name}.example");
    let secret = json!({"initialAdmin": {"passwordSecretRef": {"name": format!("{name}-admin")}}});
    let spec = with(with(domain_spec(&domain), initial_admin(&domain)), secret);
    world.create(name, spec).await;
    world.until(name, READY).await;
    assert!(world.secret(&format!("{name}-admin")).await.is_some(), "the Secret was made");
    world.told(name, &["Ordered", "AdminCreated", "AwaitingToS"]).await;
}

/// The same Event about the same object, again and again, becomes a series.
async fn adopt_edit_and_correct_drift(world: &World) {
    let id = world.add(account("mine.example"));
    world.create("mine", domain_spec("mine.example")).await;
    world.until("mine", READY).await;
    for name in ["ada", "grace", "mary"] {
        let email = format!("{name}@elsewhere.example");
        world.edit("mine", json!({"alternateEmail": email})).await;
        world.until("mine", READY).await;
    }
    wait_until("a series of Events", PATIENCE, async || {
        world.all_events().await.iter().any(|event| event.series.is_some()).then_some(())
    })
    .await;
    world.change(&id, |account| account.phone_number = Some("+493012345".to_owned()));
    world.annotate("mine", "reconcile-requested-at", "1").await;
    wait_until("drift to be corrected", PATIENCE, async || {
        let events = world.all_events().await;
        events.iter().any(|one| one.reason.as_deref() == Some("DriftCorrected")).then_some(())
    })
    .await;
}

async fn look_with_a_transfer_token(world: &World) {
    world.add(json!({
        "customerDomain": "foreign.example", "owner": "foreign",
        "subscriptions": [{"skuId": "1010020028", "minimumTransferableSeats": 20}],
        "transferTokens": [{"token": "transfer-token-0123"}],
    }));
    world.create_secret("transfer", "token", "transfer-token-0123").await;
    let token = json!({"customerAuthTokenSecretRef": {"name": "transfer", "key": "token"}});
    world.create("foreign", with(domain_spec("foreign.example"), token)).await;
    let object: ResellerCustomer = world.until("foreign", FOREIGN).await;
    assert_eq!(object.status.expect("status").transferable_subscriptions.len(), 1);
}

/// What became of an order is written over a fresh read when somebody wrote the object meanwhile.
async fn order_while_somebody_writes_the_object(world: &World) {
    let ordered = world.calls(ORDER).len();
    world.fail_once(ORDER, Fault::Hold);
    world.create("busy", domain_spec("busy.example")).await;
    world.seen(ORDER, ordered + 1).await;
    world.annotate("busy", "reconcile-requested-at", "1").await;
    world.google.release();
    world.until("busy", READY).await;
    assert_eq!(world.calls_for(ORDER, "busy.example").len(), 1);
}

async fn stop(mut operator: Operator) {
    operator.terminate().await;
    assert_eq!(operator.ended().await.code(), Some(0));
    for refused in ["Forbidden", "forbidden"] {
        assert_eq!(operator.lines(refused), [""; 0]);
    }
}

/// All that an operator does in the cluster, with a standby that takes over. Ends with no process.
async fn work(release: &Release<'_>) {
    let world = release.world;
    let one = release.start("one").await;
    one.says("\"leading\"").await;
    let two = release.start("two").await;
    order_with_a_first_administrator(world, "acme").await;
    adopt_edit_and_correct_drift(world).await;
    look_with_a_transfer_token(world).await;
    order_while_somebody_writes_the_object(world).await;
    world.delete("foreign").await;
    stop(one).await;
    two.says("\"leading\"").await;
    order_with_a_first_administrator(world, "later").await;
    stop(two).await;
}

/// Rights and requests are the same set, and stay no more so with any one right fewer or more.
fn judge(rights: &BTreeSet<Right>, requests: &[AuditEvent]) {
    let refused: Vec<_> = requests.iter().filter(|one| [401, 403].contains(&one.code)).collect();
    assert_eq!(refused, [] as [&AuditEvent; 0]);
    assert_eq!(compare(rights, requests), Verdict::default());
    for right in rights {
        let mut fewer = rights.clone();
        fewer.remove(right);
        let verdict = compare(&fewer, requests);
        assert_eq!((verdict.missing.is_empty(), verdict.unused), (false, vec![]), "{right}");
    }
    for more in others(rights) {
        let wider: BTreeSet<_> = rights.iter().cloned().chain([more.clone()]).collect();
        let verdict = compare(&wider, requests);
        assert_eq!((verdict.unused, verdict.missing), (vec![more.to_string()], BTreeSet::new()));
    }
}

/// Every other verb of each resource, and resources that have nothing to do with it.
fn others(rights: &BTreeSet<Right>) -> Vec<Right> {
    let verbs =
        ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection", "*"];
    let foreign = Right {
        group: "apps".to_owned(),
        resource: "deployments".to_owned(),
        ..rights.first().expect("rights").clone()
    };
    let resources = rights.iter().chain([&foreign]);
    let all = resources
        .flat_map(|right| verbs.map(|verb| Right { verb: verb.to_owned(), ..right.clone() }));
    let others: BTreeSet<_> = all.filter(|right| !rights.contains(right)).collect();
    assert!(others.len() > 20);
    others.into_iter().collect()
}

#[tokio::test]
async fn in_the_whole_cluster_rights_are_what_is_used() {
    // An operator that watches all namespaces needs a cluster for itself.
    let plane: &ControlPlane = Box::leak(Box::new(ControlPlane::start()));
    let world = World::on(plane, "anywhere", 1).await;
    let Some(release) = Release::prepare(&world).await else { return };
    release.install(&release.values(json!({"crds": {"enabled": false}})));
    work(&release).await;
    let rights = granted(&manifest(&release), &release.namespace);
    judge(&rights, &requests(&release));
    let secrets: Vec<_> = rights.iter().filter(|one| one.resource == "secrets").collect();
    let verbs: Vec<_> = secrets.iter().map(|one| one.verb.as_str()).collect();
    assert_eq!(verbs, ["create", "get"], "Secrets are never listed or watched");
    let leases = rights.iter().filter(|one| one.resource == "leases");
    for lease in leases {
        assert_eq!(lease.place, release.namespace, "leases of others are not its business");
    }
}

#[tokio::test]
async fn in_one_namespace_rights_are_what_is_used_and_none_are_elsewhere() {
    let world = World::with_namespaces("watched", 1).await;
    let Some(release) = Release::prepare(&world).await else { return };
    let narrow = json!({
        "crds": {"enabled": false}, "watchNamespaces": [world.namespace()],
        "rbac": {"aggregateClusterRoles": false},
    });
    release.install(&release.values(narrow));
    let elsewhere = world.plane.namespace("elsewhere").await;
    world.create_in(&elsewhere, "other", domain_spec("other.example")).await;
    work(&release).await;
    let objects = manifest(&release);
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        assert_eq!(of_kind(&objects, kind).len(), 0, "{kind}");
    }
    judge(&granted(&objects, &release.namespace), &requests(&release));
    assert_eq!(world.calls_for(ORDER, "other.example"), []);
    for request in requests(&release) {
        let places = [world.namespace(), &release.namespace];
        assert!(places.contains(&request.namespace.as_str()), "{request:?}");
    }
}

/// The rules of the chart, one verb fewer each time: what it cannot start without is named at once.
#[tokio::test]
async fn without_any_one_right_that_it_asks_for_first_it_does_not_start() {
    let Some(helm) = Helm::offline() else { return };
    let world = World::new("fewer").await;
    let narrow = json!({"watchNamespaces": [world.namespace()]});
    let objects = helm.objects(&with(with_key(), narrow));
    let rules: Vec<Value> = of_kind(&objects, "Role")
        .iter()
        .flat_map(|role| role["rules"].as_array().expect("rules").clone())
        .collect();
    let mut tried = 0;
    for (number, rule) in rules.iter().enumerate() {
        let resource = rule["resources"][0].as_str().expect("resource");
        let verbs = rule["verbs"].as_array().expect("verbs");
        if ["secrets", "events"].contains(&resource) {
            continue;
        }
        for verb in verbs {
            let mut fewer = rules.clone();
            fewer[number]["verbs"] = verbs.iter().filter(|one| *one != verb).cloned().collect();
            fewer.retain(|rule| rule["verbs"] != json!([]));
            tried += 1;
            let user = format!("fewer-{tried}-{}", world.namespace());
            world.grant(world.namespace(), &user, &fewer.into()).await;
            let flags = ["--leader-election", "true", "--lease-namespace", world.namespace()];
            let kubeconfig = world.kubeconfig(&user);
            let mut operator = Operator::spawn(&user, &kubeconfig, &world.arguments(&flags));
            assert_eq!(operator.ended().await.code(), Some(1));
            let verb = verb.as_str().expect("verb");
            let says = format!("the operator may not {verb} {resource}");
            assert_eq!(operator.lines(&says).len(), 1, "{says}: {}", operator.log());
        }
    }
    assert_eq!(tried, 7);
}
