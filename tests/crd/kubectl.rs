//! How a user meets the kind in kubectl.

use serde_json::{Value, json};

use super::common::ControlPlane;

/// A status as the operator writes it for a customer that waits for the terms of service.
fn status() -> Value {
    let condition = |kind: &str, status: &str, reason: &str, message: &str| {
        json!({
            "type": kind, "status": status, "reason": reason, "message": message,
            "observedGeneration": 1, "lastTransitionTime": "2026-11-21T10:00:00Z",
        })
    };
    json!({
        "observedGeneration": 1, "customerId": "C0123abcd", "origin": "Ordered",
        "customerType": "domain", "customerDomainVerified": true,
        "conditions": [
            condition("AwaitingToS", "True", "PendingAcceptance", "ada must sign in"),
            condition("Ready", "True", "InSync", "The account is as spec says."),
        ],
    })
}

const MANIFEST: &str = "
apiVersion: reseller-operator.dev/v1alpha1
kind: ResellerCustomer
metadata: {name: customer}
spec: {customerDomain: shown.example, managementPolicy: Observe}
";

async fn namespace_with_customer(prefix: &str) -> (&'static ControlPlane, String) {
    let plane = ControlPlane::shared();
    plane.apply_crd().await;
    let namespace = plane.namespace(prefix).await;
    plane.kubectl_stdin(["apply", "-n", &namespace, "-f", "-"], MANIFEST).await.ok();
    (plane, namespace)
}

async fn set_status(plane: &ControlPlane, namespace: &str) {
    let patch = json!({"status": status()}).to_string();
    let args = ["patch", "rcust", "customer", "-n", namespace, "--subresource=status"];
    plane.kubectl(args.into_iter().chain(["--type=merge", "-p", &patch])).await.ok();
}

fn words(line: &str) -> Vec<&str> {
    line.split_whitespace().collect()
}

#[tokio::test]
async fn the_table_shows_what_matters() {
    let (plane, namespace) = namespace_with_customer("table").await;
    set_status(plane, &namespace).await;

    let table = plane.kubectl(["get", "rcust", "-n", &namespace]).await.ok();
    let mut lines = table.lines().map(words);
    assert_eq!(
        lines.next().unwrap(),
        ["NAME", "READY", "REASON", "DOMAIN", "CUSTOMER-ID", "TYPE", "TOS", "AGE"]
    );
    let row = lines.next().unwrap();
    let shown = ["customer", "True", "InSync", "shown.example", "C0123abcd", "domain"];
    assert_eq!(row[..6], shown);
    assert_eq!(row[6], "PendingAcceptance");

    let wide = plane.kubectl(["get", "rcust", "-o", "wide", "-n", &namespace]).await.ok();
    let mut lines = wide.lines();
    assert_eq!(words(lines.next().unwrap())[7..], ["AGE", "VERIFIED", "ORIGIN", "MESSAGE"]);
    let row = lines.next().unwrap();
    assert!(row.contains("true       Ordered   The account is as spec says."), "{row}");
}

#[tokio::test]
async fn the_short_name_and_the_category_find_it() {
    let (plane, namespace) = namespace_with_customer("names").await;
    for name in ["rcust", "reseller", "resellercustomer", "resellercustomers"] {
        let found = plane.kubectl(["get", name, "-n", &namespace, "-o", "name"]).await.ok();
        assert_eq!(found, "resellercustomer.reseller-operator.dev/customer\n", "{name}");
    }
}

#[tokio::test]
async fn objects_are_found_by_domain_and_by_customer_id() {
    let (plane, namespace) = namespace_with_customer("selectors").await;
    set_status(plane, &namespace).await;
    for (selector, found) in [
        ("spec.customerDomain=shown.example", true),
        ("spec.customerDomain=other.example", false),
        ("status.customerId=C0123abcd", true),
        ("status.customerId=C0000", false),
    ] {
        let args = ["get", "rcust", "-n", &namespace, "-o", "name", "--field-selector", selector];
        let names = plane.kubectl(args).await.ok();
        assert_eq!(!names.is_empty(), found, "{selector}: {names}");
    }
}

/// Without the default Flux and Helm would take a new object for done.
#[tokio::test]
async fn a_new_object_has_not_been_observed() {
    let (plane, namespace) = namespace_with_customer("default").await;
    let args = ["get", "rcust", "customer", "-n", &namespace, "-o", "jsonpath={.status}"];
    assert_eq!(plane.kubectl(args).await.ok(), r#"{"observedGeneration":-1}"#);
    let args = ["get", "rcust", "customer", "-n", &namespace, "-o", "jsonpath={.spec}"];
    let spec: Value = serde_json::from_str(&plane.kubectl(args).await.ok()).unwrap();
    assert_eq!(
        spec,
        json!({
            "customerDomain": "shown.example", "customerType": "domain",
            "managementPolicy": "Observe", "adoptionPolicy": "Always", "driftPolicy": "Correct",
            "suspend": false,
        })
    );
}

#[tokio::test]
async fn output_only_fields_of_google_are_refused() {
    let plane = ControlPlane::shared();
    plane.apply_crd().await;
    let namespace = plane.namespace("unknown").await;
    for field in ["kind: reseller#customer", "customerDomainVerified: true"] {
        let manifest = MANIFEST.replace("spec: {", &format!("spec: {{{field}, "));
        let answer = plane.kubectl_stdin(["apply", "-n", &namespace, "-f", "-"], &manifest).await;
        let name = field.split(':').next().unwrap();
        assert!(!answer.success);
        assert!(answer.stderr.contains(&format!(r#"unknown field "spec.{name}""#)), "{answer:?}");
    }
}

#[tokio::test]
async fn explain_reads_like_documentation() {
    let plane = ControlPlane::shared();
    plane.apply_crd().await;
    let flat = async |path: &str| {
        let text = plane.kubectl(["explain", path]).await.ok();
        text.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    let kind = flat("rcust").await;
    assert!(kind.contains("Deleting one changes nothing at Google"), "{kind}");
    let spec = flat("rcust.spec").await;
    assert!(spec.contains("deleting the object, changes nothing at Google"), "{spec}");

    for part in
        ["spec", "spec.postalAddress", "spec.initialAdmin", "spec.initialAdmin.name", "status"]
    {
        let text = plane.kubectl(["explain", &format!("rcust.{part}")]).await.ok();
        assert!(!text.contains("<no description>"), "{text}");
    }
}
