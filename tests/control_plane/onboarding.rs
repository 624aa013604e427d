//! The first administrator, transfer tokens, and a person's word, step by step: each call, each
//! Secret.

use k8s_openapi::api::core::v1::Secret;
use kube::Api;
use kube::api::{Patch, PatchParams};
use reseller_operator::crd::{Origin, ResellerCustomer};
use reseller_operator::simulator::{CallFilter, Fault};
use serde_json::{Value, json};

use crate::google::ORDER;
use crate::operator::Operator;
use crate::shown::{conditions, message};
use crate::specs::{domain_spec, initial_admin, team_account, team_spec, with};
use crate::world::World;

const READY: &str = "Ready=True/InSync Synced=True/InSync Stalled=-";
const MAKE_ADMIN: &str = "directory.users.makeAdmin";
const INSERT: &str = "directory.users.insert";

/// All calls of both APIs in order: method, and key where it is not an id.
fn calls(world: &World) -> Vec<String> {
    let calls = world.google.simulation().calls(&CallFilter::default());
    let calls = calls.iter().filter(|call| call.method != "oauth2.token");
    calls
        .map(|call| {
            let method = call.method.trim_start_matches("reseller.");
            let key = if call.key.contains('.') { call.key.as_str() } else { "ID" };
            format!("{method} {key}")
        })
        .collect()
}

/// What the operator asked of Secrets: verb and name.
fn secret_requests(world: &World) -> Vec<String> {
    let requests = world.plane.requests(&world.user());
    let requests = requests.iter().filter(|request| request.resource == "secrets");
    requests.map(|request| format!("{} {}", request.verb, request.name)).collect()
}

fn with_admin(domain: &str) -> Value {
    with(domain_spec(domain), initial_admin(domain))
}

/// With its own Secret.
fn with_secret(domain: &str, secret: &str) -> Value {
    let reference = json!({"initialAdmin": {"passwordSecretRef": {"name": secret}}});
    with(with_admin(domain), reference)
}

async fn edit_secret(world: &World, name: &str, data: Value) -> Secret {
    let api = Api::<Secret>::namespaced(world.client.clone(), world.namespace());
    let patch = Patch::Merge(json!({"stringData": data}));
    api.patch(name, &PatchParams::default(), &patch).await.expect("Secret")
}

/// Nowhere in the log, the Events and the status.
async fn is_told_nowhere(world: &World, operator: &Operator, object: &str, secret: &str) {
    let status = serde_json::to_string(&world.get(object).await.status).expect("JSON");
    let events = serde_json::to_string(&world.all_events().await).expect("JSON");
    for (place, text) in [("log", operator.log()), ("Events", events), ("status", status)] {
        assert!(!text.contains(secret), "{place}");
    }
}

#[tokio::test]
async fn a_customer_with_language_and_administrator_takes_four_writes_in_order() {
    let world = World::new("four").await;
    let operator = world.operator(&["--log-filter", "trace"]).await;
    let spec = with(with_admin("acme.example"), json!({"language": "de"}));
    world.create("acme", spec).await;
    let object = world.until("acme", READY).await;
    assert_eq!(
        calls(&world),
        [
            // 1: free, so it is ordered.
            "customers.get acme.example",
            "customers.insert acme.example",
            // 2: the language differs. Before the first user.
            "customers.get ID",
            "directory.customers.get ID",
            "subscriptions.list ID",
            "directory.users.get ada@acme.example",
            "directory.customers.patch ID",
            // 3: there is no such user.
            "customers.get ID",
            "directory.customers.get ID",
            "subscriptions.list ID",
            "directory.users.get ada@acme.example",
            "directory.users.insert ada@acme.example",
            // 4: our user is no administrator yet.
            "customers.get ID",
            "directory.customers.get ID",
            "subscriptions.list ID",
            "directory.users.get ada@acme.example",
            "directory.users.makeAdmin ada@acme.example",
            // 5: all is there.
            "customers.get ID",
            "directory.customers.get ID",
            "subscriptions.list ID",
            "directory.users.get ada@acme.example",
        ]
    );
    let status = object.status.expect("status");
    assert!(status.onboarded);
    let admin = status.initial_admin.expect("initialAdmin");
    assert!(admin.created && admin.is_admin && !admin.agreed_to_terms);

    let secret = world.secret("first-password").await.expect("the Secret was made");
    assert_eq!(secret.metadata.owner_references, None, "the password outlives the object");
    let password = secret.data.expect("data")["password"].0.clone();
    let password = String::from_utf8(password).expect("ASCII");
    assert!(password.len() == 24 && password.is_ascii());
    is_told_nowhere(&world, &operator, "acme", &password).await;

    // Never asked for again: neither by a look nor by an edit.
    let asked = secret_requests(&world);
    assert_eq!(asked.iter().filter(|request| request.starts_with("create")).count(), 1);
    world.refresh("acme", "1").await;
    world.edit("acme", json!({"phoneNumber": "+49 30 5550000"})).await;
    world.until("acme", READY).await;
    assert_eq!(secret_requests(&world), asked);
    let version = world.secret("first-password").await.expect("Secret").metadata.resource_version;
    assert_eq!(version, secret.metadata.resource_version, "never overwritten");
}

