//! `/simulator/...`: looking at the simulation and changing it behind the operator's back.
//! `docs/simulator.md` is the reference.

use std::collections::BTreeMap;

use jiff::SignedDuration;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

use super::accounts::{Account, Subscription, TransferToken};
use super::calls::CallFilter;
use super::faults::FaultRule;
use super::rules::{Refusal, bad_request, not_found};
use super::simulation::Simulation;
use super::state::State;
use super::subscriptions::TOKEN_VALIDITY;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct NewState {
    accounts: Vec<Account>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Advance {
    seconds: i64,
}

impl Simulation {
    /// Serves one request; `path` is what follows `/simulator`.
    pub(super) fn control(
        &mut self,
        verb: &http::Method,
        path: &[&str],
        query: &BTreeMap<String, String>,
        body: &[u8],
    ) -> Result<Value, Refusal> {
        self.unsaved |= *verb != http::Method::GET;
        match (verb.as_str(), path) {
            ("GET", ["state"]) => Ok(self.view()),
            ("PUT", ["state"]) => {
                self.set_state(read(body)?);
                Ok(self.view())
            }
            ("GET", ["calls"]) => Ok(json!({"calls": self.calls(&filter(query)?)})),
            ("DELETE", ["calls"]) => {
                self.calls.clear();
                Ok(Value::Null)
            }
            (_, ["accounts", rest @ ..]) => self.control_account(verb, rest, body),
            ("GET", ["faults"]) => Ok(self.view_faults()),
            ("POST", ["faults"]) => Ok(json!({"id": self.faults.add(read::<FaultRule>(body)?)})),
            ("DELETE", ["faults"]) => {
                self.faults.clear();
                Ok(Value::Null)
            }
            ("DELETE", ["faults", number]) => {
                let known = number.parse().is_ok_and(|number| self.faults.remove(number));
                known.then_some(Value::Null).ok_or_else(|| not_found("fault"))
            }
            ("POST", ["release"]) => {
                self.held.clear();
                Ok(Value::Null)
            }
            ("GET", ["options"]) => Ok(json!(self.state.options)),
            ("PATCH", ["options"]) => {
                let mut members = json!(self.state.options);
                merge(&mut members, read(body)?);
                self.state.options = from_value(members)?;
                Ok(json!(self.state.options))
            }
            ("POST", ["clock", "advance"]) => {
                let Advance { seconds } = read(body)?;
                self.advance(SignedDuration::from_secs(seconds));
                Ok(json!({"now": self.now()}))
            }
            _ => Err(not_found("path")),
        }
    }

    fn control_account(
        &mut self,
        verb: &http::Method,
        path: &[&str],
        body: &[u8],
    ) -> Result<Value, Refusal> {
        let now = self.now();
        let unknown = || not_found("account");
        let known = path.first().map(|key| self.account_id(key)).transpose()?;
        let path: Vec<&str> =
            known.as_deref().into_iter().chain(path.iter().skip(1).copied()).collect();
        match (verb.as_str(), path.as_slice()) {
            ("POST", []) => {
                let account: Account = read(body)?;
                if account.customer_domain.is_empty() {
                    return Err(bad_request("customerDomain is missing"));
                }
                let id = self.state.add(account, now);
                self.view_account(&id)
            }
            ("GET", [id]) => self.view_account(id),
            ("PATCH", [id]) => {
                let mut members = json!(self.state.account(id).ok_or_else(unknown)?);
                merge(&mut members, read(body)?);
                let account = from_value(members)?;
                self.state.remove(id);
                let id = self.state.add(account, now);
                self.view_account(&id)
            }
            ("DELETE", [id]) => self.state.remove(id).map(|_| Value::Null).ok_or_else(unknown),
            ("POST", [id, "accept-tos"]) => {
                self.state.account_mut(id).ok_or_else(unknown)?.accept_terms();
                self.view_account(id)
            }
            ("POST", [id, "subscriptions"]) => {
                let mut new: Subscription = read(body)?;
                if new.subscription_id.is_empty() {
                    new.subscription_id = self.state.new_number(10);
                }
                new.creation_time.get_or_insert(now);
                Ok(self.state.account_mut(id).ok_or_else(unknown)?.subscribe(new))
            }
            ("POST", [id, "transfer-tokens"]) => {
                let mut token: TransferToken = read(body)?;
                token.expires.get_or_insert(now + TOKEN_VALIDITY);
                let account = self.state.account_mut(id).ok_or_else(unknown)?;
                account.transfer_tokens.push(token);
                Ok(Value::Null)
            }
            _ => Err(not_found("path")),
        }
    }

    /// The account with this id, or the only one on this domain.
    fn account_id(&self, key: &str) -> Result<String, Refusal> {
        if self.state.account(key).is_some() {
            return Ok(key.to_owned());
        }
        let mut on_domain = self.state.on_domain(key);
        match (on_domain.next(), on_domain.next()) {
            (Some(account), None) => Ok(account.customer_id.clone()),
            (Some(_), Some(_)) => Err(bad_request("several accounts on this domain: use an id")),
            (None, _) => Err(not_found("account")),
        }
    }

    fn set_state(&mut self, new: NewState) {
        let State { options, seed, made, accounts: _ } = std::mem::take(&mut self.state);
        self.state = State { options, seed, made, accounts: BTreeMap::new() };
        let now = self.now();
        for account in new.accounts {
            self.state.add(account, now);
        }
    }

    fn view(&self) -> Value {
        json!({
            "now": self.now(),
            "options": self.state.options,
            "accounts": self.state.accounts().values().collect::<Vec<_>>(),
        })
    }

    fn view_account(&self, id: &str) -> Result<Value, Refusal> {
        Ok(json!(self.state.account(id).ok_or_else(|| not_found("account"))?))
    }

    fn view_faults(&self) -> Value {
        let numbered = self.faults.rules().iter().map(|(number, rule)| {
            let mut shown = json!(rule);
            shown["id"] = (*number).into();
            shown
        });
        json!({"faults": numbered.collect::<Vec<_>>()})
    }
}

/// Which calls a query asks for.
pub(super) fn filter(query: &BTreeMap<String, String>) -> Result<CallFilter, Refusal> {
    let after = query.get("after").map(|after| after.parse()).transpose();
    Ok(CallFilter {
        method: query.get("method").cloned(),
        key: query.get("key").cloned(),
        after: after.map_err(|_| bad_request("after is not a number"))?.unwrap_or_default(),
    })
}

fn read<T: DeserializeOwned>(body: &[u8]) -> Result<T, Refusal> {
    let body = if body.is_empty() { b"{}" } else { body };
    serde_json::from_slice(body).map_err(|error| bad_request(error.to_string()))
}

fn from_value<T: DeserializeOwned>(value: Value) -> Result<T, Refusal> {
    serde_json::from_value(value).map_err(|error| bad_request(error.to_string()))
}

/// JSON merge patch (RFC 7396).
fn merge(target: &mut Value, patch: Value) {
    let Value::Object(patch) = patch else {
        *target = patch;
        return;
    };
    if !target.is_object() {
        *target = json!({});
    }
    for (name, value) in patch {
        if let Some(members) = target.as_object_mut() {
            if value.is_null() {
                members.remove(&name);
            } else {
                merge(members.entry(name).or_insert(Value::Null), value);
            }
        }
    }
}
