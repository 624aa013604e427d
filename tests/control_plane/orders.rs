//! An order is never repeated: answers that are lost, and operators that are killed or stopped
//! between the order and its answer.

use futures::future::join_all;
use reseller_operator::crd::{Origin, ResellerCustomer};
use reseller_operator::simulator::{Fault, FaultRule, TeamsTrigger};
use serde_json::{Value, json};

use crate::google::{GET, ORDER, PATCH};
use crate::shown::message;
use crate::specs::{domain_spec, initial_admin, team_spec, with};
use crate::world::World;

const READY: &str = "Ready=True/InSync Synced=True/InSync Stalled=-";

/// The two types: name, domain, spec.
fn both() -> [(&'static str, &'static str, Value); 2] {
    [
        ("acme", "acme.example", domain_spec("acme.example")),
        ("team", "team.example", team_spec("team.example")),
    ]
}

/// The next order of each domain fails like this.
fn fail_orders(world: &World, fault: &Fault) {
    for (_, domain, _) in both() {
        let rule = FaultRule::once(ORDER, fault.clone());
        let rule = FaultRule { key: Some(domain.to_owned()), ..rule };
        world.google.simulation().inject(rule);
    }
}

fn is_ordered(object: &ResellerCustomer) -> bool {
    let status = object.status.as_ref().expect("status");
    status.origin == Some(Origin::Ordered) && status.pending_operation.is_none()
}

#[tokio::test]
async fn an_order_whose_answer_is_lost_is_found_by_reading() {
    let world = World::new("lost").await;
    world.google.simulation().options_mut().insert_lag_reads = 2;
    fail_orders(&world, &Fault::LostAnswer);
    let operator = world.operator(&["--lag-grace", "30s"]).await;
    for (name, _, spec) in both() {
        world.create(name, spec).await;
    }
    for (name, domain, _) in both() {
        assert!(is_ordered(&world.until(name, READY).await), "{name}: proved to be ours");
        assert_eq!(world.calls_for(ORDER, domain).len(), 1, "{domain} was asked for once");
    }
    world.told("acme", &["OrderResolved"]).await;
    world.told("team", &["OrderResolved", "AwaitingToS"]).await;
    let metrics = operator.get("/metrics").await;
    assert!(metrics.contains("reseller_operator_orders_total{result=\"unknown\"} 2"), "{metrics}");
}

#[tokio::test]
async fn an_answer_that_proves_nothing_is_no_reason_to_order_again() {
    let world = World::new("unproved").await;
    let unproved = [
        Fault::Html { status: 502, after_commit: true },
        Fault::Html { status: 404, after_commit: true },
        Fault::BrokenJson,
        after_commit(503, "backendError"),
        after_commit(408, "timeout"),
    ];
    let domain = |number: usize| format!("d{number}.example");
    let _operator = world.operator(&[]).await;
    for (number, fault) in unproved.iter().enumerate() {
        let rule = FaultRule::once(ORDER, fault.clone());
        world.google.simulation().inject(FaultRule { key: Some(domain(number)), ..rule });
        world.create(&format!("d{number}"), domain_spec(&domain(number))).await;
    }
    for (number, fault) in unproved.iter().enumerate() {
        assert!(is_ordered(&world.until(&format!("d{number}"), READY).await), "{fault:?}");
        assert_eq!(world.calls_for(ORDER, &domain(number)).len(), 1, "{fault:?}");
    }
}

fn after_commit(status: u16, reason: &str) -> Fault {
    let (reason, message) = (reason.to_owned(), "Error".to_owned());
    Fault::Status { status, reason, message, retry_after: None, after_commit: true }
}

#[tokio::test]
async fn an_order_that_google_refuses_is_not_repeated_unchanged() {
    let world = World::new("refusal").await;
    // 409, and no account to be seen: somebody else's subscriptions are in the way.
    let conflict = FaultRule::once(ORDER, Fault::status(409, "conflict", "Already exists"));
    let conflict = FaultRule { key: Some("conflict.example".to_owned()), times: None, ..conflict };
    let quota = FaultRule::once(ORDER, Fault::status(429, "quotaExceeded", "Quota"));
    let quota = FaultRule { key: Some("quota.example".to_owned()), ..quota };
    for rule in [conflict, quota] {
        world.google.simulation().inject(rule);
    }
    let country = json!(["DE"]);
    world.google.simulation().options_mut().resellable_countries =
        serde_json::from_value(country).expect("countries");
    let _operator = world.operator(&[]).await;
    let french = json!({"postalAddress": {"countryCode": "FR", "postalCode": "75001"}});
    world.create("country", with(domain_spec("country.example"), french)).await;
    world.create("conflict", domain_spec("conflict.example")).await;
    world.create("quota", domain_spec("quota.example")).await;

    let refused = "Ready=False/OrderRefused Stalled=True/OrderRefused Synced=False/NotManaged";
    let country = world.until("country", refused).await;
    assert!(message(&country, "Stalled").contains("Partner Sales Console"));
    assert_eq!(country.status.expect("status").pending_operation, None);
    let conflict = world.until("conflict", refused).await;
    assert!(message(&conflict, "Stalled").contains("transferred"));
    // Nothing was made, provably: tried again without waiting for a grace.
    world.until("quota", READY).await;
    assert_eq!(world.calls_for(ORDER, "quota.example").len(), 2);
    for domain in ["country.example", "conflict.example"] {
        assert_eq!(world.calls_for(ORDER, domain).len(), 1, "{domain}");
    }
    world.edit("country", json!({"postalAddress": {"countryCode": "DE"}})).await;
    world.until("country", READY).await;
}

