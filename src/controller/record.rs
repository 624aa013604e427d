//! IO: the ledger in the status, and the password Secret.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::api::PostParams;
use kube::{Api, ResourceExt};
use secrecy::{ExposeSecret, SecretString};

use super::clock::Moment;
use super::context::Context;
use super::dereference::{password_in, read_secret};
use super::error::{KubeError, WriteError, in_time};
use super::publish::{api, write_status};
use super::random;
use crate::crd::names::FIELD_MANAGER;
use crate::crd::{OperationKind, ResellerCustomer, ResellerCustomerStatus, SecretKeyRef};
use crate::google::Gate;
use crate::record::Record;

/// A call must leave within this time of its ledger entry, by both clocks.
const LEDGER_LIFE: Duration = Duration::from_secs(30);

/// Why nothing was recorded, so that nothing may be sent.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    #[error("another order for this domain, or the hourly limit, came first")]
    NotNow,
    #[error("cannot write the ledger")]
    Write(#[source] WriteError),
    #[error("cannot read or create the password Secret")]
    Secret(#[source] KubeError),
    #[error("the password Secret was changed and cannot be used")]
    Unusable,
    #[error("the system gives no random numbers")]
    Random(#[source] getrandom::Error),
}

/// The record of one pass over one object.
pub(super) struct KubeRecord<'a> {
    ctx: &'a Context,
    /// The very object that the plan is made from.
    object: &'a ResellerCustomer,
    recorded: Mutex<Option<(ResellerCustomer, Moment)>>,
}

impl<'a> KubeRecord<'a> {
    pub(super) fn new(ctx: &'a Context, object: &'a ResellerCustomer) -> Self {
        Self { ctx, object, recorded: Mutex::default() }
    }

    /// The object with the ledger in it, if one was written.
    pub(super) fn into_recorded(self) -> Option<ResellerCustomer> {
        self.recorded.into_inner().unwrap_or_else(PoisonError::into_inner).map(|(object, _)| object)
    }

    /// Whether a conflict is only that our own write was answered twice.
    async fn is_ours_already(&self, id: &str) -> Option<ResellerCustomer> {
        let (api, name) = (api(self.ctx, self.object), self.object.name_any());
        let fresh = in_time(api.get_opt(&name)).await.ok().flatten()?;
        let is_ours = fresh.metadata.uid == self.object.metadata.uid
            && fresh.status.as_ref()?.pending_operation.as_ref()?.id == id;
        is_ours.then_some(fresh)
    }

    async fn write(
        &self,
        status: &ResellerCustomerStatus,
        id: &str,
    ) -> Result<ResellerCustomer, RecordError> {
        match write_status(self.ctx, self.object, status).await {
            Ok(written) => Ok(written),
            Err(error @ (WriteError::Conflict | WriteError::TimedOut)) => {
                self.is_ours_already(id).await.ok_or(RecordError::Write(error))
            }
            Err(error) => Err(RecordError::Write(error)),
        }
    }
}

impl Record for KubeRecord<'_> {
    type Error = RecordError;

    async fn record(&self, status: &ResellerCustomerStatus) -> Result<(), RecordError> {
        let operation = status.pending_operation.as_ref().ok_or(RecordError::NotNow)?;
        let domain = &self.object.spec.customer_domain;
        let is_order = operation.kind == OperationKind::CustomersInsert;
        if is_order && !self.ctx.tracks.begin_order(domain, &operation.id) {
            return Err(RecordError::NotNow);
        }
        // Older than the write itself: the fence counts from here.
        let since = Moment::now();
        match self.write(status, &operation.id).await {
            Ok(written) => {
                *self.recorded.lock().unwrap_or_else(PoisonError::into_inner) =
                    Some((written, since));
                Ok(())
            }
            Err(error) => {
                if is_order {
                    self.ctx.tracks.undo_order(domain, &operation.id);
                }
                Err(error)
            }
        }
    }

    async fn password(&self, reference: &SecretKeyRef) -> Result<SecretString, RecordError> {
        let namespace = self.object.namespace().unwrap_or_default();
        let api: Api<Secret> = Api::namespaced(self.ctx.kube.clone(), &namespace);
        if let Some(secret) =
            read_secret(&api, &reference.name).await.map_err(RecordError::Secret)?
        {
            return password_in(&secret, &reference.key).ok_or(RecordError::Unusable);
        }
        let password = random::password().map_err(RecordError::Random)?;
        let (parameters, secret) = (PostParams::default(), password_secret(reference, &password));
        match in_time(api.create(&parameters, &secret)).await {
            Ok(_) => Ok(password),
            Err(KubeError::Refused(error)) if is_already_there(&error) => {
                // It appeared meanwhile: the one that is there is used.
                let secret =
                    read_secret(&api, &reference.name).await.map_err(RecordError::Secret)?;
                secret
                    .and_then(|secret| password_in(&secret, &reference.key))
                    .ok_or(RecordError::Unusable)
            }
            Err(error) => Err(RecordError::Secret(error)),
        }
    }

    fn fence(&self) -> Option<&'static str> {
        if let Some(why) = self.ctx.leadership.closed() {
            return Some(why);
        }
        let recorded = self.recorded.lock().unwrap_or_else(PoisonError::into_inner);
        match &*recorded {
            None => Some("nothing was recorded before the call"),
            Some((_, since)) if since.elapsed_at_most() >= LEDGER_LIFE => {
                Some("the record of the call is too old by now; it is decided anew")
            }
            Some(_) => None,
        }
    }
}

fn is_already_there(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.is_already_exists())
}

/// No ownerReference: the password outlives the object.
fn password_secret(reference: &SecretKeyRef, password: &SecretString) -> Secret {
    let value = ByteString(password.expose_secret().as_bytes().to_vec());
    let mut secret = Secret {
        data: Some(BTreeMap::from([(reference.key.clone(), value)])),
        ..Secret::default()
    };
    secret.metadata.name = Some(reference.name.clone());
    secret.metadata.labels = Some(BTreeMap::from([(
        "app.kubernetes.io/managed-by".to_owned(),
        FIELD_MANAGER.to_owned(),
    )]));
    secret
}
