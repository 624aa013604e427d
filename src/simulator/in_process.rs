//! The simulator behind the trait of the client, without HTTP: for tests of everything above.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use secrecy::ExposeSecret as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::auth::{Credential, Grant};
use super::methods::{CUSTOMER, ORDER, USER};
use super::shared::Simulator;
use super::simulation::{Request, Response};
use crate::google::types::{
    Customer, DirectoryCustomer, NewUser, SubscriptionQuery, Subscriptions, User,
};
use crate::google::{ApiError, ApiMethod, Failure, GoogleApi};

/// A client that calls a [`Simulator`] directly. Clones share it.
///
/// # Guarantees
///
/// A call goes through the same JSON, rules, faults and log as one over HTTP; only token and
/// connection are left out. Nothing is repeated.
#[derive(Clone, Debug)]
pub struct InProcess {
    simulator: Simulator,
    subject: String,
}

impl InProcess {
    /// A client of this simulator, acting as a reseller administrator.
    #[must_use]
    pub fn new(simulator: Simulator) -> Self {
        Self { simulator, subject: "admin@reseller.example".to_owned() }
    }

    /// The simulator behind it: accounts, call log, options, faults, time.
    #[must_use]
    pub fn simulator(&self) -> &Simulator {
        &self.simulator
    }

    /// The grant that a token for this method would carry; the token is refused where
    /// domain-wide delegation does not grant the scope.
    fn grant(&self, method: ApiMethod) -> Result<Grant, ApiError> {
        let scope = match method {
            ApiMethod::UsersGet | ApiMethod::UsersInsert | ApiMethod::UsersMakeAdmin => USER,
            ApiMethod::DirectoryCustomersGet | ApiMethod::DirectoryCustomersPatch => CUSTOMER,
            _ => ORDER,
        };
        if self.simulator.simulation().state().options.denied_scopes.contains(scope) {
            return Err(ApiError::new(method, Failure::ScopeNotGranted(scope.to_owned())));
        }
        Ok(Grant {
            subject: Some(self.subject.clone()),
            scopes: vec![scope.to_owned()],
            expires: Timestamp::MAX,
        })
    }

    async fn send(
        &self,
        method: ApiMethod,
        target: Target<'_>,
        body: Option<Value>,
    ) -> Result<Response, ApiError> {
        let Target { verb, path, query } = target;
        let request = Request {
            verb,
            host: String::new(),
            path: path.iter().map(|part| (*part).to_owned()).collect(),
            query,
            credential: Credential::Granted(self.grant(method)?),
            for_metadata: false,
            body: body.map_or_else(Vec::new, |body| body.to_string().into_bytes()),
        };
        match self.simulator.call(request).await {
            Some(response) if response.status < 300 => Ok(response),
            Some(response) => Err(refused(method, &response)),
            None => {
                Err(ApiError::new(method, Failure::NoAnswer("the connection closed".to_owned())))
            }
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        method: ApiMethod,
        target: Target<'_>,
        body: Option<Value>,
    ) -> Result<T, ApiError> {
        let response = self.send(method, target, body).await?;
        serde_json::from_str(&response.body).map_err(|_| {
            ApiError::new(method, Failure::NoAnswer("the answer broke off".to_owned()))
        })
    }
}

/// Verb, path and query of a method (§1.1, §1.2).
struct Target<'a> {
    verb: http::Method,
    path: Vec<&'a str>,
    query: BTreeMap<String, String>,
}

fn reseller<'a>(verb: http::Method, rest: &[&'a str]) -> Target<'a> {
    let path = ["apps", "reseller", "v1"].iter().chain(rest).copied().collect();
    Target { verb, path, query: BTreeMap::new() }
}

fn directory<'a>(verb: http::Method, rest: &[&'a str]) -> Target<'a> {
    let path = ["admin", "directory", "v1"].iter().chain(rest).copied().collect();
    Target { verb, path, query: BTreeMap::new() }
}

fn sent(body: &impl Serialize) -> Option<Value> {
    serde_json::to_value(body).ok()
}

