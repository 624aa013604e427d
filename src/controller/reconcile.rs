//! The driver: one pass over one object, as a table of contents.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use kube::ResourceExt;
use kube::runtime::controller::Action as Requeue;
use kube::runtime::reflector::ObjectRef;
use tokio::time::Instant;

use super::clock::{self, Moment};
use super::context::Context;
use super::dereference::{password_secret, transfer_token};
use super::error::{Error, WriteError};
use super::publish::{publish, tell, was_sent, write_status};
use super::random;
use super::record::{KubeRecord, RecordError};
use super::requeue;
use super::stored::{Key, Stored};
use super::tracks::Ended;
use crate::crd::names::{APPROVE_ORDER, RECONCILE_REQUESTED_AT};
use crate::crd::{OperationKind, ResellerCustomer, ResellerCustomerStatus};
use crate::domain::Desired;
use crate::domain::violation::Violations;
use crate::google::{ApiMethod, Lane};
use crate::metrics::{OrderResult, PassOutcome};
use crate::pass::{Subject, pass};
use crate::plan::outcome::Outcome;
use crate::plan::{Next, Surroundings, announce, conditions};

/// Runs one pass and asks the queue for the next one; the applier itself never requeues. The pass
/// is a task of its own, so that passes run side by side and one that panics ends alone.
pub(super) async fn reconcile(stored: Arc<Stored>, ctx: Arc<Context>) -> Result<Requeue, Error> {
    let key = ObjectRef::from_obj(&*stored);
    let lane = ctx.schedule.lane(&key).unwrap_or(Lane::Retry);
    let Stored::Parsed(object) = &*stored else {
        tracing::error!(object = %key, "the object does not parse and is left alone; mend or delete it");
        return Ok(Requeue::await_change());
    };
    let started = Moment::now();
    let (task_ctx, shown) = (Arc::clone(&ctx), (**object).clone());
    let visited = tokio::spawn(async move { Box::pin(visit(&task_ctx, shown, lane)).await })
        .await
        .unwrap_or(Err(Error::Panicked));
    let uid = stored.uid();
    let outcome = match &visited {
        Ok(Some((next, outcome))) => {
            if let Some((lane, due)) = requeue::when(&ctx, uid, *next) {
                ctx.schedule.ask(key, lane, Instant::now() + due);
            }
            *outcome
        }
        Ok(None) => return Ok(Requeue::await_change()),
        Err(error) => {
            retry_later(&ctx, uid, key, error);
            PassOutcome::Failed
        }
    };
    ctx.metrics.reconciled(outcome, started.elapsed_at_least());
    visited.map(|_| Requeue::await_change())
}

/// A pass that could not be done in Kubernetes is tried again; what was changed meanwhile comes by
/// the watch, but not if the change was our own.
fn retry_later(ctx: &Context, uid: &str, key: Key, error: &Error) {
    let graces = ctx.tracks.graces(uid).keys();
    let ended = Ended { wrote: false, was_read: false, is_again: true };
    let failures = ctx.tracks.ended(uid, &graces, ended);
    let wait = if error.is_stale() { Duration::from_secs(1) } else { requeue::backoff(failures) };
    ctx.schedule.ask(key, Lane::Retry, Instant::now() + wait);
}

/// What the applier does with an error: the queue was asked already.
#[expect(clippy::needless_pass_by_value, reason = "the applier's signature")]
pub(super) fn error_policy(stored: Arc<Stored>, error: &Error, _ctx: Arc<Context>) -> Requeue {
    let object = ObjectRef::from_obj(&*stored);
    let chain = chain(error);
    if error.is_stale() {
        tracing::debug!(%object, error = chain, "the object was changed meanwhile; it is looked at again");
    } else {
        tracing::warn!(%object, error = chain, "the pass failed; it is tried again");
    }
    Requeue::await_change()
}

fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}

type Visit = Option<(Next, PassOutcome)>;

/// The end of a pass of a process that leads no more, or not for now.
const NOT_LEADING: Visit = Some((Next::Retry, PassOutcome::Waiting));

