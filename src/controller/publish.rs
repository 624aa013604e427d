//! IO: status writes and Events.

use backon::{ExponentialBuilder, Retryable};
use kube::api::{Patch, PatchParams};
use kube::runtime::events::EventType;
use kube::{Api, Resource, ResourceExt};
use serde::Serialize;

use super::context::Context;
use super::error::{TIMEOUT, WriteError};
use crate::crd::names::FIELD_MANAGER;
use crate::crd::{ResellerCustomer, ResellerCustomerStatus};
use crate::metrics::WriteResult;
use crate::plan::events::Event;
use crate::plan::outcome::Outcome;

/// Longest note of an Event, in characters; the API server takes 1 kB.
const MAX_NOTE: usize = 900;

/// A server-side apply of the status, over the object with this uid and resourceVersion only.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct StatusPatch<'a> {
    api_version: String,
    kind: String,
    metadata: Basis<'a>,
    status: &'a ResellerCustomerStatus,
}

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Basis<'a> {
    name: &'a str,
    uid: Option<&'a str>,
    resource_version: Option<&'a str>,
}

fn status_patch<'a>(
    basis: &'a ResellerCustomer,
    name: &'a str,
    status: &'a ResellerCustomerStatus,
) -> StatusPatch<'a> {
    StatusPatch {
        api_version: ResellerCustomer::api_version(&()).into_owned(),
        kind: ResellerCustomer::kind(&()).into_owned(),
        metadata: Basis {
            name,
            uid: basis.metadata.uid.as_deref(),
            resource_version: basis.metadata.resource_version.as_deref(),
        },
        status,
    }
}

/// The API of the namespace of an object, without retries below us.
pub(super) fn api(ctx: &Context, object: &ResellerCustomer) -> Api<ResellerCustomer> {
    Api::namespaced(ctx.kube_once.clone(), &object.namespace().unwrap_or_default())
}

/// Writes the whole status that we own; a conflict is an error.
pub(super) async fn write_status(
    ctx: &Context,
    basis: &ResellerCustomer,
    status: &ResellerCustomerStatus,
) -> Result<ResellerCustomer, WriteError> {
    let name = basis.name_any();
    let patch = status_patch(basis, &name, status);
    let api = api(ctx, basis);
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    let patch = Patch::Apply(&patch);
    let write = api.patch_status(&name, &parameters, &patch);
    let result = match tokio::time::timeout(TIMEOUT, write).await {
        Err(_) => Err(WriteError::TimedOut),
        Ok(Ok(written)) => Ok(written),
        Ok(Err(kube::Error::Api(status))) if status.is_conflict() => Err(WriteError::Conflict),
        Ok(Err(kube::Error::Api(status))) if status.is_not_found() => Err(WriteError::Gone),
        Ok(Err(error)) => Err(WriteError::Refused(Box::new(error))),
    };
    ctx.metrics.status_write(match &result {
        Ok(_) => WriteResult::Ok,
        Err(WriteError::Conflict | WriteError::Gone) => WriteResult::Conflict,
        Err(_) => WriteResult::Error,
    });
    if let Ok(written) = &result {
        ctx.tracks.wrote(basis, written);
    }
    result
}

/// Publishes the outcome of a pass, if it says anything new. The outcome of a call that was made
/// is written again where it failed, also over a fresh read while the object and its operation are
/// still ours; anything else is only as good as the read that it was decided from.
pub(super) async fn publish(
    ctx: &Context,
    basis: &ResellerCustomer,
    outcome: &Outcome,
) -> Result<bool, WriteError> {
    if basis.status.as_ref() == Some(&outcome.status) {
        return Ok(false);
    }
    let was_recorded =
        basis.status.as_ref().is_some_and(|status| status.pending_operation.is_some());
    if !was_recorded && !was_sent(outcome) {
        return write_status(ctx, basis, &outcome.status).await.map(|_| true);
    }
    let again = || async {
        match write_status(ctx, basis, &outcome.status).await {
            Err(WriteError::Conflict) => {
                let fresh = fresh(ctx, basis, &outcome.status).await?;
                write_status(ctx, &fresh, &outcome.status).await
            }
            result => result,
        }
    };
    let is_passing =
        |error: &WriteError| !matches!(error, WriteError::Gone | WriteError::Superseded);
    let backoff = ExponentialBuilder::default().with_jitter().with_max_times(6);
    again.retry(backoff).when(is_passing).await.map(|_| true)
}

/// Whether anything may have changed at Google.
pub(super) fn was_sent(outcome: &Outcome) -> bool {
    let failed = outcome.applied.failure.as_ref();
    !outcome.applied.done.is_empty()
        || failed.is_some_and(|(_, error)| error.may_have_been_applied())
}

