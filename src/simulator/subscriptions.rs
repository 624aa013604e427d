//! Reseller API `subscriptions.list` and, so that a demo can go on to the next step,
//! `subscriptions.insert`: reseller-api.md §7.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value, json};

use super::accounts::{Account, CustomerType, PENDING_TOS, Subscription};
use super::rules::{
    Refusal, bad_request, blank, customer_exists, forbidden, invalid, not_eligible,
};
use super::schema;
use super::state::{Call, State};

/// What a team may buy (§3.1).
const TEAM_SKUS: [&str; 3] = ["1010060001", "1010060003", "1010060005"];
/// Names of the SKUs that demos use (§7.2); Google changes names at its discretion.
const SKUS: [(&str, &str); 8] = [
    ("1010010001", "Cloud Identity"),
    ("1010020020", "Google Workspace Enterprise Plus"),
    ("1010020025", "Google Workspace Business Plus"),
    ("1010020026", "Google Workspace Enterprise Standard"),
    ("1010020027", "Google Workspace Business Starter"),
    ("1010020028", "Google Workspace Business Standard"),
    ("1010060001", "Google Workspace Essentials"),
    ("1010060003", "Google Workspace Enterprise Essentials"),
];

impl State {
    pub(super) fn subscriptions_list(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        let max: usize = match call.query.get("maxResults").map(|sent| sent.parse()) {
            None => 20,
            Some(Ok(max @ 1..=100)) => max,
            Some(_) => return Err(invalid("Invalid value for: maxResults")),
        };
        let start = match call.query.get("pageToken") {
            None => 0,
            Some(token) => page_start(token).ok_or_else(|| invalid("Invalid page token"))?,
        };
        let all = match call.query.get("customerId") {
            Some(key) => self.subscriptions_of(key, call)?,
            None => self.whole_book(call),
        };
        let page: Vec<&Value> = all.iter().skip(start).take(max).collect();
        let mut answer = json!({"kind": "reseller#subscriptions", "subscriptions": page});
        if start + max < all.len() {
            answer["nextPageToken"] = URL_SAFE_NO_PAD.encode(format!("{}", start + max)).into();
        }
        Ok(answer)
    }

    /// All own subscriptions, or those of customers whose domain begins so.
    fn whole_book(&self, call: &Call<'_>) -> Vec<Value> {
        let prefix = call.query.get("customerNamePrefix").map_or("", String::as_str);
        let own = self
            .accounts
            .values()
            .filter(|account| account.is_own() && account.customer_domain.starts_with(prefix));
        own.flat_map(|account| account.subscriptions.iter().map(|sub| resource(account, sub)))
            .collect()
    }

    /// Subscriptions of one customer; of a foreign one only with a valid transfer token (§7.1).
    fn subscriptions_of(&self, key: &str, call: &Call<'_>) -> Result<Vec<Value>, Refusal> {
        let account = &self.accounts[&self.find(key, call.now, false)?];
        if account.is_own() {
            return Ok(account.subscriptions.iter().map(|sub| resource(account, sub)).collect());
        }
        let token = call.query.get("customerAuthToken").ok_or_else(forbidden)?;
        if !account.takes_token(token, call.now) {
            return Err(forbidden());
        }
        let expires = account.transfer_tokens.iter().find(|known| known.token == *token);
        let expires = expires.and_then(|known| known.expires);
        Ok(account.subscriptions.iter().map(|sub| transferable(account, sub, expires)).collect())
    }

