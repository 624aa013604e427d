//! What the manifests of a set of accounts are called: the name of the object, and of its file.

use std::collections::BTreeMap;
use std::fmt::Write;

use sha2::{Digest, Sha256};

use crate::domain::ids::{CustomerDomain, CustomerId};

/// Longest name: with `.yaml` it is still a file name (255), and so an object name (253) too.
const LONGEST: usize = 250;

/// The name for each account: its domain, and the id too where accounts share one.
///
/// Every name is a DNS name in lower case, so it is a valid `metadata.name`, no path leads out of
/// it, and no two differ only by case.
#[must_use]
pub fn names(accounts: &BTreeMap<CustomerId, CustomerDomain>) -> BTreeMap<CustomerId, String> {
    let mut shared: BTreeMap<&CustomerDomain, usize> = BTreeMap::new();
    for domain in accounts.values() {
        *shared.entry(domain).or_default() += 1;
    }
    let name = |id: &CustomerId, domain: &CustomerDomain| {
        if shared[domain] == 1 {
            shortened(domain.as_str().to_owned())
        } else {
            shortened(format!("{domain}-{}", label(id)))
        }
    };
    accounts.iter().map(|(id, domain)| (id.clone(), name(id, domain))).collect()
}

/// The id as part of a name. Google's ids are a `C`, digits and lower-case letters; what else may
/// be in one is told apart by a hash.
fn label(id: &CustomerId) -> String {
    let lower = id.as_str().to_ascii_lowercase();
    let tail = &id.as_str()[1..];
    if tail.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()) {
        return lower;
    }
    let plain = lower.replace('_', "-");
    format!("{}-{}", plain.trim_end_matches('-'), hash(id.as_str()))
}

fn shortened(name: String) -> String {
    if name.len() <= LONGEST {
        return name;
    }
    let hash = hash(&name);
    let head = &name[..LONGEST - hash.len() - 1];
    format!("{}-{hash}", head.trim_end_matches(['-', '.']))
}

/// Eight hexadecimal digits.
fn hash(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().take(4).fold(String::new(), |mut hex, byte| {
        write!(hex, "{byte:02x}").expect("a String takes all text");
        hex
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn named(accounts: &[(&str, &str)]) -> Vec<String> {
        let parsed = accounts.iter().map(|(id, domain)| {
            (CustomerId::parse(id).unwrap(), CustomerDomain::parse(domain).unwrap())
        });
        names(&parsed.collect()).into_values().collect()
    }

    #[test]
    fn an_account_is_named_by_its_domain_and_by_its_id_where_it_shares_one() {
        assert_eq!(
            named(&[("C01", "acme.example"), ("C02", "team.example"), ("C03", "team.example")]),
            ["acme.example", "team.example-c02", "team.example-c03"],
        );
    }

    #[test]
    fn names_never_differ_only_by_case() {
        let names = named(&[
            ("C0ab", "t.example"),
            ("C0AB", "t.example"),
            ("C0_b", "t.example"),
            ("C0b_", "t.example"),
            ("C___", "t.example"),
        ]);
        let mut lower: Vec<String> = names.iter().map(|name| name.to_lowercase()).collect();
        assert_eq!(lower, names);
        lower.sort();
        lower.dedup();
        assert_eq!(lower.len(), 5, "{lower:?}");
        for name in names {
            assert!(CustomerDomain::parse(&name).is_some(), "{name}");
        }
    }

    #[test]
    fn the_name_of_an_account_does_not_depend_on_the_others_of_its_domain() {
        let two = named(&[("C01", "t.example"), ("C0X", "t.example")]);
        let three = named(&[("C01", "t.example"), ("C0X", "t.example"), ("C0x", "t.example")]);
        assert!(two.iter().all(|name| three.contains(name)), "{two:?} {three:?}");
    }

    #[test]
    fn a_name_fits_into_a_file_name() {
        let label = "a".repeat(62);
        let domain = |last: &str| format!("{label}.{label}.{label}.{label}.{last}");
        let (one, other) = (domain("x"), domain("y"));
        assert_eq!(one.len(), 253);
        let names = named(&[("C01", &one), ("C02", &other), ("C03", &other)]);
        for name in &names {
            assert!(name.len() <= LONGEST && CustomerDomain::parse(name).is_some(), "{name}");
        }
        assert_eq!(names.iter().collect::<std::collections::BTreeSet<_>>().len(), 3);
    }
}
