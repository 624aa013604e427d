//! The CustomResourceDefinition on a real API server: what it refuses, what it says then, what it
//! takes, and how objects look in kubectl.

#![expect(clippy::panic, reason = "a test that cannot go on says why")]

mod common;
#[path = "crd/kubectl.rs"]
mod kubectl;
#[path = "crd/schema.rs"]
mod schema_rules;

use std::collections::BTreeSet;
use std::path::Path;

use common::ControlPlane;
use kube::api::{Api, ApiResource, DynamicObject, Patch, PatchParams};
use kube::core::cel::{ValidationError, Validator, compile_schema};
use reseller_operator::crd::{ResellerCustomer, crd};
use serde::Deserialize;
use serde_json::{Value, json};

/// One entry of a file in `tests/crd_cases/`. `spec` and `before` are laid over the base (`null`
/// removes a member), `after` over `before`.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Case {
    name: String,
    #[serde(default)]
    base: Base,
    spec: Option<Value>,
    before: Option<Value>,
    status: Option<Value>,
    after: Option<Value>,
    refused: Option<Refused>,
}

/// What the API server must say: about which field, and the way out.
#[derive(Deserialize, Debug)]
#[serde(deny_unknown_fields)]
struct Refused {
    field: String,
    says: String,
}

#[derive(Deserialize, Debug, Clone, Copy, Default)]
#[serde(rename_all = "lowercase")]
enum Base {
    /// The least that a domain customer with policy Full needs.
    #[default]
    Domain,
    /// The least that a team with policy Full needs.
    Team,
    /// Nothing but a domain, only looked at.
    Observed,
}

impl Base {
    fn spec(self) -> Value {
        let address = json!({
            "contactName": "Ada Example", "organizationName": "Example Ltd",
            "postalCode": "10115", "countryCode": "DE",
        });
        match self {
            Self::Domain => json!({
                "customerDomain": "customer.example", "postalAddress": address,
                "alternateEmail": "ada@provider.example",
            }),
            Self::Team => json!({
                "customerDomain": "customer.example", "customerType": "team",
                "postalAddress": address, "primaryAdmin": {"primaryEmail": "ada@customer.example"},
            }),
            Self::Observed => {
                json!({"customerDomain": "customer.example", "managementPolicy": "Observe"})
            }
        }
    }
}

fn cases() -> Vec<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/crd_cases");
    let mut cases = Vec::new();
    for entry in std::fs::read_dir(folder).expect("tests/crd_cases") {
        let path = entry.expect("entry").path();
        let text = std::fs::read_to_string(&path).expect("case file");
        let file: Vec<Case> = serde_yaml::from_str(&text)
            .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        cases.extend(file);
    }
    cases
}

/// JSON merge patch (RFC 7386).
fn lay_over(base: &mut Value, patch: &Value) {
    let Value::Object(patch) = patch else {
        *base = patch.clone();
        return;
    };
    if !base.is_object() {
        *base = json!({});
    }
    let members = base.as_object_mut().expect("made an object above");
    for (key, value) in patch {
        if value.is_null() {
            members.remove(key);
        } else {
            lay_over(members.entry(key).or_insert(Value::Null), value);
        }
    }
}

/// One fault that the API server names.
type Fault = (String, String);

fn manifest(name: &str, spec: &Value) -> Value {
    json!({
        "apiVersion": "reseller-operator.dev/v1alpha1", "kind": "ResellerCustomer",
        "metadata": {"name": name}, "spec": spec,
    })
}

/// A namespace in which a test applies manifests as a GitOps tool does: server-side, and strict.
struct Server {
    api: Api<DynamicObject>,
}

impl Server {
    async fn new(prefix: &str) -> Self {
        let plane = ControlPlane::shared();
        plane.apply_crd().await;
        let namespace = plane.namespace(prefix).await;
        let resource = ApiResource::erase::<ResellerCustomer>(&());
        Self { api: Api::namespaced_with(plane.client().await, &namespace, &resource) }
    }

    async fn apply(&self, name: &str, spec: &Value) -> Result<DynamicObject, Vec<Fault>> {
        let params = PatchParams::apply("tests").force().validation_strict();
        faults(self.api.patch(name, &params, &Patch::Apply(&manifest(name, spec))).await)
    }

    async fn dry_run(&self, spec: &Value) -> Result<DynamicObject, Vec<Fault>> {
        let params = PatchParams::apply("tests").force().validation_strict().dry_run();
        let object = manifest("dry-run", spec);
        faults(self.api.patch("dry-run", &params, &Patch::Apply(&object)).await)
    }

    async fn set_status(&self, name: &str, status: &Value) {
        let params = PatchParams::apply("operator").force().validation_strict();
        let object = json!({
            "apiVersion": "reseller-operator.dev/v1alpha1", "kind": "ResellerCustomer",
            "metadata": {"name": name}, "status": status,
        });
        self.api.patch_status(name, &params, &Patch::Apply(&object)).await.expect("status");
    }
}

