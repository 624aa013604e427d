//! The decision core: what to do about one customer, from values alone. Synchronous, deterministic
//! and total.
//!
//! ```text
//! stopped        before the read: suspended, invalid, claimed by another object
//! ledger         an open operation is resolved first
//! customer       the table of states.md: answer x type x policy x memory
//!   compare      managed fields: equal, edit, drift, not accepted
//!   onboarding   what an ordered account still needs
//!   vanished     an id that answers 404
//!   order        a free domain, teams on it, a person's word
//! outage         no answer: what is kept, what is tried again
//! outcome        what the calls that were made change in the verdict
//! ```

pub mod action;
pub mod claims;
mod compare;
pub mod conditions;
mod customer;
pub mod events;
mod facts;
mod ledger;
mod onboarding;
mod order;
mod outage;
pub mod outcome;
pub mod reasons;
mod stopped;
mod transfer;
mod vanished;

use std::collections::BTreeSet;

use jiff::Timestamp;

pub use crate::domain::surroundings::{
    Claim, Durations, Grace, Graces, OrderGate, PasswordSecret, Surroundings, TransferToken,
};
pub use action::{Action, Cause, Risk};
pub use conditions::{Summary, Verdict};
pub use onboarding::IN_SYNC;
pub use stopped::{announce, stopped_before_read};

use crate::crd::ResellerCustomerStatus;
use crate::domain::{Desired, Observed};

/// What a pass decides.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Calls to make, in order. At most one must not be repeated; it is the last.
    pub actions: Vec<Action>,
    /// Calls that would be made, did a policy not withhold them.
    pub withheld: Vec<Action>,
    /// What the status remembers if the pass ends here; its conditions are those before.
    pub status: ResellerCustomerStatus,
    /// What the pass found.
    pub verdict: Verdict,
    /// The graces that run on.
    pub graces: BTreeSet<Grace>,
    /// When to look again.
    pub next: Next,
}

/// When an object is looked at again.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Next {
    /// At its place in the resync interval.
    Resync,
    /// After the onboarding interval.
    Onboarding,
    /// At once: something was written, or another stage follows.
    Soon,
    /// When what was written has settled.
    Settle,
    /// When the lag grace is over.
    Grace,
    /// After a backoff that grows with each failure.
    Retry,
    /// After the interval for Stalled objects.
    StalledRetry,
    /// After a minute.
    Minute,
    /// When the hourly limit of orders may have room again.
    OrderLimit,
    /// Only when something changes.
    AwaitChange,
}

/// What every decision reads.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Input<'a> {
    pub(crate) desired: &'a Desired,
    pub(crate) observed: &'a Observed,
    pub(crate) memory: &'a ResellerCustomerStatus,
    pub(crate) surroundings: &'a Surroundings,
    pub(crate) now: Timestamp,
}

/// Decides what to do about one customer.
///
/// # Guarantees
///
/// Equal inputs give equal plans. A plan holds at most one action that must not be repeated, as
/// its last, and then a ledger entry for it in `status.pendingOperation`. Nothing is ordered while
/// an operation is open, while the answer is not whole, or where an order could be a second one
/// and nobody gave the word.
#[must_use]
pub fn plan(
    desired: &Desired,
    observed: &Observed,
    memory: &ResellerCustomerStatus,
    surroundings: &Surroundings,
    now: Timestamp,
) -> Plan {
    let input = Input { desired, observed, memory, surroundings, now };
    let mut plan = ledger::resolve(input).unwrap_or_else(|| customer::decide(input));
    facts::record(&mut plan, input);
    plan
}

impl Plan {
    /// A plan that calls nothing.
    pub(crate) fn look(status: ResellerCustomerStatus, verdict: Verdict, next: Next) -> Self {
        Self {
            actions: Vec::new(),
            withheld: Vec::new(),
            status,
            verdict,
            graces: BTreeSet::new(),
            next,
        }
    }

    /// The same, with a grace that runs on.
    pub(crate) fn watching(mut self, grace: Grace) -> Self {
        self.graces.insert(grace);
        self
    }
}
