//! The CEL rules of a `ResellerCustomer`: what the API server refuses, and what it says then.
//!
//! Every message names the field and the way out. Formats are rules, not `pattern`s, because a
//! failed pattern only prints the pattern. The expressions keep to what every Kubernetes since 1.33
//! and the offline validator (kube-cel) both know: `has()`, `matches()`, string functions; character
//! classes are spelled out, because `\d` means more in Rust than in Go.

use kube::core::Rule;

/// A DNS label of at most 63 characters, in lower case.
const LABEL: &str = "[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?";
/// The same in any case, as people write addresses.
const ANY_CASE_LABEL: &str = "[0-9A-Za-z]([-0-9A-Za-z]{0,61}[0-9A-Za-z])?";

fn rule(expression: impl Into<String>, message: &str) -> Rule {
    Rule::new(expression).message(message)
}

/// `self` is the domain.
pub(super) fn domain_format() -> Rule {
    rule(
        format!("self.matches('^({LABEL}[.])+{LABEL}$') && !self.matches('[.][0-9]+$')"),
        "customerDomain must be a DNS name in lower case with at least two labels, such as \
         customer.example; write an international name in punycode (xn--...)",
    )
}

/// `self` is the domain.
pub(super) fn domain_without_www() -> Rule {
    rule(
        "!self.startsWith('www.')",
        "customerDomain must not start with www.: write the domain itself",
    )
}

/// `self` is the id.
pub(super) fn customer_id_format() -> Rule {
    rule(
        "self.matches('^C[0-9A-Za-z_]+$')",
        "customerId must be Google's id of the account: a C followed by letters, digits or _, as \
         shown in the Partner Sales Console; leave the field out if the account is not known",
    )
}

/// `self` is the phone number. One expression counts the digits too: the first, then 6 to 14 more.
pub(super) fn phone_number_format() -> Rule {
    rule(
        "self == '' || self.matches('^[+][1-9]([-. ()]*[0-9]){6,14}$')",
        "phoneNumber must start with + and the country code, hold 7 to 15 digits in all and end \
         with a digit; space - . ( ) may stand between them; write \"\" for no number (Google \
         drops a number that it does not like without an error)",
    )
}

/// `self` is an e-mail address that may not be empty.
pub(super) fn email_format(field: &str) -> Rule {
    rule(
        format!("self.matches('{}')", email_pattern()),
        &format!("{field} must be an e-mail address, such as person@customer.example"),
    )
}

/// `self` is the alternate address; whether it may be empty depends on the type of the customer.
pub(super) fn alternate_email_format() -> Rule {
    rule(
        format!("self == '' || self.matches('{}')", email_pattern()),
        "alternateEmail must be an e-mail address, such as person@provider.example",
    )
}

fn email_pattern() -> String {
    format!("^[^@[:space:][:cntrl:]]+@({ANY_CASE_LABEL}[.])+{ANY_CASE_LABEL}$")
}

/// `self` is the name of a Secret. It becomes part of a URL, so nothing else may get in.
pub(super) fn secret_name_format() -> Rule {
    rule(
        "self.matches('^[a-z0-9]([-.a-z0-9]*[a-z0-9])?$')",
        "name must be the name of a Secret in the namespace of this object: lower-case letters, \
         digits, - and .",
    )
}

/// `self` is a key of a Secret.
pub(super) fn secret_key_format() -> Rule {
    rule(
        "self.matches('^[-._0-9A-Za-z]+$')",
        "key must be a key of the Secret: letters, digits, -, _ and .",
    )
}

/// `self` is the spec, as in all that follow until [`type_is_kept`].
pub(super) fn address_for_orders() -> Rule {
    rule(
        "self.managementPolicy != 'Full' || (has(self.postalAddress) \
         && has(self.postalAddress.contactName) && has(self.postalAddress.organizationName) \
         && has(self.postalAddress.postalCode) && has(self.postalAddress.countryCode))",
        "postalAddress needs contactName, organizationName, postalCode and countryCode, because \
         Google takes no order without them; or set managementPolicy to AdoptOnly or Observe",
    )
    .field_path(".postalAddress")
}

pub(super) fn alternate_email_for_orders() -> Rule {
    rule(
        "self.managementPolicy != 'Full' || self.customerType != 'domain' \
         || has(self.alternateEmail)",
        "alternateEmail is needed, because Google takes no order for a domain customer without \
         it; or set managementPolicy to AdoptOnly or Observe",
    )
    .field_path(".alternateEmail")
}

