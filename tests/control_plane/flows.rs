//! The ways of a customer: ordered, adopted, changed by its manifest, changed elsewhere.

use reseller_operator::crd::{Origin, ResellerCustomer};
use reseller_operator::simulator::Nested;
use serde_json::json;

use crate::google::{PATCH, body_fields};
use crate::shown::{conditions, message};
use crate::specs::{account, domain_spec, initial_admin, team_spec, with};
use crate::world::World;

fn origin(object: &ResellerCustomer) -> Option<Origin> {
    object.status.as_ref()?.origin
}

#[tokio::test]
async fn a_domain_customer_is_ordered_set_up_and_ready() {
    let world = World::new("order").await;
    let _operator = world.operator(&[]).await;
    let spec = with(domain_spec("acme.example"), initial_admin("acme.example"));
    world.create("acme", with(spec, json!({"language": "de"}))).await;

    let object = world.until("acme", "Ready=True/InSync").await;
    assert_eq!(
        conditions(&object),
        "AwaitingToS=True/PendingAcceptance ForeignManaged=False/FullRecord \
         Managed=True/FullRecord MultipleTeams=False/FullRecord Ready=True/InSync \
         Synced=True/InSync"
    );
    assert_eq!(origin(&object), Some(Origin::Ordered));
    let account = world.account_of("acme.example");
    let status = object.status.expect("status");
    assert_eq!(status.customer_id.as_deref(), Some(account.customer_id.as_str()));
    assert!(status.onboarded);
    assert_eq!(account.language, "de");
    assert!(account.users[0].is_admin && account.users[0].change_password_at_next_login);
    let id = &account.customer_id;
    assert_eq!(
        world.google_writes(),
        [
            "reseller.customers.insert acme.example".to_owned(),
            format!("directory.customers.patch {id}"),
            "directory.users.insert ada@acme.example".to_owned(),
            "directory.users.makeAdmin ada@acme.example".to_owned(),
        ]
    );
    let secret = world.secret("first-password").await.expect("the Secret was made");
    assert_eq!(secret.data.expect("data")["password"].0.len(), 24);
    assert_eq!(secret.metadata.owner_references, None, "the password outlives the object");
    world.told("acme", &["Ordered", "LanguageSet", "AdminCreated", "AwaitingToS"]).await;
}

#[tokio::test]
async fn a_team_is_ordered_and_ready() {
    let world = World::new("team").await;
    let _operator = world.operator(&[]).await;
    world.create("team", team_spec("team.example")).await;
    let object = world.until("team", "Ready=True/InSync AwaitingToS=True/PendingAcceptance").await;
    assert_eq!(origin(&object), Some(Origin::Ordered));
    assert_eq!(world.google_writes(), ["reseller.customers.insert team.example"]);
    world.told("team", &["Ordered", "AwaitingToS"]).await;
}

#[tokio::test]
async fn an_account_that_exists_is_adopted_as_its_policy_says() {
    let world = World::new("adopt").await;
    let other = |domain: &str| with(account(domain), json!({"alternateEmail": "x@old.example"}));
    world.add(account("equal.example"));
    world.add(other("differs.example"));
    world.add(account("unchanged.example"));
    world.add(other("asks.example"));
    let _operator = world.operator(&[]).await;
    let careful = json!({"adoptionPolicy": "IfUnchanged"});
    world.create("equal", domain_spec("equal.example")).await;
    world.create("differs", domain_spec("differs.example")).await;
    world.create("unchanged", with(domain_spec("unchanged.example"), careful.clone())).await;
    world.create("asks", with(domain_spec("asks.example"), careful)).await;

    for name in ["equal", "differs", "unchanged"] {
        let object = world.until(name, "Ready=True/InSync Synced=True/InSync").await;
        assert_eq!(origin(&object), Some(Origin::Adopted), "{name}");
    }
    let asks = "Ready=False/AdoptionRequiresApproval Stalled=True/AdoptionRequiresApproval \
                Synced=False/Drifted Managed=True/FullRecord";
    let object = world.until("asks", asks).await;
    assert_eq!(origin(&object), None);
    let drift = object.status.expect("status").drift;
    assert_eq!(drift.iter().map(|d| d.field.as_str()).collect::<Vec<_>>(), ["alternateEmail"]);
    let patches = world.calls(PATCH);
    assert_eq!(patches.len(), 1, "only the account that differs is written, once");
    assert_eq!(patches[0].key, world.account_of("differs.example").customer_id);
    assert_eq!(body_fields(&patches[0]), ["alternateEmail"]);
    world.told("equal", &["Adopted"]).await;
    world.told("differs", &["Adopted", "Updated"]).await;
    world.told("unchanged", &["Adopted"]).await;

    // The way out that the message names.
    world.edit("asks", json!({"adoptionPolicy": "Always"})).await;
    world.until("asks", "Ready=True/InSync Stalled=-").await;
    assert_eq!(
        world.account_of("asks.example").alternate_email.as_deref(),
        Some("owner@elsewhere.example")
    );
}

