//! What this process remembers between passes, and loses with a restart: running graces, recent
//! writes, failures in a row, orders of the last hour, locked domains, and its own last status
//! writes. What must survive is in the status.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::ResourceExt;

use super::clock::Moment;
use crate::crd::ResellerCustomer;
use crate::domain::Field;
use crate::plan::{Grace, Graces, OrderGate};

/// An order counts for the limit this long.
const HOUR: Duration = Duration::from_hours(1);

/// The memory of one process.
#[derive(Debug)]
pub(super) struct Tracks {
    inner: Mutex<Inner>,
    lag_grace: Duration,
    max_orders_per_hour: usize,
}

#[derive(Debug, Default)]
struct Inner {
    objects: HashMap<String, Track>,
    /// Domains whose order is on the way or may not be readable yet: the operation, since when.
    locked: HashMap<String, (String, Moment)>,
    orders: VecDeque<(String, Moment)>,
}

/// What is remembered of one object.
#[derive(Debug, Default)]
struct Track {
    graces: HashMap<Grace, Moment>,
    wrote: Option<Moment>,
    /// Fields written and not read back yet, with the value before.
    unverified: BTreeMap<Field, String>,
    read: Option<Moment>,
    failures: u32,
    written: Option<Written>,
    seen: Option<Trigger>,
}

/// The object as this process last wrote it, for as long as the watch shows an older one.
#[derive(Debug)]
struct Written {
    object: Arc<ResellerCustomer>,
    superseded: BTreeSet<String>,
}

/// What of an object asks for a pass at once when it changes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Trigger {
    pub(super) generation: i64,
    pub(super) refresh: Option<String>,
    pub(super) approval: Option<String>,
    pub(super) is_deleted: bool,
}

