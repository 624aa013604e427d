//! Requests as values, without IO: method, path, query, body.

use std::fmt;

use bytes::Bytes;
use http::Method;
use reqwest::Url;
use secrecy::ExposeSecret;
use serde::Serialize;
use serde_json::json;

use super::error::{ApiError, ApiMethod, Failure};
use super::types::{Customer, DirectoryCustomer, NewUser, SubscriptionQuery};

const RESELLER: [&str; 3] = ["apps", "reseller", "v1"];
const DIRECTORY: [&str; 3] = ["admin", "directory", "v1"];

/// One request of one method. Its Debug shows neither query nor body: both may hold secrets.
#[derive(Clone)]
pub(super) struct Request {
    pub(super) method: ApiMethod,
    pub(super) verb: Method,
    /// Path segments below the API's prefix, not yet encoded.
    path: Vec<String>,
    query: Vec<(&'static str, String)>,
    pub(super) body: Option<Bytes>,
}

impl Request {
    fn new(method: ApiMethod, verb: Method, path: &[&str]) -> Self {
        let path = path.iter().map(|&segment| segment.to_owned()).collect();
        Self { method, verb, path, query: Vec::new(), body: None }
    }

    fn with_body(mut self, body: &impl Serialize) -> Result<Self, ApiError> {
        let bytes = serde_json::to_vec(body)
            .map_err(|_| self.refuse("the request cannot be written as JSON"))?;
        self.body = Some(bytes.into());
        Ok(self)
    }

    fn refuse(&self, why: &str) -> ApiError {
        ApiError::new(self.method, Failure::NotSent(why.to_owned()))
    }

    /// The address under `base`, percent-encoded.
    ///
    /// # Errors
    ///
    /// A segment that would vanish from the path, and so address something else, is not sent.
    pub(super) fn url(&self, base: &Url) -> Result<Url, ApiError> {
        if self.path.iter().any(|segment| matches!(segment.as_str(), "" | "." | "..")) {
            return Err(self.refuse("the key is not an id, domain or address"));
        }
        let prefix = if self.method.is_directory() { DIRECTORY } else { RESELLER };
        let mut url = base.clone();
        url.path_segments_mut()
            .map_err(|()| self.refuse("the API's address has no path"))?
            .pop_if_empty()
            .extend(prefix)
            .extend(&self.path);
        if !self.query.is_empty() {
            url.query_pairs_mut().extend_pairs(&self.query);
        }
        Ok(url)
    }
}

impl fmt::Debug for Request {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request").field("method", &self.method.id()).finish_non_exhaustive()
    }
}

pub(super) fn customers_get(key: &str) -> Request {
    Request::new(ApiMethod::CustomersGet, Method::GET, &["customers", key])
}

pub(super) fn customers_insert(customer: &Customer) -> Result<Request, ApiError> {
    Request::new(ApiMethod::CustomersInsert, Method::POST, &["customers"]).with_body(customer)
}

pub(super) fn customers_patch(id: &str, patch: &Customer) -> Result<Request, ApiError> {
    Request::new(ApiMethod::CustomersPatch, Method::PATCH, &["customers", id]).with_body(patch)
}

pub(super) fn customers_update(id: &str, customer: &Customer) -> Result<Request, ApiError> {
    Request::new(ApiMethod::CustomersUpdate, Method::PUT, &["customers", id]).with_body(customer)
}

pub(super) fn subscriptions_list(query: &SubscriptionQuery) -> Request {
    let SubscriptionQuery { customer_id, customer_auth_token, max_results, page_token } = query;
    let mut request = Request::new(ApiMethod::SubscriptionsList, Method::GET, &["subscriptions"]);
    let members = [
        ("customerId", customer_id.clone()),
        ("customerAuthToken", customer_auth_token.as_ref().map(|t| t.expose_secret().to_owned())),
        ("maxResults", max_results.map(|n| n.to_string())),
        ("pageToken", page_token.clone()),
    ];
    request.query = members.into_iter().filter_map(|(name, v)| Some((name, v?))).collect();
    request
}

pub(super) fn directory_customers_get(key: &str) -> Request {
    Request::new(ApiMethod::DirectoryCustomersGet, Method::GET, &["customers", key])
}

pub(super) fn directory_customers_patch(
    key: &str,
    patch: &DirectoryCustomer,
) -> Result<Request, ApiError> {
    Request::new(ApiMethod::DirectoryCustomersPatch, Method::PATCH, &["customers", key])
        .with_body(patch)
}

pub(super) fn users_get(key: &str) -> Request {
    Request::new(ApiMethod::UsersGet, Method::GET, &["users", key])
}

pub(super) fn users_insert(user: &NewUser) -> Result<Request, ApiError> {
    Request::new(ApiMethod::UsersInsert, Method::POST, &["users"]).with_body(user)
}

pub(super) fn users_make_admin(key: &str) -> Result<Request, ApiError> {
    Request::new(ApiMethod::UsersMakeAdmin, Method::POST, &["users", key, "makeAdmin"])
        .with_body(&json!({ "status": true }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(request: &Request) -> String {
        request.url(&Url::parse("https://api.example/base/").unwrap()).unwrap().to_string()
    }

    #[test]
    fn keys_are_percent_encoded_and_stay_one_segment() {
        assert_eq!(
            url(&customers_get("a/b?c#d%e f")),
            "https://api.example/base/apps/reseller/v1/customers/a%2Fb%3Fc%23d%25e%20f"
        );
        assert_eq!(
            url(&users_make_admin("jo+x@a.example").unwrap()),
            "https://api.example/base/admin/directory/v1/users/jo+x@a.example/makeAdmin"
        );
    }

    #[test]
    fn a_key_that_would_address_something_else_is_not_sent() {
        for key in ["", ".", ".."] {
            let base = Url::parse("https://api.example/").unwrap();
            let error = customers_get(key).url(&base).unwrap_err();
            assert!(!error.may_have_been_applied(), "{key:?}");
        }
    }

    #[test]
    fn the_query_holds_only_what_is_asked() {
        let query = SubscriptionQuery {
            customer_id: Some("C0 1&x".into()),
            max_results: Some(100),
            ..Default::default()
        };
        assert_eq!(
            url(&subscriptions_list(&query)),
            "https://api.example/base/apps/reseller/v1/subscriptions?customerId=C0+1%26x&maxResults=100"
        );
        assert!(!url(&subscriptions_list(&SubscriptionQuery::default())).contains('?'));
    }

    #[test]
    fn a_patch_sends_only_the_members_that_are_set() {
        let patch = Customer { phone_number: Some(String::new()), ..Default::default() };
        let request = customers_patch("C1", &patch).unwrap();
        assert_eq!(request.body.as_deref(), Some(br#"{"phoneNumber":""}"#.as_slice()));
    }

    #[test]
    fn debug_shows_neither_query_nor_body() {
        let query = SubscriptionQuery {
            customer_auth_token: Some("canary".to_owned().into()),
            ..Default::default()
        };
        assert!(!format!("{:?}", subscriptions_list(&query)).contains("canary"));
    }
}
