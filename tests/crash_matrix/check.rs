//! What must hold of every run, crash or not: read from the simulator's call log and from what the
//! operator said meanwhile.

use reseller_operator::simulator::CallRecord;
use serde_json::Value;

use crate::gate::Mark;
use crate::google::{GET, ORDER, WRITES};
use crate::run::{END, Report};
use crate::scenario::{DOMAIN, Scenario};

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
            faults.push(format!("Ready=True of generation {generation}, but the account differs"));
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

/// The look at the end finds nothing to do, and says nothing but that it was made.
fn all_is_quiet_in_the_end(report: &Report) -> Vec<String> {
    let late = writes(report).filter(|call| call.number > report.settled_at);
    let mut faults: Vec<String> =
        late.map(|call| format!("{} after all was settled", call.method)).collect();
    let answers = report.marks.iter().filter(|mark| mark.status["lastHandledReconcileAt"] == END);
    let answers = answers.count();
    if answers != 1 {
        faults.push(format!("{answers} status writes after all was settled"));
    }
    faults
}

fn the_password_is_the_one_in_the_secret(report: &Report) -> Vec<String> {
    let secret = report.secrets.get("first-password");
    let known = report.passwords.iter().all(|password| Some(password) == secret);
    if known { vec![] } else { vec!["a user was made with another password".to_owned()] }
}

#[cfg(test)]
mod tests {
    use reseller_operator::crd::ResellerCustomer;
    use serde_json::json;

    use super::*;
    use crate::scenario::{account_is_adopted, domain_is_ordered};

    fn call(method: &'static str, key: &str) -> CallRecord {
        CallRecord {
            number: 0,
            time: jiff::Timestamp::UNIX_EPOCH,
            method,
            key: key.to_owned(),
            status: Some(200),
            reason: None,
            committed: WRITES.contains(&method),
            held: false,
            subject: None,
            body: None,
        }
    }

    fn mark(calls: u64, kind: &str, email: &str) -> Mark {
        let shown = json!({"type": kind, "status": "True", "observedGeneration": 1});
        Mark {
            calls,
            status: json!({"customerId": "C1", "conditions": [shown]}),
            accounts: json!({"C1": {"alternateEmail": email}}),
        }
    }

    /// A run of an object with this spec, whose status was written as given, then looked at.
    fn report(calls: Vec<CallRecord>, spec: Value, mark: Mark) -> Report {
        let mut calls = calls;
        for (number, call) in (1..).zip(&mut calls) {
            call.number = number;
        }
        let end =
            Mark { calls: 99, status: json!({"lastHandledReconcileAt": END}), accounts: json!({}) };
        let object = json!({"metadata": {}, "spec": {"customerDomain": DOMAIN}});
        Report {
            points: vec![],
            was_killed: true,
            was_open: false,
            asked: None,
            object: serde_json::from_value::<ResellerCustomer>(object).expect("object"),
            accounts: vec![],
            secrets: [("first-password".to_owned(), "secret".to_owned())].into(),
            events: vec![],
            calls,
            marks: vec![mark, end],
            passwords: vec!["secret".to_owned()],
            settled_at: 99,
            specs: [(1, (0, spec))].into(),
            others: vec!["C2".to_owned()],
        }
    }

    fn wanted() -> Value {
        json!({"alternateEmail": "a@b.example"})
    }

    #[test]
    fn a_good_run_has_no_fault() {
        let calls = vec![call(ORDER, DOMAIN), call(GET, "C1")];
        let good = report(calls, wanted(), mark(2, "Ready", "a@b.example"));
        assert_eq!(faults(&good, &domain_is_ordered()), [""; 0]);
    }

    #[test]
    fn every_fault_is_seen() {
        const PATCH: &str = "reseller.customers.patch";
        let ready = || mark(9, "Ready", "a@b.example");
        let get = || call(GET, "C1");
        let off = json!({"suspend": true});
        let twice = vec![call(ORDER, DOMAIN), call(ORDER, DOMAIN), get()];
        let users =
            vec![call(NEW_USER, "ada@acme.example"), call(NEW_USER, "ada@acme.example"), get()];
        let bad = [
            ("2 orders", report(twice, wanted(), ready())),
            ("2 users", report(users, wanted(), ready())),
            ("not ours", report(vec![call(PATCH, "C2"), get()], wanted(), ready())),
            ("keep off", report(vec![get(), call(PATCH, "C1")], off, mark(1, "Paused", ""))),
            ("without a read", report(vec![get(), call(PATCH, "C1")], wanted(), ready())),
            ("differs", report(vec![get()], wanted(), mark(9, "Ready", "x@b.example"))),
            (
                "settled",
                Report {
                    settled_at: 1,
                    ..report(vec![get(), call(PATCH, "C1"), get()], wanted(), ready())
                },
            ),
            (
                "password",
                Report {
                    passwords: vec!["other".to_owned()],
                    ..report(vec![get()], wanted(), ready())
                },
            ),
        ];
        for (fault, report) in bad {
            let found = faults(&report, &domain_is_ordered());
            assert!(found.len() == 1 && found[0].contains(fault), "{fault}: {found:?}");
        }
        let ordered = report(vec![call(ORDER, DOMAIN), get()], wanted(), ready());
        assert_eq!(faults(&ordered, &account_is_adopted()).len(), 1, "nobody wanted this order");
    }
}