    /// A new subscription pends until the customer has accepted the terms (§3.2).
    pub(super) fn subscriptions_insert(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        schema::check(schema::SUBSCRIPTION, call.body, "subscription")?;
        let id = self.find(call.key, call.now, true)?;
        if !self.accounts[&id].is_own() {
            return Err(forbidden());
        }
        let body = call.body;
        let text = |pointer| body.pointer(pointer).and_then(Value::as_str);
        // §7: the customer is needed in the body too.
        let (Some(_), Some(sku), Some(plan)) =
            (text("/customerId"), text("/skuId"), text("/plan/planName"))
        else {
            return Err(blank());
        };
        let seats = body["seats"].as_object().cloned().unwrap_or_default();
        if plan != "FREE" && !seats.keys().any(|member| member.ends_with("umberOfSeats")) {
            return Err(bad_request("Invalid Value"));
        }
        let subscription = Subscription {
            subscription_id: self.new_number(10),
            sku_id: sku.to_owned(),
            // §7: ANNUAL_MONTHLY_PAY is always returned as ANNUAL.
            plan_name: plan.replace("ANNUAL_MONTHLY_PAY", "ANNUAL"),
            seats,
            purchase_order_id: text("/purchaseOrderId").map(str::to_owned),
            creation_time: Some(call.now),
            ..Subscription::default()
        };
        let conflict = customer_exists(&self.options);
        let account = self.accounts.get_mut(&id).ok_or_else(forbidden)?;
        if account.customer_type == CustomerType::Team && !TEAM_SKUS.contains(&sku) {
            return Err(not_eligible());
        }
        if account.subscriptions.iter().any(|s| s.sku_id == sku && s.status != "CANCELLED") {
            return Err(conflict);
        }
        Ok(account.subscribe(subscription))
    }
}

impl Account {
    /// Adds a subscription and shows it as it is answered.
    pub(super) fn subscribe(&mut self, mut subscription: Subscription) -> Value {
        if !self.terms_accepted && subscription.status == "ACTIVE" {
            "SUSPENDED".clone_into(&mut subscription.status);
            subscription.suspension_reasons.push(PENDING_TOS.to_owned());
        }
        let answer = resource(self, &subscription);
        self.subscriptions.push(subscription);
        answer
    }
}

fn resource(account: &Account, subscription: &Subscription) -> Value {
    let Subscription { subscription_id, sku_id, sku_name, plan_name, .. } = subscription;
    let known = SKUS.iter().find(|(id, _)| id == sku_id).map_or(sku_id.as_str(), |(_, name)| name);
    let mut answer = json!({
        "kind": "reseller#subscription",
        "customerId": account.customer_id,
        "customerDomain": account.customer_domain,
        "subscriptionId": subscription_id,
        "skuId": sku_id,
        "skuName": if sku_name.is_empty() { known } else { sku_name },
        "plan": {"planName": plan_name, "isCommitmentPlan": plan_name.starts_with("ANNUAL")},
        "seats": subscription.seats,
        "status": subscription.status,
        "billingMethod": "ONLINE",
        "resourceUiUrl": account.admin_console(),
    });
    if let Some(made) = subscription.creation_time {
        answer["creationTime"] = made.as_millisecond().to_string().into();
    }
    if !subscription.suspension_reasons.is_empty() {
        answer["suspensionReasons"] = subscription.suspension_reasons.clone().into();
    }
    if let Some(reference) = &subscription.purchase_order_id {
        answer["purchaseOrderId"] = reference.as_str().into();
    }
    answer
}

fn transferable(account: &Account, sub: &Subscription, expires: Option<Timestamp>) -> Value {
    let mut answer = resource(account, sub);
    let mut info = json!({"minimumTransferableSeats": sub.minimum_transferable_seats.unwrap_or(1)});
    if let Some(end) = expires {
        info["transferabilityExpirationTime"] = end.as_millisecond().to_string().into();
    }
    answer["transferInfo"] = info;
    answer
}

fn page_start(token: &str) -> Option<usize> {
    let bytes = URL_SAFE_NO_PAD.decode(token).ok()?;
    String::from_utf8(bytes).ok()?.parse().ok()
}

/// §7.1: a transfer token is valid for 30 days.
pub(super) const TOKEN_VALIDITY: SignedDuration = SignedDuration::from_hours(30 * 24);