fn faults(answer: kube::Result<DynamicObject>) -> Result<DynamicObject, Vec<Fault>> {
    match answer {
        Ok(object) => Ok(object),
        Err(kube::Error::Api(status)) => Err(match status.details {
            Some(details) if !details.causes.is_empty() => {
                details.causes.into_iter().map(|cause| (cause.field, cause.message)).collect()
            }
            _ => vec![(String::new(), status.message)],
        }),
        Err(error) => panic!("no answer of the API server: {error}"),
    }
}

/// What the server makes of the case: of `spec` at creation, or of the step to `after`.
async fn verdict(server: &Server, number: usize, case: &Case) -> Result<(), Vec<Fault>> {
    let (before, after) = case.specs();
    let Some(before) = before else {
        return server.dry_run(&after).await.map(drop);
    };
    let name = format!("case-{number}");
    server.apply(&name, &before).await.unwrap_or_else(|faults| {
        panic!("{}: `before` is refused already: {faults:?}", case.name);
    });
    if let Some(status) = &case.status {
        server.set_status(&name, status).await;
    }
    server.apply(&name, &after).await.map(drop)
}

impl Case {
    /// The spec to start from, if the case is about a change, and the one to judge.
    fn specs(&self) -> (Option<Value>, Value) {
        let mut first = self.base.spec();
        for patch in [&self.spec, &self.before].into_iter().flatten() {
            lay_over(&mut first, patch);
        }
        let Some(patch) = &self.after else { return (None, first) };
        let mut after = first.clone();
        lay_over(&mut after, patch);
        (Some(first), after)
    }

    /// Nothing, or how `verdict` is not what this case asks for.
    fn mismatch(&self, verdict: &Result<(), Vec<Fault>>) -> Option<String> {
        match (&self.refused, verdict) {
            (None, Ok(())) => None,
            (None, Err(faults)) => Some(format!("{}: refused: {faults:?}", self.name)),
            (Some(_), Ok(())) => Some(format!("{}: taken", self.name)),
            (Some(refused), Err(faults)) => {
                let named = |(field, message): &Fault| {
                    *field == refused.field && message.contains(&refused.says)
                };
                (!faults.iter().any(named)).then(|| format!("{}: said {faults:?}", self.name))
            }
        }
    }
}

#[tokio::test]
async fn the_api_server_refuses_and_takes_what_the_cases_say() {
    let server = Server::new("cases").await;
    let mut wrong = Vec::new();
    let mut said = BTreeSet::new();
    for (number, case) in cases().iter().enumerate() {
        let verdict = verdict(&server, number, case).await;
        wrong.extend(case.mismatch(&verdict));
        said.extend(verdict.err().into_iter().flatten().map(|(_, message)| message));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));

    let silent: Vec<_> = rules(&schema())
        .into_iter()
        .filter(|rule| !said.iter().any(|message| message.contains(rule)))
        .collect();
    assert!(silent.is_empty(), "no case is refused by: {silent:#?}");
}

/// `validate` and editors run the same rules without a server.
#[test]
fn the_rules_give_the_same_verdict_offline() {
    let schema = schema();
    let compiled = compile_schema(&schema);
    assert!(!compiled.has_errors(), "{:?}", compiled.compilation_errors());
    let rules = rules(&schema);
    let mut wrong = Vec::new();
    for case in cases() {
        let by_rule = |refused: &Refused| rules.iter().any(|rule| rule.contains(&refused.says));
        if !case.refused.as_ref().is_none_or(by_rule) {
            continue; // refused by the schema, not by a rule
        }
        let (before, after) = case.specs();
        let with_status = |spec: Value| {
            let mut object = manifest("case", &spec);
            object["status"] = case.status.clone().unwrap_or_else(|| json!({}));
            object
        };
        let before = before.map(with_status);
        let after = with_status(after);
        let verdict = Validator::new().validate_compiled(&compiled, &after, before.as_ref());
        let verdict = verdict.map_err(|errors| {
            let path =
                |error: &ValidationError| error.field_path.trim_start_matches('.').to_owned();
            let fault = |error: &ValidationError| (path(error), error.message.clone());
            errors.iter().map(fault).collect()
        });
        wrong.extend(case.mismatch(&verdict));
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The schema as the API server gets it.
fn schema() -> Value {
    let crd = serde_json::to_value(crd()).expect("JSON");
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"].clone()
}

/// The messages of all rules below `schema`.
fn rules(schema: &Value) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    match schema {
        Value::Object(members) => {
            for (name, value) in members {
                if name == "x-kubernetes-validations" {
                    for rule in value.as_array().expect("rules") {
                        found.insert(rule["message"].as_str().expect("a message").to_owned());
                    }
                }
                found.extend(rules(value));
            }
        }
        Value::Array(items) => found.extend(items.iter().flat_map(rules)),
        _ => {}
    }
    found
}
