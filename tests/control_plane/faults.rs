//! Kubernetes fails, or goes on under the operator's hands: the end state, and how many writes it
//! took.

use std::process::Stdio;

use kube::Api;
use kube::api::{Patch, PatchParams};
use reseller_operator::crd::{Origin, ResellerCustomer};
use reseller_operator::simulator::{CallFilter, Fault, FaultRule};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::common::control_plane::SCRIPT;
use crate::common::{ControlPlane, wait_for, wait_until};
use crate::gateway::Gateway;
use crate::google::{GET, ORDER, PATCH};
use crate::operator::Operator;
use crate::shown::message;
use crate::specs::{account, domain_spec, initial_admin, with};
use crate::world::{PATIENCE, World};

const READY: &str = "Ready=True/InSync Synced=True/InSync Stalled=-";
const INSERT: &str = "directory.users.insert";

/// The next call of a method for this key is carried out, and its answer held.
async fn held(world: &World, method: &str, key: &str) {
    let filter = CallFilter { key: Some(key.to_owned()), ..CallFilter::method(method) };
    tokio::time::timeout(PATIENCE, world.google.seen(&filter, 1)).await.expect("the call");
}

fn hold(world: &World, method: &str, key: &str) {
    let rule = FaultRule::once(method, Fault::Hold);
    world.google.simulation().inject(FaultRule { key: Some(key.to_owned()), ..rule });
}

/// HTTP status of each write of an object's status that the operator asked for.
fn status_writes(world: &World, name: &str) -> Vec<u16> {
    let mut writes = world.kube_writes();
    writes.retain(|w| w.resource == "resellercustomers/status" && w.name == name);
    writes.iter().map(|write| write.code).collect()
}

fn is_ordered(object: &ResellerCustomer) -> bool {
    let status = object.status.as_ref().expect("status");
    status.origin == Some(Origin::Ordered) && status.pending_operation.is_none()
}

/// An operator whose way to the API server can be closed.
async fn operator_behind(world: &World, flags: &[&str]) -> (Operator, Gateway) {
    let kubeconfig = world.kubeconfig(&world.user());
    let gateway = Gateway::to(&kubeconfig).await;
    let way = gateway.kubeconfig(&kubeconfig);
    let operator = Operator::spawn(world.namespace(), &way, &world.arguments(flags));
    operator.is_ready().await;
    (operator, gateway)
}

#[tokio::test]
async fn a_conflict_before_the_order_ends_the_pass_and_nothing_is_sent() {
    let world = World::new("before").await;
    let _operator = world.operator(&[]).await;
    hold(&world, GET, "acme.example");
    world.create("acme", domain_spec("acme.example")).await;
    held(&world, GET, "acme.example").await;
    // No reason for another look, but another resourceVersion.
    world.annotate("acme", "note", "mine").await;
    world.google.release();
    assert!(is_ordered(&world.until("acme", READY).await));
    assert_eq!(world.google_writes(), ["reseller.customers.insert acme.example"]);
    // Announced; the ledger is refused, then written; ordered; in sync.
    assert_eq!(status_writes(&world, "acme"), [200, 409, 200, 200, 200]);
}

#[tokio::test]
async fn a_conflict_after_the_order_does_not_lose_its_outcome() {
    let world = World::new("after").await;
    let operator = world.operator(&[]).await;
    hold(&world, ORDER, "acme.example");
    world.create("acme", domain_spec("acme.example")).await;
    held(&world, ORDER, "acme.example").await;
    world.edit("acme", json!({"phoneNumber": "+49 30 5550000"})).await;
    world.google.release();
    assert!(is_ordered(&world.until("acme", READY).await));
    let id = world.account_of("acme.example").customer_id;
    assert_eq!(
        world.google_writes(),
        ["reseller.customers.insert acme.example".to_owned(), format!("{PATCH} {id}")]
    );
    // Announced, ledger; the outcome is refused, then written; the edit: announced, written, in
    // sync.
    assert_eq!(status_writes(&world, "acme"), [200, 200, 409, 200, 200, 200, 200]);
    world.told("acme", &["Ordered", "Updated"]).await;
    let metrics = operator.get("/metrics").await;
    assert!(metrics.contains("status_writes_total{result=\"conflict\"} 1"), "{metrics}");
}