#[tokio::test]
async fn an_edit_during_the_order_neither_loses_its_outcome_nor_is_lost() {
    let world = World::new("during").await;
    fail_orders(&world, &Fault::Hold);
    let _operator = world.operator(&[]).await;
    for (name, _, spec) in both() {
        world.create(name, spec).await;
    }
    world.seen(ORDER, 2).await;
    let moved = json!({"postalAddress": {"locality": "Potsdam"}});
    world.edit("acme", moved).await;
    world.edit("team", json!({"suspend": true})).await;
    world.google.release();

    let object = world.until("acme", READY).await;
    assert!(is_ordered(&object));
    assert_eq!(world.account_of("acme.example").postal_address["locality"], "Potsdam");
    let id = object.status.expect("status").customer_id.expect("id");
    assert_eq!(world.google_writes().last(), Some(&format!("{PATCH} {id}")));
    // What was ordered is known, also of an object that was suspended meanwhile.
    let object = world.until("team", "Paused=True/Suspended").await;
    assert!(is_ordered(&object));
    world.edit("team", json!({"suspend": false})).await;
    world.until("team", READY).await;
    assert_eq!(world.calls(ORDER).len(), 2);
}

#[tokio::test]
async fn an_order_that_never_arrived_is_made_again_once() {
    let world = World::new("dropped").await;
    fail_orders(&world, &Fault::Drop);
    let _operator = world.operator(&[]).await;
    for (name, _, spec) in both() {
        world.create(name, spec).await;
    }
    for (name, domain, _) in both() {
        assert!(is_ordered(&world.until(name, READY).await), "{name}");
        assert_eq!(world.calls_for(ORDER, domain).len(), 2);
        assert_eq!(world.orders(domain), 1);
    }
}

#[tokio::test]
async fn an_operator_killed_between_order_and_answer_finds_its_order() {
    let world = World::new("killed").await;
    fail_orders(&world, &Fault::Hold);
    let mut operator = world.operator(&[]).await;
    for (name, _, spec) in both() {
        world.create(name, spec.clone()).await;
        world.create(&format!("{name}-twin"), spec).await;
    }
    world.seen(ORDER, 2).await;
    operator.kill().await;
    world.google.release();
    let mut pairs = Vec::new();
    for (name, domain, _) in both() {
        let twin = format!("{name}-twin");
        let is_open = async |name: &str| {
            let status = world.get(name).await.status;
            status.is_some_and(|status| status.pending_operation.is_some())
        };
        let (ours, other) = match (is_open(name).await, is_open(&twin).await) {
            (true, false) => (name.to_owned(), twin),
            (false, true) => (twin, name.to_owned()),
            open => panic!("one ledger of {domain} survives: {open:?}"),
        };
        pairs.push((ours, other, domain));
    }

    let _operator = world.operator(&[]).await;
    for (ours, other, domain) in pairs {
        assert!(is_ordered(&world.until(&ours, READY).await), "{domain}");
        let other = world.until(&other, "Ready=False/DuplicateClaim Stalled=True/DuplicateClaim");
        assert_eq!(other.await.status.and_then(|status| status.origin), None, "{domain}");
        assert_eq!(world.calls_for(ORDER, domain).len(), 1, "{domain} was asked for once");
    }
}

#[tokio::test]
async fn an_operator_killed_before_its_order_arrived_orders_once() {
    let world = World::new("early").await;
    fail_orders(&world, &Fault::Drop);
    let mut operator = world.operator(&["--lag-grace", "5m"]).await;
    for (name, _, spec) in both() {
        world.create(name, spec).await;
    }
    world.seen(ORDER, 2).await;
    operator.kill().await;
    let _operator = world.operator(&[]).await;
    for (name, domain, _) in both() {
        assert!(is_ordered(&world.until(name, READY).await), "{name}");
        assert_eq!(world.orders(domain), 1);
        assert_eq!(world.calls_for(ORDER, domain).len(), 2);
    }
}

