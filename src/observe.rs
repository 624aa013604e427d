//! Reads Google: what a plan needs to know, and no more. IO on the APIs only.

use secrecy::SecretString;

use crate::crd::{OperationKind, Origin, ResellerCustomerStatus};
use crate::domain::Desired;
use crate::domain::memory::{is_ours, open_order};
use crate::domain::observed::{Answer, Key, Observed, Read};
use crate::domain::surroundings::{Grace, Surroundings, TransferToken};
use crate::google::types::{Customer, Subscription, SubscriptionQuery, User};
use crate::google::{ApiError, ApiMethod, ErrorClass, Failure, GoogleApi};

/// Most items of a page of `subscriptions.list`.
const PAGE: u32 = 100;

/// Reads what a plan for this object needs.
pub async fn observe<G: GoogleApi>(
    google: &G,
    desired: &Desired,
    memory: &ResellerCustomerStatus,
    surroundings: &Surroundings,
) -> Observed {
    let key = key(desired, memory);
    let answer = look_up(google, key.as_str()).await;
    let mut observed = Observed::of(key, answer);
    if let Some(account) = observed.full().cloned() {
        read_account(google, desired, memory, &account, &mut observed).await;
    } else if let (Answer::Minimal(account), TransferToken::Given(token)) =
        (&observed.answer, &surroundings.transfer_token)
    {
        let id = account.customer_id.as_deref().unwrap_or_default();
        observed.transferable = subscriptions(google, id, Some(token.clone())).await;
    } else if is_gone(memory, surroundings, &observed) {
        observed.domain_answer = Some(look_up(google, desired.domain.as_str()).await);
    }
    observed
}

/// `spec.customerId`, else `status.customerId`, else the domain. While an order is open the
/// account that it may have made is looked up by its domain.
fn key(desired: &Desired, memory: &ResellerCustomerStatus) -> Key {
    if let Some(pinned) = &desired.pinned {
        return Key::Id(pinned.as_str().to_owned());
    }
    match &memory.customer_id {
        Some(id) if open_order(memory).is_none() => Key::Id(id.clone()),
        _ => Key::Domain(desired.domain.as_str().to_owned()),
    }
}

/// The four answers of `customers.get`; customer.md.
async fn look_up<G: GoogleApi>(google: &G, key: &str) -> Answer {
    match google.customers_get(key).await {
        Ok(account) if account.customer_id.is_none() => {
            let why = Failure::NoAnswer("the record has no customerId".to_owned());
            Answer::Failed(ApiError::new(ApiMethod::CustomersGet, why))
        }
        Ok(account) if account.postal_address.is_some() => Answer::Full(Box::new(account)),
        Ok(account) => Answer::Minimal(Box::new(account)),
        Err(error) => match error.class() {
            ErrorClass::MultipleTeams => Answer::MultipleTeams,
            ErrorClass::NotFound => Answer::Absent,
            _ => Answer::Failed(error),
        },
    }
}

/// Whether a known id answers 404 for longer than the lag grace.
fn is_gone(
    memory: &ResellerCustomerStatus,
    surroundings: &Surroundings,
    observed: &Observed,
) -> bool {
    let Key::Id(id) = &observed.key else { return false };
    observed.answer == Answer::Absent
        && memory.customer_id.as_deref() == Some(id)
        && surroundings.is_over(&Grace::Gone(id.clone()))
}

async fn read_account<G: GoogleApi>(
    google: &G,
    desired: &Desired,
    memory: &ResellerCustomerStatus,
    account: &Customer,
    observed: &mut Observed,
) {
    let id = account.customer_id.as_deref().unwrap_or_default();
    if desired.language().is_some() || open_order(memory).is_some() {
        observed.directory = match google.directory_customers_get(id).await {
            Ok(directory) => Read::Got(directory),
            Err(error) => Read::Failed(error),
        };
    }
    observed.subscriptions = subscriptions(google, id, None).await;
    let tells = observed.subscriptions.got().is_none_or(|list| {
        list.iter().any(|subscription| subscription.status.as_deref() != Some("CANCELLED"))
    });
    let is_needed = !tells || has_open_insert(memory) || wants_admin(desired, memory);
    if let Some(email) = admin(desired, memory).filter(|_| is_needed) {
        observed.admin = user(google, email).await;
    }
}

fn has_open_insert(memory: &ResellerCustomerStatus) -> bool {
    memory
        .pending_operation
        .as_ref()
        .is_some_and(|operation| operation.kind == OperationKind::UsersInsert)
}

/// Whether the administrator of the manifest is due, or its absence is to be told: always, until
/// onboarding of an ordered account was completed; in adopted ones, as long as none is known.
fn wants_admin(desired: &Desired, memory: &ResellerCustomerStatus) -> bool {
    let is_ordered = memory.origin == Some(Origin::Ordered) && is_ours(memory, desired);
    let is_open = if is_ordered { !memory.onboarded } else { memory.initial_admin.is_none() };
    desired.initial_admin.is_some() && is_open
}

/// Whose acceptance of the terms counts where no subscription tells.
fn admin<'a>(desired: &'a Desired, memory: &'a ResellerCustomerStatus) -> Option<&'a str> {
    let ours = memory.initial_admin.as_ref().map(|admin| admin.primary_email.as_str());
    let wanted = desired.initial_admin.as_ref().map(|admin| admin.primary_email.as_str());
    ours.or(wanted).or(desired.primary_admin.as_deref())
}

/// All subscriptions of a customer; with a transfer token, those that could be transferred.
async fn subscriptions<G: GoogleApi>(
    google: &G,
    id: &str,
    customer_auth_token: Option<SecretString>,
) -> Read<Vec<Subscription>> {
    let query = SubscriptionQuery {
        customer_id: Some(id.to_owned()),
        customer_auth_token,
        ..SubscriptionQuery::default()
    };
    match pages(google, query).await {
        Ok(list) => Read::Got(list),
        Err(error) => Read::Failed(error),
    }
}

/// All subscriptions of the reseller's customers, cancelled ones too.
pub async fn all_subscriptions<G: GoogleApi>(google: &G) -> Result<Vec<Subscription>, ApiError> {
    pages(google, SubscriptionQuery::default()).await
}

/// All pages of `subscriptions.list`.
async fn pages<G: GoogleApi>(
    google: &G,
    query: SubscriptionQuery,
) -> Result<Vec<Subscription>, ApiError> {
    let mut list = Vec::new();
    let mut query = SubscriptionQuery { max_results: Some(PAGE), ..query };
    loop {
        let page = google.subscriptions_list(&query).await?;
        list.extend(page.subscriptions);
        match page.next_page_token.filter(|token| !token.is_empty()) {
            Some(token) => query.page_token = Some(token),
            None => return Ok(list),
        }
    }
}

/// A user, or that there is none.
async fn user<G: GoogleApi>(google: &G, email: &str) -> Read<Option<User>> {
    match google.users_get(email).await {
        Ok(user) => Read::Got(Some(user)),
        Err(error) if error.class() == ErrorClass::NotFound => Read::Got(None),
        Err(error) => Read::Failed(error),
    }
}