impl Tracks {
    pub(super) fn new(lag_grace: Duration, max_orders_per_hour: usize) -> Self {
        Self { inner: Mutex::default(), lag_grace, max_orders_per_hour }
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Forgets an object that is gone. Locks of its domain stay.
    pub(super) fn forget(&self, uid: &str) {
        self.lock().objects.remove(uid);
    }

    /// Remembers what asks for passes; true if it changed.
    pub(super) fn is_news(&self, uid: &str, trigger: Trigger) -> bool {
        let mut inner = self.lock();
        let track = inner.objects.entry(uid.to_owned()).or_default();
        let is_news = track.seen.as_ref() != Some(&trigger);
        track.seen = Some(trigger);
        is_news
    }

    /// Whether this object was seen before.
    pub(super) fn is_known(&self, uid: &str) -> bool {
        self.lock().objects.get(uid).is_some_and(|track| track.seen.is_some())
    }

    // ---- graces and writes ----

    /// How long each running grace was watched.
    pub(super) fn graces(&self, uid: &str) -> Graces {
        let inner = self.lock();
        let graces = inner.objects.get(uid).map(|track| &track.graces);
        let watched = |(grace, since): (&Grace, &Moment)| (grace.clone(), since.elapsed_at_least());
        graces.into_iter().flatten().map(watched).collect()
    }

    /// How long ago this process wrote to the account.
    pub(super) fn since_write(&self, uid: &str) -> Option<Duration> {
        self.lock().objects.get(uid)?.wrote.map(|wrote| wrote.elapsed_at_least())
    }

    /// Fields that were written and not read back yet, with the value before.
    pub(super) fn unverified(&self, uid: &str) -> BTreeMap<Field, String> {
        self.lock().objects.get(uid).map(|track| track.unverified.clone()).unwrap_or_default()
    }

    /// Remembers what was written; with nothing written and all in sync, all was read back.
    pub(super) fn wrote_fields(&self, uid: &str, written: BTreeMap<Field, String>, in_sync: bool) {
        if let Some(track) = self.lock().objects.get_mut(uid) {
            if in_sync {
                track.unverified.clear();
            }
            track.unverified.extend(written);
        }
    }

    /// How long ago this process last read the account well.
    pub(super) fn since_read(&self, uid: &str) -> Option<Duration> {
        self.lock().objects.get(uid)?.read.map(|read| read.elapsed_at_least())
    }

    /// Remembers how a pass ended; returns how many passes in a row failed.
    pub(super) fn ended(&self, uid: &str, graces: &BTreeSet<Grace>, ended: Ended) -> u32 {
        let mut inner = self.lock();
        let Some(track) = inner.objects.get_mut(uid) else { return 0 };
        track.graces.retain(|grace, _| graces.contains(grace));
        for grace in graces {
            track.graces.entry(grace.clone()).or_insert_with(Moment::now);
        }
        if ended.wrote {
            track.wrote = Some(Moment::now());
        }
        if ended.was_read {
            track.read = Some(Moment::now());
        }
        track.failures = if ended.is_again { track.failures.saturating_add(1) } else { 0 };
        track.failures
    }

    /// How many passes in a row failed.
    pub(super) fn failures(&self, uid: &str) -> u32 {
        self.lock().objects.get(uid).map_or(0, |track| track.failures)
    }

    // ---- own status writes ----

    /// The newer of what the watch shows and what this process wrote.
    pub(super) fn newest(&self, shown: ResellerCustomer) -> ResellerCustomer {
        let mut inner = self.lock();
        let Some(track) = shown.uid().and_then(|uid| inner.objects.get_mut(&uid)) else {
            return shown;
        };
        let version = shown.resource_version().unwrap_or_default();
        match &track.written {
            Some(written) if written.superseded.contains(&version) => (*written.object).clone(),
            _ => {
                track.written = None;
                shown
            }
        }
    }

    /// Remembers a status write: what was there, and what is there now.
    pub(super) fn wrote(&self, before: &ResellerCustomer, after: &ResellerCustomer) {
        let mut inner = self.lock();
        let Some(uid) = after.uid() else { return };
        let track = inner.objects.entry(uid).or_default();
        let mut superseded =
            track.written.take().map(|written| written.superseded).unwrap_or_default();
        superseded.extend(before.resource_version());
        superseded.remove(&after.resource_version().unwrap_or_default());
        track.written = Some(Written { object: Arc::new(after.clone()), superseded });
    }

    // ---- orders ----

    /// Whether an order for this domain may be made now.
    pub(super) fn gate(&self, domain: &str) -> OrderGate {
        self.lock().gate(domain, self.lag_grace, self.max_orders_per_hour)
    }

    /// Locks a domain and takes a place in the hourly limit for one order, if both can be had.
    pub(super) fn begin_order(&self, domain: &str, operation: &str) -> bool {
        let mut inner = self.lock();
        if inner.gate(domain, self.lag_grace, self.max_orders_per_hour) != OrderGate::Open {
            return false;
        }
        inner.locked.insert(domain.to_owned(), (operation.to_owned(), Moment::now()));
        inner.orders.push_back((operation.to_owned(), Moment::now()));
        true
    }

    /// How long until the hourly limit has room again.
    pub(super) fn room_in(&self) -> Duration {
        let inner = self.lock();
        let oldest =
            inner.orders.front().filter(|_| inner.orders.len() >= self.max_orders_per_hour);
        oldest.map_or(Duration::ZERO, |(_, at)| HOUR.saturating_sub(at.elapsed_at_least()))
    }

    /// The order was provably not made: gives both back.
    pub(super) fn undo_order(&self, domain: &str, operation: &str) {
        let mut inner = self.lock();
        if inner.locked.get(domain).is_some_and(|(holder, _)| holder == operation) {
            inner.locked.remove(domain);
        }
        inner.orders.retain(|(other, _)| other != operation);
    }

    /// The order was made, or its outcome is open: the domain stays locked from now on.
    pub(super) fn keep_locked(&self, domain: &str, operation: &str) {
        self.lock().locked.insert(domain.to_owned(), (operation.to_owned(), Moment::now()));
    }
}

impl Inner {
    fn gate(&mut self, domain: &str, lag_grace: Duration, max_orders: usize) -> OrderGate {
        self.locked.retain(|_, (_, since)| since.elapsed_at_least() < lag_grace);
        while self.orders.front().is_some_and(|(_, at)| at.elapsed_at_least() >= HOUR) {
            self.orders.pop_front();
        }
        if self.locked.contains_key(domain) {
            OrderGate::Locked
        } else if self.orders.len() >= max_orders {
            OrderGate::Limit
        } else {
            OrderGate::Open
        }
    }
}

/// How a pass ended, for what is remembered of its object.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ended {
    /// Something was written at Google.
    pub(super) wrote: bool,
    /// The account was read well.
    pub(super) was_read: bool,
    /// It is tried again after a backoff.
    pub(super) is_again: bool,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tracks(max: usize) -> Tracks {
        Tracks::new(Duration::from_mins(10), max)
    }

