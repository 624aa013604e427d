//! The two clocks of the shell, read in one place.

use std::time::Duration;

use jiff::Timestamp;
use tokio::time::Instant;

/// The wall clock.
#[expect(clippy::disallowed_methods, reason = "the shell's one reading of the wall clock")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}

/// A moment by both clocks. Something is only as old as both say: the wall clock may be set, the
/// monotonic one may stand still while the machine sleeps.
#[derive(Clone, Copy, Debug)]
pub(super) struct Moment {
    monotonic: Instant,
    wall: Timestamp,
}

impl Moment {
    /// Now.
    pub(super) fn now() -> Self {
        Self { monotonic: Instant::now(), wall: now() }
    }

    /// How long ago at least: the lesser of what the clocks say.
    pub(super) fn elapsed_at_least(&self) -> Duration {
        let (monotonic, wall) = self.elapsed();
        monotonic.min(wall)
    }

    /// How long ago at most: the greater of what the clocks say.
    pub(super) fn elapsed_at_most(&self) -> Duration {
        let (monotonic, wall) = self.elapsed();
        monotonic.max(wall)
    }

    fn elapsed(&self) -> (Duration, Duration) {
        let wall = Duration::try_from(now().duration_since(self.wall)).unwrap_or_default();
        (self.monotonic.elapsed(), wall)
    }
}
