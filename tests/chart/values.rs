//! What the chart can be told: wrong values are refused with the name of the key.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use crate::helm::{CHART, Helm, everything, keyless, with_key};
use crate::specs::with;

fn read(file: &str) -> String {
    std::fs::read_to_string(format!("{CHART}/{file}")).expect("a file of the chart")
}

/// Paths of all members of the values, `google.subject`; of what is as in Kubernetes only the first.
fn paths_of_schema(schema: &Value, path: &str, into: &mut BTreeSet<String>) {
    for (name, member) in schema["properties"].as_object().into_iter().flatten() {
        let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
        if member["properties"].is_object() && name != "resources" && name != "affinity" {
            assert_eq!(member["additionalProperties"], false, "{path} takes any key");
            paths_of_schema(member, &path, into);
        } else {
            into.insert(path);
        }
    }
}

fn schema_paths() -> BTreeSet<String> {
    let schema: Value = serde_json::from_str(&read("values.schema.json")).expect("JSON");
    assert_eq!(schema["additionalProperties"], false);
    let mut paths = BTreeSet::new();
    paths_of_schema(&schema, "", &mut paths);
    // Helm's own, for charts in charts.
    assert!(paths.remove("global"));
    paths
}

#[test]
fn schema_and_values_have_the_same_keys() {
    let values: Value = serde_yaml::from_str(&read("values.yaml")).expect("YAML");
    let paths = schema_paths();
    for path in &paths {
        let pointer = format!("/{}", path.replace('.', "/"));
        assert!(values.pointer(&pointer).is_some(), "values.yaml has no {path}");
    }
    let tops: BTreeSet<_> =
        paths.iter().map(|path| path.split('.').next().expect("name")).collect();
    let known: BTreeSet<_> =
        values.as_object().expect("a map").keys().map(String::as_str).collect();
    assert_eq!(known, tops);
    for path in paths.iter().filter(|path| path.contains('.')) {
        let (top, _) = path.split_once('.').expect("a dot");
        let below = |one: &&String| one.starts_with(&format!("{top}."));
        let members = values[top].as_object().expect("a map");
        assert_eq!(members.len(), paths.iter().filter(below).count(), "{top}");
    }
}

#[test]
fn every_value_is_explained() {
    let text = read("values.yaml");
    let page = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/helm.md"))
        .expect("docs/helm.md");
    for path in schema_paths() {
        assert!(page.contains(&format!("`{path}`")), "docs/helm.md does not tell of {path}");
        let (indent, name) = path.rsplit_once('.').map_or(("", path.as_str()), |(_, n)| ("  ", n));
        let line = format!("\n{indent}{name}:");
        let top = path.split('.').next().expect("name");
        let section = text.split(&format!("\n{top}:")).nth(1).expect("a section");
        let before = if indent.is_empty() {
            text.split(&line).next().expect("text").to_owned()
        } else {
            section.split(&line).next().expect("text").to_owned()
        };
        let mut comment = before.lines().rev().take_while(|line| line.trim().starts_with('#'));
        assert!(comment.any(|line| line.trim().starts_with("# -- ")), "{path} has no comment");
    }
}

#[test]
fn a_key_that_is_not_known_is_refused_by_its_name() {
    let Some(helm) = Helm::offline() else { return };
    for (typo, names) in [
        (json!({"replicaCont": 2}), "replicaCont"),
        (json!({"google": {"subjet": "a@b.example"}}), "subjet"),
        (json!({"credentials": {"secret": "x"}}), "secret"),
        (json!({"crds": {"enable": true}}), "enable"),
        (json!({"image": {"name": "x"}}), "name"),
        (json!({"resources": {"limit": {}}}), "limit"),
        (json!({"affinity": {"podAntiAfinity": {}}}), "podAntiAfinity"),
        (json!({"networkPolicy": {"egress": []}}), "egress"),
        (json!({"serviceMonitor": {"intervall": "30s"}}), "intervall"),
    ] {
        let output = helm.render(&with(with_key(), typo));
        assert!(!output.success, "{names}");
        let refused = format!("additional properties '{names}' not allowed");
        assert!(output.stderr.contains(&refused), "{}", output.stderr);
    }
    // As a person would type it.
    let set = ["template", "operator", CHART, "--set", "replicaCont=2"];
    assert!(helm.run(set, &with_key()).stderr.contains("'replicaCont'"));
}

#[test]
fn a_value_of_the_wrong_kind_is_refused_with_its_path() {
    let Some(helm) = Helm::offline() else { return };
    for (wrong, path) in [
        (json!({"replicas": "two"}), "/replicas"),
        (json!({"replicas": -1}), "/replicas"),
        (json!({"watchNamespaces": "resale"}), "/watchNamespaces"),
        (json!({"watchNamespaces": ["Resale"]}), "/watchNamespaces/0"),
        (json!({"google": {"subject": "admin"}}), "/google/subject"),
        (json!({"image": {"pullPolicy": "always"}}), "/image/pullPolicy"),
        (json!({"image": {"digest": "sha256:abc"}}), "/image/digest"),
        (json!({"crds": {"enabled": "false"}}), "/crds/enabled"),
        (json!({"podAnnotations": {"number": 1}}), "/podAnnotations/number"),
        (json!({"extraArgs": ["max-in-flight=1"]}), "/extraArgs/0"),
        (json!({"serviceMonitor": {"interval": "half a minute"}}), "/serviceMonitor/interval"),
        (json!({"networkPolicy": {"apiServerPorts": [0]}}), "/networkPolicy/apiServerPorts/0"),
    ] {
        let output = helm.render(&with(with_key(), wrong.clone()));
        assert!(!output.success, "{wrong} is taken");
        assert!(output.stderr.contains(&format!("'{path}'")), "{wrong}: {}", output.stderr);
    }
}

#[test]
fn without_subject_or_with_no_or_two_credentials_the_message_says_what_to_set() {
    let Some(helm) = Helm::offline() else { return };
    for (values, says) in [
        (json!({}), "google.subject is required"),
        (json!({"google": {"subject": "a@b.example"}}), "a credential is required"),
        (with(keyless(), with_key()), "not both"),
    ] {
        let output = helm.render(&values);
        assert!(!output.success && output.stderr.contains(says), "{}", output.stderr);
        assert!(!output.stderr.contains("nil pointer"), "{}", output.stderr);
    }
    for values in [with_key(), keyless(), everything()] {
        helm.render(&values).ok();
    }
    // As a part of a larger chart.
    helm.render(&with(with_key(), json!({"global": {"region": "eu"}}))).ok();
}
