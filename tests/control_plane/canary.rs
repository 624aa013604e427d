//! Nothing secret leaves the operator, and nobody's contact data but in the object itself.

use std::fmt::Write;

use reseller_operator::simulator::{Fault, FaultRule};
use serde_json::{Value, json};

use crate::google::{ORDER, PATCH};
use crate::operator::Operator;
use crate::specs::{account, domain_spec, with};
use crate::world::World;

const GIVEN_PASSWORD: &str = "Canary-given-passw0rd";
const TRANSFER_TOKEN: &str = "canary-transfer-token";

/// Contact data; each value is unlike anything else that is said.
const CONTACT: [(&str, &str); 7] = [
    ("contactName", "Canary Contactname"),
    ("addressLine1", "Canarystreet 77"),
    ("phoneNumber", "+49 30 7654321"),
    ("alternateEmail", "canary.alternate@private.example"),
    ("recoveryEmail", "canary.recovery@private.example"),
    ("givenName", "Canarygiven"),
    ("familyName", "Canaryfamily"),
];

/// The number as Google writes it.
const NORMAL_PHONE: &str = "+49307654321";

fn spec(domain: &str) -> Value {
    let [contact, street, phone, alternate, ..] = CONTACT.map(|(_, value)| value);
    with(
        domain_spec(domain),
        json!({
            "phoneNumber": phone,
            "alternateEmail": alternate,
            "postalAddress": {"contactName": contact, "addressLine1": street},
        }),
    )
}

fn onboarding(domain: &str, secret: &str) -> Value {
    let [.., recovery, given, family] = CONTACT.map(|(_, value)| value);
    json!({"language": "de", "initialAdmin": {
        "primaryEmail": format!("first@{domain}"),
        "recoveryEmail": recovery,
        "name": {"givenName": given, "familyName": family},
        "passwordSecretRef": {"name": secret, "key": "password"},
    }})
}

/// Google's text with all that was sent in it.
fn echo() -> String {
    let normal = format!("Invalid value: '{NORMAL_PHONE}'");
    CONTACT.iter().fold(normal, |text, (_, value)| format!("{text} {value},"))
}

/// What the operator has said anywhere but in `spec`, `status.drift` and Secrets.
async fn all_said(world: &World, operator: &Operator) -> String {
    let mut said = operator.log();
    said.push_str(&operator.get("/metrics").await);
    for event in world.all_events().await {
        write!(said, "{}", serde_json::to_string(&event).expect("JSON")).expect("a String");
    }
    let objects = world.api().list(&kube::api::ListParams::default()).await.expect("list");
    for object in objects {
        let mut status = serde_json::to_value(&object.status).expect("JSON");
        status.as_object_mut().expect("status").remove("drift");
        write!(said, "{status}").expect("a String");
    }
    said
}

/// Accounts and Secrets at the start, and failures whose text echoes what was sent.
async fn prepared() -> World {
    let world = World::new("canary").await;
    world.create_secret("given", "password", GIVEN_PASSWORD).await;
    world.create_secret("transfer", "token", TRANSFER_TOKEN).await;
    world.create_secret("short", "password", "short7!").await;
    world.add(json!({
        "customerDomain": "foreign.example", "owner": "foreign",
        "subscriptions": [{"skuId": "1010020028", "minimumTransferableSeats": 20}],
        "transferTokens": [{"token": TRANSFER_TOKEN}],
    }));
    world.add(with(account("drift.example"), json!({"phoneNumber": "+49 30 1111111"})));
    world.add(account("refused.example"));

    let refusal = Fault::status(400, "invalid", &echo());
    let rule = |method: &str, key: &str| FaultRule {
        key: Some(key.to_owned()),
        times: None,
        ..FaultRule::once(method, refusal.clone())
    };
    world.google.simulation().inject(rule(ORDER, "echo.example"));
    let refused = world.account_of("refused.example").customer_id;
    world.google.simulation().inject(rule(PATCH, &refused));
    world.google.simulation().inject(rule("directory.users.insert", "first@adminless.example"));
    world
}

#[tokio::test]
async fn neither_secrets_nor_contact_data_are_in_logs_events_metrics_or_conditions() {
    let world = prepared().await;
    let operator = world.operator(&["--log-filter", "trace"]).await;

    // Ordered, with a generated and with a given password, and with one that cannot be used.
    for (name, secret) in [("made", "generated"), ("handed", "given"), ("unusable", "short")] {
        let domain = format!("{name}.example");
        world.create(name, with(spec(&domain), onboarding(&domain, secret))).await;
    }
    for name in ["echo", "refused", "adminless"] {
        let domain = format!("{name}.example");
        world.create(name, with(spec(&domain), onboarding(&domain, name))).await;
    }
    let report = json!({"driftPolicy": "Report"});
    world.create("drift", with(spec("drift.example"), report)).await;
    let token = json!({"customerAuthTokenSecretRef": {"name": "transfer", "key": "token"}});
    world.create("foreign", with(spec("foreign.example"), token)).await;

    world.until("made", "Ready=True/InSync").await;
    world.until("handed", "Ready=True/InSync").await;
    world.until("unusable", "Stalled=True/SecretInvalid").await;
    world.until("echo", "Stalled=True/OrderRefused").await;
    world.until("refused", "Stalled=True/UpdateRefused").await;
    world.until("adminless", "Stalled=True/AdminRefused").await;
    world.until("foreign", "Stalled=True/ForeignManaged").await;
    let drift = world.account_of("drift.example").customer_id;
    world.until("drift", "Ready=True/InSync").await;
    world.change(&drift, |account| account.phone_number = Some("+49301111111".to_owned()));
    world.annotate("drift", "reconcile-requested-at", "1").await;
    world.until("drift", "Ready=True/Drifted").await;
    world.told("drift", &["Adopted", "Updated", "DriftDetected"]).await;

    let said = all_said(&world, &operator).await;
    let key = std::fs::read_to_string(world.key_file()).expect("key file");
    let key: Value = serde_json::from_str(&key).expect("JSON");
    let pem = key["private_key"].as_str().expect("a key");
    let line_of_key = pem.lines().nth(5).expect("a line");
    let generated = world.secret("generated").await.expect("Secret").data.expect("data");
    let generated = String::from_utf8(generated["password"].0.clone()).expect("a password");
    let secrets = [
        ("private key", line_of_key),
        ("access token", "simulated."),
        ("assertion", "eyJ"),
        ("generated password", generated.as_str()),
        ("given password", GIVEN_PASSWORD),
        ("password that is too short", "short7!"),
        ("transfer token", TRANSFER_TOKEN),
    ];
    for (what, value) in secrets.into_iter().chain(CONTACT).chain([("phoneNumber", NORMAL_PHONE)]) {
        let lower = value.to_lowercase();
        let found: Vec<&str> =
            said.lines().filter(|line| line.to_lowercase().contains(&lower)).collect();
        assert_eq!(found, [""; 0], "{what} is told");
    }
    assert!(said.contains("made.example"), "the check reads what was said");
}