pub(super) fn alternate_email_not_empty() -> Rule {
    rule(
        "self.customerType != 'domain' || !has(self.alternateEmail) || self.alternateEmail != ''",
        "alternateEmail of a domain customer cannot be empty: name an address, or leave the field \
         out so that it is not managed",
    )
    .field_path(".alternateEmail")
}

/// A subdomain is another domain; only the very domain is refused.
pub(super) fn alternate_email_elsewhere() -> Rule {
    rule(
        "self.customerType != 'domain' || !has(self.alternateEmail) \
         || !self.alternateEmail.lowerAscii().endsWith('@' + self.customerDomain)",
        "alternateEmail must not be on customerDomain: it is how Google reaches the customer when \
         that domain does not work; name an address on another domain",
    )
    .field_path(".alternateEmail")
}

pub(super) fn primary_admin_for_orders() -> Rule {
    rule(
        "self.managementPolicy != 'Full' || self.customerType != 'team' || has(self.primaryAdmin)",
        "primaryAdmin is needed, because Google takes no order for a team without it; or set \
         managementPolicy to AdoptOnly or Observe",
    )
    .field_path(".primaryAdmin")
}

pub(super) fn primary_admin_of_teams() -> Rule {
    rule(
        "self.customerType != 'domain' || !has(self.primaryAdmin)",
        "primaryAdmin is for customerType team only: remove it (a domain customer has initialAdmin)",
    )
    .field_path(".primaryAdmin")
}

pub(super) fn initial_admin_of_domains() -> Rule {
    rule(
        "self.customerType == 'domain' || !has(self.initialAdmin)",
        "initialAdmin is for customerType domain only: remove it (a team has primaryAdmin)",
    )
    .field_path(".initialAdmin")
}

pub(super) fn initial_admin_on_domain() -> Rule {
    rule(
        "!has(self.initialAdmin) || \
         self.initialAdmin.primaryEmail.lowerAscii().endsWith('@' + self.customerDomain)",
        "initialAdmin.primaryEmail must be on customerDomain, because it is a user of the account; \
         once the administrator exists, initialAdmin may be removed",
    )
    .field_path(".initialAdmin.primaryEmail")
}

/// The domain says which account is meant, unless an id does.
pub(super) fn domain_is_kept() -> Rule {
    rule(
        "self.customerDomain == oldSelf.customerDomain || (has(self.customerId) \
         && has(oldSelf.customerId) && self.customerId == oldSelf.customerId)",
        "customerDomain is immutable while customerId is not set: to follow a rename, first set \
         customerId to the value of status.customerId, then change customerDomain; for another \
         customer make another object",
    )
    .field_path(".customerDomain")
}

/// `self` is the whole object, as in all that follow. The API server carries `status` over when the
/// spec is written, so `oldSelf.status` is what the operator knew before.
pub(super) fn type_is_kept() -> Rule {
    rule(
        "self.spec.customerType == oldSelf.spec.customerType \
         || (oldSelf.spec.customerType == 'team' && has(oldSelf.status) \
         && has(oldSelf.status.customerType) && oldSelf.status.customerType == 'domain')",
        "customerType is immutable, because Google cannot change it; only team may become domain, \
         once Google has converted the team (status.customerType says domain); for another type \
         make another object",
    )
    .field_path(".spec.customerType")
}

/// Adding it is no change: a team that was adopted needs it before its policy may become Full.
pub(super) fn primary_admin_is_kept() -> Rule {
    rule(
        "!has(oldSelf.status) || !has(oldSelf.status.customerId) || !has(oldSelf.spec.primaryAdmin) \
         || (has(self.spec.primaryAdmin) ? self.spec.primaryAdmin == oldSelf.spec.primaryAdmin \
         : self.spec.customerType == 'domain')",
        "primaryAdmin was used when the account was made and cannot change any more \
         (status.customerId is set): put the earlier value back; it is only removed when \
         customerType goes from team to domain",
    )
    .field_path(".spec.primaryAdmin")
}

/// Removed and added again it must be the same person, else this would be a change in two steps.
pub(super) fn initial_admin_is_kept() -> Rule {
    rule(
        "!has(oldSelf.status) || !has(oldSelf.status.initialAdmin) || !has(self.spec.initialAdmin) \
         || (has(oldSelf.spec.initialAdmin) \
         ? self.spec.initialAdmin == oldSelf.spec.initialAdmin \
         : self.spec.initialAdmin.primaryEmail.lowerAscii() \
         == oldSelf.status.initialAdmin.primaryEmail.lowerAscii())",
        "initialAdmin cannot change any more, because the administrator was looked up or created \
         (status.initialAdmin): put the earlier values back, or remove initialAdmin",
    )
    .field_path(".spec.initialAdmin")
}
