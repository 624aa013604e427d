//! Google as a script: every answer is listed in the case, and a call that is not listed fails it.

use std::sync::Mutex;

use reseller_operator::crd::ResellerCustomerStatus;
use reseller_operator::google::types::{
    Customer, DirectoryCustomer, NewUser, SubscriptionQuery, Subscriptions, User,
};
use reseller_operator::google::{ApiError, ApiMethod, Failure, GoogleApi};
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::cases::{merge, strip_nulls};

/// What a pass did, in order.
#[derive(Clone, Debug)]
pub(crate) enum Step {
    /// A call: `METHOD KEY`, and the body of a write.
    Call { method: ApiMethod, key: String, body: Option<Value> },
    /// The status was written before a call that must not be repeated.
    Recorded(Box<ResellerCustomerStatus>),
    /// The password Secret was made.
    SecretCreated,
    /// A call that the case does not list.
    Unlisted(String),
}

/// The steps of one pass, shared by Google and the record.
#[derive(Debug, Default)]
pub(crate) struct Log(Mutex<Vec<Step>>);

impl Log {
    pub(crate) fn push(&self, step: Step) {
        self.0.lock().expect("no holder of the log panics").push(step);
    }

    pub(crate) fn steps(&self) -> Vec<Step> {
        self.0.lock().expect("no holder of the log panics").clone()
    }
}

/// Answers as the case's `google` says.
#[derive(Debug)]
pub(crate) struct Script<'a> {
    pub(crate) answers: &'a Value,
    pub(crate) log: &'a Log,
}

impl Script<'_> {
    fn call<T: DeserializeOwned>(
        &self,
        method: ApiMethod,
        key: &str,
        body: Option<Value>,
    ) -> Result<T, ApiError> {
        let name = full_name(method, key);
        self.log.push(Step::Call { method, key: key.to_owned(), body: body.clone() });
        let any = format!("{} *", method.id());
        let Some(answer) = self.answers.get(&name).or_else(|| self.answers.get(&any)) else {
            self.log.push(Step::Unlisted(name));
            let why = "the case does not list this call".to_owned();
            return Err(ApiError::new(method, Failure::NoAnswer(why)));
        };
        if let Some(failure) = failure(answer) {
            return Err(ApiError::new(method, failure));
        }
        let answer = match answer.get("body") {
            Some(body) => body.clone(),
            None if answer["echo"] == true => self.echo(method, key, &body.unwrap_or_default()),
            None => Value::Null,
        };
        Ok(serde_json::from_value(answer).unwrap_or_else(|err| panic!("{name}: {err}")))
    }

    /// The record as it is read, with what was written laid over.
    fn echo(&self, method: ApiMethod, key: &str, body: &Value) -> Value {
        let read = match method {
            ApiMethod::DirectoryCustomersPatch => ApiMethod::DirectoryCustomersGet,
            _ => ApiMethod::CustomersGet,
        };
        let record = &self.answers[&full_name(read, key)]["body"];
        strip_nulls(merge(record, body))
    }
}

fn full_name(method: ApiMethod, key: &str) -> String {
    format!("{} {key}", method.id()).trim_end().to_owned()
}

fn failure(answer: &Value) -> Option<Failure> {
    let text = |key: &str| answer[key].as_str().map(str::to_owned);
    let code = |key: &str| answer[key].as_u64().map(|code| u16::try_from(code).expect("a status"));
    let no_answer = |why: &str| Some(Failure::NoAnswer(why.to_owned()));
    if let Some(status) = code("status") {
        let reason = text("reason").unwrap_or_default();
        let message = text("message").unwrap_or_default();
        return Some(Failure::Answered { status, reason, message });
    }
    if let Some(status) = code("html") {
        return Some(Failure::NotGoogle { status });
    }
    if answer["timeout"] == true {
        return no_answer("timed out");
    }
    if answer["broken"] == true {
        return no_answer("the body ends early");
    }
    if answer["refused-connection"] == true {
        return Some(Failure::NotSent("connection refused".to_owned()));
    }
    if answer["token-unavailable"] == true {
        return Some(Failure::TokenUnavailable("the token endpoint answers 503".to_owned()));
    }
    text("credentials")
        .map(Failure::Credentials)
        .or_else(|| text("scope-not-granted").map(Failure::ScopeNotGranted))
}

fn json<T: serde::Serialize>(body: &T) -> Value {
    serde_json::to_value(body).expect("a body is JSON")
}

impl GoogleApi for Script<'_> {
    type Permit = ();

    async fn reserve(&self, method: ApiMethod) -> Result<(), ApiError> {
        match self.answers.get("reserve").and_then(failure) {
            Some(failure) => Err(ApiError::new(method, failure)),
            None => Ok(()),
        }
    }

    async fn customers_get(&self, key: &str) -> Result<Customer, ApiError> {
        self.call(ApiMethod::CustomersGet, key, None)
    }

    async fn customers_insert(&self, (): (), customer: &Customer) -> Result<Customer, ApiError> {
        self.call(ApiMethod::CustomersInsert, "", Some(json(customer)))
    }

    async fn customers_patch(&self, id: &str, patch: &Customer) -> Result<Customer, ApiError> {
        self.call(ApiMethod::CustomersPatch, id, Some(json(patch)))
    }

    async fn customers_update(&self, id: &str, customer: &Customer) -> Result<Customer, ApiError> {
        self.call(ApiMethod::CustomersUpdate, id, Some(json(customer)))
    }

    async fn subscriptions_list(
        &self,
        query: &SubscriptionQuery,
    ) -> Result<Subscriptions, ApiError> {
        let token = if query.customer_auth_token.is_some() { " +token" } else { "" };
        let key = format!("{}{token}", query.customer_id.as_deref().unwrap_or_default());
        self.call(ApiMethod::SubscriptionsList, &key, None)
    }

    async fn directory_customers_get(&self, key: &str) -> Result<DirectoryCustomer, ApiError> {
        self.call(ApiMethod::DirectoryCustomersGet, key, None)
    }

    async fn directory_customers_patch(
        &self,
        key: &str,
        patch: &DirectoryCustomer,
    ) -> Result<DirectoryCustomer, ApiError> {
        self.call(ApiMethod::DirectoryCustomersPatch, key, Some(json(patch)))
    }

    async fn users_get(&self, key: &str) -> Result<User, ApiError> {
        self.call(ApiMethod::UsersGet, key, None)
    }

    async fn users_insert(&self, (): (), user: &NewUser) -> Result<User, ApiError> {
        self.call(ApiMethod::UsersInsert, "", Some(json(user)))
    }

    async fn users_make_admin(&self, key: &str) -> Result<(), ApiError> {
        self.call(ApiMethod::UsersMakeAdmin, key, None)
    }
}

/// Whether a method changes something at Google.
pub(crate) fn is_write(method: ApiMethod) -> bool {
    !matches!(
        method,
        ApiMethod::CustomersGet
            | ApiMethod::SubscriptionsList
            | ApiMethod::DirectoryCustomersGet
            | ApiMethod::UsersGet
    )
}
