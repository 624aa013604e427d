//! What a plan needs from outside of the object, as values.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use secrecy::SecretString;

use super::field::Field;

/// What surrounds one pass.
#[derive(Clone, Debug)]
pub struct Surroundings {
    /// Name of the object, for the commands that messages print.
    pub name: String,
    /// Namespace of the object, for the same.
    pub namespace: String,
    /// Whether this object holds its claims.
    pub claim: Claim,
    /// Ids of accounts that are other objects', each with the name of that object, if it is in the
    /// same namespace: they are not adopted.
    pub taken: BTreeMap<String, Option<String>>,
    /// Whether an order may be made now.
    pub orders: OrderGate,
    /// How long this process has watched what is still going on.
    pub graces: Graces,
    /// How long ago this process last wrote to the account.
    pub since_write: Option<Duration>,
    /// Fields that this process wrote and that no read has shown since, with the value before.
    pub unverified: BTreeMap<Field, String>,
    /// Value of the annotation `approve-order`.
    pub approve_order: Option<String>,
    /// Value of the annotation `reconcile-requested-at`.
    pub reconcile_requested_at: Option<String>,
    /// State of the Secret of the first administrator.
    pub password: PasswordSecret,
    /// The transfer token that the customer gave.
    pub transfer_token: TransferToken,
    /// A random value that no other pass has: the id of an operation, or an approval's token.
    pub nonce: String,
    /// How long things may take.
    pub durations: Durations,
}

/// Whether an object holds what it claims; customer.md, Claims.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Claim {
    /// It does.
    Held,
    /// Another object does; its name, if it is in the same namespace.
    Other(Option<String>),
}

/// Whether an order may be made now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OrderGate {
    /// It may.
    Open,
    /// The hourly limit is reached.
    Limit,
    /// An order for this domain was made less than a lag grace ago, by whatever object.
    Locked,
}

/// State of the Secret that holds the first password.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum PasswordSecret {
    /// There is no such Secret: it is created with a generated password.
    Absent,
    /// The Secret is there and lacks the key.
    KeyMissing,
    /// The value is not 8 to 100 ASCII characters.
    Unusable,
    /// It can be used; its resourceVersion.
    Present(String),
}

/// The transfer token that `spec.customerAuthTokenSecretRef` names.
#[derive(Clone, Debug, Default)]
pub enum TransferToken {
    /// None is named.
    #[default]
    NotNamed,
    /// The Secret or its key is missing.
    Missing,
    /// The token.
    Given(SecretString),
}

/// Something that is over only when this process has watched it for as long as the lag grace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Grace {
    /// The outcome of an operation, by its id.
    Operation(String),
    /// A known id answers 404.
    Gone(String),
    /// An account of ours answers with a minimal record.
    Foreign(String),
    /// An order was answered by 409.
    Conflict,
}

/// How long each grace was watched: the lesser of what the monotonic and the wall clock say.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Graces(BTreeMap<Grace, Duration>);

impl Graces {
    /// How long this was watched; none if it was not watched before this pass.
    #[must_use]
    pub fn watched(&self, grace: &Grace) -> Option<Duration> {
        self.0.get(grace).copied()
    }

    /// The graces that were watched.
    #[must_use]
    pub fn keys(&self) -> BTreeSet<Grace> {
        self.0.keys().cloned().collect()
    }
}

impl FromIterator<(Grace, Duration)> for Graces {
    fn from_iter<I: IntoIterator<Item = (Grace, Duration)>>(iter: I) -> Self {
        Self(iter.into_iter().collect())
    }
}

/// How long things may take; flags of `run`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Durations {
    /// How long a 404 may be read-after-write lag.
    pub lag_grace: Duration,
    /// How long after a write a differing read is taken for lag.
    pub settle_time: Duration,
    /// How long Google may be unreadable before Ready turns Unknown.
    pub staleness_budget: Duration,
}

impl Default for Durations {
    fn default() -> Self {
        Self {
            lag_grace: Duration::from_mins(10),
            settle_time: Duration::from_secs(30),
            staleness_budget: Duration::from_hours(24),
        }
    }
}

impl Surroundings {
    /// Whether a grace was watched for as long as it lasts.
    #[must_use]
    pub fn is_over(&self, grace: &Grace) -> bool {
        self.graces.watched(grace).is_some_and(|watched| watched >= self.durations.lag_grace)
    }

    /// Whether a write of this process may not be readable yet.
    #[must_use]
    pub fn is_settling(&self) -> bool {
        self.since_write.is_some_and(|since| since < self.durations.settle_time)
    }
}

impl Default for Surroundings {
    fn default() -> Self {
        Self {
            name: String::new(),
            namespace: String::new(),
            claim: Claim::Held,
            taken: BTreeMap::new(),
            orders: OrderGate::Open,
            graces: Graces::default(),
            since_write: None,
            unverified: BTreeMap::new(),
            approve_order: None,
            reconcile_requested_at: None,
            password: PasswordSecret::Absent,
            transfer_token: TransferToken::NotNamed,
            nonce: String::new(),
            durations: Durations::default(),
        }
    }
}
