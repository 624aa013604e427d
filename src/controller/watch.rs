//! What the watch brings: claims and turns follow from it.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use kube::runtime::reflector::store::Writer;
use kube::runtime::reflector::{ObjectRef, Store};
use kube::runtime::{WatchStreamExt, watcher};
use kube::{Api, Resource, ResourceExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::context::Context;
use super::requeue;
use super::stored::{Key, Stored};
use super::tracks::Trigger;
use crate::crd::names::{APPROVE_ORDER, RECONCILE_REQUESTED_AT};
use crate::crd::{NEVER_OBSERVED, ResellerCustomer, ResellerCustomerStatus};
use crate::google::Lane;
use crate::plan::conditions::is_true;

/// Objects of a page of the first list.
const PAGE: u32 = 250;

/// The signals of a watch.
#[derive(Clone, Debug)]
pub(super) struct Signals {
    /// Ends it.
    pub(super) stop: CancellationToken,
    /// Cancelled once all objects are listed. Our own, because the store's `wait_until_ready` wakes
    /// only the last who asked, and the applier asks too.
    pub(super) listed: CancellationToken,
}

/// Follows the objects of one namespace, or of all, until it is stopped.
pub(super) async fn follow(
    ctx: Arc<Context>,
    api: Api<Stored>,
    mut writer: Writer<Stored>,
    store: Store<Stored>,
    signals: Signals,
) {
    // Paged lists are consistent; a list from a cache could miss an object that holds a claim.
    let config = watcher::Config::default().page_size(PAGE);
    let mut events = std::pin::pin!(watcher(api, config).default_backoff());
    let mut listed = HashSet::new();
    loop {
        let event = tokio::select! {
            () = signals.stop.cancelled() => return,
            event = events.next() => event,
        };
        let event = match event {
            None => return,
            Some(Ok(event)) => event,
            Some(Err(error)) => {
                ctx.metrics.watch_failed();
                tracing::warn!(error = %error, "the watch was cut; it is taken up again");
                continue;
            }
        };
        let before = matches!(event, watcher::Event::InitDone).then(|| store.state());
        writer.apply_watcher_event(&event);
        match event {
            watcher::Event::Init => listed.clear(),
            watcher::Event::InitApply(object) => {
                listed.insert(object.uid().to_owned());
                claim(&ctx, &object);
            }
            watcher::Event::InitDone => {
                for gone in before.into_iter().flatten().filter(|old| !listed.contains(old.uid())) {
                    release(&ctx, &gone);
                }
                for object in store.state() {
                    consider(&ctx, &object);
                }
                listed.clear();
                signals.listed.cancel();
            }
            watcher::Event::Apply(object) => {
                claim(&ctx, &object);
                consider(&ctx, &object);
            }
            watcher::Event::Delete(object) => release(&ctx, &object),
        }
    }
}

/// Puts the object's claims in; others whose standing may have changed are looked at again.
fn claim(ctx: &Context, object: &Stored) {
    let others = ctx.with_claims(|claims| claims.put(object.claimant()));
    ctx.wake_uids(&others);
    ctx.know(object.uid(), ObjectRef::from_obj(object));
}

/// The object is gone: its claims pass on.
fn release(ctx: &Context, object: &Stored) {
    let key: Key = ObjectRef::from_obj(object);
    let others = ctx.with_claims(|claims| claims.remove(object.uid()));
    if ctx.unknow(object.uid(), &key) {
        ctx.schedule.remove(&key);
    }
    ctx.tracks.forget(object.uid());
    ctx.wake_uids(&others);
}

/// Asks for a pass, if something about the object calls for one.
fn consider(ctx: &Context, object: &Stored) {
    let key = ObjectRef::from_obj(object);
    let now = Instant::now();
    let Stored::Parsed(customer) = object else {
        ctx.schedule.ask(key, Lane::Adopt, now);
        return;
    };
    let is_first = !ctx.tracks.is_known(object.uid());
    let is_news = ctx.tracks.is_news(object.uid(), trigger(customer));
    let unset = ResellerCustomerStatus::default();
    let status = customer.status.as_ref().unwrap_or(&unset);
    if !is_news && !is_unseen(status) {
        return;
    }
    let (lane, wait) =
        if is_first { first_look(ctx, customer, status) } else { (Lane::Edit, Duration::ZERO) };
    ctx.schedule.ask(key, lane, now + wait);
}

fn trigger(object: &ResellerCustomer) -> Trigger {
    let annotation = |name: &str| object.annotations().get(name).cloned();
    Trigger {
        generation: object.metadata.generation.unwrap_or_default(),
        refresh: annotation(RECONCILE_REQUESTED_AT),
        approval: annotation(APPROVE_ORDER),
        is_deleted: object.metadata.deletion_timestamp.is_some(),
    }
}

/// A status that nobody has written to yet, or that was lost.
fn is_unseen(status: &ResellerCustomerStatus) -> bool {
    status.observed_generation == NEVER_OBSERVED && status.conditions.is_empty()
}

/// The first look of this process at an object: at once if something is open, else at its place in
/// its period, so that a restart does not read all at once.
fn first_look(
    ctx: &Context,
    object: &ResellerCustomer,
    status: &ResellerCustomerStatus,
) -> (Lane, Duration) {
    let uid = object.meta().uid.as_deref().unwrap_or_default();
    let refresh = object.annotations().get(RECONCILE_REQUESTED_AT);
    let is_asked = refresh.is_some() && refresh != status.last_handled_reconcile_at.as_ref();
    // The word of a person is used up by the ledger, so one that is still open was not seen yet.
    let word = object.annotations().get(APPROVE_ORDER);
    let is_approved = status.approval.as_ref().is_some_and(|asked| word == Some(&asked.token));
    let generation = object.metadata.generation.unwrap_or_default();
    if is_unseen(status) {
        return (Lane::Adopt, Duration::ZERO);
    }
    if is_asked || is_approved || status.observed_generation != generation {
        return (Lane::Edit, Duration::ZERO);
    }
    if status.pending_operation.is_some() || is_true(&status.conditions, "Reconciling") {
        return (Lane::Retry, Duration::ZERO);
    }
    if is_true(&status.conditions, "Stalled") {
        return (Lane::Retry, requeue::routine(uid, ctx.settings.stalled_retry_interval));
    }
    let period = if is_true(&status.conditions, "AwaitingToS") {
        ctx.settings.onboarding_interval
    } else {
        ctx.settings.resync_interval
    };
    (Lane::Drift, requeue::routine(uid, period))
}
