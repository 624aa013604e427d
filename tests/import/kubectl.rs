//! The real kubectl and API server read each file as it was meant: YAML 1.1, schema and CEL.

use std::collections::BTreeMap;
use std::fs;

use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use reseller_operator::crd::ResellerCustomer;
use reseller_operator::simulator::{InProcess, Owner};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::accounts::{ODD, accounts};
use super::common::ControlPlane;
use super::law::{import_all, texts};

const BATCHES: usize = 40;

#[tokio::test]
async fn kubectl_reads_every_generated_file_as_it_was_meant_and_the_server_takes_it() {
    let plane = ControlPlane::shared();
    plane.apply_crd().await;
    let namespace = plane.namespace("import").await;
    let folder = TempDir::new().unwrap();
    let mut meant: BTreeMap<String, Value> = BTreeMap::new();
    let mut runner = TestRunner::deterministic();
    for batch in 0..BATCHES {
        let mut accounts = accounts().new_tree(&mut runner).unwrap().current();
        if batch == 0 {
            accounts = odd_ones();
        }
        let google = InProcess::default();
        {
            let mut simulation = google.simulator().simulation();
            let now = simulation.now();
            for account in accounts.into_values() {
                simulation.state_mut().add(account, now);
            }
        }
        for (name, text) in texts(&import_all(&google).await) {
            let object: ResellerCustomer = serde_yaml::from_str(&text).unwrap();
            // Two batches may have a customer of the same name.
            let name = format!("b{batch}.{name}");
            let text = text.replacen("  name: ", &format!("  name: b{batch}."), 1);
            fs::write(folder.path().join(format!("{name}.yaml")), text).unwrap();
            meant.insert(name, json!(object.spec));
        }
    }
    assert!(
        ODD.iter().enumerate().all(|(at, _)| meant.contains_key(&format!("b0.odd{at}.example")))
    );
    assert!(meant.len() > 100, "{}", meant.len());
    let path = folder.path().display().to_string();
    let create =
        ["create", "-n", &namespace, "--validate=strict", "--dry-run=server", "-o", "json"];
    let read = plane.kubectl(create.into_iter().chain(["-f", &path])).await.ok();
    // A single object is no list.
    let items: Vec<Value> = serde_json::Deserializer::from_str(&read)
        .into_iter::<Value>()
        .map(Result::unwrap)
        .flat_map(|it| it["items"].as_array().cloned().unwrap_or_else(|| vec![it]))
        .collect();
    assert_eq!(items.len(), meant.len());
    for item in items {
        let name = item["metadata"]["name"].as_str().unwrap();
        assert_eq!(item["spec"], meant[name], "{name}");
    }
}

/// An account for each odd string, in a field that takes all strings.
fn odd_ones() -> BTreeMap<String, reseller_operator::simulator::Account> {
    let mut runner = TestRunner::deterministic();
    let mut template = loop {
        let accounts = accounts().new_tree(&mut runner).unwrap().current();
        if let Some(account) = accounts.into_values().find(|account| account.owner == Owner::Own) {
            break account;
        }
    };
    let accounts = ODD.iter().enumerate().map(|(number, odd)| {
        template.customer_id = format!("C0odd{number}");
        template.customer_domain = format!("odd{number}.example");
        for member in ["addressLine1", "locality", "contactName"] {
            template.postal_address.insert(member.to_owned(), (*odd).to_owned());
        }
        (template.customer_id.clone(), template.clone())
    });
    accounts.collect()
}
