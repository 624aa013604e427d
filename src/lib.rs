//! reseller-operator: Google Workspace customers of a reseller, kept as YAML.
//!
//! ```text
//! observe (IO: reads Google) -> plan (pure: decides) -> apply (IO: writes Google)
//!      all driven by controller (Kubernetes) and by cli (files)
//! ```

pub mod admin;
pub mod apply;
pub mod cli;
pub mod controller;
#[expect(unreachable_pub, reason = "the KubeSchema derive copies each struct into a private block")]
pub mod crd;
pub mod domain;
pub mod google;
pub mod import;
pub mod manifest;
pub mod metrics;
pub mod observe;
pub mod pass;
pub mod plan;
pub mod record;
pub mod rehearsal;
pub mod review;
#[cfg(feature = "simulator")]
pub mod simulator;
pub mod telemetry;
