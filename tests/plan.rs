//! `plan` as a user runs it: the process, against the simulator, which counts every call.
#![cfg(feature = "simulator")]
#![expect(clippy::panic, reason = "a test that cannot go on says why")]
#![expect(unreachable_pub, reason = "a test binary has no callers outside")]

#[path = "plan/bad_input.rs"]
mod bad_input;
#[path = "plan/fleet.rs"]
mod fleet;
#[path = "plan/output.rs"]
mod output;
#[path = "plan/reseller.rs"]
mod reseller;
