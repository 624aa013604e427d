//! The structural schema of the CustomResourceDefinition, as the API server applies it.

use std::collections::BTreeMap;

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::{
    JSONSchemaProps, JSONSchemaPropsOrArray, JSONSchemaPropsOrBool,
};
use serde_json::Value as Json;

use super::fault::{Fault, Faults};
use super::hints;
use super::node::{Entry, Node, Span, Value};

/// Checks what the schema says of the members of an object.
pub(super) struct Check<'a> {
    pub text: &'a str,
    pub faults: &'a mut Faults,
}

impl Check<'_> {
    /// The value of one field. `key` is where its name stands.
    pub(super) fn value(&mut self, schema: &JSONSchemaProps, node: &Node, field: &str, key: Span) {
        match (schema.type_.as_deref(), &node.value) {
            (Some("object") | None, Value::Map(members)) => {
                self.object(schema, members, field, key);
            }
            (Some("array") | None, Value::List(items)) => self.list(schema, items, field),
            (Some("string"), Value::Text(text)) => self.string(schema, text, node.span, field),
            (Some("integer"), Value::Number(number)) if number.as_i64().is_some() => {}
            (Some("boolean"), Value::Bool(_)) | (Some("number"), Value::Number(_)) | (None, _) => {}
            (Some(expected), _) => self.wrong_type(schema, expected, node, field, key),
        }
    }

    fn object(&mut self, schema: &JSONSchemaProps, members: &[Entry], field: &str, key: Span) {
        if let Some(JSONSchemaPropsOrBool::Schema(values)) = &schema.additional_properties {
            for entry in members.iter().filter(|entry| !entry.value.is_null()) {
                // As the server names it: which one is told by the place.
                self.value(values, &entry.value, field, entry.key_span);
            }
        }
        let Some(properties) = &schema.properties else { return };
        for entry in members {
            let name = child(field, &entry.key);
            match properties.get(&entry.key) {
                None => self.unknown(properties.keys(), entry, name),
                Some(_) if entry.value.is_null() => {}
                Some(member) => self.value(member, &entry.value, &name, entry.key_span),
            }
        }
        for name in schema.required.iter().flatten() {
            // A null is no value: the server drops it, or takes the default for it.
            let entry = members.iter().find(|entry| entry.key == *name);
            if entry.is_none_or(|entry| entry.value.is_null()) {
                self.faults.push(Fault {
                    help: properties.get(name).and_then(hints::of_description),
                    is_blocking: true,
                    ..Fault::error(
                        child(field, name),
                        entry.map_or(key, |entry| entry.key_span),
                        format!("`{name}` is required"),
                    )
                });
            }
        }
    }

    fn unknown<'n>(
        &mut self,
        known: impl Iterator<Item = &'n String>,
        entry: &Entry,
        field: String,
    ) {
        let close = hints::closest(&entry.key, known.map(String::as_str));
        self.faults.push(Fault {
            help: Some(match close {
                Some(close) => format!("did you mean `{close}`?"),
                None => {
                    "remove it, or look for its place in the list of fields: reseller-operator \
                         schema, kubectl explain resellercustomer.spec"
                        .to_owned()
                }
            }),
            ..Fault::error(field, entry.key_span, format!("unknown field `{}`", entry.key))
        });
    }

    fn list(&mut self, schema: &JSONSchemaProps, items: &[Node], field: &str) {
        let Some(JSONSchemaPropsOrArray::Schema(of_items)) = &schema.items else { return };
        // A null in a list is read as an empty value, as far as our lists go (finalizers, owners).
        for (index, item) in items.iter().enumerate().filter(|(_, item)| !item.is_null()) {
            self.value(of_items, item, &format!("{field}[{index}]"), item.span);
        }
    }

    fn string(&mut self, schema: &JSONSchemaProps, text: &str, span: Span, field: &str) {
        let name = last(field);
        if let Some(values) = &schema.enum_ {
            let values: Vec<&str> = values.iter().filter_map(|value| value.0.as_str()).collect();
            if !values.contains(&text) {
                self.faults.push(Fault {
                    help: Some(hints::one_of(text, &values, schema)),
                    is_blocking: true,
                    ..Fault::error(
                        field.to_owned(),
                        span,
                        format!("`{name}` cannot be {}", hints::quoted(text)),
                    )
                });
            }
        }
        if schema.format.as_deref() == Some("date-time") && !is_time(text) {
            self.faults.push(Fault {
                help: Some("write it like 2026-01-31T12:00:00Z, or leave the field out".to_owned()),
                ..Fault::error(field.to_owned(), span, format!("`{name}` must be a time"))
            });
        }
        let length = i64::try_from(text.chars().count()).unwrap_or(i64::MAX);
        if let Some(most) = schema.max_length.filter(|most| length > *most) {
            self.faults.push(Fault {
                is_blocking: true,
                ..Fault::error(
                    field.to_owned(),
                    span,
                    format!("`{name}` has {length} characters, and {most} are the most"),
                )
            });
        }
        if schema.min_length.is_some_and(|least| length < least) {
            self.faults.push(Fault {
                help: Some("write a value, or leave the field out".to_owned()),
                ..Fault::error(field.to_owned(), span, format!("`{name}` cannot be empty"))
            });
        }
    }

    fn wrong_type(
        &mut self,
        schema: &JSONSchemaProps,
        expected: &str,
        node: &Node,
        field: &str,
        key: Span,
    ) {
        let name = last(field);
        let expected = match expected {
            "object" => "an object",
            "array" => "a list",
            "integer" => "an integer",
            "string" => "a string",
            "boolean" => "true or false",
            _ => "a number",
        };
        let source = self.text.get(node.span.start..node.span.end).unwrap_or_default();
        self.faults.push(Fault {
            help: hints::of_type(schema, node, source),
            is_blocking: true,
            ..Fault::error(
                field.to_owned(),
                if matches!(node.value, Value::List(_) | Value::Map(_)) { key } else { node.span },
                format!("`{name}` must be {expected}, and this is {}", node.kind()),
            )
        });
    }
}

