//! IO: the Secrets that a manifest names, read by name when they are needed, never listed. The
//! absence of one is an answer, not an error.

use k8s_openapi::api::core::v1::Secret;
use kube::{Api, ResourceExt};
use secrecy::SecretString;

use super::context::Context;
use super::error::{Error, KubeError, in_time};
use crate::crd::{Origin, ResellerCustomer};
use crate::plan::{PasswordSecret, TransferToken};

/// Lengths of a password that Google takes (users.insert, discovery document).
const PASSWORD_LENGTH: std::ops::RangeInclusive<usize> = 8..=100;

/// The state of the password Secret, where an administrator may still be made.
pub(super) async fn password_secret(
    ctx: &Context,
    object: &ResellerCustomer,
) -> Result<PasswordSecret, Error> {
    let status = object.status.clone().unwrap_or_default();
    let is_due = status.origin == Some(Origin::Ordered)
        && !status.onboarded
        && status.initial_admin.is_none_or(|admin| !admin.created);
    let Some(admin) = object.spec.initial_admin.as_ref().filter(|_| is_due) else {
        return Ok(PasswordSecret::Absent);
    };
    let reference = &admin.password_secret_ref;
    let namespace = object.namespace().unwrap_or_default();
    let api: Api<Secret> = Api::namespaced(ctx.kube.clone(), &namespace);
    let secret = read_secret(&api, &reference.name).await.map_err(Error::Dereference)?;
    Ok(match secret {
        None => PasswordSecret::Absent,
        Some(secret) if !has_key(&secret, &reference.key) => PasswordSecret::KeyMissing,
        Some(secret) => match password_in(&secret, &reference.key) {
            Some(_) => PasswordSecret::Present(secret.resource_version().unwrap_or_default()),
            None => PasswordSecret::Unusable,
        },
    })
}

/// The transfer token that the manifest names.
pub(super) async fn transfer_token(
    ctx: &Context,
    object: &ResellerCustomer,
) -> Result<TransferToken, Error> {
    let Some(reference) = &object.spec.customer_auth_token_secret_ref else {
        return Ok(TransferToken::NotNamed);
    };
    // An account that is ours needs none.
    if object
        .status
        .as_ref()
        .is_some_and(|status| status.origin.is_some() && status.lost_at.is_none())
    {
        return Ok(TransferToken::NotNamed);
    }
    let namespace = object.namespace().unwrap_or_default();
    let api: Api<Secret> = Api::namespaced(ctx.kube.clone(), &namespace);
    let secret = read_secret(&api, &reference.name).await.map_err(Error::Dereference)?;
    let value = secret.and_then(|secret| secret.data?.remove(&reference.key));
    let token = value.and_then(|value| String::from_utf8(value.0).ok());
    Ok(token
        .map(|token| token.trim().to_owned())
        .filter(|token| !token.is_empty())
        .map_or(TransferToken::Missing, |token| TransferToken::Given(SecretString::from(token))))
}

/// A Secret by its name, if there is one.
pub(super) async fn read_secret(
    api: &Api<Secret>,
    name: &str,
) -> Result<Option<Secret>, KubeError> {
    in_time(api.get_opt(name)).await
}

fn has_key(secret: &Secret, key: &str) -> bool {
    secret.data.as_ref().is_some_and(|data| data.contains_key(key))
}

/// The password under a key, if Google would take it.
pub(super) fn password_in(secret: &Secret, key: &str) -> Option<SecretString> {
    let value = &secret.data.as_ref()?.get(key)?.0;
    let text = std::str::from_utf8(value).ok()?;
    let is_usable = text.is_ascii() && PASSWORD_LENGTH.contains(&text.len());
    is_usable.then(|| SecretString::from(text.to_owned()))
}
