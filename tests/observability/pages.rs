//! The page of metrics, the runbooks, the alerts and the dashboard name what there is.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use reseller_operator::metrics::Metrics;
use serde_json::{Value, json};

use crate::alerts::alerts;
use crate::exposition::{Exposition, Family};
use crate::promql::{is_in, selectors};
use crate::{promtool, read};

const PAGE: &str = "docs/metrics.md";
const DASHBOARD: &str = "charts/reseller-operator/files/dashboard.json";
const START: &str = "<!-- table: metrics -->\n";
const END: &str = "<!-- end -->\n";
/// With more values than these a table names none.
const MANY: usize = 10;

/// The expressions of the dashboard: title of the panel, expression.
fn expressions() -> Vec<(String, String)> {
    let mut found = Vec::new();
    for panel in panels() {
        let title = panel["title"].as_str().expect("title");
        let targets = panel["targets"].as_array().map(Vec::as_slice).unwrap_or_default();
        for target in targets {
            let expression =
                target["expr"].as_str().expect("expr").replace("$__rate_interval", "5m");
            found.push((title.to_owned(), expression));
        }
    }
    found
}

fn dashboard() -> Value {
    serde_json::from_str(&read(DASHBOARD)).expect("JSON")
}

fn panels() -> Vec<Value> {
    dashboard()["panels"].as_array().expect("panels").clone()
}

/// Checks everything that names metrics against a scrape.
pub fn all_that_is_named_is_in(scrape: &Exposition) {
    for (name, rule) in alerts() {
        is_in(rule["expr"].as_str().expect("expr"), scrape, &name);
    }
    for (title, expression) in expressions() {
        is_in(&expression, scrape, &title);
    }
    for page in [PAGE, "docs/runbooks.md"] {
        let text = read(page);
        for selector in selectors(&text) {
            let has = |name: &str| scrape.samples(name).next().is_some();
            let metric = selector.metric;
            assert!(has(metric) || has(&format!("{metric}_count")), "{page}: there is no {metric}");
        }
    }
    let fresh = Exposition::parse(&Metrics::new().render().expect("text"));
    let shape = |families: &[Family]| -> Vec<(String, BTreeSet<String>)> {
        families.iter().map(|family| (family.name.clone(), label_names(family))).collect()
    };
    assert_eq!(shape(&fresh.families), shape(&scrape.families), "the page is made from the fresh");
}

fn label_names(family: &Family) -> BTreeSet<String> {
    let names = family.samples.iter().flat_map(|sample| sample.labels.keys().cloned());
    names.filter(|name| name != "le").collect()
}

/// The table of the page, made from what a process shows at its start.
fn table() -> String {
    let mut table = "| metric | type | labels | meaning |\n|---|---|---|---|\n".to_owned();
    for family in Exposition::parse(&Metrics::new().render().expect("text")).families {
        let suffix = match family.kind.as_str() {
            "counter" => "_total",
            "info" => "_info",
            _ => "",
        };
        let name = format!("{}{suffix}", family.name);
        writeln!(table, "| `{name}` | {} | {} | {} |", family.kind, labels(&family), family.help)
            .expect("text");
    }
    table
}

fn labels(family: &Family) -> String {
    let mut values: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, value) in family.samples.iter().flat_map(|sample| &sample.labels) {
        values.entry(name).or_default().insert(value);
    }
    // Values of conditions are in their own page, those of a build are of that build, and durations
    // have the results of the calls that they belong to.
    let is_duration_of_calls = family.kind == "histogram" && values.contains_key("result");
    let is_elsewhere =
        family.kind == "info" || values.contains_key("condition") || is_duration_of_calls;
    let named = values.into_iter().filter(|(name, _)| *name != "le").map(|(name, values)| {
        if is_elsewhere || values.len() > MANY {
            return format!("`{name}`");
        }
        let values: Vec<&str> = values.into_iter().collect();
        format!("`{name}`: {}", values.join(", "))
    });
    named.collect::<Vec<_>>().join("; ")
}

