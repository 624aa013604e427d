//! What a plan shows, and what it must not show.

use std::collections::BTreeSet;

use reseller_operator::simulator::CallFilter;
use serde_json::{Value, json};

use crate::reseller::{Reseller, customer, with};

const ROOT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/plan");

/// One customer in each situation that a review can meet.
async fn every_situation() -> Reseller {
    let reseller = Reseller::new().await;
    let account = |domain: &str, change: Value| with(customer(domain), &change);
    reseller.add(account(
        "adopt.example",
        json!({"customerId": "C0adopt", "phoneNumber": "+4930111111"}),
    ));
    let hostile = "a|b `c` <img src=x> @ada\u{1b}[31m\u{202e}";
    let change = json!({"customerId": "C0hostile", "postalAddress": {"contactName": hostile}});
    reseller.add(account("hostile.example", change));
    reseller.add(account("equal.example", json!({"customerId": "C0equal"})));
    reseller.add(
        json!({"customerDomain": "foreign.example", "customerId": "C0foreign", "owner": "foreign"}),
    );
    reseller.add(account(
        "careful.example",
        json!({"customerId": "C0careful", "alternateEmail": "x@old.example"}),
    ));
    reseller.add(account(
        "watched.example",
        json!({"customerId": "C0watched", "phoneNumber": "+4930222222"}),
    ));

    let admin = json!({"language": "de", "initialAdmin": {
        "primaryEmail": "root@order.example", "name": {"givenName": "Grace", "familyName": "Root"},
        "passwordSecretRef": {"name": "order-admin", "key": "password"},
    }});
    let manifests = [
        ("order", admin),
        ("adopt", json!({})),
        ("hostile", json!({})),
        ("equal", json!({})),
        ("foreign", json!({})),
        ("careful", json!({"adoptionPolicy": "IfUnchanged"})),
        ("watched", json!({"managementPolicy": "Observe"})),
        ("asleep", json!({"suspend": true})),
        ("wary", json!({"managementPolicy": "AdoptOnly"})),
    ];
    for (name, change) in manifests {
        let spec = with(customer(&format!("{name}.example")), &change);
        reseller.manifest("customers", name, &spec);
        reseller.manifest("base", name, &spec);
    }
    reseller.manifest("base", "gone", &customer("gone.example"));
    reseller.manifest("base", "old-name", &customer("equal.example"));
    reseller.write("customers/kustomization.yaml", "kind: Kustomization\nresources: []\n");
    reseller
}

