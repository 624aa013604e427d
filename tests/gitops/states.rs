//! Objects in every state that the operator leaves them in, from the golden cases.

use reseller_operator::crd::ResellerCustomerStatus;
use serde_json::Value;

use crate::plan_cases_support::cases::{Case, load};
use crate::plan_cases_support::check::Done;
use crate::plan_cases_support::object::object;
use crate::plan_cases_support::run::one_pass;

/// An object as the API server shows it after a write of the operator's.
#[derive(Clone, Debug)]
pub(crate) struct State {
    /// Row and title of the golden case, and which of its writes it is: `announced`, `recorded`
    /// (before a call that must not be repeated) or `written`.
    pub(crate) name: String,
    pub(crate) object: Value,
}

/// Every status that a golden case writes, in the order of the cases.
pub(crate) fn golden() -> Vec<State> {
    load().iter().flat_map(of_case).collect()
}

fn of_case(case: &Case) -> Vec<State> {
    let mut states = Vec::new();
    let mut last = None;
    for (at, pass) in case.earlier.iter().chain([&case.value]).enumerate() {
        let done = one_pass(pass, last.take(), &format!("nonce-{at}"));
        let recorded = done.recorded().into_iter().cloned().map(|status| ("recorded", status));
        let announced = done.announced.clone().map(|status| ("announced", status));
        let written = [("written", done.status.clone())];
        let statuses = announced.into_iter().chain(recorded).chain(written);
        for (write, status) in statuses.filter(|(_, status)| is_ours(status, &done)) {
            let name = format!("{}: {} ({write})", case.row, case.title);
            let object = serde_json::to_value(object(pass, Some(status))).expect("JSON");
            states.push(State { name, object });
        }
        last = Some(done.status);
    }
    states
}

/// What a case starts from is made up, and need not be what the operator would write.
fn is_ours(status: &ResellerCustomerStatus, done: &Done) -> bool {
    *status != done.before || *status == ResellerCustomerStatus::default()
}

impl State {
    /// The state of one golden case: the first whose name has these parts.
    pub(crate) fn of<'a>(states: &'a [Self], parts: &[&str]) -> &'a Self {
        let is_meant = |state: &&Self| parts.iter().all(|part| state.name.contains(part));
        states.iter().find(is_meant).unwrap_or_else(|| panic!("no golden case {parts:?}"))
    }

    /// The same object under another name, with members replaced.
    pub(crate) fn with(&self, name: &str, pointer: &str, value: Value) -> Self {
        let mut object = self.object.clone();
        let (parent, member) = pointer.rsplit_once('/').expect("a JSON pointer");
        object.pointer_mut(parent).expect("its parent")[member] = value;
        Self { name: name.to_owned(), object }
    }

    pub(crate) fn generation(&self) -> i64 {
        self.object["metadata"]["generation"].as_i64().expect("a generation")
    }

    /// Whether the operator has given its verdict on this very generation.
    pub(crate) fn is_observed(&self) -> bool {
        self.object["status"]["observedGeneration"] == self.generation()
    }

    pub(crate) fn is_being_deleted(&self) -> bool {
        !self.object["metadata"]["deletionTimestamp"].is_null()
    }

    /// Whether the condition of this type is True.
    pub(crate) fn is(&self, kind: &str) -> bool {
        self.condition(kind) == "True"
    }

    /// The status of the condition of this type, or nothing.
    pub(crate) fn condition(&self, kind: &str) -> &str {
        let conditions = self.object["status"]["conditions"].as_array();
        let of_type = |one: &&Value| one["type"] == kind;
        let found = conditions.into_iter().flatten().find(of_type);
        found.and_then(|one| one["status"].as_str()).unwrap_or_default()
    }
}
