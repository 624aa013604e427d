//! How many runs are made of each law, with which seed, and until when.
//!
//! The seed is fixed, so that a failure is everybody's failure. `PROPTEST_RNG_SEED` is another one;
//! `LAWS_SCHEDULES` is the number of runs of the main law, to which the others are in proportion;
//! `LAWS_MINUTES` ends all of them. `make soak` sets the three.

use std::fmt::Arguments;
use std::io::Write as _;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{LazyLock, Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use proptest::test_runner::{
    FailurePersistence, FileFailurePersistence, RngSeed, TestCaseResult, TestRunner,
};
use tokio::time::Instant;

/// Runs of the main law where nothing else is asked for.
const SCHEDULES: u32 = 10_000;
/// Where nothing else is asked for.
const SEED: u64 = 20_260_101;
/// Runs that share a seed: the first one's, and one more for each further chunk.
const CHUNK: u32 = 250;
/// How often a long run says how far it is.
const PROGRESS: Duration = Duration::from_secs(30);

static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// A law by its name, and how many of 1000 schedules are its share.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Law {
    pub(crate) name: &'static str,
    pub(crate) permille: u32,
}

/// What was asked for.
struct Asked {
    cases: u32,
    seed: u64,
    time: Duration,
}

impl Asked {
    #[expect(clippy::disallowed_methods, reason = "the runs of a soak are asked for here only")]
    fn of(law: Law) -> Self {
        let number = |name| std::env::var(name).ok().and_then(|text| text.parse::<u64>().ok());
        let schedules = number("LAWS_SCHEDULES").unwrap_or(SCHEDULES.into());
        Self {
            cases: u32::try_from(schedules * u64::from(law.permille) / 1000).unwrap_or(u32::MAX),
            seed: number("PROPTEST_RNG_SEED").unwrap_or(SEED),
            time: number("LAWS_MINUTES")
                .map_or(Duration::MAX, |minutes| Duration::from_secs(minutes.saturating_mul(60))),
        }
    }
}

/// Holds a law against as many generated runs as are asked for, on all cores; returns how many.
pub(crate) fn hold<S: Strategy>(
    law: Law,
    strategy: fn() -> S,
    holds: impl Fn(S::Value) -> TestCaseResult + Sync,
) -> u32 {
    let asked = Asked::of(law);
    let chunks = asked.cases.div_ceil(CHUNK);
    let (next, done) = (AtomicU32::new(0), AtomicU32::new(0));
    let (told, broken) = (Mutex::new(Instant::now()), OnceLock::new());
    let work = || {
        loop {
            let chunk = next.fetch_add(1, Ordering::Relaxed);
            if chunk >= chunks || BEGAN.elapsed() >= asked.time {
                return;
            }
            let cases = CHUNK.min(asked.cases - chunk * CHUNK);
            let seed = asked.seed + u64::from(chunk);
            let result = TestRunner::new(config(cases, seed, chunk == 0)).run(&strategy(), &holds);
            if let Err(error) = result {
                next.store(chunks, Ordering::Relaxed);
                let _ = broken.set(format!("{}, PROPTEST_RNG_SEED={seed}: {error}", law.name));
                return;
            }
            let done = done.fetch_add(cases, Ordering::Relaxed) + cases;
            let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
            if told.elapsed() >= PROGRESS {
                *told = Instant::now();
                say(format_args!("{}: {done} of {} runs", law.name, asked.cases));
            }
        }
    };
    thread::scope(|scope| {
        let workers = thread::available_parallelism().map_or(1, usize::from);
        for _ in 0..workers {
            scope.spawn(work);
        }
    });
    assert!(broken.get().is_none(), "{}", broken.into_inner().unwrap_or_default());
    let done = done.into_inner();
    let Asked { cases, seed, .. } = asked;
    let short = if done < cases { format!(" of {cases}, the time is over") } else { String::new() };
    say(format_args!("{}: {done} runs{short}, seed {seed}", law.name));
    done
}

fn config(cases: u32, seed: u64, is_first: bool) -> ProptestConfig {
    let regressions = || -> Box<dyn FailurePersistence> {
        Box::new(FileFailurePersistence::Direct("tests/laws/regressions.txt"))
    };
    ProptestConfig {
        cases,
        rng_seed: RngSeed::Fixed(seed),
        failure_persistence: is_first.then(regressions),
        max_shrink_iters: 4000,
        ..ProptestConfig::default()
    }
}

/// Says it on stderr at once; the test harness would keep what is printed.
pub(crate) fn say(line: Arguments<'_>) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
