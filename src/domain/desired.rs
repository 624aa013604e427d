//! What a manifest asks for, once it is known to be possible.

use std::collections::BTreeMap;

use super::field::Field;
use super::ids::{self, CustomerDomain, CustomerId};
use super::violation::{Violation, Violations};
use crate::crd::{
    AdoptionPolicy, CustomerType, DriftPolicy, InitialAdmin, LANGUAGE_CODES, ManagementPolicy,
    ResellerCustomerSpec, SecretKeyRef,
};
use crate::google::types::{Customer, PrimaryAdmin};

/// A manifest's spec, valid. The API server refuses most of what is refused here; an object that
/// was stored under an older CRD is caught by this.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Desired {
    /// Primary domain of the account.
    pub domain: CustomerDomain,
    /// How Google verifies the customer.
    pub customer_type: CustomerType,
    /// The account that `spec.customerId` pins.
    pub pinned: Option<CustomerId>,
    /// Values of the managed fields.
    pub fields: BTreeMap<Field, String>,
    /// First administrator of a team; create-only.
    pub primary_admin: Option<String>,
    /// First super administrator of a domain customer.
    pub initial_admin: Option<InitialAdmin>,
    /// Where the transfer token is, that the customer gave.
    pub transfer_token: Option<SecretKeyRef>,
    /// May it order, may it write.
    pub management: ManagementPolicy,
    /// What to do with an account that exists.
    pub adoption: AdoptionPolicy,
    /// What to do with drift.
    pub drift: DriftPolicy,
}

impl Desired {
    /// Validates a spec.
    ///
    /// # Errors
    ///
    /// Every fault of the spec, not only the first.
    pub fn validate(spec: &ResellerCustomerSpec) -> Result<Self, Violations> {
        let domain = CustomerDomain::parse(&spec.customer_domain);
        let pinned = spec.customer_id.as_deref().map(CustomerId::parse);
        let mut faults = Vec::new();
        let mut fault = |is_wrong: bool, field, reason| {
            if is_wrong {
                faults.push(Violation { field, reason });
            }
        };
        fault(
            domain.is_none(),
            "spec.customerDomain",
            "must be a lower-case DNS name of two labels or more without www., such as acme.example",
        );
        fault(
            pinned == Some(None),
            "spec.customerId",
            "must be Google's id of the account, such as C03ay2uag",
        );
        check_order(spec, &mut fault);
        check_people(spec, &mut fault);
        match (domain, faults.is_empty()) {
            (Some(domain), true) => Ok(Self::of(spec, domain, pinned.flatten())),
            _ => Err(Violations(faults)),
        }
    }

    fn of(spec: &ResellerCustomerSpec, domain: CustomerDomain, pinned: Option<CustomerId>) -> Self {
        Self {
            domain,
            customer_type: spec.customer_type,
            pinned,
            fields: Field::ALL
                .into_iter()
                .filter_map(|field| Some((field, field.desired(spec)?.to_owned())))
                .collect(),
            primary_admin: spec.primary_admin.as_ref().map(|admin| admin.primary_email.clone()),
            initial_admin: spec.initial_admin.clone(),
            transfer_token: spec.customer_auth_token_secret_ref.clone(),
            management: spec.management_policy,
            adoption: spec.adoption_policy,
            drift: spec.drift_policy,
        }
    }

    /// The body of `customers.insert`. Empty values are left out.
    #[must_use]
    pub fn order(&self) -> Customer {
        let mut order = Customer {
            customer_domain: Some(self.domain.as_str().to_owned()),
            customer_type: Some(type_name(self.customer_type).to_owned()),
            primary_admin: self
                .primary_admin
                .clone()
                .map(|email| PrimaryAdmin { primary_email: Some(email) }),
            ..Customer::default()
        };
        for (field, value) in self.fields.iter().filter(|(_, value)| !value.is_empty()) {
            field.set(&mut order, value);
        }
        order
    }

    /// The language that the manifest asks for.
    #[must_use]
    pub fn language(&self) -> Option<&str> {
        self.fields.get(&Field::Language).map(String::as_str)
    }
}

/// Google's name of a customer type.
#[must_use]
pub fn type_name(customer_type: CustomerType) -> &'static str {
    match customer_type {
        CustomerType::Domain => "domain",
        CustomerType::Team => "team",
    }
}

type Fault<'a> = &'a mut dyn FnMut(bool, &'static str, &'static str);

/// What `managementPolicy: Full` needs, because it may order.
fn check_order(spec: &ResellerCustomerSpec, fault: Fault<'_>) {
    if spec.management_policy != ManagementPolicy::Full {
        return;
    }
    let is_missing = |field: Field| field.desired(spec).is_none_or(str::is_empty);
    for (field, path) in [
        (Field::ContactName, "spec.postalAddress.contactName"),
        (Field::OrganizationName, "spec.postalAddress.organizationName"),
        (Field::PostalCode, "spec.postalAddress.postalCode"),
        (Field::CountryCode, "spec.postalAddress.countryCode"),
    ] {
        fault(is_missing(field), path, "is required by managementPolicy Full; set it");
    }
    fault(
        spec.customer_type == CustomerType::Domain && is_missing(Field::AlternateEmail),
        "spec.alternateEmail",
        "is required by managementPolicy Full for a domain customer; set it",
    );
    fault(
        spec.customer_type == CustomerType::Team && spec.primary_admin.is_none(),
        "spec.primaryAdmin",
        "is required by managementPolicy Full for a team; set primaryEmail",
    );
}

/// A phone number as customer.md, Spec, demands it: Google drops an invalid one silently.
fn is_phone_number(text: &str) -> bool {
    let digits = text.bytes().filter(u8::is_ascii_digit).count();
    text.strip_prefix('+').is_some_and(|rest| {
        rest.starts_with(|first: char| ('1'..='9').contains(&first))
            && rest.ends_with(|last: char| last.is_ascii_digit())
            && rest.chars().all(|c| c.is_ascii_digit() || " -.()".contains(c))
            && (7..=15).contains(&digits)
    })
}

fn check_people(spec: &ResellerCustomerSpec, fault: Fault<'_>) {
    let is_domain = spec.customer_type == CustomerType::Domain;
    let email = spec.alternate_email.as_deref().unwrap_or_default();
    fault(
        !email.is_empty() && !ids::is_email(email),
        "spec.alternateEmail",
        "must be an e-mail address",
    );
    fault(
        is_domain && ids::is_on_domain(email, &spec.customer_domain),
        "spec.alternateEmail",
        "must not be on customerDomain; use an address elsewhere",
    );
    let phone = spec.phone_number.as_deref().unwrap_or_default();
    fault(
        !phone.is_empty() && !is_phone_number(phone),
        "spec.phoneNumber",
        "must be + and the country code, 7 to 15 digits in all, such as +1 212 555 0123",
    );
    fault(
        spec.language.as_deref().is_some_and(|code| !LANGUAGE_CODES.contains(&code)),
        "spec.language",
        "must be one of the language codes that the Directory API lists, such as en or pt-BR",
    );
    fault(
        is_domain && spec.primary_admin.is_some(),
        "spec.primaryAdmin",
        "is for teams only; remove it, or use initialAdmin",
    );
    if let Some(admin) = &spec.initial_admin {
        fault(!is_domain, "spec.initialAdmin", "is for domain customers only; remove it");
        fault(
            !ids::is_on_domain(&admin.primary_email, &spec.customer_domain),
            "spec.initialAdmin.primaryEmail",
            "must be on customerDomain",
        );
    }
}
