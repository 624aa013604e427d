use std::sync::atomic::{AtomicUsize, Ordering};

use futures::FutureExt;
use futures::stream::{FuturesUnordered, StreamExt};

use super::*;
use crate::google::settings::Unobserved;

const METHOD: ApiMethod = ApiMethod::CustomersGet;
const SECOND: Duration = Duration::from_secs(1);

fn pacer(requests_per_second: f64) -> Arc<Pacer> {
    Arc::new(Pacer::new(requests_per_second, Arc::new(Unobserved)))
}

async fn call(pacer: &Pacer, lane: Lane) -> Instant {
    pacer.place(lane, METHOD).await.unwrap().spend()
}

async fn pass(time: Duration) {
    sleep_until(Instant::now() + time).await;
}

/// Calls of `lane` that stand in line from now on; finished ones are counted.
fn crowd(pacer: &Arc<Pacer>, lane: Lane, size: usize) -> Arc<AtomicUsize> {
    let served = Arc::new(AtomicUsize::new(0));
    for _ in 0..size {
        let (pacer, served) = (Arc::clone(pacer), Arc::clone(&served));
        tokio::spawn(async move {
            call(&pacer, lane).await;
            served.fetch_add(1, Ordering::Relaxed);
        });
    }
    served
}

async fn count_in(pacer: &Pacer, span: Duration) -> usize {
    let end = Instant::now() + span;
    let mut count = 0;
    while call(pacer, Lane::Drift).await < end {
        count += 1;
    }
    count
}

fn too_much(retry_after: Option<Duration>) -> ApiError {
    let failure =
        Failure::Answered { status: 429, reason: "quotaExceeded".into(), message: "slow".into() };
    ApiError { retry_after, ..ApiError::new(METHOD, failure) }
}

#[tokio::test(start_paused = true)]
async fn calls_are_spread_over_the_second() {
    let pacer = pacer(10.0);
    assert!((99..=101).contains(&count_in(&pacer, SECOND * 10).await));
}

#[tokio::test(start_paused = true)]
async fn an_edit_behind_many_background_calls_goes_next() {
    let pacer = pacer(1.0);
    for lane in [Lane::Drift, Lane::Adopt, Lane::Retry] {
        crowd(&pacer, lane, 100);
    }
    pass(SECOND * 30).await;
    for _ in 0..5 {
        let began = Instant::now();
        call(&pacer, Lane::Edit).await;
        assert!(began.elapsed() <= SECOND, "one place at most, owed to another: {began:?}");
        pass(SECOND * 7).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_place_is_kept_back_for_an_edit() {
    let pacer = pacer(1.0);
    let first = call(&pacer, Lane::Drift).await;
    assert_eq!(call(&pacer, Lane::Edit).await, first);
    assert!(call(&pacer, Lane::Drift).await >= first + SECOND * 2, "who is behind repays it");
}

#[tokio::test(start_paused = true)]
async fn no_lane_starves_behind_endless_edits() {
    let pacer = pacer(100.0);
    let others = [Lane::Retry, Lane::Adopt, Lane::Drift].map(|lane| crowd(&pacer, lane, 50));
    let edits = crowd(&pacer, Lane::Edit, 10_000);
    pass(SECOND * 3).await;
    for served in others {
        assert!(served.load(Ordering::Relaxed) >= 20);
    }
    assert!(edits.load(Ordering::Relaxed) >= 200);
}

#[tokio::test(start_paused = true)]
async fn the_pace_halves_once_for_calls_under_way_and_recovers_by_steps() {
    let pacer = pacer(10.0);
    let under_way = [call(&pacer, Lane::Drift).await, call(&pacer, Lane::Drift).await];
    pass(SECOND).await;
    for taken in under_way {
        pacer.slow_down(taken, &too_much(None));
    }
    let slowed = count_in(&pacer, SECOND * 10).await;
    assert!((49..=51).contains(&slowed), "{slowed}");
    pacer.slow_down(Instant::now(), &too_much(None));
    let slowest = count_in(&pacer, SECOND * 10).await;
    assert!((28..=33).contains(&slowest), "{slowest}: half of 6");
    let rising = count_in(&pacer, SECOND * 10).await;
    assert!((38..=42).contains(&rising), "{rising}");
    count_in(&pacer, SECOND * 100).await;
    assert!((99..=101).contains(&count_in(&pacer, SECOND * 10).await));
}

#[tokio::test(start_paused = true)]
async fn a_short_retry_after_stops_every_lane() {
    let pacer = pacer(10.0);
    let taken = call(&pacer, Lane::Edit).await;
    pacer.slow_down(taken, &too_much(Some(SECOND * 5)));
    for lane in [Lane::Edit, Lane::Drift] {
        assert!(call(&pacer, lane).await >= taken + SECOND * 5);
    }
}

#[tokio::test(start_paused = true)]
async fn a_long_retry_after_is_handed_to_all_callers_and_then_is_over() {
    let pacer = pacer(1.0);
    let taken = call(&pacer, Lane::Edit).await;
    let waiting = pacer.place(Lane::Drift, METHOD);
    let slow_down = async { pacer.slow_down(taken, &too_much(Some(SECOND * 60))) };
    let (waiting, ()) = tokio::join!(waiting, slow_down);
    for refused in [waiting, pacer.place(Lane::Edit, METHOD).await] {
        let error = refused.err().unwrap();
        assert_eq!(error.reason(), Some("quotaExceeded"));
        assert_eq!(error.retry_after, Some(SECOND * 60));
    }
    pass(SECOND * 60).await;
    assert_eq!(call(&pacer, Lane::Edit).await, Instant::now());
}

#[tokio::test(start_paused = true)]
async fn a_place_that_is_not_used_is_given_back() {
    let pacer = pacer(1.0);
    let began = Instant::now();
    for _ in 0..10 {
        drop(pacer.place(Lane::Drift, METHOD).await.unwrap());
    }
    assert!(began.elapsed() < SECOND);
}

#[tokio::test(start_paused = true)]
async fn who_leaves_the_line_takes_no_place() {
    let pacer = pacer(1.0);
    let first = call(&pacer, Lane::Drift).await;
    let leavers: FuturesUnordered<_> = (0..50).map(|_| pacer.place(Lane::Retry, METHOD)).collect();
    let mut leavers = leavers;
    assert!(leavers.next().now_or_never().is_none(), "they stand in line");
    drop(leavers);
    assert!(call(&pacer, Lane::Drift).await <= first + SECOND + Duration::from_millis(5));
}
