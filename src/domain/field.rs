//! The managed fields: those that are compared with Google and written when they differ.

use crate::crd::ResellerCustomerSpec;
use crate::google::types::{Address, Customer};

/// A managed field of a customer. The order is the order of messages and of `status.fields`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Field {
    AlternateEmail,
    Language,
    PhoneNumber,
    AddressLine1,
    AddressLine2,
    AddressLine3,
    ContactName,
    CountryCode,
    Locality,
    OrganizationName,
    PostalCode,
    Region,
}

impl Field {
    /// Every managed field.
    pub const ALL: [Self; 12] = [
        Self::AlternateEmail,
        Self::Language,
        Self::PhoneNumber,
        Self::AddressLine1,
        Self::AddressLine2,
        Self::AddressLine3,
        Self::ContactName,
        Self::CountryCode,
        Self::Locality,
        Self::OrganizationName,
        Self::PostalCode,
        Self::Region,
    ];

    /// Path below `spec`, as `status.fields` and messages name it.
    #[must_use]
    pub fn path(self) -> &'static str {
        match self {
            Self::AlternateEmail => "alternateEmail",
            Self::Language => "language",
            Self::PhoneNumber => "phoneNumber",
            Self::AddressLine1 => "postalAddress.addressLine1",
            Self::AddressLine2 => "postalAddress.addressLine2",
            Self::AddressLine3 => "postalAddress.addressLine3",
            Self::ContactName => "postalAddress.contactName",
            Self::CountryCode => "postalAddress.countryCode",
            Self::Locality => "postalAddress.locality",
            Self::OrganizationName => "postalAddress.organizationName",
            Self::PostalCode => "postalAddress.postalCode",
            Self::Region => "postalAddress.region",
        }
    }

    /// The field with this path.
    #[must_use]
    pub fn from_path(path: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|field| field.path() == path)
    }

    /// Whether the field is a member of `postalAddress`, which is written as a whole.
    #[must_use]
    pub fn is_address(self) -> bool {
        self.path().starts_with("postalAddress.")
    }

    /// The value that a manifest asks for; none where the field is not managed.
    #[must_use]
    pub fn desired(self, spec: &ResellerCustomerSpec) -> Option<&str> {
        let address = spec.postal_address.as_ref();
        match self {
            Self::AlternateEmail => spec.alternate_email.as_deref(),
            Self::Language => spec.language.as_deref(),
            Self::PhoneNumber => spec.phone_number.as_deref(),
            Self::AddressLine1 => address?.address_line1.as_deref(),
            Self::AddressLine2 => address?.address_line2.as_deref(),
            Self::AddressLine3 => address?.address_line3.as_deref(),
            Self::ContactName => address?.contact_name.as_deref(),
            Self::CountryCode => address?.country_code.as_deref(),
            Self::Locality => address?.locality.as_deref(),
            Self::OrganizationName => address?.organization_name.as_deref(),
            Self::PostalCode => address?.postal_code.as_deref(),
            Self::Region => address?.region.as_deref(),
        }
    }

    /// The value of a Reseller API record; absent equals empty. The language is not part of it.
    #[must_use]
    pub fn observed(self, customer: &Customer) -> &str {
        let address = customer.postal_address.as_ref();
        let value = match self {
            Self::AlternateEmail => customer.alternate_email.as_ref(),
            Self::Language => None,
            Self::PhoneNumber => customer.phone_number.as_ref(),
            member => address.and_then(|address| member.of_address(address)),
        };
        value.map_or("", String::as_str)
    }

    /// Writes a value into a Reseller API record. The language is not part of it.
    pub fn set(self, customer: &mut Customer, value: &str) {
        let value = Some(value.to_owned());
        match self {
            Self::AlternateEmail => customer.alternate_email = value,
            Self::Language => {}
            Self::PhoneNumber => customer.phone_number = value,
            member => {
                let address = customer.postal_address.get_or_insert_with(Address::default);
                *member.of_address_mut(address) = value;
            }
        }
    }

    fn of_address(self, address: &Address) -> Option<&String> {
        let member = match self {
            Self::AddressLine1 => &address.address_line1,
            Self::AddressLine2 => &address.address_line2,
            Self::AddressLine3 => &address.address_line3,
            Self::ContactName => &address.contact_name,
            Self::CountryCode => &address.country_code,
            Self::Locality => &address.locality,
            Self::OrganizationName => &address.organization_name,
            Self::PostalCode => &address.postal_code,
            Self::Region => &address.region,
            Self::AlternateEmail | Self::Language | Self::PhoneNumber => return None,
        };
        member.as_ref()
    }

    fn of_address_mut(self, address: &mut Address) -> &mut Option<String> {
        match self {
            Self::AddressLine1 => &mut address.address_line1,
            Self::AddressLine2 => &mut address.address_line2,
            Self::AddressLine3 => &mut address.address_line3,
            Self::CountryCode => &mut address.country_code,
            Self::Locality => &mut address.locality,
            Self::OrganizationName => &mut address.organization_name,
            Self::PostalCode => &mut address.postal_code,
            Self::Region => &mut address.region,
            Self::ContactName | Self::AlternateEmail | Self::Language | Self::PhoneNumber => {
                &mut address.contact_name
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_set_is_what_is_observed_and_nothing_else_changes() {
        for field in Field::ALL.into_iter().filter(|field| *field != Field::Language) {
            let mut customer = Customer::default();
            field.set(&mut customer, "x");
            for other in Field::ALL {
                assert_eq!(other.observed(&customer), if other == field { "x" } else { "" });
            }
        }
    }

    #[test]
    fn paths_are_sorted_and_lead_back() {
        let mut paths = Field::ALL.map(Field::path).to_vec();
        for path in &paths {
            assert_eq!(Field::from_path(path).map(Field::path), Some(*path));
        }
        let unsorted = paths.clone();
        paths.sort_unstable();
        assert_eq!(paths, unsorted);
    }
}
