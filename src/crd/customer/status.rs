//! `status` of a `ResellerCustomer`: what the operator found, and its memory.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};
use kube::KubeSchema;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::spec::CustomerType;

/// `observedGeneration` of an object that nobody has looked at yet.
pub const NEVER_OBSERVED: i64 = -1;

/// What the operator found at Google, and what it remembers.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase")]
pub struct ResellerCustomerStatus {
    /// Generation that the conditions give a verdict on; -1 before the first one.
    #[serde(default = "never_observed")]
    pub observed_generation: i64,
    /// What holds now. `Ready` sums up; `Reconciling` and `Stalled` are there only while true, and
    /// `Stalled` waits for a person: its message says what to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["type".into()]))]
    pub conditions: Vec<Condition>,
    /// Google's permanent id of the account that is ours: ordered or adopted by this object. What
    /// is merely seen at Google is only told in messages.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// How the account became ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub origin: Option<Origin>,
    /// When this object ordered the account.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordered_at: Option<Time>,
    /// Since when an account that was ours belongs to somebody else.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_at: Option<Time>,
    /// Type of the account as Google says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_type: Option<CustomerType>,
    /// Whether the ownership of the primary domain is verified, as Google says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub customer_domain_verified: Option<bool>,
    /// The account's Admin console, where an administrator accepts the terms of service.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource_ui_url: Option<String>,
    /// Default language of the account as Google says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language: Option<String>,
    /// Per managed field, what was last seen equal at Google, as hashes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["field".into()]))]
    pub fields: Vec<FieldMemory>,
    /// The open differences between spec and account.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[x_kube(merge_strategy = ListMerge::Map(vec!["field".into()]))]
    pub drift: Vec<DriftEntry>,
    /// A call that must not be repeated and whose outcome is not recorded yet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pending_operation: Option<PendingOperation>,
    /// What a person is asked to approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approval: Option<Approval>,
    /// Start of a wait that has an end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<Time>,
    /// The administrator that this object created.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initial_admin: Option<InitialAdminStatus>,
    /// Whether onboarding was once completed.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub onboarded: bool,
    /// What could be transferred from a foreign account with the customer's token.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transferable_subscriptions: Vec<TransferableSubscription>,
    /// Last value of the refresh annotation that was answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_handled_reconcile_at: Option<String>,
}

impl Default for ResellerCustomerStatus {
    fn default() -> Self {
        Self {
            observed_generation: NEVER_OBSERVED,
            conditions: Vec::new(),
            customer_id: None,
            origin: None,
            ordered_at: None,
            lost_at: None,
            customer_type: None,
            customer_domain_verified: None,
            resource_ui_url: None,
            language: None,
            fields: Vec::new(),
            drift: Vec::new(),
            pending_operation: None,
            approval: None,
            waiting_since: None,
            initial_admin: None,
            onboarded: false,
            transferable_subscriptions: Vec::new(),
            last_handled_reconcile_at: None,
        }
    }
}

fn never_observed() -> i64 {
    NEVER_OBSERVED
}

/// How an account became ours.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// This object ordered it.
    Ordered,
    /// It existed before this object.
    Adopted,
}

/// What is remembered of a managed field. Hashes carry a version.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct FieldMemory {
    /// Path of the field below `spec`.
    pub field: String,
    /// Hash of the desired value that was last seen equal at Google.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub applied_hash: Option<String>,
    /// Hash of Google's own form of that value, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answered_hash: Option<String>,
}

/// A managed field whose value at Google differs.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct DriftEntry {
    /// Path of the field below `spec`.
    pub field: String,
    /// Value of the manifest.
    pub desired: String,
    /// Value at Google.
    pub observed: String,
}

/// The ledger: written before a call that must not be repeated, removed with its outcome.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct PendingOperation {
    /// Random id of this operation.
    pub id: String,
    /// Which call.
    pub kind: OperationKind,
    /// When the ledger was written.
    pub started_at: Time,
    /// Hash of what was sent.
    pub payload_hash: String,
    /// resourceVersion of the password Secret that was read.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub secret_version: Option<String>,
}

/// A call of Google's APIs that must not be repeated.
#[derive(JsonSchema, Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
pub enum OperationKind {
    /// Reseller API `customers.insert`: an order.
    #[serde(rename = "customers.insert")]
    CustomersInsert,
    /// Directory API `users.insert`: the first administrator.
    #[serde(rename = "users.insert")]
    UsersInsert,
}

/// A question that only a person can answer.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Approval {
    /// Reason of Stalled that asks.
    pub reason: String,
    /// Value that the annotation must have.
    pub token: String,
}

/// The administrator that this object created.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct InitialAdminStatus {
    /// Who signs in.
    #[schemars(length(max = 254))] // a rule reads it, and rules need bounds
    pub primary_email: String,
    /// Secret with the first password.
    pub secret_name: String,
    /// Whether the user was created by this object.
    #[serde(default)]
    pub created: bool,
    /// Whether Google says that the user is a super administrator.
    #[serde(default)]
    pub is_admin: bool,
    /// Whether the user has accepted the terms of service.
    #[serde(default)]
    pub agreed_to_terms: bool,
}

/// A subscription that the customer could transfer to this reseller.
#[derive(KubeSchema, Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct TransferableSubscription {
    /// Google's id of the product.
    pub sku_id: String,
    /// Google's name of the product.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sku_name: Option<String>,
    /// Fewest seats that a transfer must keep.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum_transferable_seats: Option<i32>,
    /// Until when the transfer token allows the transfer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub transferability_expiration_time: Option<Time>,
}
