//! Checkers of others: what they find is nothing, or stands here with the reason why it stays.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::ControlPlane;
use crate::helm::{Helm, everything, keyless, with_key};
use crate::specs::with;
use crate::tools::tool;

const NO_CPU_LIMIT: &str = "a throttled leader could lose its lease, and memory is limited";

/// What kube-score finds by default, and why it stays.
const KUBE_SCORE: [(&str, &str); 3] = [
    ("container-resources", NO_CPU_LIMIT),
    ("container-image-pull-policy", "a tag of a release never changes, and a digest cannot"),
    (
        "deployment-has-host-podantiaffinity",
        "topologySpreadConstraints spread over nodes and zones",
    ),
];

/// What checkov finds by default, and why it stays.
const CHECKOV: [(&str, &str); 2] = [
    ("CKV_K8S_11", NO_CPU_LIMIT),
    ("CKV_K8S_38", "the operator works with the API server, so it needs a token"),
];

/// As one would run it with care: everything is on that the default leaves off.
fn careful() -> Value {
    let digest = format!("sha256:{}", "0".repeat(64));
    let more = json!({
        "image": {"digest": digest}, "networkPolicy": {"enabled": true},
        "serviceMonitor": {"enabled": true}, "prometheusRule": {"enabled": true},
        "grafanaDashboard": {"enabled": true},
    });
    with(with_key(), more)
}

/// The rendered chart as a file.
fn rendered(helm: &Helm, values: &Value) -> (TempDir, PathBuf) {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("chart.yaml");
    std::fs::write(&path, helm.render(values).ok()).expect("written");
    (folder, path)
}

/// Standard output as JSON, whatever the exit code, which only tells that there are findings.
fn report(command: &mut Command) -> Value {
    let output = command.output().expect("it runs");
    serde_json::from_slice(&output.stdout)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&output.stderr)))
}

fn known<'a>(table: &[(&'a str, &str)]) -> BTreeSet<&'a str> {
    table.iter().map(|(id, _)| *id).collect()
}

#[test]
fn kube_score_finds_what_is_known_and_nothing_else() {
    let Some(helm) = Helm::offline() else { return };
    let Some(kube_score) = tool("kube-score") else { return };
    let (_folder, path) = rendered(&helm, &careful());
    let report = report(Command::new(kube_score).args(["score", "-o", "json"]).arg(path));
    let objects = report.as_array().expect("objects");
    assert!(objects.len() > 3, "{objects:?}");
    let checks = objects.iter().flat_map(|object| object["checks"].as_array().expect("checks"));
    // 10 is the best grade.
    let failed = checks.filter(|one| one["skipped"] != true && one["grade"].as_i64() < Some(10));
    let found: BTreeSet<_> =
        failed.map(|check| check["check"]["id"].as_str().expect("an id")).collect();
    assert_eq!(found, known(&KUBE_SCORE));
}

#[test]
fn checkov_finds_what_is_known_and_nothing_else() {
    let Some(helm) = Helm::offline() else { return };
    let Some(checkov) = tool("checkov") else { return };
    let (_folder, path) = rendered(&helm, &careful());
    let mut command = Command::new(checkov);
    let flags = ["--framework", "kubernetes", "--output", "json", "--quiet", "--skip-download"];
    let report = report(command.args(flags).arg("--file").arg(path));
    assert!(report["summary"]["passed"].as_u64() > Some(100), "{}", report["summary"]);
    assert_eq!(report["summary"]["parsing_errors"], 0);
    let failed = report["results"]["failed_checks"].as_array().expect("checks");
    let found: BTreeSet<_> =
        failed.iter().map(|check| check["check_id"].as_str().expect("an id")).collect();
    assert_eq!(found, known(&CHECKOV));
}

