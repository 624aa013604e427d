//! What must hold of every run, crash or not: read from the simulator's call log and from what the
//! operator said meanwhile.

use reseller_operator::simulator::CallRecord;
use serde_json::Value;

use crate::gate::Mark;
use crate::run::Report;
use crate::scenario::{DOMAIN, Scenario};
use crate::world::{GET, ORDER, WRITES};

pub const NEW_USER: &str = "directory.users.insert";

/// All that is wrong with a run.
pub fn faults(report: &Report, scenario: &Scenario) -> Vec<String> {
    [
        nothing_is_made_twice(report, scenario),
        only_our_account_is_written(report),
        nothing_is_written_where_it_must_keep_off(report),
        ready_is_an_observation(report),
        all_is_quiet_in_the_end(report),
        the_password_is_the_one_in_the_secret(report),
    ]
    .concat()
}

/// Calls that would change something at Google.
pub fn writes(report: &Report) -> impl Iterator<Item = &CallRecord> {
    report.calls.iter().filter(|call| WRITES.contains(&call.method))
}

fn nothing_is_made_twice(report: &Report, scenario: &Scenario) -> Vec<String> {
    let made = |method: &str| {
        writes(report).filter(|call| call.method == method && call.committed).count()
    };
    let mut faults = Vec::new();
    if made(ORDER) > scenario.orders {
        faults.push(format!("{} orders where {} were approved", made(ORDER), scenario.orders));
    }
    if made(NEW_USER) > 1 {
        faults.push(format!("{} users were made", made(NEW_USER)));
    }
    faults
}

fn only_our_account_is_written(report: &Report) -> Vec<String> {
    let is_ours = |call: &CallRecord| match call.method {
        ORDER => call.key == DOMAIN,
        method if method.starts_with("directory.users.") => call.key == format!("ada@{DOMAIN}"),
        _ => !report.others.contains(&call.key) && call.key.starts_with('C'),
    };
    let foreign = writes(report).filter(|call| !is_ours(call));
    foreign
        .map(|call| format!("{} writes to {}, which is not ours", call.method, call.key))
        .collect()
}

/// From the status that says that a suspension or Observe was seen, until the manifest changes.
fn nothing_is_written_where_it_must_keep_off(report: &Report) -> Vec<String> {
    let mut faults = Vec::new();
    for mark in &report.marks {
        let Some(generation) = seen_generation(mark) else { continue };
        let spec = &report.specs[&generation].1;
        if spec["suspend"] != true && spec["managementPolicy"] != "Observe" {
            continue;
        }
        let until = report.specs.get(&(generation + 1)).map_or(u64::MAX, |(calls, _)| *calls);
        let late = writes(report).filter(|call| call.number > mark.calls && call.number <= until);
        faults.extend(late.map(|call| format!("{} although told to keep off", call.method)));
    }
    faults
}

/// Ready turns True only with a read of the account, after the last write and after the manifest
/// was changed, that equals the manifest.
fn ready_is_an_observation(report: &Report) -> Vec<String> {
    let mut faults = Vec::new();
    let mut before = None;
    for mark in &report.marks {
        let ready = condition(&mark.status, "Ready");
        let generation = seen_generation(mark);
        let was_ready = before.replace((ready["status"] == "True", generation));
        let (true, Some(generation)) = (ready["status"] == "True", generation) else { continue };
        if was_ready == Some((true, Some(generation))) {
            continue;
        }
        let (edited, spec) = &report.specs[&generation];
        if spec["suspend"] == true {
            continue;
        }
        let earlier = || report.calls.iter().filter(|call| call.number <= mark.calls);
        let written = earlier().filter(|call| call.committed).map(|call| call.number).max();
        let since = written.unwrap_or_default().max(*edited);
        let is_read = |call: &CallRecord| call.method == GET && call.status == Some(200);
        if !earlier().any(|call| is_read(call) && call.number > since) {
            faults.push(format!("Ready=True of generation {generation} without a read"));
        }
        let account = &mark.accounts[mark.status["customerId"].as_str().unwrap_or_default()];
        if spec["managementPolicy"] != "Observe" && !equals(spec, account) {
            faults.push(format!(
                "Ready=True of generation {generation} for an account that differs: {}",
                mark.status
            ));
        }
    }
    faults
}

/// The generation that a status is a verdict on.
fn seen_generation(mark: &Mark) -> Option<i64> {
    // A suspension says of an unapplied edit only that it was seen.
    let shown = ["Paused", "Ready"].map(|kind| condition(&mark.status, kind));
    shown.iter().find_map(|shown| shown["observedGeneration"].as_i64())
}

fn condition<'a>(status: &'a Value, kind: &str) -> &'a Value {
    let conditions = status["conditions"].as_array();
    let found = conditions.into_iter().flatten().find(|condition| condition["type"] == kind);
    found.unwrap_or(&Value::Null)
}

/// Whether the account has what the manifest asks for, as people compare it.
fn equals(spec: &Value, account: &Value) -> bool {
    let digits = |value: &Value| -> String {
        value.as_str().unwrap_or_default().chars().filter(char::is_ascii_digit).collect()
    };
    let address = spec["postalAddress"].as_object();
    let address = address.into_iter().flatten();
    (spec["alternateEmail"].is_null() || spec["alternateEmail"] == account["alternateEmail"])
        && (spec["phoneNumber"].is_null()
            || digits(&spec["phoneNumber"]) == digits(&account["phoneNumber"]))
        && (spec["language"].is_null() || spec["language"] == account["language"])
        && address.into_iter().all(|(member, value)| account["postalAddress"][member] == *value)
}

fn all_is_quiet_in_the_end(report: &Report) -> Vec<String> {
    let late = writes(report).filter(|call| call.number > report.settled_at);
    late.map(|call| format!("{} after all was settled", call.method)).collect()
}

fn the_password_is_the_one_in_the_secret(report: &Report) -> Vec<String> {
    let secret = report.secrets.get("first-password");
    let known = report.passwords.iter().all(|password| Some(password) == secret);
    if known { vec![] } else { vec!["a user was made with another password".to_owned()] }
}
