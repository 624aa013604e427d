//! What a plan may do at Google: one variant per mutating method.

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

    /// Whether it is the operation that a ledger entry of this hash stands for.
    #[must_use]
    pub fn is_order_of(&self, payload_hash: &str) -> bool {
        matches!(self, Self::CustomersInsert(order) if is_order(order, payload_hash))
    }
}

/// Why a field is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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