/// Writes a JSON schema for each kind that the API server knows, by its own OpenAPI document. A
/// field that a kind does not have is refused.
async fn write_schemas(plane: &ControlPlane, folder: &Path) {
    let document = plane.kubectl(["get", "--raw", "/openapi/v2"]).await.ok();
    let mut document: Value = serde_json::from_str(&document).expect("JSON");
    let definitions = document["definitions"].as_object_mut().expect("definitions");
    let mut kinds = Vec::new();
    for (name, schema) in definitions.iter_mut() {
        for kind in schema["x-kubernetes-group-version-kind"].as_array().into_iter().flatten() {
            let part = |name: &str| kind[name].as_str().expect("text").to_lowercase();
            // Of the core's, which have no group, kubeconform takes the version for it.
            let group = Some(part("group")).filter(|group| !group.is_empty());
            let group = group.unwrap_or_else(|| part("version"));
            let file = format!("{group}-{}-{}.json", part("version"), part("kind"));
            kinds.push((file, format!("#/definitions/{name}")));
        }
        close(schema);
    }
    for (file, reference) in kinds {
        if RENDERED.iter().any(|kind| file.ends_with(&format!("-{kind}.json"))) {
            let mut needed = Definitions::new();
            need(&reference, definitions, &mut needed);
            let schema = json!({"$ref": reference, "definitions": needed});
            std::fs::write(folder.join(file), schema.to_string()).expect("schema");
        }
    }
}

type Definitions = serde_json::Map<String, Value>;

/// Adds the definition that a reference names, and those that it needs itself.
fn need(reference: &str, all: &Definitions, into: &mut Definitions) {
    let name = reference.trim_start_matches("#/definitions/");
    if !into.contains_key(name) {
        into.insert(name.to_owned(), all[name].clone());
        need_those_in(&all[name], all, into);
    }
}

fn need_those_in(schema: &Value, all: &Definitions, into: &mut Definitions) {
    match schema {
        Value::Object(members) => {
            if let Some(reference) = members.get("$ref").and_then(Value::as_str) {
                need(reference, all, into);
            }
            members.values().for_each(|member| need_those_in(member, all, into));
        }
        Value::Array(items) => items.iter().for_each(|item| need_those_in(item, all, into)),
        _ => {}
    }
}

/// The kinds that the chart renders.
const RENDERED: [&str; 13] = [
    "clusterrole",
    "clusterrolebinding",
    "configmap",
    "customresourcedefinition",
    "deployment",
    "networkpolicy",
    "poddisruptionbudget",
    "prometheusrule",
    "role",
    "rolebinding",
    "service",
    "serviceaccount",
    "servicemonitor",
];

/// Makes a schema refuse what it does not name, and take numbers where Kubernetes does.
fn close(schema: &mut Value) {
    match schema {
        Value::Object(members) => {
            if members.get("format") == Some(&json!("int-or-string")) {
                members.remove("type");
            }
            if members.get("properties").is_some_and(Value::is_object)
                && !members.contains_key("additionalProperties")
                && !members.contains_key("x-kubernetes-preserve-unknown-fields")
            {
                members.insert("additionalProperties".to_owned(), json!(false));
            }
            members.values_mut().for_each(close);
        }
        Value::Array(items) => items.iter_mut().for_each(close),
        _ => {}
    }
}

#[tokio::test]
async fn kubeconform_knows_every_object_by_the_schemas_of_the_api_server() {
    let plane = ControlPlane::shared();
    let Some(helm) = Helm::offline() else { return };
    let Some(kubeconform) = tool("kubeconform") else { return };
    crate::admission::know_prometheus(plane).await;
    let folder = tempfile::tempdir().expect("folder");
    write_schemas(plane, folder.path()).await;
    let schemas = format!(
        "{}/{{{{.Group}}}}-{{{{.ResourceAPIVersion}}}}-{{{{.ResourceKind}}}}.json",
        folder.path().display()
    );
    let run = |values: &Value, from: &str, to: &str| {
        let (_folder, path) = rendered(&helm, values);
        let text = std::fs::read_to_string(&path).expect("text");
        assert!(text.contains(from), "{from}");
        std::fs::write(&path, text.replace(from, to)).expect("written");
        let flags = ["-strict", "-summary", "-output", "json", "-schema-location", &schemas];
        report(Command::new(&kubeconform).args(flags).arg(path))
    };
    for values in [with_key(), keyless(), everything()] {
        let found = run(&values, "kind", "kind");
        let summary = &found["summary"];
        assert_eq!(
            (&summary["invalid"], &summary["errors"], &summary["skipped"]),
            (&json!(0), &json!(0), &json!(0)),
            "{found}"
        );
        assert!(summary["valid"].as_u64() > Some(10), "{found}");
    }
    for (from, to) in
        [("\n  endpoints:", "\n  endpoint:"), ("\n          expr:", "\n          expression:")]
    {
        let wrong = run(&everything(), from, to);
        assert_eq!(wrong["summary"]["invalid"], 1, "{from}: a wrong field would pass: {wrong}");
    }
}
