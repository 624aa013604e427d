//! Directory API `customers.*`: reseller-api.md §6.

use serde_json::{Map, Value, json};

use super::accounts::Account;
use super::contact::{Sent, Write};
use super::methods::Method;
use super::normal::is_language;
use super::options::{FreshAnswer, Options};
use super::rules::{Refusal, backend_error, invalid, not_authorized, not_complete, not_found};
use super::schema;
use super::state::{Call, State, rfc3339};

const RESELLER_ID: &str = "C00reseller";

impl State {
    pub(super) fn directory_customers_get(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        if matches!(call.key, "my_customer" | RESELLER_ID) {
            return Ok(json!({
                "kind": "admin#directory#customer",
                "id": RESELLER_ID,
                "customerDomain": "reseller.example",
                "customerCreationTime": "2014-01-01T00:00:00.000Z",
                "language": "en",
            }));
        }
        self.reachable(call.key, call).map(|account| resource(account))
    }

    /// PATCH, and PUT, which answers 503 to a partial body (§6).
    pub(super) fn directory_customers_write(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        schema::check(schema::DIRECTORY_CUSTOMER, call.body, "customer")?;
        let options = self.options.clone();
        let stored = self.reachable(call.key, call)?;
        let sent = Sent::read(call.body);
        let is_whole = ["customerDomain", "alternateEmail", "postalAddress.countryCode"]
            .iter()
            .all(|path| sent.get(path).is_some());
        if call.method == Method::DirectoryCustomersUpdate && !is_whole {
            return Err(backend_error());
        }
        if let Some(domain) = sent.get("customerDomain")
            && !domain.eq_ignore_ascii_case(&stored.customer_domain)
        {
            return Err(invalid("New domain name is not a verified secondary domain"));
        }
        let mut account = stored.clone();
        if let Some(language) = sent.get("language") {
            if !is_language(language) {
                return Err(invalid("Invalid Input: language"));
            }
            language.clone_into(&mut account.language);
        }
        sent.check(&account, Write::Patch, &options)?;
        sent.store(&mut account, Write::Patch, &options);
        *stored = account;
        Ok(resource(stored))
    }

    /// The account that a Directory call is for, if it may be reached: it is this reseller's, its
    /// customer has not cut off access, and it is not fresh any more.
    pub(super) fn reachable(&mut self, id: &str, call: &Call<'_>) -> Result<&mut Account, Refusal> {
        let Self { accounts, options, .. } = self;
        let account = accounts.get_mut(id).ok_or_else(|| not_found("customerKey"))?;
        if !account.is_own() {
            return Err(not_authorized());
        }
        if account.directory_access_revoked {
            return Err(Refusal::new(403, "domainCannotUseApis", "Domain cannot use apis."));
        }
        let early = account.lag.fresh_until.is_some_and(|until| call.now < until);
        if early || account.lag.fresh_calls > 0 {
            account.lag.fresh_calls = account.lag.fresh_calls.saturating_sub(1);
            return Err(fresh(options));
        }
        Ok(account)
    }
}

fn fresh(options: &Options) -> Refusal {
    match options.fresh_account_answer {
        FreshAnswer::Forbidden => not_authorized(),
        FreshAnswer::NotFound => not_found("userKey"),
        FreshAnswer::NotComplete => not_complete(),
    }
}

fn resource(account: &Account) -> Value {
    let mut answer = json!({
        "kind": "admin#directory#customer",
        "id": account.customer_id,
        "etag": format!("\"{}\"", account.customer_id),
        "customerDomain": account.customer_domain,
        "language": account.language(),
    });
    if let Some(made) = account.customer_creation_time {
        answer["customerCreationTime"] = rfc3339(made).into();
    }
    for (member, value) in
        [("alternateEmail", &account.alternate_email), ("phoneNumber", &account.phone_number)]
    {
        if let Some(value) = value {
            answer[member] = value.as_str().into();
        }
    }
    if !account.postal_address.is_empty() {
        let address = account.postal_address.iter();
        answer["postalAddress"] =
            address.map(|(k, v)| (k.clone(), v.as_str().into())).collect::<Map<_, _>>().into();
    }
    answer
}
