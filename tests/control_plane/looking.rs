//! Accounts that are not, or not yet, to be managed, and objects that wait for a person.

use reseller_operator::simulator::Owner;
use serde_json::{Value, json};

use crate::google::{GET, ORDER};
use crate::shown::message;
use crate::specs::{account, domain_spec, team_account, team_spec, with};
use crate::world::World;

fn foreign(domain: &str) -> Value {
    json!({
        "customerDomain": domain, "owner": "foreign",
        "subscriptions": [{"skuId": "1010020028", "minimumTransferableSeats": 20}],
        "transferTokens": [{"token": "transfer-token-0123"}],
    })
}

fn teams(world: &World, domain: &str) {
    world.add(team_account(domain));
    let other = json!({"primaryAdmin": {"primaryEmail": format!("grace@{domain}")}});
    world.add(with(team_account(domain), other));
}

#[tokio::test]
async fn observe_sees_each_of_the_four_answers_and_writes_nothing() {
    let world = World::new("observe").await;
    world.add(with(account("own.example"), json!({"phoneNumber": null})));
    world.add(foreign("foreign.example"));
    teams(&world, "teams.example");
    let _operator = world.operator(&[]).await;
    for name in ["own", "foreign", "teams", "free"] {
        let spec =
            with(domain_spec(&format!("{name}.example")), json!({"managementPolicy": "Observe"}));
        world.create(name, spec).await;
    }
    let seen = [
        ("own", "Synced=False/Drifted Managed=True/FullRecord"),
        ("foreign", "Synced=False/NotManaged ForeignManaged=True/MinimalRecord"),
        ("teams", "Synced=False/NotManaged MultipleTeams=True/TeamsOnDomain"),
        ("free", "Synced=False/NotManaged Managed=False/DomainFree"),
    ];
    for (name, facts) in seen {
        let object = world.until(name, &format!("Ready=True/Observed Stalled=- {facts}")).await;
        let status = object.status.expect("status");
        assert_eq!((status.origin, status.customer_id), (None, None), "{name}");
    }
    assert_eq!(world.google_writes(), [""; 0]);
}

#[tokio::test]
async fn what_cannot_be_managed_is_stalled_and_names_the_next_step() {
    let world = World::new("refused").await;
    world.add(foreign("foreign.example"));
    teams(&world, "teams.example");
    world.add(team_account("type.example"));
    world.create_secret("transfer", "token", "transfer-token-0123").await;
    let _operator = world.operator(&[]).await;
    let token = json!({"customerAuthTokenSecretRef": {"name": "transfer", "key": "token"}});
    world.create("foreign", with(domain_spec("foreign.example"), token)).await;
    world.create("teams", domain_spec("teams.example")).await;
    world.create("type", domain_spec("type.example")).await;
    let adopt = json!({"managementPolicy": "AdoptOnly"});
    world.create("free", with(domain_spec("free.example"), adopt)).await;
    let pinned = json!({"customerId": "C0nowhere"});
    world.create("pinned", with(domain_spec("pinned.example"), pinned)).await;

    let stalled = [
        ("foreign", "ForeignManaged", "transfer"),
        ("teams", "TeamsExist", "Google"),
        ("type", "TypeMismatch", "customerType"),
        ("free", "OrderNotAllowed", "managementPolicy"),
        ("pinned", "CustomerNotFound", "customerId"),
    ];
    for (name, reason, word) in stalled {
        let expected = format!("Ready=False/{reason} Stalled=True/{reason} Reconciling=-");
        let object = world.until(name, &expected).await;
        assert!(
            message(&object, "Stalled").contains(word),
            "{name}: {}",
            message(&object, "Stalled")
        );
        assert_eq!(message(&object, "Stalled"), message(&object, "Ready"));
        world.told(name, &["Stalled"]).await;
    }
    let status = world.get("foreign").await.status.expect("status");
    let listed = &status.transferable_subscriptions[0];
    assert_eq!(
        (listed.sku_id.as_str(), listed.minimum_transferable_seats),
        ("1010020028", Some(20))
    );
    assert_eq!(world.google_writes(), [""; 0]);

    // The account appears: a refresh looks at once, also at an object that is Stalled.
    world.add(account("free.example"));
    world.refresh("free", "1").await;
    world.until("free", "Ready=True/InSync Stalled=-").await;
    // Without the pin, the domain counts, and it is free.
    world.edit("pinned", json!({"customerId": null})).await;
    world.until("pinned", "Ready=True/InSync Stalled=-").await;
    assert_eq!(world.google_writes(), ["reseller.customers.insert pinned.example"]);
}

#[tokio::test]
async fn a_refresh_is_answered_and_tries_a_stalled_object_at_once() {
    let world = World::new("refresh").await;
    world.add(account("ready.example"));
    let id = world.add(with(account("foreign.example"), json!({"owner": "foreign"})));
    let _operator = world.operator(&[]).await;
    world.create("ready", domain_spec("ready.example")).await;
    world.create("foreign", domain_spec("foreign.example")).await;
    world.until("ready", "Ready=True/InSync").await;
    world.until("foreign", "Stalled=True/ForeignManaged").await;
    world.create("second", domain_spec("ready.example")).await;
    world.until("second", "Stalled=True/DuplicateClaim").await;

    let reads = world.calls(GET).len();
    world.refresh("ready", "2026-01-01T00:00:00Z").await;
    world.refresh("foreign", "again").await;
    world.refresh("second", "and again").await;
    assert_eq!(world.calls(GET).len(), reads + 2, "each is read once; whose claim is taken, never");
    world.until("foreign", "Stalled=True/ForeignManaged").await;
    world.told("foreign", &["Stalled"]).await;

    world.change(&id, |account| account.owner = Owner::Own);
    world.refresh("foreign", "transferred").await;
    world.until("foreign", "Ready=True/InSync Stalled=-").await;
    world.told("foreign", &["Stalled", "Adopted"]).await;
}

