//! The Helm chart, with the real helm on the real API server: what it renders and refuses, that an
//! operator with its ServiceAccount, arguments and environment works, and that this ServiceAccount
//! may do what the operator does and nothing else.

#![expect(clippy::panic, reason = "a test that cannot go on says why")]
#![expect(unreachable_pub, reason = "a test binary has no callers outside")]
#![allow(dead_code, reason = "of the operator's test world a part is used")]

mod common;

#[path = "control_plane/google.rs"]
mod google;
#[path = "control_plane/operator.rs"]
mod operator;
#[path = "control_plane/shown.rs"]
mod shown;
#[path = "control_plane/specs.rs"]
mod specs;
#[path = "gitops/tools.rs"]
mod tools;
#[path = "control_plane/world.rs"]
mod world;

#[path = "chart/admission.rs"]
mod admission;
#[path = "chart/checks.rs"]
mod checks;
#[path = "chart/helm.rs"]
mod helm;
#[path = "chart/lifecycle.rs"]
mod lifecycle;
#[path = "chart/release.rs"]
mod release;
#[path = "chart/render.rs"]
mod render;
#[path = "chart/rights.rs"]
mod rights;
#[path = "chart/users.rs"]
mod users;
#[path = "chart/values.rs"]
mod values;
