//! Objects that want the same account, or too much at once.

use serde_json::json;

use crate::google::ORDER;
use crate::shown::{message, shows};
use crate::specs::{account, domain_spec, team_spec, with};
use crate::world::World;

#[tokio::test]
async fn two_objects_made_at_once_for_one_domain_order_one_account() {
    let world = World::new("twins").await;
    let _operator = world.operator(&[]).await;
    tokio::join!(
        world.create("one", domain_spec("acme.example")),
        world.create("two", domain_spec("acme.example")),
        world.create("team-one", team_spec("team.example")),
        world.create("team-two", team_spec("team.example")),
    );
    for (one, two, domain) in
        [("one", "two", "acme.example"), ("team-one", "team-two", "team.example")]
    {
        let (first, second) = tokio::join!(world.settled(one), world.settled(two));
        let ready = [&first, &second].into_iter().filter(|o| shows(o, "Ready=True/InSync"));
        assert_eq!(ready.count(), 1, "{domain}");
        assert_eq!(world.orders(domain), 1, "{domain}");
    }
}

#[tokio::test]
async fn a_claim_passes_on_at_once_but_to_another_namespace_only_with_the_pin() {
    let world = World::with_namespaces("claims", 2).await;
    let [near, far] = [&world.namespaces[0], &world.namespaces[1]];
    let near_id = world.add(account("near.example"));
    let far_id = world.add(account("far.example"));
    let _operator = world.operator(&[]).await;
    world.create("holder", domain_spec("near.example")).await;
    world.create("far-holder", domain_spec("far.example")).await;
    world.until("holder", "Ready=True/InSync").await;
    world.until("far-holder", "Ready=True/InSync").await;

    world.create("heir", domain_spec("near.example")).await;
    world.create_in(far, "far-heir", domain_spec("far.example")).await;
    let waits = "Ready=False/DuplicateClaim Stalled=True/DuplicateClaim";
    let heir = world.until("heir", waits).await;
    assert!(message(&heir, "Stalled").contains("holder"));
    let far_heir = world.until_in(far, "far-heir", waits).await;
    for secret in ["far-holder", near.as_str()] {
        assert!(!message(&far_heir, "Stalled").contains(secret), "another namespace is not told");
    }
    assert_eq!(world.google_writes(), [""; 0]);

    world.delete("holder").await;
    let heir = world.until("heir", "Ready=True/InSync Stalled=-").await;
    assert_eq!(heir.status.expect("status").customer_id, Some(near_id));

    world.delete("far-holder").await;
    // Something that happens after the claim was free.
    world.create("later", domain_spec("later.example")).await;
    world.until("later", "Ready=True/InSync").await;
    world.until_in(far, "far-heir", waits).await;
    let api = kube::Api::<reseller_operator::crd::ResellerCustomer>::namespaced(
        world.client.clone(),
        far,
    );
    let pin = kube::api::Patch::Merge(json!({"spec": {"customerId": far_id}}));
    api.patch("far-heir", &kube::api::PatchParams::default(), &pin).await.expect("pin");
    world.until_in(far, "far-heir", "Ready=True/InSync Stalled=-").await;
    assert_eq!(world.google_writes(), ["reseller.customers.insert later.example"]);
}

#[tokio::test]
async fn the_hourly_limit_holds_further_orders_back() {
    let world = World::new("limit").await;
    world.add(account("exists.example"));
    let _operator = world.operator(&["--max-orders-per-hour", "1"]).await;
    world.create("first", domain_spec("first.example")).await;
    world.until("first", "Ready=True/InSync").await;
    world.create("second", domain_spec("second.example")).await;
    let waits = "Ready=Unknown/Progressing Reconciling=True/OrderLimit Managed=False/DomainFree";
    world.until("second", waits).await;
    // Only orders are counted.
    world.create("exists", domain_spec("exists.example")).await;
    world.until("exists", "Ready=True/InSync").await;
    for token in ["1", "2"] {
        world.refresh("second", token).await;
    }
    world.until("second", waits).await;
    world.told("second", &["OrderLimit"]).await;
    assert_eq!(world.calls(ORDER).len(), 1);
}

#[tokio::test]
async fn awaiting_tos_follows_the_subscriptions_or_else_the_administrator() {
    let world = World::new("terms").await;
    let pending = json!({"subscriptions": [
        {"skuId": "1010020027", "status": "SUSPENDED", "suspensionReasons": ["PENDING_TOS_ACCEPTANCE"]},
        {"skuId": "1010020028", "status": "CANCELLED"},
    ]});
    let sold = world.add(with(account("sold.example"), pending));
    let user = json!({"users": [{"primaryEmail": "ada@bare.example", "isAdmin": true}]});
    let bare = world.add(with(account("bare.example"), user));
    let none = json!({"initialAdmin": null});
    let _operator = world.operator(&["--onboarding-interval", "1s"]).await;
    world.create("sold", with(domain_spec("sold.example"), none)).await;
    let admin = crate::specs::initial_admin("bare.example");
    world.create("bare", with(domain_spec("bare.example"), admin)).await;
    for name in ["sold", "bare"] {
        // It does not gate Ready.
        world.until(name, "AwaitingToS=True/PendingAcceptance Ready=True/InSync").await;
        world.told(name, &["Adopted", "AwaitingToS"]).await;
    }
    for id in [&sold, &bare] {
        world.change(id, reseller_operator::simulator::Account::accept_terms);
    }
    for name in ["sold", "bare"] {
        // Nobody asks: while terms are pending the account is read at the onboarding interval.
        world.until(name, "AwaitingToS=False/Accepted Ready=True/InSync").await;
        world.told(name, &["Adopted", "AwaitingToS", "ToSAccepted"]).await;
    }
    assert_eq!(world.google_writes(), [""; 0], "nothing accepts them for the customer");
}
