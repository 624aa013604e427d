//! The state matrix: how Flux, kubectl and Argo CD read each state of an object.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::common::ControlPlane;
use crate::readers::{argo_cd, kstatus};
use crate::states::{State, golden};
use crate::tools::tool;

/// One line of the matrix.
struct Row {
    state: State,
    kstatus: &'static str,
    /// Whether `kubectl wait --for=condition=Ready` is content.
    is_met: bool,
    argo_cd: &'static str,
}

fn row(state: State, kstatus: &'static str, is_met: bool, argo_cd: &'static str) -> Row {
    Row { state, kstatus, is_met, argo_cd }
}

/// The states of our objects, each from the golden case that leaves it.
fn matrix() -> Vec<Row> {
    let golden = golden();
    let of = |name: &str, parts: &[&str]| State {
        name: name.to_owned(),
        ..State::of(&golden, parts).clone()
    };
    let created = of("", &["T-first-visit:", "[Full]", "(announced)"]);
    let created = created.with("created", "/status", json!({"observedGeneration": -1}));
    let in_sync = of("in-sync", &["A1:", "[Full]", "(written)"]);
    let edited = in_sync.with("edited", "/metadata/generation", json!(2));
    let deleted =
        in_sync.with("deleted", "/metadata/deletionTimestamp", json!("2026-11-21T12:00:00Z"));
    let working = ("InProgress", false, "Progressing");
    let progressing = |state| row(state, working.0, working.1, working.2);
    vec![
        progressing(created),
        progressing(of("first-visit", &["T-first-visit:", "[Full]", "(announced)"])),
        progressing(of("before-the-order", &["T-ledger:", "(recorded)"])),
        progressing(of("ordered", &["T-ordered:", "(written)"])),
        progressing(of("transient-error", &["F5:", "[429]", "(written)"])),
        row(of("permanent-error", &["B1:", "[Full]", "(written)"]), "Failed", false, "Degraded"),
        row(in_sync, "Current", true, "Healthy"),
        row(of("observed", &["A15:", "(written)"]), "Current", true, "Healthy"),
        progressing(edited),
        progressing(of("edit-announced", &["T-edit:", "(announced)"])),
        progressing(of("transient-error-of-an-edit", &["T-429:", "(written)"])),
        row(of("drift-corrected", &["A3:", "[Full]"]), "InProgress", true, "Progressing"),
        row(of("drift-reported", &["A4:", "[Full]"]), "Current", true, "Healthy"),
        row(of("outage-of-an-applied-one", &["F4:", "[429]"]), "Current", true, "Healthy"),
        progressing(of("outage-for-too-long", &["F8:", "[503]"])),
        row(of("paused", &["F13:", "is applied", "[Full]"]), "Current", true, "Suspended"),
        row(of("paused-with-an-edit", &["F13:", "comes with"]), "InProgress", false, "Suspended"),
        row(
            of("paused-unseen", &["F13:", "never read", "[Full]"]),
            "InProgress",
            false,
            "Suspended",
        ),
        // The deletion is a generation of its own, which nobody looks at.
        row(deleted, "Terminating", false, "Progressing"),
    ]
}

/// Puts a state on the API server, and takes it back as the API server shows it.
async fn put(plane: &ControlPlane, namespace: &str, state: &State) -> State {
    let name = state.name.as_str();
    let mut object = json!({
        "apiVersion": state.object["apiVersion"], "kind": state.object["kind"],
        "metadata": {"name": name}, "spec": state.object["spec"],
    });
    let apply = ["apply", "-n", namespace, "-f", "-"];
    if state.is_being_deleted() {
        object["metadata"]["finalizers"] = json!(["example.com/of-somebody-else"]);
    }
    if state.generation() == 2 {
        let mut before = object.clone();
        before["spec"]["suspend"] = json!(object["spec"]["suspend"] != true);
        plane.kubectl_stdin(apply, &before.to_string()).await.ok();
    }
    plane.kubectl_stdin(apply, &object.to_string()).await.ok();
    let status = json!({"status": state.object["status"]}).to_string();
    let patch = ["patch", "rcust", name, "-n", namespace, "--subresource=status", "--type=merge"];
    plane.kubectl(patch.into_iter().chain(["-p", &status])).await.ok();
    if state.is_being_deleted() {
        plane.kubectl(["delete", "rcust", name, "-n", namespace, "--wait=false"]).await.ok();
    }
    let shown = plane.kubectl(["get", "rcust", name, "-n", namespace, "-o", "json"]).await.ok();
    State { name: name.to_owned(), object: serde_json::from_str(&shown).expect("JSON") }
}