/// The text is that of the file, which `UPDATE=1` writes anew.
fn is_as_ever(file: &str, text: &str) {
    let path = format!("{ROOT}/{file}");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, text).expect("written");
    }
    let known = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(text == known, "{file} is another one; look at it with UPDATE=1:\n{text}");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_situation_is_shown_in_each_format() {
    let reseller = every_situation().await;
    let before = reseller.all_calls();
    let arguments = ["customers", "--base", "base"];
    for (format, file) in [("table", "plan.txt"), ("markdown", "plan.md"), ("json", "plan.json")] {
        let said = reseller.plan(&[arguments.as_slice(), &["-o", format]].concat()).await;
        assert_eq!((said.code, said.stderr.as_str()), (Some(1), ""), "a blocked object: {said:?}");
        assert!(!said.stdout.contains('\u{1b}'), "{said:?}");
        // For programs a value is what it is.
        assert!(format == "json" || !said.stdout.contains('\u{202e}'), "{said:?}");
        is_as_ever(file, &said.stdout);
    }
    let calls = reseller.google.simulation().calls(&CallFilter::default());
    let asked: BTreeSet<&str> = calls[before..].iter().map(|call| call.method).collect();
    let reads = ["directory.users.get", "oauth2.token", "reseller.customers.get"];
    assert_eq!(asked.into_iter().collect::<Vec<_>>(), reads, "nothing but reads, and only these");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_redacted_is_nowhere() {
    let reseller = every_situation().await;
    for format in ["table", "markdown", "json"] {
        let said = reseller.plan(&["customers", "--redact", "-o", format]).await;
        for contact in
            ["Ada Owner", "Grace", "@provider", "@old.example", "root@", "4930", "Lane 7", "a|b"]
        {
            assert!(!said.stdout.contains(contact), "{contact}: {}", said.stdout);
        }
        for kept in ["order.example", "Example Ltd", "10115", "DE", "(hidden)", "C0adopt"] {
            assert!(said.stdout.contains(kept), "{kept}: {}", said.stdout);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_json_is_what_its_schema_says() {
    let reseller = every_situation().await;
    let plan = reseller.plan(&["customers", "--base", "base", "-o", "json"]).await.json();
    let schema =
        std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/plan.schema.json"));
    let schema: Value = serde_json::from_str(&schema.expect("schema")).expect("JSON");
    let validator = jsonschema::validator_for(&schema).expect("a JSON schema");
    let faults: Vec<String> = validator.iter_errors(&plan).map(|fault| fault.to_string()).collect();
    assert_eq!(faults, [""; 0]);
    let mut broken = plan;
    broken["objects"][0]["risk"] = json!("some");
    assert!(!validator.is_valid(&broken), "the schema can refuse");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_exit_code_tells_nothing_changes_and_errors_apart() {
    let reseller = every_situation().await;
    let code = async |arguments: &[&str]| reseller.plan(arguments).await.code;
    assert_eq!(code(&["customers/equal.yaml"]).await, Some(0));
    assert_eq!(code(&["customers/asleep.yaml"]).await, Some(0));
    assert_eq!(code(&["customers/watched.yaml"]).await, Some(0), "Observe writes nothing");
    assert_eq!(code(&["customers/adopt.yaml"]).await, Some(2));
    assert_eq!(code(&["customers/order.yaml"]).await, Some(2));
    assert_eq!(code(&["customers/foreign.yaml"]).await, Some(1));
    assert_eq!(code(&["customers/wary.yaml"]).await, Some(1));
    reseller.manifest("small", "equal", &customer("equal.example"));
    reseller.manifest("small-base", "equal", &customer("equal.example"));
    assert_eq!(code(&["small", "--base", "small-base"]).await, Some(0));
    reseller.manifest("small-base", "gone", &customer("gone.example"));
    assert_eq!(code(&["small", "--base", "small-base"]).await, Some(2), "one is released");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_credential_that_may_only_read_is_enough() {
    let reseller = every_situation().await;
    let writing = ["apps.order", "admin.directory.customer", "admin.directory.user"];
    let denied = writing.map(|scope| format!("https://www.googleapis.com/auth/{scope}"));
    reseller.google.simulation().options_mut().denied_scopes = denied.into();
    let spec = with(customer("equal.example"), &json!({"language": "de"}));
    reseller.manifest("small", "equal", &spec);
    let said = reseller.plan(&["small", "-o", "json"]).await;
    assert_eq!(said.code, Some(2), "{said:?}");
    assert_eq!(said.json()["objects"][0]["calls"], json!(["directory.customers.patch"]));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_manifests_of_one_account_are_never_two_orders() {
    let reseller = Reseller::new().await;
    reseller.manifest("customers", "one", &customer("twice.example"));
    reseller.manifest("customers", "two", &customer("twice.example"));
    let said = reseller.plan(&["customers"]).await;
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
    assert!(said.stderr.contains("one.yaml") && said.stderr.contains("two.yaml"), "{said:?}");
    assert_eq!(reseller.all_calls(), 0);

    // Two teams may share a domain, one after the other.
    let team =
        json!({"customerType": "team", "primaryAdmin": {"primaryEmail": "ada@twice.example"}});
    reseller.manifest("teams", "one", &with(customer("twice.example"), &team));
    reseller.manifest("teams", "two", &with(customer("twice.example"), &team));
    let said = reseller.plan(&["teams", "-o", "json"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    let plan = said.json();
    assert_eq!((&plan["counts"]["order"], &plan["counts"]["blocked"]), (&json!(1), &json!(1)));
    assert_eq!(plan["objects"][1]["blocked"]["reason"], "DuplicateClaim");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_long_plan_fits_into_a_comment_and_says_what_is_left_out() {
    let reseller = Reseller::new().await;
    let manifests = (0..400).map(|number| {
        let spec = customer(&format!("customer-{number}.example"));
        crate::reseller::manifest(&format!("customer-{number}"), &spec)
    });
    reseller.write("customers/all.yaml", manifests.collect::<Vec<_>>().join("---\n"));
    let said = reseller.plan(&["customers", "-o", "markdown"]).await;
    assert_eq!(said.code, Some(2), "{}", said.stderr);
    let length = said.stdout.chars().count();
    assert!((50_000..=60_000).contains(&length), "{length}");
    let shown = said.stdout.matches("**costs money**").count();
    let left_out = format!("**{} more objects do not fit here**", 400 - shown);
    assert!(
        said.stdout.contains(&left_out),
        "{left_out}: {}",
        &said.stdout[said.stdout.len() - 400..]
    );
    assert!(said.stdout.contains("400 to order (costs money)"));
}