#[tokio::test]
async fn a_status_that_is_wiped_while_the_order_is_on_the_way_is_not_a_second_order() {
    let world = World::new("wiped").await;
    let _operator = world.operator(&[]).await;
    hold(&world, ORDER, "acme.example");
    world.create("acme", domain_spec("acme.example")).await;
    held(&world, ORDER, "acme.example").await;
    let wipe = Patch::Merge(json!({"status": null}));
    world.api().patch_status("acme", &PatchParams::default(), &wipe).await.expect("wipe");
    world.google.release();
    let status = world.until("acme", READY).await.status.expect("status");
    let id = world.account_of("acme.example").customer_id;
    assert_eq!((status.customer_id, status.origin), (Some(id), Some(Origin::Adopted)));
    assert_eq!(world.google_writes(), ["reseller.customers.insert acme.example"]);
}

#[tokio::test]
async fn a_watch_that_is_cut_is_taken_up_where_it_was() {
    let world = World::new("cut").await;
    world.add(account("passed-on.example"));
    let (mut operator, gateway) = operator_behind(&world, &[]).await;
    world.create("holder", domain_spec("passed-on.example")).await;
    world.until("holder", READY).await;
    world.create("heir", domain_spec("passed-on.example")).await;
    world.until("heir", "Stalled=True/DuplicateClaim").await;
    for number in 0..10 {
        let name = format!("cut{number}");
        world.create(&name, domain_spec(&format!("{name}.example"))).await;
        gateway.cut();
    }
    // What happens while nothing comes through.
    gateway.close();
    world.create("unseen", domain_spec("unseen.example")).await;
    world.delete("holder").await;
    operator.says("the watch was cut").await;
    gateway.open();

    world.until("heir", READY).await;
    assert!(is_ordered(&world.until("unseen", READY).await));
    for number in 0..10 {
        let name = format!("cut{number}");
        assert!(is_ordered(&world.until(&name, READY).await), "{name}");
        assert_eq!(world.calls_for(ORDER, &format!("{name}.example")).len(), 1, "{name}");
    }
    assert_eq!(world.google_writes().len(), 11, "ten and the one that was not seen come");
    assert!(operator.is_running());
}

#[tokio::test]
async fn without_the_api_server_nothing_is_begun_and_what_was_made_is_written_down_later() {
    let world = World::new("noapi").await;
    let (operator, gateway) = operator_behind(&world, &[]).await;
    hold(&world, GET, "looked.example");
    hold(&world, ORDER, "ordered.example");
    for name in ["looked", "ordered"] {
        world.create(name, domain_spec(&format!("{name}.example"))).await;
    }
    held(&world, GET, "looked.example").await;
    held(&world, ORDER, "ordered.example").await;
    gateway.close();
    world.google.release();
    operator.says("cannot record the call before it is made").await;
    wait_until("a write of the outcome that failed", PATIENCE, async || {
        let metrics = operator.get("/metrics").await;
        let failed = metrics.lines().find_map(|line| {
            line.strip_prefix("reseller_operator_status_writes_total{result=\"error\"} ")
        });
        failed.and_then(|count| count.parse::<u32>().ok()).filter(|count| *count >= 2)
    })
    .await;
    assert_eq!(world.calls_for(ORDER, "looked.example"), []);
    gateway.open();
    for name in ["looked", "ordered"] {
        assert!(is_ordered(&world.until(name, READY).await), "{name}");
        assert_eq!(world.calls_for(ORDER, &format!("{name}.example")).len(), 1, "{name}");
    }
    world.told("ordered", &["Ordered"]).await;
}

async fn control_plane(plane: &ControlPlane, command: &str) {
    let programs = plane.kubectl_path();
    let status = Command::new(SCRIPT)
        .arg(command)
        .arg(plane.dir())
        .env("KUBEBUILDER_ASSETS", programs.parent().expect("a folder"))
        .stdin(Stdio::null())
        .status();
    assert!(status.await.expect("dev/control-plane runs").success(), "{command}");
}

