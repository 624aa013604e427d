//! What the schema does not take, by the schema's own word: whatever the CRD says tomorrow, `import`
//! leaves out what the API server would refuse.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use kube::core::cel::{CompiledSchema, Validator, compile_schema};
use serde_json::{Value, json};

use crate::crd::{ResellerCustomerSpec, crd};
use crate::domain::Desired;

struct Schema {
    text: Value,
    rules: CompiledSchema,
}

static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let versions = crd().spec.versions;
    let schema = versions.into_iter().next().and_then(|version| version.schema);
    let text = serde_json::to_value(schema.and_then(|schema| schema.open_api_v3_schema))
        .expect("a schema is JSON");
    Schema { rules: compile_schema(&text), text }
});

/// The fields, as paths below `spec`, because of which a manifest with this spec would be refused.
pub(super) fn faults(spec: &ResellerCustomerSpec) -> BTreeSet<String> {
    let object = json!({ "spec": spec });
    let mut found = Vec::new();
    structural(&SCHEMA.text, &object, String::new(), &mut found);
    if let Err(errors) = Validator::new().validate_compiled(&SCHEMA.rules, &object, None) {
        found.extend(errors.into_vec().into_iter().map(|error| error.field_path));
    }
    if let Err(faults) = Desired::validate(spec) {
        found.extend(faults.0.into_iter().map(|fault| fault.field.to_owned()));
    }
    let found: BTreeSet<String> =
        found.iter().map(|path| path.strip_prefix("spec.").unwrap_or(path).to_owned()).collect();
    // A rule about an object says less than one about a member of it.
    let is_general = |path: &str| found.iter().any(|other| other.starts_with(&format!("{path}.")));
    found.iter().filter(|path| !is_general(path)).cloned().collect()
}

/// Lengths and closed lists; the types are right by construction.
fn structural(schema: &Value, value: &Value, path: String, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                structural(&schema["properties"][name], member, path, found);
            }
        }
        Value::String(text) => {
            let length = u64::try_from(text.chars().count()).unwrap_or(u64::MAX);
            let limit = |name: &str| schema[name].as_u64();
            let is_refused = limit("maxLength").is_some_and(|most| length > most)
                || limit("minLength").is_some_and(|least| length < least)
                || schema["enum"].as_array().is_some_and(|list| !list.contains(value));
            if is_refused {
                found.push(path);
            }
        }
        _ => {}
    }
}
