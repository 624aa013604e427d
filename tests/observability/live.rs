//! The real process, against a real API server and the simulator: what it shows is true, and all
//! that is said about metrics elsewhere is there.

#![expect(
    clippy::float_cmp,
    reason = "counts are whole numbers, and a limit is shown as it was given"
)]

use std::fmt::Write;

use reseller_operator::simulator::{Fault, FaultRule};
use serde_json::{Value, json};

use crate::common::wait_until;
use crate::exposition::Exposition;
use crate::gateway::Gateway;
use crate::google::{GET, ORDER, PATCH};
use crate::operator::Operator;
use crate::specs::{account, domain_spec, with};
use crate::world::{PATIENCE, World};
use crate::{pages, promtool};

const READY: &str = "Ready=True/InSync Synced=True/InSync Stalled=-";

async fn scrape(operator: &Operator) -> Exposition {
    Exposition::parse(&operator.get("/metrics").await)
}

/// Waits until the scrape shows it.
async fn until(operator: &Operator, what: &str, shows: impl Fn(&Exposition) -> bool) -> Exposition {
    wait_until(what, PATIENCE, async || {
        let scraped = scrape(operator).await;
        shows(&scraped).then_some(scraped)
    })
    .await
}

fn customers(scraped: &Exposition, condition: &str, status: &str, reason: &str) -> f64 {
    let labels = [("condition", condition), ("status", status), ("reason", reason)];
    scraped.sum("customers", &labels)
}

/// A process that takes part in the election.
async fn candidate(world: &World) -> Operator {
    let namespace = world.namespace();
    let flags = ["--leader-election", "true", "--lease-namespace", namespace];
    world.operator(&[&flags[..], &["--max-orders-per-hour", "4"]].concat()).await
}

/// An order whose answer is held back is open, and closed by the answer.
async fn open_order(world: &World, leader: &Operator) {
    let rule = FaultRule::once(ORDER, Fault::Hold);
    world.google.simulation().inject(FaultRule { key: Some("held.example".to_owned()), ..rule });
    world.create("held", domain_spec("held.example")).await;
    world.seen(ORDER, 1).await;
    let open = [("kind", "customers.insert")];
    let scraped = until(leader, "an open operation with its age", |scraped| {
        scraped.value("open_operations", &open) == 1.0
            && scraped.value("oldest_open_operation_age_seconds", &[]) > 0.0
    })
    .await;
    assert_eq!(scraped.value("open_operations", &[("kind", "users.insert")]), 0.0);
    assert_eq!(scraped.value("orders_total", &[("result", "made")]), 0.0);
    world.google.release();
    world.until("held", READY).await;
    let scraped = until(leader, "no open operation", |scraped| {
        scraped.value("open_operations", &open) == 0.0
    })
    .await;
    assert_eq!(scraped.value("oldest_open_operation_age_seconds", &[]), 0.0);
    assert_eq!(scraped.value("orders_total", &[("result", "made")]), 1.0);
    assert_eq!(scraped.value("orders_total", &[("result", "unknown")]), 0.0);
}

