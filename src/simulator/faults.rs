//! Failures on demand: a rule says which calls fail, how often and how.

use serde::{Deserialize, Serialize};

use super::rules::Refusal;

/// Which calls fail, and how.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct FaultRule {
    /// Google's method id, such as `reseller.customers.insert`, or `oauth2.token`; none: any.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub method: Option<String>,
    /// Only calls with this key: id, domain or address in the path, or in the body of an insert.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// So many matching calls pass first.
    #[serde(default)]
    pub skip: u32,
    /// So many fail then; none: all, until the rule is removed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub times: Option<u32>,
    /// What happens to them.
    pub fault: Fault,
}

/// How a call fails.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(
    tag = "kind",
    rename_all = "camelCase",
    rename_all_fields = "camelCase",
    deny_unknown_fields
)]
pub enum Fault {
    /// Google's JSON error.
    Status {
        /// HTTP status.
        status: u16,
        /// `errors[0].reason`.
        #[serde(default)]
        reason: String,
        /// Google's text.
        #[serde(default)]
        message: String,
        /// `Retry-After`, in seconds.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        retry_after: Option<u32>,
        /// The call has its effect before it fails.
        #[serde(default)]
        after_commit: bool,
    },
    /// A page of a proxy or gateway.
    Html {
        /// HTTP status.
        status: u16,
        /// The call has its effect before it fails.
        #[serde(default)]
        after_commit: bool,
    },
    /// The answer comes late; the call has its effect at once.
    Delay {
        /// Milliseconds.
        milliseconds: u64,
    },
    /// The call has its effect; its answer is held until it is released.
    Hold,
    /// The connection closes before the call is looked at.
    Drop,
    /// The call has its effect, and the connection closes instead of an answer.
    LostAnswer,
    /// The call has its effect, and the answer breaks off in the middle.
    BrokenJson,
}

/// The rules in force.
#[derive(Clone, Debug, Default)]
pub(super) struct Faults {
    made: u64,
    rules: Vec<(u64, FaultRule)>,
}

impl Faults {
    /// Adds a rule and says its number. Of several that match, the oldest counts.
    pub(super) fn add(&mut self, rule: FaultRule) -> u64 {
        self.made += 1;
        self.rules.push((self.made, rule));
        self.made
    }

    pub(super) fn remove(&mut self, number: u64) -> bool {
        let before = self.rules.len();
        self.rules.retain(|(known, _)| *known != number);
        self.rules.len() < before
    }

    pub(super) fn clear(&mut self) {
        self.rules.clear();
    }

    pub(super) fn rules(&self) -> &[(u64, FaultRule)] {
        &self.rules
    }

    /// The fault that this call meets; a rule that is used up goes.
    pub(super) fn take(&mut self, method: &str, key: &str) -> Option<Fault> {
        let matching = self.rules.iter_mut().find(|(_, rule)| rule.matches(method, key));
        let (number, rule) = matching?;
        if rule.skip > 0 {
            rule.skip -= 1;
            return None;
        }
        let number = *number;
        let fault = rule.fault.clone();
        if let Some(times) = &mut rule.times {
            *times = times.saturating_sub(1);
            if *times == 0 {
                self.remove(number);
            }
        }
        Some(fault)
    }
}

impl FaultRule {
    /// A rule for the next call of a method.
    #[must_use]
    pub fn once(method: &str, fault: Fault) -> Self {
        Self { method: Some(method.to_owned()), key: None, skip: 0, times: Some(1), fault }
    }

    fn matches(&self, method: &str, key: &str) -> bool {
        self.method.as_deref().is_none_or(|known| known == method)
            && self.key.as_deref().is_none_or(|known| known.eq_ignore_ascii_case(key))
    }
}

impl Fault {
    /// Google's JSON error with this status and reason, before the call has any effect.
    #[must_use]
    pub fn status(status: u16, reason: &str, message: &str) -> Self {
        let (reason, message) = (reason.to_owned(), message.to_owned());
        Self::Status { status, reason, message, retry_after: None, after_commit: false }
    }

    /// Whether the call has its effect all the same.
    pub(super) fn commits(&self) -> bool {
        match self {
            Self::Status { after_commit, .. } | Self::Html { after_commit, .. } => *after_commit,
            Self::Drop => false,
            Self::Delay { .. } | Self::Hold | Self::LostAnswer | Self::BrokenJson => true,
        }
    }

    /// The refusal that a `Status` fault answers with.
    pub(super) fn refusal(&self) -> Option<Refusal> {
        let Self::Status { status, reason, message, retry_after, .. } = self else { return None };
        Some(Refusal {
            retry_after: *retry_after,
            ..Refusal::new(*status, reason.as_str(), message.as_str())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_meets_so_many_calls_after_the_skipped_ones_and_no_other_method() {
        let mut faults = Faults::default();
        let rule = FaultRule::once("reseller.customers.get", Fault::Drop);
        faults.add(FaultRule { skip: 1, times: Some(2), ..rule });
        let mut take = |method| faults.take(method, "a.example");
        assert_eq!(take("reseller.customers.insert"), None);
        let met: Vec<_> = (0..4).map(|_| take("reseller.customers.get")).collect();
        assert_eq!(met, [None, Some(Fault::Drop), Some(Fault::Drop), None]);
    }

    #[test]
    fn a_rule_for_a_key_leaves_other_keys_alone() {
        let mut faults = Faults::default();
        let rule = FaultRule::once("reseller.customers.get", Fault::Drop);
        faults.add(FaultRule { key: Some("A.example".to_owned()), times: None, ..rule });
        assert_eq!(faults.take("reseller.customers.get", "b.example"), None);
        assert_eq!(faults.take("reseller.customers.get", "a.example"), Some(Fault::Drop));
        assert_eq!(faults.take("reseller.customers.get", "a.example"), Some(Fault::Drop));
    }
}