/// One pass. None for an object that is released: it is being deleted.
async fn visit(ctx: &Context, shown: ResellerCustomer, lane: Lane) -> Result<Visit, Error> {
    let object = ctx.tracks.newest(shown); // pure
    if object.metadata.deletion_timestamp.is_some() {
        return Ok(None);
    }
    if !ctx.leadership.is_held() {
        return Ok(NOT_LEADING);
    }
    let desired = Desired::validate(&object.spec); // pure
    let surroundings = surroundings(ctx, &object).await?; // IO (kube)
    let object = announced(ctx, object, &desired, &surroundings).await?; // IO (kube)
    let memory = object.status.clone().unwrap_or_default();
    let record = KubeRecord::new(ctx, &object);
    let subject = Subject {
        spec: &object.spec,
        desired: &desired,
        memory: &memory,
        generation: object.metadata.generation.unwrap_or_default(),
    };
    let google = ctx.google.in_lane(lane);
    let outcome = match pass(&google, &record, subject, &surroundings, clock::now()).await {
        Ok(outcome) => outcome, // IO (API, kube)
        Err(RecordError::NotNow) => return Ok(Some((Next::Minute, PassOutcome::Waiting))),
        Err(error) => return Err(Error::Record(error)),
    };
    let recorded = record.into_recorded();
    let is_owed = recorded.is_some() || was_sent(&outcome);
    let basis = recorded.unwrap_or_else(|| object.clone());
    remember(ctx, &basis, &outcome);
    if !is_owed && !ctx.leadership.is_held() {
        // It could not look to the end, and what the object shows is another's by now.
        return Ok(NOT_LEADING);
    }
    let is_new = published(ctx, &basis, &outcome).await?; // IO (kube)
    tell(ctx, &basis, &outcome.events).await; // IO (kube)
    log(&object, &outcome, is_new);
    Ok(Some((outcome.next, summary(&outcome))))
}

/// Says in the status that a new generation is looked at, before the first call for it.
async fn announced(
    ctx: &Context,
    object: ResellerCustomer,
    desired: &Result<Desired, Violations>,
    surroundings: &Surroundings,
) -> Result<ResellerCustomer, Error> {
    let (Ok(desired), false) = (desired, object.spec.suspend) else { return Ok(object) };
    if surroundings.claim != crate::plan::Claim::Held {
        return Ok(object);
    }
    let memory = object.status.clone().unwrap_or_default();
    let generation = object.metadata.generation.unwrap_or_default();
    match announce(desired, &memory, generation, clock::now()) {
        None => Ok(object),
        Some(status) => write_status(ctx, &object, &status).await.map_err(Error::Announce),
    }
}

async fn surroundings(ctx: &Context, object: &ResellerCustomer) -> Result<Surroundings, Error> {
    let uid = object.uid().unwrap_or_default();
    let annotation = |name: &str| object.annotations().get(name).cloned();
    Ok(Surroundings {
        name: object.name_any(),
        namespace: object.namespace().unwrap_or_default(),
        claim: ctx.with_claims(|claims| claims.of(&uid)),
        taken: taken(ctx, object, &uid),
        orders: ctx.tracks.gate(&object.spec.customer_domain),
        graces: ctx.tracks.graces(&uid),
        since_write: ctx.tracks.since_write(&uid),
        unverified: ctx.tracks.unverified(&uid),
        approve_order: annotation(APPROVE_ORDER),
        reconcile_requested_at: annotation(RECONCILE_REQUESTED_AT),
        password: password_secret(ctx, object).await?,
        transfer_token: transfer_token(ctx, object).await?,
        nonce: random::nonce().map_err(|error| Error::Record(RecordError::Random(error)))?,
        durations: ctx.settings.durations,
    })
}

/// Ids that this object must not adopt; asked for only where it could adopt one.
fn taken(ctx: &Context, object: &ResellerCustomer, uid: &str) -> BTreeMap<String, Option<String>> {
    let status = object.status.as_ref();
    let is_ours = status.is_some_and(|status| status.origin.is_some());
    let known = status.and_then(|status| status.customer_id.as_ref());
    let is_pinned_elsewhere = object.spec.customer_id.as_ref().is_some_and(|id| Some(id) != known);
    if is_ours && !is_pinned_elsewhere {
        return BTreeMap::new();
    }
    ctx.with_claims(|claims| claims.taken(uid))
}

