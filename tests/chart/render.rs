//! What the chart renders.

use serde_json::{Value, json};

use crate::common::ControlPlane;
use crate::helm::{CHART, Helm, everything, keyless, of_kind, only, with_key};
use crate::specs::with;

fn container(objects: &[Value]) -> Value {
    only(objects, "Deployment")["spec"]["template"]["spec"]["containers"][0].clone()
}

fn arguments(objects: &[Value]) -> Vec<String> {
    serde_json::from_value(container(objects)["args"].clone()).expect("arguments")
}

#[test]
fn helm_lint_finds_nothing() {
    let Some(helm) = Helm::offline() else { return };
    for values in [with_key(), keyless(), everything()] {
        let lint = ["lint", "--strict", "--kube-version", "1.33.0", CHART];
        let output = helm.run(lint, &values);
        assert!(output.success, "{}{}", output.stdout, output.stderr);
        assert!(output.stdout.contains("1 chart(s) linted, 0 chart(s) failed"));
        for level in ["[WARNING]", "[ERROR]"] {
            assert!(!output.stdout.contains(level), "{}", output.stdout);
        }
    }
}

#[test]
fn chart_and_program_have_one_version() {
    let chart = std::fs::read_to_string(format!("{CHART}/Chart.yaml")).expect("text");
    let chart: Value = serde_yaml::from_str(&chart).expect("YAML");
    assert_eq!(chart["version"], env!("CARGO_PKG_VERSION"));
    assert_eq!(chart["appVersion"], env!("CARGO_PKG_VERSION"));
}

#[test]
fn the_kind_of_the_chart_is_that_of_the_code() {
    let root = env!("CARGO_MANIFEST_DIR");
    let read = |path: String| std::fs::read_to_string(path).expect("text");
    let crd = read(format!("{root}/crds/resellercustomers.yaml"));
    assert!(crd == read(format!("{CHART}/files/crd.yaml")), "stale: run `make generate`");
    let Some(helm) = Helm::offline() else { return };
    let objects = helm.objects(&with_key());
    let mut rendered = only(&objects, "CustomResourceDefinition").clone();
    let metadata = rendered["metadata"].as_object_mut().expect("metadata");
    let annotations = metadata.remove("annotations").expect("annotations");
    assert_eq!(annotations, json!({"helm.sh/resource-policy": "keep"}));
    let labels = metadata.remove("labels").expect("labels");
    assert_eq!(labels["app.kubernetes.io/managed-by"], "Helm");
    let wanted: Value = serde_yaml::from_str(&crd).expect("YAML");
    assert_eq!(rendered, wanted);
    let off = with(with_key(), json!({"crds": {"enabled": false}}));
    assert_eq!(of_kind(&helm.objects(&off), "CustomResourceDefinition").len(), 0);
}

#[test]
fn by_default_there_is_what_is_needed_and_nothing_for_other_operators() {
    let Some(helm) = Helm::offline() else { return };
    let objects = helm.objects(&with_key());
    let mut kinds: Vec<_> = objects.iter().map(|one| one["kind"].as_str().expect("kind")).collect();
    kinds.sort_unstable();
    assert_eq!(
        kinds,
        [
            "ClusterRole",
            "ClusterRole",
            "ClusterRole",
            "ClusterRoleBinding",
            "CustomResourceDefinition",
            "Deployment",
            "PodDisruptionBudget",
            "Role",
            "RoleBinding",
            "Service",
            "ServiceAccount",
        ]
    );
    let deployment = &only(&objects, "Deployment")["spec"];
    assert_eq!(deployment["replicas"], 2);
    let pod = &deployment["template"]["spec"];
    assert_eq!(only(&objects, "ServiceAccount")["automountServiceAccountToken"], false);
    assert_eq!(pod["automountServiceAccountToken"], true);
    assert_eq!(container(&objects)["securityContext"]["readOnlyRootFilesystem"], true);
    let image = concat!("ghcr.io/reseller-operator/reseller-operator:v", env!("CARGO_PKG_VERSION"));
    assert_eq!(container(&objects)["image"], image);
    for (probe, path) in
        [("startupProbe", "/healthz"), ("livenessProbe", "/healthz"), ("readinessProbe", "/readyz")]
    {
        assert_eq!(container(&objects)[probe]["httpGet"]["path"], path);
    }
    let spread = pod["topologySpreadConstraints"].as_array().expect("constraints");
    let keys: Vec<_> = spread.iter().map(|one| one["topologyKey"].as_str().expect("key")).collect();
    assert_eq!(keys, ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]);
    // What selects pods selects these pods.
    let labels = &deployment["template"]["metadata"]["labels"];
    let selectors = [
        &deployment["selector"]["matchLabels"],
        &only(&objects, "Service")["spec"]["selector"],
        &only(&objects, "PodDisruptionBudget")["spec"]["selector"]["matchLabels"],
        &spread[0]["labelSelector"]["matchLabels"],
    ];
    for selector in selectors {
        for (name, value) in selector.as_object().expect("labels") {
            assert_eq!(&labels[name], value);
        }
    }
}

