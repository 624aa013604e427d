//! The recipes for kustomize, Flux, Argo CD, pre-commit and editors, with the real tools.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::{Value, json};

use crate::common::{ControlPlane, Output};
use crate::readers::HEALTH_LUA;
use crate::tools::tool;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");
const OPERATOR: &str = env!("CARGO_BIN_EXE_reseller-operator");
const OVERLAYS: [&str; 3] = ["production", "observe", "standby"];

fn recipe(path: &str) -> PathBuf {
    Path::new(ROOT).join("examples/gitops").join(path)
}

fn text(path: &str) -> String {
    fs::read_to_string(recipe(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

fn yaml(path: &str) -> Value {
    serde_yaml::from_str(&text(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// Runs a program with `input` as its standard input.
fn run(command: &mut Command, input: &str) -> Output {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it runs");
    let mut stdin = child.stdin.take().expect("stdin is a pipe");
    let input = input.to_owned();
    let writer = std::thread::spawn(move || stdin.write_all(input.as_bytes()));
    let output = child.wait_with_output().expect("it ends");
    // A program that does not read its input closes it.
    let _ = writer.join().expect("no panic");
    Output {
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        success: output.status.success(),
    }
}

/// What an overlay makes, and its customers by name.
async fn built(plane: &ControlPlane, overlay: &str) -> (String, BTreeMap<String, Value>) {
    let folder = recipe("kustomize/overlays").join(overlay);
    let text = plane.kubectl(["kustomize", &folder.display().to_string()]).await.ok();
    let documents: Vec<Value> = serde_yaml::from_multiple(&text).expect("YAML");
    let customers = documents.into_iter().filter(|one| one["kind"] == "ResellerCustomer");
    let named = |one: Value| (one["metadata"]["name"].as_str().expect("a name").to_owned(), one);
    (text.clone(), customers.map(named).collect())
}

#[tokio::test]
async fn every_overlay_builds_what_the_api_server_and_validate_take() {
    let plane = ControlPlane::shared();
    plane.apply_crd().await;
    let namespace = recipe("kustomize/overlays/production/namespace.yaml");
    plane.kubectl(["apply", "-f", &namespace.display().to_string()]).await.ok();
    for overlay in OVERLAYS {
        let (text, _) = built(plane, overlay).await;
        plane.kubectl_stdin(["apply", "--dry-run=server", "-f", "-"], &text).await.ok();
        let verdict = run(Command::new(OPERATOR).args(["validate", "-"]), &text);
        assert!(verdict.success, "{overlay}: {verdict:?}");
    }
}

/// An overlay changes one field of every customer and nothing else.
#[tokio::test]
async fn overlays_differ_in_what_they_are_for_and_in_nothing_else() {
    let plane = ControlPlane::shared();
    let (_, production) = built(plane, "production").await;
    assert!(production.len() > 1);
    for customer in production.values() {
        assert_eq!(customer["spec"].get("managementPolicy"), None);
        assert_eq!(customer["spec"].get("suspend"), None);
        assert_eq!(customer["metadata"]["namespace"], "customers");
    }
    for (overlay, field, value) in
        [("observe", "managementPolicy", json!("Observe")), ("standby", "suspend", json!(true))]
    {
        let mut wanted = production.clone();
        for customer in wanted.values_mut() {
            customer["spec"][field] = value.clone();
        }
        assert_eq!(built(plane, overlay).await.1, wanted, "{overlay}");
    }
}

#[test]
fn every_customer_of_the_recipe_is_reserved_for_examples() {
    for name in ["lighthouse", "windmill"] {
        let domain =
            yaml(&format!("kustomize/base/{name}/customer.yaml"))["spec"]["customerDomain"]
                .as_str()
                .expect("a domain")
                .to_owned();
        assert!(domain.ends_with(".example"), "{domain}");
    }
}

#[test]
fn flux_knows_every_field_of_its_recipe() {
    let Some(flux) = tool("flux-types") else { return };
    let manifests = text("flux/reseller-customers.yaml");
    let answer = run(&mut Command::new(&flux), &manifests);
    assert!(answer.success, "{answer:?}");
    let misspelt = manifests.replace("wait: true", "await: true");
    assert!(!run(&mut Command::new(&flux), &misspelt).success, "a wrong field would pass");
}

#[test]
fn flux_and_argo_cd_apply_a_folder_that_is_there_wait_and_prune() {
    let manifests = text("flux/reseller-customers.yaml");
    let documents: Vec<Value> = serde_yaml::from_multiple(&manifests).expect("YAML");
    let kustomization = &documents[1]["spec"];
    assert_eq!((&kustomization["wait"], &kustomization["prune"]), (&json!(true), &json!(true)));
    assert_eq!(kustomization["dependsOn"], json!([{"name": "reseller-operator"}]));
    assert_eq!(kustomization["sourceRef"]["name"], documents[0]["metadata"]["name"]);

    let application = yaml("argocd/application.yaml");
    let argo_cd = &application["spec"];
    assert_eq!(argo_cd["syncPolicy"]["automated"]["prune"], true);
    assert_eq!(argo_cd.get("ignoreDifferences"), None);
    assert_eq!(application["metadata"]["annotations"]["argocd.argoproj.io/sync-wave"], "1");
    for path in [&kustomization["path"], &argo_cd["source"]["path"]] {
        let folder = recipe("kustomize").join(path.as_str().expect("a path"));
        assert!(folder.join("kustomization.yaml").is_file(), "{path}");
    }
}

/// The key is made of group and kind, and its text is that which the tests of the states run.
#[tokio::test]
async fn the_config_map_of_argo_cd_has_the_health_check_that_is_tested() {
    let key = "resource.customizations.health.reseller-operator.dev_ResellerCustomer";
    let map = yaml("argocd/argocd-cm.yaml");
    assert_eq!(map["data"], json!({ (key): HEALTH_LUA }));
    let plane = ControlPlane::shared();
    let file = recipe("argocd/argocd-cm.yaml").display().to_string();
    let local = ["create", "--dry-run=client", "-o", "json", "-f", &file];
    let read: Value = serde_json::from_str(&plane.kubectl(local).await.ok()).expect("JSON");
    assert_eq!(read["data"], map["data"], "as kubectl reads it");
}

/// A repository of manifests with our hook, and pre-commit as a user runs it. Building the hook
/// from source takes minutes: the test lets pre-commit take the program of this build.
#[test]
fn the_hook_of_pre_commit_checks_all_manifests_of_the_folder() {
    let Some(pre_commit) = tool("pre-commit") else { return };
    let machine = tempfile::tempdir().expect("folder");
    let (hooks, customers) = (machine.path().join("hooks"), machine.path().join("customers"));
    let bin = Path::new(OPERATOR).parent().expect("folder");
    let path = std::env::var_os("PATH").expect("PATH");
    let path =
        std::env::join_paths([bin.to_owned()].into_iter().chain(std::env::split_paths(&path)));
    let bash = |script: &str| {
        let mut command = Command::new("bash");
        command.args(["-ec", script]).current_dir(machine.path());
        command.env("PATH", path.as_ref().expect("paths")).env("PRE_COMMIT", &pre_commit);
        command.env("PRE_COMMIT_HOME", machine.path().join("cache")).env("ROOT", ROOT);
        for role in ["AUTHOR", "COMMITTER"] {
            command.env(format!("GIT_{role}_NAME"), "Ada");
            command.env(format!("GIT_{role}_EMAIL"), "ada@reseller.example");
        }
        run(command.env("GIT_CONFIG_GLOBAL", "/dev/null"), "")
    };
    bash("$PRE_COMMIT validate-manifest $ROOT/.pre-commit-hooks.yaml").ok();
    bash("git init -q hooks; cp $ROOT/.pre-commit-hooks.yaml hooks; cd hooks; git add .; git commit -qm one")
        .ok();
    bash("git init -q work; mkdir work/customers; cp $ROOT/examples/domain-customer.yaml work/customers")
        .ok();
    let revision = bash("git -C hooks rev-parse HEAD").ok();
    let config = json!({"repos": [{
        "repo": hooks, "rev": revision.trim(),
        "hooks": [{"id": "reseller-operator-validate", "language": "system"}],
    }]});
    let work = machine.path().join("work");
    fs::write(work.join(".pre-commit-config.yaml"), config.to_string()).expect("config");
    assert!(!customers.exists());

    bash("cd work; git add .; $PRE_COMMIT run --all-files").ok();
    // The same domain twice, in a file that alone would be fine.
    bash("sed 's/name: domain-customer/name: other/' work/customers/domain-customer.yaml >work/customers/other.yaml")
        .ok();
    let answer = bash("cd work; git add .; $PRE_COMMIT run --files customers/other.yaml");
    assert!(!answer.success, "{answer:?}");
    assert!(answer.stdout.contains("domain-customer.example"), "{answer:?}");
}

#[test]
fn kubeconform_takes_the_examples_and_refuses_what_is_wrong() {
    let Some(kubeconform) = tool("kubeconform") else { return };
    let folder = tempfile::tempdir().expect("folder");
    let schema = run(Command::new(OPERATOR).arg("schema"), "").ok();
    fs::write(folder.path().join("resellercustomer_v1alpha1.json"), schema).expect("schema");
    let location = folder.path().join("{{ .ResourceKind }}_{{ .ResourceAPIVersion }}.json");
    let judge = |manifest: &str| {
        let mut command = Command::new(&kubeconform);
        command.args(["-strict", "-schema-location"]).arg(&location).arg("-");
        run(&mut command, manifest)
    };
    for entry in fs::read_dir(Path::new(ROOT).join("examples")).expect("examples") {
        let path = entry.expect("entry").path();
        if path.extension().is_some_and(|kind| kind == "yaml") {
            let answer = judge(&fs::read_to_string(&path).expect("example"));
            assert!(answer.success, "{}: {answer:?}", path.display());
        }
    }
    let good = fs::read_to_string(Path::new(ROOT).join("examples/domain-customer.yaml"));
    let good = good.expect("example");
    for (wrong, with) in [
        ("customerDomain:", "customerDomian:"),
        ("\"DE\"", "\"XX\""),
        ("\"10115\"", "10115"),
        ("  alternateEmail: owner@provider.example", "  alternateEmail: [owner@provider.example]"),
        ("  alternateEmail:", "  managementPolicy: Maybe\n  alternateEmail:"),
    ] {
        assert!(good.contains(wrong), "{wrong}");
        let answer = judge(&good.replace(wrong, with));
        assert!(!answer.success, "{with}: {answer:?}");
    }
}
