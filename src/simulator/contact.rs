//! What is checked and stored of the members that both customer resources have: address, phone,
//! contact. reseller-api.md §2, §3, §10.

use std::collections::BTreeMap;

use serde_json::Value;

use super::accounts::{Account, CustomerType, PrimaryAdmin};
use super::normal;
use super::options::{Nested, Omitted, Options};
use super::rules::{Refusal, blank, invalid};

/// Members that every customer needs (§2).
const REQUIRED: [&str; 4] = [
    "postalAddress.contactName",
    "postalAddress.organizationName",
    "postalAddress.postalCode",
    "postalAddress.countryCode",
];
const MAX_MEMBER: usize = 255;

/// What was sent, by field path; surrounding white space is gone.
pub(super) struct Sent(BTreeMap<String, String>);

/// How a body is to be read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Write {
    Insert,
    Patch,
    Update,
}

impl Sent {
    /// Flattens a body that its schema accepts.
    pub(super) fn read(body: &Value) -> Self {
        let mut sent = BTreeMap::new();
        for (name, value) in body.as_object().into_iter().flatten() {
            match value {
                Value::String(text) => {
                    sent.insert(name.clone(), text.trim().to_owned());
                }
                Value::Object(members) => {
                    for (member, value) in members.iter().filter(|(member, _)| *member != "kind") {
                        if let Some(text) = value.as_str() {
                            sent.insert(format!("{name}.{member}"), text.trim().to_owned());
                        }
                    }
                }
                _ => {}
            }
        }
        Self(sent)
    }

    pub(super) fn get(&self, path: &str) -> Option<&str> {
        self.0.get(path).map(String::as_str)
    }

    fn has_address(&self) -> bool {
        self.0.keys().any(|path| path.starts_with("postalAddress."))
    }

    /// Checks the values against the account that they are for.
    pub(super) fn check(
        &self,
        account: &Account,
        write: Write,
        options: &Options,
    ) -> Result<(), Refusal> {
        let whole_address = self.has_address() && options.nested_patch == Nested::Replace;
        let whole = write == Write::Insert
            || write == Write::Update && options.put_omitted == Omitted::Clear;
        let is_domain = account.customer_type == CustomerType::Domain;
        for path in REQUIRED {
            self.check_required(path, whole || whole_address)?;
        }
        if is_domain {
            self.check_required("alternateEmail", whole)?;
        } else {
            self.check_required("primaryAdmin.primaryEmail", write == Write::Insert)?;
        }
        for (path, value) in &self.0 {
            if path.starts_with("postalAddress.") && value.chars().count() > MAX_MEMBER {
                return Err(invalid(format!("Invalid value for: {path}")));
            }
        }
        self.check_country(account, options)?;
        self.check_addresses(account, options)
    }

    fn check_required(&self, path: &str, whole: bool) -> Result<(), Refusal> {
        match self.get(path) {
            Some("") => Err(blank()),
            None if whole => Err(blank()),
            _ => Ok(()),
        }
    }

    /// §3: 400 for a country not approved for resale, and for a bad postal code.
    fn check_country(&self, account: &Account, options: &Options) -> Result<(), Refusal> {
        let country = self.country(account);
        if self.get("postalAddress.countryCode").is_some() {
            let approved = options.resellable_countries.is_empty()
                || options.resellable_countries.contains(&country);
            if !normal::is_country(&country) || !approved {
                return Err(invalid("Invalid value for: countryCode"));
            }
        }
        match self.get("postalAddress.postalCode") {
            Some(code) if country == "US" && !is_zip(code) => {
                Err(invalid("Invalid value for: postalCode"))
            }
            _ => Ok(()),
        }
    }

