//! Which object is next: lanes, ageing, due times, and a bound on passes in flight.
//!
//! kube's `Controller` keeps waiting work in a hash set, where nothing can be moved up. So the
//! order is ours, and [`kube::runtime::applier`] gets only what may run *now*:
//!
//! ```text
//! watch, Secrets, finished passes --ask--> Queue --Turns--> applier --runs--> one pass
//!                                            ^                                   |
//!                                            +--------------- done --------------+
//! ```
//!
//! # How it is joined
//!
//! ```text
//! let (schedule, turns) = schedule(settings);
//! let requests = turns.map(|turn| Ok::<_, Infallible>(turn.key));
//! applier(reconcile, error_policy, ctx, store, requests, Config::default())
//!     .for_each(async |ended| if let Some(key) = key_of(&ended) { schedule.done(&key) })
//! ```
//!
//! - The applier has a scheduler of its own, a hash set without order. That costs nothing: what is
//!   handed over may run at once, so leave its concurrency at 0 (unbounded) and its debounce at 0.
//! - Both `reconcile` and `error_policy` answer `Action::await_change()`; the next visit is asked
//!   for here. Otherwise the applier would start passes that this queue does not know of.
//! - Call [`Handle::done`] for each item of the applier's output. That an object is gone from the
//!   store is such an item too, though no pass ran: what is never done stays in flight for ever.
//! - The applier runs its passes in one task, unless `reconcile` spawns them.
//! - After [`Handle::close`] the applier lets running passes end, and ends.

use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;
use std::num::NonZeroUsize;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use futures::Stream;
use kube::runtime::controller::{Action, Error};
use kube::runtime::reflector::{Lookup, ObjectRef};
use sha2::{Digest, Sha256};
use tokio::time::{Instant, Sleep};

use crate::google::Lane;

#[cfg(test)]
mod tests;

/// How much runs at once.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// Most passes at once.
    pub max_in_flight: NonZeroUsize,
    /// How many of those only the edit lane may take. At least one slot is left to the others.
    pub reserved_for_edits: usize,
}

/// One object's turn: its pass may run now.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn<K> {
    /// Whose turn it is.
    pub key: K,
    /// The lane that it came by.
    pub lane: Lane,
    /// How long it was due before it got its turn.
    pub waited: Duration,
}

/// What waits and what runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Depth {
    /// Objects that are due, by lane.
    pub due: [(Lane, usize); 4],
    /// Objects that have a due time in the future.
    pub later: usize,
    /// Passes that run.
    pub in_flight: usize,
}

/// After how many turns given to more urgent lanes a lane with due work comes first.
/// So retries get at least about one turn in five, and routine reads one in twenty.
fn patience(lane: Lane) -> u32 {
    match lane {
        Lane::Edit => u32::MAX,
        Lane::Retry => 4,
        Lane::Adopt => 8,
        Lane::Drift => 16,
    }
}

/// Place in a lane: who has been due for longest is first; the number keeps equals in the order
/// in which they asked.
type Place = (Instant, u64);

/// A wish for a pass: the lane, and since when or from when on it is due.
#[derive(Clone, Copy, Debug)]
struct Wish {
    lane: Lane,
    due: Instant,
}

impl Wish {
    /// One wish that fulfils both: the more urgent lane, the earlier time.
    fn and(self, other: Self) -> Self {
        Self { lane: self.lane.min(other.lane), due: self.due.min(other.due) }
    }
}

/// A pass that runs.
#[derive(Debug)]
struct Running {
    lane: Lane,
    /// What was asked for meanwhile.
    again: Option<Wish>,
}

/// The queue itself: no IO, no clock. Every operation takes O(log n) but [`Queue::depth`].
///
/// # Guarantees
///
/// - An object has at most one entry, and at most one pass in flight.
/// - What was asked for gets a turn, unless it is removed: in each lane those who have been due
///   for longest are first, and no lane is passed over more often than its patience allows.
#[derive(Debug)]
struct Queue<K> {
    settings: Settings,
    /// Every waiting object, due or not.
    entries: HashMap<K, (Lane, Place)>,
    /// The same objects, lane by lane in order.
    lanes: [BTreeMap<Place, K>; 4],
    /// How often each lane had due work that could have run, and another lane got the turn.
    passed_over: [u32; 4],
    in_flight: HashMap<K, Running>,
    asked: u64,
}

impl<K: Clone + Eq + Hash> Queue<K> {
    fn new(settings: Settings) -> Self {
        Self {
            settings,
            entries: HashMap::new(),
            lanes: Default::default(),
            passed_over: [0; 4],
            in_flight: HashMap::new(),
            asked: 0,
        }
    }

