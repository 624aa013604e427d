//! What is wrong with a document, before it is known in which file it stands.

use super::Severity;
use super::node::{Entry, Node, Span, Value};

/// One fault.
#[derive(Clone, Debug)]
pub(super) struct Fault {
    pub severity: Severity,
    pub field: String,
    pub span: Span,
    pub message: String,
    pub help: Option<String>,
    /// The rules are not asked then, as in the API server: they could not be.
    pub is_blocking: bool,
}

pub(super) type Faults = Vec<Fault>;

impl Fault {
    pub(super) fn error(field: String, span: Span, message: String) -> Self {
        Self { severity: Severity::Error, field, span, message, help: None, is_blocking: false }
    }

    pub(super) fn warning(field: String, span: Span, message: String) -> Self {
        Self { severity: Severity::Warning, ..Self::error(field, span, message) }
    }
}

/// Where a field stands: its value, the key of a collection, or what is nearest to it.
pub(super) fn locate(root: &Node, field: &str) -> Span {
    let mut node = root;
    let mut span = root.members().first().map_or(root.span, |entry| entry.key_span);
    for step in field.split('.').filter(|step| !step.is_empty()) {
        let Some(entry) = node.entry(step) else { return span };
        span = shown(entry);
        node = &entry.value;
    }
    span
}

/// What to point at: a value that fits in a line, else the key.
pub(super) fn shown(entry: &Entry) -> Span {
    match entry.value.value {
        Value::List(_) | Value::Map(_) | Value::Null => entry.key_span,
        _ => entry.value.span,
    }
}
