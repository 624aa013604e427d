//! Clients of Google's REST APIs. Nothing here knows Kubernetes.

mod answer;
mod auth;
mod client;
pub mod error;
mod error_body;
mod http;
mod lane;
mod pace;
mod quota;
mod request;
mod retry;
mod settings;
pub mod types;

#[cfg(test)]
mod tests;

use std::future::Future;

pub use auth::KeyError;
pub use client::{Client, Permit};
pub use error::{ApiError, ApiMethod, ErrorClass, Failure};
pub use lane::Lane;
pub use settings::{
    Access, CallObserver, CredentialSource, DIRECTORY_URL, Gate, IAM_URL, METADATA_URL, Patience,
    RESELLER_URL, Settings, SetupError, TOKEN_URL, Url,
};
use types::{Customer, DirectoryCustomer, NewUser, SubscriptionQuery, Subscriptions, User};

/// The methods of the Reseller and Directory APIs that the operator uses, under Google's own
/// method ids. Implemented by the HTTP client and, for tests, by the simulator in process; one
/// conformance suite (`tests/api_conformance.rs`) runs against both.
///
/// # Guarantees
///
/// Reads and idempotent writes may be tried several times inside one call. A call that takes a
/// [`Self::Permit`] is sent at most once and waits for nothing: its token and its place in the
/// quota were taken by [`Self::reserve`].
pub trait GoogleApi: Send + Sync {
    /// A place in the quota, and a token, for one call that must not be repeated.
    type Permit: Send;

    /// Takes what a call that must not be repeated needs, so that nothing waits afterwards.
    fn reserve(
        &self,
        method: ApiMethod,
    ) -> impl Future<Output = Result<Self::Permit, ApiError>> + Send;

    /// Reseller `customers.get`; `key` is a customer id or the current primary domain.
    fn customers_get(&self, key: &str) -> impl Future<Output = Result<Customer, ApiError>> + Send;

    /// Reseller `customers.insert`: an order. Costs money and is never repeated.
    fn customers_insert(
        &self,
        permit: Self::Permit,
        customer: &Customer,
    ) -> impl Future<Output = Result<Customer, ApiError>> + Send;

    /// Reseller `customers.patch`: only the members that are set are sent.
    fn customers_patch(
        &self,
        id: &str,
        patch: &Customer,
    ) -> impl Future<Output = Result<Customer, ApiError>> + Send;

    /// Reseller `customers.update` (PUT). Not used for updates: what it does to omitted fields is
    /// undocumented.
    fn customers_update(
        &self,
        id: &str,
        customer: &Customer,
    ) -> impl Future<Output = Result<Customer, ApiError>> + Send;

    /// Reseller `subscriptions.list`, one page.
    fn subscriptions_list(
        &self,
        query: &SubscriptionQuery,
    ) -> impl Future<Output = Result<Subscriptions, ApiError>> + Send;

    /// Directory `customers.get`; `key` is a customer id.
    fn directory_customers_get(
        &self,
        key: &str,
    ) -> impl Future<Output = Result<DirectoryCustomer, ApiError>> + Send;

    /// Directory `customers.patch`: only the members that are set are sent.
    fn directory_customers_patch(
        &self,
        key: &str,
        patch: &DirectoryCustomer,
    ) -> impl Future<Output = Result<DirectoryCustomer, ApiError>> + Send;

    /// Directory `users.get`; `key` is the primary e-mail address or the user id.
    fn users_get(&self, key: &str) -> impl Future<Output = Result<User, ApiError>> + Send;

    /// Directory `users.insert`: never repeated.
    fn users_insert(
        &self,
        permit: Self::Permit,
        user: &NewUser,
    ) -> impl Future<Output = Result<User, ApiError>> + Send;

    /// Directory `users.makeAdmin` with `status: true`. Idempotent in effect.
    fn users_make_admin(&self, key: &str) -> impl Future<Output = Result<(), ApiError>> + Send;
}