/// A time as RFC 3339 has it.
fn is_time(text: &str) -> bool {
    text.as_bytes().get(10) == Some(&b'T') && text.parse::<jiff::Timestamp>().is_ok()
}

/// Takes out what the API server takes out before it judges: nulls of fields that cannot be null.
pub(super) fn prune_nulls(schema: &JSONSchemaProps, value: &mut Json) {
    match value {
        Json::Object(members) => {
            if schema.additional_properties.is_some() {
                // Labels and annotations.
                let nulls = members.values_mut().filter(|value| value.is_null());
                nulls.for_each(|value| *value = Json::String(String::new()));
            }
            let Some(properties) = &schema.properties else { return };
            members.retain(|name, value| !(value.is_null() && properties.contains_key(name)));
            for (name, value) in members {
                if let Some(property) = properties.get(name) {
                    prune_nulls(property, value);
                }
            }
        }
        Json::Array(items) => {
            let Some(JSONSchemaPropsOrArray::Schema(of_items)) = &schema.items else { return };
            for item in items {
                prune_nulls(of_items, item);
            }
        }
        _ => {}
    }
}

/// Takes everything out but which members there are: of a status that a manifest has, the API
/// server looks at no value, because it drops it, but at names.
pub(super) fn keep_names(schema: &mut JSONSchemaProps) {
    let JSONSchemaProps { properties, items, description, .. } = std::mem::take(schema);
    *schema = JSONSchemaProps { properties, items, description, ..<_>::default() };
    schema.properties.iter_mut().flat_map(BTreeMap::values_mut).for_each(keep_names);
    if let Some(JSONSchemaPropsOrArray::Schema(items)) = &mut schema.items {
        keep_names(items);
    }
}

/// The path of a member.
pub(super) fn child(field: &str, name: &str) -> String {
    if field.is_empty() { name.to_owned() } else { format!("{field}.{name}") }
}

/// The last name of a path.
pub(super) fn last(field: &str) -> &str {
    field.rsplit('.').next().unwrap_or(field)
}