#[tokio::test]
async fn an_edit_writes_what_differs_and_an_address_as_a_whole() {
    let world = World::new("edit").await;
    // Google's notes leave open whether a nested object is merged or replaced.
    world.google.simulation().options_mut().nested_patch = Nested::Replace;
    let unmanaged = json!({"postalAddress": {"addressLine2": "c/o Google"}});
    let id = world.add(with(account("edit.example"), unmanaged));
    let _operator = world.operator(&[]).await;
    world.create("edit", domain_spec("edit.example")).await;
    world.until("edit", "Ready=True/InSync").await;
    assert_eq!(world.google_writes(), [""; 0]);

    world.edit("edit", json!({"alternateEmail": "new@elsewhere.example"})).await;
    world.until("edit", "Ready=True/InSync").await;
    world.edit("edit", json!({"postalAddress": {"locality": "Potsdam"}})).await;
    world.until("edit", "Ready=True/InSync").await;
    let patches = world.calls(PATCH);
    assert_eq!(patches.len(), 2);
    assert_eq!(body_fields(&patches[0]), ["alternateEmail"]);
    let mut whole: Vec<String> = [
        "addressLine1",
        "addressLine2",
        "contactName",
        "countryCode",
        "locality",
        "organizationName",
        "postalCode",
    ]
    .map(|member| format!("postalAddress.{member}"))
    .into();
    whole.sort();
    assert_eq!(body_fields(&patches[1]), whole);
    let address = world.account(&id).postal_address;
    assert_eq!(address["addressLine2"], "c/o Google", "what is not managed stays");
    assert_eq!(address["locality"], "Potsdam");

    // A field that is taken out is let go, not cleared.
    world.edit("edit", json!({"phoneNumber": null})).await;
    world.until("edit", "Ready=True/InSync").await;
    assert_eq!(world.calls(PATCH).len(), 2);
    assert!(world.account(&id).phone_number.is_some());
    world.told("edit", &["Adopted", "Updated", "Updated"]).await;
}

#[tokio::test]
async fn a_change_elsewhere_is_corrected_or_reported() {
    let world = World::new("drift").await;
    let corrected = world.add(account("correct.example"));
    let reported = world.add(account("report.example"));
    let _operator = world.operator(&[]).await;
    world.create("correct", domain_spec("correct.example")).await;
    let report = json!({"driftPolicy": "Report"});
    world.create("report", with(domain_spec("report.example"), report)).await;
    for name in ["correct", "report"] {
        world.until(name, "Ready=True/InSync").await;
    }
    for id in [&corrected, &reported] {
        world.change(id, |account| account.phone_number = Some("+493012345".to_owned()));
    }
    for name in ["correct", "report"] {
        world.annotate(name, "reconcile-requested-at", "1").await;
    }

    let object =
        world.until("report", "Ready=True/Drifted Synced=False/Drifted Reconciling=-").await;
    let drift = object.status.expect("status").drift;
    assert_eq!(drift[0].field, "phoneNumber");
    assert_eq!(drift[0].observed, "+493012345");
    world.seen(PATCH, 1).await;
    let object = world.until("correct", "Ready=True/InSync Synced=True/InSync Reconciling=-").await;
    assert_eq!(object.status.expect("status").drift, []);
    assert_eq!(world.account(&corrected).phone_number.as_deref(), Some("+49 30 901820"));
    world.told("correct", &["Adopted", "DriftDetected", "DriftCorrected"]).await;

    // An edit is applied under every policy, and only the edit.
    world.edit("report", json!({"alternateEmail": "new@elsewhere.example"})).await;
    world.until("report", "Ready=True/Drifted Synced=False/Drifted").await;
    world.told("report", &["Adopted", "DriftDetected", "Updated"]).await;
    let patches = world.calls(PATCH);
    assert_eq!(patches.len(), 2);
    assert_eq!(body_fields(&patches[1]), ["alternateEmail"]);
    assert_eq!(world.account(&reported).phone_number.as_deref(), Some("+493012345"));
}

#[tokio::test]
async fn a_value_that_google_shortens_or_drops_is_written_once() {
    let world = World::new("sticks").await;
    let us = json!({"postalAddress": {"countryCode": "US", "postalCode": "10001"},
                    "phoneNumber": "+1 212 555 0123"});
    world.add(with(account("region.example"), us.clone()));
    world.add(account("phone.example"));
    world.google.simulation().options_mut().drop.insert("phoneNumber".to_owned());
    let _operator = world.operator(&[]).await;
    let region = with(us, json!({"postalAddress": {"region": "New York"}}));
    world.create("region", with(domain_spec("region.example"), region)).await;
    let phone = json!({"phoneNumber": "+49 30 5550000"});
    world.create("phone", with(domain_spec("phone.example"), phone)).await;

    world.until("region", "Ready=True/InSync Synced=True/InSync").await;
    assert_eq!(world.account_of("region.example").postal_address["region"], "NY");
    let refused = "Ready=False/ValueNotAccepted Stalled=True/ValueNotAccepted \
                   Synced=False/ValueNotAccepted";
    let object = world.until("phone", refused).await;
    assert!(message(&object, "Stalled").contains("spec.phoneNumber"));

    for token in ["1", "2"] {
        world.refresh("region", token).await;
        world.refresh("phone", token).await;
    }
    world.until("region", "Ready=True/InSync").await;
    world.until("phone", refused).await;
    for domain in ["region.example", "phone.example"] {
        let id = world.account_of(domain).customer_id;
        assert_eq!(world.calls_for(PATCH, &id).len(), 1, "{domain} is written once");
    }

    // Another value is another try.
    world.google.simulation().options_mut().drop.clear();
    world.edit("phone", json!({"phoneNumber": "+49 30 5550001"})).await;
    world.until("phone", "Ready=True/InSync Stalled=-").await;
}
