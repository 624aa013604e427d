//! Manifests as files: read as kubectl reads them and judged as the API server judges them,
//! offline.
//!
//! ```text
//! files -> documents -> yaml -> judge: whose it is -> customer: schema, metadata, rules -> claims
//! ```

mod change;
mod claims;
mod customer;
mod documents;
mod fault;
mod files;
mod hints;
mod json_schema;
mod judge;
mod metadata;
mod node;
mod scalar;
mod schema;
mod yaml;

use std::collections::HashMap;
use std::io::Read;
use std::ops::Range;
use std::path::PathBuf;

use crate::crd::ResellerCustomer;
pub use change::{refused_change, refused_fields_of};
pub use json_schema::json_schema;
use judge::Judge;

/// A manifest that the API server would take.
#[derive(Clone, Debug)]
pub struct Manifest {
    /// The object, with the defaults of the schema.
    pub object: ResellerCustomer,
    /// Where it begins.
    pub place: Place,
}

/// A place in a file.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Place {
    /// The file as it was named on the command line, or found below a folder that was; `<stdin>`.
    pub file: String,
    /// From 1; 0 is the whole file.
    pub line: usize,
    /// In characters, from 1; 0 is the whole file.
    pub column: usize,
}

/// What was found in files.
#[derive(Debug, Default)]
pub struct Loaded {
    /// The manifests without a fault, in the order of files and documents.
    pub manifests: Vec<Manifest>,
    /// Faults, and what could not be read.
    pub findings: Vec<Finding>,
    /// Documents of other groups.
    pub skipped: usize,
    /// Documents of our group, with and without a fault.
    pub ours: usize,
}

impl Loaded {
    /// Whether nothing is wrong; warnings are no errors.
    #[must_use]
    pub fn is_valid(&self) -> bool {
        !self.findings.iter().any(|finding| finding.severity == Severity::Error)
    }
}

/// One fault of a file, or a warning.
#[derive(Clone, Debug)]
pub struct Finding {
    pub severity: Severity,
    pub place: Place,
    /// Path of the field, such as `spec.customerDomain`; empty where it is about the document.
    pub field: String,
    /// What is wrong.
    pub message: String,
    /// The way out, where the message does not say it.
    pub help: Option<String>,
    /// The line of the file, where there is one.
    pub source: Option<SourceLine>,
}

/// A line of a file, and the bytes of it that are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceLine {
    pub text: String,
    pub marked: Range<usize>,
}

/// Whether a finding makes a manifest invalid.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    Error,
    Warning,
}

/// Reads files, folders and (`-`) standard input. What cannot be read is a finding, and the rest is
/// judged all the same.
#[must_use]
pub fn load(paths: &[PathBuf], mut stdin: impl Read) -> Loaded {
    let mut judge = Judge::default();
    let mut finder = files::Finder::default();
    for path in paths {
        for path in finder.files(path) {
            let source = files::open(&path);
            match source.content {
                Ok(content) => judge.file(&source.name, files::reader(content, &mut stdin)),
                Err(unusable) => judge.loaded.findings.push(about_file(
                    source.name,
                    unusable.message,
                    unusable.help,
                )),
            }
        }
    }
    let Judge { mut loaded, declared, .. } = judge;
    let of_all = claims::check(&declared);
    loaded.findings.extend(of_all);
    sort(&mut loaded.findings);
    if loaded.ours == 0 && loaded.is_valid() {
        let paths: Vec<_> = paths.iter().map(|path| path.display().to_string()).collect();
        loaded.findings.push(about_file(
            paths.join(" "),
            "no ResellerCustomer was found".to_owned(),
            "name a file, or a folder with *.yaml, *.yml or *.json files",
        ));
    }
    loaded
}

/// Fields with rules that compare with the object in the cluster. Without it nobody can judge them.
#[must_use]
pub fn not_checked() -> Vec<String> {
    customer::compared_fields()
}

/// Files as they were read, each from top to bottom.
fn sort(findings: &mut [Finding]) {
    let mut files: HashMap<String, usize> = HashMap::new();
    for finding in findings.iter() {
        let next = files.len();
        files.entry(finding.place.file.clone()).or_insert(next);
    }
    findings.sort_by_key(|finding| {
        let place = &finding.place;
        (files[&place.file], place.line, place.column)
    });
}

/// A finding about a file as a whole.
fn about_file(file: String, message: String, help: &str) -> Finding {
    Finding {
        severity: Severity::Error,
        place: Place { file, line: 0, column: 0 },
        field: String::new(),
        message,
        help: (!help.is_empty()).then(|| help.to_owned()),
        source: None,
    }
}