#[test]
fn a_key_is_mounted_and_without_one_nothing_is() {
    let Some(helm) = Helm::offline() else { return };
    let objects = helm.objects(&with_key());
    assert_eq!(
        arguments(&objects),
        [
            "run",
            "--subject=admin@reseller.example",
            "--credentials-file=/etc/reseller-operator/key.json",
            "--leader-election=true",
        ]
    );
    let objects = helm.objects(&keyless());
    assert_eq!(
        arguments(&objects)[2],
        "--service-account=operator@project.iam.gserviceaccount.example"
    );
    let pod = &only(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod.get("volumes"), None);
    assert_eq!(container(&objects).get("volumeMounts"), None);
    let annotations = json!({"serviceAccount": {"annotations": {
        "iam.gke.io/gcp-service-account": "operator@project.iam.gserviceaccount.example",
    }}});
    let objects = helm.objects(&with(keyless(), annotations.clone()));
    let account = only(&objects, "ServiceAccount");
    assert_eq!(account["metadata"]["annotations"], annotations["serviceAccount"]["annotations"]);
}

#[test]
fn the_program_takes_every_argument_that_the_chart_gives() {
    let Some(helm) = Helm::offline() else { return };
    let narrow = json!({"watchNamespaces": ["one", "two", "one"]});
    for values in [with_key(), keyless(), everything(), with(with_key(), narrow)] {
        let mut given = arguments(&helm.objects(&values));
        // Arguments are checked before the kubeconfig is looked for.
        given.push("--context=none".to_owned());
        let program = env!("CARGO_BIN_EXE_reseller-operator");
        let output = std::process::Command::new(program).args(&given).env_clear().output();
        let said = String::from_utf8(output.expect("it runs").stderr).expect("UTF-8");
        assert!(!said.contains("Usage"), "{given:?}: {said}");
    }
}

#[test]
fn what_is_watched_is_where_rights_are_given() {
    let Some(helm) = Helm::offline() else { return };
    let narrow = json!({
        "watchNamespaces": ["one", "two", "one"], "rbac": {"aggregateClusterRoles": false},
    });
    let objects = helm.objects(&with(with_key(), narrow));
    for kind in ["ClusterRole", "ClusterRoleBinding"] {
        assert_eq!(of_kind(&objects, kind).len(), 0);
    }
    for kind in ["Role", "RoleBinding"] {
        let mut places: Vec<_> = of_kind(&objects, kind)
            .iter()
            .map(|one| one["metadata"]["namespace"].as_str().expect("namespace"))
            .collect();
        places.sort_unstable();
        assert_eq!(places, ["google", "one", "two"], "{kind}");
    }
    let given = arguments(&objects);
    assert_eq!(given[3..5], ["--watch-namespace=one", "--watch-namespace=two"]);
    let none = json!({"rbac": {"create": false, "aggregateClusterRoles": false}});
    let objects = helm.objects(&with(with_key(), none));
    for kind in ["ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"] {
        assert_eq!(of_kind(&objects, kind).len(), 0);
    }
}

