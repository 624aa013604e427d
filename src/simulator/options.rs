//! How the simulated Google behaves where the real one is undocumented, slow or strict.
//!
//! Every open point of `reseller-api.md` §12 is an option here; the defaults are the candidates
//! with the best evidence.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

/// Behaviour of the simulator; `/simulator/options` shows and changes it.
#[derive(Serialize, Deserialize, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase", default, deny_unknown_fields)]
pub struct Options {
    /// HTTP status of "Multiple teams exist on this domain" (§12.1).
    pub teams_status: u16,
    /// How many own teams make a domain lookup answer with that text (§12.1).
    pub teams_trigger: TeamsTrigger,
    /// Reason of the 409 of customers.insert (§12.4).
    pub conflict_reason: String,
    /// Countries approved for resale; empty: all of ISO 3166 (§12.7).
    pub resellable_countries: BTreeSet<String>,
    /// What PATCH does to a nested object (§4).
    pub nested_patch: Nested,
    /// What PUT does to members that it omits (§12.3).
    pub put_omitted: Omitted,
    /// A different `customerType` in PATCH or PUT (§12.3).
    pub type_change: Change,
    /// A different `customerDomain` in PATCH or PUT (§12.3).
    pub domain_change: Change,
    /// A different `primaryAdmin` in PATCH or PUT (§12.5).
    pub primary_admin_change: Change,
    /// Whether the first administrator of a team must have an address on its domain (§12.5).
    pub primary_admin_on_domain: bool,
    /// Further normalisation: field path, then value sent to value stored (§12.7).
    pub normalise: BTreeMap<String, BTreeMap<String, String>>,
    /// Field paths whose values are dropped without a word, as a bad phone number is (§12.7).
    pub drop: BTreeSet<String>,
    /// How many customers.get of a new account answer 404 (§12.6).
    pub insert_lag_reads: u32,
    /// How long customers.get of a new account answers 404, in seconds (§12.6).
    pub insert_lag_seconds: u32,
    /// How long customers.get shows the values from before a PATCH or PUT, in seconds (§12.6).
    pub patch_lag_seconds: u32,
    /// How many Directory calls for an account fail after its order (§6).
    pub fresh_account_calls: u32,
    /// How long Directory calls for an account fail after its order, in seconds (§6).
    pub fresh_account_seconds: u32,
    /// What those calls answer.
    pub fresh_account_answer: FreshAnswer,
    /// Calls per second before the quota answers; none: no quota (§5).
    pub quota: Option<u32>,
    /// What a call over quota answers (§1.4).
    pub quota_answer: QuotaAnswer,
    /// Retry-After of that answer, in seconds (§12.6).
    pub retry_after_seconds: Option<u32>,
    /// Longest given or family name of a user: 60 or 40 (§1.4).
    pub user_name_limit: usize,
    /// Addresses that other Google products know: users.insert 409, users.get 403 (§5).
    pub addresses_elsewhere: BTreeSet<String>,
    /// Scopes that domain-wide delegation does not grant.
    pub denied_scopes: BTreeSet<String>,
    /// The only administrator whom assertions may act as; none: any.
    pub subject: Option<String>,
    /// Layout of error bodies (§5).
    pub error_layout: ErrorLayout,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            teams_status: 412,
            teams_trigger: TeamsTrigger::Many,
            conflict_reason: "conflict".to_owned(),
            resellable_countries: BTreeSet::new(),
            nested_patch: Nested::Merge,
            put_omitted: Omitted::Clear,
            type_change: Change::Refuse,
            domain_change: Change::Ignore,
            primary_admin_change: Change::Ignore,
            primary_admin_on_domain: true,
            normalise: BTreeMap::new(),
            drop: BTreeSet::new(),
            insert_lag_reads: 0,
            insert_lag_seconds: 0,
            patch_lag_seconds: 0,
            fresh_account_calls: 0,
            fresh_account_seconds: 0,
            fresh_account_answer: FreshAnswer::Forbidden,
            quota: None,
            quota_answer: QuotaAnswer::TooManyRequests,
            retry_after_seconds: None,
            user_name_limit: 60,
            addresses_elsewhere: BTreeSet::new(),
            denied_scopes: BTreeSet::new(),
            subject: None,
            error_layout: ErrorLayout::Errors,
        }
    }
}

/// How many own teams on a domain make its lookup ambiguous. A team of another reseller always does.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum TeamsTrigger {
    /// A single own team already.
    One,
    /// Two; a single one answers with its full record.
    Many,
}

/// Nested objects in PATCH.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Nested {
    /// Members that are left out stay.
    Merge,
    /// The object that was sent is the whole one.
    Replace,
}

/// Members that PUT leaves out.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Omitted {
    /// They are cleared.
    Clear,
    /// They stay.
    Keep,
}

/// What becomes of a change to a member that may be immutable.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum Change {
    /// 400.
    Refuse,
    /// The value sent is ignored.
    Ignore,
    /// The value sent is stored.
    Accept,
}

/// What Directory calls answer while an account is fresh.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum FreshAnswer {
    /// 403 forbidden.
    Forbidden,
    /// 404 notFound.
    NotFound,
    /// 412 "User creation is not complete".
    NotComplete,
}

/// What a call over quota answers: the three that Google's pages name.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum QuotaAnswer {
    /// 429 quotaExceeded.
    TooManyRequests,
    /// 403 userRateLimitExceeded.
    Forbidden,
    /// 503 backendError.
    Unavailable,
}

/// Which of Google's two error layouts bodies have.
#[derive(Serialize, Deserialize, Clone, Copy, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub enum ErrorLayout {
    /// `error.errors[]` with a `reason`; also what `$.xgafv=1` asks for.
    Errors,
    /// google.rpc.Status without `errors[]`; also what `$.xgafv=2` asks for.
    Status,
}
