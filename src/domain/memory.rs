//! What the status remembers of a customer, and how it is asked.
//!
//! The status of the object is the only memory that survives a restart; customer.md, Status.

use sha2::{Digest, Sha256};

use super::desired::Desired;
use super::field::Field;
use super::normal_form::{is_equal, normal_form};
use crate::crd::{FieldMemory, OperationKind, Origin, PendingOperation, ResellerCustomerStatus};
use crate::google::types::Customer;

/// Version of the hashes in `status.fields`. A hash of another version says nothing.
const HASH_VERSION: &str = "v1";

/// Hash of the parts, told apart from each other, with the version in front.
fn hash(parts: &[&str]) -> String {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part.as_bytes());
    }
    let bytes: [u8; 32] = digest.finalize().into();
    let mut short = [0; 16];
    short.copy_from_slice(&bytes[..16]);
    format!("{HASH_VERSION}:{:032x}", u128::from_be_bytes(short))
}

/// Hash of a field's value.
#[must_use]
pub fn field_hash(field: Field, value: &str) -> String {
    hash(&[field.path(), value])
}

/// How a managed field of the account stands to the manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// Equal, in normal form or in Google's own remembered form.
    Equal,
    /// The manifest was changed (or the account was never written): to be sent.
    Edit,
    /// Somebody changed the account.
    Drift,
    /// It was sent once, and Google kept this very value: not to be sent again.
    NotAccepted,
}

/// How an observed value stands to the desired one, given what is remembered.
#[must_use]
pub fn standing(
    field: Field,
    desired: &str,
    observed: &str,
    memory: &ResellerCustomerStatus,
) -> Standing {
    if is_equal(field, desired, observed) {
        return Standing::Equal;
    }
    let Some(entry) = entry(memory, field) else { return Standing::Edit };
    let answered = entry.answered_hash.as_deref();
    match entry.applied_hash.as_deref() {
        Some(applied) if applied == field_hash(field, desired) => {
            if answered == Some(&field_hash(field, observed)) {
                Standing::Equal
            } else {
                Standing::Drift
            }
        }
        None if answered == Some(&not_accepted_hash(field, desired, observed)) => {
            Standing::NotAccepted
        }
        _ => Standing::Edit,
    }
}

/// The entry of a field that was seen equal at Google, in `observed`'s form.
#[must_use]
pub fn applied(field: Field, desired: &str, observed: &str) -> FieldMemory {
    FieldMemory {
        field: field.path().to_owned(),
        applied_hash: Some(field_hash(field, desired)),
        answered_hash: (!is_equal(field, desired, observed)).then(|| field_hash(field, observed)),
    }
}

/// The entry of a field that was sent and that Google did not take: no `appliedHash`, and an
/// `answeredHash` over both the value that was sent and the one that Google kept.
#[must_use]
pub fn not_accepted(field: Field, desired: &str, observed: &str) -> FieldMemory {
    FieldMemory {
        field: field.path().to_owned(),
        applied_hash: None,
        answered_hash: Some(not_accepted_hash(field, desired, observed)),
    }
}

fn not_accepted_hash(field: Field, desired: &str, observed: &str) -> String {
    hash(&[field.path(), desired, observed])
}

/// What Google answered to a value that was sent; customer.md, Updates that do not stick.
#[must_use]
pub fn verdict(field: Field, sent: &str, before: &str, answered: &str) -> FieldMemory {
    let was_taken = is_equal(field, sent, answered)
        || (!answered.is_empty() && !is_equal(field, before, answered));
    if was_taken { applied(field, sent, answered) } else { not_accepted(field, sent, answered) }
}

fn entry(memory: &ResellerCustomerStatus, field: Field) -> Option<&FieldMemory> {
    memory.fields.iter().find(|entry| entry.field == field.path())
}

/// Puts an entry in its sorted place.
pub fn remember(memory: &mut ResellerCustomerStatus, entry: FieldMemory) {
    match memory.fields.binary_search_by(|other| other.field.cmp(&entry.field)) {
        Ok(at) => memory.fields[at] = entry,
        Err(at) => memory.fields.insert(at, entry),
    }
}

/// Whether a field's desired value was once seen at Google.
#[must_use]
pub fn is_field_applied(memory: &ResellerCustomerStatus, field: Field, desired: &str) -> bool {
    entry(memory, field).and_then(|entry| entry.applied_hash.as_deref())
        == Some(&field_hash(field, desired))
}

/// Whether this spec was once wholly applied: the account is ours, every managed field was seen
/// equal, onboarding is done.
#[must_use]
pub fn is_applied(memory: &ResellerCustomerStatus, desired: &Desired) -> bool {
    let is_onboarded = memory.onboarded || memory.origin == Some(Origin::Adopted);
    memory.origin.is_some()
        && memory.pending_operation.is_none()
        && is_onboarded
        && desired
            .pinned
            .as_ref()
            .is_none_or(|id| Some(id.as_str()) == memory.customer_id.as_deref())
        && desired.fields.iter().all(|(field, value)| is_field_applied(memory, *field, value))
}