/// Reads Google's JSON error in either of its layouts (§5).
fn refused(method: ApiMethod, response: &Response) -> ApiError {
    let status = response.status;
    let failure = match serde_json::from_str::<Value>(&response.body) {
        Ok(body) if body["error"].is_object() => {
            let error = &body["error"];
            let reason = error["errors"][0]["reason"].as_str().or(error["status"].as_str());
            Failure::Answered {
                status,
                reason: reason.unwrap_or_default().to_owned(),
                message: error["message"].as_str().unwrap_or_default().to_owned(),
            }
        }
        _ => Failure::NotGoogle { status },
    };
    let retry_after = response.retry_after.map(|seconds| Duration::from_secs(seconds.into()));
    ApiError { retry_after, ..ApiError::new(method, failure) }
}

impl GoogleApi for InProcess {
    type Permit = ();

    async fn reserve(&self, method: ApiMethod) -> Result<(), ApiError> {
        self.grant(method).map(|_| ())
    }

    async fn customers_get(&self, key: &str) -> Result<Customer, ApiError> {
        let target = reseller(http::Method::GET, &["customers", key]);
        self.ask(ApiMethod::CustomersGet, target, None).await
    }

    async fn customers_insert(&self, (): (), new: &Customer) -> Result<Customer, ApiError> {
        let target = reseller(http::Method::POST, &["customers"]);
        self.ask(ApiMethod::CustomersInsert, target, sent(new)).await
    }

    async fn customers_patch(&self, id: &str, patch: &Customer) -> Result<Customer, ApiError> {
        let target = reseller(http::Method::PATCH, &["customers", id]);
        self.ask(ApiMethod::CustomersPatch, target, sent(patch)).await
    }

    async fn customers_update(&self, id: &str, whole: &Customer) -> Result<Customer, ApiError> {
        let target = reseller(http::Method::PUT, &["customers", id]);
        self.ask(ApiMethod::CustomersUpdate, target, sent(whole)).await
    }

    async fn subscriptions_list(
        &self,
        query: &SubscriptionQuery,
    ) -> Result<Subscriptions, ApiError> {
        let token = query.customer_auth_token.as_ref().map(|t| t.expose_secret().to_owned());
        let parameters = [
            ("customerId", query.customer_id.clone()),
            ("customerAuthToken", token),
            ("maxResults", query.max_results.map(|max| max.to_string())),
            ("pageToken", query.page_token.clone()),
        ];
        let mut target = reseller(http::Method::GET, &["subscriptions"]);
        for (name, value) in parameters {
            target.query.extend(value.map(|value| (name.to_owned(), value)));
        }
        self.ask(ApiMethod::SubscriptionsList, target, None).await
    }

    async fn directory_customers_get(&self, key: &str) -> Result<DirectoryCustomer, ApiError> {
        let target = directory(http::Method::GET, &["customers", key]);
        self.ask(ApiMethod::DirectoryCustomersGet, target, None).await
    }

    async fn directory_customers_patch(
        &self,
        key: &str,
        patch: &DirectoryCustomer,
    ) -> Result<DirectoryCustomer, ApiError> {
        let target = directory(http::Method::PATCH, &["customers", key]);
        self.ask(ApiMethod::DirectoryCustomersPatch, target, sent(patch)).await
    }

    async fn users_get(&self, key: &str) -> Result<User, ApiError> {
        let target = directory(http::Method::GET, &["users", key]);
        self.ask(ApiMethod::UsersGet, target, None).await
    }

    async fn users_insert(&self, (): (), user: &NewUser) -> Result<User, ApiError> {
        let target = directory(http::Method::POST, &["users"]);
        self.ask(ApiMethod::UsersInsert, target, sent(user)).await
    }

    async fn users_make_admin(&self, key: &str) -> Result<(), ApiError> {
        let target = directory(http::Method::POST, &["users", key, "makeAdmin"]);
        let body = Some(json!({"status": true}));
        self.send(ApiMethod::UsersMakeAdmin, target, body).await.map(|_| ())
    }
}

impl Default for InProcess {
    /// An empty Google whose clock stands at 2026-01-01T00:00:00Z.
    fn default() -> Self {
        let start = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_767_225_600);
        Self::new(Simulator::fixed(super::State::default(), start))
    }
}