    /// Asks for a pass at `due`; a time that is past counts as now. While a pass of this object
    /// runs, the wish is kept until it is done.
    fn ask(&mut self, key: K, lane: Lane, due: Instant, now: Instant) {
        let wish = Wish { lane, due: due.max(now) };
        if let Some(running) = self.in_flight.get_mut(&key) {
            running.again = Some(running.again.map_or(wish, |again| again.and(wish)));
            return;
        }
        self.enqueue(key, wish);
    }

    fn enqueue(&mut self, key: K, wish: Wish) {
        let Wish { lane, due } = match self.take(&key) {
            Some((lane, (due, _))) => wish.and(Wish { lane, due }),
            None => wish,
        };
        self.asked += 1;
        let place = (due, self.asked);
        self.lanes[lane as usize].insert(place, key.clone());
        self.entries.insert(key, (lane, place));
    }

    fn take(&mut self, key: &K) -> Option<(Lane, Place)> {
        let (lane, place) = self.entries.remove(key)?;
        self.lanes[lane as usize].remove(&place);
        Some((lane, place))
    }

    /// The pass of this object has ended. What was asked for meanwhile takes its place.
    fn done(&mut self, key: &K) {
        if let Some(Running { again: Some(wish), .. }) = self.in_flight.remove(key) {
            self.enqueue(key.clone(), wish);
        }
    }

    /// Forgets what this object waits for. A pass that runs is still running until it is done.
    fn remove(&mut self, key: &K) {
        self.take(key);
        if let Some(running) = self.in_flight.get_mut(key) {
            running.again = None;
        }
    }

    /// Whose turn it is at `now`, if anything is due and may run.
    fn pop(&mut self, now: Instant) -> Option<Turn<K>> {
        let lane = self.next_lane(now)?;
        let ((due, _), key) = self.lanes[lane as usize].pop_first()?;
        self.entries.remove(&key);
        self.in_flight.insert(key.clone(), Running { lane, again: None });
        Some(Turn { key, lane, waited: now.saturating_duration_since(due) })
    }

    /// The most urgent lane whose patience is at its end, else the most urgent one.
    fn next_lane(&mut self, now: Instant) -> Option<Lane> {
        let waiting: Vec<Lane> = Lane::ALL
            .into_iter()
            .filter(|&lane| self.next_start_in(lane).is_some_and(|due| due <= now))
            .collect();
        let impatient = |lane: &&Lane| self.passed_over[**lane as usize] >= patience(**lane);
        let &next = waiting.iter().find(impatient).or_else(|| waiting.first())?;
        for lane in waiting {
            self.passed_over[lane as usize] += 1;
        }
        self.passed_over[next as usize] = 0;
        Some(next)
    }

    /// When the next pass may start; in the past if one may start now, never while no slot is
    /// free for what waits.
    fn next_start(&self) -> Option<Instant> {
        Lane::ALL.into_iter().filter_map(|lane| self.next_start_in(lane)).min()
    }

    fn next_start_in(&self, lane: Lane) -> Option<Instant> {
        let ((due, _), _) = self.lanes[lane as usize].first_key_value()?;
        self.has_slot(lane).then_some(*due)
    }

    fn has_slot(&self, lane: Lane) -> bool {
        let most = self.settings.max_in_flight.get();
        let shared = most.saturating_sub(self.settings.reserved_for_edits).max(1);
        let others = || self.in_flight.values().filter(|pass| pass.lane != Lane::Edit).count();
        self.in_flight.len() < most && (lane == Lane::Edit || others() < shared)
    }

    fn depth(&self, now: Instant) -> Depth {
        let due = Lane::ALL.map(|lane| {
            let waiting = &self.lanes[lane as usize];
            (lane, waiting.range(..=(now, u64::MAX)).count())
        });
        let due_in_all: usize = due.iter().map(|(_, count)| count).sum();
        let later = self.entries.len() - due_in_all;
        Depth { due, later, in_flight: self.in_flight.len() }
    }
}

/// The queue, and who waits for it.
#[derive(Debug)]
struct Shared<K> {
    queue: Queue<K>,
    closed: bool,
    /// The task that reads the stream, if it waits.
    waiting: Option<Waker>,
    /// When it wakes by itself.
    alarm: Option<Instant>,
}

impl<K: Clone + Eq + Hash> Shared<K> {
    /// Wakes the reader if it would otherwise sleep past the next start.
    fn wake(&mut self) {
        let too_late = |start: Instant| self.alarm.is_none_or(|alarm| start < alarm);
        if (self.closed || self.queue.next_start().is_some_and(too_late))
            && let Some(waker) = self.waiting.take()
        {
            waker.wake();
        }
    }
}

