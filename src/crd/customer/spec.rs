//! `spec` of a `ResellerCustomer`: doc comments here are what `kubectl explain` prints.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::status::ResellerCustomerStatus;

/// What a customer account of this reseller should be.
#[derive(CustomResource, KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[kube(
    group = "reseller-operator.dev",
    version = "v1alpha1",
    kind = "ResellerCustomer",
    plural = "resellercustomers",
    shortname = "rcust",
    category = "reseller",
    namespaced,
    status = "ResellerCustomerStatus",
    derive = "PartialEq",
    doc = "A Google Workspace customer account managed through Google's Reseller API."
)]
#[serde(rename_all = "camelCase")]
pub struct ResellerCustomerSpec {
    /// Primary domain of the account.
    pub customer_domain: String,
    /// `domain` (default) or `team`.
    #[serde(default)]
    pub customer_type: CustomerType,
    /// Pins which account is meant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// Postal address of the customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_address: Option<PostalAddress>,
    /// Contact phone number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// Contact address outside of the customer's own domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub alternate_email: Option<String>,
    /// First administrator of a team.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_admin: Option<PrimaryAdmin>,
    /// Default language of the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// First super administrator of a domain customer that this object orders.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_admin: Option<InitialAdmin>,
    /// Transfer token that the customer gave.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_auth_token_secret_ref: Option<SecretKeyRef>,
    /// May the operator order; may it write at all.
    #[serde(default)]
    pub management_policy: ManagementPolicy,
    /// What to do with an account that exists before this object.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,
    /// What to do when somebody changed the account elsewhere.
    #[serde(default)]
    pub drift_policy: DriftPolicy,
    /// Nothing is read or written at Google while this is true.
    #[serde(default)]
    pub suspend: bool,
}

/// How Google verifies a customer.
#[derive(
    JsonSchema,
    Serialize,
    Deserialize,
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
)]
#[serde(rename_all = "camelCase")]
pub enum CustomerType {
    /// The customer proves that it owns the domain.
    #[default]
    Domain,
    /// The customer proves an e-mail address; several teams may share a domain.
    Team,
}

/// May the operator order, and may it write at all.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum ManagementPolicy {
    /// Order when there is no account, update when it differs.
    #[default]
    Full,
    /// Never order; everything else as Full.
    AdoptOnly,
    /// Only look.
    Observe,
}

/// What to do with an account that exists before this object.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum AdoptionPolicy {
    /// Take it over and update it to match.
    #[default]
    Always,
    /// Take it over only if nothing would change.
    IfUnchanged,
}

/// What to do when somebody changed the account elsewhere.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum DriftPolicy {
    /// Write it back.
    #[default]
    Correct,
    /// Only show it.
    Report,
}

/// Postal address of a customer, with the Reseller API's own names.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PostalAddress {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contact_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country_code: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_line1: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_line2: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub address_line3: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locality: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub region: Option<String>,
}

/// First administrator of a team customer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PrimaryAdmin {
    /// Google mails a verification link to this address when the customer is made.
    pub primary_email: String,
}

/// First super administrator of a domain customer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct InitialAdmin {
    /// Address on the customer's domain.
    pub primary_email: String,
    /// Name of the person.
    pub name: PersonName,
    /// Where Google helps this person to sign in again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recovery_email: Option<String>,
    /// Where the first password is kept.
    pub password_secret_ref: SecretKeyRef,
}

/// Name of a person.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PersonName {
    pub given_name: String,
    pub family_name: String,
}

/// A key of a Secret in the namespace of the object.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of the Secret.
    pub name: String,
    /// Key in its data.
    pub key: String,
}
