//! A rehearsal against what the operator then does.

use futures::FutureExt as _;
use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use reseller_operator::plan::conditions::find;
use reseller_operator::plan::{Action, Surroundings};
use reseller_operator::rehearsal::{Object, Rehearsal, rehearse};
use reseller_operator::simulator::{CallRecord, Lag};
use serde_json::{Value, json};

use crate::events;
use crate::scenario::{Scenario, Secret};
use crate::shell::lock;
use crate::world::World;

/// Longer than fresh accounts and lagging reads last.
const LONG: SignedDuration = SignedDuration::from_hours(30);

/// What a call sends: its method, and its body or whom it is about.
type Sent = (&'static str, Value);

/// From any state that a run leaves behind: what is rehearsed, from the status alone as a review
/// sees it, is what the operator then sends, in that order and nothing more.
#[expect(clippy::needless_pass_by_value, reason = "a generated value is the law's")]
pub(crate) fn are_kept(scenario: Scenario) -> TestCaseResult {
    let mut world = crate::run(&scenario);
    events::calm(&mut world);
    be_predictable(&mut world);
    let before = world.last_call();
    let rehearsal = rehearsed(&world);
    let reads = world.calls_since(before);
    prop_assert!(writes(&reads).next().is_none(), "a rehearsal writes: {reads:?}");
    prop_assert!(!reads.iter().any(|call| repeats(call, &reads)), "asked twice: {reads:?}");

    let seen = world.last_call();
    world.settle();
    let calls = world.calls_since(seen);
    let sent: Vec<Sent> = writes(&calls).map(of_call).collect();
    let rehearsed: Vec<Sent> = rehearsal.actions.iter().map(of_action).collect();
    let refused = writes(&calls).position(|call| call.status != Some(200) && !call.committed);
    // What Google refuses is tried again, and what would have come after it is not reached; nor is
    // what comes after a value that Google does not keep.
    let reached = match refused {
        Some(place) => place + 1,
        None if is_cut_short(&world) => sent.len(),
        None => rehearsed.len().max(sent.len()),
    };
    let until = |calls: &[Sent]| calls[..calls.len().min(reached)].to_vec();
    let ends = (rehearsal.status, world.status());
    prop_assert_eq!(until(&rehearsed), until(&sent), "{:#?}", ends);
    for call in &sent {
        prop_assert!(rehearsed.contains(call), "more than was rehearsed: {call:?}\n{ends:#?}");
    }
    Ok(())
}

/// Whether Google does not keep a value, or refuses to say whether a new account has a user.
fn is_cut_short(world: &World) -> bool {
    find(&world.status().conditions, "Stalled").is_some_and(|stalled| {
        ["ValueNotAccepted", "PermissionDenied"].contains(&stalled.reason.as_str())
    })
}

/// Takes away what nobody can foresee: what only a running process remembers, what Google does to
/// a value that is sent, and Secrets, which a review does not read.
fn be_predictable(world: &mut World) {
    world.advance(LONG);
    world.set_clock(SignedDuration::ZERO);
    world.restart();
    let mut simulation = world.google.simulator().simulation();
    let options = simulation.options_mut();
    options.drop.clear();
    options.insert_lag_reads = 0;
    options.insert_lag_seconds = 0;
    options.patch_lag_seconds = 0;
    options.fresh_account_calls = 0;
    options.fresh_account_seconds = 0;
    let ids: Vec<String> = simulation.state().accounts().keys().cloned().collect();
    for id in ids {
        simulation.state_mut().account_mut(&id).expect("an account").lag = Lag::default();
    }
    drop(simulation);
    let mut kube = lock(&world.kube);
    if kube.secret != Secret::Present {
        kube.secret = Secret::Absent;
    }
}

fn rehearsed(world: &World) -> Rehearsal {
    let object =
        Object { spec: world.spec.clone(), status: world.status(), generation: world.generation };
    let surroundings =
        Surroundings { approve_order: world.approve_order.clone(), ..Surroundings::default() };
    rehearse(&world.google, &object, &surroundings, world.now())
        .now_or_never()
        .expect("the simulator in process answers at once")
}

fn writes(calls: &[CallRecord]) -> impl Iterator<Item = &CallRecord> {
    let writes = ["insert", "patch", "update", "makeAdmin"];
    calls.iter().filter(move |call| writes.iter().any(|write| call.method.ends_with(write)))
}

fn repeats(call: &CallRecord, calls: &[CallRecord]) -> bool {
    calls.iter().any(|other| {
        other.number != call.number && (other.method, &other.key) == (call.method, &call.key)
    })
}

fn of_call(call: &CallRecord) -> Sent {
    let body = match call.method {
        "directory.users.insert" | "directory.users.makeAdmin" => json!(call.key),
        _ => call.body.clone().unwrap_or_default(),
    };
    (call.method, body)
}

fn of_action(action: &Action) -> Sent {
    let json = |value| serde_json::to_value(value).expect("a record is JSON");
    let body = match action {
        Action::CustomersInsert(order) => json(&**order),
        Action::CustomersPatch(patch) => json(&patch.body),
        Action::DirectoryCustomersPatch(patch) => json!({"language": patch.change.desired}),
        Action::UsersInsert { primary_email } | Action::UsersMakeAdmin { primary_email } => {
            json!(primary_email)
        }
    };
    (action.method().id(), body)
}
