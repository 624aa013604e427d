//! The Kubernetes shell: the only user of kube's client and runtime.
//!
//! ```text
//! watch -> claims, queue -> applier -> reconcile: surroundings, announce, pass, publish, tell
//! ```

mod clock;
mod context;
mod dereference;
mod error;
mod gauges;
mod lease;
mod listing;
mod preflight;
mod publish;
mod random;
mod reconcile;
mod record;
mod requeue;
pub mod schedule;
mod stored;
mod tracks;
mod watch;

use std::collections::HashMap;
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use futures::StreamExt;
use futures::future::join_all;
use kube::runtime::events::{Recorder, Reporter};
use kube::runtime::reflector::{self, Store};
use kube::runtime::{Config, applier};
use tokio::sync::mpsc;
use tokio::task::{JoinHandle, JoinSet};
use tokio_util::sync::CancellationToken;

use context::Context;
pub use context::Settings;
pub use gauges::Gauges;
use lease::Candidate;
pub use lease::{Election, Leadership};
pub use listing::{Listed, list};
pub use preflight::PreflightError;
use stored::{Key, Stored};
use tracks::Tracks;
use watch::Signals;

use crate::admin::Readiness;
use crate::crd::names::FIELD_MANAGER;
use crate::google::Client;
use crate::metrics::Metrics;
use schedule::{Turn, Turns, key_of, schedule};

/// After the lease is lost: how long what was sent may still be written down.
const LAST_WORDS: Duration = Duration::from_secs(5);
/// What readiness waits for.
const CACHES: &str = "the objects are listed";

/// What the controller works with.
pub struct Parts {
    /// How the API server is reached.
    pub kube: kube::Config,
    pub google: Client,
    /// The watched namespaces; empty for all.
    pub namespaces: Vec<String>,
    pub settings: Settings,
    pub metrics: Arc<Metrics>,
    pub readiness: Readiness,
    /// Name of this process in Events.
    pub instance: Option<String>,
    /// Whether this process leads; the same that `google` asks.
    pub leadership: Leadership,
    /// How the leader is elected; none where this process is the only one.
    pub election: Option<Election>,
}

impl std::fmt::Debug for Parts {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Parts").field("namespaces", &self.namespaces).finish_non_exhaustive()
    }
}

/// A controller that may start.
#[expect(missing_debug_implementations, reason = "it is run, never shown")]
pub struct Controller {
    ctx: Arc<Context>,
    turns: Turns<Key>,
    kube: kube::Client,
    namespaces: Vec<Option<String>>,
    readiness: Readiness,
    candidate: Option<Candidate>,
    /// What the metrics show of the objects.
    pub gauges: Gauges,
}

impl Controller {
    /// Checks that the kind is installed and the rights are there.
    ///
    /// # Errors
    ///
    /// One message that says what is missing and how to get it.
    pub async fn prepare(parts: Parts) -> Result<Self, PreflightError> {
        let Parts {
            kube,
            google,
            namespaces,
            settings,
            metrics,
            readiness,
            instance,
            leadership,
            election,
        } = parts;
        readiness.needs(CACHES);
        let client = |config| {
            kube::Client::try_from(config).map_err(|error| PreflightError::Api(Box::new(error)))
        };
        // kube tries 429, 503 and 504 of any verb again: right for reads, wrong for status writes.
        let mut once = kube.clone();
        once.default_retry = false;
        let kube_once = client(once)?;
        let kube = client(kube)?;
        let namespaces: Vec<Option<String>> = if namespaces.is_empty() {
            vec![None]
        } else {
            namespaces
                .into_iter()
                .collect::<std::collections::BTreeSet<_>>()
                .into_iter()
                .map(Some)
                .collect()
        };
        preflight::check(&kube, &namespaces, election.as_ref()).await?;
        let in_flight = settings.max_in_flight;
        let (schedule, turns) = schedule(schedule::Settings {
            max_in_flight: in_flight,
            reserved_for_edits: in_flight.get() / 4,
        });
        let reporter = Reporter { controller: FIELD_MANAGER.to_owned(), instance };
        let tracks = Tracks::new(settings.durations.lag_grace, settings.max_orders_per_hour);
        let ctx = Arc::new(Context {
            kube: kube.clone(),
            kube_once,
            google,
            recorder: Recorder::new(kube.clone(), reporter),
            metrics,
            schedule,
            tracks,
            leadership: leadership.clone(),
            claims: std::sync::Mutex::default(),
            keys: std::sync::Mutex::default(),
            settings,
        });
        let gauges = Gauges::new(Arc::clone(&ctx));
        let candidate =
            election.map(|election| Candidate::new(ctx.kube_once.clone(), election, leadership));
        Ok(Self { ctx, turns, kube, namespaces, readiness, candidate, gauges })
    }

