//! The labels of the metrics. Every value is of a closed set: no object, domain or account is ever
//! a label, so that ten thousand customers make no more series than one.

use prometheus_client::encoding::EncodeLabelSet;

/// How a pass over one object ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PassOutcome {
    /// Nothing is left to do.
    Settled,
    /// Something was written at Google; the next read tells whether it was taken.
    Changed,
    /// Waits for a time or for somebody, without an error.
    Waiting,
    /// Needs a person.
    Stalled,
    /// Failed, and is tried again.
    Failed,
}

impl PassOutcome {
    pub(super) const ALL: [Self; 5] =
        [Self::Settled, Self::Changed, Self::Waiting, Self::Stalled, Self::Failed];

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Settled => "settled",
            Self::Changed => "changed",
            Self::Waiting => "waiting",
            Self::Stalled => "stalled",
            Self::Failed => "failed",
        }
    }
}

/// What became of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderResult {
    /// Google made the account.
    Made,
    /// Google made nothing, provably.
    Refused,
    /// No answer: reading will tell.
    Unknown,
}

impl OrderResult {
    pub(super) const ALL: [Self; 3] = [Self::Made, Self::Refused, Self::Unknown];

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Made => "made",
            Self::Refused => "refused",
            Self::Unknown => "unknown",
        }
    }
}

/// What became of a write to Kubernetes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WriteResult {
    /// Written.
    Ok,
    /// Somebody else wrote first, or removed the object.
    Conflict,
    /// Anything else.
    Error,
}

impl WriteResult {
    pub(super) const ALL: [Self; 3] = [Self::Ok, Self::Conflict, Self::Error];

    pub(super) fn id(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Conflict => "conflict",
            Self::Error => "error",
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByOutcome {
    pub(super) outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByLane {
    pub(super) lane: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByCall {
    pub(super) method: &'static str,
    pub(super) result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByResult {
    pub(super) result: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByApi {
    pub(super) api: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
pub(super) struct ByKind {
    pub(super) kind: &'static str,
}

/// One condition of an object, as `status.conditions` has it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, EncodeLabelSet)]
pub struct ConditionLabels {
    /// Type of the condition.
    pub condition: &'static str,
    /// `True`, `False` or `Unknown`.
    pub status: &'static str,
    /// Reason, from a closed set.
    pub reason: &'static str,
}
