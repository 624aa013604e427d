//! `spec` of a `ResellerCustomer`. Doc comments here are what `kubectl explain` prints; the rules
//! across fields are in `rules.rs`.

use kube::{CustomResource, KubeSchema};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::rules;
use super::status::ResellerCustomerStatus;
use crate::crd::codes::{COUNTRY_CODES, LANGUAGE_CODES};

/// What the account should be. Field names are those of Google's Reseller API, so the request
/// bodies of Google's pages paste here.
///
/// A field that is left out is not managed: it is never compared, changed or cleared. Taking a
/// field out, or deleting the object, changes nothing at Google.
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
    doc = "A Google Workspace customer of this reseller: ordered, or taken over, and kept as spec \
           says. Creating one may order an account, which costs money (managementPolicy). \
           Deleting one changes nothing at Google: the Reseller API cannot delete a customer, so \
           the account and its subscriptions stay and are only not managed any more.",
    selectable = ".spec.customerDomain",
    selectable = ".status.customerId",
    printcolumn(
        name = "Ready",
        type_ = "string",
        description = "Whether this generation was applied.",
        json_path = r#".status.conditions[?(@.type=="Ready")].status"#
    ),
    printcolumn(
        name = "Reason",
        type_ = "string",
        description = "Why it is ready, or not.",
        json_path = r#".status.conditions[?(@.type=="Ready")].reason"#
    ),
    printcolumn(name = "Domain", type_ = "string", json_path = ".spec.customerDomain"),
    printcolumn(
        name = "Customer-ID",
        type_ = "string",
        description = "Google's permanent id of the account.",
        json_path = ".status.customerId"
    ),
    printcolumn(
        name = "Type",
        type_ = "string",
        description = "Type of the account as Google says.",
        json_path = ".status.customerType"
    ),
    printcolumn(
        name = "ToS",
        type_ = "string",
        description = "Whether the customer has accepted Google's terms of service.",
        json_path = r#".status.conditions[?(@.type=="AwaitingToS")].reason"#
    ),
    printcolumn(name = "Age", type_ = "date", json_path = ".metadata.creationTimestamp"),
    printcolumn(
        name = "Verified",
        type_ = "boolean",
        description = "Whether the customer has proved that it owns the domain.",
        json_path = ".status.customerDomainVerified",
        priority = 1
    ),
    printcolumn(
        name = "Origin",
        type_ = "string",
        description = "How the account became ours.",
        json_path = ".status.origin",
        priority = 1
    ),
    printcolumn(
        name = "Message",
        type_ = "string",
        description = "What happened and what to do.",
        json_path = r#".status.conditions[?(@.type=="Ready")].message"#,
        priority = 1
    ),
    validation = rules::type_is_kept(),
    validation = rules::primary_admin_is_kept(),
    validation = rules::initial_admin_is_kept()
)]
#[x_kube(
    validation = rules::domain_is_kept(),
    validation = rules::address_for_orders(),
    validation = rules::alternate_email_for_orders(),
    validation = rules::alternate_email_not_empty(),
    validation = rules::alternate_email_elsewhere(),
    validation = rules::primary_admin_for_orders(),
    validation = rules::primary_admin_of_teams(),
    validation = rules::initial_admin_of_domains(),
    validation = rules::initial_admin_on_domain()
)]
#[serde(rename_all = "camelCase")]
pub struct ResellerCustomerSpec {
    /// Primary domain of the account, in lower case, without `www.`, at most 253 characters; an
    /// international name is written in punycode (`xn--...`).
    ///
    /// Immutable, because it says which account is meant. Only while `customerId` is set, and not
    /// changed by the same write, may it change: then the id says which account is meant, and this
    /// field follows a rename at Google. The operator never renames a domain.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::domain_format(), validation = rules::domain_without_www())]
    pub customer_domain: String,

    /// How Google verifies the customer: `domain` (default) or `team`.
    ///
    /// Immutable, because Google's API cannot change it. Only `team` may become `domain`, once
    /// `status.customerType` says `domain`: Google converts a team that verifies its domain.
    #[serde(default)]
    pub customer_type: CustomerType,

    /// Google's permanent id of the account, such as `C0123abcd`; pins which account is meant.
    ///
    /// May be set, changed and removed at any time. While it is set nothing is ever ordered. It is
    /// needed to tell several teams of one domain apart and to follow a renamed domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    #[x_kube(validation = rules::customer_id_format())]
    pub customer_id: Option<String>,

    /// Postal address of the customer. `managementPolicy: Full` needs `contactName`,
    /// `organizationName`, `postalCode` and `countryCode`, because Google takes no order without
    /// them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub postal_address: Option<PostalAddress>,

    /// Phone number of the customer: `+`, country code and number, 7 to 15 digits in all, with
    /// space, `-`, `.`, `(` and `)` between them. The empty string asks for no number.
    ///
    /// It is checked here because Google drops a number that it does not like without an error.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    #[x_kube(validation = rules::phone_number_format())]
    pub phone_number: Option<String>,

    /// Address by which Google reaches the customer when its own domain does not work.
    ///
    /// `customerType: domain`: never on `customerDomain` (a subdomain is another domain), not
    /// empty, and needed with `managementPolicy: Full`. `customerType: team`: any address, or the
    /// empty string for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 254))]
    #[x_kube(validation = rules::alternate_email_format())]
    pub alternate_email: Option<String>,