/// Answers that are lost or refused, orders and reads.
async fn failures(world: &World, leader: &Operator) {
    let fail = |method: &str, key: &str, fault: Fault| {
        let rule = FaultRule { key: Some(key.to_owned()), ..FaultRule::once(method, fault) };
        world.google.simulation().inject(rule);
    };
    fail(ORDER, "lost.example", Fault::LostAnswer);
    fail(ORDER, "refused.example", Fault::status(400, "invalid", "Invalid domain"));
    fail(GET, "quota.example", Fault::status(429, "rateLimitExceeded", "Rate Limit Exceeded"));
    world.add(account("quota.example"));
    for name in ["lost", "refused", "quota"] {
        world.create(name, domain_spec(&format!("{name}.example"))).await;
    }
    world.until("lost", READY).await;
    world.until("refused", "Stalled=True/OrderRefused").await;
    world.until("quota", READY).await;
    let scraped = until(leader, "the stalled object", |scraped| {
        customers(scraped, "Stalled", "True", "OrderRefused") == 1.0
    })
    .await;
    let orders = |result| scraped.value("orders_total", &[("result", result)]);
    assert_eq!([orders("made"), orders("refused"), orders("unknown")], [1.0, 1.0, 1.0]);
    let call = |method, result| {
        scraped.value("google_calls_total", &[("method", method), ("result", result)])
    };
    assert_eq!(call(ORDER, "rejected"), 1.0);
    assert_eq!(call(ORDER, "unavailable"), 1.0);
    assert_eq!(call(GET, "quota"), 1.0);
    assert_eq!(scraped.value("google_max_requests_per_second", &[]), 200.0);
    assert!(scraped.value("google_pace_requests_per_second", &[]) < 200.0, "slowed down");
    assert!(scraped.value("reconciles_total", &[("outcome", "failed")]) >= 1.0);
    assert!(scraped.value("reconciles_total", &[("outcome", "stalled")]) >= 1.0);
}

/// What is changed at Google is drift, and is written back or told.
async fn drift(world: &World, leader: &Operator) {
    let id = world.add(account("drift.example"));
    let report = json!({"driftPolicy": "Report"});
    world.create("drift", with(domain_spec("drift.example"), report)).await;
    world.until("drift", READY).await;
    world.change(&id, |account| account.phone_number = Some("+49301111111".to_owned()));
    world.annotate("drift", "reconcile-requested-at", "1").await;
    world.until("drift", "Ready=True/Drifted Synced=False/Drifted").await;
    let scraped = until(leader, "the drift", |scraped| {
        customers(scraped, "Synced", "False", "Drifted") == 1.0
    })
    .await;
    assert_eq!(scraped.value("google_calls_total", &[("method", PATCH), ("result", "ok")]), 0.0);
    world.edit("drift", json!({"driftPolicy": "Correct"})).await;
    world.until("drift", READY).await;
    until(leader, "the correction, and no drift", |scraped| {
        customers(scraped, "Synced", "False", "Drifted") == 0.0
            && scraped.value("google_calls_total", &[("method", PATCH), ("result", "ok")]) == 1.0
            && scraped.value("reconciles_total", &[("outcome", "changed")]) >= 1.0
    })
    .await;
}

/// A credential that Google refuses is told at once, not only by objects.
async fn refused_credential(world: &World, leader: &Operator) {
    let refused =
        |scraped: &Exposition| scraped.value("google_credential_refused", &[("api", "reseller")]);
    assert_eq!(refused(&scrape(leader).await), 0.0);
    world.fail(Some(GET), Fault::status(401, "authError", "Invalid Credentials"));
    world.annotate("drift", "reconcile-requested-at", "2").await;
    let scraped = until(leader, "that the credential is refused", |s| refused(s) == 1.0).await;
    assert_eq!(scraped.value("google_credential_refused", &[("api", "directory")]), 0.0);
    let labels = [("method", GET), ("result", "credentials")];
    assert!(scraped.value("google_calls_total", &labels) >= 2.0, "with a new token once more");
}

/// Each line of the log is JSON, and each decision is one line.
fn log_is_structured(world: &World, leader: &Operator) {
    let log = leader.log();
    let lines: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect();
    for line in &lines {
        for member in ["timestamp", "level", "target", "message"] {
            assert!(line[member].is_string(), "no {member}: {line}");
        }
    }
    let decisions: Vec<&Value> =
        lines.iter().filter(|line| line["message"] == "looked at").collect();
    let ordered = decisions.iter().filter(|line| {
        let object = line["object"].as_str().expect("object");
        object.contains("held") && line["calls"].as_str().expect("calls").contains(ORDER)
    });
    assert_eq!(ordered.count(), 1, "one line for the order of held: {decisions:#?}");
    for private in ["owner@elsewhere.example", "901820", "Invalidenstr", "Ada Example"] {
        assert!(!log.contains(private), "{private} is in the log");
    }
    assert!(log.contains(world.namespace()), "the check reads what was said");
}

