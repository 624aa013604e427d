//! What the schema alone says, and that `crds/` says the same.

use reseller_operator::cli::crd::yaml;
use reseller_operator::crd::{COUNTRY_CODES, LANGUAGE_CODES, crd};
use serde_json::{Value, json};

use super::common::ControlPlane;
use super::{Base, Server, lay_over, schema};

#[test]
fn the_committed_definition_is_what_the_code_makes() {
    let committed = concat!(env!("CARGO_MANIFEST_DIR"), "/crds/resellercustomers.yaml");
    let committed = std::fs::read_to_string(committed).unwrap_or_default();
    let message = "crds/resellercustomers.yaml is stale: run `make generate`";
    assert!(committed == yaml().expect("YAML"), "{message}");
}

/// The YAML is read as YAML 1.1 by kubectl (`no` is false there) and as 1.2 by others.
#[tokio::test]
async fn the_api_server_holds_the_definition_that_the_code_makes() {
    let plane = ControlPlane::shared();
    plane.apply_crd().await;
    let args = ["get", "crd", "resellercustomers.reseller-operator.dev", "-o", "json"];
    let held: Value = serde_json::from_str(&plane.kubectl(args).await.ok()).expect("JSON");
    let made = serde_json::to_value(crd()).expect("JSON");
    assert_eq!(held["spec"]["versions"], made["spec"]["versions"]);
    let read: Value = serde_yaml::from_str(&yaml().expect("YAML")).expect("YAML");
    assert_eq!(read, made);
}

#[test]
fn nothing_is_nullable() {
    assert!(!yaml().expect("YAML").contains("nullable"));
}

#[test]
fn the_lists_of_codes_are_in_the_schema() {
    let spec = &schema()["properties"]["spec"]["properties"];
    assert_eq!(spec["language"]["enum"], json!(LANGUAGE_CODES));
    let address = &spec["postalAddress"]["properties"];
    assert_eq!(address["countryCode"]["enum"], json!(COUNTRY_CODES));
}

/// The longest value of each field, from the contract.
const LONGEST: [(&str, usize); 20] = [
    ("customerDomain", 253),
    ("customerId", 255),
    ("phoneNumber", 255),
    ("alternateEmail", 254),
    ("postalAddress.contactName", 255),
    ("postalAddress.organizationName", 255),
    ("postalAddress.postalCode", 255),
    ("postalAddress.addressLine1", 255),
    ("postalAddress.addressLine2", 255),
    ("postalAddress.addressLine3", 255),
    ("postalAddress.locality", 255),
    ("postalAddress.region", 255),
    ("initialAdmin.primaryEmail", 254),
    ("initialAdmin.recoveryEmail", 254),
    ("initialAdmin.name.givenName", 40),
    ("initialAdmin.name.familyName", 40),
    ("initialAdmin.passwordSecretRef.name", 253),
    ("initialAdmin.passwordSecretRef.key", 253),
    ("customerAuthTokenSecretRef.name", 253),
    ("customerAuthTokenSecretRef.key", 253),
];

/// A value of `length` characters that fits the format of the field.
fn value(path: &str, length: usize) -> String {
    let labels = |length: usize| {
        let mut domain = "a".repeat(length - ".example".len());
        (63..domain.len()).step_by(64).for_each(|at| domain.replace_range(at..=at, "."));
        format!("{domain}.example")
    };
    match path {
        "customerDomain" => labels(length),
        "phoneNumber" => format!("+1{}234567", " ".repeat(length - "+1234567".len())),
        "alternateEmail" | "initialAdmin.recoveryEmail" => format!("a@{}", labels(length - 2)),
        "initialAdmin.primaryEmail" => {
            format!("{}@customer.example", "a".repeat(length - "@customer.example".len()))
        }
        "customerId" => format!("C{}", "0".repeat(length - 1)),
        _ => "a".repeat(length),
    }
}

#[tokio::test]
async fn every_string_may_be_as_long_as_the_contract_says_and_no_longer() {
    let server = Server::new("lengths").await;
    let mut whole = Base::Domain.spec();
    lay_over(
        &mut whole,
        &json!({
            "initialAdmin": {
                "primaryEmail": "ada@customer.example",
                "name": {"givenName": "Ada", "familyName": "Lovelace"},
                "passwordSecretRef": {"name": "customer-admin", "key": "password"},
            },
            "customerAuthTokenSecretRef": {"name": "customer-token", "key": "token"},
        }),
    );
    for (path, longest) in LONGEST {
        let with = |length| {
            let mut spec = whole.clone();
            if path == "customerDomain" {
                lay_over(&mut spec, &json!({"initialAdmin": null}));
            }
            let patch = path.rsplit('.').fold(json!(value(path, length)), |inner, key| {
                let mut outer = serde_json::Map::new();
                outer.insert(key.to_owned(), inner);
                Value::Object(outer)
            });
            lay_over(&mut spec, &patch);
            spec
        };
        let taken = server.dry_run(&with(longest)).await;
        assert!(taken.is_ok(), "{path} of {longest}: {:?}", taken.err());
        let faults = server.dry_run(&with(longest + 1)).await.expect_err(path);
        let named = faults.iter().any(|(field, message)| {
            *field == format!("spec.{path}") && message.contains(&format!("more than {longest}"))
        });
        assert!(named, "{path}: {faults:?}");
    }
}

/// A field that is added later must get its length, and a place in the table above.
#[test]
fn every_free_string_of_spec_has_its_length_in_the_contract() {
    fn walk(schema: &Value, path: &str, found: &mut Vec<String>) {
        for (name, member) in schema["properties"].as_object().into_iter().flatten() {
            let path = format!("{path}.{name}");
            if member["type"] == "string" && member["enum"].is_null() {
                found.push(path.trim_start_matches('.').to_owned());
            }
            walk(member, &path, found);
        }
    }
    let mut found = Vec::new();
    walk(&schema()["properties"]["spec"], "", &mut found);
    // The address of a team's administrator cannot stand beside the fields of a domain customer.
    found.retain(|path| path != "primaryAdmin.primaryEmail");
    let mut listed: Vec<_> = LONGEST.iter().map(|(path, _)| (*path).to_owned()).collect();
    listed.sort();
    found.sort();
    assert_eq!(found, listed);
}
