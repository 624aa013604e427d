//! Accounts that exist at Google, written as manifests.
