//! What a case expects against what a pass did. Every difference is a line.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use reseller_operator::crd::ResellerCustomerStatus;
use reseller_operator::google::ApiMethod;
use serde_json::{Map, Value};

use super::google::{Step, is_write};

/// What a pass did.
#[derive(Debug)]
pub(crate) struct Done {
    pub(crate) before: ResellerCustomerStatus,
    pub(crate) announced: Option<ResellerCustomerStatus>,
    pub(crate) status: ResellerCustomerStatus,
    /// Reasons of the Events.
    pub(crate) events: Vec<String>,
    pub(crate) next: &'static str,
    pub(crate) steps: Vec<Step>,
}

impl Done {
    pub(crate) fn recorded(&self) -> Vec<&ResellerCustomerStatus> {
        self.steps
            .iter()
            .filter_map(|step| match step {
                Step::Recorded(status) => Some(&**status),
                _ => None,
            })
            .collect()
    }

    pub(crate) fn calls(&self) -> impl Iterator<Item = (ApiMethod, &str, Option<&Value>)> {
        self.steps.iter().filter_map(|step| match step {
            Step::Call { method, key, body } => Some((*method, key.as_str(), body.as_ref())),
            _ => None,
        })
    }

    pub(crate) fn writes(&self) -> impl Iterator<Item = (ApiMethod, &str, Option<&Value>)> {
        self.calls().filter(|(method, ..)| is_write(*method))
    }
}

/// The abnormal-true conditions: one that a case does not name must not be there.
const ABNORMAL: [&str; 3] = ["Paused", "Reconciling", "Stalled"];

/// The differences between what a case expects and what was done.
pub(crate) fn differences(case: &Value, done: &Done) -> Vec<String> {
    let mut found = Vec::new();
    let expect = &case["expect"];
    calls(case, expect, done, &mut found);
    recorded(expect, done, &mut found);
    conditions("", &expect["conditions"], &done.status, &done.before, &mut found);
    subset("before", &expect["before"], &json(&done.before), done, &mut found);
    if let Some(announced) = &done.announced {
        let wanted = &expect["announced"];
        conditions("announced ", &wanted["conditions"], announced, &done.before, &mut found);
        same("announced observedGeneration", wanted, announced.observed_generation, &mut found);
        let has = |field: &str| announced.fields.iter().any(|entry| entry.field == field);
        for field in strings(&wanted["fieldsLack"]).filter(|field| has(field)) {
            found.push(format!("announced: {field} is still remembered"));
        }
        for field in strings(&wanted["fieldsHave"]).filter(|field| !has(field)) {
            found.push(format!("announced: {field} is not remembered any more"));
        }
    }
    same("observedGeneration", expect, done.status.observed_generation, &mut found);
    subset("status", &expect["status"], &json(&done.status), done, &mut found);
    messages(expect, &done.status.conditions, &mut found);
    events(expect, done, &mut found);
    if let Some(next) = expect["next"].as_str().filter(|next| *next != done.next) {
        found.push(format!("next: {}, not {next}", done.next));
    }
    if expect["statusUnchanged"] == true && done.status != done.before {
        found.push("the status was changed".to_owned());
    }
    found
}

fn calls(case: &Value, expect: &Value, done: &Done, found: &mut Vec<String>) {
    for step in &done.steps {
        if let Step::Unlisted(call) = step {
            found.push(format!("unlisted call: {call}"));
        }
    }
    if expect["reads"] == "none" && done.calls().next().is_some() {
        found.push("Google was called".to_owned());
    }
    for (key, answer) in case["google"].as_object().into_iter().flatten() {
        let was_called =
            done.calls().any(|(method, of, _)| format!("{} {of}", method.id()).trim_end() == key);
        if answer["must"] == true && !was_called {
            found.push(format!("not called: {key}"));
        }
    }
    let made: Vec<String> =
        done.writes().map(|(method, key, _)| format!("{} {key}", method.id())).collect();
    if let Some(among) = expect["writesAmong"].as_array() {
        for write in made.iter().filter(|write| !among.iter().any(|one| is_named(one, write))) {
            found.push(format!("write: {write}"));
        }
        return;
    }
    let wanted = expect["writes"].as_array().cloned().unwrap_or_default();
    let are_named = wanted.iter().zip(&made).all(|(one, write)| is_named(one, write));
    if wanted.len() != made.len() || !are_named {
        let wanted: Vec<&str> = wanted.iter().map(write_name).collect();
        found.push(format!("writes: {made:?}, not {wanted:?}"));
        return;
    }
    for (write, (_, _, body)) in wanted.iter().zip(done.writes()) {
        let body = body.cloned().unwrap_or_default();
        let name = write_name(write);
        subset(&format!("body of {name}"), &write["body"], &body, done, found);
        for path in strings(&write["bodyLacks"]) {
            if body.pointer(&format!("/{}", path.replace('.', "/"))).is_some() {
                found.push(format!("body of {name} has {path}"));
            }
        }
    }
}