#[tokio::test]
async fn a_secret_that_is_there_is_used_and_left_as_it_is() {
    let world = World::new("given").await;
    world.create_secret("first-password", "password", "Given-passw0rd").await;
    let before = world.secret("first-password").await;
    let operator = world.operator(&["--log-filter", "trace"]).await;
    world.create("acme", with_admin("acme.example")).await;
    world.until("acme", READY).await;
    assert_eq!(world.secret("first-password").await, before);
    let asked = secret_requests(&world);
    assert!(asked.iter().all(|request| request == "get first-password"), "{asked:?}");
    assert!(world.account_of("acme.example").users[0].is_admin);
    is_told_nowhere(&world, &operator, "acme", "Given-passw0rd").await;
}

#[tokio::test]
async fn a_missing_key_is_waited_for_and_then_onboarding_goes_on() {
    let world = World::new("key").await;
    world.create_secret("first-password", "user", "ada").await;
    let _operator = world.operator(&[]).await;
    world.create("acme", with_admin("acme.example")).await;
    let waits = "Ready=Unknown/Progressing Reconciling=True/SecretPending Synced=False/Pending \
                 Stalled=- Managed=True/FullRecord";
    let object = world.until("acme", waits).await;
    assert!(message(&object, "Ready").contains("\"first-password\""));
    assert!(message(&object, "Ready").contains("\"password\""));
    let object = world.refresh("acme", "1").await;
    assert!(object.status.expect("status").waiting_since.is_some());
    assert_eq!(world.calls(INSERT), []);

    edit_secret(&world, "first-password", json!({"password": "Given-passw0rd"})).await;
    world.annotate("acme", "reconcile-requested-at", "2").await;
    let status = world.until("acme", READY).await.status.expect("status");
    assert!(status.onboarded && status.waiting_since.is_none());
    let data = world.secret("first-password").await.expect("Secret").data.expect("data");
    assert_eq!(data["user"].0, b"ada", "the rest of the Secret stays");
    assert_eq!(data["password"].0, b"Given-passw0rd");
    assert_eq!(world.calls(INSERT).len(), 1);
}

#[tokio::test]
async fn a_password_that_google_would_not_take_is_never_sent() {
    let world = World::new("unusable").await;
    let long = "x".repeat(101);
    let unusable = [("short", "1234567"), ("long", long.as_str()), ("umlaut", "Schl\u{fc}ssel1")];
    for (name, password) in unusable {
        world.create_secret(name, "password", password).await;
    }
    let _operator = world.operator(&[]).await;
    for (name, _) in unusable {
        world.create(name, with_secret(&format!("{name}.example"), name)).await;
    }
    let invalid = "Ready=False/SecretInvalid Stalled=True/SecretInvalid Synced=False/Pending \
                   Reconciling=- Managed=True/FullRecord";
    for (name, password) in unusable {
        let object = world.until(name, invalid).await;
        let says = message(&object, "Stalled");
        assert!(says.contains(&format!("{name:?}")) && says.contains("8 to 100 ASCII"), "{says}");
        assert!(!says.contains(password));
    }
    assert_eq!(world.calls(INSERT), []);
    for (name, _) in unusable {
        edit_secret(&world, name, json!({"password": "Usable-passw0rd"})).await;
        world.annotate(name, "reconcile-requested-at", "1").await;
        world.until(name, READY).await;
    }
    assert_eq!(world.calls(INSERT).len(), 3);
}

