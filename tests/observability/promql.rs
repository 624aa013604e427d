//! What PromQL expressions name: metrics, and the labels that they are picked by.

use std::collections::BTreeSet;

use crate::exposition::Exposition;

const PREFIX: &str = "reseller_operator_";
/// Labels that Prometheus adds to every series, and what a dashboard calls the release.
const OF_THE_TARGET: [&str; 4] = ["namespace", "job", "pod", "instance"];

/// One `metric{label="value"}` of an expression.
#[derive(Debug, PartialEq, Eq)]
pub struct Selector<'a> {
    pub metric: &'a str,
    /// Label, operator, value.
    pub matchers: Vec<(&'a str, &'a str, &'a str)>,
}

/// All selectors of our metrics.
pub fn selectors(expression: &str) -> Vec<Selector<'_>> {
    let mut found = Vec::new();
    for (start, _) in expression.match_indices(PREFIX) {
        let text = &expression[start..];
        let end = text.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(text.len());
        let (metric, rest) = text.split_at(end);
        let braces = rest.strip_prefix('{').and_then(|rest| rest.split_once('}'));
        let matchers = braces.map(|(inside, _)| inside.split(',').map(matcher).collect());
        found.push(Selector { metric, matchers: matchers.unwrap_or_default() });
    }
    found
}

fn matcher(text: &str) -> (&str, &str, &str) {
    let at = text.find(['=', '!']).unwrap_or_else(|| panic!("no operator: {text}"));
    let (label, rest) = text.trim().split_at(at - (text.len() - text.trim_start().len()));
    let quote = rest.find('"').unwrap_or_else(|| panic!("no value: {text}"));
    let (operator, value) = rest.split_at(quote);
    (label, operator, value.trim_matches('"'))
}

/// The labels of `by (...)` and `on (...)`.
pub fn grouping(expression: &str) -> BTreeSet<&str> {
    ["by (", "on ("]
        .iter()
        .flat_map(|word| expression.split(word).skip(1))
        .filter_map(|rest| rest.split(')').next())
        .flat_map(|list| list.split(',').map(str::trim))
        .collect()
}

/// Checks that all that an expression names is in a scrape.
pub fn is_in(expression: &str, scrape: &Exposition, of: &str) {
    let selectors = selectors(expression);
    assert!(!selectors.is_empty(), "{of}: no metric of ours in {expression}");
    let mut known: BTreeSet<&str> = OF_THE_TARGET.into();
    for Selector { metric, matchers } in &selectors {
        let mut samples = scrape.samples(metric).peekable();
        let first = samples.peek().unwrap_or_else(|| panic!("{of}: there is no {metric}"));
        known.extend(first.labels.keys().map(String::as_str));
        let samples: Vec<_> = samples.collect();
        for (label, operator, value) in matchers {
            if OF_THE_TARGET.contains(label) {
                continue;
            }
            let values: BTreeSet<&str> = samples
                .iter()
                .filter_map(|sample| sample.labels.get(*label))
                .map(String::as_str)
                .collect();
            assert!(!values.is_empty(), "{of}: {metric} has no label {label}");
            let wanted: Vec<&str> = match *operator {
                "=" | "!=" => vec![value],
                _ => value.split('|').collect(),
            };
            for value in wanted {
                assert!(
                    values.contains(value),
                    "{of}: no {metric} with {label} {value}: {values:?}"
                );
            }
        }
    }
    for label in grouping(expression) {
        assert!(known.contains(label), "{of}: nothing has the label {label}: {expression}");
    }
}

#[test]
fn an_expression_is_taken_apart() {
    let expression = r#"sum by (lane) (rate(reseller_operator_a_total{lane="edit", x!~"b|c"}[5m])) / reseller_operator_b"#;
    assert_eq!(
        selectors(expression),
        [
            Selector {
                metric: "reseller_operator_a_total",
                matchers: vec![("lane", "=", "edit"), ("x", "!~", "b|c")]
            },
            Selector { metric: "reseller_operator_b", matchers: vec![] },
        ]
    );
    assert_eq!(grouping(expression), ["lane"].into());
}
