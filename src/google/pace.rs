//! How fast one credential may call, as values: GCRA, lanes, slow-down and recovery. No waiting
//! here; [`quota`](super::quota) does that.

use std::time::Duration;

use tokio::time::Instant;

use super::lane::Lane;

/// A quiet time after which a slowed pace rises by one step.
pub(super) const STEP: Duration = Duration::from_secs(10);
/// Steps from nothing to the ceiling.
const STEPS: f64 = 10.0;
/// The pace never falls below this part of the ceiling.
const FLOOR: f64 = 1.0 / 64.0;
/// How far a place that was given late by the timer may be made up for.
const SLACK: Duration = Duration::from_millis(20);
/// A waiting lane is passed over at most this many times before it has its turn.
const SHARE: u32 = 8;

/// The pace of one credential: a place every `1 / rate` seconds (GCRA). Edits may take theirs
/// ahead of time, by a tenth of a second's places and at least one; those behind repay it.
#[derive(Debug)]
pub(super) struct Pace {
    ceiling: f64,
    rate: f64,
    /// When the next place is due (theoretical arrival time).
    next: Instant,
    /// Since when the pace may rise.
    quiet_since: Instant,
    slowed_at: Option<Instant>,
}

impl Pace {
    pub(super) fn new(ceiling: f64, now: Instant) -> Self {
        Self { ceiling, rate: ceiling, next: now, quiet_since: now, slowed_at: None }
    }

    /// Places a second.
    pub(super) fn rate(&self) -> f64 {
        self.rate
    }

    fn interval(&self) -> Duration {
        Duration::from_secs_f64(1.0 / self.rate)
    }

    /// When a call of this lane may go.
    pub(super) fn due(&self, lane: Lane) -> Instant {
        let kept_back = match lane {
            Lane::Edit => self.interval().mul_f64((self.rate / 10.0).max(1.0)),
            Lane::Retry | Lane::Adopt | Lane::Drift => Duration::ZERO,
        };
        // While Google asked to wait, `quiet_since` lies ahead, and binds edits too.
        self.next.checked_sub(kept_back).unwrap_or(self.next).max(self.quiet_since)
    }

    pub(super) fn take(&mut self, now: Instant) {
        let from = now.checked_sub(SLACK).map_or(now, |earliest| self.next.max(earliest));
        self.next = from + self.interval();
    }

    pub(super) fn give_back(&mut self) {
        self.next = self.next.checked_sub(self.interval()).unwrap_or(self.next);
    }

    /// Rises by the steps that have passed quietly. True if the pace changed.
    pub(super) fn recover(&mut self, now: Instant) -> bool {
        let mut rose = false;
        while self.rate < self.ceiling && now.saturating_duration_since(self.quiet_since) >= STEP {
            self.rate = (self.rate + self.ceiling / STEPS).min(self.ceiling);
            self.quiet_since += STEP;
            rose = true;
        }
        rose
    }

    /// Google says that it was too much, to a call whose place was taken at `taken`: halves, once
    /// for all calls that were already under way, and starts no call for `pause`.
    pub(super) fn slow_down(&mut self, taken: Instant, pause: Duration, now: Instant) {
        if self.slowed_at.is_none_or(|slowed| taken >= slowed) {
            self.rate = (self.rate / 2.0).max(self.ceiling * FLOOR);
            self.slowed_at = Some(now);
        }
        self.quiet_since = self.quiet_since.max(now + pause);
    }
}

/// Which lane is next: the most urgent that waits, but none is passed over for ever.
#[derive(Debug, Default)]
pub(super) struct Turns {
    passed_over: [u32; Lane::ALL.len()],
    last_was_owed: bool,
}

impl Turns {
    /// The lane of the next place, of those that wait. After a turn that was owed comes one by
    /// urgency, so an edit waits for one place at most.
    pub(super) fn next(&self, waits: impl Fn(Lane) -> bool) -> Option<Lane> {
        let mut waiting = Lane::ALL.into_iter().filter(|&lane| waits(lane));
        let most_urgent = waiting.next()?;
        let owed = waiting.find(|&lane| self.passed_over[lane as usize] >= SHARE);
        Some(if self.last_was_owed { most_urgent } else { owed.unwrap_or(most_urgent) })
    }

    /// Notes that `lane` had its turn while others waited.
    pub(super) fn took(&mut self, lane: Lane, waits: impl Fn(Lane) -> bool) {
        self.last_was_owed = Lane::ALL.into_iter().any(|other| other < lane && waits(other));
        for other in Lane::ALL.into_iter().filter(|&other| other > lane && waits(other)) {
            self.passed_over[other as usize] += 1;
        }
        self.passed_over[lane as usize] = 0;
    }
}
