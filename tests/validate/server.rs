//! The cases against the real API server, through the real kubectl.

use std::collections::BTreeSet;
use std::path::Path;

use futures::{StreamExt, stream};

use super::corpus::{Case, cases};
use super::errors;
use crate::common::ControlPlane;

/// kubectl calls at a time.
const AT_ONCE: usize = 8;

/// Whether kubectl was content, and the fields that it or the server named.
async fn verdict(namespace: &str, folder: &Path, number: usize, case: &Case) -> (bool, String) {
    let file = folder.join(format!("{number}.yaml"));
    std::fs::write(&file, &case.text).expect("a file in the folder of the test");
    let file = file.to_str().expect("a path in UTF-8");
    let args = ["apply", "--dry-run=server", "-n", namespace, "-f", file];
    let output = ControlPlane::shared().kubectl(args).await;
    (output.success, output.stderr)
}

/// The fields that the server names.
fn named(stderr: &str) -> BTreeSet<String> {
    let mut fields = BTreeSet::new();
    for line in stderr.lines() {
        let quoted = line.split("unknown field \"").skip(1);
        fields.extend(quoted.filter_map(|rest| Some(rest.split('"').next()?.to_owned())));
        let decoded = line.split("into Go struct field ").nth(1);
        let decoded = decoded.and_then(|rest| rest.split_once('.')?.1.split(' ').next());
        fields.extend(decoded.map(str::to_owned));
        let fault = match line.split_once("is invalid: ") {
            Some((_, fault)) if !fault.is_empty() => fault,
            _ => line.strip_prefix("* ").unwrap_or_default(),
        };
        if let Some((field, _)) = fault.split_once(": ") {
            fields.extend((!field.contains(['<', ' '])).then(|| field.to_owned()));
        }
    }
    fields.into_iter().map(|field| without_indexes(&field)).collect()
}

/// The server names no index where it could.
fn without_indexes(field: &str) -> String {
    let parts = field.split('[').enumerate();
    parts
        .map(|(number, part)| match part.split_once(']') {
            Some((_, rest)) if number > 0 => rest,
            _ => part,
        })
        .collect()
}

#[tokio::test]
async fn kubectl_and_the_api_server_give_the_same_verdict() {
    let plane = ControlPlane::shared();
    plane.apply_crd().await;
    let namespace = plane.namespace("validate").await;
    let folder = tempfile::tempdir().expect("folder");
    let cases = cases(None);
    let verdicts = stream::iter(cases.iter().enumerate()).map(|(number, case)| {
        let (namespace, folder) = (&namespace, folder.path());
        async move { (case, verdict(namespace, folder, number, case).await) }
    });
    let verdicts: Vec<_> = verdicts.buffered(AT_ONCE).collect().await;
    let mut wrong = Vec::new();
    for (case, (is_accepted, stderr)) in verdicts {
        let expected = case.is_accepted || case.kubectl_accepts.is_some();
        if is_accepted != expected {
            wrong.push(format!("{}: kubectl accepts: {is_accepted}: {stderr}", case.name));
        }
        let ours: BTreeSet<_> = errors(&case.text).iter().map(|f| without_indexes(f)).collect();
        let missing: Vec<_> = named(&stderr).into_iter().filter(|f| !ours.contains(f)).collect();
        // A document that we do not read to its end has no fields.
        let is_broken = !case.is_accepted && case.fields.is_empty();
        if !missing.is_empty() && !is_broken {
            wrong.push(format!("{}: {missing:?} not named, but {ours:?}: {stderr}", case.name));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn fields_are_found_in_what_kubectl_says() {
    let said = r#"The ResellerCustomer "a" is invalid: 
* spec.colour: Unsupported value: "x"
* <nil>: Invalid value: null: some validation rules were not checked
The ResellerCustomer "b" is invalid: metadata.ownerReferences[0].uid: Invalid value: "": x
error: unable to decode "STDIN": json: cannot unmarshal number into Go struct field ObjectMeta.metadata.labels of type string
Error from server (BadRequest): strict decoding error: unknown field "spec.a", unknown field "b""#;
    let expected =
        ["spec.colour", "metadata.ownerReferences.uid", "metadata.labels", "spec.a", "b"];
    assert_eq!(named(said), expected.map(str::to_owned).into_iter().collect());
}
