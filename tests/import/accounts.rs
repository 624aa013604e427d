//! Generated accounts: what Google may hold, and what nobody expects.

use std::collections::BTreeMap;

use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use reseller_operator::simulator::{Account, CustomerType, Owner, PrimaryAdmin, Subscription};

/// Strings that YAML readers take for something else, or that break files.
pub(crate) const ODD: [&str; 62] = [
    "NO",
    "no",
    "y",
    "Y",
    "on",
    "Off",
    "yes",
    "true",
    "False",
    "null",
    "Null",
    "~",
    "",
    " ",
    "0123",
    "0o17",
    "0x1F",
    "0b11",
    "1_000",
    "1e3",
    ".5",
    "-.inf",
    ".NaN",
    "nan",
    "+4930123456",
    "12:30:00",
    "190:20:30",
    "2001-01-01",
    "2001-12-14t21:59:43.10-05:00",
    "<<",
    "=",
    "- a",
    "? a",
    "a: b",
    "a:",
    ":a",
    "a #b",
    "#a",
    "@a",
    "`a",
    "%a",
    "!a",
    "&a",
    "*a",
    "|",
    ">",
    "[a]",
    "{a}",
    "'a'",
    "\"a\"",
    "a\\b",
    " a",
    "a ",
    "a\nb",
    "a\r\nb",
    "a\tb",
    "\u{7}\u{0}\u{1b}",
    "\u{85}\u{2028}",
    "\u{feff}a",
    "Müller 🎉",
    "---",
    "...",
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => "[A-Z][a-z]{2,8}( [A-Z][a-z]{2,8})?",
        3 => proptest::sample::select(&ODD[..]).prop_map(str::to_owned),
        2 => vec(any::<char>(), 0..12).prop_map(String::from_iter),
        1 => "[0-9_:.eE+x-]{1,6}",
        1 => "(word ){10,40}",
        1 => "x{250,260}",
    ]
}

fn member(plausible: &'static str) -> impl Strategy<Value = String> {
    prop_oneof![6 => plausible.prop_map(|it| it), 2 => text()]
}

fn address() -> impl Strategy<Value = BTreeMap<String, String>> {
    const FREE: [&str; 7] = [
        "contactName",
        "organizationName",
        "addressLine1",
        "addressLine2",
        "addressLine3",
        "locality",
        "region",
    ];
    let free = btree_map(proptest::sample::select(&FREE[..]), text(), 0..8);
    // Most accounts have what an order needs.
    let needed = (text(), text(), member("[0-9]{5}"), member("DE|NO|AT|US|XX|de"));
    let is_whole = prop_oneof![4 => Just(true), 1 => Just(false)];
    (free, needed, is_whole).prop_map(|(free, (contact, organization, code, country), is_whole)| {
        let mut all: BTreeMap<String, String> =
            free.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        all.insert("postalCode".to_owned(), code);
        if is_whole {
            all.entry("contactName".to_owned()).or_insert(contact);
            all.entry("organizationName".to_owned()).or_insert(organization);
            all.insert("countryCode".to_owned(), country);
        }
        all
    })
}

fn account() -> impl Strategy<Value = Account> {
    let domain = prop_oneof![
        6 => "[a-z]{1,3}[.]example",
        2 => Just("team.example".to_owned()),
        1 => Just("xn--bcher-kva.example".to_owned()),
        1 => Just("www.acme.example".to_owned()),
        1 => Just("../up.example".to_owned()),
        1 => Just("bücher.example".to_owned()),
    ];
    let id = prop_oneof![4 => "C0[0-9a-z]{7}", 1 => "C[0-9A-Za-z_]{1,8}"];
    let kind = (prop::bool::ANY, prop::bool::weighted(0.15), prop::bool::weighted(0.1));
    let contact = (
        proptest::option::of(member("[a-z]{1,5}@(provider|team)[.]example")),
        proptest::option::of(member("[+]49 30 [0-9]{6}|030 [0-9]{6}|[+]12345678901")),
        proptest::option::of(member("[a-z]{1,5}@team[.]example")),
        member("en|de|no|pt-BR|tlh"),
    );
    (id, domain, kind, address(), contact).prop_map(|(id, domain, kind, address, contact)| {
        let (is_team, is_foreign, directory_access_revoked) = kind;
        let (alternate_email, phone_number, admin, language) = contact;
        Account {
            customer_id: id,
            customer_domain: domain,
            customer_type: if is_team { CustomerType::Team } else { CustomerType::Domain },
            owner: if is_foreign { Owner::Foreign } else { Owner::Own },
            postal_address: address,
            alternate_email,
            phone_number,
            primary_admin: admin
                .filter(|_| is_team)
                .map(|primary_email| PrimaryAdmin { primary_email }),
            language,
            directory_access_revoked,
            subscriptions: vec![Subscription {
                status: "CANCELLED".to_owned(),
                ..Subscription::default()
            }],
            ..Account::default()
        }
    })
}

/// What one Google holds, by id.
pub(crate) fn accounts() -> impl Strategy<Value = BTreeMap<String, Account>> {
    vec(account(), 1..8).prop_map(|accounts| {
        accounts.into_iter().map(|account| (account.customer_id.clone(), account)).collect()
    })
}
