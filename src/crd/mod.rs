//! The Kubernetes contract: what a user may write and what the operator answers. Serde, schemars
//! and kube's derive only; nothing of ours is known here.

pub mod codes;
pub mod customer;
pub mod names;

pub use codes::{COUNTRY_CODES, LANGUAGE_CODES};
pub use customer::crd;
pub use customer::spec::*;
pub use customer::status::*;
