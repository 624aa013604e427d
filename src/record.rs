//! Where the ledger is written before a call that must not be repeated.

use std::error::Error;
use std::future::Future;

use secrecy::SecretString;

use crate::crd::{ResellerCustomerStatus, SecretKeyRef};

/// The memory that survives a crash between a call and its answer: the status of the object. Tests
/// and the CLI keep it in memory.
pub trait Record: Send + Sync {
    /// Why nothing was recorded; nothing may be sent then.
    type Error: Error + Send + Sync + 'static;

    /// Stores a status with an open `pendingOperation`, over the very object that the plan was
    /// made from. A conflict is an error: the plan is stale.
    fn record(
        &self,
        status: &ResellerCustomerStatus,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send;

    /// The password that a Secret holds; created with a generated one if there is no such Secret,
    /// never overwritten.
    fn password(
        &self,
        reference: &SecretKeyRef,
    ) -> impl Future<Output = Result<SecretString, Self::Error>> + Send;

    /// Why a call that was recorded may not be sent any more, if it may not: the lease is lost, or
    /// the record is too old.
    fn fence(&self) -> Option<&'static str>;
}
