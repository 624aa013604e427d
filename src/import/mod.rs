//! Accounts that exist at Google, written as manifests.
//!
//! ```text
//! read (IO: asks Google) -> Imported::of (pure: a spec) -> names, Imported::yaml (pure) -> files (IO)
//! ```
//!
//! Law: a manifest that was written here is valid, and for it a plan has nothing to change.

pub mod files;
mod names;
mod read;
mod schema;
mod yaml;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

pub use names::names;
pub use read::{Account, Language, customers, read};

use crate::crd::{
    AdoptionPolicy, CustomerType, DriftPolicy, ManagementPolicy, PostalAddress, PrimaryAdmin,
    ResellerCustomerSpec,
};
use crate::domain::Field;
use crate::domain::ids::{CustomerDomain, CustomerId};
use crate::google::types::Customer;

/// An account as a manifest says it.
#[derive(Clone, Debug, PartialEq)]
pub struct Imported {
    /// Google's id, which the manifest pins.
    pub id: CustomerId,
    /// Primary domain, in lower case.
    pub domain: CustomerDomain,
    /// What the manifest says.
    pub spec: ResellerCustomerSpec,
    /// Fields whose value at Google the schema does not take, such as `spec.phoneNumber`.
    pub left_out: Vec<String>,
    /// Fields that `managementPolicy: Full` needs and the account lacks; the policy is Observe then.
    pub missing: Vec<String>,
}

/// Why there is no manifest for an account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refused {
    /// Google shows only the minimal record: the customer is not this reseller's.
    Foreign,
    /// This field says which account is meant, and the schema does not take its value.
    Identity(&'static str),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Foreign => f.write_str(
                "is not ours, but a customer of Google or of another reseller, so nothing is \
                 known that a manifest could say",
            ),
            Self::Identity(field) => write!(
                f,
                "{field}: Google has a value that the schema does not take, and no manifest can do \
                 without it"
            ),
        }
    }
}

impl std::error::Error for Refused {}

impl Imported {
    /// The manifest of an account with this language, if that is known.
    ///
    /// Google's values are copied as they are. Empty ones are left out, which means not managed.
    ///
    /// # Errors
    ///
    /// The account is not ours, or cannot be named in a manifest.
    pub fn of(account: &Customer, language: Option<&str>) -> Result<Self, Refused> {
        if account.postal_address.is_none() {
            return Err(Refused::Foreign);
        }
        let id = account.customer_id.as_deref().and_then(CustomerId::parse);
        let id = id.ok_or(Refused::Identity("spec.customerId"))?;
        let domain = account.customer_domain.as_deref().unwrap_or_default().to_ascii_lowercase();
        let domain = CustomerDomain::parse(&domain);
        let domain = domain.ok_or(Refused::Identity("spec.customerDomain"))?;

        let mut left_out = BTreeSet::new();
        let customer_type = customer_type(account).unwrap_or_else(|| {
            left_out.insert("customerType".to_owned());
            CustomerType::default()
        });
        let mut values = Values::of(account, customer_type, language);
        let spec = loop {
            let spec = values.spec(&id, &domain, customer_type);
            let faults = schema::faults(&spec);
            if faults.is_empty() {
                break spec;
            }
            for fault in faults {
                if !values.leave_out(&fault) {
                    return Err(identity(&fault));
                }
                left_out.insert(fault);
            }
        };
        let full =
            ResellerCustomerSpec { management_policy: ManagementPolicy::Full, ..spec.clone() };
        let missing = schema::faults(&full);
        let spec = if missing.is_empty() { full } else { spec };
        Ok(Self { id, domain, spec, left_out: paths(left_out), missing: paths(missing) })
    }
}

/// The type of an account; none for one that the schema does not know.
fn customer_type(account: &Customer) -> Option<CustomerType> {
    match account.customer_type.as_deref() {
        Some("team") => Some(CustomerType::Team),
        None | Some("domain" | "" | "customerTypeUnspecified") => Some(CustomerType::Domain),
        Some(_) => None,
    }
}

fn identity(fault: &str) -> Refused {
    Refused::Identity(match fault {
        "customerId" => "spec.customerId",
        "customerDomain" => "spec.customerDomain",
        _ => "spec",
    })
}

fn paths(fields: BTreeSet<String>) -> Vec<String> {
    fields.into_iter().map(|field| format!("spec.{field}")).collect()
}

/// The values of an account that a manifest may say.
struct Values {
    fields: BTreeMap<Field, String>,
    primary_admin: Option<String>,
}

impl Values {
    fn of(account: &Customer, customer_type: CustomerType, language: Option<&str>) -> Self {
        let value = |field| match field {
            Field::Language => language.unwrap_or_default(),
            field => field.observed(account),
        };
        let fields = Field::ALL.into_iter().map(|field| (field, value(field).to_owned()));
        let admin = account.primary_admin.as_ref().and_then(|admin| admin.primary_email.clone());
        Self {
            fields: fields.filter(|(_, value)| !value.is_empty()).collect(),
            primary_admin: admin
                .filter(|email| !email.is_empty() && customer_type == CustomerType::Team),
        }
    }

    /// Forgets the value with this path below `spec`; false if there is none.
    fn leave_out(&mut self, path: &str) -> bool {
        match Field::from_path(path) {
            Some(field) => self.fields.remove(&field).is_some(),
            None => path == "primaryAdmin.primaryEmail" && self.primary_admin.take().is_some(),
        }
    }

    fn spec(
        &self,
        id: &CustomerId,
        domain: &CustomerDomain,
        customer_type: CustomerType,
    ) -> ResellerCustomerSpec {
        let value = |field| self.fields.get(&field).cloned();
        let address = PostalAddress {
            contact_name: value(Field::ContactName),
            organization_name: value(Field::OrganizationName),
            postal_code: value(Field::PostalCode),
            country_code: value(Field::CountryCode),
            address_line1: value(Field::AddressLine1),
            address_line2: value(Field::AddressLine2),
            address_line3: value(Field::AddressLine3),
            locality: value(Field::Locality),
            region: value(Field::Region),
        };
        ResellerCustomerSpec {
            customer_domain: domain.as_str().to_owned(),
            customer_type,
            customer_id: Some(id.as_str().to_owned()),
            postal_address: Some(address).filter(|address| *address != PostalAddress::default()),
            phone_number: value(Field::PhoneNumber),
            alternate_email: value(Field::AlternateEmail),
            primary_admin: self
                .primary_admin
                .clone()
                .map(|primary_email| PrimaryAdmin { primary_email }),
            language: value(Field::Language),
            initial_admin: None,
            customer_auth_token_secret_ref: None,
            management_policy: ManagementPolicy::Observe,
            adoption_policy: AdoptionPolicy::default(),
            drift_policy: DriftPolicy::default(),
            suspend: false,
        }
    }
}

#[cfg(test)]
mod tests;
