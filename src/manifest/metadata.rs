//! What the API server demands of `metadata`, beside its types.

use k8s_openapi::apiextensions_apiserver::pkg::apis::apiextensions::v1::JSONSchemaProps;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::ObjectMeta;
use schemars::generate::SchemaSettings;
use serde_json::Value as Json;

use super::fault::{Fault, Faults, shown};
use super::hints::quoted;
use super::node::{Entry, Node, Span, Value};

/// All annotations of an object, names and values.
const MOST_ANNOTATION_BYTES: usize = 256 << 10;

/// What the server writes. In a file it is left over from `kubectl get`.
const OF_THE_SERVER: &[&str] = &[
    "creationTimestamp",
    "deletionGracePeriodSeconds",
    "deletionTimestamp",
    "generation",
    "managedFields",
    "resourceVersion",
    "selfLink",
    "uid",
];

/// The members of `metadata` and their types, with descriptions.
pub(super) fn json_schema() -> Json {
    let mut settings = SchemaSettings::openapi3();
    settings.inline_subschemas = true;
    settings.meta_schema = None;
    settings.into_generator().into_root_schema_for::<ObjectMeta>().into()
}

/// The same, for the check.
pub(super) fn schema() -> JSONSchemaProps {
    serde_json::from_value(json_schema()).expect("k8s-openapi writes schemas of Kubernetes")
}

/// Checks names, labels and the like. `start` is where the object begins.
pub(super) fn check(metadata: Option<&Entry>, start: Span, faults: &mut Faults) {
    let key = metadata.map_or(start, |entry| entry.key_span);
    let nothing = Node { value: Value::Map(Vec::new()), span: start };
    let node = metadata.map_or(&nothing, |entry| &entry.value);
    if !matches!(node.value, Value::Map(_) | Value::Null) {
        return; // of a wrong type, which was said
    }
    check_name(node, key, faults);
    check_namespace(node, faults);
    check_labels(node, faults);
    check_annotations(node, faults);
    check_finalizers(node, faults);
    check_owners(node, faults);
    for name in OF_THE_SERVER {
        if let Some(entry) = node.entry(name).filter(|entry| !entry.value.is_null()) {
            let message = format!("`{name}` is written by the API server, not by you");
            let fault = Fault::warning(field(name), entry.key_span, message);
            faults.push(Fault { help: Some("remove it".to_owned()), ..fault });
        }
    }
}

fn field(name: &str) -> String {
    format!("metadata.{name}")
}

/// A member that is a string and not empty.
fn said<'a>(node: &'a Node, name: &str) -> Option<(&'a str, Span)> {
    let value = &node.entry(name)?.value;
    Some((value.text().filter(|text| !text.is_empty())?, value.span))
}

const NAME: &str = "at most 253 lower-case letters, digits, - and ., with a letter or digit at \
                    both ends and beside each ., such as acme or acme.example";

fn fault(name: &str, span: Span, message: String, help: &str) -> Fault {
    Fault { help: Some(help.to_owned()), ..Fault::error(field(name), span, message) }
}

fn check_name(node: &Node, key: Span, faults: &mut Faults) {
    let is_typed = |name: &str| {
        node.entry(name).is_none_or(|entry| entry.value.text().is_some() || entry.value.is_null())
    };
    if let Some((name, span)) = said(node, "name") {
        if !is_subdomain(name) {
            let message = format!("`name` cannot be {}", quoted(name));
            faults.push(fault("name", span, message, NAME));
        }
    } else if let Some((_, span)) = said(node, "generateName") {
        let message = "a name that the server makes is another one each time the file is applied";
        let help = "write a name instead of generateName";
        faults.push(fault("name", span, message.to_owned(), help));
    } else if is_typed("name") {
        let span = node.entry("name").map_or(key, shown);
        faults.push(fault("name", span, "`name` is required".to_owned(), NAME));
    }
    if let Some((prefix, span)) = said(node, "generateName")
        && !is_subdomain(&masked(prefix))
    {
        let message = format!("`generateName` cannot be {}", quoted(prefix));
        faults.push(fault("generateName", span, message, NAME));
    }
}

/// The server masks the last characters of a prefix that ends with `-`, because more follow.
fn masked(prefix: &str) -> String {
    let mut name = prefix.to_owned();
    if name.len() > 1 && name.ends_with('-') {
        name.pop();
        name.pop();
        name.push('a');
    }
    name
}

fn check_namespace(node: &Node, faults: &mut Faults) {
    if let Some((namespace, span)) = said(node, "namespace")
        && !is_label(namespace)
    {
        let message = format!("`namespace` cannot be {}", quoted(namespace));
        let help =
            "at most 63 lower-case letters, digits and -, with a letter or digit at both ends";
        faults.push(fault("namespace", span, message, help));
    }
}

