//! One manifest against the API server's rules: schema, metadata, CEL; then what it becomes.

use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use kube::core::cel::{CompiledSchema, Validator, apply_defaults, compile_schema};
use serde_json::Value as Json;

use super::fault::{Fault, Faults, locate};
use super::node::{Node, Span};
use super::schema::{self, Check};
use crate::crd::{ResellerCustomer, crd};
use crate::domain::Desired;

/// The schema in the three forms that are needed, made once.
pub(super) struct Schema {
    /// With what the server knows of every object, and with a status that only has names.
    typed: JSONSchemaProps,
    json: Json,
    pub(super) rules: CompiledSchema,
}

pub(super) static SCHEMA: LazyLock<Schema> = LazyLock::new(|| {
    let version = crd().spec.versions.into_iter().next().expect("the CRD has one version");
    let schema = version.schema.and_then(|schema| schema.open_api_v3_schema);
    let mut typed = schema.expect("the version has a schema");
    let json = serde_json::to_value(&typed).expect("a schema is JSON");
    let of_type = |name: &str| JSONSchemaProps { type_: Some(name.to_owned()), ..<_>::default() };
    let properties = typed.properties.get_or_insert_default();
    properties.insert("apiVersion".to_owned(), of_type("string"));
    properties.insert("kind".to_owned(), of_type("string"));
    properties.insert("metadata".to_owned(), of_type("object"));
    properties.get_mut("status").into_iter().for_each(schema::keep_names);
    Schema { rules: compile_schema(&json), typed, json }
});

/// Judges a document of our kind. Without an error it is also the object, with its defaults.
pub(super) fn judge(root: &Node, text: &str, faults: &mut Faults) -> Option<ResellerCustomer> {
    let schema = &*SCHEMA;
    let start = root.members().first().map_or(root.span, |entry| entry.key_span);
    Check { text, faults }.value(&schema.typed, root, "", start);
    let is_blocked = faults.iter().any(|fault| fault.is_blocking);
    if is_blocked {
        return None;
    }
    let mut object = root.to_json();
    schema::prune_nulls(&schema.typed, &mut object);
    check_rules(&object, root, faults);
    if faults.iter().any(|fault| fault.severity == super::Severity::Error) {
        return None;
    }
    let object = apply_defaults(&schema.json, &object);
    typed(object, root, start, faults)
}

fn check_rules(object: &Json, root: &Node, faults: &mut Faults) {
    let Err(errors) = Validator::new().validate_compiled(&SCHEMA.rules, object, None) else {
        return;
    };
    for error in errors.into_vec() {
        let field = error.field_path.trim_start_matches('.').to_owned();
        faults.push(Fault::error(field.clone(), locate(root, &field), error.message));
    }
}

/// The second net: what the operator itself would refuse.
fn typed(object: Json, root: &Node, start: Span, faults: &mut Faults) -> Option<ResellerCustomer> {
    let object: ResellerCustomer = match serde_json::from_value(object) {
        Ok(object) => object,
        Err(error) => {
            faults.push(Fault::error(String::new(), start, error.to_string()));
            return None;
        }
    };
    match Desired::validate(&object.spec) {
        Ok(_) => Some(object),
        Err(violations) => {
            faults.extend(violations.0.into_iter().map(|violation| {
                let span = locate(root, violation.field);
                Fault::error(violation.field.to_owned(), span, violation.reason.to_owned())
            }));
            None
        }
    }
}
