//! From a verdict to conditions. Contract: status.md, section 2.
//!
//! A [`Verdict`] cannot say what the contract forbids: Ready, Reconciling and Stalled are one
//! value, so they never contradict each other.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::reasons::{
    FactReason, PausedReason, ReadyReason, Reconciling, Stalled, SyncedReason, TermsReason,
};
use crate::crd::ResellerCustomerStatus;

/// Longest message of a condition, in characters; the API server's schema allows 32768, a person
/// reads less.
const MAX_MESSAGE: usize = 1024;

/// Status of a condition.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Truth {
    True,
    False,
    Unknown,
}

impl Truth {
    /// As it stands in the condition.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::True => "True",
            Self::False => "False",
            Self::Unknown => "Unknown",
        }
    }
}

/// Ready, Reconciling and Stalled in one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Summary {
    /// Ready: ours and equal.
    InSync(String),
    /// Ready: the policy is Observe and the account was seen.
    Observed(String),
    /// Ready: it differs, and is only reported.
    Drifted(String),
    /// Ready: it differs, and is being written back.
    CorrectingDrift(String),
    /// Not yet: no verdict on this generation.
    Progressing(Reconciling, String),
    /// Not yet: tried again after a backoff.
    Retrying(String),
    /// A person must act.
    Stalled(Stalled, String),
    /// Google could not be read for too long.
    Stale(String),
    /// All three as they were.
    Kept,
    /// Google cannot be read: Ready and Stalled as they were, without Reconciling.
    KeptUnread,
    /// Suspended; whether this spec was applied, so that the generation counts as observed.
    Paused { applied: bool },
}

/// What was seen: Managed, ForeignManaged, MultipleTeams.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Facts {
    pub managed: Truth,
    pub foreign: Truth,
    pub teams: Truth,
    /// Reason of all three.
    pub reason: FactReason,
    /// Message of all three.
    pub message: String,
    /// What Managed says besides: the next step.
    pub next_step: &'static str,
    /// The answer was about an id, so it says nothing of other teams on the domain.
    pub by_id_only: bool,
}

/// What is known of the terms of service.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    pub reason: TermsReason,
    pub message: String,
}

/// A fact that is seen now, or stays as it was.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fact<T> {
    Seen(T),
    /// As it was; never seen: Unknown with this reason of what hinders.
    Kept,
    /// As it was; never seen: Unknown, because the read is refused.
    KeptDenied,
    /// Unknown now, whatever was seen.
    Forgotten,
}

/// What a pass found, before it becomes conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    pub summary: Summary,
    /// None: as it was.
    pub synced: Option<(SyncedReason, String)>,
    pub facts: Fact<Facts>,
    pub terms: Fact<Terms>,
}

/// Puts the conditions of a verdict into a status, over those that are there.
pub fn render(
    status: &mut ResellerCustomerStatus,
    verdict: &Verdict,
    generation: i64,
    now: Timestamp,
) {
    let before = status.conditions.clone();
    let mut writer =
        Writer { before: &before, conditions: &mut status.conditions, generation, now };
    let is_verdict = writer.summary(&verdict.summary);
    if let Some((reason, message)) = &verdict.synced {
        writer.set("Synced", synced_truth(*reason), reason.as_str(), message);
    } else {
        writer.set_if_absent("Synced", SyncedReason::NotRead.as_str(), "Nothing was read yet.");
    }
    writer.facts(&verdict.facts);
    writer.terms(&verdict.terms);
    status.conditions.sort_by(|one, other| one.type_.cmp(&other.type_));
    if is_verdict {
        status.observed_generation = generation;
    }
}

/// A condition by its type.
#[must_use]
pub fn find<'a>(conditions: &'a [Condition], kind: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == kind)
}

/// Whether a condition is there and True.
#[must_use]
pub fn is_true(conditions: &[Condition], kind: &str) -> bool {
    find(conditions, kind).is_some_and(|condition| condition.status == "True")
}

