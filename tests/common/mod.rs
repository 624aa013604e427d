//! What the tests against a real control plane share. A test binary uses a part of it.
#![allow(dead_code, unused_imports, reason = "each test binary uses a part of this module")]
#![allow(clippy::panic, reason = "a test that cannot go on says why")]
#![allow(unreachable_pub, reason = "a test binary has no callers outside")]

pub mod audit;
pub mod control_plane;
pub mod wait;

pub use audit::AuditEvent;
pub use control_plane::{ControlPlane, Output};
pub use wait::{wait_for, wait_until};
