//! Runs a case: the passes before it, the pass itself, and once more what only read.

use std::io;
use std::ops::ControlFlow;

use jiff::SignedDuration;
use reseller_operator::crd::{ResellerCustomerStatus, SecretKeyRef};
use reseller_operator::domain::Desired;
use reseller_operator::pass::{Subject, pass};
use reseller_operator::plan::{Next, announce, stopped_before_read};
use reseller_operator::record::Record;
use secrecy::SecretString;
use serde_json::Value;
use tokio::runtime::Builder;

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
    let mut case = case.clone();
    case["now"] = (now(&case) + SignedDuration::from_secs(1)).to_string().into();
    let again = one_pass(&case, Some(first.status.clone()), "nonce-2");
    let mut found: Vec<String> =
        unlisted(&again).map(|call| format!("second pass: {call}")).collect();
    if again.status != first.status {
        let text = |status| serde_yaml::to_string(status).expect("a status is YAML");
        let (old, new) = (text(&first.status), text(&again.status));
        let differ = |one: &str, other: &str, sign: &str| -> Vec<String> {
            let lines = one.lines().filter(|line| !other.lines().any(|same| same == *line));
            lines.map(|line| format!("second pass: {sign} {line}")).collect()
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

/// One pass, as the controller makes it: announced first where the generation is new.
pub(crate) fn one_pass(case: &Value, status: Option<ResellerCustomerStatus>, nonce: &str) -> Done {
    let object = object(case, status);
    let before = object.status.clone().unwrap_or_default();
    let surroundings = surroundings(case, &object, nonce);
    let (generation, now) = (generation(case), now(case));
    let desired = Desired::validate(&object.spec);
    let mut done = Done {
        before: before.clone(),
        announced: None,
        status: before.clone(),
        events: Vec::new(),
        next: "awaitChange",
        steps: Vec::new(),
    };
    // The controller releases an object that is being deleted.
    if case["deleted"] == true {
        return done;
    }
    let announced = match stopped_before_read(&object.spec, &desired, &before, &surroundings) {
        ControlFlow::Continue(desired) => announce(desired, &before, generation, now),
        ControlFlow::Break(_) => None,
    };
    if case["announce"] == true {
        done.status = announced.clone().unwrap_or(before);
        done.announced = announced;
        return done;
    }
    let log = Log::default();
    let google = Script { answers: &case["google"], log: &log };
    let record = Memory { case, log: &log };
    let memory = announced.as_ref().unwrap_or(&before);
    let subject = Subject { spec: &object.spec, desired: &desired, memory, generation };
    let runtime = Builder::new_current_thread().build().expect("a runtime without IO");
    if let Ok(outcome) = runtime.block_on(pass(&google, &record, subject, &surroundings, now)) {
        done.status = outcome.status;
        done.events = outcome.events.iter().map(|event| event.reason.to_owned()).collect();
        done.next = next(outcome.next);
    }
    done.announced = announced;
    done.steps = log.steps();
    done
}

fn next(next: Next) -> &'static str {
    match next {
        Next::Resync => "resync",
        Next::Onboarding => "onboarding",
        Next::Soon => "soon",
        Next::Settle => "settle",
        Next::Grace => "grace",
        Next::Retry => "retry",
        Next::StalledRetry => "stalledRetry",
        Next::Minute => "minute",
        Next::OrderLimit => "orderLimit",
        Next::AwaitChange => "awaitChange",
    }
}

/// The record that a case describes: it takes the ledger, or has a conflict, or loses the fence.
struct Memory<'a> {
    case: &'a Value,
    log: &'a Log,
}

impl Record for Memory<'_> {
    type Error = io::Error;

    async fn record(&self, status: &ResellerCustomerStatus) -> io::Result<()> {
        if self.case["record"] == "conflict" {
            return Err(io::Error::other("conflict"));
        }
        self.log.push(Step::Recorded(Box::new(status.clone())));
        Ok(())
    }

    async fn password(&self, _reference: &SecretKeyRef) -> io::Result<SecretString> {
        if self.case["password"].is_null() {
            self.log.push(Step::SecretCreated);
        }
        Ok(SecretString::from("Correct-Horse-7"))
    }

    fn fence(&self) -> Option<&'static str> {
        (self.case["record"] == "fenced").then_some("the lease is lost")
    }
}