fn synced_truth(reason: SyncedReason) -> Truth {
    match reason {
        SyncedReason::InSync => Truth::True,
        SyncedReason::Pending
        | SyncedReason::Drifted
        | SyncedReason::ValueNotAccepted
        | SyncedReason::NotManaged => Truth::False,
        SyncedReason::NotRead
        | SyncedReason::QuotaExceeded
        | SyncedReason::Unavailable
        | SyncedReason::CredentialsInvalid => Truth::Unknown,
    }
}

struct Writer<'a> {
    /// The conditions before this pass: transition times are counted from them.
    before: &'a [Condition],
    conditions: &'a mut Vec<Condition>,
    generation: i64,
    now: Timestamp,
}

impl Writer<'_> {
    /// Writes Ready, Reconciling, Stalled and Paused; true if it is a verdict on the generation.
    fn summary(&mut self, summary: &Summary) -> bool {
        if !matches!(summary, Summary::Paused { .. }) {
            self.remove("Paused");
        }
        match summary {
            Summary::InSync(message) => self.ready(ReadyReason::InSync, message),
            Summary::Observed(message) => self.ready(ReadyReason::Observed, message),
            Summary::Drifted(message) => self.ready(ReadyReason::Drifted, message),
            Summary::CorrectingDrift(message) => {
                let why = Some(("Reconciling", Reconciling::CorrectingDrift.as_str()));
                self.summarise(Truth::True, ReadyReason::Drifted.as_str(), why, message);
                true
            }
            Summary::Progressing(reason, message) => {
                let why = Some(("Reconciling", reason.as_str()));
                self.summarise(Truth::Unknown, ReadyReason::Progressing.as_str(), why, message);
                false
            }
            Summary::Retrying(message) => {
                let reason = Reconciling::ProgressingWithRetry.as_str();
                self.summarise(Truth::False, reason, Some(("Reconciling", reason)), message);
                true
            }
            Summary::Stalled(reason, message) => {
                let reason = reason.as_str();
                self.summarise(Truth::False, reason, Some(("Stalled", reason)), message);
                true
            }
            Summary::Stale(message) => {
                self.summarise(Truth::Unknown, ReadyReason::Stale.as_str(), None, message);
                true
            }
            Summary::Kept => self.keep(),
            Summary::KeptUnread => {
                self.remove("Reconciling");
                true
            }
            Summary::Paused { applied } => self.pause(*applied),
        }
    }

    fn ready(&mut self, reason: ReadyReason, message: &str) -> bool {
        self.summarise(Truth::True, reason.as_str(), None, message);
        true
    }

    /// Writes Ready, and of Reconciling and Stalled only the one that says why. One that stays is
    /// not taken away in between, so that its transition time stays too.
    fn summarise(&mut self, truth: Truth, reason: &str, why: Option<(&str, &str)>, message: &str) {
        for kind in ["Reconciling", "Stalled"] {
            if why.is_none_or(|(stays, _)| stays != kind) {
                self.remove(kind);
            }
        }
        self.set("Ready", truth, reason, message);
        if let Some((kind, reason)) = why {
            self.set(kind, Truth::True, reason, message);
        }
    }

    /// Leaves all as it was; a verdict only where there was one.
    fn keep(&mut self) -> bool {
        let message = "Nothing was read yet.";
        self.set_if_absent("Ready", ReadyReason::Progressing.as_str(), message);
        find(self.conditions, "Ready")
            .is_some_and(|ready| ready.reason != ReadyReason::Progressing.as_str())
    }

    /// Pausing removes Reconciling; a Ready that came with it becomes Unknown. Stalled stays.
    fn pause(&mut self, applied: bool) -> bool {
        let message =
            "spec.suspend is true: nothing is read or written at Google. Set it to false to go on.";
        let is_ready = is_true(self.conditions, "Ready");
        let was_reconciling = is_true(self.conditions, "Reconciling");
        self.remove("Reconciling");
        if find(self.conditions, "Ready").is_none() || (was_reconciling && !is_ready) {
            self.set("Ready", Truth::Unknown, ReadyReason::Paused.as_str(), message);
        }
        self.set("Paused", Truth::True, PausedReason::Suspended.as_str(), message);
        if applied {
            // What is kept is a verdict on this generation too.
            let is_kept = |kind: &str| ["Ready", "Stalled"].contains(&kind);
            for condition in self.conditions.iter_mut().filter(|kept| is_kept(&kept.type_)) {
                condition.observed_generation = Some(self.generation);
            }
        }
        applied
    }

    fn facts(&mut self, facts: &Fact<Facts>) {
        const TYPES: [&str; 3] = ["Managed", "ForeignManaged", "MultipleTeams"];
        let unread = "The account was not read yet.";
        match facts {
            Fact::Seen(seen) => {
                let truths = [seen.managed, seen.foreign, seen.teams];
                let of_key = if seen.by_id_only { 2 } else { 3 };
                for (kind, truth) in TYPES.into_iter().zip(truths).take(of_key) {
                    let next_step = if kind == "Managed" { seen.next_step } else { "" };
                    let message = format!("{}{next_step}", seen.message);
                    self.set(kind, truth, seen.reason.as_str(), &message);
                }
                if seen.by_id_only {
                    let message = "The account was looked up by its id, which says nothing of other teams on the domain.";
                    let reason = FactReason::NotRead.as_str();
                    self.set("MultipleTeams", Truth::Unknown, reason, message);
                }
            }
            Fact::Kept => {
                for kind in TYPES {
                    self.set_if_absent(kind, FactReason::NotRead.as_str(), unread);
                }
            }
            Fact::KeptDenied => {
                let denied = "Google refuses to let this account be read.";
                let was_seen = find(self.conditions, "Managed")
                    .is_some_and(|old| old.reason != FactReason::NotRead.as_str());
                for kind in TYPES.into_iter().filter(|_| !was_seen) {
                    self.set(kind, Truth::Unknown, FactReason::AccessDenied.as_str(), denied);
                }
            }
            Fact::Forgotten => {
                let stale = "Google could not be read for longer than the staleness budget.";
                for kind in TYPES {
                    self.set(kind, Truth::Unknown, FactReason::NotRead.as_str(), stale);
                }
            }
        }
    }

    fn terms(&mut self, terms: &Fact<Terms>) {
        match terms {
            Fact::Seen(seen) => {
                let truth = match seen.reason {
                    TermsReason::PendingAcceptance => Truth::True,
                    TermsReason::Accepted => Truth::False,
                    _ => Truth::Unknown,
                };
                self.set("AwaitingToS", truth, seen.reason.as_str(), &seen.message);
            }
            Fact::Kept | Fact::KeptDenied => {
                let unread = "The terms of service were not looked at yet.";
                self.set_if_absent("AwaitingToS", TermsReason::NotRead.as_str(), unread);
            }
            Fact::Forgotten => {
                let stale = "Google could not be read for longer than the staleness budget.";
                self.set("AwaitingToS", Truth::Unknown, TermsReason::NotRead.as_str(), stale);
            }
        }
    }

    fn remove(&mut self, kind: &str) {
        self.conditions.retain(|condition| condition.type_ != kind);
    }

    fn set_if_absent(&mut self, kind: &str, reason: &str, message: &str) {
        if find(self.conditions, kind).is_none() {
            self.set(kind, Truth::Unknown, reason, message);
        }
    }

    /// Writes one condition; its transition time moves only with its status.
    fn set(&mut self, kind: &str, truth: Truth, reason: &str, message: &str) {
        let since = find(self.before, kind)
            .filter(|old| old.status == truth.as_str())
            .map_or_else(|| whole_seconds(self.now), |old| old.last_transition_time.clone());
        self.remove(kind);
        self.conditions.push(Condition {
            type_: kind.to_owned(),
            status: truth.as_str().to_owned(),
            reason: reason.to_owned(),
            message: trimmed(message),
            observed_generation: Some(self.generation),
            last_transition_time: since,
        });
    }
}

/// A time as the API server stores it: in whole seconds, so that what is written equals what is
/// read back.
#[must_use]
pub fn whole_seconds(at: Timestamp) -> Time {
    Time(Timestamp::from_second(at.as_second()).unwrap_or(at))
}

fn trimmed(message: &str) -> String {
    match message.char_indices().nth(MAX_MESSAGE) {
        Some((end, _)) => format!("{}…", &message[..end]),
        None => message.to_owned(),
    }
}