#[tokio::test]
async fn a_scrape_is_strict_openmetrics_and_true_and_has_all_that_is_named_elsewhere() {
    let world = World::new("observed").await;
    let leader = candidate(&world).await;
    leader.says("\"leading\"").await;
    let standby = candidate(&world).await;

    let scraped = until(&leader, "the leader", |scraped| scraped.value("leader", &[]) == 1.0).await;
    assert_eq!(scraped.value("max_orders_per_hour", &[]), 4.0);
    assert_eq!(scraped.value("resync_interval_seconds", &[]), 86400.0);
    assert_eq!(scraped.sum("build_info", &[("version", env!("CARGO_PKG_VERSION"))]), 1.0);
    open_order(&world, &leader).await;
    failures(&world, &leader).await;
    drift(&world, &leader).await;
    refused_credential(&world, &leader).await;

    let text = leader.get("/metrics").await;
    let scraped = Exposition::parse(&text);
    assert_eq!(customers(&scraped, "Ready", "True", "InSync"), 4.0);
    assert!(scraped.value("oldest_read_age_seconds", &[]) > 0.0);
    assert!(scraped.value("status_writes_total", &[("result", "ok")]) >= 10.0);
    assert!(scraped.value("google_token_refreshes_total", &[("result", "ok")]) >= 1.0);
    for private in [".example", "held", world.namespace()] {
        assert!(!text.contains(private), "{private} is told in {text}");
    }
    assert!(text.lines().count() < 700, "{} lines", text.lines().count());
    pages::all_that_is_named_is_in(&scraped);
    prometheus_reads(&text);
    log_is_structured(&world, &leader);

    let idle = scrape(&standby).await;
    assert_eq!(idle.value("leader", &[]), 0.0);
    for of_objects in ["customers", "queue_depth", "queue_later", "open_operations"] {
        assert_eq!(idle.sum(of_objects, &[]), 0.0, "{of_objects} of a process that stands by");
    }
    assert_eq!(idle.sum("google_calls_total", &[]), 0.0);
    assert_eq!(idle.value("oldest_read_age_seconds", &[]), 0.0);
}

#[tokio::test]
async fn a_watch_that_fails_is_counted_and_taken_up_again() {
    let world = World::new("watch").await;
    let kubeconfig = world.kubeconfig(&world.user());
    let gateway = Gateway::to(&kubeconfig).await;
    let way = gateway.kubeconfig(&kubeconfig);
    let operator = Operator::spawn(world.namespace(), &way, &world.arguments(&[]));
    operator.is_ready().await;
    let errors = |scraped: &Exposition| scraped.value("watch_errors_total", &[]);
    assert_eq!(errors(&scrape(&operator).await), 0.0);
    gateway.close();
    until(&operator, "a watch that failed", |scraped| errors(scraped) >= 1.0).await;
    gateway.open();
    world.add(account("later.example"));
    world.create("later", domain_spec("later.example")).await;
    world.until("later", READY).await;
}

/// Prometheus' own parser takes the text, and makes a block of it.
fn prometheus_reads(text: &str) {
    let mut stamped = String::new();
    for line in text.lines() {
        let time = if line.starts_with('#') { "" } else { " 1780000000" };
        writeln!(stamped, "{line}{time}").expect("text");
    }
    let folder = tempfile::tempdir().expect("folder");
    let (from, to) = (folder.path().join("scrape"), folder.path().join("blocks"));
    std::fs::write(&from, stamped).expect("file");
    let [from, to] = [from, to].map(|path| path.to_string_lossy().into_owned());
    let Some((is_good, said)) =
        promtool::run(&["tsdb", "create-blocks-from", "openmetrics", &from, &to])
    else {
        return;
    };
    let series = text.lines().filter(|line| !line.starts_with('#')).count();
    assert!(is_good && said.contains(&series.to_string()), "{series} series: {said}");
}
