//! The runbook of `docs/operations.md`, as it is written: a backup that is older than the last orders
//! is restored, and nothing is ordered again.

use std::path::Path;

use reseller_operator::crd::{Origin, ResellerCustomer};
use reseller_operator::simulator::CallFilter;
use serde_json::{Value, json};
use tokio::process::Command;

use crate::google::ORDER;
use crate::specs::{domain_spec, team_account, team_spec, with};
use crate::world::World;

const READY: &str = "Ready=True/InSync Stalled=-";
const ASKS: &str = "Stalled=True/TeamsExist";

/// The commands that bring the objects back.
fn commands() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/operations.md");
    let page = std::fs::read_to_string(page).expect("the page");
    let (_, after) = page.split_once("<!-- restore -->\n```sh\n").expect("the commands");
    after.split_once("```\n").expect("their end").0.to_owned()
}

async fn back_up(world: &World, folder: &Path) {
    let get = ["get", "rcust", "--namespace", world.namespace(), "-o", "json"];
    let objects = world.plane.kubectl(get).await.ok();
    std::fs::write(folder.join("customers.json"), objects).expect("backup");
}

async fn restore(world: &World, folder: &Path) {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let kubectl = world.plane.kubectl_path();
    let mut paths = vec![kubectl.parent().expect("folder").to_owned()];
    paths.extend(std::env::split_paths(&path));
    let output = Command::new("bash")
        .args(["-euo", "pipefail", "-c", &commands()])
        .current_dir(folder)
        .env("PATH", std::env::join_paths(paths).expect("PATH"))
        .env("KUBECONFIG", world.plane.kubeconfig())
        .output()
        .await
        .expect("bash runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

fn status(object: &ResellerCustomer) -> Value {
    serde_json::to_value(&object.status).expect("status")
}

#[tokio::test]
async fn a_restore_of_an_old_backup_orders_nothing_again() {
    let folder = tempfile::tempdir().expect("folder");
    let world = World::new("restore").await;
    for admin in ["one", "two"] {
        let email = json!({"primaryAdmin": {"primaryEmail": format!("{admin}@teams.example")}});
        world.add(with(team_account("teams.example"), email));
    }
    let mut operator = world.operator(&[]).await;
    world.create("acme", domain_spec("acme.example")).await;
    let acme = world.until("acme", READY).await;
    world.create("team", team_spec("teams.example")).await;
    let team = world.until("team", ASKS).await;
    operator.kill().await;

    // A person approves, and the backup comes before the order.
    let token = status(&team)["approval"]["token"].as_str().expect("a token").to_owned();
    world.annotate("team", "approve-order", &token).await;
    back_up(&world, folder.path()).await;
    let mut operator = world.operator(&[]).await;
    world.until("team", READY).await;
    world.create("late", domain_spec("late.example")).await;
    world.until("late", READY).await;
    let orders = world.calls(ORDER).len();
    assert_eq!(orders, 3);

    // The cluster is lost.
    operator.kill().await;
    for name in ["acme", "team", "late"] {
        world.delete(name).await;
    }
    restore(&world, folder.path()).await;
    for name in ["acme", "team"] {
        let object = world.get(name).await;
        assert!(object.spec.suspend, "{name}");
        assert_eq!(object.metadata.annotations.unwrap_or_default().len(), 0, "{name}");
        let status = status(&world.get(name).await);
        assert_eq!(status.get("approval"), None, "{status}");
        assert_eq!(status["observedGeneration"], -1);
    }
    let restored = world.get("acme").await;
    assert_eq!(status(&restored)["customerId"], status(&acme)["customerId"]);
    assert_eq!(status(&restored)["fields"], status(&acme)["fields"]);

    // Suspended, nothing is called.
    let calls = world.google.simulation().calls(&CallFilter::default()).len();
    let _operator = world.operator(&[]).await;
    for name in ["acme", "team"] {
        world.until(name, "Paused=True/Suspended").await;
    }
    assert_eq!(world.google.simulation().calls(&CallFilter::default()).len(), calls);

    // Resumed: what was ordered is known; what the backup does not know is found, or asked for.
    for name in ["acme", "team"] {
        world.edit(name, json!({"suspend": false})).await;
    }
    world.create("late", domain_spec("late.example")).await;
    let origin = |object: &ResellerCustomer| object.status.as_ref().and_then(|s| s.origin);
    assert_eq!(origin(&world.until("acme", READY).await), Some(Origin::Ordered));
    assert_eq!(origin(&world.until("late", READY).await), Some(Origin::Adopted));
    let asked = world.until("team", ASKS).await;
    assert_ne!(status(&asked)["approval"]["token"], token.as_str(), "an old word counts no more");
    assert_eq!(world.calls(ORDER).len(), orders, "nothing is ordered again");
}
