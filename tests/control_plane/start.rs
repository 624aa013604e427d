//! What stops the operator from starting: one clear line, and exit code 1.

use std::path::Path;

use serde_json::json;

use crate::common::ControlPlane;
use crate::operator::Operator;
use crate::world::{World, rights};

/// The one line of an operator that must not start.
async fn refusal(mut operator: Operator) -> String {
    let end = operator.ended().await;
    let log = operator.log();
    assert_eq!(end.code(), Some(1), "{log}");
    // kube's client says for itself that it cannot connect.
    let lines: Vec<&str> = log.lines().filter(|line| !line.contains("kube_client")).collect();
    assert_eq!(lines.len(), 1, "one line: {log}");
    assert!(lines[0].starts_with("error: "), "{log}");
    lines[0].to_owned()
}

#[tokio::test]
async fn a_broken_credentials_file_is_named_and_not_shown() {
    let world = World::new("key").await;
    let key = std::fs::read_to_string(world.key_file()).expect("key file");
    let broken = [
        ("{\"private_key\": \"s3cret\"", "not a service-account key"),
        (
            "{\"type\": \"authorized_user\", \"client_email\": \"a\", \"private_key\": \"s3cret\"}",
            "service_account",
        ),
        (&key.replace("BEGIN", "BEGUN"), "private_key"),
    ];
    for (content, word) in broken {
        std::fs::write(world.key_file(), content).expect("key file");
        let line = refusal(world.spawn(&[])).await;
        assert!(line.contains("key.json") && line.contains(word), "{line}");
        assert!(!line.contains("s3cret") && !line.contains("MII"), "{line}");
    }
    std::fs::remove_file(world.key_file()).expect("key file");
    let line = refusal(world.spawn(&[])).await;
    assert!(line.contains("cannot read") && line.contains("key.json"), "{line}");
    assert_eq!(world.plane.requests(&world.user()), [], "the cluster is not asked before");
}

#[tokio::test]
async fn missing_rights_are_named() {
    let world = World::new("rights").await;
    let namespace = world.namespace();
    let run = |user: &str| Operator::spawn(user, &world.kubeconfig(user), &world.arguments(&[]));
    let nobody = format!("nobody-{namespace}");
    let line = refusal(run(&nobody)).await;
    for right in ["get", "list", "watch"] {
        assert!(line.contains(&format!("{right} resellercustomers")), "{line}");
    }
    assert!(line.contains("patch resellercustomers/status"), "{line}");
    assert!(line.contains(namespace) && line.contains("Role"), "{line}");

    let reader = format!("reader-{namespace}");
    let reads = json!([rights()[0]]);
    world.grant(namespace, &reader, &reads).await;
    let line = refusal(run(&reader)).await;
    assert!(line.contains("may not patch resellercustomers/status"), "{line}");
    assert!(!line.contains("watch resellercustomers"), "only what is missing: {line}");
}

#[tokio::test]
async fn without_the_custom_resource_definition_it_says_how_to_get_it() {
    let world = World::new("nocrd").await;
    let bare = ControlPlane::start();
    let line = refusal(start_on(&world, &bare.kubeconfig())).await;
    assert!(line.contains("resellercustomers.reseller-operator.dev"), "{line}");
    assert!(line.contains("reseller-operator crd | kubectl apply"), "{line}");
    let kubeconfig = bare.dir().join("kept");
    std::fs::copy(bare.kubeconfig(), &kubeconfig).expect("kubeconfig");
    let text = std::fs::read_to_string(kubeconfig).expect("kubeconfig");
    let ca = std::fs::read_to_string(bare.dir().join("certs/apiserver.crt")).expect("certificate");
    drop(bare);

    // The same, when there is no cluster at all.
    let folder = tempfile::tempdir().expect("folder");
    let certificate = folder.path().join("ca.crt");
    std::fs::write(&certificate, ca).expect("certificate");
    let gone = folder.path().join("kubeconfig");
    let line = text.lines().map(|line| match line.split_once("certificate-authority: ") {
        Some((indent, _)) => format!("{indent}certificate-authority: {}\n", certificate.display()),
        None => format!("{line}\n"),
    });
    std::fs::write(&gone, line.collect::<String>()).expect("kubeconfig");
    let line = refusal(start_on(&world, &gone)).await;
    assert!(line.contains("check the kubeconfig and the network"), "{line}");
}

fn start_on(world: &World, kubeconfig: &Path) -> Operator {
    Operator::spawn("start", kubeconfig, &world.arguments(&[]))
}
