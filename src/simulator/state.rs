//! The simulated Google as a value: accounts and options in, answers out. Synchronous, no clock, no
//! randomness; the same calls at the same times give the same answers.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use super::accounts::{Account, CustomerType, User};
use super::methods::Method;
use super::options::{Options, TeamsTrigger};
use super::rules::{Refusal, customer_not_found, multiple_teams};

/// One call of one of the two APIs, after authentication.
#[derive(Debug)]
pub struct Call<'a> {
    /// Which method.
    pub method: Method,
    /// Customer id, domain, user address or id from the path; empty where there is none.
    pub key: &'a str,
    /// Query parameters, decoded.
    pub query: &'a BTreeMap<String, String>,
    /// Request body; null where there is none.
    pub body: &'a Value,
    /// The simulated time.
    pub now: Timestamp,
}

/// Everything that Google remembers.
#[derive(Serialize, Deserialize, Clone, Debug, Default)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct State {
    /// How Google behaves.
    pub options: Options,
    /// Makes the ids of one state differ from those of another.
    pub seed: u64,
    pub(super) made: u64,
    pub(super) accounts: BTreeMap<String, Account>,
}

impl State {
    /// Answers a call; a null answer is an empty body.
    pub fn handle(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        match call.method {
            Method::CustomersGet => self.customers_get(call),
            Method::CustomersInsert => self.customers_insert(call),
            Method::CustomersPatch | Method::CustomersUpdate => self.customers_write(call),
            Method::SubscriptionsList => self.subscriptions_list(call),
            Method::SubscriptionsInsert => self.subscriptions_insert(call),
            Method::DirectoryCustomersGet => self.directory_customers_get(call),
            Method::DirectoryCustomersPatch | Method::DirectoryCustomersUpdate => {
                self.directory_customers_write(call)
            }
            Method::UsersGet => self.users_get(call),
            Method::UsersInsert => self.users_insert(call),
            Method::UsersPatch | Method::UsersUpdate => self.users_write(call),
            Method::UsersMakeAdmin => self.users_make_admin(call),
            Method::Token | Method::SignJwt | Method::MetadataToken => {
                Err(Refusal::new(404, "notFound", "Not Found"))
            }
        }
    }

    /// All accounts, by id.
    #[must_use]
    pub fn accounts(&self) -> &BTreeMap<String, Account> {
        &self.accounts
    }

    /// An account by id.
    #[must_use]
    pub fn account(&self, id: &str) -> Option<&Account> {
        self.accounts.get(id)
    }

    /// An account by id, to change behind the operator's back.
    pub fn account_mut(&mut self, id: &str) -> Option<&mut Account> {
        self.accounts.get_mut(id)
    }

    /// Adds an account as if it had been there before, and says its id. Ids and times that are
    /// absent are filled in.
    pub fn add(&mut self, mut account: Account, now: Timestamp) -> String {
        const BEFORE: SignedDuration = SignedDuration::from_hours(30 * 24);
        if account.customer_id.is_empty() {
            account.customer_id = self.new_customer_id();
        }
        let made = *account.customer_creation_time.get_or_insert(now - BEFORE);
        account.customer_domain.make_ascii_lowercase();
        if let Some(admin) = account.primary_admin.clone()
            && account.user(&admin.primary_email).is_none()
        {
            account.users.push(first_admin(admin.primary_email, account.terms_accepted));
        }
        for user in &mut account.users {
            if user.id.is_empty() {
                user.id = self.new_number(21);
            }
            user.creation_time.get_or_insert(made);
        }
        for subscription in &mut account.subscriptions {
            if subscription.subscription_id.is_empty() {
                subscription.subscription_id = self.new_number(10);
            }
            subscription.creation_time.get_or_insert(made);
        }
        let id = account.customer_id.clone();
        self.accounts.insert(id.clone(), account);
        id
    }

    /// Forgets an account; a test reseller's console does so after days (§9).
    pub fn remove(&mut self, id: &str) -> Option<Account> {
        self.accounts.remove(id)
    }

    /// Finds the account that a key of the Reseller API means: an id, or a current primary domain
    /// (§2.2). `hidden` also finds what reads do not show yet.
    pub(super) fn find(&self, key: &str, now: Timestamp, hidden: bool) -> Result<String, Refusal> {
        let shown = |account: &&Account| hidden || account.is_visible(now);
        if let Some(account) = self.accounts.get(key).filter(shown) {
            return Ok(account.customer_id.clone());
        }
        let on_domain: Vec<&Account> = self.on_domain(key).filter(shown).collect();
        let teams = |limit: usize| on_domain.len() >= limit;
        let limit = match self.options.teams_trigger {
            TeamsTrigger::One => 1,
            TeamsTrigger::Many => 2,
        };
        match on_domain.first() {
            None => Err(customer_not_found()),
            Some(_) if let Some(domain) = domain_customer(&on_domain) => {
                Ok(domain.customer_id.clone())
            }
            Some(team) if teams(limit) || !team.is_own() => Err(multiple_teams(&self.options)),
            Some(team) => Ok(team.customer_id.clone()),
        }
    }

    /// Accounts whose current primary domain this is.
    pub(super) fn on_domain<'a>(&'a self, domain: &'a str) -> impl Iterator<Item = &'a Account> {
        self.accounts.values().filter(|a| a.customer_domain.eq_ignore_ascii_case(domain))
    }

    /// `C0` and seven letters or digits (§2).
    pub(super) fn new_customer_id(&mut self) -> String {
        const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
        let hash = self.draw();
        let tail = hash.iter().take(7).map(|byte| char::from(ALPHABET[usize::from(*byte) % 36]));
        format!("C0{}", tail.collect::<String>())
    }

    /// A decimal id that does not begin with zero.
    pub(super) fn new_number(&mut self, digits: usize) -> String {
        let hash = self.draw();
        let tail = hash.iter().take(digits - 1).map(|byte| char::from(b'0' + byte % 10));
        format!("1{}", tail.collect::<String>())
    }

    fn draw(&mut self) -> [u8; 32] {
        self.made += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_be_bytes());
        hash.update(self.made.to_be_bytes());
        hash.finalize().into()
    }
}

fn domain_customer<'a>(accounts: &[&'a Account]) -> Option<&'a Account> {
    accounts.iter().copied().find(|account| account.customer_type == CustomerType::Domain)
}

/// §3.1: the primary administrator of a team is its first user.
pub(super) fn first_admin(primary_email: String, agreed_to_terms: bool) -> User {
    User { primary_email, is_admin: true, agreed_to_terms, ..User::default() }
}

/// The simulated time, some seconds later; at the end of time it stays.
pub(super) fn later(now: Timestamp, seconds: u32) -> Timestamp {
    now.checked_add(SignedDuration::from_secs(i64::from(seconds))).unwrap_or(Timestamp::MAX)
}

/// RFC 3339 with milliseconds, as the Directory API writes times.
pub(super) fn rfc3339(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%S.%3fZ").to_string()
}
