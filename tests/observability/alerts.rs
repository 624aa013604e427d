//! The alerts fire when they should, and only then.

use std::fmt::Write;
use std::fs;

use serde_json::{Value, json};

use crate::promtool::run;
use crate::read;

pub const RULES: &str = "charts/reseller-operator/files/alerts.yaml";
const RULES_PATH: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/charts/reseller-operator/files/alerts.yaml");

/// All alerts: name, rule.
pub fn alerts() -> Vec<(String, Value)> {
    let rules: Value = serde_yaml::from_str(&read(RULES)).expect("YAML");
    let groups = rules["groups"].as_array().expect("groups");
    let rules = groups.iter().flat_map(|group| group["rules"].as_array().expect("rules"));
    rules.map(|rule| (rule["alert"].as_str().expect("alert").to_owned(), rule.clone())).collect()
}

/// A release that is well, each series by name and labels: two processes, a hundred customers.
const WELL: &[(&str, &str)] = &[
    (r#"build_info{pod="a"}"#, "1x120"),
    (r#"build_info{pod="b"}"#, "1x120"),
    (r#"leader{pod="a"}"#, "1x120"),
    (r#"leader{pod="b"}"#, "0x120"),
    (r#"reconciles_total{outcome="settled"}"#, "0+10x120"),
    (r#"reconciles_total{outcome="failed"}"#, "0x120"),
    (r#"queue_wait_seconds_bucket{lane="edit",le="1.0"}"#, "0+5x120"),
    (r#"queue_wait_seconds_bucket{lane="edit",le="60.0"}"#, "0+5x120"),
    (r#"queue_wait_seconds_bucket{lane="edit",le="300.0"}"#, "0+5x120"),
    (r#"queue_wait_seconds_bucket{lane="edit",le="+Inf"}"#, "0+5x120"),
    (r#"status_writes_total{result="ok"}"#, "0+5x120"),
    (r#"status_writes_total{result="error"}"#, "0x120"),
    ("watch_errors_total{}", "0x120"),
    ("unparsable_customers{}", "0x120"),
    (r#"google_credential_refused{api="reseller"}"#, "0x120"),
    (r#"google_credential_refused{api="directory"}"#, "0x120"),
    (r#"google_token_refreshes_total{result="error"}"#, "0x120"),
    ("google_pace_requests_per_second{}", "10x120"),
    ("google_max_requests_per_second{}", "10x120"),
    (r#"google_calls_total{result="ok"}"#, "0+20x120"),
    (r#"google_calls_total{result="unavailable"}"#, "0x120"),
    (r#"google_calls_total{result="quota"}"#, "0x120"),
    ("oldest_read_age_seconds{}", "86400x120"),
    ("resync_interval_seconds{}", "86400x120"),
    (r#"customers{condition="Ready",status="True",reason="InSync"}"#, "100x120"),
    (r#"customers{condition="Stalled",status="True",reason="ForeignManaged"}"#, "0x120"),
    (UNKNOWN, "0x120"),
    (LIMIT, "0x120"),
    ("oldest_open_operation_age_seconds{}", "0x120"),
    (r#"orders_total{result="made"}"#, "0x120"),
    ("max_orders_per_hour{}", "50x120"),
];
const UNKNOWN: &str =
    r#"customers{condition="Stalled",status="True",reason="OrderOutcomeUnknown"}"#;
const LIMIT: &str = r#"customers{condition="Reconciling",status="True",reason="OrderLimit"}"#;

/// What is not as in [`WELL`], and the alerts that fire at each minute, without their prefix.
type Case = (&'static str, &'static [(&'static str, &'static str)], &'static [At]);
type At = (u32, &'static [&'static str]);

const CASES: &[Case] = &[
    ("all is well", &[], &[(1, &[]), (60, &[]), (115, &[])]),
    ("nobody leads", &[(r#"leader{pod="a"}"#, "0x120")], &[(1, &[]), (3, &["NoLeader"])]),
    (
        "two lead, for longer than a handover",
        &[(r#"leader{pod="b"}"#, "1x120")],
        &[(4, &[]), (6, &["SeveralLeaders"])],
    ),
    (
        "one hands over to the other",
        &[(r#"leader{pod="a"}"#, "1x10 0x110"), (r#"leader{pod="b"}"#, "0x9 1x110")],
        &[(9, &[]), (11, &[]), (20, &[])],
    ),
    (
        "most passes fail",
        &[(r#"reconciles_total{outcome="failed"}"#, "0+20x120")],
        &[(10, &[]), (40, &["ReconcileErrors"])],
    ),
    (
        "one object of a fleet at rest is tried again every ten minutes",
        &[
            (r#"reconciles_total{outcome="failed"}"#, "0+0.1x120"),
            (r#"reconciles_total{outcome="settled"}"#, "0x120"),
        ],
        &[(60, &[])],
    ),
    (
        "edits wait for minutes",
        &[
            (r#"queue_wait_seconds_bucket{lane="edit",le="1.0"}"#, "0x120"),
            (r#"queue_wait_seconds_bucket{lane="edit",le="60.0"}"#, "0x120"),
        ],
        &[(10, &[]), (40, &["EditsWait"])],
    ),
    (
        "status cannot be written",
        &[(r#"status_writes_total{result="error"}"#, "0+1x120")],
        &[(10, &[]), (40, &["StatusWritesFailing"])],
    ),
    (
        "one status write failed",
        &[(r#"status_writes_total{result="error"}"#, "0x10 1x110")],
        &[(20, &[]), (24, &[]), (40, &[])],
    ),
    (
        "the watch fails every minute",
        &[("watch_errors_total{}", "0+1x120")],
        &[(5, &[]), (25, &["WatchFailing"])],
    ),
    ("the watch fails now and then", &[("watch_errors_total{}", "0+0.2x120")], &[(60, &[])]),
    (
        "an object does not parse",
        &[("unparsable_customers{}", "1x120")],
        &[(4, &[]), (6, &["UnparsableCustomers"])],
    ),
    (
        "Google refuses the credential",
        &[(r#"google_credential_refused{api="reseller"}"#, "1x120")],
        &[(4, &[]), (6, &["CredentialRefused"])],
    ),
    (
        "no token can be had",
        &[(r#"google_token_refreshes_total{result="error"}"#, "0+2x120")],
        &[(5, &[]), (25, &["TokenRefreshFailing"])],
    ),
    (
        "one token was not given",
        &[(r#"google_token_refreshes_total{result="error"}"#, "0x10 1x110")],
        &[(18, &[]), (40, &[])],
    ),
    (
        "Google's quota holds the pace down",
        &[
            ("google_pace_requests_per_second{}", "2x120"),
            (r#"google_calls_total{result="quota"}"#, "0+0.2x120"),
        ],
        &[(20, &[]), (65, &["Throttled"])],
    ),
    (
        "the pace fell, and since then nobody had to call",
        &[("google_pace_requests_per_second{}", "2x120")],
        &[(65, &[])],
    ),
    (
        "the quota is reached now and then",
        &[
            ("google_pace_requests_per_second{}", "6x120"),
            (r#"google_calls_total{result="quota"}"#, "0+0.2x120"),
        ],
        &[(65, &[])],
    ),
    (
        "Google does not answer",
        &[(r#"google_calls_total{result="unavailable"}"#, "0+30x120")],
        &[(10, &[]), (35, &["GoogleUnavailable"])],
    ),
    (
        "a few answers are missing",
        &[(r#"google_calls_total{result="unavailable"}"#, "0+5x120")],
        &[(35, &[])],
    ),
    (
        "a customer was not read for two resync intervals",
        &[("oldest_read_age_seconds{}", "172860x120")],
        &[(10, &[]), (20, &["ReadsStale"])],
    ),
    (
        "a read is late, and no more",
        &[("oldest_read_age_seconds{}", "172740x120")],
        &[(20, &[]), (110, &[])],
    ),
    (
        "the outcome of an order is not known",
        &[(UNKNOWN, "1x120")],
        &[(1, &["OrderOutcomeUnknown"]), (65, &["CustomersStalled", "OrderOutcomeUnknown"])],
    ),
    (
        "an order is open and open",
        &[("oldest_open_operation_age_seconds{}", "0+60x120")],
        &[(30, &[]), (34, &[]), (40, &["OperationOpen"])],
    ),
    ("orders wait for the limit", &[(LIMIT, "5x120")], &[(4, &[]), (6, &["OrderLimitReached"])]),
    (
        "an order every minute",
        &[(r#"orders_total{result="made"}"#, "0+1x120")],
        &[(10, &[]), (60, &["OrderBurst"])],
    ),
    (
        "an order now and then",
        &[(r#"orders_total{result="made"}"#, "0+0.3x120")],
        &[(60, &[]), (115, &[])],
    ),
    (
        "twenty of a hundred customers need a person at once",
        &[(
            r#"customers{condition="Stalled",status="True",reason="ForeignManaged"}"#,
            "0x30 20x90",
        )],
        &[(30, &[]), (45, &["ManyStalled"]), (110, &["CustomersStalled"])],
    ),
    (
        "four of a hundred do",
        &[(r#"customers{condition="Stalled",status="True",reason="ForeignManaged"}"#, "0x30 4x90")],
        &[(45, &[]), (85, &[]), (95, &["CustomersStalled"])],
    ),
];

/// The series of a release, as promtool reads them.
fn series(release: &str, changes: &[(&str, &str)]) -> Vec<Value> {
    for (series, _) in changes {
        assert!(WELL.iter().any(|(known, _)| known == series), "no series {series}");
    }
    let series = WELL.iter().map(|(series, values)| {
        let change = changes.iter().find(|(changed, _)| changed == series);
        let values = change.map_or(*values, |(_, values)| values);
        let (name, labels) = series.split_once('{').expect("labels");
        let gap = if labels == "}" { "" } else { "," };
        let target = format!(r#"namespace="{release}",job="reseller-operator"{gap}"#);
        json!({"series": format!("reseller_operator_{name}{{{target}{labels}"), "values": values})
    });
    series.collect()
}

/// A test that exactly these alerts fire at each minute.
fn test(name: &str, series: &[Value], expected: &[At]) -> Value {
    let tests = expected.iter().map(|(minute, alerts)| {
        let firing = alerts.iter().map(|alert| {
            let labels = format!(r#"{{alertname="ResellerOperator{alert}"}}"#);
            json!({"labels": labels, "value": 1})
        });
        json!({
            "expr": r#"count by (alertname) (ALERTS{alertstate="firing"})"#,
            "eval_time": format!("{minute}m"),
            "exp_samples": firing.collect::<Vec<_>>(),
        })
    });
    json!({
        "name": name, "interval": "1m", "input_series": series,
        "promql_expr_test": tests.collect::<Vec<_>>(),
    })
}

fn prometheus_finds(tests: &[Value]) -> Option<(bool, String)> {
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("tests.json");
    let file = json!({"rule_files": [RULES_PATH], "evaluation_interval": "1m", "tests": tests});
    fs::write(&path, file.to_string()).expect("file");
    run(&["test", "rules", &path.to_string_lossy()])
}

#[test]
fn prometheus_takes_the_rules_without_a_word() {
    let Some((is_good, said)) = run(&["check", "rules", "--lint=all", "--lint-fatal", RULES_PATH])
    else {
        return;
    };
    assert!(is_good && said.contains(&format!("SUCCESS: {} rules", alerts().len())), "{said}");
}

#[test]
fn each_alert_fires_for_its_reason_and_no_other_does() {
    let mut tests: Vec<Value> = CASES
        .iter()
        .map(|(name, changes, expected)| test(name, &series("ops", changes), expected))
        .collect();
    tests.push(test("nothing is scraped", &[], &[(4, &[]), (6, &["Down"]), (115, &["Down"])]));
    // One of two releases goes: the other is no comfort.
    let target = |release: &str| {
        format!(r#"reseller_operator_build_info{{namespace="{release}",job="reseller-operator"}}"#)
    };
    let two = [
        json!({"series": target("gone"), "values": "1x30"}),
        json!({"series": target("here"), "values": "1x120"}),
    ];
    tests.push(test("a release goes", &two, &[(30, &[]), (45, &["Down"])]));
    let Some((is_good, said)) = prometheus_finds(&tests) else { return };
    assert!(is_good, "{said}");
}

#[test]
fn a_wrong_expectation_is_found() {
    let wrong = test("all is well", &series("ops", &[]), &[(60, &["Down"])]);
    let Some((is_good, said)) = prometheus_finds(&[wrong]) else { return };
    assert!(!is_good && said.contains("ResellerOperatorDown"), "{said}");
}

#[test]
fn each_alert_is_shown_to_fire_and_has_what_a_person_needs() {
    let mut fire: Vec<&str> = CASES
        .iter()
        .flat_map(|(_, _, expected)| expected.iter())
        .flat_map(|(_, alerts)| alerts.iter().copied())
        .collect();
    fire.push("Down");
    let runbooks = read("docs/runbooks.md");
    let mut headings = String::new();
    for (name, rule) in alerts() {
        let short = name.strip_prefix("ResellerOperator").expect("the prefix");
        assert!(fire.contains(&short), "no test makes {name} fire");
        let severity = rule["labels"]["severity"].as_str().expect("severity");
        assert!(["critical", "warning", "info"].contains(&severity), "{name}: {severity}");
        for text in ["summary", "description"] {
            let text = rule["annotations"][text].as_str().expect("text");
            assert!(text.trim_end().ends_with('.'), "{name}: {text}");
        }
        let url = rule["annotations"]["runbook_url"].as_str().expect("runbook_url");
        let anchor = format!("docs/runbooks.md#{}", name.to_lowercase());
        assert!(url.starts_with("https://") && url.ends_with(&anchor), "{name}: {url}");
        writeln!(headings, "## {name}").expect("text");
        let section = runbooks.split(&format!("\n## {name}\n")).nth(1);
        let section = section.unwrap_or_else(|| panic!("no runbook for {name}"));
        let section = section.split("\n## ").next().expect("a section");
        for part in ["**Meaning.**", "**Impact.**", "**Diagnosis.**", "**What to do.**"] {
            assert!(section.contains(part), "{name}: no {part}");
        }
        assert!(section.contains(&format!("Severity: {severity}.")), "{name}: not {severity}");
    }
    let there: String = runbooks
        .lines()
        .filter(|line| line.starts_with("## ResellerOperator"))
        .fold(String::new(), |text, line| text + line + "\n");
    assert_eq!(there, headings, "one section for each alert, in their order");
}
