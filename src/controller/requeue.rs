//! When an object is looked at again, and how urgent that is.

use std::time::Duration;

use super::clock;
use super::context::Context;
use super::random::jittered;
use super::schedule::spread;
use crate::google::Lane;
use crate::plan::Next;

/// Between what was written and the next read.
const SOON: Duration = Duration::from_millis(500);
/// First wait after a failure; Google advises five seconds (reference notes, section 5).
const FIRST_BACKOFF: Duration = Duration::from_secs(5);
/// Longest wait after failures.
const LONGEST_BACKOFF: Duration = Duration::from_mins(10);
/// While something may only lag it is looked for more often.
const FIRST_LAG: Duration = Duration::from_secs(1);
/// All who wait for the hourly limit look again at least this far apart: they may be many.
const LIMIT_LOOK: Duration = Duration::from_mins(5);
const LONGEST_LAG: Duration = Duration::from_mins(1);

/// The wait after so many failures in a row, without jitter.
pub(super) fn backoff(failures: u32) -> Duration {
    doubled(FIRST_BACKOFF, failures, LONGEST_BACKOFF)
}

fn doubled(first: Duration, failures: u32, longest: Duration) -> Duration {
    first.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(longest)
}

/// The lane and the wait for the next pass; none if only a change brings one.
pub(super) fn when(ctx: &Context, uid: &str, next: Next) -> Option<(Lane, Duration)> {
    let settings = &ctx.settings;
    let routine = |period| spread(uid, period, unix_time());
    let failures = ctx.tracks.failures(uid);
    Some(match next {
        Next::AwaitChange => return None,
        Next::Resync => (Lane::Drift, routine(settings.resync_interval)),
        Next::Onboarding => (Lane::Drift, routine(settings.onboarding_interval)),
        Next::Soon => (Lane::Edit, SOON),
        Next::Settle => (Lane::Retry, settle(ctx, uid)),
        Next::Grace => (Lane::Retry, grace(ctx, uid, failures)),
        Next::Retry => (Lane::Retry, jittered(backoff(failures))),
        Next::StalledRetry => (Lane::Retry, jittered(settings.stalled_retry_interval)),
        Next::Minute => (Lane::Retry, jittered(Duration::from_mins(1))),
        Next::OrderLimit => (Lane::Retry, jittered(ctx.tracks.room_in().max(LIMIT_LOOK))),
    })
}

/// When what was written has settled.
fn settle(ctx: &Context, uid: &str) -> Duration {
    let since = ctx.tracks.since_write(uid).unwrap_or_default();
    ctx.settings.durations.settle_time.saturating_sub(since) + SOON
}

/// Until the first running grace is over, and some looks before that.
fn grace(ctx: &Context, uid: &str, failures: u32) -> Duration {
    let lag_grace = ctx.settings.durations.lag_grace;
    let graces = ctx.tracks.graces(uid);
    let watched = graces.keys().iter().filter_map(|grace| graces.watched(grace)).max();
    let rest = lag_grace.saturating_sub(watched.unwrap_or_default());
    jittered(doubled(FIRST_LAG, failures, LONGEST_LAG)).min(rest + SOON)
}

/// The routine place of an object in its period, for the first look after a restart.
pub(super) fn routine(uid: &str, period: Duration) -> Duration {
    spread(uid, period, unix_time())
}

fn unix_time() -> Duration {
    Duration::try_from(clock::now().as_duration()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wait_grows_with_each_failure_and_has_an_end() {
        assert_eq!(backoff(1), Duration::from_secs(5));
        assert_eq!(backoff(2), Duration::from_secs(10));
        assert_eq!(backoff(99), LONGEST_BACKOFF);
    }
}