#[tokio::test]
async fn a_user_that_is_there_is_granted_nothing() {
    let world = World::new("squatter").await;
    world.fail_once(ORDER, Fault::Hold);
    let _operator = world.operator(&[]).await;
    world.create("acme", with_admin("acme.example")).await;
    world.seen(ORDER, 1).await;
    // Somebody else is faster.
    let id = world.account_of("acme.example").customer_id;
    let user = json!({"primaryEmail": "ada@acme.example"});
    let user = serde_json::from_value(user).expect("user");
    world.change(&id, |account| account.users.push(user));
    world.google.release();
    let refused = "Ready=False/AdminRefused Stalled=True/AdminRefused Synced=False/Pending \
                   Managed=True/FullRecord";
    world.until("acme", refused).await;
    for token in ["1", "2"] {
        world.refresh("acme", token).await;
    }
    let object = world.until("acme", refused).await;
    assert!(message(&object, "Stalled").contains("Choose another address"));
    assert_eq!(world.google_writes(), ["reseller.customers.insert acme.example"]);
    assert_eq!(world.secret("first-password").await, None, "no password without a user");

    let other = json!({"initialAdmin": {"primaryEmail": "grace@acme.example"}});
    world.edit("acme", other).await;
    world.until("acme", READY).await;
    let users = world.account_of("acme.example").users;
    let admins: Vec<_> = users.iter().filter(|user| user.is_admin).collect();
    assert_eq!(admins.len(), 1);
    assert_eq!(admins[0].primary_email, "grace@acme.example");
    assert_eq!(world.calls(MAKE_ADMIN).len(), 1);
}

#[tokio::test]
async fn a_credential_without_the_directory_scope_says_so_and_does_the_rest() {
    let world = World::new("scope").await;
    let scope = "https://www.googleapis.com/auth/admin.directory.user";
    world.google.simulation().options_mut().denied_scopes.insert(scope.to_owned());
    let _operator = world.operator(&[]).await;
    world.create("acme", with_admin("acme.example")).await;
    world.create("plain", domain_spec("plain.example")).await;
    world.until("plain", READY).await;
    let denied = "Ready=False/PermissionDenied Stalled=True/PermissionDenied \
                  Managed=True/FullRecord";
    let object = world.until("acme", denied).await;
    assert!(message(&object, "Stalled").contains(scope), "{}", message(&object, "Stalled"));
    assert_eq!(object.status.expect("status").origin, Some(Origin::Ordered));
    assert_eq!(world.google_writes().len(), 2, "the two orders");
}

#[tokio::test]
async fn a_transfer_token_shows_what_could_be_transferred() {
    let world = World::new("transfer").await;
    world.add(json!({
        "customerDomain": "acme.example", "owner": "foreign",
        "subscriptions": [
            {"skuId": "1010020028", "minimumTransferableSeats": 20},
            {"skuId": "1010020027", "minimumTransferableSeats": 3},
        ],
        "transferTokens": [{"token": "transfer-token-0123"}],
    }));
    let operator = world.operator(&["--log-filter", "trace"]).await;
    let token = json!({"customerAuthTokenSecretRef": {"name": "transfer", "key": "token"}});
    world.create("acme", with(domain_spec("acme.example"), token)).await;
    let foreign = "Ready=False/ForeignManaged Stalled=True/ForeignManaged \
                   Synced=False/NotManaged ForeignManaged=True/MinimalRecord Reconciling=-";
    let listed = |object: &ResellerCustomer| {
        let status = object.status.clone().expect("status");
        let list = status.transferable_subscriptions.into_iter();
        let mut list: Vec<_> =
            list.map(|s| (s.sku_id, s.minimum_transferable_seats.unwrap_or_default())).collect();
        list.sort();
        list
    };
    let object = world.until("acme", foreign).await;
    assert!(message(&object, "Stalled").contains("Secret \"transfer\""), "it is missing");
    assert_eq!(world.calls("reseller.subscriptions.list"), [], "nothing is asked without a token");

    world.create_secret("transfer", "token", "wrong-token-4567").await;
    world.refresh("acme", "1").await;
    let object = world.until("acme", foreign).await;
    assert!(message(&object, "Stalled").contains("refuses the transfer token"));
    assert_eq!(listed(&object), []);

    edit_secret(&world, "transfer", json!({"token": "transfer-token-0123\n"})).await;
    world.refresh("acme", "2").await;
    let object = world.until("acme", foreign).await;
    let says = message(&object, "Stalled");
    assert!(
        says.contains("given token (2)") && says.contains("status.transferableSubscriptions"),
        "{says}"
    );
    assert_eq!(
        listed(&object),
        [("1010020027".to_owned(), 3), ("1010020028".to_owned(), 20)],
        "{}",
        conditions(&object)
    );
    assert_eq!(world.google_writes(), [""; 0], "nothing is ordered or transferred");
    for token in ["transfer-token-0123", "wrong-token-4567"] {
        is_told_nowhere(&world, &operator, "acme", token).await;
    }
}

