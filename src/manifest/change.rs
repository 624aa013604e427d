//! Questions about an object that is no file: a change of one that is in the cluster, and a spec that
//! is about to be written.

use std::collections::BTreeSet;

use serde_json::{Value, json};

use super::customer::{SCHEMA, refused_fields};
use super::judge::{KIND, VERSION};
use crate::crd::{ResellerCustomer, ResellerCustomerSpec};

/// Why the API server would refuse `after` in the place of `before`: one line for each rule, with
/// the field in front.
///
/// Both are taken to keep the rules that do not need the other.
#[must_use]
pub fn refused_change(before: &ResellerCustomer, after: &ResellerCustomer) -> Vec<String> {
    let json = |object: &ResellerCustomer| serde_json::to_value(object).unwrap_or(Value::Null);
    // The API server carries the status over when the spec is written.
    let after = ResellerCustomer { status: before.status.clone(), ..after.clone() };
    let broken = SCHEMA.broken_rules(&json(&after), Some(&json(before)));
    let told = |(field, message): (String, String)| match field.as_str() {
        "" => message,
        field => format!("{field}: {message}"),
    };
    broken.into_iter().map(told).collect()
}

/// The fields because of which the API server would refuse an object with this spec, such as
/// `spec.phoneNumber`.
#[must_use]
pub fn refused_fields_of(spec: &ResellerCustomerSpec) -> BTreeSet<String> {
    refused_fields(&json!({
        "apiVersion": VERSION, "kind": KIND, "metadata": {"name": "customer"}, "spec": spec,
    }))
}
