//! How two values are compared: what Google is known to write in another way counts as equal
//! (reference notes, section 10: phone formats; whitespace; case where it carries no meaning).

use super::Field;

/// The form in which two values of a field are compared.
#[must_use]
pub fn normal_form(field: Field, value: &str) -> String {
    let spaced = value.split_whitespace().collect::<Vec<_>>().join(" ");
    match field {
        Field::AlternateEmail => spaced.to_lowercase(),
        Field::CountryCode | Field::PostalCode | Field::Region => spaced.to_uppercase(),
        Field::PhoneNumber => spaced.chars().filter(|c| c.is_ascii_digit() || *c == '+').collect(),
        _ => spaced,
    }
}

/// Whether two values of a field say the same.
#[must_use]
pub fn is_equal(field: Field, one: &str, other: &str) -> bool {
    one == other || normal_form(field, one) == normal_form(field, other)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formats_of_one_phone_number_are_equal() {
        assert!(is_equal(Field::PhoneNumber, "+1 (987) 654-3210", "+19876543210"));
        assert!(!is_equal(Field::PhoneNumber, "+1 987 654 3210", "+1 987 654 3211"));
    }

    #[test]
    fn the_case_of_a_name_is_kept_and_the_case_of_an_address_is_not() {
        assert!(!is_equal(Field::ContactName, "ann lee", "Ann Lee"));
        assert!(is_equal(Field::AlternateEmail, "Ann@Mail.example", "ann@mail.example"));
    }

    #[test]
    fn another_word_for_the_same_region_is_not_guessed() {
        assert!(!is_equal(Field::Region, "New York", "NY"));
        assert!(is_equal(Field::Region, "ny", "NY"));
    }
}
