//! Reseller API `customers.*`: reseller-api.md §2 to §4.

use serde_json::Value;

use super::accounts::{Account, CustomerType, Lag, Owner};
use super::contact::{Sent, Write, is_domain};
use super::methods::Method;
use super::options::Change;
use super::rules::{Refusal, blank, customer_exists, forbidden, invalid};
use super::schema;
use super::state::{Call, State, first_admin, later};

impl State {
    /// The four answers of §2.1.
    pub(super) fn customers_get(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        let found = self.find(call.key, call.now, false);
        self.count_read(call.key);
        let account = &self.accounts[&found?];
        if !account.is_own() {
            return Ok(account.minimal_record());
        }
        match &account.lag.earlier {
            Some((until, record)) if call.now < *until => Ok(record.clone()),
            _ => Ok(account.record()),
        }
    }

    /// A read that came too early brings the account nearer to being seen (§12.6).
    fn count_read(&mut self, key: &str) {
        for account in self.accounts.values_mut() {
            if account.customer_id == key || account.customer_domain.eq_ignore_ascii_case(key) {
                account.lag.hidden_reads = account.lag.hidden_reads.saturating_sub(1);
            }
        }
    }

    /// An order (§3).
    pub(super) fn customers_insert(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        schema::check(schema::CUSTOMER, call.body, "customer")?;
        let sent = Sent::read(call.body);
        let mut account = Account {
            customer_domain: new_domain(&sent)?,
            customer_type: customer_type(&sent)?.unwrap_or_default(),
            ..Account::default()
        };
        sent.check(&account, Write::Insert, &self.options)?;
        if let Some(existing) = self.in_the_way(&account) {
            return self.take_over(&existing, &sent, call);
        }
        account.customer_id = self.new_customer_id();
        sent.store(&mut account, Write::Insert, &self.options);
        if account.customer_type == CustomerType::Team {
            account.primary_admin = sent.primary_admin();
            let admin = account.primary_admin.iter().map(|admin| &admin.primary_email);
            account.users = admin.map(|email| first_admin(email.clone(), false)).collect();
        }
        account.customer_creation_time = Some(call.now);
        account.lag = self.new_lag(call);
        let id = self.add(account, call.now);
        Ok(self.accounts[&id].record())
    }

    /// The account because of which an order is refused. Teams may share a domain, but not with a
    /// domain customer, and a domain customer not with teams (§2.1, §3).
    fn in_the_way(&self, new: &Account) -> Option<String> {
        let mut others = self.on_domain(&new.customer_domain).filter(|other| {
            CustomerType::Domain == other.customer_type || CustomerType::Domain == new.customer_type
        });
        others.next().map(|other| other.customer_id.clone())
    }

    /// 409 for a customer that exists (§3); with the customer's transfer token a foreign one
    /// becomes this reseller's, under the id that it has.
    fn take_over(&mut self, id: &str, sent: &Sent, call: &Call<'_>) -> Result<Value, Refusal> {
        let conflict = customer_exists(&self.options);
        let Self { accounts, options, .. } = self;
        let account = accounts.get_mut(id).ok_or_else(|| conflict.clone())?;
        let Some(token) = call.query.get("customerAuthToken") else { return Err(conflict) };
        if account.is_own() || account.customer_type == CustomerType::Team {
            return Err(conflict);
        }
        if !account.takes_token(token, call.now) {
            return Err(forbidden());
        }
        account.owner = Owner::Own;
        sent.store(account, Write::Insert, options);
        Ok(account.record())
    }

    fn new_lag(&self, call: &Call<'_>) -> Lag {
        let options = &self.options;
        let until = |seconds: u32| (seconds > 0).then(|| later(call.now, seconds));
        Lag {
            hidden_until: until(options.insert_lag_seconds),
            hidden_reads: options.insert_lag_reads,
            fresh_until: until(options.fresh_account_seconds),
            fresh_calls: options.fresh_account_calls,
            earlier: None,
        }
    }

    /// PATCH and PUT (§4).
    pub(super) fn customers_write(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        schema::check(schema::CUSTOMER, call.body, "customer")?;
        let id = self.find(call.key, call.now, true)?;
        let Self { accounts, options, .. } = self;
        let Some(stored) = accounts.get_mut(&id).filter(|account| account.is_own()) else {
            return Err(forbidden());
        };
        let write = match call.method {
            Method::CustomersUpdate => Write::Update,
            _ => Write::Patch,
        };
        let sent = Sent::read(call.body);
        let mut account = stored.clone();
        if let Some(kind) = customer_type(&sent)?
            && settle(options.type_change, &account.customer_type, &kind, "customerType")?
        {
            account.customer_type = kind;
        }
        if let Some(domain) = sent.get("customerDomain").map(str::to_ascii_lowercase)
            && settle(options.domain_change, &account.customer_domain, &domain, "customerDomain")?
        {
            account.customer_domain = domain;
        }
        sent.check(&account, write, options)?;
        let admin = sent.primary_admin();
        if admin.is_some()
            && settle(
                options.primary_admin_change,
                &account.primary_admin,
                &admin,
                "primaryAdmin.primaryEmail",
            )?
        {
            account.primary_admin = admin;
        }
        sent.store(&mut account, write, options);
        account.lag.earlier = (options.patch_lag_seconds > 0)
            .then(|| (later(call.now, options.patch_lag_seconds), stored.record()));
        let answer = account.record();
        *stored = account;
        Ok(answer)
    }
}

/// Whether a differing value of a member that may be immutable is to be stored (§12.3, §12.5).
fn settle<T: PartialEq>(change: Change, old: &T, new: &T, path: &str) -> Result<bool, Refusal> {
    match change {
        Change::Refuse if old != new => Err(invalid(format!("Invalid value for: {path}"))),
        Change::Refuse | Change::Ignore => Ok(false),
        Change::Accept => Ok(old != new),
    }
}

/// §2: required, no `www` prefix.
fn new_domain(sent: &Sent) -> Result<String, Refusal> {
    let domain = sent.get("customerDomain").filter(|domain| !domain.is_empty()).ok_or(blank())?;
    let domain = domain.to_ascii_lowercase();
    if !is_domain(&domain) || domain.starts_with("www.") {
        return Err(invalid("Invalid value for: customerDomain"));
    }
    Ok(domain)
}

fn customer_type(sent: &Sent) -> Result<Option<CustomerType>, Refusal> {
    match sent.get("customerType") {
        None | Some("" | "customerTypeUnspecified") => Ok(None),
        Some("domain") => Ok(Some(CustomerType::Domain)),
        Some("team") => Ok(Some(CustomerType::Team)),
        Some(_) => Err(invalid("Invalid value at 'customer.customer_type'")),
    }
}
