//! The way out of a fault, in words.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;

use super::node::{Node, Value};

/// Values that fit in a sentence.
const FEW: usize = 8;

/// What was probably meant, if something is near.
pub(super) fn closest<'a>(text: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    let likeness = |other: &str| strsim::jaro_winkler(&text.to_lowercase(), &other.to_lowercase());
    known
        .map(|other| (likeness(other), other))
        .filter(|(likeness, _)| *likeness > 0.85)
        .max_by(|one, two| one.0.total_cmp(&two.0))
        .map(|(_, other)| other)
}

/// The values of an enum: all if they are few, else what is near.
pub(super) fn one_of(text: &str, values: &[&str], schema: &JSONSchemaProps) -> String {
    if values.len() <= FEW {
        return format!("write {}", alternatives(values));
    }
    let same: Vec<&str> =
        values.iter().filter(|value| value.eq_ignore_ascii_case(text.trim())).copied().collect();
    let near: Vec<&str> = if same.is_empty() {
        let mut near: Vec<&str> =
            values.iter().filter(|value| strsim::levenshtein(value, text) <= 1).copied().collect();
        near.truncate(FEW);
        near
    } else {
        same
    };
    if near.is_empty() {
        let said = of_description(schema).unwrap_or_default();
        return format!("{} values are known, such as {}. {said}", values.len(), quoted(values[0]));
    }
    format!("did you mean {}?", alternatives(&near))
}

fn alternatives(values: &[&str]) -> String {
    let values: Vec<String> = values.iter().map(|value| quoted(value)).collect();
    match values.as_slice() {
        [rest @ .., last] if !rest.is_empty() => format!("{} or {last}", rest.join(", ")),
        all => all.join(", "),
    }
}

/// How a value is shown: as it would be written, not too long.
pub(super) fn quoted(text: &str) -> String {
    const MOST: usize = 60;
    let mut shown: String = text.chars().take(MOST).collect();
    if text.chars().nth(MOST).is_some() {
        shown.push('…');
    }
    format!("{shown:?}")
}

/// The first sentence of what the schema says of a field.
pub(super) fn of_description(schema: &JSONSchemaProps) -> Option<String> {
    let text = schema.description.as_deref()?.lines().next()?;
    Some(text.split_once(". ").map_or_else(|| text.to_owned(), |(first, _)| format!("{first}.")))
}

/// What to do about a value of another type.
pub(super) fn of_type(schema: &JSONSchemaProps, node: &Node, source: &str) -> Option<String> {
    let quote = |read: String, what: &str| {
        if source == read {
            format!("quote it: \"{source}\"")
        } else {
            format!(
                "quote it: without quotes YAML reads {source} as {what}{read}; write \"{source}\""
            )
        }
    };
    match (schema.type_.as_deref()?, &node.value) {
        ("string", Value::Bool(value)) => Some(quote(value.to_string(), "")),
        ("string", Value::Number(number)) => Some(quote(number.to_string(), "the number ")),
        ("boolean", Value::Text(text)) if matches!(text.as_str(), "true" | "false") => {
            Some(format!("write {text} without quotes"))
        }
        ("boolean", _) => Some("write true or false, without quotes".to_owned()),
        ("object", _) => of_description(schema),
        _ => None,
    }
}
