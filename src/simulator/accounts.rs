//! What the simulated Google knows of an account. The accounts file, the state file and
//! `/simulator/accounts` all have this form; members are named as Google names them.

use std::collections::BTreeMap;
use std::fmt;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

/// One customer account.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Account {
    /// Google's id; generated where it is empty.
    pub customer_id: String,
    /// Whose customer it is.
    pub owner: Owner,
    /// Current primary domain.
    pub customer_domain: String,
    /// Domain-verified or email-verified.
    pub customer_type: CustomerType,
    /// Whether the primary domain is verified.
    pub customer_domain_verified: bool,
    /// Members of `postalAddress`.
    pub postal_address: BTreeMap<String, String>,
    /// Contact outside of the domain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub alternate_email: Option<String>,
    /// Contact phone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub phone_number: Option<String>,
    /// First administrator of a team.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub primary_admin: Option<PrimaryAdmin>,
    /// Language of users to come; empty is `en` (§6).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub language: String,
    /// When the account was made; where it is absent, 30 days before it was added.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_creation_time: Option<Timestamp>,
    /// Whether an administrator of the customer has accepted the terms of service.
    pub terms_accepted: bool,
    /// Whether the customer has cut off the reseller's Directory access (§5, domainCannotUseApis).
    pub directory_access_revoked: bool,
    /// Users, administrators first.
    pub users: Vec<User>,
    /// Subscriptions; of a foreign account: those that can be transferred.
    pub subscriptions: Vec<Subscription>,
    /// Transfer tokens that the customer generated for this reseller (§7.1).
    pub transfer_tokens: Vec<TransferToken>,
    /// What is still hidden from readers.
    pub lag: Lag,
}

/// Whose customer an account is.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Owner {
    /// This reseller's.
    #[default]
    Own,
    /// Google's own, or another reseller's.
    Foreign,
}

/// `customerType` of an account.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum CustomerType {
    /// Domain-verified.
    #[default]
    Domain,
    /// Email-verified; several may share a domain.
    Team,
}

/// `primaryAdmin` of a team.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PrimaryAdmin {
    /// Address that Google's verification mail goes to.
    pub primary_email: String,
}

/// What a read does not show yet.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Lag {
    /// customers.get answers 404 before.
    pub hidden_until: Option<Timestamp>,
    /// customers.get answers 404 so many times more.
    pub hidden_reads: u32,
    /// Directory calls fail before.
    pub fresh_until: Option<Timestamp>,
    /// Directory calls fail so many times more.
    pub fresh_calls: u32,
    /// customers.get shows this record until then.
    pub earlier: Option<(Timestamp, Value)>,
}

/// A user of an account. Its password is checked and forgotten.
#[derive(Serialize, Deserialize, Clone, Debug, Default, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct User {
    /// Google's id; generated where it is empty.
    pub id: String,
    /// Primary address.
    pub primary_email: String,
    /// Given name.
    pub given_name: String,
    /// Family name.
    pub family_name: String,
    /// Super administrator.
    pub is_admin: bool,
    /// Has signed in and accepted the terms.
    pub agreed_to_terms: bool,
    /// Must choose a password at the next sign-in.
    pub change_password_at_next_login: bool,
    /// Address for recovery.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recovery_email: Option<String>,
    /// When the user was made; where it is absent, with the account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Timestamp>,
    /// The account's language when the user was made (§6).
    #[serde(skip_serializing_if = "String::is_empty")]
    pub language: String,
}

/// A subscription of an account.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Subscription {
    /// Google's id; generated where it is empty.
    pub subscription_id: String,
    /// SKU.
    pub sku_id: String,
    /// Name of the SKU.
    pub sku_name: String,
    /// `plan.planName` as it is answered.
    pub plan_name: String,
    /// Members of `seats`.
    pub seats: Map<String, Value>,
    /// `ACTIVE`, `SUSPENDED`, `CANCELLED` or `PENDING`.
    pub status: String,
    /// Why it is suspended.
    pub suspension_reasons: Vec<String>,
    /// The reseller's own reference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purchase_order_id: Option<String>,
    /// When it was made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub creation_time: Option<Timestamp>,
    /// Seats that a transfer must take over, where it can be transferred.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub minimum_transferable_seats: Option<u32>,
}

