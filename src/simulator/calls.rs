//! The log of calls: what a test or a demo looks at to say what happened and that nothing else did.

use std::collections::VecDeque;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

const KEPT: usize = 20_000;

/// One call as it was answered. Tokens and passwords are never in it.
#[derive(Serialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct CallRecord {
    /// Counts from 1, over the life of the simulator.
    pub number: u64,
    /// The simulated time.
    pub time: Timestamp,
    /// Google's method id.
    pub method: &'static str,
    /// Id, domain or address that the call is about.
    pub key: String,
    /// HTTP status; none: the connection was closed instead.
    pub status: Option<u16>,
    /// Google's reason, where the call failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Whether something changed at Google.
    pub committed: bool,
    /// Whether the answer is, or was, held.
    pub held: bool,
    /// Whom the caller acts as.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    /// What was sent, for writes.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
}

/// Which calls are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct CallFilter {
    /// Google's method id.
    pub method: Option<String>,
    /// Id, domain or address.
    pub key: Option<String>,
    /// Only calls with a greater number.
    pub after: u64,
}

/// The last calls, oldest first.
#[derive(Debug, Default)]
pub(super) struct CallLog {
    made: u64,
    calls: VecDeque<CallRecord>,
}

impl CallLog {
    /// Records a call under the next number, and says it.
    pub(super) fn push(&mut self, mut call: CallRecord) -> u64 {
        self.made += 1;
        call.number = self.made;
        if self.calls.len() == KEPT {
            self.calls.pop_front();
        }
        self.calls.push_back(call);
        self.made
    }

    pub(super) fn matching(&self, filter: &CallFilter) -> Vec<CallRecord> {
        self.calls.iter().filter(|call| filter.matches(call)).cloned().collect()
    }

    pub(super) fn count(&self, filter: &CallFilter) -> usize {
        self.calls.iter().filter(|call| filter.matches(call)).count()
    }

    pub(super) fn clear(&mut self) {
        self.calls.clear();
    }
}

impl CallFilter {
    /// All calls of a method.
    #[must_use]
    pub fn method(id: &str) -> Self {
        Self { method: Some(id.to_owned()), ..Self::default() }
    }

    fn matches(&self, call: &CallRecord) -> bool {
        self.method.as_deref().is_none_or(|method| method == call.method)
            && self.key.as_deref().is_none_or(|key| key.eq_ignore_ascii_case(&call.key))
            && call.number > self.after
    }
}
