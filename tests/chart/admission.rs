//! The API server's admission takes the pods in a namespace of Pod Security `restricted`.

use serde_json::{Value, json};

use crate::common::{ControlPlane, Output, wait_until};
use crate::helm::{Helm, everything, keyless, only, with_key};
use crate::specs::with;
use crate::world::PATIENCE;

/// The API server's verdict on a Pod made from the rendered Deployment.
async fn admitted(plane: &ControlPlane, helm: &Helm, namespace: &str, values: &Value) -> Output {
    let objects = helm.objects(values);
    let template = &only(&objects, "Deployment")["spec"]["template"];
    let pod = json!({
        "apiVersion": "v1", "kind": "Pod",
        "metadata": with(template["metadata"].clone(), json!({"name": "pod"})),
        "spec": template["spec"],
    });
    let apply = ["apply", "-n", namespace, "--dry-run=server", "--validate=strict", "-f", "-"];
    plane.kubectl_stdin(apply, &pod.to_string()).await
}

#[tokio::test]
async fn the_pod_is_admitted_where_only_restricted_ones_are() {
    let plane = ControlPlane::shared();
    let Some(helm) = Helm::offline() else { return };
    let namespace = plane.namespace("restricted").await;
    let label = "pod-security.kubernetes.io/enforce=restricted";
    plane.kubectl(["label", "namespace", &namespace, label]).await.ok();
    for values in [with_key(), keyless(), everything()] {
        let verdict = admitted(plane, &helm, &namespace, &values).await;
        assert!(!verdict.stderr.contains("Warning"), "{}", verdict.stderr);
        verdict.ok();
    }
    for (unsafe_value, says) in [
        (
            json!({"securityContext": {"allowPrivilegeEscalation": true}}),
            "allowPrivilegeEscalation",
        ),
        (json!({"securityContext": {"capabilities": null}}), "capabilities"),
        (json!({"podSecurityContext": {"runAsNonRoot": false}}), "runAsNonRoot"),
        (json!({"podSecurityContext": {"seccompProfile": {"type": "Unconfined"}}}), "seccomp"),
    ] {
        let verdict = admitted(plane, &helm, &namespace, &with(with_key(), unsafe_value)).await;
        assert!(!verdict.success && verdict.stderr.contains(says), "{}", verdict.stderr);
    }
}

/// Installs the kinds of the Prometheus operator, and waits until the API server tells of them.
pub async fn know_prometheus(plane: &ControlPlane) {
    let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/dev/assets/prometheus-operator-crds");
    plane.kubectl(["apply", "--server-side", "-f", crds]).await.ok();
    wait_until("the kinds of Prometheus", PATIENCE, async || {
        for kind in ["servicemonitor", "prometheusrule"] {
            let explain = ["explain", &format!("{kind}.spec")].map(str::to_owned);
            let get = ["get".to_owned(), kind.to_owned()];
            if !plane.kubectl(get).await.success || !plane.kubectl(explain).await.success {
                return None;
            }
        }
        Some(())
    })
    .await;
}

/// Every object with every option, with fields that are not known refused; and those of Prometheus
/// by its operator's own definitions.
#[tokio::test]
async fn the_api_server_knows_every_field_of_every_object() {
    let plane = ControlPlane::shared();
    let Some(helm) = Helm::offline() else { return };
    know_prometheus(plane).await;
    plane.kubectl(["create", "namespace", "google"]).await.ok();
    plane.kubectl(["create", "namespace", "resale"]).await.ok();
    let crd = json!({"crds": {"enabled": false}});
    let narrow = json!({"watchNamespaces": ["resale"]});
    for values in [keyless(), everything(), with(everything(), narrow)] {
        let objects = helm.objects(&with(values, crd.clone()));
        for object in &objects {
            let kind = &object["kind"];
            let apply = ["apply", "--dry-run=server", "--validate=strict", "-f", "-"];
            let verdict = plane.kubectl_stdin(apply, &object.to_string()).await;
            assert!(verdict.success, "{kind}: {}", verdict.stderr);
            assert_eq!(verdict.stderr, "", "{kind}");
        }
    }
}