#[test]
fn the_page_of_metrics_has_every_metric_of_the_code() {
    let page = read(PAGE);
    let (before, rest) = page.split_once(START).expect("the start of the table");
    let (_, after) = rest.split_once(END).expect("the end of the table");
    let made = format!("{before}{START}{}{END}{after}", table());
    if std::env::var_os("UPDATE").is_some() {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(PAGE);
        std::fs::write(path, made).expect("written");
    } else {
        assert!(
            page == made,
            "{PAGE} is stale: run `UPDATE=1 cargo test --test observability page`"
        );
    }
}

#[test]
fn a_process_that_did_nothing_yet_shows_strict_openmetrics() {
    let scraped = Exposition::parse(&Metrics::new().render().expect("text"));
    assert!(scraped.families.len() > 20);
}

#[test]
fn prometheus_takes_each_expression_of_the_dashboard() {
    let rules: Vec<Value> = expressions()
        .into_iter()
        .enumerate()
        .map(|(number, (_, expr))| json!({"record": format!("dashboard:{number}"), "expr": expr}))
        .collect();
    assert!(rules.len() > 20, "{}", rules.len());
    let folder = tempfile::tempdir().expect("folder");
    let path = folder.path().join("rules.json");
    let file = json!({"groups": [{"name": "dashboard", "rules": rules}]});
    std::fs::write(&path, file.to_string()).expect("file");
    let path = path.to_string_lossy().into_owned();
    let Some((is_good, said)) = promtool::run(&["check", "rules", &path]) else { return };
    assert!(is_good, "{said}");
}

#[test]
fn the_dashboard_can_be_imported_anywhere() {
    let dashboard = dashboard();
    assert_eq!(dashboard["id"], Value::Null, "the id is that of the Grafana it goes to");
    assert!(dashboard["schemaVersion"].as_u64().expect("schemaVersion") >= 39);
    assert_eq!(dashboard["uid"], "reseller-operator");
    let variables = dashboard["templating"]["list"].as_array().expect("variables");
    let names: Vec<&Value> = variables.iter().map(|variable| &variable["name"]).collect();
    assert_eq!(names, ["datasource", "namespace", "job"]);
    let source = json!({"type": "prometheus", "uid": "${datasource}"});
    let (mut ids, mut taken) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels() {
        let title = &panel["title"];
        assert!(ids.insert(panel["id"].as_u64().expect("id")), "{title}: id");
        let at = |key: &str| panel["gridPos"][key].as_u64().expect("gridPos");
        assert!(at("x") + at("w") <= 24, "{title} is too wide");
        for cell in (at("x")..at("x") + at("w"))
            .flat_map(|x| (at("y")..at("y") + at("h")).map(move |y| (x, y)))
        {
            assert!(taken.insert(cell), "{title} lies over another");
        }
        if panel["type"] == "row" {
            continue;
        }
        assert_eq!(panel["datasource"], source, "{title}");
        assert!(panel["description"].as_str().is_some_and(|text| text.ends_with('.')), "{title}");
        for target in panel["targets"].as_array().expect("targets") {
            assert_eq!(target["datasource"], source, "{title}");
            for selector in selectors(target["expr"].as_str().expect("expr")) {
                let release = [("namespace", "=~", "$namespace"), ("job", "=~", "$job")];
                assert!(selector.matchers.starts_with(&release), "{title}: of any release");
            }
        }
    }
}

/// Nothing is measured that nobody is shown.
#[test]
fn each_metric_is_on_the_dashboard_or_in_an_alert() {
    let expressions = expressions();
    let shown = expressions.iter().map(|(_, expression)| expression.as_str());
    let alerts = alerts();
    let told = alerts.iter().map(|(_, rule)| rule["expr"].as_str().expect("expr"));
    let named: BTreeSet<String> =
        shown.chain(told).flat_map(selectors).map(|selector| selector.metric.to_owned()).collect();
    for family in Exposition::parse(&Metrics::new().render().expect("text")).families {
        let is_named = family.samples.iter().any(|sample| named.contains(&sample.name));
        assert!(is_named, "{} is shown nowhere", family.name);
    }
}
