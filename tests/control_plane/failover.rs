//! How long nobody works when the leader goes, and that no order is repeated however often it goes.
//! `make bench-failover` measures with many, and goes through 200 leaders; `make test` does less.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::time::Duration;

use kube::api::ListParams;
use reseller_operator::simulator::{CallFilter, CallRecord};
use tokio::time::{MissedTickBehavior, interval};
use tokio_util::sync::CancellationToken;

use crate::common::wait_until;
use crate::google::{GET, ORDER};
use crate::operator::Operator;
use crate::shown::shows;
use crate::specs::{account, domain_spec};
use crate::world::{PATIENCE, World};

const READY: &str = "Ready=True/InSync Synced=True/InSync Stalled=-";
/// Leaders that go, one after the other, in one world.
const CHANGES: usize = 20;
/// A customer is created this often.
const CREATION: Duration = Duration::from_millis(100);
/// Read so often, whoever leads calls Google all the time.
const ALWAYS: &str = "200ms";
const RARELY: &str = "24h";

/// A process that leads or stands by. It acts as an administrator of its own, so the call log
/// tells whose a call is.
struct Candidate {
    subject: String,
    operator: Operator,
}

impl Candidate {
    /// Started, and its objects are listed.
    async fn start(world: &World, number: usize, lease: &str, resync: &str) -> Self {
        let subject = format!("admin{number}@reseller.example");
        let flags = [
            ("--subject", subject.as_str()),
            ("--leader-election", "true"),
            ("--lease-namespace", world.namespace()),
            ("--lease-duration", lease),
            ("--resync-interval", resync),
            ("--max-orders-per-hour", "100000"),
        ];
        let flags = flags.map(|(flag, value)| [flag, value]).concat();
        let operator = world.operator(&flags).await;
        Self { subject, operator }
    }

    /// Its calls of a method, oldest first.
    fn calls(&self, world: &World, method: &str) -> Vec<CallRecord> {
        let mut calls = world.google.simulation().calls(&CallFilter::method(method));
        calls.retain(|call| call.subject.as_ref() == Some(&self.subject));
        calls
    }

    /// Waits until it has called Google, and gives the first call.
    async fn works(&self, world: &World, method: &str) -> CallRecord {
        let what = format!("a call of {}", self.subject);
        wait_until(&what, PATIENCE, async || self.calls(world, method).into_iter().next()).await
    }
}

// ---- how long nobody works ----

/// How a leader goes.
#[derive(Clone, Copy, Debug)]
enum End {
    /// As a Deployment ends it.
    Term,
    /// As a node that fails ends it.
    Kill,
}

/// From the signal to the leader until the next leader's first call to Google, shortest first.
async fn gaps(end: End, lease: Duration, runs: usize) -> Vec<Duration> {
    let world = World::new("failover").await;
    world.add(account("settled.example"));
    world.create("settled", domain_spec("settled.example")).await;
    let text = humantime::format_duration(lease).to_string();
    let mut leader = Candidate::start(&world, 0, &text, ALWAYS).await;
    world.until("settled", READY).await;
    let mut gaps = Vec::new();
    for number in 1..=runs {
        let next = Candidate::start(&world, number, &text, ALWAYS).await;
        leader.works(&world, GET).await;
        // A lease is renewed every 2/15: the signal comes at another moment between two renewals.
        let [number, runs] = [number, runs].map(|n| u32::try_from(n).expect("small"));
        wait(lease * 2 / 15 * number / runs).await;
        let signal = world.google.simulation().now();
        match end {
            End::Term => leader.operator.terminate().await,
            End::Kill => leader.operator.kill().await,
        }
        let first = next.works(&world, GET).await;
        let last = leader.calls(&world, GET).pop().expect("a call of the leader");
        assert!(last.number < first.number, "{last:?} of the old leader, then {first:?}");
        gaps.push(first.time.duration_since(signal).unsigned_abs());
        leader = next;
    }
    gaps.sort();
    gaps
}

#[expect(clippy::disallowed_methods, reason = "when the signal comes is what is varied")]
async fn wait(time: Duration) {
    tokio::time::sleep(time).await;
}

fn say(line: &str) {
    // Not eprintln: the test harness would keep it to itself.
    let _ = writeln!(std::io::stderr(), "{line}");
}

fn is_bench() -> bool {
    std::env::var_os("BENCH_FAILOVER").is_some()
}

#[tokio::test]
async fn after_sigterm_the_next_leader_works_without_waiting_for_the_lease() {
    if is_bench() {
        return measure().await;
    }
    // Other tests run at the same time: the second that is promised is for the bench.
    let lease = Duration::from_secs(15);
    let gaps = gaps(End::Term, lease, 2).await;
    assert!(gaps.iter().all(|gap| *gap < lease / 2), "{gaps:?}");
}

