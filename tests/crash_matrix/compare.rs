//! Whether a run with a crash ends as the clean one does.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use crate::check::writes;
use crate::run::Report;

/// Writes that make something anew each time.
const INSERTS: [&str; 3] =
    ["reseller.customers.insert", "directory.users.insert", "reseller.subscriptions.insert"];

/// How a run differs from the clean one.
pub fn differences(report: &Report, clean: &Report) -> Vec<String> {
    let mut found = Vec::new();
    let mut compare = |what: &str, got: Value, expected: Value| {
        if got != expected {
            found.push(format!("{what} is {got:#}\nand not {expected:#}"));
        }
    };
    compare("the status", status(report), status(clean));
    compare("Google", accounts(report), accounts(clean));
    compare("the Secrets", json!(secrets(report)), json!(secrets(clean)));
    found.extend(counts(report, clean));
    found.extend(told(report, clean));
    found
}

/// The status without times, tokens and generated ids.
fn status(report: &Report) -> Value {
    let object = serde_json::to_value(&report.object).expect("object");
    let generation = object["metadata"]["generation"].clone();
    let mut status = object["status"].clone();
    let id = status["customerId"].as_str().unwrap_or("no id").to_owned();
    let namespace = object["metadata"]["namespace"].as_str().expect("namespace");
    let members = status.as_object_mut().expect("status");
    let is_current = members.remove("observedGeneration") == Some(generation.clone());
    members.insert("isCurrent".to_owned(), is_current.into());
    for condition in members["conditions"].as_array_mut().into_iter().flatten() {
        let condition = condition.as_object_mut().expect("condition");
        condition.remove("lastTransitionTime");
        condition.remove("observedGeneration");
    }
    for time in ["orderedAt", "lostAt", "waitingSince"] {
        members.entry(time).and_modify(|time| *time = "a time".into());
    }
    if let Some(approval) = members.get_mut("approval") {
        approval["token"] = "a token".into();
    }
    let text = status.to_string().replace(&id, "ID").replace(namespace, "NAMESPACE");
    serde_json::from_str(&text).expect("JSON")
}

/// Google's accounts without times and generated ids.
fn accounts(report: &Report) -> Value {
    let mut accounts = report.accounts.clone();
    for account in &mut accounts {
        let members = account.as_object_mut().expect("account");
        for generated in ["customerId", "customerCreationTime", "lag"] {
            members.remove(generated);
        }
        for list in ["users", "subscriptions", "transferTokens"] {
            for entry in account[list].as_array_mut().into_iter().flatten() {
                let entry = entry.as_object_mut().expect("entry");
                entry.retain(|name, _| {
                    name != "id" && !name.ends_with("Id") && !name.ends_with("Time")
                });
            }
        }
    }
    accounts.sort_by_key(Value::to_string);
    Value::Array(accounts)
}

fn secrets(report: &Report) -> BTreeMap<&str, usize> {
    report.secrets.iter().map(|(name, value)| (name.as_str(), value.len())).collect()
}

/// Committed writes by method: as many where each makes something anew, one more at most where it
/// can be repeated.
fn counts(report: &Report, clean: &Report) -> Vec<String> {
    let (counted, expected) = (committed(report), committed(clean));
    let methods = counted.keys().chain(expected.keys()).collect::<std::collections::BTreeSet<_>>();
    methods
        .into_iter()
        .filter_map(|method| {
            let count = |of: &BTreeMap<&str, usize>| of.get(*method).copied().unwrap_or_default();
            let (count, expected) = (count(&counted), count(&expected));
            let most = match expected {
                0 => 0,
                expected if INSERTS.contains(method) => expected,
                expected => expected + 1,
            };
            let is_right = (expected..=most).contains(&count);
            (!is_right).then(|| format!("{count} of {method} and not {expected}"))
        })
        .collect()
}

fn committed(report: &Report) -> BTreeMap<&str, usize> {
    let mut counts = BTreeMap::new();
    for call in writes(report).filter(|call| call.committed) {
        *counts.entry(call.method).or_default() += 1;
    }
    counts
}

/// Events are told after the status that they are about, so a crash may swallow some. None is told
/// more often, but for what only a crash brings about.
fn told(report: &Report, clean: &Report) -> Vec<String> {
    let count =
        |report: &Report, reason: &str| report.events.iter().filter(|told| *told == reason).count();
    let may_be = |reason: &str| match reason {
        "OrderResolved" => 1,
        "Stalled" => count(clean, reason) + usize::from(report.asked.is_some()),
        reason => count(clean, reason),
    };
    let told = report.events.iter().collect::<std::collections::BTreeSet<_>>();
    told.into_iter()
        .filter(|reason| count(report, reason) > may_be(reason))
        .map(|reason| format!("Event {reason} is told {} times", count(report, reason)))
        .collect()
}