#[tokio::test]
async fn every_state_is_read_as_the_matrix_says() {
    let plane = ControlPlane::shared();
    plane.apply_crd().await;
    let namespace = plane.namespace("matrix").await;
    // The golden cases have runtimes of their own.
    let rows = tokio::task::spawn_blocking(matrix).await.expect("no panic");
    let mut shown = Vec::new();
    let mut found = Vec::new();
    for row in &rows {
        let state = put(plane, &namespace, &row.state).await;
        let name = state.name.as_str();
        if !state.is_being_deleted() {
            assert_eq!(state.generation(), row.state.generation(), "{name}");
        }
        let wait = ["wait", "rcust", name, "-n", &namespace, "--for=condition=Ready"];
        let answer = plane.kubectl(wait.into_iter().chain(["--timeout=0"])).await;
        if answer.success != row.is_met {
            found.push(format!("{name}: kubectl: {answer:?}"));
        }
        let verdict = argo_cd(&state);
        if verdict.status != row.argo_cd || verdict.message.is_empty() {
            found.push(format!("{name}: Argo CD: {verdict:?}, not {}", row.argo_cd));
        }
        shown.push(state);
    }
    if let Some(program) = tool("kstatus") {
        for (row, verdict) in rows.iter().zip(kstatus(&program, &shown)) {
            if verdict.status != row.kstatus {
                found
                    .push(format!("{}: kstatus: {verdict:?}, not {}", row.state.name, row.kstatus));
            }
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

/// What the readers would make of mistakes that other operators make: so the rules of this page can
/// be broken, and it would show.
#[test]
fn mistakes_that_the_operator_does_not_make_would_be_seen() {
    let golden = golden();
    let in_sync = State::of(&golden, &["A1:", "[Full]", "(written)"]);
    let stalled = State::of(&golden, &["B1:", "[Full]", "(written)"]);
    let generation = "/status/observedGeneration";
    let edited = in_sync.with("", "/metadata/generation", json!(2));
    let ready = |status: &str| json!([{"type": "Ready", "status": status, "message": "A text."}]);
    let mistakes = [
        (in_sync.with("created without a default", "/status", json!({})), "Current", "Progressing"),
        (
            stalled.with("generation left behind", generation, json!(-1)),
            "InProgress",
            "Progressing",
        ),
        (
            in_sync.with("neither Stalled nor Reconciling", "/status/conditions", ready("False")),
            "InProgress",
            "Progressing",
        ),
        (
            edited.with("generation on conditions only", generation, Value::Null),
            "Current",
            "Progressing",
        ),
    ];
    for (state, _, wanted) in &mistakes {
        assert_eq!(argo_cd(state).status, *wanted, "{}", state.name);
    }
    let Some(program) = tool("kstatus") else { return };
    let states = mistakes.clone().map(|(state, ..)| without_nulls(state));
    for ((state, wanted, _), verdict) in mistakes.iter().zip(kstatus(&program, &states)) {
        assert_eq!(verdict.status, *wanted, "{}", state.name);
    }
}

fn without_nulls(mut state: State) -> State {
    if let Some(status) = state.object["status"].as_object_mut() {
        status.retain(|_, value| !value.is_null());
    }
    state
}

/// What must hold of whatever the operator writes.
fn broken(state: &State, kstatus: &str) -> Option<&'static str> {
    let (is_ready, is_stalled) = (state.is("Ready"), state.is("Stalled"));
    let (is_reconciling, is_paused) = (state.is("Reconciling"), state.is("Paused"));
    if state.is_being_deleted() {
        return (kstatus != "Terminating").then_some("it is being deleted");
    }
    if kstatus == "Current" && !(is_ready && state.is_observed()) {
        return Some("done, though Ready is not True for this generation");
    }
    if is_ready && state.is_observed() && !is_reconciling && kstatus != "Current" {
        return Some("not done, though Ready is True and nothing is in work");
    }
    if (kstatus == "Failed") != (is_stalled && state.is_observed()) {
        return Some("failed, if and only if a person must act on this generation");
    }
    if is_stalled && !is_paused && !state.is_observed() {
        return Some("waiters would wait in vain for what is Stalled");
    }
    let says_why = is_paused || is_stalled != is_reconciling;
    if state.condition("Ready") == "False" && !says_why {
        return Some("Ready=False does not say whether it is worth waiting");
    }
    None
}

#[test]
fn flux_and_helm_never_take_for_done_what_is_not_and_never_wait_in_vain() {
    let Some(program) = tool("kstatus") else { return };
    let states = golden();
    let mut seen = BTreeMap::<String, usize>::new();
    let mut found = Vec::new();
    for (state, verdict) in states.iter().zip(kstatus(&program, &states)) {
        if let Some(why) = broken(state, &verdict.status) {
            found.push(format!("{}: {}: {why}", state.name, verdict.status));
        }
        *seen.entry(verdict.status).or_default() += 1;
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
    for status in ["Current", "Failed", "InProgress", "Terminating"] {
        assert!(seen.contains_key(status), "none is {status}: {seen:?}");
    }
    assert!(states.len() > 500, "{seen:?}");
}

#[test]
fn argo_cd_says_the_same_as_flux_and_shows_what_is_suspended() {
    let Some(program) = tool("kstatus") else { return };
    let states = golden();
    let mut found = Vec::new();
    for (state, flux) in states.iter().zip(kstatus(&program, &states)) {
        let verdict = argo_cd(state);
        let wanted = match flux.status.as_str() {
            _ if state.is("Paused") && !state.is_being_deleted() => "Suspended",
            "Current" => "Healthy",
            "Failed" => "Degraded",
            _ => "Progressing",
        };
        if verdict.status != wanted || verdict.message.is_empty() {
            found.push(format!("{}: {verdict:?}, not {wanted}", state.name));
        }
    }
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}