    /// Runs until `stop`, or until the lease is lost; passes that run then end first.
    pub async fn run(self, stop: CancellationToken) -> Ended {
        let Self { ctx, turns, kube, namespaces, readiness, gauges, candidate } = self;
        let mut watched = Watched::start(&ctx, &kube, namespaces, &stop);
        gauges.watch(watched.stores.clone());
        tokio::spawn(wake_held(Arc::clone(&ctx), watched.stores.clone()));
        // Claims need the whole, consistently listed store before the first write.
        let listed = join_all(watched.listed.iter().map(CancellationToken::cancelled));
        if stop.run_until_cancelled(listed).await.is_none() {
            return Ended::Stopped;
        }
        readiness.met(CACHES);
        let objects: usize = watched.stores.iter().map(Store::len).sum();
        tracing::info!(objects, "all objects are listed");

        let Some(keeper) = Keeper::start(candidate, &stop).await else { return Ended::Stopped };
        let end = stop.child_token();
        tokio::spawn(close_when(ctx.schedule.clone(), end.clone(), keeper.lost.clone()));
        hand_out(&ctx, turns, &watched.requests).await;
        watched.requests.clear();
        let drained = async { while watched.passes.join_next().await.is_some() {} };
        if keeper.lost.is_cancelled() {
            // Nothing more can be sent; what was sent may still be written down.
            let _ = tokio::time::timeout(LAST_WORDS, drained).await;
            return Ended::LeaseLost;
        }
        drained.await;
        keeper.release().await;
        Ended::Stopped
    }
}

/// How a controller ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// Another process leads, or may.
    LeaseLost,
}

/// The watches, and the appliers that run the passes of their objects.
struct Watched {
    stores: Vec<Store<Stored>>,
    listed: Vec<CancellationToken>,
    requests: HashMap<Option<String>, Requests>,
    passes: JoinSet<()>,
}

impl Watched {
    /// One watch and one applier for each namespace: a reflector's store holds one watch.
    fn start(
        ctx: &Arc<Context>,
        kube: &kube::Client,
        namespaces: Vec<Option<String>>,
        stop: &CancellationToken,
    ) -> Self {
        let mut watched = Self {
            stores: Vec::new(),
            listed: Vec::new(),
            requests: HashMap::new(),
            passes: JoinSet::new(),
        };
        for namespace in namespaces {
            let (store, writer) = reflector::store();
            let api = preflight::scoped(kube, namespace.as_deref());
            let signals = Signals { stop: stop.clone(), listed: CancellationToken::new() };
            watched.listed.push(signals.listed.clone());
            tokio::spawn(watch::follow(Arc::clone(ctx), api, writer, store.clone(), signals));
            let (sender, requests) = mpsc::unbounded_channel();
            watched.passes.spawn(work(Arc::clone(ctx), store.clone(), requests));
            watched.requests.insert(namespace, sender);
            watched.stores.push(store);
        }
        watched
    }
}