fn write_name(write: &Value) -> &str {
    write.as_str().or_else(|| write["method"].as_str()).expect("a write has a name")
}

/// Whether a call is the one that is named; the key may be left out.
fn is_named(write: &Value, call: &str) -> bool {
    let name = write_name(write);
    call.trim_end() == name || call.split(' ').next() == Some(name)
}

fn recorded(expect: &Value, done: &Done, found: &mut Vec<String>) {
    let wanted = &expect["recorded"];
    let creates = done.steps.iter().any(|step| matches!(step, Step::SecretCreated));
    match expect["secret"].as_str() {
        Some("created") if !creates => found.push("no password Secret was created".to_owned()),
        Some("untouched") if creates => found.push("a password Secret was created".to_owned()),
        _ => {}
    }
    let all = done.recorded();
    if wanted == "none" && !all.is_empty() {
        found.push("something was recorded".to_owned());
    }
    let Some(wanted) = wanted.as_object() else { return };
    let [status] = all.as_slice() else {
        found.push(format!("recorded {} times, not once", all.len()));
        return;
    };
    let operation = json(&status.pending_operation);
    if operation["kind"] != wanted["pendingOperation"] {
        found.push(format!("recorded operation: {operation}"));
    }
    let old = done.before.pending_operation.as_ref().map(|operation| &operation.id);
    if wanted.contains_key("newOperation")
        && status.pending_operation.as_ref().map(|operation| &operation.id) == old
    {
        found.push("recorded operation: the old one".to_owned());
    }
    if wanted.contains_key("approval") && status.approval.is_some() {
        found.push("recorded: the approval is still there".to_owned());
    }
    let wanted = Value::Object(wanted.clone());
    same("recorded observedGeneration", &wanted, status.observed_generation, found);
    subset("recorded status", &wanted["status"], &json(status), done, found);
    conditions("recorded ", &wanted["conditions"], status, &done.before, found);
}

fn conditions(
    what: &str,
    wanted: &Value,
    status: &ResellerCustomerStatus,
    before: &ResellerCustomerStatus,
    found: &mut Vec<String>,
) {
    let Some(wanted) = wanted.as_object() else { return };
    let mut wanted = wanted.clone();
    if let Some(reason) = wanted.remove("stalled") {
        let reason = reason.as_str().expect("stalled: a reason").to_owned();
        wanted.insert("Ready".to_owned(), format!("False/{reason}").into());
        wanted.insert("Stalled".to_owned(), format!("True/{reason}").into());
    }
    for kind in ABNORMAL {
        wanted.entry(kind).or_insert_with(|| "-".into());
    }
    for (kind, wanted) in &wanted {
        let wanted = wanted.as_str().expect("a condition in short form");
        let found_one = of_type(&status.conditions, kind);
        if wanted == "keep" {
            let old = of_type(&before.conditions, kind);
            if !is_kept(old, found_one) {
                found.push(format!("{what}{kind}: {}, not as before", short(found_one)));
            }
        } else if !is_like(wanted, &short(found_one)) {
            let message = found_one.map_or("", |condition| condition.message.as_str());
            found.push(format!("{what}{kind}: {}, not {wanted} ({message})", short(found_one)));
        }
    }
}

pub(crate) fn of_type<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

