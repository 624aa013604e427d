//! The quota of one credential: every call takes a place here first.
//!
//! Waiting calls stand in lanes, and one task gives out the places as they come due: no crowd of
//! sleepers that all wake and look.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::sync::{Notify, oneshot};
use tokio::time::{Instant, sleep_until};
use tokio_util::task::AbortOnDropHandle;

use super::error::{ApiError, ApiMethod, Failure};
use super::lane::Lane;
use super::pace::{Pace, Turns};
use super::settings::CallObserver;

/// Google's word to wait longer than this is handed to the callers; shorter waits happen here.
const PATIENCE: Duration = Duration::from_secs(10);

/// Gives out the places of one credential.
pub(super) struct Pacer {
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

struct Shared {
    state: Mutex<State>,
    changed: Notify,
    observer: Arc<dyn CallObserver>,
}

struct State {
    pace: Pace,
    turns: Turns,
    lanes: [VecDeque<oneshot::Sender<Place>>; Lane::ALL.len()],
    /// A wait that is too long to stand in line for, with what Google said.
    pause: Option<(Instant, Failure)>,
}

impl Pacer {
    /// Starts the task that gives out places; it ends with the pacer. Needs a tokio runtime.
    pub(super) fn new(requests_per_second: f64, observer: Arc<dyn CallObserver>) -> Self {
        observer.pace(requests_per_second);
        let state = State {
            pace: Pace::new(requests_per_second, Instant::now()),
            turns: Turns::default(),
            lanes: Default::default(),
            pause: None,
        };
        let shared =
            Arc::new(Shared { state: Mutex::new(state), changed: Notify::new(), observer });
        let task = tokio::spawn(give_out(Arc::clone(&shared)));
        Self { shared, _task: AbortOnDropHandle::new(task) }
    }

    /// Waits for a place in `lane`. Dropping the future leaves the line.
    ///
    /// # Errors
    ///
    /// While Google has asked to wait for longer than a few seconds: its answer, with the time
    /// that is left.
    pub(super) async fn place(&self, lane: Lane, method: ApiMethod) -> Result<Place, ApiError> {
        let began = Instant::now();
        let Ok(place) = self.stand_in_line(lane, began, method)?.await else {
            return Err(self.shared.lock().paused(Instant::now(), method));
        };
        if began < place.taken {
            self.shared.observer.throttled(place.taken - began);
        }
        Ok(place)
    }

    fn stand_in_line(
        &self,
        lane: Lane,
        now: Instant,
        method: ApiMethod,
    ) -> Result<oneshot::Receiver<Place>, ApiError> {
        let (give, receive) = oneshot::channel();
        let mut state = self.shared.lock();
        if state.pause.as_ref().is_some_and(|(until, _)| now < *until) {
            return Err(state.paused(now, method));
        }
        state.lanes[lane as usize].push_back(give);
        drop(state);
        self.shared.changed.notify_one();
        Ok(receive)
    }

    /// Google answered the call with this place that it was too much.
    pub(super) fn slow_down(&self, taken: Instant, error: &ApiError) {
        let now = Instant::now();
        let wait = error.retry_after.unwrap_or_default();
        let mut state = self.shared.lock();
        state.pace.slow_down(taken, wait, now);
        if wait > PATIENCE {
            state.pause = Some((now + wait, error.failure.clone()));
            state.lanes.iter_mut().for_each(VecDeque::clear);
        }
        let rate = state.pace.rate();
        drop(state);
        self.shared.observer.pace(rate);
        tracing::warn!(method = error.method.id(), rate, ?wait, "Google's quota: slowing down");
        self.shared.changed.notify_one();
    }
}

/// A place in the quota. Dropped before it is used, it is given back.
pub(super) struct Place {
    pub(super) taken: Instant,
    shared: Option<Arc<Shared>>,
}

impl Place {
    /// The call is sent now.
    pub(super) fn spend(mut self) -> Instant {
        self.shared = None;
        self.taken
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if let Some(shared) = self.shared.take() {
            shared.lock().pace.give_back();
            shared.changed.notify_one();
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        // Nothing here can leave the state half changed.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn recover(&self) {
        let mut state = self.lock();
        if state.pace.recover(Instant::now()) {
            let rate = state.pace.rate();
            drop(state);
            self.observer.pace(rate);
        }
    }
}

impl State {
    fn paused(&self, now: Instant, method: ApiMethod) -> ApiError {
        match &self.pause {
            Some((until, failure)) => ApiError {
                method,
                failure: failure.clone(),
                retry_after: Some(until.saturating_duration_since(now)),
            },
            None => ApiError::new(method, Failure::NotSent("the client has stopped".to_owned())),
        }
    }

    /// Forgets who left the line, then says which lane is next and when.
    fn next(&mut self) -> Option<(Lane, Instant)> {
        for lane in &mut self.lanes {
            while lane.front().is_some_and(oneshot::Sender::is_closed) {
                lane.pop_front();
            }
        }
        let lanes = &self.lanes;
        let lane = self.turns.next(|lane| !lanes[lane as usize].is_empty())?;
        Some((lane, self.pace.due(lane)))
    }

    fn take(&mut self, lane: Lane, now: Instant) -> Option<oneshot::Sender<Place>> {
        let waiter = self.lanes[lane as usize].pop_front()?;
        let lanes = &self.lanes;
        self.turns.took(lane, |lane| !lanes[lane as usize].is_empty());
        self.pace.take(now);
        Some(waiter)
    }
}

async fn give_out(shared: Arc<Shared>) {
    loop {
        shared.recover();
        match give_due(&shared) {
            Some(due) => tokio::select! {
                () = shared.changed.notified() => {}
                () = sleep_until(due) => {}
            },
            None => shared.changed.notified().await,
        }
    }
}

/// Gives out every place that is due; says when the next one is, if someone waits.
fn give_due(shared: &Arc<Shared>) -> Option<Instant> {
    loop {
        let now = Instant::now();
        let mut state = shared.lock();
        let (lane, due) = state.next()?;
        if due > now {
            return Some(due);
        }
        let waiter = state.take(lane, now)?;
        drop(state);
        // Outside the lock: a place whose receiver has just left gives itself back.
        drop(waiter.send(Place { taken: now, shared: Some(Arc::clone(shared)) }));
    }
}

#[cfg(test)]
mod tests;
