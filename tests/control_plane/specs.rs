//! Manifests and accounts that fit each other.

use serde_json::{Value, json};

/// Lays `change` over `base`, as a JSON merge patch: `null` removes a member.
pub fn with(mut base: Value, change: Value) -> Value {
    merge(&mut base, change);
    base
}

fn merge(base: &mut Value, change: Value) {
    match (base, change) {
        (Value::Object(base), Value::Object(change)) => {
            for (name, value) in change {
                if value.is_null() {
                    base.remove(&name);
                } else {
                    merge(base.entry(name).or_insert(Value::Null), value);
                }
            }
        }
        (base, change) => *base = change,
    }
}

fn address() -> Value {
    json!({
        "contactName": "Ada Example", "organizationName": "Example Ltd", "postalCode": "10115",
        "countryCode": "DE", "addressLine1": "Invalidenstr. 1", "locality": "Berlin",
    })
}

/// Spec of a domain customer, without onboarding.
pub fn domain_spec(domain: &str) -> Value {
    json!({
        "customerDomain": domain,
        "alternateEmail": "owner@elsewhere.example",
        "phoneNumber": "+49 30 901820",
        "postalAddress": address(),
    })
}

/// Spec of a team.
pub fn team_spec(domain: &str) -> Value {
    json!({
        "customerDomain": domain,
        "customerType": "team",
        "primaryAdmin": {"primaryEmail": format!("ada@{domain}")},
        "postalAddress": address(),
    })
}

/// `initialAdmin` of a domain customer.
pub fn initial_admin(domain: &str) -> Value {
    json!({"initialAdmin": {
        "primaryEmail": format!("ada@{domain}"),
        "name": {"givenName": "Ada", "familyName": "Example"},
        "passwordSecretRef": {"name": "first-password", "key": "password"},
    }})
}

/// An account of ours at Google that equals [`domain_spec`].
pub fn account(domain: &str) -> Value {
    json!({
        "customerDomain": domain,
        "alternateEmail": "owner@elsewhere.example",
        "phoneNumber": "+4930901820",
        "postalAddress": address(),
    })
}

/// A team of ours at Google that equals [`team_spec`].
pub fn team_account(domain: &str) -> Value {
    json!({
        "customerDomain": domain,
        "customerType": "team",
        "primaryAdmin": {"primaryEmail": format!("ada@{domain}")},
        "postalAddress": address(),
    })
}