/// Whether the account that the manifest means is ours.
#[must_use]
pub fn is_ours(memory: &ResellerCustomerStatus, desired: &Desired) -> bool {
    memory.origin.is_some()
        && memory.customer_id.is_some()
        && desired
            .pinned
            .as_ref()
            .is_none_or(|id| Some(id.as_str()) == memory.customer_id.as_deref())
}

/// The open order, if there is one.
#[must_use]
pub fn open_order(memory: &ResellerCustomerStatus) -> Option<&PendingOperation> {
    memory.pending_operation.as_ref().filter(|op| op.kind == OperationKind::CustomersInsert)
}

/// Hash of an order for the ledger: of what later proves an account to be ours, and of the whole.
#[must_use]
pub fn order_hash(order: &Customer) -> String {
    let whole: Vec<&str> = Field::ALL.iter().map(|field| field.observed(order)).collect();
    format!("{}.{}", order_proof(order), hash(&whole))
}

/// Whether an account carries what an order of this hash sent: `alternateEmail`, `countryCode`.
#[must_use]
pub fn proves_order(account: &Customer, payload_hash: &str) -> bool {
    payload_hash.split_once('.').is_some_and(|(proof, _)| proof == order_proof(account))
}

/// Whether an order of this hash sent exactly this.
#[must_use]
pub fn is_order(order: &Customer, payload_hash: &str) -> bool {
    order_hash(order) == payload_hash
}

/// Hash of a users.insert for the ledger. The password is no part of it.
#[must_use]
pub fn user_hash(primary_email: &str) -> String {
    hash(&["user", primary_email])
}

fn order_proof(account: &Customer) -> String {
    let [email, country] = [Field::AlternateEmail, Field::CountryCode]
        .map(|field| normal_form(field, field.observed(account)));
    hash(&[&email, &country])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn remembering(entry: FieldMemory) -> ResellerCustomerStatus {
        let mut memory = ResellerCustomerStatus::default();
        remember(&mut memory, entry);
        memory
    }

    #[test]
    fn a_value_that_was_never_applied_is_an_edit() {
        let memory = ResellerCustomerStatus::default();
        assert_eq!(standing(Field::Locality, "Bonn", "Köln", &memory), Standing::Edit);
    }

    #[test]
    fn an_applied_value_that_differs_has_drifted_and_a_new_one_is_an_edit() {
        let memory = remembering(applied(Field::Locality, "Bonn", "Bonn"));
        assert_eq!(standing(Field::Locality, "Bonn", "Köln", &memory), Standing::Drift);
        assert_eq!(standing(Field::Locality, "Ulm", "Köln", &memory), Standing::Edit);
    }

    #[test]
    fn googles_own_form_counts_as_equal_from_then_on() {
        let entry = verdict(Field::Region, "New York", "", "NY");
        let memory = remembering(entry);
        assert_eq!(standing(Field::Region, "New York", "NY", &memory), Standing::Equal);
        assert_eq!(standing(Field::Region, "New York", "NJ", &memory), Standing::Drift);
    }

    #[test]
    fn a_dropped_value_is_not_sent_again_until_either_side_changes() {
        let memory = remembering(verdict(Field::PhoneNumber, "+1 23", "", ""));
        let of = |desired, observed| standing(Field::PhoneNumber, desired, observed, &memory);
        assert_eq!(of("+1 23", ""), Standing::NotAccepted);
        assert_eq!(of("+1 234", ""), Standing::Edit);
        assert_eq!(of("+1 23", "+49 1"), Standing::Edit);
    }

    #[test]
    fn a_hash_of_an_unknown_version_says_nothing() {
        let mut entry = applied(Field::Locality, "Bonn", "Bonn");
        entry.applied_hash = Some("v0:00".to_owned());
        assert_eq!(
            standing(Field::Locality, "Bonn", "Bonn", &remembering(entry.clone())),
            Standing::Equal
        );
        assert_eq!(standing(Field::Locality, "Bonn", "Köln", &remembering(entry)), Standing::Edit);
    }

    #[test]
    fn an_order_is_proved_by_email_and_country_whatever_google_normalised() {
        let mut order = Customer::default();
        Field::AlternateEmail.set(&mut order, "Ann@mail.example");
        Field::CountryCode.set(&mut order, "US");
        Field::Region.set(&mut order, "New York");
        let ledger = order_hash(&order);
        let mut account = order.clone();
        Field::AlternateEmail.set(&mut account, "ann@mail.example");
        Field::Region.set(&mut account, "NY");
        assert!(proves_order(&account, &ledger));
        assert!(is_order(&order, &ledger) && !is_order(&account, &ledger));
        Field::CountryCode.set(&mut account, "DE");
        assert!(!proves_order(&account, &ledger));
    }
}