    /// First administrator of a team; `customerType: team` only, and needed there with
    /// `managementPolicy: Full`.
    ///
    /// It is sent with the order and never afterwards, so it cannot change once
    /// `status.customerId` is set. It is removed when the team becomes a domain customer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub primary_admin: Option<PrimaryAdmin>,

    /// Default language of the account, one of the codes that Google's Directory API documents.
    /// Google's spelling: Hebrew is `iw`, Norwegian `no`, US English `en`.
    ///
    /// It is set before the first user is made, because Google gives it only to users who are made
    /// later; the same holds for a later change.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = LANGUAGE_CODES))]
    pub language: Option<String>,

    /// First super administrator, created in an account that this object ordered;
    /// `customerType: domain` only. In an account that existed before, the administrator is only
    /// looked at: who may write a manifest must not become administrator of somebody's company.
    ///
    /// Cannot change once `status.initialAdmin` is there, and may be removed at any time. Added
    /// after onboarding was completed it is ignored.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_admin: Option<InitialAdmin>,

    /// Secret with the transfer token that a customer of Google or of another reseller gave. It is
    /// used to list the subscriptions that could be transferred
    /// (`status.transferableSubscriptions`), and for nothing else: nothing is ordered or
    /// transferred with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_auth_token_secret_ref: Option<SecretKeyRef>,

    /// What the operator may do: `Full` (default) orders when there is no account and updates it
    /// when it differs; `AdoptOnly` does the same but never orders; `Observe` only looks.
    #[serde(default)]
    pub management_policy: ManagementPolicy,

    /// What to do with an account that exists before this object: `Always` (default) takes it over
    /// and updates it to match; `IfUnchanged` takes it over only if nothing would change. Ignored
    /// with `managementPolicy: Observe`.
    #[serde(default)]
    pub adoption_policy: AdoptionPolicy,

    /// What to do when somebody changed the account elsewhere: `Correct` (default) writes the
    /// value of the manifest back; `Report` only shows the difference. An edit of this object is
    /// always applied. Ignored with `managementPolicy: Observe`.
    #[serde(default)]
    pub drift_policy: DriftPolicy,

    /// While this is true nothing is read or written at Google for this object.
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
    /// Person to contact, at most 255 characters. Needed with `managementPolicy: Full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub contact_name: Option<String>,

    /// Company, school or other organization, at most 255 characters. Needed with
    /// `managementPolicy: Full`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub organization_name: Option<String>,

    /// Postal code, at most 255 characters; Google checks it against the country. Needed with
    /// `managementPolicy: Full`. Quote it in YAML: `01234` without quotes is a number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 255))]
    pub postal_code: Option<String>,

    /// ISO 3166-1 alpha-2 code of the country, in upper case. Needed with `managementPolicy: Full`.
    /// Google takes only countries that this reseller may sell to; the Partner Sales Console lists
    /// them. Quote it in YAML: `NO` without quotes is false.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = COUNTRY_CODES))]
    pub country_code: Option<String>,

    /// First line of the street address, at most 255 characters. The empty string asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub address_line1: Option<String>,

    /// Second line of the street address, at most 255 characters. The empty string asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub address_line2: Option<String>,

    /// Third line of the street address, at most 255 characters. The empty string asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub address_line3: Option<String>,

    /// City or town, at most 255 characters. The empty string asks for none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub locality: Option<String>,

    /// State, province or region, at most 255 characters. The empty string asks for none. Google
    /// may keep it in a shorter form (`NY` for `New York`), which counts as equal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(max = 255))]
    pub region: Option<String>,
}

/// First administrator of a team customer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PrimaryAdmin {
    /// Address of this person. Google mails a verification link to it when the team is made; who
    /// follows the link administers the team.
    #[schemars(length(min = 1, max = 254))]
    #[x_kube(validation = rules::email_format("primaryAdmin.primaryEmail"))]
    pub primary_email: String,
}

/// First super administrator of a domain customer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct InitialAdmin {
    /// Address with which the administrator signs in. On `customerDomain`, because it becomes a
    /// user of the account.
    #[schemars(length(min = 1, max = 254))]
    #[x_kube(validation = rules::email_format("initialAdmin.primaryEmail"))]
    pub primary_email: String,

    /// Name of the person.
    pub name: PersonName,

    /// Address by which Google helps this person to sign in again. Best on another domain.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 254))]
    #[x_kube(validation = rules::email_format("initialAdmin.recoveryEmail"))]
    pub recovery_email: Option<String>,

    /// Where the first password is kept: 8 to 100 ASCII characters, to be changed at the first
    /// sign-in. A Secret that is absent is created with a random password; one that is there is
    /// never overwritten, and the operator never deletes it, so the password outlives this object.
    pub password_secret_ref: SecretKeyRef,
}

/// Name of a person.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PersonName {
    /// Given name, at most 40 characters, because Google takes no more.
    #[schemars(length(min = 1, max = 40))]
    pub given_name: String,

    /// Family name, at most 40 characters, because Google takes no more.
    #[schemars(length(min = 1, max = 40))]
    pub family_name: String,
}

/// A key of a Secret in the namespace of the object.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct SecretKeyRef {
    /// Name of a Secret in the namespace of this object.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::secret_name_format())]
    pub name: String,

    /// Key in the data of that Secret.
    #[schemars(length(min = 1, max = 253))]
    #[x_kube(validation = rules::secret_key_format())]
    pub key: String,
}