impl Default for Subscription {
    fn default() -> Self {
        Self {
            subscription_id: String::new(),
            sku_id: "1010020027".to_owned(),
            sku_name: String::new(),
            plan_name: "FLEXIBLE".to_owned(),
            seats: Map::new(),
            status: "ACTIVE".to_owned(),
            suspension_reasons: Vec::new(),
            purchase_order_id: None,
            creation_time: None,
            minimum_transferable_seats: None,
        }
    }
}

/// A transfer token: valid 30 days (§7.1).
#[derive(Serialize, Deserialize, Clone, PartialEq, Eq)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct TransferToken {
    /// What the customer hands over.
    pub token: String,
    /// End of its validity; none: never.
    #[serde(default)]
    pub expires: Option<Timestamp>,
}

impl fmt::Debug for TransferToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TransferToken").field("expires", &self.expires).finish_non_exhaustive()
    }
}

/// Why a subscription waits for the customer (§3.2).
pub const PENDING_TOS: &str = "PENDING_TOS_ACCEPTANCE";

impl Account {
    /// The reseller's full record (§2.1, case 1). Empty members are left out.
    #[must_use]
    pub fn record(&self) -> Value {
        let mut address = Map::new();
        address.insert("kind".to_owned(), "customers#address".into());
        for (member, value) in self.postal_address.iter().filter(|(_, value)| !value.is_empty()) {
            address.insert(member.clone(), value.as_str().into());
        }
        let mut record = json!({
            "kind": "reseller#customer",
            "customerId": self.customer_id,
            "customerDomain": self.customer_domain,
            "customerType": self.customer_type,
            "postalAddress": address,
            "customerDomainVerified": self.customer_domain_verified,
            "resourceUiUrl": self.admin_console(),
        });
        for (member, value) in
            [("alternateEmail", &self.alternate_email), ("phoneNumber", &self.phone_number)]
        {
            if let Some(value) = value.as_ref().filter(|value| !value.is_empty()) {
                record[member] = value.as_str().into();
            }
        }
        if let Some(admin) = &self.primary_admin {
            record["primaryAdmin"] = json!({"primaryEmail": admin.primary_email});
        }
        record
    }

    /// What is shown of another's customer (§2.1, case 2).
    #[must_use]
    pub fn minimal_record(&self) -> Value {
        json!({
            "kind": "reseller#customer",
            "customerId": self.customer_id,
            "customerDomain": self.customer_domain,
            "customerType": self.customer_type,
        })
    }

    /// §2, `resourceUiUrl`.
    #[must_use]
    pub fn admin_console(&self) -> String {
        format!("https://admin.google.com/ac/home?ecid={}", self.customer_id)
    }

    /// Whether the account is this reseller's.
    #[must_use]
    pub fn is_own(&self) -> bool {
        self.owner == Owner::Own
    }

    /// Whether customers.get shows it.
    #[must_use]
    pub fn is_visible(&self, now: Timestamp) -> bool {
        self.lag.hidden_reads == 0 && self.lag.hidden_until.is_none_or(|until| until <= now)
    }

    /// The language, with Google's default.
    #[must_use]
    pub fn language(&self) -> &str {
        if self.language.is_empty() { "en" } else { &self.language }
    }

    /// The user with this address or id.
    #[must_use]
    pub fn user(&self, key: &str) -> Option<&User> {
        self.users.iter().find(|user| user.is(key))
    }

    /// An administrator of the customer signs in and accepts: the terms pend nowhere any more
    /// (§3.2). Other reasons of suspension stay.
    pub fn accept_terms(&mut self) {
        self.terms_accepted = true;
        for user in self.users.iter_mut().filter(|user| user.is_admin) {
            user.agreed_to_terms = true;
        }
        for subscription in &mut self.subscriptions {
            let waited = subscription.suspension_reasons.iter().any(|r| r == PENDING_TOS);
            subscription.suspension_reasons.retain(|reason| reason != PENDING_TOS);
            if waited && subscription.suspension_reasons.is_empty() {
                "ACTIVE".clone_into(&mut subscription.status);
            }
        }
    }

    /// Whether the token lets this reseller see what can be transferred.
    #[must_use]
    pub fn takes_token(&self, token: &str, now: Timestamp) -> bool {
        self.transfer_tokens
            .iter()
            .any(|known| known.token == token && known.expires.is_none_or(|end| now < end))
    }
}

impl User {
    /// Whether the key names this user: address (without case) or id.
    #[must_use]
    pub fn is(&self, key: &str) -> bool {
        self.primary_email.eq_ignore_ascii_case(key) || self.id == key
    }
}
