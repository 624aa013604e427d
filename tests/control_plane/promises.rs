//! What is promised in numbers.

use std::time::Duration;

use reseller_operator::simulator::CallFilter;
use serde_json::json;
use tokio::time::Instant;

use crate::google::GET;
use crate::operator::Operator;
use crate::specs::{account, domain_spec, with};
use crate::world::{PATIENCE, World};

#[tokio::test]
async fn a_new_object_is_looked_at_within_a_second() {
    let world = World::new("second").await;
    let _operator = world.operator(&[]).await;
    for number in 0..5 {
        let domain = format!("d{number}.example");
        world.add(account(&domain));
        let manifest = json!({
            "apiVersion": "reseller-operator.dev/v1alpha1", "kind": "ResellerCustomer",
            "metadata": {"name": format!("d{number}"), "namespace": world.namespace()},
            "spec": domain_spec(&domain),
        });
        let manifest = manifest.to_string();
        world.plane.kubectl_stdin(["apply", "-f", "-"], &manifest).await.ok();
        let began = Instant::now();
        let filter = CallFilter { key: Some(domain.clone()), ..CallFilter::method(GET) };
        let seen = tokio::time::timeout(PATIENCE, world.google.seen(&filter, 1)).await;
        assert_eq!(seen.expect("looked at").len(), 1);
        let took = began.elapsed();
        eprintln!("looked up at Google {took:?} after kubectl apply");
        assert!(took < Duration::from_secs(1), "{took:?}");
    }
}

#[tokio::test]
async fn a_hundred_settled_objects_cost_no_write_no_call_and_little_memory() {
    let world = World::new("fleet").await;
    // Each object's place in the interval follows from its uid: in a year none is soon.
    let flags = ["--resync-interval", "1year"];
    let mut operator = world.operator(&flags).await;
    for number in 0..100 {
        let domain = format!("d{number}.example");
        world.add(account(&domain));
        world.create(&format!("d{number}"), domain_spec(&domain)).await;
    }
    for number in 0..100 {
        world.until(&format!("d{number}"), "Ready=True/InSync").await;
        world.told(&format!("d{number}"), &["Adopted"]).await;
    }
    is_quiet(&world, "first").await;
    is_small(&operator);

    // The same after a restart: a new process has nothing to say about a settled fleet.
    operator.kill().await;
    let operator = world.operator(&flags).await;
    is_quiet(&world, "second").await;
    is_small(&operator);
}

/// Under 30 MiB. Of a debug build, whose code alone is larger, only what it allocates counts.
fn is_small(operator: &Operator) {
    let sizes = ["VmRSS", "RssAnon", "RssFile"].map(|name| operator.memory_kib(name));
    let [resident, allocated, file] = sizes;
    eprintln!("resident {resident} KiB: allocated {allocated}, code and files {file}");
    let counted = if cfg!(debug_assertions) { allocated } else { resident };
    assert!(counted < 30 * 1024, "{counted} KiB");
}

/// The fleet costs nothing while another object comes, is changed three times, and goes.
async fn is_quiet(world: &World, name: &str) {
    let writes = world.kube_writes().len();
    let after = world.google.simulation().calls(&CallFilter::default()).last().map(|c| c.number);
    let domain = format!("{name}.example");
    let id = world.add(account(&domain));
    world.create(name, domain_spec(&domain)).await;
    world.until(name, "Ready=True/InSync").await;
    for locality in ["Potsdam", "Spandau", "Berlin"] {
        world.edit(name, json!({"postalAddress": {"locality": locality}})).await;
        world.until(name, "Ready=True/InSync").await;
    }
    world.told(name, &["Adopted", "Updated", "Updated", "Updated"]).await;
    world.delete(name).await;

    let others: Vec<_> = world.kube_writes()[writes..]
        .iter()
        .filter(|write| write.name != name && !write.name.starts_with(&format!("{name}.")))
        .filter(|write| write.resource != "events")
        .cloned()
        .collect();
    assert_eq!(others, [], "a settled fleet is not written to");
    let filter = CallFilter { after: after.unwrap_or_default(), ..CallFilter::default() };
    let calls = world.google.simulation().calls(&filter);
    let others: Vec<_> = calls
        .iter()
        .filter(|call| call.key != domain && call.key != id && call.method != "oauth2.token")
        .collect();
    assert!(others.is_empty(), "a settled fleet is not read before its time: {others:?}");
}

#[tokio::test]
async fn a_routine_read_that_finds_nothing_new_writes_nothing() {
    let world = World::new("routine").await;
    let id = world.add(account("acme.example"));
    let foreign = with(account("foreign.example"), json!({"owner": "foreign"}));
    world.add(foreign);
    let flags = ["--resync-interval", "300ms", "--stalled-retry-interval", "300ms"];
    let _operator = world.operator(&flags).await;
    world.create("acme", domain_spec("acme.example")).await;
    world.create("foreign", domain_spec("foreign.example")).await;
    world.until("acme", "Ready=True/InSync").await;
    world.until("foreign", "Stalled=True/ForeignManaged").await;
    world.told("acme", &["Adopted"]).await;
    world.told("foreign", &["Stalled"]).await;

    let writes = world.kube_writes().len();
    for key in [id.as_str(), "foreign.example"] {
        let read = world.calls_for(GET, key).len();
        let filter = CallFilter { key: Some(key.to_owned()), ..CallFilter::method(GET) };
        let seen = tokio::time::timeout(PATIENCE, world.google.seen(&filter, read + 5)).await;
        assert!(seen.is_ok(), "{key} is read again and again");
    }
    assert_eq!(world.kube_writes().len(), writes, "nothing new, nothing written");
    assert_eq!(world.google_writes(), [""; 0]);
}
