//! The ways of a customer: ordered, adopted, changed, only looked at.

use serde_json::json;

use crate::specs::{domain_spec, initial_admin, team_spec, with};
use crate::world::{World, conditions};

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
         Managed=True/FullRecord MultipleTeams=False/FullRecord Ready=True/InSync Synced=True/InSync"
    );
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
    assert_eq!(
        world.events("acme").await,
        ["Ordered", "LanguageSet", "AdminCreated", "AwaitingToS"]
    );
}

#[tokio::test]
async fn a_team_is_ordered_and_ready() {
    let world = World::new("team").await;
    let _operator = world.operator(&[]).await;
    world.create("team", team_spec("team.example")).await;
    let object = world.until("team", "Ready=True/InSync").await;
    assert_eq!(object.status.expect("status").origin.map(|o| format!("{o:?}")).as_deref(), Some("Ordered"));
    assert_eq!(world.google_writes(), ["reseller.customers.insert team.example"]);
    assert_eq!(world.events("team").await, ["Ordered"]);
}
