//! A stand-in for Google's Reseller and Directory APIs, for demos, tests and CI.
//!
//! Written from `reseller-api.md` (cited as §) and the discovery documents, not from the client: it
//! has its own wire handling and rules, and is no friend. It normalises, drops, lags, fails and
//! refuses what it does not know.
//!
//! ```text
//! server (HTTP) ─┐
//!                ├─> Simulator (shared, waits) ─> Simulation (faults, tokens, quota, log) ─> State
//! InProcess ─────┘                                                                    (the two APIs)
//! ```
//!
//! [`State`] is a value that answers calls at a given time; everything else is around it.

mod accounts;
mod auth;
mod calls;
mod clock;
mod contact;
mod control;
mod customers;
mod directory;
mod error;
mod faults;
mod in_process;
mod methods;
mod normal;
mod options;
mod rules;
mod schema;
mod server;
mod shared;
mod simulation;
mod state;
mod subscriptions;
mod users;
mod wire;

pub use accounts::{
    Account, CustomerType, Lag, Owner, PENDING_TOS, PrimaryAdmin, Subscription, TransferToken, User,
};
pub use calls::{CallFilter, CallRecord};
pub use error::Error;
pub use faults::{Fault, FaultRule};
pub use in_process::InProcess;
pub use methods::Method;
pub use options::{
    Change, ErrorLayout, FreshAnswer, Nested, Omitted, Options, QuotaAnswer, TeamsTrigger,
};
pub use rules::Refusal;
pub use server::serve;
pub use shared::Simulator;
pub use simulation::Simulation;
pub use state::{Call, State};
