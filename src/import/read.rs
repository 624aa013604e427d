//! Asks Google for accounts. IO on the APIs only.

use std::collections::BTreeMap;

use crate::google::types::Customer;
use crate::google::{ApiError, ApiMethod, ErrorClass, Failure, GoogleApi};
use crate::observe::all_subscriptions;

/// An account as Google shows it.
#[derive(Clone, Debug)]
pub struct Account {
    /// The record; the minimal one for a customer of somebody else.
    pub customer: Customer,
    /// Its language.
    pub language: Language,
}

/// What is known of an account's language.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Language {
    /// What the Directory API says.
    Known(Option<String>),
    /// The credential may not read it.
    Unreadable(ApiError),
}

/// All customers that have a subscription, cancelled ones too: what Google knows them by (the id),
/// and the domain that it shows.
pub async fn customers<G: GoogleApi>(
    google: &G,
) -> Result<BTreeMap<String, Option<String>>, ApiError> {
    let subscriptions = all_subscriptions(google).await?;
    let customers = subscriptions.into_iter().filter_map(|subscription| {
        let domain = subscription.customer_domain;
        Some((subscription.customer_id.or_else(|| domain.clone())?, domain))
    });
    Ok(customers.collect())
}

/// The account with this id or domain.
///
/// # Errors
///
/// It cannot be read now, or there is none.
pub async fn read<G: GoogleApi>(google: &G, key: &str) -> Result<Account, ApiError> {
    let customer = google.customers_get(key).await?;
    let Some(id) = customer.customer_id.as_deref() else {
        let why = Failure::NoAnswer("the record has no customerId".to_owned());
        return Err(ApiError::new(ApiMethod::CustomersGet, why));
    };
    if customer.postal_address.is_none() {
        return Ok(Account { customer, language: Language::Known(None) });
    }
    let language = match google.directory_customers_get(id).await {
        Ok(directory) => Language::Known(directory.language),
        // Whoever tries again later gets an answer, and then the manifest is a whole one.
        Err(error) if matches!(error.class(), ErrorClass::Quota | ErrorClass::Unavailable) => {
            return Err(error);
        }
        Err(error) => Language::Unreadable(error),
    };
    Ok(Account { customer, language })
}
