//! What dies with the operator's process, and a process that stands still in the middle of a pass.

use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use reseller_operator::domain::Field;
use reseller_operator::plan::Grace;
use reseller_operator::plan::outcome::Outcome;

use crate::shell::{Conflict, Shell};

/// A moment by both clocks: the monotonic one, which goes with Google's, and the wall clock, which
/// may be set.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Moment {
    pub(crate) monotonic: Timestamp,
    pub(crate) wall: Timestamp,
}

impl Moment {
    /// How long ago at least: the lesser of what both clocks say.
    pub(crate) fn until(self, now: Self) -> Duration {
        let monotonic = now.monotonic.duration_since(self.monotonic);
        let wall = now.wall.duration_since(self.wall);
        Duration::try_from(monotonic.min(wall)).unwrap_or_default()
    }
}

/// What dies with the process.
#[derive(Debug)]
pub(crate) struct Process {
    /// By the monotonic clock.
    pub(crate) started: Timestamp,
    pub(crate) graces: BTreeMap<Grace, Moment>,
    pub(crate) wrote: Option<Moment>,
    /// Fields written and not read back yet, with the value before.
    pub(crate) unverified: BTreeMap<Field, String>,
    /// When an order of the domain was made whose account may not be readable yet.
    pub(crate) ordered: Option<Moment>,
}

impl Process {
    pub(crate) fn starting(now: Timestamp) -> Self {
        Self {
            started: now,
            graces: BTreeMap::new(),
            wrote: None,
            unverified: BTreeMap::new(),
            ordered: None,
        }
    }
}

/// A pass on its way.
pub(crate) type Passing = Pin<Box<dyn Future<Output = Result<Outcome, Conflict>> + Send>>;

/// A process that stands still in the middle of a pass, and does not lead any more.
pub(crate) struct Frozen {
    pub(crate) pass: Passing,
    pub(crate) shell: Arc<Shell>,
    /// Rounds of the next leader until it goes on.
    pub(crate) rounds: u8,
}

/// How long it takes until another process leads.
pub(crate) const TAKE_OVER: SignedDuration = SignedDuration::from_secs(20);