/// The object as it is now, if the outcome may still be written over it.
async fn fresh(
    ctx: &Context,
    basis: &ResellerCustomer,
    wanted: &ResellerCustomerStatus,
) -> Result<ResellerCustomer, WriteError> {
    let api = api(ctx, basis);
    let name = basis.name_any();
    let read = tokio::time::timeout(TIMEOUT, api.get_opt(&name)).await;
    let fresh = match read {
        Err(_) => return Err(WriteError::TimedOut),
        Ok(Err(error)) => return Err(WriteError::Refused(Box::new(error))),
        Ok(Ok(fresh)) => fresh.ok_or(WriteError::Gone)?,
    };
    if fresh.metadata.uid != basis.metadata.uid {
        return Err(WriteError::Gone);
    }
    // A write of ours can have arrived although its answer did not.
    let is_written = fresh.status.as_ref() == Some(wanted);
    if is_written || is_still_ours(basis, &fresh) { Ok(fresh) } else { Err(WriteError::Superseded) }
}

/// Whether the outcome of a call may be written over this newer state of the object: its operation
/// is still open, or nobody wrote the status since. A process that stood still and does not lead
/// any more finds what the next leader wrote, and leaves it alone.
fn is_still_ours(basis: &ResellerCustomer, fresh: &ResellerCustomer) -> bool {
    let operation = |object: &ResellerCustomer| {
        object.status.as_ref()?.pending_operation.as_ref().map(|operation| operation.id.clone())
    };
    let is_untouched = match operation(basis) {
        Some(open) => operation(fresh) == Some(open),
        None => {
            basis.status.clone().unwrap_or_default() == fresh.status.clone().unwrap_or_default()
        }
    };
    basis.metadata.uid == fresh.metadata.uid && is_untouched
}

/// Tells what happened, once each. An Event that cannot be told is logged, nothing more.
pub(super) async fn tell(ctx: &Context, object: &ResellerCustomer, events: &[Event]) {
    for event in events {
        let published = kube::runtime::events::Event {
            type_: if event.is_warning { EventType::Warning } else { EventType::Normal },
            reason: event.reason.to_owned(),
            note: Some(event.note.chars().take(MAX_NOTE).collect()),
            action: event.reason.to_owned(),
            secondary: None,
        };
        let reference = object.object_ref(&());
        let publish = ctx.recorder.publish(&published, &reference);
        match tokio::time::timeout(TIMEOUT, publish).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => {
                tracing::warn!(reason = event.reason, %error, "cannot publish an Event");
            }
            Err(_) => tracing::warn!(reason = event.reason, "cannot publish an Event in time"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::crd::ResellerCustomerSpec;

    fn object(version: &str, status: serde_json::Value) -> ResellerCustomer {
        let spec = serde_json::json!({"customerDomain": "acme.example"});
        let spec: ResellerCustomerSpec = serde_json::from_value(spec).unwrap();
        let mut object = ResellerCustomer::new("acme", spec);
        object.metadata.uid = Some("u".to_owned());
        object.metadata.resource_version = Some(version.to_owned());
        object.status = Some(serde_json::from_value(status).unwrap());
        object
    }

    fn with_operation(id: &str) -> serde_json::Value {
        let operation = serde_json::json!({
            "id": id, "kind": "customers.insert", "payloadHash": "v1:0", "startedAt": "2026-01-01T00:00:00Z",
        });
        serde_json::json!({"observedGeneration": 1, "pendingOperation": operation})
    }

    #[test]
    fn every_write_carries_the_observed_generation_and_names_the_very_object() {
        let basis = object("7", serde_json::json!({"observedGeneration": 1}));
        for status in [with_operation("one"), serde_json::json!({"observedGeneration": 1})] {
            let status: ResellerCustomerStatus = serde_json::from_value(status).unwrap();
            let patch = serde_json::to_value(status_patch(&basis, "acme", &status)).unwrap();
            assert_eq!(patch["status"]["observedGeneration"], 1);
            let named = serde_json::json!({"name": "acme", "uid": "u", "resourceVersion": "7"});
            assert_eq!(patch["metadata"], named);
        }
    }

    #[test]
    fn what_a_call_came_to_is_written_over_an_edit_but_not_over_the_next_leaders_status() {
        let status = serde_json::json!({"observedGeneration": 1});
        let basis = object("1", status.clone());
        assert!(is_still_ours(&basis, &object("2", status)));
        let newer = serde_json::json!({"observedGeneration": 1, "onboarded": true});
        assert!(!is_still_ours(&basis, &object("2", newer)));
    }

    #[test]
    fn what_an_order_came_to_is_written_while_its_operation_is_open_and_not_after() {
        let basis = object("1", with_operation("one"));
        assert!(is_still_ours(&basis, &object("2", with_operation("one"))));
        assert!(!is_still_ours(&basis, &object("2", with_operation("two"))));
        assert!(!is_still_ours(&basis, &object("2", serde_json::json!({}))));
        let mut other = object("2", with_operation("one"));
        other.metadata.uid = Some("v".to_owned());
        assert!(!is_still_ours(&basis, &other));
    }
}