fn is_kept(old: Option<&Condition>, new: Option<&Condition>) -> bool {
    let essence = |condition: &Condition| {
        let since = condition.last_transition_time.clone();
        (condition.status.clone(), condition.reason.clone(), condition.message.clone(), since)
    };
    old.map(essence) == new.map(essence)
}

pub(crate) fn short(condition: Option<&Condition>) -> String {
    condition.map_or_else(|| "-".to_owned(), |found| format!("{}/{}", found.status, found.reason))
}

/// `*` stands for any status or any reason; `*/*` also for a condition that is not there.
fn is_like(wanted: &str, found: &str) -> bool {
    if wanted == "*/*" || wanted == found {
        return true;
    }
    match (wanted.split_once('/'), found.split_once('/')) {
        (Some((truth, "*")), Some((is, _))) => truth == is,
        (Some(("*", reason)), Some((_, is))) => reason == is,
        _ => false,
    }
}

fn same(what: &str, expect: &Value, is: i64, found: &mut Vec<String>) {
    if let Some(wanted) = expect["observedGeneration"].as_i64().filter(|wanted| *wanted != is) {
        found.push(format!("{what}: {is}, not {wanted}"));
    }
}

/// `present`, `absent`, `recorded` (the id of the operation that was recorded), a mapping of which
/// all members hold, a list of which all items hold, or the value itself.
fn subset(what: &str, wanted: &Value, is: &Value, done: &Done, found: &mut Vec<String>) {
    let hold = match (wanted, is) {
        (Value::Null, _) => true,
        (Value::String(word), is) if word == "present" => !is.is_null(),
        (Value::String(word), is) if word == "absent" => is.is_null() || *is == false,
        (Value::String(word), is) if word == "recorded" => {
            let ids = done.recorded().into_iter().filter_map(|one| one.pending_operation.clone());
            ids.map(|operation| operation.id).any(|id| *is == id)
        }
        (Value::Object(members), is) => {
            for (key, wanted) in members {
                subset(&format!("{what}.{key}"), wanted, &is[key], done, found);
            }
            true
        }
        (Value::Array(items), Value::Array(are)) if items.len() == are.len() => {
            for (at, (wanted, is)) in items.iter().zip(are).enumerate() {
                subset(&format!("{what}[{at}]"), wanted, is, done, found);
            }
            true
        }
        (wanted, is) => wanted == is,
    };
    if !hold {
        found.push(format!("{what}: {is}, not {wanted}"));
    }
}

fn messages(expect: &Value, conditions: &[Condition], found: &mut Vec<String>) {
    for (kind, wanted) in expect["messages"].as_object().unwrap_or(&Map::new()) {
        let message = of_type(conditions, kind).map_or("", |one| one.message.as_str());
        let lower = message.to_lowercase();
        for part in strings(wanted).filter(|part| !lower.contains(&part.to_lowercase())) {
            found.push(format!("message of {kind} lacks {part:?}: {message:?}"));
        }
    }
    for part in strings(&expect["messagesLack"]) {
        for condition in conditions.iter().filter(|one| one.message.contains(part)) {
            found.push(format!("message of {} has {part:?}", condition.type_));
        }
    }
}

fn events(expect: &Value, done: &Done, found: &mut Vec<String>) {
    let events = &done.events;
    if let Some(wanted) = expect["events"].as_array()
        && !wanted.iter().map(Value::as_str).eq(events.iter().map(|one| Some(one.as_str())))
    {
        found.push(format!("events: {events:?}, not {}", expect["events"]));
    }
    let has = |wanted: &str| events.iter().any(|event| event == wanted);
    for wanted in strings(&expect["eventsHave"]).filter(|wanted| !has(wanted)) {
        found.push(format!("events: {events:?}, no {wanted}"));
    }
    for unwanted in strings(&expect["eventsLack"]).filter(|unwanted| has(unwanted)) {
        found.push(format!("events: {unwanted}"));
    }
}

fn strings(list: &Value) -> impl Iterator<Item = &str> {
    list.as_array().into_iter().flatten().map(|item| item.as_str().expect("a text"))
}

fn json<T: serde::Serialize>(value: &T) -> Value {
    serde_json::to_value(value).expect("it is JSON")
}
