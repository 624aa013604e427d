//! One file: its documents, whose they are, and what is wrong with them.

use std::cell::OnceCell;
use std::io::{BufReader, Read};

use super::claims::{Declared, Said};
use super::customer;
use super::documents::{Document, Documents};
use super::fault::{Fault, Faults};
use super::node::{Node, Span, Value};
use super::yaml;
use super::{Finding, Loaded, Manifest, Place, Severity, SourceLine};
use crate::crd::CustomerType;
use crate::crd::names::GROUP;

pub(super) const KIND: &str = "ResellerCustomer";
const LIST: &str = "ResellerCustomerList";
pub(super) const VERSION: &str = "reseller-operator.dev/v1alpha1";

/// What breaks lines in YAML 1.1 but not in 1.2, so that texts and even comments end elsewhere.
const LINE_BREAKS: [char; 3] = ['\u{85}', '\u{2028}', '\u{2029}'];

/// Reads files, and keeps what is compared over all of them.
#[derive(Default)]
pub(super) struct Judge {
    pub loaded: Loaded,
    pub declared: Vec<Declared>,
    /// What kubectl would refuse in this file, but need not be meant for it.
    strangers: Vec<Finding>,
}

impl Judge {
    /// Reads a file to its end, or until it cannot be read on.
    pub(super) fn file(&mut self, name: &str, reader: impl Read) {
        let before = self.loaded.ours;
        for document in Documents::of(BufReader::new(reader)) {
            match document {
                Ok(document) => self.document(&Page::of(name, &document)),
                Err(error) => self.loaded.findings.push(Finding {
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
        if self.loaded.ours > before {
            // kubectl stops there, and what follows is not applied.
            self.loaded.findings.append(&mut self.strangers);
        } else {
            // A file of another program, such as values.yaml.
            self.loaded.skipped += self.strangers.len();
            self.strangers.clear();
        }
    }

    fn document(&mut self, page: &Page<'_>) {
        let before = self.loaded.ours;
        self.read(page);
        let is_ours = self.loaded.ours > before;
        if let Some((at, c)) = page.document.text.match_indices(LINE_BREAKS).next()
            && is_ours
        {
            let span = Span { start: at, end: at + c.len() };
            let c = escape(c);
            let message = format!("the character {c} is a line break for kubectl");
            let fault = Fault::error(String::new(), span, message);
            let help = format!("remove it, or write {c} in double quotes");
            self.loaded.findings.push(page.finding(Fault { help: Some(help), ..fault }));
        }
    }

    fn read(&mut self, page: &Page<'_>) {
        match yaml::read(&page.document.text) {
            Ok(Some(root)) if !root.is_null() => self.object(page, &root, None),
            Ok(_) => {}
            Err(broken) => self.loaded.findings.push(page.finding(Fault {
                help: broken.help.map(str::to_owned),
                ..Fault::error(String::new(), broken.span, broken.message)
            })),
        }
    }

    /// `of` is the kind that a list gives to items which do not say theirs.
    fn object(&mut self, page: &Page<'_>, root: &Node, of: Option<&str>) {
        let is_untyped = root.entry("apiVersion").is_none() && root.entry("kind").is_none();
        let (api, kind) = match of {
            Some(kind) if is_untyped => (VERSION, kind),
            _ => (
                root.text_of("apiVersion").unwrap_or_default(),
                root.text_of("kind").unwrap_or_default(),
            ),
        };
        let is_of_group = api == GROUP || api.split('/').next() == Some(GROUP);
        match (api, kind) {
            ("v1", "List") => self.items(page, root, None),
            (VERSION, LIST) => self.items(page, root, Some(KIND)),
            (VERSION, KIND) => self.customer(page, root),
            _ if is_of_group || (api.is_empty() && kind == KIND) => {
                self.loaded.ours += 1;
                self.loaded.findings.push(page.finding(unknown(root, api, kind)));
            }
            _ if api.is_empty() || kind.is_empty() => {
                self.strangers.push(page.finding(no_manifest(root)));
            }
            _ => {
                self.loaded.skipped += 1;
                if kind == KIND {
                    self.loaded.findings.push(page.finding(of_other_group(root, api)));
                }
            }
        }
    }

    fn customer(&mut self, page: &Page<'_>, root: &Node) {
        self.loaded.ours += 1;
        let mut faults = Faults::new();
        if let Some(object) = customer::judge(root, &page.document.text, &mut faults) {
            let place = page.place(start(root));
            self.loaded.manifests.push(Manifest { object, place });
        }
        self.loaded.findings.extend(faults.into_iter().map(|fault| page.finding(fault)));
        self.declared.extend(page.declared(root));
    }

    fn items(&mut self, page: &Page<'_>, root: &Node, of: Option<&str>) {
        let items = root.entry("items");
        let Some(Value::List(items)) = items.map(|entry| &entry.value.value) else {
            let span = items.map_or(start(root), |entry| entry.key_span);
            let message = "`items` must be a list".to_owned();
            let fault = Fault::error("items".to_owned(), span, message);
            self.loaded.findings.push(page.finding(fault));
            return;
        };
        for item in items {
            let kind = item.text_of("kind").unwrap_or_default();
            if kind == "List" || kind == LIST {
                let message = "kubectl does not read a list in a list".to_owned();
                let help = Some("put its items into this list".to_owned());
                let fault = Fault::error("kind".to_owned(), start(item), message);
                self.loaded.findings.push(page.finding(Fault { help, ..fault }));
            } else {
                self.object(page, item, of);
            }
        }
    }
}

fn escape(text: &str) -> String {
    let code = text.chars().next().map_or(0, u32::from);
    format!("\\u{code:04X}")
}

/// Where an object begins.
pub(super) fn start(root: &Node) -> Span {
    root.members().first().map_or(root.span, |entry| entry.key_span)
}

/// A document and the file in which it stands.
struct Page<'a> {
    file: &'a str,
    document: &'a Document,
    /// Where its lines begin.
    lines: OnceCell<Vec<usize>>,
}

impl<'a> Page<'a> {
    fn of(file: &'a str, document: &'a Document) -> Self {
        Self { file, document, lines: OnceCell::new() }
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

    /// Number of the line in which a byte is, from 0, and where the line begins.
    fn line(&self, at: usize) -> (usize, usize) {
        let text = &self.document.text;
        let begins = || std::iter::once(0).chain(text.match_indices('\n').map(|(at, _)| at + 1));
        let lines = self.lines.get_or_init(|| begins().collect());
        let number = lines.partition_point(|begin| *begin <= at).saturating_sub(1);
        (number, lines[number])
    }

    fn place(&self, span: Span) -> Place {
        let text = &self.document.text;
        let (number, begin) = self.line(span.start);
        let before = text.get(begin..span.start.min(text.len())).unwrap_or_default();
        let column = before.chars().count() + if number == 0 { self.document.column } else { 0 };
        Place { file: self.file.to_owned(), line: self.document.line + number, column: column + 1 }
    }

    fn source(&self, span: Span) -> SourceLine {
        let text = &self.document.text;
        let (_, begin) = self.line(span.start.min(text.len()));
        let end = text[begin..].find('\n').map_or(text.len(), |at| begin + at);
        let start = span.start.clamp(begin, end);
        SourceLine {
            text: text[begin..end].to_owned(),
            marked: start - begin..span.end.clamp(start, end) - begin,
        }
    }

    fn said(&self, node: &Node, name: &str) -> Option<Said> {
        let entry = node.entry(name)?;
        let span = entry.value.span;
        let text = entry.value.text()?.to_owned();
        Some(Said { text, place: self.place(span), source: self.source(span) })
    }

    /// What the object is called and claims, as far as it can be read.
    fn declared(&self, root: &Node) -> Option<Declared> {
        let metadata = &root.entry("metadata")?.value;
        let spec = &root.entry("spec")?.value;
        let is_team = spec.text_of("customerType") == Some("team");
        Some(Declared {
            namespace: metadata.text_of("namespace").map(str::to_owned),
            name: self.said(metadata, "name")?,
            domain: self.said(spec, "customerDomain"),
            pinned: self.said(spec, "customerId"),
            customer_type: if is_team { CustomerType::Team } else { CustomerType::Domain },
            is_observer: spec.text_of("managementPolicy") == Some("Observe"),
        })
    }
}

/// A document of our group that is nothing of ours.
fn unknown(root: &Node, api: &str, kind: &str) -> Fault {
    let span = |name: &str| root.entry(name).map_or(start(root), |entry| entry.value.span);
    let fault = |name: &str, at: &str, message: String, help: String| Fault {
        help: Some(help),
        ..Fault::error(name.to_owned(), span(at), message)
    };
    if root.entry("apiVersion").is_none() {
        let help = format!("add the line: apiVersion: {VERSION}");
        return fault("apiVersion", "kind", "`apiVersion` is missing".to_owned(), help);
    }
    if api != VERSION {
        let message = format!("`apiVersion` cannot be {api:?}");
        return fault("apiVersion", "apiVersion", message, format!("write {VERSION}"));
    }
    if root.entry("kind").is_none() {
        let help = format!("add the line: kind: {KIND}");
        return fault("kind", "apiVersion", "`kind` is missing".to_owned(), help);
    }
    let message = format!("unknown kind {kind:?}");
    fault("kind", "kind", message, format!("this version has the kind {KIND}"))
}

/// A document that kubectl would not know what to do with.
fn no_manifest(root: &Node) -> Fault {
    let message = "this is no manifest: `apiVersion` or `kind` is missing".to_owned();
    let help = "begin it with apiVersion and kind, or move it into another file: kubectl reads no \
                further than here";
    Fault { help: Some(help.to_owned()), ..Fault::error(String::new(), start(root), message) }
}

fn of_other_group(root: &Node, api: &str) -> Fault {
    let span = root.entry("apiVersion").map_or(root.span, |entry| entry.value.span);
    let message = format!("the {KIND} of {api} is not ours, and was skipped");
    let help = format!("if it is meant to be, write apiVersion: {VERSION}");
    Fault { help: Some(help), ..Fault::warning("apiVersion".to_owned(), span, message) }
}
