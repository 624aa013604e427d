//! Google with writes laid over it: what was read once is not read again, and what is written is
//! only remembered.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use crate::domain::Field;
use crate::google::types::{
    Customer, DirectoryCustomer, NewUser, SubscriptionQuery, Subscriptions, User,
};
use crate::google::{ApiError, ApiMethod, ErrorClass, Failure, GoogleApi};

/// Stands for the id that Google would give to a new account; no real id looks like it.
const NEW_ID: &str = "(new)";
/// The language of a new account (Directory API, `customers.language`).
const NEW_LANGUAGE: &str = "en";

type Answers<T> = BTreeMap<String, Result<T, ApiError>>;

/// Live reads with the writes of one rehearsal over them.
pub(super) struct Overlay<'a, G> {
    google: &'a G,
    now: Timestamp,
    seen: Mutex<Seen>,
}

/// The answers so far, as they would be after the writes so far.
#[derive(Default)]
struct Seen {
    customers: Answers<Customer>,
    directory: Answers<DirectoryCustomer>,
    users: Answers<User>,
    is_ordered: bool,
}

impl<'a, G: GoogleApi> Overlay<'a, G> {
    pub(super) fn new(google: &'a G, now: Timestamp) -> Self {
        Self { google, now, seen: Mutex::default() }
    }

    /// The failure of a read that says nothing of the account, if there was one.
    pub(super) fn into_unread(self) -> Option<ApiError> {
        let seen = self.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        let errors = seen.customers.into_values().filter_map(Result::err);
        errors.into_iter().find(|error| {
            matches!(
                error.class(),
                ErrorClass::Unavailable | ErrorClass::Quota | ErrorClass::Credentials
            )
        })
    }

    fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seen {
    /// The record of an account under every key by which it was read.
    fn records(&mut self, id: &str) -> impl Iterator<Item = &mut Customer> {
        let answers = self.customers.values_mut().filter_map(|answer| answer.as_mut().ok());
        answers.filter(move |record| record.customer_id.as_deref() == Some(id))
    }
}

fn no_such(method: ApiMethod) -> ApiError {
    let (reason, message) = ("notFound".to_owned(), "Resource Not Found".to_owned());
    ApiError::new(method, Failure::Answered { status: 404, reason, message })
}

/// What a rehearsal never asks for.
fn not_asked(method: ApiMethod, why: &str) -> ApiError {
    ApiError::new(method, Failure::NotSent(why.to_owned()))
}

/// Lays what is sent over what is there, as PATCH merges.
fn merge(record: &mut Customer, patch: &Customer) {
    let is_sent = |field: Field| {
        field.is_address() && patch.postal_address.is_some()
            || field == Field::AlternateEmail && patch.alternate_email.is_some()
            || field == Field::PhoneNumber && patch.phone_number.is_some()
    };
    for field in Field::ALL.into_iter().filter(|&field| is_sent(field)) {
        field.set(record, field.observed(patch));
    }
}

impl<G: GoogleApi> GoogleApi for Overlay<'_, G> {
    type Permit = ();

    async fn reserve(&self, _method: ApiMethod) -> Result<(), ApiError> {
        Ok(())
    }

    async fn customers_get(&self, key: &str) -> Result<Customer, ApiError> {
        if let Some(answer) = self.seen().customers.get(key) {
            return answer.clone();
        }
        let answer = self.google.customers_get(key).await;
        let mut seen = self.seen();
        if let Some(id) = answer.as_ref().ok().and_then(|record| record.customer_id.clone()) {
            seen.customers.entry(id).or_insert_with(|| answer.clone());
        }
        seen.customers.insert(key.to_owned(), answer.clone());
        answer
    }

    async fn customers_insert(&self, (): (), order: &Customer) -> Result<Customer, ApiError> {
        let account = Customer { customer_id: Some(NEW_ID.to_owned()), ..order.clone() };
        let mut seen = self.seen();
        seen.is_ordered = true;
        seen.customers.insert(NEW_ID.to_owned(), Ok(account.clone()));
        seen.directory.insert(
            NEW_ID.to_owned(),
            Ok(DirectoryCustomer {
                id: Some(NEW_ID.to_owned()),
                customer_domain: order.customer_domain.clone(),
                customer_creation_time: Some(self.now.to_string()),
                language: Some(NEW_LANGUAGE.to_owned()),
            }),
        );
        Ok(account)
    }

    async fn customers_patch(&self, id: &str, patch: &Customer) -> Result<Customer, ApiError> {
        let mut seen = self.seen();
        let mut answer = Err(no_such(ApiMethod::CustomersPatch));
        for record in seen.records(id) {
            merge(record, patch);
            answer = Ok(record.clone());
        }
        answer
    }

    async fn customers_update(&self, _: &str, _: &Customer) -> Result<Customer, ApiError> {
        Err(not_asked(ApiMethod::CustomersUpdate, "it is not used for updates"))
    }

    /// No decision depends on subscriptions, so none are read: they only tell of the terms of
    /// service, of which a review says nothing.
    async fn subscriptions_list(&self, _: &SubscriptionQuery) -> Result<Subscriptions, ApiError> {
        Err(not_asked(ApiMethod::SubscriptionsList, "a review does not need it"))
    }

    async fn directory_customers_get(&self, key: &str) -> Result<DirectoryCustomer, ApiError> {
        if let Some(answer) = self.seen().directory.get(key) {
            return answer.clone();
        }
        let answer = self.google.directory_customers_get(key).await;
        self.seen().directory.insert(key.to_owned(), answer.clone());
        answer
    }

    async fn directory_customers_patch(
        &self,
        key: &str,
        patch: &DirectoryCustomer,
    ) -> Result<DirectoryCustomer, ApiError> {
        let mut seen = self.seen();
        let Some(Ok(record)) = seen.directory.get_mut(key) else {
            return Err(no_such(ApiMethod::DirectoryCustomersPatch));
        };
        record.language.clone_from(&patch.language);
        Ok(record.clone())
    }

    /// A new account has no users yet, and what it would answer cannot be read; but an address that
    /// is in use already is known to be.
    async fn users_get(&self, key: &str) -> Result<User, ApiError> {
        if let Some(answer) = self.seen().users.get(key) {
            return answer.clone();
        }
        let answer = self.google.users_get(key).await;
        let mut seen = self.seen();
        let answer = match answer {
            Err(_) if seen.is_ordered => Err(no_such(ApiMethod::UsersGet)),
            answer => answer,
        };
        seen.users.insert(key.to_owned(), answer.clone());
        answer
    }

    async fn users_insert(&self, (): (), user: &NewUser) -> Result<User, ApiError> {
        let made = User {
            primary_email: Some(user.primary_email.clone()),
            is_admin: Some(false),
            agreed_to_terms: Some(false),
            creation_time: Some(self.now.to_string()),
            ..User::default()
        };
        self.seen().users.insert(user.primary_email.clone(), Ok(made.clone()));
        Ok(made)
    }

    async fn users_make_admin(&self, key: &str) -> Result<(), ApiError> {
        match self.seen().users.get_mut(key) {
            Some(Ok(user)) => {
                user.is_admin = Some(true);
                Ok(())
            }
            _ => Err(no_such(ApiMethod::UsersMakeAdmin)),
        }
    }
}
