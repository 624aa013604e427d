//! The examples of `examples/`, on a real API server.

#![expect(clippy::panic, reason = "a test that cannot go on says why")]

mod common;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use common::{ControlPlane, wait_until};
use reseller_operator::crd::{
    CustomerType, ManagementPolicy, ResellerCustomer, ResellerCustomerSpec, crd,
};
use serde_json::Value;

const EXAMPLES: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/examples");
const PAGE: &str = include_str!("../docs/resellercustomer.md");
const DOMAIN_POLICY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/examples/policies/domains-per-namespace.yaml");

fn files() -> Vec<PathBuf> {
    let entries = std::fs::read_dir(EXAMPLES).expect("examples");
    let paths = entries.map(|entry| entry.expect("entry").path());
    let mut files: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|kind| kind == "yaml")).collect();
    files.sort();
    assert!(files.len() >= 10);
    files
}

fn text(path: &Path) -> String {
    std::fs::read_to_string(path).expect("example")
}

fn customer(path: &Path) -> ResellerCustomer {
    serde_yaml::from_str(&text(path)).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

#[tokio::test]
async fn the_api_server_takes_every_example() {
    let plane = ControlPlane::shared();
    plane.apply_crd().await;
    let namespace = plane.namespace("examples").await;
    for path in files() {
        let file = path.display().to_string();
        let apply = ["apply", "-n", &namespace, "-f", &file];
        plane.kubectl(apply.into_iter().chain(["--dry-run=server"])).await.ok();
        plane.kubectl(apply).await.ok();
        let again = plane.kubectl(apply).await.ok();
        assert!(again.trim_end().ends_with("unchanged"), "{again}");
    }
    let names = plane.kubectl(["get", "rcust", "-n", &namespace, "-o", "name"]).await.ok();
    assert_eq!(names.lines().count(), files().len());
}

#[tokio::test]
async fn the_api_server_takes_the_manifests_of_the_reference_page() {
    let plane = ControlPlane::shared();
    plane.apply_crd().await;
    let namespace = plane.namespace("page").await;
    let manifests: Vec<_> = PAGE.split("```yaml\n").skip(1).collect();
    assert!(!manifests.is_empty());
    for manifest in manifests {
        let manifest = manifest.split("```").next().expect("a block ends");
        plane.kubectl_stdin(["apply", "-n", &namespace, "-f", "-"], manifest).await.ok();
    }
}

#[test]
fn the_reference_page_tells_of_every_field_and_links_to_what_is_there() {
    fn names(schema: &Value, found: &mut Vec<String>) {
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            found.push(name.clone());
            names(member, found);
        }
    }
    let crd = serde_json::to_value(crd()).expect("JSON");
    let schema = &crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"];
    let mut fields = Vec::new();
    names(&schema["properties"]["spec"], &mut fields);
    for field in fields {
        // addressLine2 and 3 are told with the first.
        let word = field.trim_end_matches(['2', '3']);
        assert!(PAGE.contains(word), "{field}");
    }
    for anchor in PAGE.split("](#").skip(1) {
        let anchor = anchor.split(')').next().expect("a link ends");
        let is_heading = |line: &str| {
            let title = line.trim_start_matches('#').trim().to_lowercase();
            line.starts_with('#') && title.replace(' ', "-") == anchor
        };
        assert!(PAGE.lines().any(is_heading), "#{anchor}");
    }
}

/// All examples can be applied at once: no two claim the same domain.
#[test]
fn every_example_has_its_own_name_and_domain() {
    let mut domains = BTreeMap::new();
    for path in files() {
        let customer = customer(&path);
        let stem = path.file_stem().expect("name").to_str().expect("UTF-8").to_owned();
        assert_eq!(customer.metadata.name, Some(stem));
        let domain = customer.spec.customer_domain;
        assert!(domains.insert(domain.clone(), path).is_none(), "{domain} is named twice");
    }
}

/// `.example` is reserved (RFC 2606): a copied manifest cannot order for somebody who exists.
#[test]
fn every_domain_and_address_is_reserved_for_examples() {
    for path in files() {
        let text = text(&path);
        assert!(customer(&path).spec.customer_domain.ends_with(".example"));
        for address in text.split_whitespace().filter(|word| word.contains('@')) {
            assert!(address.ends_with(".example"), "{}: {address}", path.display());
        }
    }
}

#[test]
fn every_example_says_what_happens_and_what_to_look_at() {
    for path in files() {
        let text = text(&path);
        let head: String = text.lines().take_while(|line| line.starts_with('#')).collect();
        assert!(head.contains("What happens"), "{}", path.display());
        assert!(head.contains("kubectl"), "{}", path.display());
    }
}

#[test]
fn there_is_an_example_of_every_situation() {
    let specs: Vec<_> = files().iter().map(|path| customer(path).spec).collect();
    let any = |test: &dyn Fn(&ResellerCustomerSpec) -> bool| specs.iter().any(test);
    assert!(any(&|spec| spec.customer_type == CustomerType::Team));
    assert!(any(&|spec| spec.initial_admin.is_some() && spec.language.is_some()));
    assert!(any(&|spec| spec.customer_id.is_some()));
    assert!(any(&|spec| spec.customer_auth_token_secret_ref.is_some()));
    assert!(any(&|spec| spec.suspend));
    for policy in [ManagementPolicy::Full, ManagementPolicy::AdoptOnly, ManagementPolicy::Observe] {
        assert!(any(&|spec| spec.management_policy == policy), "{policy:?}");
    }
}

#[tokio::test]
async fn the_admission_policy_lets_a_namespace_name_only_its_own_domains() {
    let plane = ControlPlane::start();
    plane.apply_crd().await;
    let namespace = plane.namespace("restricted").await;
    plane.kubectl(["apply", "-f", DOMAIN_POLICY]).await.ok();
    let file = format!("{EXAMPLES}/observe-only.yaml");
    let apply = ["apply", "--dry-run=server", "-n", &namespace, "-f", &file];

    let refused = async || {
        let answer = plane.kubectl(apply).await;
        (!answer.success).then_some(answer.stderr)
    };
    let said = wait_until("the policy to hold", Duration::from_secs(30), refused).await;
    assert!(said.contains("may not name observed.example"), "{said}");

    let domains = "reseller-operator.dev/domains=other.example observed.example";
    plane.kubectl(["annotate", "namespace", &namespace, domains]).await.ok();
    let taken = async || plane.kubectl(apply).await.success.then_some(());
    wait_until("the annotation to be seen", Duration::from_secs(30), taken).await;
}