/// What this process remembers of the pass, before anything else can fail.
fn remember(ctx: &Context, basis: &ResellerCustomer, outcome: &Outcome) {
    let uid = basis.uid().unwrap_or_default();
    let wrote = was_sent(outcome);
    let in_sync = conditions::is_true(&outcome.status.conditions, "Synced");
    ctx.tracks.wrote_fields(&uid, outcome.written(), in_sync);
    let was_read = conditions::find(&outcome.status.conditions, "Synced")
        .is_some_and(|synced| synced.status != "Unknown");
    let is_again = matches!(outcome.next, Next::Retry | Next::Grace);
    ctx.tracks.ended(&uid, &outcome.graces, Ended { wrote, was_read, is_again });
    let recorded = basis.status.as_ref().and_then(|status| status.pending_operation.as_ref());
    let order = recorded.filter(|operation| operation.kind == OperationKind::CustomersInsert);
    let Some(operation) = order else { return };
    let domain = &basis.spec.customer_domain;
    let is_order = |method: ApiMethod| method == ApiMethod::CustomersInsert;
    let made = outcome.applied.done.iter().any(|(action, _)| is_order(action.method()));
    let failed = outcome.applied.failure.as_ref().filter(|(action, _)| is_order(action.method()));
    let result = match (made, failed) {
        (true, _) => OrderResult::Made,
        (false, Some((_, error))) if error.may_have_been_applied() => OrderResult::Unknown,
        (false, Some(_)) => OrderResult::Refused,
        (false, None) => return,
    };
    ctx.metrics.ordered(result);
    if result == OrderResult::Refused {
        ctx.tracks.undo_order(domain, &operation.id);
    } else {
        ctx.tracks.keep_locked(domain, &operation.id);
    }
}

/// Publishes; where the object is gone or another's meanwhile, the log has the outcome.
async fn published(
    ctx: &Context,
    basis: &ResellerCustomer,
    outcome: &Outcome,
) -> Result<bool, Error> {
    let object = ObjectRef::from_obj(basis);
    let id = outcome.status.customer_id.as_deref().unwrap_or_default();
    let result = publish(ctx, basis, outcome).await;
    match &result {
        Err(WriteError::Gone) if !outcome.applied.done.is_empty() => {
            tracing::warn!(%object, customer_id = id, "the object was deleted while a call was on the way; what it did stays at Google");
            return Ok(false);
        }
        Err(WriteError::Superseded) => {
            tracing::warn!(%object, customer_id = id, "another process went on with the object while a call was on the way; its status stays as it is");
        }
        _ => {}
    }
    result.map_err(Error::Publish)
}

fn summary(outcome: &Outcome) -> PassOutcome {
    match outcome.next {
        Next::Soon if !outcome.applied.done.is_empty() => PassOutcome::Changed,
        Next::Retry => PassOutcome::Failed,
        Next::StalledRetry => PassOutcome::Stalled,
        Next::AwaitChange if conditions::is_true(&outcome.status.conditions, "Stalled") => {
            PassOutcome::Stalled
        }
        Next::Resync | Next::Onboarding | Next::AwaitChange => PassOutcome::Settled,
        Next::Soon | Next::Settle | Next::Grace | Next::Minute | Next::OrderLimit => {
            PassOutcome::Waiting
        }
    }
}

/// One line for each decision; a look that finds nothing new is told at debug.
fn log(object: &ResellerCustomer, outcome: &Outcome, is_new: bool) {
    let object = ObjectRef::from_obj(object);
    let reason = |status: &ResellerCustomerStatus, kind: &str| {
        conditions::find(&status.conditions, kind)
            .map_or_else(String::new, |found| found.reason.clone())
    };
    let ready = reason(&outcome.status, "Ready");
    let synced = reason(&outcome.status, "Synced");
    let calls: Vec<&str> =
        outcome.applied.done.iter().map(|(action, _)| action.method().id()).collect();
    let failed = outcome.applied.failure.as_ref().map(|(action, _)| action.method().id());
    if is_new || !calls.is_empty() || failed.is_some() {
        tracing::info!(%object, ready, synced, ?calls, failed, next = ?outcome.next, "looked at");
    } else {
        tracing::debug!(%object, ready, synced, next = ?outcome.next, "looked at, nothing new");
    }
}
