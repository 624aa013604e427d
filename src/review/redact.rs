//! Hides contact data: names of people, e-mail addresses, phone numbers and street lines.

use super::entry::{Entry, FieldChange};
use crate::crd::ResellerCustomerSpec;
use crate::domain::Field;

/// What stands in the place of a value.
const HIDDEN: &str = "(hidden)";

/// Fields whose values are hidden, beside e-mail addresses of any field.
const CONTACT: [Field; 6] = [
    Field::AlternateEmail,
    Field::PhoneNumber,
    Field::ContactName,
    Field::AddressLine1,
    Field::AddressLine2,
    Field::AddressLine3,
];

/// Knows the contact data of one object.
pub(super) struct Redactor {
    values: Vec<String>,
}

impl Redactor {
    /// The contact data that a manifest holds.
    pub(super) fn of(spec: &ResellerCustomerSpec) -> Self {
        let fields = CONTACT.into_iter().filter_map(|field| field.desired(spec));
        let admin = spec.initial_admin.iter().flat_map(|admin| {
            let name = [&admin.name.given_name, &admin.name.family_name];
            name.into_iter().map(String::as_str)
        });
        let values = fields.chain(admin).filter(|value| !value.is_empty());
        Self { values: values.map(str::to_owned).collect() }
    }

    /// Hides it in a whole entry, with what Google has in its place.
    pub(super) fn redact(mut self, entry: &mut Entry) {
        let all = || entry.changes.iter().chain(&entry.differences);
        let observed = all().filter(|change| is_contact(&change.field));
        self.values.extend(observed.filter_map(|change| change.observed.clone()));
        // The longest first: a name may be part of another one.
        self.values.retain(|value| !value.is_empty());
        self.values.sort_by_key(|value| std::cmp::Reverse(value.len()));
        for change in entry.changes.iter_mut().chain(&mut entry.differences) {
            hide(change);
        }
        for note in &mut entry.notes {
            *note = self.text(note);
        }
        if let Some(blocked) = &mut entry.blocked {
            blocked.message = self.text(&blocked.message);
        }
    }

    /// Hides the values in a text, and whatever looks like an e-mail address.
    fn text(&self, text: &str) -> String {
        let known = self.values.iter().fold(text.to_owned(), |text, value| without(&text, value));
        let is_part = |c: char| !c.is_whitespace() && !"()<>\"',;:".contains(c);
        let mut hidden = String::with_capacity(known.len());
        let mut rest = known.as_str();
        while let Some(start) = rest.find(is_part) {
            let length = rest[start..].find(|c| !is_part(c)).unwrap_or(rest.len() - start);
            let (before, word) = (&rest[..start], &rest[start..start + length]);
            hidden.push_str(before);
            hidden.push_str(if is_address(word) { HIDDEN } else { word });
            rest = &rest[start + length..];
        }
        hidden.push_str(rest);
        hidden
    }
}

/// The text without a value, where that stands as a word of its own: a short name may be part of
/// any other word.
fn without(text: &str, value: &str) -> String {
    let mut hidden = String::with_capacity(text.len());
    let mut from = 0;
    for (start, _) in text.match_indices(value) {
        let end = start + value.len();
        let is_word = !text[..start].ends_with(char::is_alphanumeric)
            && !text[end..].starts_with(char::is_alphanumeric);
        if is_word {
            hidden.push_str(&text[from..start]);
            hidden.push_str(HIDDEN);
            from = end;
        }
    }
    hidden + &text[from..]
}

fn is_contact(path: &str) -> bool {
    Field::from_path(path).is_some_and(|field| CONTACT.contains(&field)) || path.contains("Email")
}

fn is_address(word: &str) -> bool {
    word.split_once('@').is_some_and(|(local, domain)| !local.is_empty() && domain.contains('.'))
}

/// That a value is asked for, or is there, may be seen; which one may not.
fn hide(change: &mut FieldChange) {
    if !is_contact(&change.field) {
        return;
    }
    for value in change.observed.iter_mut().chain([&mut change.desired]) {
        if !value.is_empty() {
            HIDDEN.clone_into(value);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_and_addresses_go_and_words_that_hold_a_name_stay() {
        let values = vec!["Ada Owner".to_owned(), "Obs".to_owned()];
        let redactor = Redactor { values };
        let text = "The policy is Observe; Obs, Ada Owner and zoe@x.example (ada@b.example) know.";
        assert_eq!(
            redactor.text(text),
            "The policy is Observe; (hidden), (hidden) and (hidden) ((hidden)) know."
        );
    }
}
