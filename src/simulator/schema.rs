//! Which members request bodies may have: the discovery documents as tables.
//!
//! Google's front end refuses what is not here (reseller-api.md §2), so the simulator does too: a
//! client that sends a member under a wrong name must not pass its tests.

use serde_json::Value;

use super::rules::{Refusal, bad_request, unknown_member, wrong_type};

/// The type of a member.
#[derive(Clone, Copy, Debug)]
pub(super) enum Shape {
    Text,
    Flag,
    Whole,
    Texts,
    /// An object or list whose inside is not looked at.
    Any,
    Object(Members),
}

use Shape::{Any, Flag, Object, Text, Texts, Whole};

type Members = &'static [(&'static str, Shape)];

const ADDRESS: Members = &[
    ("kind", Text),
    ("contactName", Text),
    ("organizationName", Text),
    ("postalCode", Text),
    ("countryCode", Text),
    ("addressLine1", Text),
    ("addressLine2", Text),
    ("addressLine3", Text),
    ("locality", Text),
    ("region", Text),
];

/// Reseller `Customer`.
pub(super) const CUSTOMER: Members = &[
    ("kind", Text),
    ("customerId", Text),
    ("customerDomain", Text),
    ("customerType", Text),
    ("postalAddress", Object(ADDRESS)),
    ("alternateEmail", Text),
    ("phoneNumber", Text),
    ("primaryAdmin", Object(&[("primaryEmail", Text)])),
    ("customerDomainVerified", Flag),
    ("resourceUiUrl", Text),
];

/// Directory `CustomerPostalAddress`: the ten names without `kind` (§6).
const DIRECTORY_ADDRESS: Members = ADDRESS.split_at(1).1;

/// Directory `Customer`.
pub(super) const DIRECTORY_CUSTOMER: Members = &[
    ("alternateEmail", Text),
    ("customerCreationTime", Text),
    ("customerDomain", Text),
    ("etag", Text),
    ("id", Text),
    ("kind", Text),
    ("language", Text),
    ("phoneNumber", Text),
    ("postalAddress", Object(DIRECTORY_ADDRESS)),
];

/// Directory `User`.
pub(super) const USER: Members = &[
    ("addresses", Any),
    ("agreedToTerms", Flag),
    ("aliases", Texts),
    ("archivalTime", Text),
    ("archived", Flag),
    ("changePasswordAtNextLogin", Flag),
    ("creationTime", Text),
    ("customSchemas", Any),
    ("customerId", Text),
    ("deletionTime", Text),
    ("emails", Any),
    ("etag", Text),
    ("externalIds", Any),
    ("gender", Any),
    ("guestAccountInfo", Any),
    ("hashFunction", Text),
    ("id", Text),
    ("ims", Any),
    ("includeInGlobalAddressList", Flag),
    ("ipWhitelisted", Flag),
    ("isAdmin", Flag),
    ("isDelegatedAdmin", Flag),
    ("isEnforcedIn2Sv", Flag),
    ("isEnrolledIn2Sv", Flag),
    ("isGuestUser", Flag),
    ("isMailboxSetup", Flag),
    ("keywords", Any),
    ("kind", Text),
    ("languages", Any),
    ("lastLoginTime", Text),
    ("locations", Any),
    ("name", Object(USER_NAME)),
    ("nonEditableAliases", Texts),
    ("notes", Any),
    ("orgUnitPath", Text),
    ("organizations", Any),
    ("password", Text),
    ("phones", Any),
    ("posixAccounts", Any),
    ("primaryEmail", Text),
    ("recoveryEmail", Text),
    ("recoveryPhone", Text),
    ("relations", Any),
    ("sshPublicKeys", Any),
    ("suspended", Flag),
    ("suspensionReason", Text),
    ("suspensionTime", Text),
    ("thumbnailPhotoEtag", Text),
    ("thumbnailPhotoUrl", Text),
    ("websites", Any),
];