    #[test]
    fn one_order_at_a_time_for_a_domain_whoever_asks() {
        let tracks = tracks(9);
        assert!(tracks.begin_order("acme.example", "one"));
        assert!(!tracks.begin_order("acme.example", "two"));
        assert_eq!(tracks.gate("acme.example"), OrderGate::Locked);
        assert_eq!(tracks.gate("other.example"), OrderGate::Open);
    }

    #[test]
    fn an_order_that_was_provably_not_made_gives_its_place_back() {
        let tracks = tracks(1);
        assert!(tracks.begin_order("acme.example", "one"));
        assert_eq!(tracks.gate("other.example"), OrderGate::Limit);
        tracks.undo_order("acme.example", "one");
        assert!(tracks.begin_order("other.example", "two"));
    }

    #[test]
    fn somebody_elses_lock_is_not_undone() {
        let tracks = tracks(9);
        assert!(tracks.begin_order("acme.example", "one"));
        tracks.undo_order("acme.example", "two");
        assert_eq!(tracks.gate("acme.example"), OrderGate::Locked);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_that_is_set_ends_no_grace_and_opens_no_lock() {
        let tracks = tracks(1);
        let news = Trigger { generation: 1, refresh: None, approval: None, is_deleted: false };
        assert!(tracks.is_news("u", news));
        let an_hour_ahead = Moment::with_wall_set(3600);
        {
            let mut inner = tracks.lock();
            let track = inner.objects.get_mut("u").unwrap();
            track.graces.insert(Grace::Conflict, an_hour_ahead);
            track.wrote = Some(an_hour_ahead);
            inner.locked.insert("acme.example".to_owned(), ("one".to_owned(), an_hour_ahead));
            inner.orders.push_back(("one".to_owned(), an_hour_ahead));
        }
        assert_eq!(tracks.graces("u").watched(&Grace::Conflict), Some(Duration::ZERO));
        assert_eq!(tracks.since_write("u"), Some(Duration::ZERO));
        assert_eq!(tracks.gate("acme.example"), OrderGate::Locked);
        assert_eq!(tracks.gate("other.example"), OrderGate::Limit);
        tokio::time::advance(Duration::from_hours(1)).await;
        assert_eq!(tracks.gate("other.example"), OrderGate::Open);
        assert_eq!(tracks.gate("acme.example"), OrderGate::Open);
    }

    #[test]
    fn an_older_state_of_the_watch_does_not_hide_our_own_write() {
        let tracks = tracks(9);
        let at = |version: &str| {
            let spec: crate::crd::ResellerCustomerSpec =
                serde_json::from_value(serde_json::json!({"customerDomain": "acme.example"}))
                    .unwrap();
            let mut object = ResellerCustomer::new("a", spec);
            object.metadata.uid = Some("u".to_owned());
            object.metadata.resource_version = Some(version.to_owned());
            object
        };
        tracks.wrote(&at("1"), &at("2"));
        tracks.wrote(&at("2"), &at("3"));
        assert_eq!(tracks.newest(at("1")).resource_version().as_deref(), Some("3"));
        assert_eq!(tracks.newest(at("2")).resource_version().as_deref(), Some("3"));
        assert_eq!(tracks.newest(at("7")).resource_version().as_deref(), Some("7"));
        // Whatever came after is the truth from then on.
        assert_eq!(tracks.newest(at("2")).resource_version().as_deref(), Some("2"));
    }
}