/// Makes a queue: the handle feeds it, the stream yields whose turn it is.
#[must_use]
pub fn schedule<K: Clone + Eq + Hash>(settings: Settings) -> (Handle<K>, Turns<K>) {
    let shared = Shared { queue: Queue::new(settings), closed: false, waiting: None, alarm: None };
    let handle = Handle(Arc::new(Mutex::new(shared)));
    (handle.clone(), Turns { handle, sleep: None })
}

/// Feeds the queue. Cheap to clone; no call waits.
#[derive(Debug)]
pub struct Handle<K>(Arc<Mutex<Shared<K>>>);

impl<K> Clone for Handle<K> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

impl<K: Clone + Eq + Hash> Handle<K> {
    /// Asks for a pass of this object at `due`. One that is already asked for gets the more urgent
    /// lane and the earlier time of the two. While a pass of it runs, the wish is kept until then.
    pub fn ask(&self, key: K, lane: Lane, due: Instant) {
        self.change(|queue| queue.ask(key, lane, due, Instant::now()));
    }

    /// A pass has ended: its slot is free, and the object may have another turn.
    pub fn done(&self, key: &K) {
        self.change(|queue| queue.done(key));
    }

    /// The object is gone: nothing is due for it any more.
    pub fn remove(&self, key: &K) {
        self.change(|queue| queue.remove(key));
    }

    /// The lane of the pass that runs for this object.
    #[must_use]
    pub fn lane(&self, key: &K) -> Option<Lane> {
        self.lock().queue.in_flight.get(key).map(|running| running.lane)
    }

    /// What waits and what runs.
    #[must_use]
    pub fn depth(&self) -> Depth {
        self.lock().queue.depth(Instant::now())
    }

    /// Gives no more turns: the stream ends. What runs is not touched.
    pub fn close(&self) {
        let mut shared = self.lock();
        shared.closed = true;
        shared.wake();
    }

    fn change(&self, change: impl FnOnce(&mut Queue<K>)) {
        let mut shared = self.lock();
        change(&mut shared.queue);
        shared.wake();
    }

    fn lock(&self) -> MutexGuard<'_, Shared<K>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The stream of turns. It wakes when something becomes due or a slot becomes free for what is
/// due, and ends when the queue is closed.
#[derive(Debug)]
pub struct Turns<K> {
    handle: Handle<K>,
    sleep: Option<Pin<Box<Sleep>>>,
}

impl<K: Clone + Eq + Hash> Stream for Turns<K> {
    type Item = Turn<K>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        let Self { handle, sleep } = self.get_mut();
        let mut shared = handle.lock();
        loop {
            if shared.closed {
                return Poll::Ready(None);
            }
            if let Some(turn) = shared.queue.pop(Instant::now()) {
                return Poll::Ready(Some(turn));
            }
            shared.waiting = Some(cx.waker().clone());
            shared.alarm = shared.queue.next_start();
            let Some(alarm) = shared.alarm else {
                *sleep = None;
                return Poll::Pending;
            };
            let sleep = sleep.get_or_insert_with(|| Box::pin(tokio::time::sleep_until(alarm)));
            if sleep.deadline() != alarm {
                sleep.as_mut().reset(alarm);
            }
            if sleep.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }
}

/// Whose pass it was that the applier says has ended; none if it tells of the queue or of itself.
pub fn key_of<K, E, Q>(ended: &Result<(ObjectRef<K>, Action), Error<E, Q>>) -> Option<ObjectRef<K>>
where
    K: Lookup<DynamicType = ()>,
{
    match ended {
        Ok((key, _)) => Some(key.clone()),
        Err(Error::ObjectNotFound(key) | Error::ReconcilerFailed(_, key)) => {
            Some(key.as_ref().clone().into_kind_unchecked(()))
        }
        Err(Error::QueueError(_) | Error::RunnerError(_)) => None,
    }
}

/// How long until an object's next turn in a period that repeats for ever: each object has a fixed
/// phase in it, by a hash of its uid. So routine reads are spread evenly, and a restart neither
/// lines them up nor brings one forward. More than zero, and at most `period`.
///
/// `unix_time` is the time since the epoch.
#[must_use]
pub fn spread(uid: &str, period: Duration, unix_time: Duration) -> Duration {
    let period = period.as_nanos().max(1);
    // Not std's hasher: it may change with the compiler, and the phase must outlive a release.
    let hash = Sha256::digest(uid.as_bytes());
    let hash = hash.iter().take(8).fold(0, |sum, &byte| (sum << 8) | u128::from(byte));
    let since_last = (unix_time.as_nanos() + period - hash % period) % period;
    Duration::from_nanos(u64::try_from(period - since_last).unwrap_or(u64::MAX))
}
