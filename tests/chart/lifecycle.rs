//! Install, upgrade, uninstall: customers and their kind stay.

use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::common::ControlPlane;
use crate::helm::{CHART, Helm};
use crate::release::{NAME, Release};
use crate::specs::{account, domain_spec, initial_admin, with};
use crate::world::World;

const CRD: &str = "resellercustomers.reseller-operator.dev";
const READY: &str = "Ready=True/InSync Synced=True/InSync Stalled=-";

/// A copy of the chart with an older version, whose kind has one column less.
fn older_chart(folder: &Path) -> PathBuf {
    let copy = folder.join("reseller-operator");
    let copied = std::process::Command::new("cp").arg("-r").arg(CHART).arg(&copy).status();
    assert!(copied.expect("cp").success());
    let edit = |file: &str, from: &str, to: &str| {
        let path = copy.join(file);
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(text.contains(from), "{file}: {from}");
        std::fs::write(path, text.replace(from, to)).expect("written");
    };
    let version = format!("\nversion: {}\n", env!("CARGO_PKG_VERSION"));
    edit("Chart.yaml", &version, "\nversion: 0.0.1\n");
    let column = "    - jsonPath: .spec.customerDomain\n      name: Domain\n      type: string\n";
    edit("files/crd.yaml", column, "");
    copy
}

async fn columns(plane: &ControlPlane) -> String {
    let path = "jsonpath={.spec.versions[0].additionalPrinterColumns[*].name}";
    plane.kubectl(["get", "crd", CRD, "-o", path]).await.ok()
}

/// What makes an object the same: its uid, and that nobody wrote it.
async fn customer(plane: &ControlPlane, world: &World) -> Value {
    let get = ["get", "rcust", "acme", "-n", world.namespace(), "-o", "json"];
    serde_json::from_str(&plane.kubectl(get).await.ok()).expect("JSON")
}

/// The CRD is that of the chart; whoever applies that of `crds/` over it changes nothing.
#[tokio::test]
async fn customers_live_through_install_upgrade_and_uninstall_and_become_ready() {
    let plane: &ControlPlane = Box::leak(Box::new(ControlPlane::start()));
    let Some(helm) = Helm::on(plane) else { return };
    let folder = tempfile::tempdir().expect("folder");
    let older = older_chart(folder.path()).display().to_string();
    plane.kubectl(["create", "namespace", "first"]).await.ok();
    let values = crate::helm::with_key();
    let said = helm.run(["install", "first", &older, "-n", "first"], &values).ok();
    assert!(said.contains("STATUS: deployed"), "{said}");
    assert!(!columns(plane).await.contains("Domain"));
    // The kind and the customers outlive the release, and any later one of that name takes it over.
    helm.plain(["uninstall", "first", "-n", "first"]).ok();
    helm.run(["install", "first", &older, "-n", "first"], &values).ok();
    helm.run(["upgrade", "first", CHART, "-n", "first"], &values).ok();
    assert!(columns(plane).await.contains("Domain"), "the kind is upgraded with the chart");

    let world = World::on(plane, "customers", 1).await;
    let Some(release) = Release::prepare(&world).await else { return };
    release.install(&release.values(json!({"crds": {"enabled": false}})));
    let operator = release.start("chart").await;
    let spec = with(domain_spec("acme.example"), initial_admin("acme.example"));
    world.create("acme", spec).await;
    world.until("acme", READY).await;
    world.told("acme", &["Ordered", "AdminCreated", "AwaitingToS"]).await;
    assert_eq!(operator.get("/readyz").await, "ok\n");
    operator.terminate().await;

    let before = customer(plane, &world).await;
    let values = release.values(json!({"crds": {"enabled": false}, "replicas": 3}));
    release.helm.run(["upgrade", NAME, CHART, "-n", &release.namespace], &values).ok();
    // The release that has the kind gives it up, then goes.
    let without = json!({"crds": {"enabled": false}});
    let values = with(crate::helm::with_key(), without);
    helm.run(["upgrade", "first", CHART, "-n", "first"], &values).ok();
    for (name, namespace) in [("first", "first"), (NAME, &release.namespace)] {
        let said = helm.plain(["uninstall", name, "-n", namespace]).ok();
        assert!(said.contains("uninstalled"), "{said}");
    }
    assert_eq!(customer(plane, &world).await, before);
    assert!(before["status"]["customerId"].is_string());
    let left =
        ["get", "deploy,sa,svc,pdb,role,rolebinding", "-n", &release.namespace, "-o", "name"];
    assert_eq!(plane.kubectl(left).await.ok(), "", "nothing else is left");
    let selector = "app.kubernetes.io/managed-by=Helm";
    let cluster = ["get", "clusterrole,clusterrolebinding", "-l", selector, "-o", "name"];
    assert_eq!(plane.kubectl(cluster).await.ok(), "");
}

#[tokio::test]
async fn uninstalling_the_release_that_has_the_kind_keeps_kind_and_customers() {
    let plane: &ControlPlane = Box::leak(Box::new(ControlPlane::start()));
    let Some(helm) = Helm::on(plane) else { return };
    plane.kubectl(["create", "namespace", "google"]).await.ok();
    let values = crate::helm::with_key();
    helm.run(["install", NAME, CHART, "-n", "google"], &values).ok();
    let world = World::on(plane, "customers", 1).await;
    world.create("acme", account("acme.example")).await;
    let before = customer(plane, &world).await;
    let said = helm.plain(["uninstall", NAME, "-n", "google"]).ok();
    assert!(said.contains("kept due to the resource policy"), "{said}");
    assert!(said.contains(CRD), "{said}");
    assert_eq!(customer(plane, &world).await, before);
    helm.run(["install", NAME, CHART, "-n", "google"], &values).ok();
    assert_eq!(customer(plane, &world).await, before);

    // Another release takes the kind over only when it is told to.
    helm.plain(["uninstall", NAME, "-n", "google"]).ok();
    let other = ["install", "other", CHART, "-n", "google"];
    let refused = helm.run(other, &values);
    assert!(!refused.success && refused.stderr.contains(CRD), "{}", refused.stderr);
    helm.run(other.into_iter().chain(["--take-ownership"]), &values).ok();
    assert_eq!(customer(plane, &world).await, before);
}