#[tokio::test]
async fn a_pin_says_which_team_is_meant() {
    let world = World::new("pin").await;
    teams(&world, "teams.example");
    let grace = {
        let google = world.google.simulation();
        let team = google.state().accounts().values().find(|account| {
            account.primary_admin.as_ref().is_some_and(|a| a.primary_email.starts_with("grace"))
        });
        team.expect("grace's team").customer_id.clone()
    };
    let _operator = world.operator(&[]).await;
    let spec = with(team_spec("teams.example"), json!({"customerId": grace}));
    world.create("grace", spec).await;
    let object = world.until("grace", "Ready=True/InSync MultipleTeams=Unknown/NotRead").await;
    assert_eq!(object.status.expect("status").customer_id, Some(grace));
    world.create("none", team_spec("teams.example")).await;
    world.until("none", "Stalled=True/TeamsExist MultipleTeams=True/TeamsOnDomain").await;
    assert_eq!(world.google_writes(), [""; 0]);

    // Another team is ordered on a person's word only.
    world.annotate("none", "approve-order", "guess").await;
    world.refresh("none", "1").await;
    let object = world.until("none", "Stalled=True/TeamsExist").await;
    assert_eq!(world.calls(ORDER).len(), 0, "a guess is no word");
    let token = object.status.expect("status").approval.expect("a question").token;
    assert!(message(&world.get("none").await, "Stalled").contains(&token));
    let third = json!({"primaryAdmin": {"primaryEmail": "third@teams.example"}});
    world.edit("none", third).await;
    world.annotate("none", "approve-order", &token).await;
    world.until("none", "Ready=True/InSync Stalled=-").await;
    assert_eq!(world.orders("teams.example"), 1);
}

#[tokio::test]
async fn a_renamed_domain_is_stalled_until_the_manifest_follows() {
    let world = World::new("rename").await;
    let id = world.add(account("old.example"));
    let _operator = world.operator(&[]).await;
    world.create("acme", domain_spec("old.example")).await;
    world.until("acme", "Ready=True/InSync").await;
    world.change(&id, |account| account.customer_domain = "new.example".to_owned());
    world.refresh("acme", "1").await;
    let object =
        world.until("acme", "Ready=False/IdentityMismatch Stalled=True/IdentityMismatch").await;
    assert!(message(&object, "Stalled").contains("spec.customerId"));

    // Another object, for the new name, does not get the account.
    world.create("second", domain_spec("new.example")).await;
    let waits = "Ready=False/DuplicateClaim Stalled=True/DuplicateClaim";
    let second = world.until("second", waits).await.status.expect("status");
    assert_eq!((second.origin, second.customer_id), (None, None));

    // The way out, step by step as the message says.
    world.edit("acme", json!({"customerId": id})).await;
    world.until("acme", "Ready=False/IdentityMismatch").await;
    world.edit("acme", json!({"customerDomain": "new.example"})).await;
    let object = world.until("acme", "Ready=True/InSync Stalled=-").await;
    assert_eq!(object.status.expect("status").customer_id, Some(id));
    world.until("second", waits).await;
    assert_eq!(world.google_writes(), [""; 0]);
}

#[tokio::test]
async fn a_suspended_object_is_neither_read_nor_written_until_it_is_resumed() {
    let world = World::new("suspend").await;
    world.add(account("acme.example"));
    let _operator = world.operator(&[]).await;
    world.create("acme", domain_spec("acme.example")).await;
    world.until("acme", "Ready=True/InSync").await;
    let calls = world.call_count();

    world.edit("acme", json!({"suspend": true})).await;
    // Nothing is left to apply: this generation counts as observed.
    world.until("acme", "Ready=True/InSync Paused=True/Suspended Synced=True/InSync").await;
    let edited = world.edit("acme", json!({"alternateEmail": "new@elsewhere.example"})).await;
    world.annotate("acme", "reconcile-requested-at", "1").await;
    // Something that happens afterwards.
    world.create("never", with(domain_spec("never.example"), json!({"suspend": true}))).await;
    world
        .until("never", "Paused=True/Suspended Ready=Unknown/Paused Managed=Unknown/NotRead")
        .await;
    let status = world.until("acme", "Paused=True/Suspended").await.status.expect("status");
    assert_ne!(Some(status.observed_generation), edited.metadata.generation, "the edit waits");
    assert_eq!(world.call_count(), calls, "nothing is asked or told at Google");

    world.edit("acme", json!({"suspend": false})).await;
    world.until("acme", "Ready=True/InSync Paused=- Synced=True/InSync").await;
    assert_eq!(world.google_writes().len(), 1);
    assert_eq!(
        world.account_of("acme.example").alternate_email.as_deref(),
        Some("new@elsewhere.example")
    );
}

#[tokio::test]
async fn deleting_the_object_changes_nothing_at_google_and_does_not_hang() {
    let world = World::new("delete").await;
    let operator = world.operator(&[]).await;
    world.create("acme", domain_spec("acme.example")).await;
    let object = world.until("acme", "Ready=True/InSync").await;
    assert_eq!(object.metadata.finalizers, None);
    let before = world.account_of("acme.example");
    let calls = world.call_count();
    world.delete("acme").await;
    assert_eq!(world.api().get_opt("acme").await.expect("get").map(|_| ()), None);
    drop(operator);
    assert_eq!(world.call_count(), calls);
    assert_eq!(world.account_of("acme.example"), before);

    // Also with no operator there.
    world.create("later", domain_spec("later.example")).await;
    world.delete("later").await;
    assert_eq!(world.api().get_opt("later").await.expect("get").map(|_| ()), None);
}
