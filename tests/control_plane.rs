//! The operator as a process, against a real API server and the simulator: what users see, what is
//! written in Kubernetes (audit log), and what is called at Google (call log). Every test has its
//! own namespace, Google and operator; all share one control plane.

#![expect(clippy::panic, reason = "a test that cannot go on says why")]
#![expect(unreachable_pub, reason = "a test binary has no callers outside")]

mod common;

#[path = "control_plane/gateway.rs"]
mod gateway;
#[path = "control_plane/google.rs"]
mod google;
#[path = "control_plane/operator.rs"]
mod operator;
#[path = "control_plane/shown.rs"]
mod shown;
#[path = "control_plane/specs.rs"]
mod specs;
#[path = "control_plane/world.rs"]
mod world;

#[path = "control_plane/canary.rs"]
mod canary;
#[path = "control_plane/failover.rs"]
mod failover;
#[path = "control_plane/failures.rs"]
mod failures;
#[path = "control_plane/faults.rs"]
mod faults;
#[path = "control_plane/flows.rs"]
mod flows;
#[path = "control_plane/leader.rs"]
mod leader;
#[path = "control_plane/looking.rs"]
mod looking;
#[path = "control_plane/many.rs"]
mod many;
#[path = "control_plane/onboarding.rs"]
mod onboarding;
#[path = "control_plane/orders.rs"]
mod orders;
#[path = "control_plane/promises.rs"]
mod promises;
#[path = "control_plane/restore.rs"]
mod restore;
#[path = "control_plane/review.rs"]
mod review;
#[path = "control_plane/start.rs"]
mod start;
