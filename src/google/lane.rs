//! How urgent a piece of work is: which object is next, and whose call goes first.

/// A lane of work; a smaller one goes first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Lane {
    /// A person waits: a generation that nobody has looked at yet, or a refresh that was asked for.
    Edit,
    /// Something failed, or waits for somebody else, and is tried again.
    Retry,
    /// An object that was never seen.
    Adopt,
    /// A routine read.
    Drift,
}

impl Lane {
    /// All lanes, the most urgent one first.
    pub const ALL: [Self; 4] = [Self::Edit, Self::Retry, Self::Adopt, Self::Drift];

    /// Metric label.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::Edit => "edit",
            Self::Retry => "retry",
            Self::Adopt => "adopt",
            Self::Drift => "drift",
        }
    }
}
