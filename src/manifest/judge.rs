//! One file: its documents, whose they are, and what is wrong with them.

use std::io::BufReader;

use super::customer;
use super::documents::{Document, Documents};
use super::fault::{Fault, Faults};
use super::node::{Node, Span, Value};
use super::yaml;
use super::{Finding, Loaded, Manifest, Place, Severity, SourceLine};
use crate::crd::ResellerCustomer;
use crate::crd::names::GROUP;

/// What the version and kind of ours are called.
const KIND: &str = "ResellerCustomer";
const LIST: &str = "ResellerCustomerList";
const VERSION: &str = "reseller-operator.dev/v1alpha1";

/// Reads a file to its end, or until it cannot be read on.
pub(super) fn file(name: &str, reader: impl std::io::Read, loaded: &mut Loaded) {
    for document in Documents::of(BufReader::new(reader)) {
        match document {
            Ok(document) => Page { file: name, document: &document }.judge(loaded),
            Err(error) => loaded.findings.push(Finding {
                severity: Severity::Error,
                place: Place {
                    file: name.to_owned(),
                    line: error.line,
                    column: usize::from(error.line > 0),
                },
                field: String::new(),
                message: error.message,
                help: (!error.help.is_empty()).then(|| error.help.to_owned()),
                source: None,
            }),
        }
    }
}

/// A document and the file in which it stands.
struct Page<'a> {
    file: &'a str,
    document: &'a Document,
}

impl Page<'_> {
    fn judge(&self, loaded: &mut Loaded) {
        let mut faults = Faults::new();
        match yaml::read(&self.document.text) {
            Ok(Some(root)) if !root.is_null() => self.object(&root, None, &mut faults, loaded),
            Ok(_) => {}
            Err(broken) => {
                faults.push(Fault::error(String::new(), broken.span, broken.message));
            }
        }
        loaded.findings.extend(faults.into_iter().map(|fault| self.finding(fault)));
    }

    fn object(&self, root: &Node, of: Option<&str>, faults: &mut Faults, loaded: &mut Loaded) {
        let api = root.text_of("apiVersion").or(of.map(|_| VERSION)).unwrap_or_default();
        let kind = root.text_of("kind").or(of).unwrap_or_default();
        let group = api.rsplit_once('/').map_or("", |(group, _)| group);
        match (api, kind) {
            ("v1", "List") => self.items(root, None, faults, loaded),
            (VERSION, LIST) => self.items(root, Some(KIND), faults, loaded),
            (VERSION, KIND) => {
                loaded.ours += 1;
                let before = faults.len();
                if let Some(object) = customer::judge(root, &self.document.text, faults) {
                    self.take(object, root, loaded);
                }
                debug_assert!(faults.len() >= before);
            }
            _ if group == GROUP || (api.is_empty() && kind == KIND) => {
                loaded.ours += 1;
                faults.push(foreign(root, api, kind));
            }
            _ => loaded.skipped += 1,
        }
    }

    fn items(&self, root: &Node, of: Option<&str>, faults: &mut Faults, loaded: &mut Loaded) {
        let Some(Value::List(items)) = root.entry("items").map(|entry| &entry.value.value) else {
            return;
        };
        for item in items {
            self.object(item, of, faults, loaded);
        }
    }

    fn take(&self, object: ResellerCustomer, root: &Node, loaded: &mut Loaded) {
        let start = root.members().first().map_or(root.span, |entry| entry.key_span);
        loaded.manifests.push(Manifest { object, place: self.place(start) });
    }

    fn finding(&self, fault: Fault) -> Finding {
        Finding {
            severity: fault.severity,
            place: self.place(fault.span),
            field: fault.field,
            message: fault.message,
            help: fault.help,
            source: Some(self.source(fault.span)),
        }
    }

    fn place(&self, span: Span) -> Place {
        let before = self.document.text.get(..span.start).unwrap_or(&self.document.text);
        let (line, column) = match before.rfind('\n') {
            Some(at) => (before.matches('\n').count(), before[at + 1..].chars().count()),
            None => (0, self.document.column + before.chars().count()),
        };
        Place { file: self.file.to_owned(), line: self.document.line + line, column: column + 1 }
    }

    fn source(&self, span: Span) -> SourceLine {
        let text = &self.document.text;
        let start = span.start.min(text.len());
        let begin = text[..start].rfind('\n').map_or(0, |at| at + 1);
        let end = text[start..].find('\n').map_or(text.len(), |at| start + at);
        SourceLine {
            text: text[begin..end].to_owned(),
            marked: start - begin..span.end.clamp(start, end) - begin,
        }
    }
}

/// A document that means to be ours and is not.
fn foreign(root: &Node, api: &str, kind: &str) -> Fault {
    let place = |name: &str| root.entry(name).map_or(root.span, |entry| entry.value.span);
    if api.is_empty() {
        let message = "`apiVersion` is missing".to_owned();
        let help = Some(format!("add the line: apiVersion: {VERSION}"));
        return Fault { help, ..Fault::error("apiVersion".to_owned(), place("kind"), message) };
    }
    if api != VERSION {
        let message = format!("unknown version `{api}`");
        let help = Some(format!("write {VERSION}"));
        return Fault {
            help,
            ..Fault::error("apiVersion".to_owned(), place("apiVersion"), message)
        };
    }
    let message = if kind.is_empty() {
        "`kind` is missing".to_owned()
    } else {
        format!("unknown kind `{kind}`")
    };
    let help = Some(format!("write kind: {KIND}"));
    Fault { help, ..Fault::error("kind".to_owned(), place("kind"), message) }
}