    /// §2: `alternateEmail` is not on the customer's domain; §12.5: a team's administrator is.
    fn check_addresses(&self, account: &Account, options: &Options) -> Result<(), Refusal> {
        let on_domain = |address: &str| {
            address
                .rsplit_once('@')
                .is_some_and(|(_, domain)| domain.eq_ignore_ascii_case(&account.customer_domain))
        };
        if let Some(address) = self.get("alternateEmail").filter(|address| !address.is_empty()) {
            let own = account.customer_type == CustomerType::Domain && on_domain(address);
            if !is_email(address) || own {
                return Err(invalid("Invalid value for: alternateEmail"));
            }
        }
        match self.get("primaryAdmin.primaryEmail") {
            Some(address)
                if !is_email(address) || options.primary_admin_on_domain && !on_domain(address) =>
            {
                Err(invalid("Invalid value for: primaryAdmin.primaryEmail"))
            }
            _ => Ok(()),
        }
    }

    fn country(&self, account: &Account) -> String {
        let stored = || account.postal_address.get("countryCode").map_or("", String::as_str);
        self.get("postalAddress.countryCode").unwrap_or_else(stored).to_ascii_uppercase()
    }

    /// Stores the values in Google's form; drops what Google drops (§2, §10, §12.7).
    pub(super) fn store(&self, account: &mut Account, write: Write, options: &Options) {
        let country = self.country(account);
        let clear = write == Write::Update && options.put_omitted == Omitted::Clear;
        if clear || self.has_address() && options.nested_patch == Nested::Replace {
            account.postal_address.clear();
        }
        if clear {
            account.alternate_email = None;
            account.phone_number = None;
        }
        for (path, sent) in &self.0 {
            if options.drop.contains(path) {
                continue;
            }
            let further = options.normalise.get(path).and_then(|forms| forms.get(sent));
            let value = further.unwrap_or(sent).as_str();
            match path.as_str() {
                "phoneNumber" => store_phone(account, value, &country),
                "alternateEmail" => account.alternate_email = some(value),
                "postalAddress.countryCode" => {
                    account.postal_address.insert("countryCode".to_owned(), country.clone());
                }
                "postalAddress.region" if further.is_none() => {
                    let value = normal::region(value, &country);
                    account.postal_address.insert("region".to_owned(), value);
                }
                _ => {
                    if let Some(member) = path.strip_prefix("postalAddress.") {
                        account.postal_address.insert(member.to_owned(), value.to_owned());
                    }
                }
            }
        }
        account.postal_address.retain(|_, value| !value.is_empty());
    }

    /// The administrator that was sent.
    pub(super) fn primary_admin(&self) -> Option<PrimaryAdmin> {
        let primary_email = self.get("primaryAdmin.primaryEmail")?.to_owned();
        Some(PrimaryAdmin { primary_email })
    }
}

/// §2: "an invalid value is dropped without error", so the old one stays.
fn store_phone(account: &mut Account, sent: &str, country: &str) {
    if sent.is_empty() {
        account.phone_number = None;
    } else if let Some(number) = normal::phone(sent, country) {
        account.phone_number = Some(number);
    }
}

fn some(value: &str) -> Option<String> {
    (!value.is_empty()).then(|| value.to_owned())
}

pub(super) fn is_email(address: &str) -> bool {
    matches!(address.rsplit_once('@'), Some((local, domain))
        if !local.is_empty() && is_domain(domain))
        && !address.contains(char::is_whitespace)
}

pub(super) fn is_domain(name: &str) -> bool {
    let label = |label: &str| {
        !label.is_empty()
            && label.len() <= 63
            && !label.starts_with('-')
            && !label.ends_with('-')
            && label.chars().all(|c| c.is_ascii_alphanumeric() || c == '-')
    };
    name.len() <= 253 && name.contains('.') && name.split('.').all(label)
}

fn is_zip(code: &str) -> bool {
    let digits = |part: &str, len| part.len() == len && part.bytes().all(|b| b.is_ascii_digit());
    match code.split_once('-') {
        Some((first, last)) => digits(first, 5) && digits(last, 4),
        None => digits(code, 5),
    }
}
