//! Orders whose answer is lost or cut: whether they were carried out is not known from the answer.

use proptest::collection::vec;
use proptest::prelude::*;
use reseller_operator::crd::ManagementPolicy;
use reseller_operator::simulator::{CallFilter, Fault, FaultRule};

use crate::events;
use crate::scenario::{self, DOMAIN, Interruption, Scenario};
use crate::world::World;

const INSERT: &str = "reseller.customers.insert";

/// A manifest that orders, what becomes of the answers to its orders, and what becomes of the
/// operator meanwhile.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    scenario: Scenario,
    answers: Vec<Fault>,
    rounds: Vec<Interruption>,
}

/// What a schedule came to.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Counted {
    /// Orders that were sent and had no clear answer.
    pub(crate) creates: u64,
    /// Orders that were sent although an earlier one had been carried out, or accounts too many.
    pub(crate) duplicates: u64,
}

/// Any schedule.
pub(crate) fn schedule() -> impl Strategy<Value = Schedule> {
    let rounds = vec(scenario::interruption(), 0..8);
    (scenario::calm(), scenario::options(), vec(answer(), 1..4), rounds).prop_map(
        |(scenario, options, answers, rounds)| {
            let mut draft = scenario.draft;
            draft.management = ManagementPolicy::Full;
            let scenario = Scenario { seeds: Vec::new(), options, draft, steps: Vec::new() };
            Schedule { scenario, answers, rounds }
        },
    )
}

/// Answers that do not tell; most of the orders were carried out.
fn answer() -> impl Strategy<Value = Fault> {
    let status = |status: u16, after_commit: bool| Fault::Status {
        status,
        reason: "backendError".to_owned(),
        message: "Backend error".to_owned(),
        retry_after: None,
        after_commit,
    };
    prop_oneof![
        2 => Just(Fault::LostAnswer),
        2 => Just(Fault::Drop),
        1 => Just(Fault::BrokenJson),
        1 => prop_oneof![Just(500_u16), Just(503), Just(504), Just(408)]
            .prop_flat_map(move |code| any::<bool>().prop_map(move |after| status(code, after))),
        1 => (prop_oneof![Just(502_u16), Just(404), Just(403)], any::<bool>())
            .prop_map(|(status, after_commit)| Fault::Html { status, after_commit }),
    ]
}

/// Makes the run, lets all come to rest, and counts.
pub(crate) fn run(schedule: &Schedule) -> Counted {
    let mut world = World::new(&schedule.scenario);
    for answer in &schedule.answers {
        let rule = FaultRule::once(INSERT, answer.clone());
        world.google.simulator().simulation().inject(rule);
    }
    for interruption in &schedule.rounds {
        let ended = world.round(*interruption);
        world.advance(world.delay(ended.next));
    }
    world.thaw();
    world.settle();
    events::calm(&mut world);
    world.settle();
    count(&world, schedule.answers.len())
}

fn count(world: &World, answers: usize) -> Counted {
    let simulation = world.google.simulator().simulation();
    let orders = simulation.calls(&CallFilter::method(INSERT));
    let accounts = simulation.state().accounts().values();
    let made = accounts.filter(|account| account.customer_domain == DOMAIN).count();
    let first = orders.iter().position(|call| call.committed).unwrap_or(orders.len());
    let repeated = orders.len().saturating_sub(first + 1);
    Counted {
        creates: orders.len().min(answers) as u64,
        duplicates: repeated.max(made.saturating_sub(1)) as u64,
    }
}
