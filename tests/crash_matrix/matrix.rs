//! All points of a scenario, each before and after.

use std::io::Write;
use std::sync::Arc;

use futures::future::join_all;
use tokio::sync::Semaphore;
use tokio::task::{LocalSet, spawn_local};
use tokio::time::Instant;

use crate::check::faults;
use crate::compare::differences;
use crate::gate::{Point, Side};
use crate::run::{Report, run};
use crate::scenario::Scenario;

/// Runs at once, over all scenarios: they mostly wait.
static PLACES: Semaphore = Semaphore::const_new(12);
/// Failures that are told in full.
const TOLD: usize = 3;

/// Kills the operator at every point of a scenario.
///
/// # Panics
/// When a run does not end as the clean one, with how it differs.
pub async fn survives(scenario: Scenario) {
    LocalSet::new().run_until(tried(scenario)).await;
}

async fn tried(scenario: Scenario) {
    let started = Instant::now();
    let name = scenario.name;
    let scenario = Arc::new(scenario);
    let clean = attempt(&scenario, None).await.expect("the clean run");
    let wrong = faults(&clean, &scenario);
    assert!(wrong.is_empty(), "the clean run of {name}: {}", wrong.join("\n"));
    let clean = Arc::new(clean);
    let cases = clean
        .points
        .iter()
        .flat_map(|point| [Side::Before, Side::After].map(|side| (point.clone(), side)));
    let judged = |(point, side)| judged(Arc::clone(&scenario), Arc::clone(&clean), point, side);
    let verdicts = join_all(cases.map(judged)).await;
    let row = format!(
        "| {name} | {} points | {} cases | {} left to a person | {} s |\n",
        clean.points.len(),
        verdicts.len(),
        verdicts.iter().filter(|verdict| verdict.was_asked).count(),
        started.elapsed().as_secs(),
    );
    // Shown also when all is well.
    std::io::stderr().write_all(row.as_bytes()).expect("stderr");
    let failures: Vec<&str> = verdicts.iter().filter_map(|v| v.failure.as_deref()).collect();
    let points: Vec<String> = clean.points.iter().map(ToString::to_string).collect();
    let (count, told) = (failures.len(), failures.iter().take(TOLD).copied());
    let told = told.collect::<Vec<_>>().join("\n\n");
    assert!(count == 0, "{count} cases of {name} fail, of {points:#?}:\n\n{told}");
}

/// What became of one case.
struct Verdict {
    was_asked: bool,
    failure: Option<String>,
}

async fn judged(scenario: Arc<Scenario>, clean: Arc<Report>, point: Point, side: Side) -> Verdict {
    let case = format!("{}, killed {side:?} {point}", scenario.name);
    match attempt(&scenario, Some((point, side))).await {
        Err(why) => Verdict { was_asked: false, failure: Some(format!("{case}: {why}")) },
        Ok(report) => {
            let mut wrong = faults(&report, &scenario);
            wrong.extend(differences(&report, &clean));
            if !report.was_killed {
                wrong.push("the operator never came there".to_owned());
            }
            let must_ask = scenario.may_ask && report.was_open;
            if report.asked.is_some() != must_ask {
                wrong.push(format!("a person is asked {:?}", report.asked));
            }
            let failure = (!wrong.is_empty()).then(|| format!("{case}:\n{}", wrong.join("\n")));
            Verdict { was_asked: report.asked.is_some(), failure }
        }
    }
}

/// One run in its place; a panic is its failure.
async fn attempt(scenario: &Arc<Scenario>, death: Option<(Point, Side)>) -> Result<Report, String> {
    let _place = PLACES.acquire().await.expect("places");
    let scenario = Arc::clone(scenario);
    spawn_local(async move { run(&scenario, death).await }).await.map_err(|error| {
        let panic = error.into_panic();
        panic.downcast_ref::<String>().cloned().unwrap_or_else(|| "it panicked".to_owned())
    })
}
