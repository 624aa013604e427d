//! One manifest against the API server's rules: schema, metadata, CEL; then what it becomes.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use kube::core::cel::{
    CompiledSchema, ValidationError, ValidationErrors, Validator, apply_defaults, compile_schema,
};
use serde::Deserialize as _;
use serde_json::Value as Json;

use super::Severity;
use super::fault::{Fault, Faults, locate};
use super::judge::start;
use super::metadata;
use super::node::{Node, Span, Value};
use super::schema::{self, Check};
use crate::crd::{ResellerCustomer, crd};
use crate::domain::Desired;

/// The schema in the three forms that are needed, made once.
pub(super) struct Schema {
    /// With what the server knows of every object, and with a status that only has names.
    typed: JSONSchemaProps,
    json: Json,
    rules: CompiledSchema,
    validator: Validator,
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
    properties.insert("metadata".to_owned(), metadata::schema());
    properties.get_mut("status").into_iter().for_each(schema::keep_names);
    Schema { rules: compile_schema(&json), validator: Validator::new(), typed, json }
});

/// Whether types, names and lengths are right, which a schema can say.
#[cfg(test)]
pub(super) fn is_structural(root: &Node, text: &str) -> bool {
    let mut faults = Faults::new();
    Check { text, faults: &mut faults }.value(&SCHEMA.typed, root, "", start(root));
    faults.is_empty()
}

/// The longest request that the API server reads.
const MOST_BYTES: usize = 3 << 20;

/// The schema that documents are checked against.
pub(super) fn schema_of_documents() -> &'static JSONSchemaProps {
    &SCHEMA.typed
}

/// Judges a document of our kind. Without an error it is also the object, with its defaults.
pub(super) fn judge(root: &Node, text: &str, faults: &mut Faults) -> Option<ResellerCustomer> {
    let object = check(root, text, faults)?;
    typed(object, root, faults)
}

/// What the API server checks; without an error the object as it would keep it.
fn check(root: &Node, text: &str, faults: &mut Faults) -> Option<Json> {
    let schema = &*SCHEMA;
    let start = start(root);
    Check { text, faults }.value(&schema.typed, root, "", start);
    metadata::check(root.entry("metadata"), start, faults);
    check_repeated(root, "", faults);
    if let Some(status) = root.entry("status").filter(|entry| !entry.value.is_null()) {
        let message = "`status` is written by the operator; what a file says of it is dropped";
        let fault = Fault::warning("status".to_owned(), status.key_span, message.to_owned());
        faults.push(Fault { help: Some("remove it".to_owned()), ..fault });
    }
    let is_blocked = faults.iter().any(|fault| fault.is_blocking);
    if is_blocked {
        return None;
    }
    let mut object = root.to_json();
    if let Some(members) = object.as_object_mut() {
        members.remove("status");
    }
    if object.to_string().len() > MOST_BYTES {
        let message = format!("the object has more than {} MiB", MOST_BYTES >> 20);
        let help = Some("the API server takes no request that is longer".to_owned());
        faults.push(Fault { help, ..Fault::error(String::new(), start, message) });
        return None;
    }
    schema::prune_nulls(&schema.typed, &mut object);
    check_rules(&object, root, faults);
    if faults.iter().any(|fault| fault.severity == Severity::Error) {
        return None;
    }
    Some(apply_defaults(&schema.json, &object))
}

/// kubectl takes the last of several, and says nothing.
fn check_repeated(node: &Node, field: &str, faults: &mut Faults) {
    if let Value::List(items) = &node.value {
        for (index, item) in items.iter().enumerate() {
            check_repeated(item, &format!("{field}[{index}]"), faults);
        }
    }
    for entry in node.members() {
        let name = schema::child(field, &entry.key);
        if entry.replaced.is_some() {
            let message = format!("`{}` stands here for the second time", entry.key);
            let fault = Fault::warning(name.clone(), entry.key_span, message);
            let help = "kubectl takes this one, and other tools refuse the file: remove one";
            faults.push(Fault { help: Some(help.to_owned()), ..fault });
        }
        check_repeated(&entry.value, &name, faults);
    }
}

fn check_rules(object: &Json, root: &Node, faults: &mut Faults) {
    faults.extend(SCHEMA.broken_rules(object, None).into_iter().map(|(field, message)| {
        let span = locate(root, &field);
        Fault::error(field, span, message)
    }));
}

