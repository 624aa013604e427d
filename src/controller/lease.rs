//! One leader: a Lease in the operator's own namespace. kube has no leader election, and the crates
//! that have one take an expired lease over without a resourceVersion, so that two can win.
//!
//! A candidate takes a lease over only after it has seen the very same record for as long as the
//! lease lasts, by its own monotonic clock; clocks of different nodes are never compared. A leader
//! counts itself as one for two thirds of the lease after the *start* of its last good renewal, by
//! both of its clocks: it stops before anybody else may begin, also after it was frozen.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use jiff::Timestamp;
use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::MicroTime;
use kube::api::PostParams;
use kube::{Api, Client};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::clock::{self, Moment};
use crate::crd::names::FIELD_MANAGER;
use crate::google::Gate;

/// Longest wait for one answer of the API server.
const TIMEOUT: Duration = Duration::from_secs(3);
/// A lease that is given back may be taken at once.
const RELEASED_SECONDS: i32 = 1;

/// How the leader is elected.
#[derive(Clone, Debug)]
pub struct Election {
    /// Namespace of the Lease.
    pub namespace: String,
    /// This process; different from every other, also of the same host.
    pub identity: String,
    /// How long a silent leader stays the leader.
    pub duration: Duration,
}

/// Whether this process leads; asked before every call to Google.
#[derive(Clone, Debug)]
pub struct Leadership {
    /// Start of the last good renewal.
    renewed: Arc<Mutex<Option<Moment>>>,
    /// How long a renewal counts; none: there is no election, this process leads.
    life: Option<Duration>,
}

impl Leadership {
    /// The leadership of a process that is the only one.
    #[must_use]
    pub fn alone() -> Self {
        Self { renewed: Arc::default(), life: None }
    }

    /// A leadership that is to be won.
    #[must_use]
    pub fn elected(duration: Duration) -> Self {
        Self { renewed: Arc::default(), life: Some(duration * 2 / 3) }
    }

    /// Whether this process leads now, by both clocks.
    #[must_use]
    pub fn is_held(&self) -> bool {
        self.life.is_none_or(|life| {
            let renewed = *self.renewed.lock().unwrap_or_else(PoisonError::into_inner);
            renewed.is_some_and(|renewed| renewed.elapsed_at_most() < life)
        })
    }

    fn set(&self, renewed: Option<Moment>) {
        *self.renewed.lock().unwrap_or_else(PoisonError::into_inner) = renewed;
    }
}

impl Gate for Leadership {
    fn closed(&self) -> Option<&'static str> {
        (!self.is_held()).then_some("this process is not the leader")
    }
}

/// The lease as this process last saw it, and since when it has not changed.
struct Seen {
    lease: Option<Lease>,
    /// Its record, also after somebody deleted it: whoever had it may lead still.
    record: Option<LeaseSpec>,
    since: Instant,
}

/// What to do about a lease.
#[derive(Debug, PartialEq, Eq)]
enum Step {
    /// Nobody has it, or whoever had it is silent: try to take it.
    Take,
    /// It is ours: renew it.
    Renew,
    /// Somebody else has it.
    Wait,
}

/// Decides from the record and from how long it was seen unchanged. Pure.
fn step(lease: Option<&LeaseSpec>, me: &str, unchanged_for: Duration) -> Step {
    let Some(lease) = lease else { return Step::Take };
    let holder = lease.holder_identity.as_deref().unwrap_or_default();
    let seconds =
        u64::try_from(lease.lease_duration_seconds.unwrap_or_default()).unwrap_or_default();
    if holder == me {
        Step::Renew
    } else if holder.is_empty() || unchanged_for >= Duration::from_secs(seconds) {
        Step::Take
    } else {
        Step::Wait
    }
}

/// Whose a lease is after a look at it.
enum Standing {
    Ours,
    Theirs,
    /// Somebody wrote it between the look and our write.
    Contested,
}

/// Takes part in the election.
pub(super) struct Candidate {
    api: Api<Lease>,
    election: Election,
    leadership: Leadership,
    seen: Seen,
}

impl Candidate {
    pub(super) fn new(client: Client, election: Election, leadership: Leadership) -> Self {
        let api = Api::namespaced(client, &election.namespace);
        let seen = Seen { lease: None, record: None, since: Instant::now() };
        Self { api, election, leadership, seen }
    }

    /// Waits until this process leads; false if it was stopped before.
    pub(super) async fn win(&mut self, stop: &CancellationToken) -> bool {
        loop {
            if stop.is_cancelled() {
                return false;
            }
            match self.try_once().await {
                Ok(Standing::Ours) => {
                    tracing::info!(
                        lease = FIELD_MANAGER,
                        identity = self.election.identity,
                        "leading"
                    );
                    return true;
                }
                Ok(Standing::Theirs | Standing::Contested) => {}
                Err(error) => {
                    tracing::warn!(error, "cannot take part in the election; tried again");
                }
            }
            if pause(self.election.duration / 30, stop).await {
                return false;
            }
        }
    }

    /// Renews until `stop`, or until the lease is lost: then true.
    pub(super) async fn keep(&mut self, stop: &CancellationToken) -> bool {
        while !pause(self.election.duration * 2 / 15, stop).await {
            match self.try_once().await {
                // Contested, perhaps, by our own earlier write that was answered late: the next
                // look tells.
                Ok(Standing::Ours | Standing::Contested) => {}
                Ok(Standing::Theirs) => return true,
                Err(error) => tracing::warn!(error, "cannot renew the lease"),
            }
            if !self.leadership.is_held() {
                return true;
            }
        }
        false
    }

