//! The simulated time: the wall clock or a fixed start, plus what tests have let pass.

use jiff::{SignedDuration, Timestamp};

/// Where time comes from.
#[derive(Clone, Copy, Debug)]
pub(super) struct Clock {
    fixed: Option<Timestamp>,
    pub(super) offset: SignedDuration,
}

impl Clock {
    /// Runs with the wall clock, ahead of it by the offset.
    pub(super) fn wall(offset: SignedDuration) -> Self {
        Self { fixed: None, offset }
    }

    /// Stands still until it is advanced.
    pub(super) fn fixed(start: Timestamp) -> Self {
        Self { fixed: Some(start), offset: SignedDuration::ZERO }
    }

    pub(super) fn now(self) -> Timestamp {
        let base = self.fixed.unwrap_or_else(wall_clock);
        base.checked_add(self.offset).unwrap_or(Timestamp::MAX)
    }

    /// Lets time pass. A sum too large for a duration is left as it was.
    pub(super) fn advance(&mut self, by: SignedDuration) {
        self.offset = self.offset.checked_add(by).unwrap_or(self.offset);
    }
}

/// The real time, by which callers date their assertions.
#[expect(clippy::disallowed_methods, reason = "the server of the simulator is a shell of its own")]
pub(super) fn wall_clock() -> Timestamp {
    Timestamp::now()
}
