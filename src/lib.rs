//! reseller-operator: Google Workspace customers of a reseller, kept as YAML.
//!
//! ```text
//! observe (IO: reads Google) -> plan (pure: decides) -> apply (IO: writes Google)
//!      all driven by controller (Kubernetes) and by cli (files)
//! ```

pub mod crd;
pub mod google;