    /// Gives the lease back, so that the next leader need not wait. Only after the last pass.
    pub(super) async fn release(&mut self) {
        self.leadership.set(None);
        let Some(mut lease) = self.seen.lease.take() else { return };
        if let Some(spec) = &mut lease.spec {
            spec.holder_identity = Some(String::new());
            spec.lease_duration_seconds = Some(RELEASED_SECONDS);
        }
        let parameters = PostParams::default();
        let replace = self.api.replace(FIELD_MANAGER, &parameters, &lease);
        match tokio::time::timeout(TIMEOUT, replace).await {
            Ok(Ok(_)) => tracing::info!("the lease is given back"),
            Ok(Err(error)) => tracing::warn!(%error, "cannot give the lease back; it will expire"),
            Err(_) => tracing::warn!("cannot give the lease back in time; it will expire"),
        }
    }

    /// One look at the lease, and what follows.
    async fn try_once(&mut self) -> Result<Standing, String> {
        let began = Moment::now();
        let lease = in_time(self.api.get_opt(FIELD_MANAGER)).await?;
        self.note(lease);
        let record = self.seen.record.as_ref();
        let step = step(record, &self.election.identity, self.seen.since.elapsed());
        let wanted = match step {
            Step::Wait => return Ok(Standing::Theirs),
            Step::Take | Step::Renew => self.wanted(step == Step::Renew),
        };
        let parameters = PostParams::default();
        let written = match &self.seen.lease {
            None => in_time(self.api.create(&parameters, &wanted)).await,
            // With the resourceVersion that was read: of two candidates one gets a conflict.
            Some(_) => in_time(self.api.replace(FIELD_MANAGER, &parameters, &wanted)).await,
        };
        match written {
            Ok(lease) => {
                self.note(Some(lease));
                self.leadership.set(Some(began));
                Ok(Standing::Ours)
            }
            Err(error) if error == CONFLICT => Ok(Standing::Contested),
            Err(error) => Err(error),
        }
    }

    fn note(&mut self, lease: Option<Lease>) {
        let version = |lease: &Option<Lease>| {
            lease.as_ref().and_then(|lease| lease.metadata.resource_version.clone())
        };
        if version(&lease) != version(&self.seen.lease) {
            self.seen.since = Instant::now();
        }
        if let Some(lease) = &lease {
            self.seen.record = Some(lease.spec.clone().unwrap_or_default());
        }
        self.seen.lease = lease;
    }

    fn wanted(&self, is_renewal: bool) -> Lease {
        let mut lease = self.seen.lease.clone().unwrap_or_default();
        lease.metadata.name = Some(FIELD_MANAGER.to_owned());
        let spec = lease.spec.get_or_insert_default();
        let now = MicroTime(micros(clock::now()));
        if !is_renewal {
            spec.acquire_time = Some(now.clone());
            spec.lease_transitions = Some(spec.lease_transitions.unwrap_or_default() + 1);
        }
        spec.holder_identity = Some(self.election.identity.clone());
        spec.lease_duration_seconds = i32::try_from(self.election.duration.as_secs()).ok();
        spec.renew_time = Some(now);
        lease
    }
}

/// What a lost race looks like.
const CONFLICT: &str = "somebody else was first";

async fn in_time<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, String> {
    match tokio::time::timeout(TIMEOUT, call).await {
        Err(_) => Err("the API server did not answer in time".to_owned()),
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(kube::Error::Api(status))) if status.is_conflict() || status.is_already_exists() => {
            Err(CONFLICT.to_owned())
        }
        Ok(Err(error)) => Err(error.to_string()),
    }
}

/// The API server keeps microseconds.
fn micros(at: Timestamp) -> Timestamp {
    Timestamp::from_microsecond(at.as_microsecond()).unwrap_or(at)
}

/// Waits; true if it was stopped meanwhile.
async fn pause(wait: Duration, stop: &CancellationToken) -> bool {
    tokio::time::timeout(wait, stop.cancelled()).await.is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held_by(holder: &str) -> LeaseSpec {
        LeaseSpec {
            holder_identity: Some(holder.to_owned()),
            lease_duration_seconds: Some(15),
            ..LeaseSpec::default()
        }
    }

    #[test]
    fn a_lease_that_nobody_has_is_taken() {
        assert_eq!(step(None, "me", Duration::ZERO), Step::Take);
        assert_eq!(step(Some(&held_by("")), "me", Duration::ZERO), Step::Take);
    }

    #[test]
    fn another_leader_is_waited_for_as_long_as_its_lease_lasts() {
        let lease = held_by("other");
        assert_eq!(step(Some(&lease), "me", Duration::from_secs(14)), Step::Wait);
        assert_eq!(step(Some(&lease), "me", Duration::from_secs(15)), Step::Take);
        assert_eq!(step(Some(&lease), "other", Duration::from_secs(99)), Step::Renew);
    }

    #[tokio::test(start_paused = true)]
    async fn a_leader_that_does_not_renew_stops_before_another_may_begin() {
        let leadership = Leadership::elected(Duration::from_secs(15));
        assert!(!leadership.is_held());
        leadership.set(Some(Moment::now()));
        assert!(leadership.is_held());
        tokio::time::advance(Duration::from_secs(10)).await;
        assert!(!leadership.is_held());
        assert!(leadership.closed().is_some());
    }

    #[test]
    fn a_process_alone_leads() {
        assert!(Leadership::alone().is_held());
    }
}
