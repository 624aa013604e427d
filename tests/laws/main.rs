//! The laws of the decision core (architecture, 2.5), for generated runs of the real pipeline
//! against the simulator: no matter what people do, what fails and when the operator dies.
//!
//! The seed is fixed, so that a failure is everybody's failure: `PROPTEST_RNG_SEED` is another one,
//! and `PROPTEST_CASES=2560` makes ten times as many cases.
#![cfg(feature = "simulator")]
#![expect(clippy::expect_used, reason = "a test that cannot go on says why")]

mod checks;
mod decisions;
mod events;
mod scenario;
mod shell;
mod world;

use jiff::SignedDuration;
use proptest::prelude::*;
use proptest::test_runner::{FileFailurePersistence, RngSeed};
use reseller_operator::plan::conditions::{find, is_true};
use reseller_operator::simulator::CallRecord;

use decisions::Inputs;
use scenario::{Interruption, Scenario};
use world::World;

/// Cases of each law where nothing else is asked for.
const CASES: u32 = 1500;

fn config() -> ProptestConfig {
    let asked = ProptestConfig::default();
    let seed = match asked.rng_seed {
        RngSeed::Random => RngSeed::Fixed(20_260_101),
        RngSeed::Fixed(given) => RngSeed::Fixed(given),
    };
    ProptestConfig {
        cases: (CASES * asked.cases).div_ceil(256),
        rng_seed: seed,
        failure_persistence: Some(Box::new(FileFailurePersistence::Direct(
            "tests/laws/regressions.txt",
        ))),
        max_shrink_iters: 4000,
        ..asked
    }
}

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

proptest! {
    #![proptest_config(config())]

    /// Law 3 and 7, and the rules of every write, which are checked on the way: from any state
    /// that the operator can get into, it comes to rest once Google is well again.
    #[test]
    fn every_run_comes_to_rest_and_orders_nothing_twice(scenario in scenario::scenario()) {
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
    }

    /// Laws 1, 5 and 6, of the decision about any state that a run leaves behind.
    #[test]
    fn every_decision_is_pure_and_safe_and_policies_only_remove(scenario in scenario::scenario()) {
        let world = run(&scenario);
        if let Some(inputs) = Inputs::of(&world) {
            decisions::is_pure(&inputs);
            decisions::is_safe_when_incomplete(&inputs);
            decisions::repeats_nothing(&inputs);
            decisions::policy_only_removes(&inputs);
            decisions::gates_hold(&inputs);
        }
    }

    /// Law 2: where Google neither fails nor lags, nothing is sent twice, and the object rests
    /// after a few rounds.
    #[test]
    fn a_calm_run_sends_nothing_twice(scenario in scenario::calm()) {
        let mut world = World::new(&scenario);
        let rounds = world.settle();
        has_a_verdict(&world);
        prop_assert!(rounds.len() <= 10, "{} rounds", rounds.len());
        let sent: Vec<_> = rounds.iter().flat_map(|ended| &ended.writes).collect();
        let key = |call: &CallRecord| (call.method, call.key.clone(), call.body.clone());
        for (place, call) in sent.iter().enumerate().filter(|(_, call)| call.committed) {
            let is_first = !sent[..place].iter().any(|other| other.committed && key(other) == key(call));
            prop_assert!(is_first, "twice: {call:?}");
        }
    }
}
