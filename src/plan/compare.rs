//! The managed fields of an account against the manifest.

use super::Input;
use super::action::{Action, Cause, Change, LanguagePatch, Patch};
use crate::crd::{DriftEntry, ResellerCustomerStatus};
use crate::domain::Field;
use crate::domain::memory::{self, Standing, standing};
use crate::domain::normal_form::is_equal;
use crate::domain::observed::Read;
use crate::google::ApiError;
use crate::google::types::Customer;

/// How the managed fields stand.
#[derive(Debug, Default)]
pub(super) struct Comparison<'a> {
    /// Equal ones, with Google's value.
    pub(super) equal: Vec<(Field, &'a str, &'a str)>,
    /// Those to be written.
    pub(super) changes: Vec<Change>,
    /// Those that Google does not take.
    pub(super) not_accepted: Vec<Change>,
    /// Why the language could not be compared.
    pub(super) language_unread: Option<&'a ApiError>,
}

/// Compares all managed fields; `memory` is empty for an account that is not ours yet.
pub(super) fn compare<'a>(
    input: Input<'a>,
    account: &'a Customer,
    memory: &ResellerCustomerStatus,
) -> Comparison<'a> {
    let mut comparison = Comparison::default();
    for (&field, desired) in &input.desired.fields {
        let observed = match (field, &input.observed.directory) {
            (Field::Language, Read::Got(directory)) => directory.language.as_deref().unwrap_or(""),
            (Field::Language, Read::Failed(error)) => {
                comparison.language_unread = Some(error);
                continue;
            }
            (Field::Language, Read::NotAsked) => continue,
            _ => field.observed(account),
        };
        let change = |cause| Change {
            field,
            desired: desired.clone(),
            observed: observed.to_owned(),
            cause,
        };
        match standing(field, desired, observed, memory) {
            Standing::Drift if is_still_the_old_value(input, field, observed) => {
                comparison.not_accepted.push(change(Cause::Edit));
            }
            Standing::Equal => comparison.equal.push((field, desired, observed)),
            Standing::Edit => comparison.changes.push(change(Cause::Edit)),
            Standing::Drift => comparison.changes.push(change(Cause::Drift)),
            Standing::NotAccepted => comparison.not_accepted.push(change(Cause::Edit)),
        }
    }
    comparison
}

/// Google answered a write as if it took it, and after it settled the value before is still there:
/// nobody changed the account, it was not accepted. Without this a field that is only echoed would
/// be written for ever.
fn is_still_the_old_value(input: Input<'_>, field: Field, observed: &str) -> bool {
    let before = input.surroundings.unverified.get(&field);
    !input.surroundings.is_settling()
        && before.is_some_and(|before| is_equal(field, before, observed))
}

impl Comparison<'_> {
    /// Whether nothing differs.
    pub(super) fn is_equal(&self) -> bool {
        self.changes.is_empty() && self.not_accepted.is_empty()
    }

    /// The open differences, for `status.drift`.
    pub(super) fn differences(&self) -> Vec<DriftEntry> {
        drift_entries(self.changes.iter().chain(&self.not_accepted))
    }

    /// Remembers what is equal, and forgets fields that are no longer managed. What is remembered
    /// of this very value stays: a read that lags must not take Google's own form away.
    pub(super) fn remember_into(
        &self,
        status: &mut ResellerCustomerStatus,
        managed: impl Fn(Field) -> bool,
    ) {
        status.fields.retain(|entry| Field::from_path(&entry.field).is_some_and(&managed));
        for (field, desired, observed) in &self.equal {
            if !memory::is_field_applied(status, *field, desired) {
                memory::remember(status, memory::applied(*field, desired, observed));
            }
        }
        for change in &self.not_accepted {
            let entry = memory::not_accepted(change.field, &change.desired, &change.observed);
            memory::remember(status, entry);
        }
    }
}

/// The differences that these changes are about.
pub(super) fn drift_entries<'a>(changes: impl Iterator<Item = &'a Change>) -> Vec<DriftEntry> {
    let mut entries: Vec<DriftEntry> = changes
        .map(|change| DriftEntry {
            field: change.field.path().to_owned(),
            desired: change.desired.clone(),
            observed: change.observed.clone(),
        })
        .collect();
    entries.sort_by(|one, other| one.field.cmp(&other.field));
    entries
}

/// The calls that make these changes: the record first, then the language.
pub(super) fn writes(id: &str, account: &Customer, changes: &[Change]) -> Vec<Action> {
    let (language, record): (Vec<Change>, Vec<Change>) =
        changes.iter().cloned().partition(|change| change.field == Field::Language);
    let mut actions = Vec::new();
    if !record.is_empty() {
        actions.push(Action::CustomersPatch(Box::new(Patch::of(id, account, record))));
    }
    actions.extend(language.into_iter().map(|change| {
        Action::DirectoryCustomersPatch(LanguagePatch { id: id.to_owned(), change })
    }));
    actions
}

/// Names of fields, for messages.
pub(super) fn names<'a>(changes: impl IntoIterator<Item = &'a Change>) -> String {
    let mut paths: Vec<String> =
        changes.into_iter().map(|change| format!("spec.{}", change.field.path())).collect();
    paths.sort_unstable();
    paths.join(", ")
}
