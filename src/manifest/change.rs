//! A change of an object that is in the cluster already: the rules that need the object before.

use kube::core::cel::{ValidationErrors, Validator};
use serde_json::Value;

use super::customer::SCHEMA;
use crate::crd::ResellerCustomer;

/// Why the API server would refuse `after` in the place of `before`: one line for each rule, with
/// the field in front.
///
/// Both are taken to keep the rules that do not need the other.
#[must_use]
pub fn refused_change(before: &ResellerCustomer, after: &ResellerCustomer) -> Vec<String> {
    let json = |object: &ResellerCustomer| serde_json::to_value(object).unwrap_or(Value::Null);
    // The API server carries the status over when the spec is written.
    let after = ResellerCustomer { status: before.status.clone(), ..after.clone() };
    let checked =
        Validator::new().validate_compiled(&SCHEMA.rules, &json(&after), Some(&json(before)));
    let errors = checked.err().map_or_else(Vec::new, ValidationErrors::into_vec);
    let told = |field: &str, message: &str| match field.trim_start_matches('.') {
        "" => message.to_owned(),
        field => format!("{field}: {message}"),
    };
    errors.iter().map(|error| told(&error.field_path, &error.message)).collect()
}
