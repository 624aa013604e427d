//! What a plan may do at Google: one variant per mutating method.

use schemars::JsonSchema;
use serde::Serialize;

use crate::domain::Field;
use crate::domain::memory::is_order;
use crate::google::ApiMethod;
use crate::google::types::{Address, Customer};

/// A call of Google's APIs that changes something.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Action {
    /// Reseller `customers.insert`: an order. Costs money and is never repeated.
    CustomersInsert(Box<Customer>),
    /// Reseller `customers.patch`.
    CustomersPatch(Box<Patch>),
    /// Directory `customers.patch` of the language.
    DirectoryCustomersPatch(LanguagePatch),
    /// Directory `users.insert` of the first administrator. Never repeated.
    UsersInsert {
        /// Address of the new user.
        primary_email: String,
    },
    /// Directory `users.makeAdmin` of the user that this object created.
    UsersMakeAdmin {
        /// Address of the user.
        primary_email: String,
    },
}

impl Action {
    /// The method that it calls.
    #[must_use]
    pub fn method(&self) -> ApiMethod {
        match self {
            Self::CustomersInsert(_) => ApiMethod::CustomersInsert,
            Self::CustomersPatch(_) => ApiMethod::CustomersPatch,
            Self::DirectoryCustomersPatch(_) => ApiMethod::DirectoryCustomersPatch,
            Self::UsersInsert { .. } => ApiMethod::UsersInsert,
            Self::UsersMakeAdmin { .. } => ApiMethod::UsersMakeAdmin,
        }
    }

    /// What is at stake with it.
    #[must_use]
    pub fn risk(&self) -> Risk {
        match self {
            Self::CustomersInsert(_) => Risk::Money,
            Self::UsersInsert { .. } | Self::UsersMakeAdmin { .. } => Risk::Access,
            Self::CustomersPatch(patch) => {
                let is_recovery = |change: &Change| change.field == Field::AlternateEmail;
                if patch.changes.iter().any(is_recovery) { Risk::Access } else { Risk::Change }
            }
            Self::DirectoryCustomersPatch(_) => Risk::Change,
        }
    }

    /// The managed fields that it writes, with the value before and after.
    #[must_use]
    pub fn changes(&self) -> &[Change] {
        match self {
            Self::CustomersPatch(patch) => &patch.changes,
            Self::DirectoryCustomersPatch(patch) => std::slice::from_ref(&patch.change),
            Self::CustomersInsert(_) | Self::UsersInsert { .. } | Self::UsersMakeAdmin { .. } => {
                &[]
            }
        }
    }

    /// Whether it is the operation that a ledger entry of this hash stands for.
    #[must_use]
    pub fn is_order_of(&self, payload_hash: &str) -> bool {
        matches!(self, Self::CustomersInsert(order) if is_order(order, payload_hash))
    }
}

/// What is at stake with a call, the least first.
#[derive(Serialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub enum Risk {
    /// Nothing is written.
    None,
    /// Contact data or language of an account change.
    Change,
    /// Who can get into an account changes: an administrator is made, or the address by which Google
    /// reaches the customer is another one.
    Access,
    /// It costs money.
    Money,
}

/// Why a field is written.
#[derive(Serialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub enum Cause {
    /// The manifest was changed, or the account was just adopted.
    Edit,
    /// Somebody changed the account.
    Drift,
}

/// A managed field that differs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Change {
    pub field: Field,
    /// Value of the manifest.
    pub desired: String,
    /// Value at Google.
    pub observed: String,
    pub cause: Cause,
}

/// A change of the Reseller API's record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Patch {
    /// Id of the account.
    pub id: String,
    /// The fields to be written.
    pub changes: Vec<Change>,
    /// What is sent.
    pub body: Customer,
}

impl Patch {
    /// The patch that makes these changes. Where any member of the address is to be written the
    /// whole address is sent, what Google has overlaid by the changes: right whether Google merges
    /// nested objects or replaces them (customer.md, Updates).
    #[must_use]
    pub fn of(id: &str, account: &Customer, changes: Vec<Change>) -> Self {
        let mut body = Customer::default();
        if changes.iter().any(|change| change.field.is_address()) {
            body.postal_address = account.postal_address.clone().map(without_kind);
        }
        for change in &changes {
            change.field.set(&mut body, &change.desired);
        }
        Self { id: id.to_owned(), changes, body }
    }
}

/// `kind` is Google's own constant; what is sent is what a person would send.
fn without_kind(address: Address) -> Address {
    Address { kind: None, ..address }
}

/// A change of the language through the Directory API.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LanguagePatch {
    /// Id of the account.
    pub id: String,
    pub change: Change,
}