/// Within a second after SIGTERM, and after SIGKILL within the lease and a second.
async fn measure() {
    say("| signal | lease | runs | median | worst | promised |\n|---|---|---|---|---|---|");
    for lease in [3, 15].map(Duration::from_secs) {
        for (end, promise) in
            [(End::Term, Duration::from_secs(1)), (End::Kill, lease + Duration::from_secs(1))]
        {
            let gaps = gaps(end, lease, CHANGES).await;
            let (median, worst) = (gaps[gaps.len() / 2], gaps[gaps.len() - 1]);
            let (name, runs) = (format!("SIG{end:?}").to_uppercase(), gaps.len());
            say(&format!(
                "| {name} | {lease:?} | {runs} | {:.2} s | {:.2} s | {promise:?} |",
                median.as_secs_f64(),
                worst.as_secs_f64(),
            ));
            assert!(worst < promise, "{name} with a lease of {lease:?}: {gaps:?}");
        }
    }
}

// ---- no order is repeated ----

/// Creates customers until it is told to stop; gives how many.
async fn create(world: &World, stop: &CancellationToken) -> usize {
    let mut ticks = interval(CREATION);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut created = 0;
    while !stop.is_cancelled() {
        ticks.tick().await;
        world.create(&format!("c{created}"), domain_spec(&format!("c{created}.example"))).await;
        created += 1;
    }
    created
}

/// Leaders that get SIGTERM while they order; whoever stands by comes next. Gives those that still run.
async fn succession(world: &World, stop: CancellationToken) -> Vec<Candidate> {
    let start = async |number| Candidate::start(world, number, "5s", RARELY).await;
    let mut running = vec![start(0).await, start(1).await];
    for number in 2..CHANGES + 2 {
        let mut leader = running.remove(who_orders(world, &running).await);
        leader.operator.terminate().await;
        let (end, newcomer) = tokio::join!(leader.operator.ended(), start(number));
        assert_eq!(end.code(), Some(0));
        running.push(newcomer);
    }
    who_orders(world, &running).await;
    stop.cancel();
    running
}

/// Waits until one of them orders.
async fn who_orders(world: &World, running: &[Candidate]) -> usize {
    wait_until("an order", PATIENCE, async || {
        running.iter().position(|candidate| !candidate.calls(world, ORDER).is_empty())
    })
    .await
}

/// Leaders come and go while customers are created: gives how many customers there are, of which
/// each was ordered once.
async fn customers_ordered_once() -> usize {
    let world = World::new("succession").await;
    let stop = CancellationToken::new();
    let (created, running) = tokio::join!(create(&world, &stop), succession(&world, stop.clone()));
    wait_until("all customers to be ready", PATIENCE, async || {
        let objects = world.api().list(&ListParams::default()).await.expect("list").items;
        (objects.len() == created && objects.iter().all(|object| shows(object, READY)))
            .then_some(())
    })
    .await;
    let orders = world.google.simulation().calls(&CallFilter::method(ORDER));
    let domains: BTreeSet<_> = orders.iter().map(|order| order.key.as_str()).collect();
    assert_eq!(domains.len(), created, "each customer is ordered");
    assert_eq!(orders.len(), created, "no order is sent twice: {orders:?}");
    assert_eq!(world.google.simulation().state().accounts().len(), created);
    let orderers: BTreeSet<_> = orders.iter().filter_map(|order| order.subject.clone()).collect();
    assert!(orderers.len() > CHANGES, "every leader ordered something: {orderers:?}");
    // One after the other: whoever called Google, and then another did, calls no more.
    let calls = world.google.simulation().calls(&CallFilter::default());
    let mut shifts: Vec<_> = calls.iter().filter_map(|call| call.subject.clone()).collect();
    shifts.dedup();
    let leaders: BTreeSet<_> = shifts.iter().collect();
    assert_eq!(shifts.len(), leaders.len(), "two lead at once: {shifts:?}");
    drop(running);
    created
}

#[tokio::test]
async fn leaders_that_come_and_go_while_customers_are_created_order_each_once() {
    let rounds = if is_bench() { 10 } else { 1 };
    let mut customers = 0;
    for _ in 0..rounds {
        customers += customers_ordered_once().await;
    }
    let changes = rounds * CHANGES;
    assert!(customers > changes, "not enough to do: {customers} customers");
    if is_bench() {
        say(&format!("{changes} changes of the leader, {customers} customers, each ordered once"));
    }
}
