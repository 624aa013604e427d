//! Google as a test sees it: accounts, failures, and the calls that were made.

use reseller_operator::simulator::{Account, CallFilter, CallRecord, Fault, FaultRule};
use serde_json::Value;

use crate::world::{PATIENCE, World};

pub const ORDER: &str = "reseller.customers.insert";
pub const GET: &str = "reseller.customers.get";
pub const PATCH: &str = "reseller.customers.patch";

/// Calls that change something at Google.
pub const WRITES: [&str; 9] = [
    ORDER,
    PATCH,
    "reseller.customers.update",
    "reseller.subscriptions.insert",
    "directory.customers.patch",
    "directory.customers.update",
    "directory.users.insert",
    "directory.users.patch",
    "directory.users.makeAdmin",
];

impl World {
    /// Adds an account at Google; gives its id.
    pub fn add(&self, account: Value) -> String {
        let account: Account = serde_json::from_value(account).expect("account");
        let mut google = self.google.simulation();
        let now = google.now();
        google.state_mut().add(account, now)
    }

    /// Changes an account behind the operator's back.
    pub fn change(&self, id: &str, change: impl FnOnce(&mut Account)) {
        change(self.google.simulation().state_mut().account_mut(id).expect("account"));
    }

    pub fn account(&self, id: &str) -> Account {
        self.google.simulation().state().account(id).expect("account").clone()
    }

    /// The only account with this domain.
    pub fn account_of(&self, domain: &str) -> Account {
        let google = self.google.simulation();
        let accounts = google.state().accounts().values();
        let mut found: Vec<_> = accounts.filter(|a| a.customer_domain == domain).collect();
        assert_eq!(found.len(), 1, "accounts with domain {domain}");
        found.remove(0).clone()
    }

    /// The next call of a method fails like this.
    pub fn fail_once(&self, method: &str, fault: Fault) {
        self.google.simulation().inject(FaultRule::once(method, fault));
    }

    /// Every call of a method (none: of any) fails like this, until [`Self::heal`].
    pub fn fail(&self, method: Option<&str>, fault: Fault) {
        let method = method.map(str::to_owned);
        let rule = FaultRule { method, key: None, skip: 0, times: None, fault };
        self.google.simulation().inject(rule);
    }

    pub fn heal(&self) {
        self.google.simulation().clear_faults();
    }

    pub fn calls(&self, method: &str) -> Vec<CallRecord> {
        self.google.simulation().calls(&CallFilter::method(method))
    }

    /// Calls of a method for one domain, id or address.
    pub fn calls_for(&self, method: &str, key: &str) -> Vec<CallRecord> {
        let mut calls = self.calls(method);
        calls.retain(|call| call.key == key);
        calls
    }

    /// How many calls there were, of any method.
    pub fn call_count(&self) -> usize {
        self.google.simulation().calls(&CallFilter::default()).len()
    }

    /// Waits until there were so many calls of a method.
    pub async fn seen(&self, method: &str, count: usize) -> Vec<CallRecord> {
        let filter = CallFilter::method(method);
        let seen = tokio::time::timeout(PATIENCE, self.google.seen(&filter, count)).await;
        seen.unwrap_or_else(|_| panic!("waited in vain for {count} calls of {method}"))
    }

    /// What was asked to be changed at Google, in order: method and key.
    pub fn google_writes(&self) -> Vec<String> {
        let calls = self.google.simulation().calls(&CallFilter::default());
        let writes = calls.iter().filter(|call| WRITES.contains(&call.method));
        writes.map(|call| format!("{} {}", call.method, call.key)).collect()
    }

    /// Orders of a domain that Google carried out.
    pub fn orders(&self, domain: &str) -> usize {
        self.calls_for(ORDER, domain).iter().filter(|call| call.committed).count()
    }
}

/// The fields of a call's body, sorted, as paths without values.
pub fn body_fields(call: &CallRecord) -> Vec<String> {
    fn walk(value: &Value, path: &str, into: &mut Vec<String>) {
        match value {
            Value::Object(members) => {
                for (name, value) in members {
                    let path =
                        if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    walk(value, &path, into);
                }
            }
            _ => into.push(path.to_owned()),
        }
    }
    let mut fields = Vec::new();
    walk(call.body.as_ref().expect("a body"), "", &mut fields);
    fields.sort();
    fields
}
