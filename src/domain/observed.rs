//! What Google answered, with different facts told apart.

use crate::google::ApiError;
use crate::google::types::{Customer, DirectoryCustomer, Subscription, User};

/// What a pass saw at Google.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Observed {
    /// The key that was asked for.
    pub key: Key,
    /// The answer to `customers.get` of that key.
    pub answer: Answer,
    /// The answer for the domain, where a known id is gone for longer than the lag grace.
    pub domain_answer: Option<Answer>,
    /// The Directory's record, where it was needed.
    pub directory: Read<DirectoryCustomer>,
    /// The account's subscriptions, where it is ours or could be.
    pub subscriptions: Read<Vec<Subscription>>,
    /// What could be transferred from a foreign account, where a token was given.
    pub transferable: Read<Vec<Subscription>>,
    /// The administrator whose acceptance of the terms counts, where no subscription tells.
    pub admin: Read<Option<User>>,
}

impl Observed {
    /// An observation of nothing but this answer.
    #[must_use]
    pub fn of(key: Key, answer: Answer) -> Self {
        Self {
            key,
            answer,
            domain_answer: None,
            directory: Read::NotAsked,
            subscriptions: Read::NotAsked,
            transferable: Read::NotAsked,
            admin: Read::NotAsked,
        }
    }

    /// The full record, where there is one.
    #[must_use]
    pub fn full(&self) -> Option<&Customer> {
        match &self.answer {
            Answer::Full(customer) => Some(customer),
            _ => None,
        }
    }
}

/// What was looked up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Key {
    /// Google's permanent id.
    Id(String),
    /// The current primary domain.
    Domain(String),
}

impl Key {
    /// The key as `customers.get` takes it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        match self {
            Self::Id(key) | Self::Domain(key) => key,
        }
    }
}

/// The four answers of `customers.get` (customer.md), and the failure to get one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// A full record: `postalAddress` is there. The account belongs to this reseller.
    Full(Box<Customer>),
    /// A minimal record: it belongs to Google or to another reseller.
    Minimal(Box<Customer>),
    /// "Multiple teams exist on this domain".
    MultipleTeams,
    /// Google's own 404.
    Absent,
    /// None of these.
    Failed(ApiError),
}

/// A read that serves a fact and may fail without harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Read<T> {
    /// Not needed in this pass.
    NotAsked,
    /// What was read.
    Got(T),
    /// Why it could not be read.
    Failed(ApiError),
}

impl<T> Read<T> {
    /// What was read, if it was.
    pub fn got(&self) -> Option<&T> {
        match self {
            Self::Got(value) => Some(value),
            Self::NotAsked | Self::Failed(_) => None,
        }
    }
}