fn check_labels(node: &Node, faults: &mut Faults) {
    for entry in node.entry("labels").map_or(&[][..], |labels| labels.value.members()) {
        check_key("labels", "label", &entry.key, entry.key_span, faults);
        let value = entry.value.text().unwrap_or_default();
        if !(value.is_empty() || is_name(value)) {
            let message = format!("a label cannot have the value {}", quoted(value));
            let help = "at most 63 letters, digits, -, _ and ., with a letter or digit at both \
                        ends; an annotation may hold any text";
            faults.push(fault("labels", entry.value.span, message, help));
        }
    }
}

fn check_annotations(node: &Node, faults: &mut Faults) {
    let Some(annotations) = node.entry("annotations") else { return };
    let mut size = 0;
    for entry in annotations.value.members() {
        check_key("annotations", "annotation", &entry.key.to_lowercase(), entry.key_span, faults);
        size += entry.key.len() + entry.value.text().map_or(0, str::len);
    }
    if size > MOST_ANNOTATION_BYTES {
        let message = format!("the annotations are {} KiB long, and 256 are the most", size >> 10);
        faults.push(Fault::error(field("annotations"), annotations.key_span, message));
    }
}

fn check_finalizers(node: &Node, faults: &mut Faults) {
    let Some(Value::List(items)) = node.entry("finalizers").map(|entry| &entry.value.value) else {
        return;
    };
    for item in items {
        let name = match &item.value {
            Value::Text(text) => text,
            Value::Null => "",
            _ => continue, // of a wrong type, which was said
        };
        check_key("finalizers", "finalizer", name, item.span, faults);
    }
    let has = |name| items.iter().any(|item| item.text() == Some(name));
    if has("orphan") && has("foregroundDeletion") {
        let message = "the finalizers orphan and foregroundDeletion exclude each other".to_owned();
        faults.push(Fault::error(field("finalizers"), items[0].span, message));
    }
}

fn check_owners(node: &Node, faults: &mut Faults) {
    let Some(Value::List(owners)) = node.entry("ownerReferences").map(|entry| &entry.value.value)
    else {
        return;
    };
    let mut fault = |name: &str, span, message: &str| {
        let field = format!("{}{name}", field("ownerReferences"));
        faults.push(Fault::error(field, span, message.to_owned()));
    };
    let mut controllers = 0;
    for owner in owners {
        for name in ["apiVersion", "kind", "name", "uid"] {
            let text = owner.text_of(name);
            let is_empty = text == Some("")
                || (name == "apiVersion" && text.is_some_and(|text| text.ends_with('/')));
            if is_empty {
                fault(&format!(".{name}"), owner.span, &format!("`{name}` cannot be empty"));
            }
        }
        if owner.text_of("apiVersion") == Some("v1") && owner.text_of("kind") == Some("Event") {
            fault("", owner.span, "an Event cannot be an owner");
        }
        let is_controller =
            owner.entry("controller").is_some_and(|e| matches!(e.value.value, Value::Bool(true)));
        controllers += usize::from(is_controller);
        if is_controller && controllers == 2 {
            fault("", owner.span, "only one owner can be the controller");
        }
    }
}

/// The name of a label, annotation or finalizer: perhaps a domain and `/`, and a name.
fn check_key(member: &str, what: &str, key: &str, span: Span, faults: &mut Faults) {
    let is_valid = match key.split_once('/') {
        Some((prefix, name)) => is_subdomain(prefix) && is_name(name),
        None => is_name(key),
    };
    if !is_valid {
        let article = if what.starts_with('a') { "an" } else { "a" };
        let message = format!("{article} {what} cannot be called {}", quoted(key));
        let help = "at most 63 letters, digits, -, _ and ., with a letter or digit at both ends; \
                    before it perhaps a domain and /, such as example.com/team";
        faults.push(fault(member, span, message, help));
    }
}

/// A DNS subdomain (RFC 1123).
fn is_subdomain(text: &str) -> bool {
    text.len() <= 253 && text.split('.').all(is_dns)
}

/// A DNS label (RFC 1123).
fn is_label(text: &str) -> bool {
    text.len() <= 63 && is_dns(text)
}

fn is_dns(text: &str) -> bool {
    text.bytes().all(|c| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-'))
        && !text.is_empty()
        && !text.starts_with('-')
        && !text.ends_with('-')
}

/// The second half of a qualified name, and the value of a label.
fn is_name(text: &str) -> bool {
    let ends = |c: Option<u8>| c.is_some_and(|c| c.is_ascii_alphanumeric());
    text.len() <= 63
        && text.bytes().all(|c| c.is_ascii_alphanumeric() || matches!(c, b'-' | b'_' | b'.'))
        && ends(text.bytes().next())
        && ends(text.bytes().last())
}
