//! Runs a case: the passes before it, the pass itself, and once more what only read.

use futures::executor::block_on;
use reseller_operator::crd::{ResellerCustomer, ResellerCustomerStatus};
use serde_json::Value;

use super::cases::Case;
use super::check::{Done, differences};
use super::google::{Log, Script, Step};
use super::invariants::broken;
use super::object::{generation, now, object, surroundings};

/// What differs from what the case says, each as a line.
pub(crate) fn run(case: &Case) -> Vec<String> {
    let mut found = Vec::new();
    let mut status = None;
    for (at, earlier) in case.earlier.iter().enumerate() {
        let done = one_pass(earlier, status.take(), &format!("earlier-{at}"));
        found.extend(unlisted(&done).map(|call| format!("earlier pass {at}: {call}")));
        status = Some(done.status);
    }
    let value = &case.value;
    let done = one_pass(value, status, "nonce-1");
    found.extend(differences(value, &done));
    let spec = object(value, Some(ResellerCustomerStatus::default())).spec;
    found.extend(broken(&spec, generation(value), &done));
    if done.writes().next().is_none() && done.recorded().is_empty() && may_repeat(value) {
        found.extend(repeated(value, &done));
    }
    found
}

fn may_repeat(case: &Value) -> bool {
    case["expect"]["secondPass"] != "skip" && case["announce"] != true && case["deleted"] != true
}

/// A pass that only read changes nothing when it is made again.
fn repeated(case: &Value, first: &Done) -> Vec<String> {
    let again = one_pass(case, Some(first.status.clone()), "nonce-2");
    let mut found: Vec<String> =
        unlisted(&again).map(|call| format!("second pass: {call}")).collect();
    if again.status != first.status {
        let text = |status| serde_yaml::to_string(status).expect("a status is YAML");
        let (old, new) = (text(&first.status), text(&again.status));
        let differ = |one: &str, other: &str, sign: &str| -> Vec<String> {
            let lines = one.lines().filter(|line| !other.lines().any(|same| same == *line));
            lines.map(|line| format!("second pass: {sign}{line}")).collect()
        };
        found.push("second pass: the status changes".to_owned());
        found.extend(differ(&old, &new, "-"));
        found.extend(differ(&new, &old, "+"));
    }
    if !again.events.is_empty() {
        found.push(format!("second pass: events {:?}", again.events));
    }
    found
}

fn unlisted(done: &Done) -> impl Iterator<Item = String> {
    done.steps.iter().filter_map(|step| match step {
        Step::Unlisted(call) => Some(format!("unlisted call: {call}")),
        _ => None,
    })
}
