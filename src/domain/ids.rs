//! Identifiers that cannot be wrong once they are made.

use std::fmt;

/// Primary domain of a customer: lower-case DNS name of two labels or more, without `www.`.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustomerDomain(String);

impl CustomerDomain {
    /// Parses a domain as customer.md, Spec, demands it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let labels: Vec<&str> = text.split('.').collect();
        let last = labels.last()?;
        let valid = text.len() <= 253
            && labels.len() >= 2
            && labels.iter().all(|label| is_label(label))
            && !last.bytes().all(|b| b.is_ascii_digit())
            && !text.starts_with("www.");
        valid.then(|| Self(text.to_owned()))
    }

    /// The domain as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CustomerDomain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= 63
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Google's permanent id of an account: `C` and letters, digits or underscores.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct CustomerId(String);

impl CustomerId {
    /// Parses an id.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let rest = text.strip_prefix('C')?;
        let valid =
            !rest.is_empty() && rest.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_');
        valid.then(|| Self(text.to_owned()))
    }

    /// The id as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for CustomerId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether a text is an e-mail address: something, `@`, a domain of two labels or more.
#[must_use]
pub fn is_email(text: &str) -> bool {
    text.rsplit_once('@').is_some_and(|(local, domain)| {
        !local.is_empty()
            && !local.contains(char::is_whitespace)
            && CustomerDomain::parse(&domain.to_ascii_lowercase()).is_some()
    })
}

/// Whether an address is on a domain itself; a subdomain is another domain.
#[must_use]
pub fn is_on_domain(address: &str, domain: &str) -> bool {
    address.rsplit_once('@').is_some_and(|(_, host)| host.eq_ignore_ascii_case(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_domain_has_two_labels_and_no_www() {
        assert!(CustomerDomain::parse("acme.example").is_some());
        assert!(CustomerDomain::parse("xn--bcher-kva.example").is_some());
        for wrong in
            ["acme", "Acme.example", "www.acme.example", "acme.123", "-a.example", "a..b", ""]
        {
            assert!(CustomerDomain::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn an_id_starts_with_a_capital_c() {
        assert!(CustomerId::parse("C03ay2uag").is_some());
        for wrong in ["C", "c03ay2uag", "03ay2uag", "C0/../x"] {
            assert!(CustomerId::parse(wrong).is_none(), "{wrong}");
        }
    }

    #[test]
    fn a_subdomain_is_another_domain() {
        assert!(is_on_domain("a@ACME.example", "acme.example"));
        assert!(!is_on_domain("a@mail.acme.example", "acme.example"));
    }
}