/// Runs the command that the message names, as it stands there.
async fn run_the_command(world: &World, object: &ResellerCustomer) {
    let says = message(object, "Stalled");
    let command = says.split("kubectl ").nth(1).expect("a command").split_whitespace();
    world.plane.kubectl(command).await.ok();
}

fn approval_token(object: &ResellerCustomer) -> String {
    let status = object.status.as_ref().expect("status");
    status.approval.as_ref().expect("a question").token.clone()
}

#[tokio::test]
async fn an_order_that_may_be_a_second_one_needs_the_exact_word_each_time() {
    let world = World::new("word").await;
    for admin in ["one", "two"] {
        let email = json!({"primaryAdmin": {"primaryEmail": format!("{admin}@team.example")}});
        world.add(with(team_account("team.example"), email));
    }
    let _operator = world.operator(&[]).await;
    world.create("team", team_spec("team.example")).await;
    let teams = "Ready=False/TeamsExist Stalled=True/TeamsExist MultipleTeams=True/TeamsOnDomain";
    let question = world.until("team", teams).await;
    // Another value is no word, and the message says so.
    world.annotate("team", "approve-order", "yes").await;
    let object = world.refresh("team", "1").await;
    assert!(message(&object, "Stalled").contains("another value"));
    assert_eq!(approval_token(&object), approval_token(&question), "the question stays the same");
    assert_eq!(world.google_writes(), [""; 0]);

    run_the_command(&world, &object).await;
    let object = world.until("team", READY).await;
    assert_eq!(world.google_writes(), ["reseller.customers.insert team.example"]);
    let status = object.status.expect("status");
    assert_eq!((status.origin, status.approval), (Some(Origin::Ordered), None));

    // All is gone. The word was for one order; the annotation is still there.
    let first = status.customer_id.expect("customerId");
    let ids: Vec<String> = world.google.simulation().state().accounts().keys().cloned().collect();
    for id in ids {
        world.google.simulation().state_mut().remove(&id).expect("account");
    }
    world.annotate("team", "reconcile-requested-at", "2").await;
    let vanished = "Ready=False/CustomerVanished Stalled=True/CustomerVanished";
    let second = world.until("team", vanished).await;
    assert_ne!(approval_token(&second), approval_token(&question));
    assert!(message(&second, "Stalled").contains("another value"), "the old word is ignored");
    world.refresh("team", "3").await;
    assert_eq!(world.orders("team.example"), 1);

    run_the_command(&world, &second).await;
    let object = world.until("team", READY).await;
    let status = object.status.expect("status");
    assert_eq!(world.orders("team.example"), 2);
    assert_eq!(status.origin, Some(Origin::Ordered));
    assert_eq!(status.customer_id, Some(world.account_of("team.example").customer_id));
    assert_ne!(status.customer_id, Some(first));
    for token in ["4", "5"] {
        world.refresh("team", token).await;
    }
    assert_eq!(world.orders("team.example"), 2, "used once");
}

#[tokio::test]
async fn a_domain_customer_ordered_anew_is_set_up_anew() {
    let world = World::new("anew").await;
    world.create_secret("first-password", "password", "Given-passw0rd").await;
    let _operator = world.operator(&[]).await;
    world.create("acme", with_admin("acme.example")).await;
    world.until("acme", READY).await;
    let id = world.account_of("acme.example").customer_id;
    world.google.simulation().state_mut().remove(&id).expect("account");
    world.annotate("acme", "reconcile-requested-at", "1").await;
    let vanished = "Ready=False/CustomerVanished Stalled=True/CustomerVanished";
    let object = world.until("acme", vanished).await;
    run_the_command(&world, &object).await;
    let status = world.until("acme", READY).await.status.expect("status");
    assert!(status.onboarded);
    let round = [
        "reseller.customers.insert acme.example",
        "directory.users.insert ada@acme.example",
        "directory.users.makeAdmin ada@acme.example",
    ];
    assert_eq!(world.google_writes(), [round, round].concat());
    assert!(world.account_of("acme.example").users[0].is_admin);
}
