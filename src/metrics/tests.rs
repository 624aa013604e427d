use super::*;

fn has(metrics: &Metrics, line: &str) -> bool {
    metrics.render().unwrap().lines().any(|found| found == line)
}

fn ready(status: &'static str, reason: &'static str) -> Objects {
    let labels = ConditionLabels { condition: "Ready", status, reason };
    Objects { conditions: [(labels, 4)].into(), ..Objects::default() }
}

#[test]
fn known_series_are_there_before_anything_happens() {
    let text = Metrics::new().render().unwrap();
    for line in [
        r#"reseller_operator_reconciles_total{outcome="stalled"} 0"#,
        r#"reseller_operator_reconcile_duration_seconds_count{outcome="failed"} 0"#,
        r#"reseller_operator_queue_depth{lane="edit"} 0"#,
        r#"reseller_operator_queue_wait_seconds_count{lane="drift"} 0"#,
        r#"reseller_operator_google_calls_total{method="reseller.customers.get",result="ok"} 0"#,
        r#"reseller_operator_google_calls_total{method="reseller.customers.insert",result="quota"} 0"#,
        r#"reseller_operator_google_token_refreshes_total{result="error"} 0"#,
        r#"reseller_operator_google_credential_refused{api="directory"} 0"#,
        r#"reseller_operator_open_operations{kind="users.insert"} 0"#,
        "reseller_operator_watch_errors_total 0",
        "reseller_operator_leader 0",
        r#"reseller_operator_orders_total{result="unknown"} 0"#,
        r#"reseller_operator_status_writes_total{result="conflict"} 0"#,
        "reseller_operator_google_throttle_wait_seconds_count 0",
        "reseller_operator_oldest_read_age_seconds 0.0",
    ] {
        assert!(text.lines().any(|found| found == line), "no {line} in\n{text}");
    }
    assert!(text.contains("reseller_operator_build_info{version="));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn names_follow_the_rules_of_openmetrics() {
    let text = Metrics::new().render().unwrap();
    for line in text.lines().filter(|line| *line != "# EOF") {
        let name = line.trim_start_matches("# ").split(' ').find(|w| w.contains('_'));
        assert!(name.unwrap().starts_with("reseller_operator_"), "{line}");
        assert!(!line.contains("_total_total") && !line.contains("_seconds_seconds"), "{line}");
    }
}

#[test]
fn what_happens_is_counted_under_its_labels() {
    let metrics = Metrics::new();
    metrics.reconciled(PassOutcome::Changed, Duration::from_millis(300));
    metrics.call(ApiMethod::CustomersPatch, "quota", Duration::from_secs(2));
    metrics.token_refresh(false);
    metrics.pace(2.5);
    metrics.ordered(OrderResult::Made);
    metrics.status_write(WriteResult::Conflict);
    let due = Lane::ALL.map(|lane| (lane, 7));
    metrics.set_queue(&Depth { due, later: 9, in_flight: 2 });
    for line in [
        r#"reseller_operator_reconciles_total{outcome="changed"} 1"#,
        r#"reseller_operator_reconcile_duration_seconds_sum{outcome="changed"} 0.3"#,
        r#"reseller_operator_google_calls_total{method="reseller.customers.patch",result="quota"} 1"#,
        r#"reseller_operator_google_token_refreshes_total{result="error"} 1"#,
        "reseller_operator_google_pace_requests_per_second 2.5",
        r#"reseller_operator_orders_total{result="made"} 1"#,
        r#"reseller_operator_status_writes_total{result="conflict"} 1"#,
        r#"reseller_operator_queue_depth{lane="adopt"} 7"#,
        "reseller_operator_queue_later 9",
        "reseller_operator_reconciles_in_flight 2",
    ] {
        assert!(has(&metrics, line), "no {line} in\n{}", metrics.render().unwrap());
    }
}

#[test]
fn a_snapshot_of_conditions_replaces_the_one_before() {
    let metrics = Metrics::new();
    metrics.set_objects(&ready("False", "OrderRefused"));
    metrics.set_objects(&ready("True", "InSync"));
    assert!(has(
        &metrics,
        r#"reseller_operator_customers{condition="Ready",status="True",reason="InSync"} 4"#
    ));
    let text = metrics.render().unwrap();
    assert!(!text.contains(r#"condition="Ready",status="False""#), "{text}");
}

#[test]
fn what_objects_wait_for_falls_back_to_zero_and_does_not_vanish() {
    let metrics = Metrics::new();
    let labels = ConditionLabels { condition: "Stalled", status: "True", reason: "OrderRefused" };
    let line =
        r#"reseller_operator_customers{condition="Stalled",status="True",reason="OrderRefused"}"#;
    let open = [("customers.insert", 2)].into();
    let conditions = [(labels, 3)].into();
    metrics.set_objects(&Objects { conditions, open_operations: open, ..Objects::default() });
    assert!(has(&metrics, &format!("{line} 3")));
    assert!(has(&metrics, r#"reseller_operator_open_operations{kind="customers.insert"} 2"#));
    metrics.set_objects(&Objects::default());
    assert!(has(&metrics, &format!("{line} 0")));
    assert!(has(&metrics, r#"reseller_operator_open_operations{kind="customers.insert"} 0"#));
}
