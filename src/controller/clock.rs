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

#[cfg(test)]
impl Moment {
    /// A moment now by the monotonic clock, and so many seconds ago (or ahead) by the wall clock: as
    /// if that was set since.
    pub(super) fn with_wall_set(seconds_ago: i64) -> Self {
        let wall = now() - jiff::SignedDuration::from_secs(seconds_ago);
        Self { monotonic: Instant::now(), wall }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: Duration = Duration::from_hours(1);

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_that_is_set_forth_makes_nothing_older_and_may_be_believed_for_a_fence() {
        let moment = Moment::with_wall_set(3600);
        assert_eq!(moment.elapsed_at_least(), Duration::ZERO);
        assert!(moment.elapsed_at_most() >= HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn a_wall_clock_that_is_set_back_only_makes_the_operator_wait() {
        let moment = Moment::with_wall_set(-3600);
        tokio::time::advance(HOUR).await;
        assert_eq!(moment.elapsed_at_least(), Duration::ZERO);
        assert_eq!(moment.elapsed_at_most(), HOUR);
    }

    #[tokio::test(start_paused = true)]
    async fn time_has_passed_when_both_clocks_say_so() {
        let moment = Moment::with_wall_set(3600);
        tokio::time::advance(HOUR).await;
        assert!(moment.elapsed_at_least() >= HOUR);
    }
}