#[tokio::test]
async fn a_team_that_cannot_be_told_from_others_is_asked_about_and_not_ordered_again() {
    let world = World::new("unknown").await;
    world.google.simulation().options_mut().teams_trigger = TeamsTrigger::One;
    fail_orders(&world, &Fault::LostAnswer);
    let _operator = world.operator(&[]).await;
    world.create("team", team_spec("team.example")).await;
    let unknown = "Ready=False/OrderOutcomeUnknown Stalled=True/OrderOutcomeUnknown \
                   Managed=Unknown/TeamsOnDomain MultipleTeams=True/TeamsOnDomain";
    let object = world.until("team", unknown).await;
    let says = message(&object, "Stalled");
    assert!(says.contains("kubectl annotate rcust team reseller-operator.dev/approve-order="));
    for token in ["1", "2"] {
        world.refresh("team", token).await;
    }
    world.until("team", unknown).await;

    // The person looked it up in the console.
    let id = world.account_of("team.example").customer_id;
    world.edit("team", json!({"customerId": id})).await;
    assert!(is_ordered(&world.until("team", READY).await));
    assert_eq!(world.calls(ORDER).len(), 1);
}

/// The operator is killed while a call of `method` is answered, and started again.
async fn killed_during(method: &str) {
    let world = World::new("sweep").await;
    world.fail_once(method, Fault::Hold);
    let mut operator = world.operator(&[]).await;
    let spec = with(domain_spec("acme.example"), initial_admin("acme.example"));
    world.create("acme", with(spec, json!({"language": "de"}))).await;
    world.seen(method, 1).await;
    operator.kill().await;
    world.google.release();
    let _operator = world.operator(&[]).await;
    let object = world.until("acme", READY).await;
    assert!(is_ordered(&object), "{method}");
    assert!(object.status.expect("status").onboarded, "{method}");
    let account = world.account_of("acme.example");
    assert_eq!((account.language.as_str(), account.users.len()), ("de", 1), "{method}");
    assert!(account.users[0].is_admin, "{method}");
    for once in [ORDER, "directory.users.insert"] {
        assert_eq!(world.calls(once).len(), 1, "killed during {method}: {once}");
    }
}

#[tokio::test]
async fn wherever_the_operator_is_killed_it_goes_on_and_repeats_nothing() {
    let methods = [
        GET,
        ORDER,
        "directory.customers.get",
        "directory.customers.patch",
        "directory.users.get",
        "directory.users.insert",
        "directory.users.makeAdmin",
        "reseller.subscriptions.list",
    ];
    join_all(methods.map(killed_during)).await;
}

#[tokio::test]
async fn sigterm_lets_the_order_end_and_records_its_outcome() {
    let world = World::new("sigterm").await;
    world.fail_once(ORDER, Fault::Hold);
    let mut operator = world.operator(&[]).await;
    world.create("acme", domain_spec("acme.example")).await;
    world.seen(ORDER, 1).await;
    operator.terminate().await;
    operator.says("stopping: SIGTERM").await;
    world.create("late", domain_spec("late.example")).await;
    assert!(operator.is_running(), "the pass goes on");
    world.google.release();
    assert_eq!(operator.ended().await.code(), Some(0));
    let object = world.get("acme").await;
    assert!(is_ordered(&object));
    assert_eq!(
        object.status.and_then(|status| status.customer_id),
        Some(world.account_of("acme.example").customer_id,)
    );
    assert_eq!(world.orders("late.example"), 0, "nothing is begun after SIGTERM");
    world.told("acme", &["Ordered"]).await;
}

#[tokio::test]
async fn an_object_deleted_during_its_order_and_made_again_is_not_ordered_again() {
    let world = World::new("again").await;
    world.google.simulation().options_mut().insert_lag_seconds = 2;
    world.fail_once(ORDER, Fault::Hold);
    let operator = world.operator(&["--lag-grace", "10s"]).await;
    world.create("acme", domain_spec("acme.example")).await;
    world.seen(ORDER, 1).await;
    world.delete("acme").await;
    world.create("acme", domain_spec("acme.example")).await;
    world.google.release();
    let id = world.account_of("acme.example").customer_id;
    let line = operator.says("the object was deleted while a call was on the way").await;
    assert!(line.contains(&id), "the outcome is logged: {line}");
    // Google does not show the account yet: the domain is locked, then the account is adopted.
    let object = world.until("acme", READY).await;
    let status = object.status.expect("status");
    assert_eq!((status.customer_id, status.origin), (Some(id), Some(Origin::Adopted)));
    assert_eq!(world.calls(ORDER).len(), 1);
}
