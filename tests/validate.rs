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

use std::path::{Path, PathBuf};

use corpus::{Case, cases};
use proptest::prelude::*;
use reseller_operator::manifest::{self, Loaded, Severity};
use serde_json::{Value, json};

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

/// One entry of a file in `tests/crd_cases/`, which `tests/crd.rs` gives to the API server.
#[derive(serde::Deserialize)]
struct RuleCase {
    name: String,
    #[serde(default)]
    base: String,
    spec: Option<Value>,
    before: Option<Value>,
    refused: Option<Refused>,
}

#[derive(serde::Deserialize)]
struct Refused {
    field: String,
}

impl RuleCase {
    fn manifest(&self) -> Value {
        let mut spec = match self.base.as_str() {
            "observed" => {
                json!({"customerDomain": "customer.example", "managementPolicy": "Observe"})
            }
            base => {
                let mut spec = json!({"customerDomain": "customer.example", "postalAddress": {
                    "contactName": "Ada Example", "organizationName": "Example Ltd",
                    "postalCode": "10115", "countryCode": "DE",
                }});
                if base == "team" {
                    spec["customerType"] = json!("team");
                    spec["primaryAdmin"] = json!({"primaryEmail": "ada@customer.example"});
                } else {
                    spec["alternateEmail"] = json!("ada@provider.example");
                }
                spec
            }
        };
        if let Some(patch) = &self.spec {
            lay_over(&mut spec, patch);
        }
        json!({
            "apiVersion": "reseller-operator.dev/v1alpha1", "kind": "ResellerCustomer",
            "metadata": {"name": "case"}, "spec": spec,
        })
    }
}

/// JSON merge patch (RFC 7386).
fn lay_over(base: &mut Value, patch: &Value) {
    let (Value::Object(members), Value::Object(patch)) = (&mut *base, patch) else {
        *base = patch.clone();
        return;
    };
    for (key, value) in patch {
        if value.is_null() {
            members.remove(key);
        } else {
            lay_over(members.entry(key).or_insert_with(|| json!({})), value);
        }
    }
}

#[test]
fn the_cases_of_the_crd_that_create_an_object_get_their_verdict() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crd_cases");
    let mut count = 0;
    for entry in std::fs::read_dir(folder).expect("folder") {
        let text = std::fs::read_to_string(entry.expect("entry").path()).expect("cases");
        let cases: Vec<RuleCase> = serde_yaml::from_str(&text).expect("cases");
        for case in cases.iter().filter(|case| case.before.is_none()) {
            let found = errors(case.manifest().to_string().as_bytes());
            match &case.refused {
                None => assert_eq!(found, [""; 0], "{}", case.name),
                // The server names no field of a wrong type in a server-side apply.
                Some(refused) if refused.field.is_empty() => assert_ne!(found, [""; 0]),
                Some(refused) => {
                    assert!(found.contains(&refused.field), "{}: {found:?}", case.name);
                }
            }
            count += 1;
        }
    }
    assert!(count > 80, "{count}");
}

#[test]
fn every_finding_has_a_place_in_the_text_and_a_message() {
    for case in cases(None) {
        let lines = case.text.split(|byte| *byte == b'\n').count();
        for finding in load(&case.text).findings {
            assert!(finding.place.line <= lines, "{}: {finding:?}", case.name);
            let is_line = |text: &str| !text.is_empty() && !text.contains('\n');
            assert!(is_line(&finding.message), "{}: {finding:?}", case.name);
            assert!(finding.help.as_deref().is_none_or(is_line), "{}: {finding:?}", case.name);
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