/// Keeps the lease while passes run.
struct Keeper {
    /// Cancelled when the lease is lost.
    lost: CancellationToken,
    /// Ends the renewals.
    over: CancellationToken,
    renewals: Option<JoinHandle<Candidate>>,
}

impl Keeper {
    /// Waits until this process leads; none if it was stopped before.
    async fn start(candidate: Option<Candidate>, stop: &CancellationToken) -> Option<Self> {
        let (lost, over) = (CancellationToken::new(), CancellationToken::new());
        let Some(mut candidate) = candidate else {
            return Some(Self { lost, over, renewals: None });
        };
        if !candidate.win(stop).await {
            return None;
        }
        let (is_lost, is_over) = (lost.clone(), over.clone());
        let renewals = tokio::spawn(async move {
            if candidate.keep(&is_over).await {
                tracing::error!("the lease is lost: another process leads, or may; this one ends");
                is_lost.cancel();
            }
            candidate
        });
        Some(Self { lost, over, renewals: Some(renewals) })
    }

    /// Gives the lease back; after the last pass.
    async fn release(self) {
        self.over.cancel();
        let Some(renewals) = self.renewals else { return };
        if let (Ok(mut candidate), false) = (renewals.await, self.lost.is_cancelled()) {
            candidate.release().await;
        }
    }
}

/// Gives no more turns once the process is stopped or leads no more.
async fn close_when(
    schedule: schedule::Handle<Key>,
    stop: CancellationToken,
    lost: CancellationToken,
) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = lost.cancelled() => {}
    }
    schedule.close();
}

type Requests = mpsc::UnboundedSender<Key>;

/// Gives each turn to the applier of its namespace, until the queue is closed.
async fn hand_out(ctx: &Context, mut turns: Turns<Key>, lanes: &HashMap<Option<String>, Requests>) {
    while let Some(Turn { key, lane, waited }) = turns.next().await {
        ctx.metrics.turn(lane, waited);
        let sender = lanes.get(&None).or_else(|| lanes.get(&key.namespace));
        let is_taken = sender.is_some_and(|sender| sender.send(key.clone()).is_ok());
        if !is_taken {
            ctx.schedule.done(&key);
        }
    }
}

/// Runs the passes of the objects of one store.
async fn work(ctx: Arc<Context>, store: Store<Stored>, mut requests: mpsc::UnboundedReceiver<Key>) {
    let queue = futures::stream::poll_fn(move |cx| requests.poll_recv(cx)).map(Ok::<_, Infallible>);
    let reconcile = |object, ctx| Box::pin(reconcile::reconcile(object, ctx));
    applier(reconcile, reconcile::error_policy, Arc::clone(&ctx), store, queue, Config::default())
        .for_each(|ended| {
            if let Some(key) = key_of(&ended) {
                ctx.schedule.done(&key);
            }
            std::future::ready(())
        })
        .await;
}

/// Objects that wait for a good credential are looked at as soon as there is one.
async fn wake_held(ctx: Arc<Context>, stores: Vec<Store<Stored>>) {
    let mut changes = ctx.google.credential_changes();
    while changes.changed().await.is_ok() {
        tracing::info!("the credential changed or is good again");
        let held: Vec<String> = stores
            .iter()
            .flat_map(Store::state)
            .filter(|object| matches!(&**object, Stored::Parsed(customer) if is_held(customer)))
            .map(|object| object.uid().to_owned())
            .collect();
        ctx.wake_uids(&held);
    }
}

fn is_held(object: &crate::crd::ResellerCustomer) -> bool {
    let reason = crate::plan::reasons::SyncedReason::CredentialsInvalid.as_str();
    object.status.as_ref().is_some_and(|status| {
        crate::plan::conditions::find(&status.conditions, "Synced")
            .is_some_and(|synced| synced.reason == reason)
            || crate::plan::conditions::find(&status.conditions, "Stalled")
                .is_some_and(|stalled| stalled.reason == reason)
    })
}
