//! The Kubernetes shell: the only user of kube's client and runtime.

pub mod schedule;
