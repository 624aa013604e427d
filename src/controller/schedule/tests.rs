use std::collections::BTreeSet;
use std::convert::Infallible;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures::StreamExt;
use futures::task::{ArcWake, waker};
use k8s_openapi::api::core::v1::ConfigMap;
use kube::runtime::{Config, applier, reflector, watcher};
use proptest::prelude::*;

use super::*;

const NOW: Duration = Duration::ZERO;

fn secs(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn settings(max_in_flight: usize, reserved_for_edits: usize) -> Settings {
    Settings { max_in_flight: NonZeroUsize::new(max_in_flight).unwrap(), reserved_for_edits }
}

/// A queue under a clock that only the test moves.
struct Bench {
    queue: Queue<u32>,
    now: Instant,
}

impl Bench {
    fn new(max_in_flight: usize, reserved_for_edits: usize) -> Self {
        Self { queue: Queue::new(settings(max_in_flight, reserved_for_edits)), now: Instant::now() }
    }

    fn ask(&mut self, key: u32, lane: Lane, delay: Duration) {
        self.queue.ask(key, lane, self.now + delay, self.now);
    }

    fn pop(&mut self) -> Option<(u32, Lane)> {
        self.queue.pop(self.now).map(|turn| (turn.key, turn.lane))
    }

    /// Gives the next turn and ends its pass at once.
    fn pass(&mut self) -> Option<(u32, Lane)> {
        let turn = self.pop()?;
        self.queue.done(&turn.0);
        Some(turn)
    }
}

#[test]
fn more_urgent_lanes_go_first_and_equals_in_the_order_in_which_they_asked() {
    let mut bench = Bench::new(16, 0);
    bench.ask(1, Lane::Drift, NOW);
    bench.ask(2, Lane::Adopt, NOW);
    bench.ask(3, Lane::Retry, NOW);
    bench.ask(5, Lane::Edit, NOW);
    bench.ask(4, Lane::Edit, NOW);
    let order: Vec<u32> = std::iter::from_fn(|| bench.pass()).map(|(key, _)| key).collect();
    assert_eq!(order, [5, 4, 3, 2, 1]);
}

#[test]
fn asking_again_raises_the_lane_and_keeps_the_earliest_time() {
    let mut bench = Bench::new(16, 0);
    bench.ask(1, Lane::Drift, secs(5));
    bench.ask(1, Lane::Edit, secs(60));
    bench.ask(1, Lane::Adopt, secs(30));
    bench.now += secs(4);
    assert_eq!(bench.pop(), None, "nothing is due yet");
    bench.now += secs(1);
    assert_eq!(bench.pop(), Some((1, Lane::Edit)));
    bench.queue.done(&1);
    bench.now += secs(3600);
    assert_eq!(bench.pop(), None, "three wishes were one entry");
}

#[test]
fn a_wish_during_a_pass_waits_until_it_is_done() {
    let mut bench = Bench::new(16, 0);
    bench.ask(1, Lane::Drift, NOW);
    assert_eq!(bench.pop(), Some((1, Lane::Drift)));
    bench.ask(1, Lane::Drift, secs(3600));
    bench.ask(1, Lane::Edit, NOW);
    assert_eq!(bench.pop(), None, "a pass of this object runs");
    bench.queue.done(&1);
    assert_eq!(bench.pop(), Some((1, Lane::Edit)));
    bench.queue.done(&1);
    assert_eq!(bench.pop(), None);
}

#[test]
fn only_edits_take_the_reserved_slots() {
    let mut bench = Bench::new(3, 1);
    for key in 0..5 {
        bench.ask(key, Lane::Drift, NOW);
    }
    assert_eq!(bench.pop(), Some((0, Lane::Drift)));
    assert_eq!(bench.pop(), Some((1, Lane::Drift)));
    assert_eq!(bench.pop(), None, "the third slot is for edits");
    bench.ask(9, Lane::Edit, NOW);
    bench.ask(8, Lane::Edit, NOW);
    assert_eq!(bench.pop(), Some((9, Lane::Edit)));
    assert_eq!(bench.pop(), None, "all slots are taken");
    bench.queue.done(&0);
    assert_eq!(bench.pop(), Some((8, Lane::Edit)), "edits take the others' slots too");
}

#[test]
fn a_single_slot_serves_every_lane() {
    let mut bench = Bench::new(1, 1);
    bench.ask(1, Lane::Drift, NOW);
    assert_eq!(bench.pop(), Some((1, Lane::Drift)));
}

#[test]
fn endless_edits_leave_every_lower_lane_its_share() {
    let mut bench = Bench::new(1, 0);
    for (lane, key) in [(Lane::Retry, 1000), (Lane::Adopt, 2000), (Lane::Drift, 3000)] {
        (0..100).for_each(|more| bench.ask(key + more, lane, NOW));
    }
    let mut turns = [0; 4];
    for edit in 0..400 {
        bench.ask(edit, Lane::Edit, NOW);
        let (_, lane) = bench.pass().unwrap();
        turns[lane as usize] += 1;
    }
    let [edits, retries, adoptions, reads] = turns;
    assert!(edits > 240, "edits get most turns: {turns:?}");
    assert!(retries >= 70 && adoptions >= 36 && reads >= 20, "{turns:?}");
}

#[test]
fn an_edit_overtakes_five_thousand_routine_reads() {
    let mut bench = Bench::new(16, 4);
    (0..5000).for_each(|key| bench.ask(key, Lane::Drift, NOW));
    while bench.pop().is_some() {}
    bench.ask(9999, Lane::Edit, NOW);
    assert_eq!(bench.pop(), Some((9999, Lane::Edit)));
}

#[test]
fn a_removed_object_gets_no_turn_unless_it_asks_again() {
    let mut bench = Bench::new(16, 0);
    bench.ask(1, Lane::Edit, NOW);
    bench.queue.remove(&1);
    assert_eq!(bench.pop(), None);

    bench.ask(2, Lane::Edit, NOW);
    bench.pop();
    bench.ask(2, Lane::Edit, NOW);
    bench.queue.remove(&2);
    bench.ask(2, Lane::Adopt, NOW); // made anew under the same name
    assert_eq!(bench.pop(), None, "the pass of the old one still runs");
    bench.queue.done(&2);
    assert_eq!(bench.pop(), Some((2, Lane::Adopt)));
}

#[test]
fn depth_tells_due_from_later_and_turns_tell_how_long_they_waited() {
    let mut bench = Bench::new(1, 0);
    bench.ask(1, Lane::Edit, NOW);
    bench.ask(2, Lane::Drift, secs(10));
    bench.ask(3, Lane::Drift, secs(60));
    bench.pop();
    bench.now += secs(30);
    let depth = bench.queue.depth(bench.now);
    let due = [(Lane::Edit, 0), (Lane::Retry, 0), (Lane::Adopt, 0), (Lane::Drift, 1)];
    assert_eq!(depth, Depth { due, later: 1, in_flight: 1 });
    bench.queue.done(&1);
    let turn = bench.queue.pop(bench.now).unwrap();
    assert_eq!(turn, Turn { key: 2, lane: Lane::Drift, waited: secs(20) });
}

#[derive(Clone, Debug)]
enum Step {
    Ask(u32, Lane, u64),
    Remove(u32),
    Pop,
    Done(usize),
    Wait(u64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let key = 0..8_u32;
    let lane = prop::sample::select(Lane::ALL.to_vec());
    let step = prop_oneof![
        4 => (key.clone(), lane, 0..20_u64).prop_map(|(key, lane, due)| Step::Ask(key, lane, due)),
        1 => key.prop_map(Step::Remove),
        4 => Just(Step::Pop),
        3 => (0..8_usize).prop_map(Step::Done),
        2 => (0..15_u64).prop_map(Step::Wait),
    ];
    prop::collection::vec(step, 0..120)
}

/// What the queue should know, kept naively.
#[derive(Default)]
struct Model {
    waiting: HashMap<u32, Wish>,
    running: HashMap<u32, (Lane, Option<Wish>)>,
}

impl Model {
    fn ask(&mut self, key: u32, wish: Wish) {
        let both = |old: Option<Wish>| old.map_or(wish, |old| old.and(wish));
        if let Some((_, again)) = self.running.get_mut(&key) {
            *again = Some(both(*again));
        } else {
            let merged = both(self.waiting.get(&key).copied());
            self.waiting.insert(key, merged);
        }
    }

    fn done(&mut self, key: u32) {
        if let Some((_, Some(wish))) = self.running.remove(&key) {
            self.waiting.insert(key, wish);
        }
    }

    fn may_run(&self, lane: Lane, most: usize, reserved: usize) -> bool {
        let others = self.running.values().filter(|(lane, _)| *lane != Lane::Edit).count();
        self.running.len() < most && (lane == Lane::Edit || others < most - reserved)
    }

    fn startable(&self, now: Instant) -> BTreeSet<Lane> {
        let due = self.waiting.values().filter(|wish| wish.due <= now);
        due.map(|wish| wish.lane).filter(|lane| self.may_run(*lane, 3, 1)).collect()
    }
}

proptest! {
    #[test]
    fn one_pass_per_object_nothing_lost_and_nothing_early(steps in steps()) {
        let mut bench = Bench::new(3, 1);
        let mut model = Model::default();
        for step in steps {
            match step {
                Step::Ask(key, lane, delay) => {
                    bench.ask(key, lane, secs(delay));
                    model.ask(key, Wish { lane, due: bench.now + secs(delay) });
                }
                Step::Remove(key) => {
                    bench.queue.remove(&key);
                    model.waiting.remove(&key);
                    if let Some((_, again)) = model.running.get_mut(&key) { *again = None; }
                }
                Step::Pop => {
                    let startable = model.startable(bench.now);
                    let Some(turn) = bench.queue.pop(bench.now) else {
                        prop_assert!(startable.is_empty(), "{startable:?} could have started");
                        continue;
                    };
                    prop_assert!(startable.contains(&turn.lane));
                    let wish = model.waiting.remove(&turn.key).expect("asked for");
                    prop_assert_eq!(wish.lane, turn.lane);
                    prop_assert_eq!(bench.now - wish.due, turn.waited);
                    let before = model.running.insert(turn.key, (turn.lane, None));
                    prop_assert!(before.is_none(), "two passes of one object");
                }
                Step::Done(key) => {
                    let key = u32::try_from(key).unwrap();
                    bench.queue.done(&key);
                    model.done(key);
                }
                Step::Wait(delay) => bench.now += secs(delay),
            }
            let earliest = model.waiting.values()
                .filter(|wish| model.may_run(wish.lane, 3, 1))
                .map(|wish| wish.due).min();
            prop_assert_eq!(bench.queue.next_start(), earliest);
        }

        bench.now += secs(3600);
        for key in 0..8 { bench.queue.done(&key); model.done(key); }
        let rest: BTreeSet<u32> = std::iter::from_fn(|| bench.pass()).map(|(key, _)| key).collect();
        let expected: BTreeSet<u32> = model.waiting.keys().copied().collect();
        prop_assert_eq!(rest, expected);
        prop_assert!(bench.queue.entries.is_empty());
    }

    #[test]
    fn nothing_starves(busy in prop::collection::vec(prop::sample::select(Lane::ALL.to_vec()), 60),
                       patient in prop::sample::select(Lane::ALL.to_vec())) {
        let mut bench = Bench::new(1, 0);
        bench.ask(0, patient, NOW);
        let mut keys = 1..;
        let mut turns = 0;
        loop {
            for lane in Lane::ALL.into_iter().chain([busy[turns]]) {
                bench.ask(keys.next().unwrap(), lane, NOW);
            }
            turns += 1;
            if bench.pass() == Some((0, patient)) { break; }
            prop_assert!(turns <= 20, "the first in its lane waited for {turns} turns");
        }
    }

    #[test]
    fn an_objects_turn_in_the_period_is_the_same_after_every_restart(
        uid in "[0-9a-f]{8}-[0-9a-f]{4}", period in 1..100_000_u64, now in 0..4_000_000_000_u64,
        later in 0..100_000_u64,
    ) {
        let period = secs(period);
        let wait = spread(&uid, period, secs(now));
        prop_assert!(wait > Duration::ZERO && wait <= period);
        let turn = secs(now) + wait;
        prop_assert_eq!(spread(&uid, period, turn), period);
        let restart = (secs(now) + secs(later)).min(turn.saturating_sub(Duration::from_nanos(1)));
        prop_assert_eq!(restart + spread(&uid, period, restart), turn);
    }
}

#[test]
fn turns_are_spread_evenly_over_the_period() {
    let mut hours = [0; 24];
    for object in 0..2400 {
        let wait = spread(&format!("uid-{object}"), secs(86_400), secs(1_800_000_000));
        hours[usize::try_from(wait.as_secs() / 3600).unwrap().min(23)] += 1;
    }
    assert!(hours.iter().all(|count| (60..=140).contains(count)), "{hours:?}");
}

#[test]
fn the_phase_of_an_object_outlives_releases() {
    let wait = spread("6f5a1f0e-0d5c-4b0e-9b8f-1f2d3c4b5a69", secs(86_400), Duration::ZERO);
    assert_eq!(wait.as_secs(), 18_083);
}

#[tokio::test(start_paused = true)]
async fn the_stream_wakes_when_something_is_due() {
    let (handle, mut turns) = schedule(settings(1, 0));
    let start = Instant::now();
    handle.ask("a", Lane::Drift, start + secs(3600));
    let waiting = tokio::spawn(async move { (turns.next().await, turns) });
    tokio::task::yield_now().await;
    handle.ask("b", Lane::Retry, start + secs(60));
    let (turn, mut turns) = waiting.await.unwrap();
    assert_eq!((turn.unwrap().key, start.elapsed()), ("b", secs(60)));

    let free_at = start + secs(7200);
    let other = handle.clone();
    tokio::spawn(async move {
        tokio::time::sleep_until(free_at).await;
        other.done(&"b");
    });
    let turn = turns.next().await.unwrap();
    assert_eq!((turn.key, turn.waited, Instant::now()), ("a", secs(3600), free_at));
    assert_eq!(handle.lane(&"a"), Some(Lane::Drift));
}

#[tokio::test(start_paused = true)]
async fn the_stream_ends_when_the_queue_is_closed() {
    let (handle, mut turns) = schedule::<&str>(settings(1, 0));
    let waiting = tokio::spawn(async move { turns.next().await });
    tokio::task::yield_now().await;
    handle.close();
    assert_eq!(waiting.await.unwrap(), None);
}

/// Counts how often the reader of the stream is woken.
#[derive(Default)]
struct Wakes(AtomicUsize);

impl ArcWake for Wakes {
    fn wake_by_ref(wakes: &Arc<Self>) {
        wakes.0.fetch_add(1, Ordering::SeqCst);
    }
}

#[tokio::test(start_paused = true)]
async fn the_reader_is_woken_only_for_what_can_start_sooner() {
    let (handle, mut turns) = schedule(settings(1, 0));
    let counter = Arc::new(Wakes::default());
    let waker = waker(Arc::clone(&counter));
    let mut poll = || turns.poll_next_unpin(&mut Context::from_waker(&waker));
    let woken = || counter.0.load(Ordering::SeqCst);
    let start = Instant::now();

    handle.ask(1, Lane::Drift, start + secs(60));
    assert!(poll().is_pending());
    handle.ask(2, Lane::Drift, start + secs(90));
    assert_eq!(woken(), 0, "later than what it waits for");
    handle.ask(3, Lane::Edit, start);
    assert_eq!(woken(), 1);
    assert!(poll().is_ready());
    assert!(poll().is_pending());
    handle.ask(4, Lane::Edit, start);
    tokio::time::advance(secs(120)).await;
    assert_eq!(woken(), 1, "no slot is free");
    handle.done(&3);
    assert_eq!(woken(), 2);
    assert!(poll().is_ready());
}

/// Which passes ran under kube's applier: names in the order of their start, and the most at once.
#[derive(Default)]
struct Passes {
    started: Mutex<Vec<String>>,
    now: AtomicUsize,
    most: AtomicUsize,
}

impl Passes {
    async fn run(object: Arc<ConfigMap>, passes: Arc<Self>) -> Result<Action, std::io::Error> {
        let name = object.metadata.name.clone().unwrap_or_default();
        let is_odd = name.ends_with(['1', '3', '5', '7', '9']);
        passes.started.lock().map_err(|_| std::io::ErrorKind::Other)?.push(name);
        let now = passes.now.fetch_add(1, Ordering::SeqCst) + 1;
        passes.most.fetch_max(now, Ordering::SeqCst);
        tokio::time::sleep_until(Instant::now() + secs(1)).await;
        passes.now.fetch_sub(1, Ordering::SeqCst);
        if is_odd { Err(std::io::ErrorKind::Other.into()) } else { Ok(Action::await_change()) }
    }
}

fn key(name: &str) -> ObjectRef<ConfigMap> {
    ObjectRef::new(name).within("default")
}

fn object(name: &str) -> ConfigMap {
    let mut object = ConfigMap::default();
    object.metadata.name = Some(name.to_owned());
    object.metadata.namespace = Some("default".to_owned());
    object
}

#[tokio::test(start_paused = true)]
async fn under_kubes_applier_edits_overtake_and_every_object_is_done() {
    let names: Vec<String> = (0..40).map(|number| format!("object-{number}")).collect();
    let (store, mut writer) = reflector::store();
    writer.apply_watcher_event(&watcher::Event::Init);
    for name in &names {
        writer.apply_watcher_event(&watcher::Event::InitApply(object(name)));
    }
    writer.apply_watcher_event(&watcher::Event::InitDone);

    let (schedule, turns) = schedule(settings(4, 1));
    let asked = Instant::now();
    for name in &names {
        schedule.ask(key(name), Lane::Drift, asked);
    }
    schedule.ask(key("deleted-meanwhile"), Lane::Edit, asked);
    let somebody = schedule.clone();
    tokio::spawn(async move {
        tokio::time::sleep_until(asked + Duration::from_millis(2500)).await;
        somebody.ask(key("object-37"), Lane::Edit, Instant::now());
    });

    let passes = Arc::new(Passes::default());
    let requests = turns.map(|turn| Ok::<_, Infallible>(turn.key));
    let run = |object, passes| Box::pin(Passes::run(object, passes));
    let never_again = |_, _: &_, _| Action::await_change();
    let results = applier(run, never_again, passes.clone(), store, requests, Config::default());
    let mut ended = 0;
    let mut results = std::pin::pin!(results);
    while let Some(result) = results.next().await {
        schedule.done(&key_of(&result).expect("a key"));
        ended += 1;
        let depth = schedule.depth();
        if depth.in_flight == 0 && depth.due.iter().all(|(_, due)| *due == 0) {
            schedule.close();
        }
    }

    assert_eq!(ended, 41);
    assert_eq!(passes.most.load(Ordering::SeqCst), 4, "three routine ones and an edit");
    let started = passes.started.lock().unwrap();
    let edit = started.iter().position(|name| name == "object-37").unwrap();
    assert_eq!(started.len(), 40);
    assert_eq!(edit, 9, "three times three had started, and the edit came next");
}
