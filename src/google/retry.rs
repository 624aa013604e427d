//! Which failures are tried again inside one call, and when.
//!
//! Three tries: within a few seconds where the caller comes back later and can show the wait, within
//! a minute where nobody does.

use std::future::Future;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable, TokioSleeper};
use tokio::time::Instant;

use super::error::{ApiError, ErrorClass};

/// Tries after the first.
const MORE_TRIES: usize = 2;

/// How long a call goes on trying by itself.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Patience {
    /// A few seconds, which hide a broken connection, not an outage: `run`, which tries again later.
    #[default]
    Brief,
    /// A minute, over a quota too: commands that run once.
    Minute,
}

impl Patience {
    /// A call that has taken this long is not tried again.
    fn limit(self) -> Duration {
        match self {
            Self::Brief => Duration::from_secs(5),
            Self::Minute => Duration::from_mins(1),
        }
    }

    /// The wait before the second try.
    fn first_wait(self) -> Duration {
        match self {
            Self::Brief => Duration::from_millis(400),
            Self::Minute => Duration::from_secs(2),
        }
    }

    fn endures(self, class: ErrorClass) -> bool {
        class == ErrorClass::Unavailable || (self == Self::Minute && class == ErrorClass::Quota)
    }
}

/// How long to wait before the next try; none: the failure is the caller's.
///
/// `backoff` is the next delay of the schedule, none when its tries are used up; `elapsed` is since
/// the call began.
pub(super) fn decide(
    error: &ApiError,
    is_idempotent: bool,
    patience: Patience,
    elapsed: Duration,
    backoff: Option<Duration>,
) -> Option<Duration> {
    let wait = backoff?.max(error.retry_after.unwrap_or_default());
    let is_worth_it = is_idempotent && patience.endures(error.class());
    (is_worth_it && elapsed + wait <= patience.limit()).then_some(wait)
}

/// Runs `attempt` until it succeeds, or [`decide`] gives up.
pub(super) async fn run<T, F>(
    is_idempotent: bool,
    patience: Patience,
    attempt: impl FnMut() -> F,
) -> Result<T, ApiError>
where
    F: Future<Output = Result<T, ApiError>>,
{
    let began = Instant::now();
    let schedule = ExponentialBuilder::default()
        .with_min_delay(patience.first_wait())
        .with_max_times(MORE_TRIES)
        .with_jitter();
    attempt
        .retry(schedule)
        .sleep(TokioSleeper)
        .adjust(|error, backoff| decide(error, is_idempotent, patience, began.elapsed(), backoff))
        .await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::google::{ApiMethod, Failure};

    const SECOND: Duration = Duration::from_secs(1);

    fn error(failure: Failure) -> ApiError {
        ApiError::new(ApiMethod::CustomersGet, failure)
    }

    fn answered(status: u16) -> ApiError {
        error(Failure::Answered { status, reason: String::new(), message: String::new() })
    }

    #[test]
    fn only_transient_failures_of_idempotent_calls_are_tried_again() {
        let again = |error: &ApiError| {
            decide(error, true, Patience::Brief, Duration::ZERO, Some(SECOND)).is_some()
        };
        assert!(again(&answered(503)));
        assert!(again(&answered(408)));
        assert!(again(&error(Failure::NoAnswer(String::new()))));
        assert!(again(&error(Failure::NotGoogle { status: 502 })));
        for status in [400, 401, 403, 404, 409, 412, 429] {
            assert!(!again(&answered(status)), "{status}");
        }
        let once = decide(&answered(503), false, Patience::Minute, Duration::ZERO, Some(SECOND));
        assert_eq!(once, None);
    }

    #[test]
    fn a_call_that_took_long_or_must_wait_long_is_given_back() {
        let brief = |error: &ApiError, elapsed, backoff| {
            decide(error, true, Patience::Brief, elapsed, backoff)
        };
        assert_eq!(brief(&answered(503), Patience::Brief.limit(), Some(SECOND)), None);
        assert_eq!(brief(&answered(503), Duration::ZERO, None), None);
        let asked = |wait| ApiError { retry_after: Some(wait), ..answered(503) };
        let next = |wait| brief(&asked(wait), Duration::ZERO, Some(SECOND));
        assert_eq!(next(SECOND * 3), Some(SECOND * 3));
        assert_eq!(next(SECOND * 30), None);
    }

    #[test]
    fn a_command_that_runs_once_waits_for_a_quota_within_a_minute() {
        let asked = |wait| ApiError { retry_after: Some(wait), ..answered(429) };
        let next =
            |wait| decide(&asked(wait), true, Patience::Minute, Duration::ZERO, Some(SECOND));
        assert_eq!(next(SECOND * 30), Some(SECOND * 30));
        assert_eq!(next(SECOND * 61), None);
    }

    #[tokio::test(start_paused = true)]
    async fn three_tries_and_no_more() {
        let mut tries = 0;
        let result: Result<(), _> = run(true, Patience::Brief, || {
            tries += 1;
            async { Err(answered(503)) }
        })
        .await;
        assert!(result.is_err());
        assert_eq!(tries, 3);
    }
}
