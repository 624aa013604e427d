//! The laws of the decision core (architecture, 2.5), for generated runs of the real pipeline
//! against the simulator: no matter what people do, what fails and when the operator dies or stands
//! still while another one leads. How many runs: [`runs`].
#![cfg(feature = "simulator")]
#![expect(clippy::expect_used, reason = "a test that cannot go on says why")]

mod ambiguous;
mod checks;
mod decisions;
mod events;
mod process;
mod rehearsals;
mod runs;
mod scenario;
mod shell;
mod world;

use std::sync::atomic::{AtomicU64, Ordering};

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::TestCaseResult;
use reseller_operator::plan::conditions::{find, is_true};
use reseller_operator::simulator::CallRecord;

use decisions::Inputs;
use runs::{Law, hold};
use scenario::{Interruption, Scenario};
use world::World;

/// Makes the run of a scenario, then lets all come to rest.
fn run(scenario: &Scenario) -> World {
    let mut world = World::new(scenario);
    for step in &scenario.steps {
        events::step(&mut world, step);
    }
    world
}

/// Whether an object that rests has something to say.
fn has_a_verdict(world: &World) {
    let status = world.status();
    let is = |kind: &str| is_true(&status.conditions, kind);
    assert!(!is("Reconciling"), "at rest and Reconciling: {status:#?}");
    if world.spec.suspend {
        assert!(is("Paused"), "suspended and not Paused: {status:#?}");
        return;
    }
    assert!(is("Ready") || is("Stalled"), "at rest without a verdict: {status:#?}");
    assert_eq!(status.observed_generation, world.generation);
    let is_in_sync = find(&status.conditions, "Ready").is_some_and(|c| c.reason == "InSync");
    if is_in_sync {
        assert_eq!(status.pending_operation, None, "InSync, and an operation is open");
        assert_eq!(checks::differences(world, &status), [], "InSync, and different at Google");
    }
}

/// Law 3 and 7, and the rules of every write, which are checked on the way: from any state that
/// the operator can get into, it comes to rest once Google is well again.
#[test]
fn every_run_comes_to_rest_and_orders_nothing_twice() {
    let law = Law { name: "every run comes to rest and orders nothing twice", permille: 1000 };
    hold(law, scenario::scenario, comes_to_rest);
}

#[expect(clippy::needless_pass_by_value, reason = "a generated value is the law's")]
fn comes_to_rest(scenario: Scenario) -> TestCaseResult {
    let mut world = run(&scenario);
    events::calm(&mut world);
    world.settle();
    has_a_verdict(&world);
    // Fresh accounts and lagging reads come to an end.
    world.advance(SignedDuration::from_hours(30));
    world.settle();
    has_a_verdict(&world);
    // At rest nothing is written: no PATCH loop, no flapping status.
    for _ in 0..3 {
        let ended = world.round(Interruption::None);
        prop_assert!(!ended.writes.iter().any(|call| call.committed), "{:?}", ended.writes);
        let is_retry = !ended.writes.is_empty();
        prop_assert!(is_retry || !ended.is_published, "a settled object is written");
        world.advance(world.delay(ended.next));
    }
    // A restart changes nothing either; only of an id that is gone it waits for lag anew (E5).
    let is_gone = world.is_gone();
    world.restart();
    let ended = world.round(Interruption::None);
    let is_told = ended.is_published && ended.writes.is_empty();
    prop_assert!(is_gone || !is_told, "a restart writes {:#?}", world.status());
    Ok(())
}

/// Laws 1, 5 and 6, of the decision about any state that a run leaves behind.
#[test]
fn every_decision_is_pure_and_safe_and_policies_only_remove() {
    let law = Law { name: "every decision is pure and safe", permille: 150 };
    hold(law, scenario::scenario, |scenario| {
        let world = run(&scenario);
        if let Some(inputs) = Inputs::of(&world) {
            decisions::is_pure(&inputs);
            decisions::is_safe_when_incomplete(&inputs);
            decisions::repeats_nothing(&inputs);
            decisions::policy_only_removes(&inputs);
            decisions::gates_hold(&inputs);
        }
        Ok(())
    });
}

/// Law 2: where Google neither fails nor lags, nothing is sent twice, and the object rests after a
/// few rounds.
#[test]
fn a_calm_run_sends_nothing_twice() {
    let law = Law { name: "a calm run sends nothing twice", permille: 150 };
    hold(law, scenario::calm, |scenario| {
        let mut world = World::new(&scenario);
        let rounds = world.settle();
        has_a_verdict(&world);
        prop_assert!(rounds.len() <= 10, "{} rounds", rounds.len());
        let sent: Vec<_> = rounds.iter().flat_map(|ended| &ended.writes).collect();
        let key = |call: &CallRecord| (call.method, call.key.clone(), call.body.clone());
        for (place, call) in sent.iter().enumerate().filter(|(_, call)| call.committed) {
            let is_same = |other: &&CallRecord| other.committed && key(other) == key(call);
            prop_assert!(!sent[..place].iter().any(is_same), "twice: {call:?}");
        }
        Ok(())
    });
}

/// What `plan --from-cluster` shows is what the operator then does, and nothing more.
#[test]
fn a_rehearsal_shows_what_the_operator_then_does() {
    let law = Law { name: "a rehearsal shows what the operator then does", permille: 300 };
    hold(law, scenario::scenario, rehearsals::are_kept);
}

/// Every order's answer is lost or cut: none is ever sent again after it was carried out.
#[test]
fn ambiguous_creates_are_never_repeated() {
    let law = Law { name: "ambiguous creates are never repeated", permille: 100 };
    let (creates, duplicates) = (AtomicU64::new(0), AtomicU64::new(0));
    hold(law, ambiguous::schedule, |schedule| {
        let counted = ambiguous::run(&schedule);
        creates.fetch_add(counted.creates, Ordering::Relaxed);
        duplicates.fetch_add(counted.duplicates, Ordering::Relaxed);
        prop_assert_eq!(counted.duplicates, 0);
        Ok(())
    });
    let (creates, duplicates) = (creates.into_inner(), duplicates.into_inner());
    runs::say(format_args!("{creates} creates without a clear answer, {duplicates} duplicates"));
    assert!(creates > 0);
}