#[tokio::test]
async fn a_restart_of_the_api_server_repeats_nothing_and_loses_nothing() {
    let plane: &'static ControlPlane = Box::leak(Box::new(ControlPlane::start()));
    let mut world = World::on(plane, "restart", 1).await;
    world.add(account("settled.example"));
    let (mut operator, gateway) = operator_behind(&world, &[]).await;
    world.create("settled", domain_spec("settled.example")).await;
    world.until("settled", READY).await;
    hold(&world, ORDER, "acme.example");
    world.create("acme", domain_spec("acme.example")).await;
    held(&world, ORDER, "acme.example").await;

    control_plane(plane, "down").await;
    world.google.release();
    control_plane(plane, "up").await;
    gateway.lead_to(&plane.kubeconfig());
    world.client = plane.client().await;
    assert!(is_ordered(&world.until("acme", READY).await));
    world.edit("settled", json!({"phoneNumber": "+49 30 5550000"})).await;
    world.until("settled", READY).await;
    world.create("later", domain_spec("later.example")).await;
    world.until("later", READY).await;
    let id = world.account_of("settled.example").customer_id;
    let mut writes = world.google_writes();
    writes.sort();
    assert_eq!(
        writes,
        [
            "reseller.customers.insert acme.example".to_owned(),
            "reseller.customers.insert later.example".to_owned(),
            format!("{PATCH} {id}"),
        ]
    );
    assert!(operator.is_running());
}

#[tokio::test]
async fn a_token_endpoint_that_fails_is_waited_for() {
    let world = World::new("token").await;
    let failures = [
        ("down", Fault::status(503, "backendError", "Backend Error")),
        ("page", Fault::Html { status: 502, after_commit: false }),
        ("dropped", Fault::Drop),
        ("broken", Fault::BrokenJson),
    ];
    for (name, fault) in failures {
        world.fail(Some("oauth2.token"), fault);
        // A process that has no token yet.
        let operator = world.operator(&[]).await;
        world.create(name, domain_spec(&format!("{name}.example"))).await;
        let waits = "Ready=False/ProgressingWithRetry Reconciling=True/ProgressingWithRetry \
                     Synced=Unknown/Unavailable Stalled=- Managed=Unknown/NotRead";
        world.until(name, waits).await;
        assert_eq!(world.calls_for(GET, &format!("{name}.example")), [], "{name}");
        world.heal();
        world.annotate(name, "reconcile-requested-at", "1").await;
        assert!(is_ordered(&world.until(name, READY).await), "{name}");
        drop(operator);
    }
    assert_eq!(world.google_writes().len(), 4, "one order each");
}

async fn edit_secret(world: &World, name: &str, data: Value) {
    let api = Api::<k8s_openapi::api::core::v1::Secret>::namespaced(
        world.client.clone(),
        world.namespace(),
    );
    let patch = Patch::Merge(json!({"stringData": data}));
    api.patch(name, &PatchParams::default(), &patch).await.expect("Secret");
}

#[tokio::test]
async fn a_password_that_is_changed_during_the_try_is_told_and_the_user_made_once() {
    let world = World::new("changed").await;
    world.create_secret("first-password", "password", "the-first-one").await;
    let _operator = world.operator(&["--request-timeout", "1s"]).await;
    hold(&world, INSERT, "ada@acme.example");
    let spec = with(domain_spec("acme.example"), initial_admin("acme.example"));
    world.create("acme", spec).await;
    held(&world, INSERT, "ada@acme.example").await;
    edit_secret(&world, "first-password", json!({"password": "the-second-one"})).await;
    // The call is given up, read again, and found to be ours.
    let is_told = |object: Option<&ResellerCustomer>| {
        object.is_some_and(|object| {
            message(object, "Ready").contains("the password in it may not match")
        })
    };
    wait_for(&world.api(), "acme", "what may not match", PATIENCE, is_told).await;
    let status = world.until("acme", READY).await.status.expect("status");
    world.google.release();
    assert!(status.onboarded);
    assert!(status.initial_admin.is_some_and(|admin| admin.created && admin.is_admin));
    assert_eq!(world.calls(INSERT).len(), 1);
    let users = world.account_of("acme.example").users;
    assert!(users.len() == 1 && users[0].is_admin);
    let secret = world.secret("first-password").await.expect("Secret");
    assert_eq!(secret.data.expect("data")["password"].0, b"the-second-one", "never overwritten");
}
