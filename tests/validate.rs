//! `validate` and `schema`: the same verdict as the API server, in words that help.

#![expect(clippy::panic, reason = "a test that cannot go on says why")]

#[path = "validate/binary.rs"]
mod binary;
mod common;
#[path = "validate/corpus.rs"]
mod corpus;
#[path = "validate/files.rs"]
mod files;
#[path = "validate/server.rs"]
mod server;

use std::path::PathBuf;

use corpus::{Case, cases};
use proptest::prelude::*;
use reseller_operator::manifest::{self, Loaded, Severity};

/// What is found in a text on standard input.
fn load(text: &[u8]) -> Loaded {
    manifest::load(&[PathBuf::from("-")], text)
}

/// Fields with an error, in order, each once.
fn errors(text: &[u8]) -> Vec<String> {
    fields(&load(text), Severity::Error)
}

fn fields(loaded: &Loaded, severity: Severity) -> Vec<String> {
    let of = loaded.findings.iter().filter(|finding| finding.severity == severity);
    let mut fields: Vec<_> = of.map(|finding| finding.field.clone()).collect();
    fields.retain(|field| !field.is_empty());
    fields.sort();
    fields.dedup();
    fields
}

/// Nothing, or how a verdict is not what the case asks for.
fn mismatch(case: &Case) -> Option<String> {
    let loaded = load(&case.text);
    let is_same = loaded.is_valid() == case.is_accepted
        && fields(&loaded, Severity::Error) == case.fields
        && fields(&loaded, Severity::Warning) == case.warned;
    (!is_same).then(|| format!("{}: {:#?}", case.name, loaded.findings))
}

#[test]
fn every_case_gets_its_verdict_and_names_its_fields() {
    let wrong: Vec<_> = cases(None).iter().filter_map(mismatch).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn a_manifest_is_loaded_if_and_only_if_nothing_is_wrong_with_it() {
    for case in cases(Some("spec.cases")) {
        let loaded = load(&case.text);
        assert_eq!(loaded.manifests.len(), usize::from(case.is_accepted), "{}", case.name);
    }
}

/// The operator's own check of a spec is a second net, and finds nothing that the rules let pass.
#[test]
fn every_error_of_a_spec_comes_from_schema_or_rules() {
    let domain = include_str!("../src/domain/desired.rs");
    for case in cases(Some("spec.cases")).iter().filter(|case| !case.is_accepted) {
        for finding in load(&case.text).findings {
            let is_ours = finding.message.len() > 12 && domain.contains(&finding.message);
            assert!(!is_ours, "{}: only the second net says: {}", case.name, finding.message);
        }
    }
}

#[test]
fn every_finding_has_a_place_in_the_text_and_a_message() {
    for case in cases(None) {
        let lines = case.text.split(|byte| *byte == b'\n').count();
        for finding in load(&case.text).findings {
            assert!(finding.place.line <= lines, "{}: {finding:?}", case.name);
            assert!(!finding.message.is_empty(), "{}: {finding:?}", case.name);
            let Some(line) = &finding.source else { continue };
            assert!(line.text.get(line.marked.clone()).is_some(), "{}: {finding:?}", case.name);
        }
    }
}

const PIECES: &[&str] = &[
    "apiVersion: reseller-operator.dev/v1alpha1\n",
    "kind: ResellerCustomer\n",
    "metadata:\n  name: a\n",
    "spec:\n",
    "  customerDomain: a.example\n",
    "  managementPolicy: Observe\n",
    "  postalAddress:\n    contactName: ",
    "---\n",
    "...\n",
    "- ",
    "  ",
    "&a ",
    "*a",
    "<<: ",
    "{",
    "}",
    "[",
    "]",
    ", ",
    ": ",
    "? ",
    "!!int ",
    "|\n",
    "\"",
    "'",
    "#",
    "\t",
    "\r",
    "\n",
    "0x1F",
    "1e400",
    ".nan",
    "é",
    "\u{feff}",
    "\0",
];

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, failure_persistence: None, ..<_>::default() })]

    #[test]
    fn no_text_makes_it_panic(
        pieces in prop::collection::vec(prop::sample::select(PIECES), 0..40),
        scalar in ".{0,12}",
        at in 0_usize..40,
    ) {
        let mut pieces = pieces;
        pieces.insert(at.min(pieces.len()), &scalar);
        let _ = load(pieces.concat().as_bytes());
    }

    #[test]
    fn no_bytes_make_it_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = load(&bytes);
    }

    #[test]
    fn a_text_in_quotes_is_kept(text in "[ -~]{1,12}") {
        let manifest = |value: &str| format!(
            "apiVersion: reseller-operator.dev/v1alpha1\nkind: ResellerCustomer\n\
             metadata: {{name: a}}\nspec:\n  customerDomain: a.example\n  \
             managementPolicy: Observe\n  postalAddress:\n    contactName: {value}\n"
        );
        let contact = |loaded: &Loaded| {
            let manifest = loaded.manifests.first()?;
            manifest.object.spec.postal_address.as_ref()?.contact_name.clone()
        };
        let quoted = load(manifest(&format!("'{}'", text.replace('\'', "''"))).as_bytes());
        prop_assert_eq!(contact(&quoted), Some(text));
    }
}
