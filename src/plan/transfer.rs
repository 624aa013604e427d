//! What could be transferred from a foreign account with the customer's token.

use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Time;

use super::{Input, TransferToken};
use crate::crd::{ResellerCustomerStatus, TransferableSubscription};
use crate::domain::observed::Read;
use crate::google::ErrorClass;
use crate::google::types::Subscription;

/// What the message says of the token and of what it shows.
pub(super) fn told(input: Input<'_>) -> String {
    let Some(reference) = &input.desired.transfer_token else { return String::new() };
    let (name, key) = (&reference.name, &reference.key);
    if matches!(input.surroundings.transfer_token, TransferToken::Missing) {
        return format!(
            " The transfer token cannot be read: Secret {name:?} (spec.customerAuthTokenSecretRef) \
             is missing or has no key {key:?}."
        );
    }
    match &input.observed.transferable {
        Read::NotAsked => String::new(),
        Read::Got(list) if list.is_empty() => {
            " With the given token nothing could be transferred.".to_owned()
        }
        Read::Got(list) => format!(
            " What could be transferred with the given token ({}) is in \
             status.transferableSubscriptions.",
            list.len()
        ),
        Read::Failed(error) if error.class() == ErrorClass::Permission => format!(
            " Google refuses the transfer token of Secret {name:?}: it is wrong, made for another \
             reseller, or older than 30 days; ask the customer for a new one."
        ),
        Read::Failed(_) => {
            " The transferable subscriptions could not be listed now; they are asked for again."
                .to_owned()
        }
    }
}

/// Writes down what could be transferred; what cannot be read now stays as it was.
pub(super) fn note(status: &mut ResellerCustomerStatus, input: Input<'_>) {
    match &input.observed.transferable {
        Read::Got(list) => {
            status.transferable_subscriptions = list.iter().filter_map(transferable).collect();
        }
        Read::Failed(error) if error.class() != ErrorClass::Permission => {}
        Read::Failed(_) | Read::NotAsked => status.transferable_subscriptions.clear(),
    }
}

fn transferable(subscription: &Subscription) -> Option<TransferableSubscription> {
    let info = subscription.transfer_info.as_ref();
    Some(TransferableSubscription {
        sku_id: subscription.sku_id.clone()?,
        sku_name: subscription.sku_name.clone(),
        minimum_transferable_seats: info
            .and_then(|info| seats(info.minimum_transferable_seats.as_ref()?)),
        transferability_expiration_time: info
            .and_then(|info| expiration(info.transferability_expiration_time.as_deref()?)),
    })
}

/// A number in Google's schema, a string in its sample.
fn seats(value: &serde_json::Value) -> Option<i32> {
    let number = value.as_i64().or_else(|| value.as_str()?.parse().ok())?;
    i32::try_from(number).ok()
}

/// Milliseconds since the epoch, as a string.
fn expiration(text: &str) -> Option<Time> {
    let milliseconds: i64 = text.parse().ok()?;
    Timestamp::from_second(milliseconds.div_euclid(1000)).ok().map(Time)
}
