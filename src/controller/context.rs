//! What every pass needs.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kube::runtime::events::Recorder;
use tokio::time::Instant;

use super::lease::Leadership;
use super::schedule::Handle;
use super::stored::Key;
use super::tracks::Tracks;
use crate::google::{Client, Lane};
use crate::metrics::Metrics;
use crate::plan::Durations;
use crate::plan::claims::Claims;

/// What every pass needs; one for the process.
pub(super) struct Context {
    /// For reads and events. Retries by itself.
    pub(super) kube: kube::Client,
    /// For status writes, which are never retried below us.
    pub(super) kube_once: kube::Client,
    pub(super) google: Client,
    pub(super) recorder: Recorder,
    pub(super) metrics: Arc<Metrics>,
    pub(super) schedule: Handle<Key>,
    pub(super) tracks: Tracks,
    pub(super) leadership: Leadership,
    pub(super) claims: Mutex<Claims>,
    /// Where each object is, by its uid.
    pub(super) keys: Mutex<HashMap<String, Key>>,
    pub(super) settings: Settings,
}

/// How often, and how long; flags of `run`.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often a settled customer is read again.
    pub resync_interval: Duration,
    /// How often, while a person at the customer still has to act.
    pub onboarding_interval: Duration,
    /// How often a Stalled object is tried again unchanged.
    pub stalled_retry_interval: Duration,
    /// How long things may take.
    pub durations: Durations,
    /// Most customers ordered in an hour.
    pub max_orders_per_hour: usize,
    /// Most customers worked on at once.
    pub max_in_flight: std::num::NonZeroUsize,
}

impl Context {
    /// Remembers the key of an object.
    pub(super) fn know(&self, uid: &str, key: Key) {
        self.lock_keys().insert(uid.to_owned(), key);
    }

    /// Forgets an object; true if no other object has its name by now.
    pub(super) fn unknow(&self, uid: &str, key: &Key) -> bool {
        let mut keys = self.lock_keys();
        keys.remove(uid);
        !keys.values().any(|other| other == key)
    }

    /// Asks for a pass of these objects at once.
    pub(super) fn wake_uids<'a>(&self, uids: impl IntoIterator<Item = &'a String>) {
        let keys: Vec<Key> = {
            let known = self.lock_keys();
            uids.into_iter().filter_map(|uid| known.get(uid).cloned()).collect()
        };
        for key in keys {
            self.schedule.ask(key, Lane::Retry, Instant::now());
        }
    }

    fn lock_keys(&self) -> MutexGuard<'_, HashMap<String, Key>> {
        self.keys.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Does something with the claims.
    pub(super) fn with_claims<T>(&self, act: impl FnOnce(&mut Claims) -> T) -> T {
        act(&mut self.claims.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
