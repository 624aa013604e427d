//! The manifest as a JSON schema (draft 7), for editors and for kubeconform: everything that the
//! API server checks and a schema can say.

use serde_json::{Map, Value, json};

use super::customer::schema_of_documents;
use super::judge::{KIND, VERSION};

const DRAFT: &str = "http://json-schema.org/draft-07/schema#";
const NAME: &str = "([A-Za-z0-9][-A-Za-z0-9_.]{0,61})?[A-Za-z0-9]";

/// The JSON schema of a `ResellerCustomer`.
#[must_use]
#[expect(clippy::missing_panics_doc, reason = "a schema is JSON")]
pub fn json_schema() -> Value {
    let typed = serde_json::to_value(schema_of_documents()).expect("a schema is JSON");
    let mut schema = convert(typed, true);
    let label = dns_label("a-z");
    let subdomain = format!("^{label}([.]{label})*$");
    let overlay = json!({
        "$schema": DRAFT,
        "title": KIND,
        "required": ["apiVersion", "kind", "metadata", "spec"],
        "properties": {
            "apiVersion": {"type": "string", "const": VERSION},
            "kind": {"type": "string", "const": KIND},
            "metadata": {
                "type": "object",
                "required": ["name"],
                "properties": {
                    "name": {
                        "type": "string", "minLength": 1, "maxLength": 253, "pattern": subdomain,
                    },
                    "namespace": {"maxLength": 63, "pattern": format!("^({label})?$")},
                    "labels": {
                        "propertyNames": {"pattern": key("a-z")},
                        "additionalProperties": {"pattern": format!("^({NAME})?$")},
                    },
                    // Letters of any case may stand before the slash.
                    "annotations": {
                        "propertyNames": {"pattern": key("A-Za-z")},
                    },
                },
            },
            "spec": {"type": "object"},
        },
    });
    lay_over(&mut schema, overlay);
    schema
}

fn dns_label(letters: &str) -> String {
    format!("[{letters}0-9]([-{letters}0-9]*[{letters}0-9])?")
}

/// The name of a label or annotation.
fn key(letters_of_domain: &str) -> String {
    let label = dns_label(letters_of_domain);
    format!("^({label}([.]{label})*/)?{NAME}$")
}

/// One level of the CRD's schema, and what is below it. The API server takes a null for a member
/// that is left out, unless the member is required.
fn convert(schema: Value, is_required: bool) -> Value {
    let Value::Object(mut from) = schema else { return schema };
    let required = from.get("required").cloned().unwrap_or_default();
    let must_be = |name: &str| required.as_array().is_some_and(|all| all.contains(&json!(name)));
    if let Some(Value::Object(properties)) = from.remove("properties") {
        let converted = properties.into_iter().map(|(name, property)| {
            let is_required = must_be(&name);
            (name, convert(property, is_required))
        });
        from.insert("properties".to_owned(), Value::Object(converted.collect()));
        from.entry("additionalProperties").or_insert(json!(false));
    }
    for name in ["items", "additionalProperties"] {
        if let Some(below) = from.remove(name) {
            from.insert(name.to_owned(), convert(below, false));
        }
    }
    from.retain(|name, _| !name.starts_with("x-kubernetes-"));
    if !is_required {
        allow_null(&mut from);
    }
    Value::Object(from)
}

fn allow_null(schema: &mut Map<String, Value>) {
    if let Some(kind) = schema.get_mut("type") {
        *kind = json!([kind.take(), "null"]);
    }
    if let Some(Value::Array(values)) = schema.get_mut("enum") {
        values.push(Value::Null);
    }
}

/// Objects are joined, member by member; anything else replaces what was there.
fn lay_over(base: &mut Value, over: Value) {
    match (base, over) {
        (Value::Object(base), Value::Object(over)) => {
            for (name, value) in over {
                lay_over(base.entry(name).or_insert(Value::Null), value);
            }
        }
        (base, over) => *base = over,
    }
}

#[cfg(test)]
#[path = "../../tests/validate/corpus.rs"]
pub(super) mod corpus;

#[cfg(test)]
mod tests {
    use super::corpus::{Case, cases};
    use super::json_schema;
    use crate::manifest::node::Node;
    use crate::manifest::{customer, yaml};

    /// The only document of a case, if it is one object.
    fn object(case: &Case) -> Option<Node> {
        let text = str::from_utf8(&case.text).ok()?;
        yaml::read(text).ok()?
    }

    #[test]
    fn the_schema_gives_the_verdict_of_the_structural_check_on_every_spec() {
        let schema = jsonschema::validator_for(&json_schema()).expect("a JSON schema");
        let mut counts = [0, 0];
        for case in cases(Some("spec.cases")) {
            let Some(root) = object(&case) else { continue };
            let text = String::from_utf8(case.text).expect("it was read");
            let expected = customer::is_structural(&root, &text);
            assert_eq!(schema.is_valid(&root.to_json()), expected, "{}", case.name);
            counts[usize::from(expected)] += 1;
        }
        assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
    }

    #[test]
    fn the_schema_refuses_no_manifest_that_the_server_accepts() {
        let schema = jsonschema::validator_for(&json_schema()).expect("a JSON schema");
        for case in cases(Some("metadata.cases")).iter().filter(|case| case.is_accepted) {
            let root = object(case).expect("a document");
            let faults: Vec<_> =
                schema.iter_errors(&root.to_json()).map(|e| e.to_string()).collect();
            assert!(faults.is_empty(), "{}: {faults:?}", case.name);
        }
    }

    #[test]
    fn names_and_labels_are_checked_too() {
        let schema = jsonschema::validator_for(&json_schema()).expect("a JSON schema");
        let refused =
            ["name upper", "namespace bad", "label bad key", "label bad value", "label long value"];
        let cases = cases(Some("metadata.cases"));
        for name in refused {
            let case = cases.iter().find(|case| case.name == name).expect(name);
            assert!(!schema.is_valid(&object(case).expect("a document").to_json()), "{name}");
        }
    }
}