#[test]
fn every_option_is_where_it_belongs() {
    let Some(helm) = Helm::offline() else { return };
    let objects = helm.objects(&everything());
    let values = everything();
    let pod = &only(&objects, "Deployment")["spec"]["template"]["spec"];
    for name in ["affinity", "tolerations", "nodeSelector", "imagePullSecrets"] {
        assert_eq!(pod[name], values[name], "{name}");
    }
    let spread = &pod["topologySpreadConstraints"];
    assert_eq!(spread[0]["whenUnsatisfiable"], "DoNotSchedule");
    assert!(spread[0]["labelSelector"]["matchLabels"].is_object(), "it is given the pods' own");
    assert_eq!(container(&objects)["env"], values["extraEnv"]);
    assert_eq!(arguments(&objects).last().expect("one"), "--max-orders-per-hour=10");
    assert_eq!(pod["volumes"][0]["secret"]["items"][0]["key"], "service-account.json");
    assert_eq!(pod["volumes"][1], values["extraVolumes"][0]);
    let digest = format!("sha256:{}", "0".repeat(64));
    let image = json!({"image": {"digest": digest}, "priorityClassName": "important"});
    let objects = helm.objects(&with(with_key(), image));
    let wanted = format!("ghcr.io/reseller-operator/reseller-operator@{digest}");
    assert_eq!(container(&objects)["image"], wanted);
    let pod = &only(&objects, "Deployment")["spec"]["template"]["spec"];
    assert_eq!(pod["priorityClassName"], "important");
}

#[test]
fn traffic_goes_out_to_dns_google_and_the_api_server_only() {
    let Some(helm) = Helm::offline() else { return };
    let ports = |values: Value| {
        let on = json!({"networkPolicy": {"enabled": true}});
        let objects = helm.objects(&with(values, on));
        let policy = only(&objects, "NetworkPolicy")["spec"].clone();
        assert_eq!(policy["policyTypes"], json!(["Ingress", "Egress"]));
        assert_eq!(policy["ingress"], json!([{"ports": [{"port": "metrics", "protocol": "TCP"}]}]));
        let rules = policy["egress"].as_array().expect("rules").clone();
        let ports = rules.iter().flat_map(|rule| rule["ports"].as_array().expect("ports").clone());
        ports.map(|port| port["port"].as_u64().expect("a number")).collect::<Vec<_>>()
    };
    assert_eq!(ports(with_key()), [53, 53, 443, 6443]);
    assert_eq!(ports(keyless()), [53, 53, 443, 6443, 988, 80], "and the metadata server");
    let other = json!({"networkPolicy": {"apiServerPorts": [8443]}});
    assert_eq!(ports(with(with_key(), other)), [53, 53, 443, 8443], "Google always");
}

#[tokio::test]
async fn the_notes_say_what_to_do_next_with_a_manifest_that_is_valid() {
    let plane = ControlPlane::shared();
    let Some(helm) = Helm::on(plane) else { return };
    let off = json!({"crds": {"enabled": false}});
    let notes = |values: &Value| {
        let values = with(values.clone(), off.clone());
        let install = ["install", "operator", CHART, "-n", "google", "--dry-run=client"];
        let said = helm.run(install, &values).ok();
        said.split("NOTES:\n").nth(1).expect("notes").to_owned()
    };
    let text = notes(&with(with_key(), json!({"watchNamespaces": ["resale"]})));
    for words in [
        "admin@reseller.example",
        "the Secret google",
        "-n google deploy/operator-reseller-operator",
        "managementPolicy: Observe",
        "namespace: resale",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let manifest = text.split("<<END\n").nth(1).expect("a manifest");
    let manifest = manifest.split("END").next().expect("its end");
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("first.yaml");
    std::fs::write(&path, manifest).expect("manifest");
    let program = env!("CARGO_BIN_EXE_reseller-operator");
    let verdict = std::process::Command::new(program).arg("validate").arg(&path).output();
    let verdict = verdict.expect("it runs");
    assert!(verdict.status.success(), "{}", String::from_utf8_lossy(&verdict.stdout));
    assert!(!notes(&keyless()).contains("Secret"), "there is none to wait for");
}
