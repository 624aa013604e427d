//! Directory API `users.*`: reseller-api.md §5, §6.

use serde_json::{Map, Value, json};

use super::accounts::{Account, User};
use super::contact::is_email;
use super::rules::{Refusal, blank, invalid, not_authorized, not_found, user_exists};
use super::schema;
use super::state::{Call, State, rfc3339};

impl State {
    /// 200: in an own account. 403: not a resold domain, or the address is used by another Google
    /// product. 404: an own account has no such user (§5, "users.get as a probe").
    pub(super) fn users_get(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        let (account, position) = self.user_of(call)?;
        Ok(resource(account, &account.users[position]))
    }

    pub(super) fn users_insert(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        schema::check(schema::USER, call.body, "user")?;
        let email = text(call.body, "/primaryEmail").ok_or_else(blank)?.to_owned();
        if !is_email(&email) {
            return Err(invalid("Invalid Input: primary_user_email"));
        }
        let user = self.new_user(call, &email)?;
        if self.is_elsewhere(&email) || self.accounts.values().any(|a| a.user(&email).is_some()) {
            return Err(user_exists());
        }
        let id = self.account_of_domain(&email)?;
        self.reachable(&id, call)?;
        let number = self.new_number(21);
        let account = self.reachable(&id, call)?;
        let user = User { id: number, language: account.language().to_owned(), ..user };
        let answer = resource(account, &user);
        account.users.push(user);
        Ok(answer)
    }

    /// Empty answer; idempotent in effect (§6).
    pub(super) fn users_make_admin(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        schema::check(schema::MAKE_ADMIN, call.body, "user_make_admin")?;
        let Some(status) = call.body["status"].as_bool() else { return Err(blank()) };
        let (account, position) = self.user_of(call)?;
        account.users[position].is_admin = status;
        Ok(Value::Null)
    }

    /// PATCH, and PUT, which "already has patch semantics" (§1.2). Read-only members are ignored.
    pub(super) fn users_write(&mut self, call: &Call<'_>) -> Result<Value, Refusal> {
        schema::check(schema::USER, call.body, "user")?;
        let limit = self.options.user_name_limit;
        check_password(call.body)?;
        let (account, position) = self.user_of(call)?;
        let user = &mut account.users[position];
        for (member, slot) in
            [("/name/givenName", &mut user.given_name), ("/name/familyName", &mut user.family_name)]
        {
            if let Some(sent) = text(call.body, member) {
                *slot = name(sent, limit)?;
            }
        }
        let change = &mut user.change_password_at_next_login;
        *change = call.body["changePasswordAtNextLogin"].as_bool().unwrap_or(*change);
        if let Some(sent) = text(call.body, "/recoveryEmail") {
            user.recovery_email = Some(sent.to_owned());
        }
        let user = user.clone();
        Ok(resource(account, &user))
    }

    /// Reads the members of a user to come.
    fn new_user(&self, call: &Call<'_>, email: &str) -> Result<User, Refusal> {
        let body = call.body;
        let limit = self.options.user_name_limit;
        let given = text(body, "/name/givenName").ok_or_else(blank)?;
        let family = text(body, "/name/familyName").ok_or_else(blank)?;
        if text(body, "/password").is_none() {
            return Err(blank());
        }
        check_password(body)?;
        Ok(User {
            primary_email: email.to_ascii_lowercase(),
            given_name: name(given, limit)?,
            family_name: name(family, limit)?,
            change_password_at_next_login: body["changePasswordAtNextLogin"] == true,
            recovery_email: text(body, "/recoveryEmail").map(str::to_owned),
            creation_time: Some(call.now),
            ..User::default()
        })
    }

    /// The own account that has the user of the call's key, and the user's place in it.
    fn user_of(&mut self, call: &Call<'_>) -> Result<(&mut Account, usize), Refusal> {
        let known = self.accounts.values().find(|account| account.user(call.key).is_some());
        let id = match known {
            Some(account) => account.customer_id.clone(),
            None if self.is_elsewhere(call.key) => return Err(not_authorized()),
            None => self.account_of_domain(call.key)?,
        };
        let account = self.reachable(&id, call)?;
        let position = account.users.iter().position(|user| user.is(call.key));
        position.map(|at| (account, at)).ok_or_else(|| not_found("userKey"))
    }

    /// The account on whose domain the address is.
    fn account_of_domain(&self, address: &str) -> Result<String, Refusal> {
        let Some((_, domain)) = address.rsplit_once('@') else {
            return Err(not_found("userKey"));
        };
        let mut own = self.on_domain(domain).filter(|account| account.is_own());
        own.next().map(|account| account.customer_id.clone()).ok_or_else(not_authorized)
    }

    fn is_elsewhere(&self, address: &str) -> bool {
        self.options.addresses_elsewhere.iter().any(|known| known.eq_ignore_ascii_case(address))
    }
}

/// The user as it is answered; the password never is.
fn resource(account: &Account, user: &User) -> Value {
    let mut answer = json!({
        "kind": "admin#directory#user",
        "id": user.id,
        "etag": format!("\"{}\"", user.id),
        "primaryEmail": user.primary_email,
        "name": {
            "givenName": user.given_name,
            "familyName": user.family_name,
            "fullName": format!("{} {}", user.given_name, user.family_name),
        },
        "isAdmin": user.is_admin,
        "isDelegatedAdmin": false,
        "agreedToTerms": user.agreed_to_terms,
        "suspended": false,
        "archived": false,
        "changePasswordAtNextLogin": user.change_password_at_next_login,
        "isMailboxSetup": !account.subscriptions.is_empty(),
        "orgUnitPath": "/",
        "customerId": account.customer_id,
    });
    if let Some(made) = user.creation_time {
        answer["creationTime"] = rfc3339(made).into();
    }
    if let Some(address) = &user.recovery_email {
        answer["recoveryEmail"] = address.as_str().into();
    }
    if !user.language.is_empty() {
        answer["languages"] = json!([{"languageCode": user.language, "preference": "preferred"}]);
    }
    answer
}

/// A text that is there and not blank.
fn text<'a>(body: &'a Value, pointer: &str) -> Option<&'a str> {
    body.pointer(pointer).and_then(Value::as_str).map(str::trim).filter(|text| !text.is_empty())
}

/// §1.4: 60 or 40 characters.
fn name(sent: &str, limit: usize) -> Result<String, Refusal> {
    if sent.chars().count() > limit {
        return Err(invalid("Invalid Input: name"));
    }
    Ok(sent.to_owned())
}

/// §6: 8 to 100 ASCII characters, unless it is a hash.
fn check_password(body: &Value) -> Result<(), Refusal> {
    let Some(password) = body.get("password").and_then(Value::as_str) else { return Ok(()) };
    let is_hash = body.get("hashFunction").is_some_and(Value::is_string);
    if is_hash || (8..=100).contains(&password.len()) && password.is_ascii() {
        return Ok(());
    }
    Err(invalid("Invalid Password"))
}

/// A body as the call log may show it: without the password.
pub(super) fn without_password(body: &Value) -> Value {
    let mut shown = body.clone();
    if let Some(members) = shown.as_object_mut().map(Map::iter_mut) {
        members.filter(|(name, _)| *name == "password").for_each(|(_, v)| *v = "hidden".into());
    }
    shown
}
