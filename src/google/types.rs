//! Wire types of the two APIs: camelCase, absent members omitted, unknown members tolerated.
//! Source: the discovery documents `reseller.v1` and `admin.directory_v1`.

use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

/// Reseller API `Customer`.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Customer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_domain: Option<String>,
    /// `domain`, `team` or `customerTypeUnspecified`; a string, because Google may add values.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_type: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_address: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_admin: Option<PrimaryAdmin>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_domain_verified: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource_ui_url: Option<String>,
}

/// Reseller API `Address`.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Address {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub contact_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub organization_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_line1: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_line2: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub address_line3: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// Reseller API `PrimaryAdmin` of a team.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct PrimaryAdmin {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_email: Option<String>,
}

/// What `subscriptions.list` is asked for. No Debug of the token: it travels in the query string.
#[derive(Clone, Debug, Default)]
pub struct SubscriptionQuery {
    /// Id or domain; none lists all subscriptions of the reseller.
    pub customer_id: Option<String>,
    /// Transfer token, for the transferable subscriptions of a foreign customer.
    pub customer_auth_token: Option<SecretString>,
    /// 1 to 100; Google's default is 20.
    pub max_results: Option<u32>,
    pub page_token: Option<String>,
}

/// Reseller API `Subscriptions`: one page.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Subscriptions {
    pub subscriptions: Vec<Subscription>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_page_token: Option<String>,
}

/// Reseller API `Subscription`: the members that the operator reads.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct Subscription {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_domain: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subscription_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sku_name: Option<String>,
    /// `ACTIVE`, `SUSPENDED`, `CANCELLED`, `PENDING`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status: Option<String>,
    /// `PENDING_TOS_ACCEPTANCE` and others; several at once.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub suspension_reasons: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer_info: Option<TransferInfo>,
}

/// `transferInfo` of a transferable subscription.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct TransferInfo {
    /// Milliseconds since the epoch, as a string (int64).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transferability_expiration_time: Option<String>,
    /// A number in the schema, a string in Google's sample.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_transferable_seats: Option<serde_json::Value>,
}

/// Directory API `Customer`: the members that the operator reads and writes.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct DirectoryCustomer {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_domain: Option<String>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_creation_time: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
}

/// Directory API `User` as it is read.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default)]
pub struct User {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_email: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub is_admin: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agreed_to_terms: Option<bool>,
    /// RFC 3339.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<String>,
}

/// Directory API `User` as `users.insert` takes it.
#[derive(Serialize, Clone, Debug)]
#[serde(rename_all = "camelCase")]
pub struct NewUser {
    pub primary_email: String,
    pub name: UserName,
    #[serde(serialize_with = "expose")]
    pub password: SecretString,
    pub change_password_at_next_login: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_email: Option<String>,
}

/// Directory API `UserName`.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct UserName {
    pub given_name: String,
    pub family_name: String,
}

fn expose<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose_secret())
}