impl Schema {
    /// The rules that an object breaks, with the field that each is about; those that compare with
    /// the object before only where that is given.
    pub(super) fn broken_rules(
        &self,
        object: &Json,
        before: Option<&Json>,
    ) -> Vec<(String, String)> {
        let checked = self.validator.validate_compiled(&self.rules, object, before);
        let errors = checked.err().map_or_else(Vec::new, ValidationErrors::into_vec);
        let told = |error: ValidationError| {
            (error.field_path.trim_start_matches('.').to_owned(), error.message)
        };
        errors.into_iter().map(told).collect()
    }
}

/// The fields of a spec that the schema, the rules or the operator would refuse, each of them with
/// its own word: the most telling path may be any one's.
pub(super) fn refused_fields(object: &Json) -> BTreeSet<String> {
    let root = Node::from(object);
    let mut faults = Faults::new();
    Check { text: "", faults: &mut faults }.value(&SCHEMA.typed, &root, "", Span::default());
    let mut fields: BTreeSet<String> = faults.into_iter().map(|fault| fault.field).collect();
    fields.extend(SCHEMA.broken_rules(object, None).into_iter().map(|(field, _)| field));
    if let Ok(object) = ResellerCustomer::deserialize(object)
        && let Err(violations) = Desired::validate(&object.spec)
    {
        fields.extend(violations.0.into_iter().map(|violation| violation.field.to_owned()));
    }
    fields
}

/// The fields whose change only the API server can judge, because it knows what was there before.
pub(super) fn compared_fields() -> Vec<String> {
    let mut fields = Vec::new();
    collect_compared(&SCHEMA.typed, "", &mut fields);
    fields.sort();
    fields.dedup();
    fields
}

fn collect_compared(schema: &JSONSchemaProps, field: &str, fields: &mut Vec<String>) {
    let rules = schema.x_kubernetes_validations.iter().flatten();
    for rule in rules.filter(|rule| rule.rule.contains("oldSelf")) {
        let below = rule.field_path.as_deref().unwrap_or_default();
        fields.push(format!("{field}{below}").trim_start_matches('.').to_owned());
    }
    for (name, property) in schema.properties.iter().flatten() {
        collect_compared(property, &format!("{field}.{name}"), fields);
    }
}

/// The second net: what the operator itself would refuse.
fn typed(object: Json, root: &Node, faults: &mut Faults) -> Option<ResellerCustomer> {
    let object: ResellerCustomer = match serde_json::from_value(object) {
        Ok(object) => object,
        Err(error) => {
            faults.push(Fault::error(String::new(), start(root), error.to_string()));
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::manifest::json_schema::corpus::cases;
    use crate::manifest::yaml;

    #[test]
    fn the_second_net_finds_nothing_that_schema_and_rules_let_pass() {
        let mut count = 0;
        for case in cases(None) {
            let Ok(text) = str::from_utf8(&case.text) else { continue };
            let Ok(Some(root)) = yaml::read(text) else { continue };
            let mut faults = Faults::new();
            let Some(object) = check(&root, text, &mut faults) else { continue };
            let before = faults.len();
            assert!(typed(object, &root, &mut faults).is_some(), "{}: {faults:?}", case.name);
            assert_eq!(faults.len(), before, "{}", case.name);
            count += 1;
        }
        assert!(count > 100, "{count}");
    }

    /// A keyword that this check does not know would be let through.
    #[test]
    fn the_schema_says_nothing_that_is_not_checked() {
        fn visit(schema: &Json, field: &str) {
            const KNOWN: &[&str] = &[
                "default",
                "description",
                "enum",
                "maxLength",
                "minLength",
                "properties",
                "required",
                "type",
                "x-kubernetes-validations",
            ];
            let members = schema.as_object().expect("a schema");
            for name in members.keys() {
                assert!(KNOWN.contains(&name.as_str()), "{field}: {name}");
            }
            let kind = members["type"].as_str().expect("a type");
            assert!(["object", "string", "boolean"].contains(&kind), "{field}: {kind}");
            for (name, property) in members
                .get("properties")
                .into_iter()
                .flat_map(|p| p.as_object().expect("properties"))
            {
                visit(property, &format!("{field}.{name}"));
            }
        }
        visit(&SCHEMA.json["properties"]["spec"], "spec");
    }

    #[test]
    fn every_rule_compiles() {
        assert!(!SCHEMA.rules.has_errors());
        assert_eq!(
            compared_fields(),
            ["spec.customerDomain", "spec.customerType", "spec.initialAdmin", "spec.primaryAdmin"]
        );
    }
}