const USER_NAME: Members =
    &[("displayName", Text), ("familyName", Text), ("fullName", Text), ("givenName", Text)];

/// Directory `UserMakeAdmin`.
pub(super) const MAKE_ADMIN: Members = &[("status", Flag)];

/// Reseller `Subscription`.
pub(super) const SUBSCRIPTION: Members = &[
    ("billingMethod", Text),
    ("creationTime", Text),
    ("customerDomain", Text),
    ("customerId", Text),
    ("dealCode", Text),
    ("kind", Text),
    (
        "plan",
        Object(&[("commitmentInterval", Any), ("isCommitmentPlan", Flag), ("planName", Text)]),
    ),
    ("purchaseOrderId", Text),
    ("renewalSettings", Object(&[("kind", Text), ("renewalType", Text)])),
    ("resourceUiUrl", Text),
    (
        "seats",
        Object(&[
            ("kind", Text),
            ("licensedNumberOfSeats", Whole),
            ("maximumNumberOfSeats", Whole),
            ("numberOfSeats", Whole),
        ]),
    ),
    ("skuId", Text),
    ("skuName", Text),
    ("status", Text),
    ("subscriptionId", Text),
    ("suspensionReasons", Texts),
    ("transferInfo", Any),
    ("trialSettings", Any),
];

/// Checks a body against its table. Null is an unset member, as in all of Google's JSON.
pub(super) fn check(members: Members, body: &Value, root: &str) -> Result<(), Refusal> {
    let Value::Object(sent) = body else {
        return Err(bad_request("Invalid JSON payload received. Expected an object."));
    };
    for (name, value) in sent {
        let Some((_, shape)) = members.iter().find(|(known, _)| known == name) else {
            let at = root.split_once('.').map_or("", |_| root);
            return Err(unknown_member(name, at));
        };
        let at = format!("{root}.{}", snake(name));
        match (shape, value) {
            (_, Value::Null)
            | (Any, _)
            | (Text, Value::String(_))
            | (Flag, Value::Bool(_))
            | (Whole, Value::Number(_)) => {}
            (Object(inner), Value::Object(_)) => check(inner, value, &at)?,
            (Texts, Value::Array(items)) if items.iter().all(Value::is_string) => {}
            (Text | Texts, _) => return Err(wrong_type(&at, "TYPE_STRING")),
            (Flag, _) => return Err(wrong_type(&at, "TYPE_BOOL")),
            (Whole, _) => return Err(wrong_type(&at, "TYPE_INT32")),
            (Object(_), _) => return Err(wrong_type(&at, "TYPE_MESSAGE")),
        }
    }
    Ok(())
}

/// Google names members in these texts as its protocol buffers do.
fn snake(name: &str) -> String {
    let mut snake = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_ascii_uppercase() {
            snake.push('_');
        }
        snake.push(letter.to_ascii_lowercase());
    }
    snake
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_unknown_member_is_named_with_its_place() {
        let top = check(CUSTOMER, &json!({"domain": "a.example"}), "customer").unwrap_err();
        assert_eq!(
            top.message,
            "Invalid JSON payload received. Unknown name \"domain\": Cannot find field."
        );
        let nested =
            check(CUSTOMER, &json!({"postalAddress": {"city": "x"}}), "customer").unwrap_err();
        assert!(nested.message.contains("\"city\" at 'customer.postal_address'"));
    }

    #[test]
    fn a_wrong_type_is_refused_and_null_is_unset() {
        assert!(check(CUSTOMER, &json!({"phoneNumber": null}), "customer").is_ok());
        let refusal = check(CUSTOMER, &json!({"phoneNumber": 1}), "customer").unwrap_err();
        assert_eq!(refusal.message, "Invalid value at 'customer.phone_number' (TYPE_STRING)");
    }

    #[test]
    fn the_directory_address_has_no_kind() {
        let body = json!({"postalAddress": {"kind": "customers#address"}});
        assert!(check(DIRECTORY_CUSTOMER, &body, "customer").is_err());
    }
}
