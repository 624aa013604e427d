//! What the operator would do, found out by letting it: the very passes of the controller, with
//! live reads, and with every write kept in memory.

mod overlay;

use std::collections::BTreeSet;
use std::convert::Infallible;

use jiff::{SignedDuration, Timestamp};
use secrecy::SecretString;

use crate::crd::{ResellerCustomerSpec, ResellerCustomerStatus, SecretKeyRef};
use crate::domain::Desired;
use crate::domain::violation::Violations;
use crate::google::{ApiError, GoogleApi};
use crate::pass::{Subject, pass};
use crate::plan::{Action, Claim, Next, Surroundings, announce};
use crate::record::Record;
use overlay::Overlay;

/// More passes than any object needs until nothing is left to do: an order, the language, the
/// administrator, its rights, an edit, and a grace before each.
const MOST_PASSES: usize = 16;

/// One object before its rehearsal.
#[derive(Clone, Debug)]
pub struct Object {
    pub spec: ResellerCustomerSpec,
    /// What the cluster remembers of it; the default for a new object.
    pub status: ResellerCustomerStatus,
    /// The generation that `spec` has once it is applied.
    pub generation: i64,
}

/// What a rehearsal came to.
#[derive(Clone, Debug)]
pub struct Rehearsal {
    /// The calls that would be made, in order.
    pub actions: Vec<Action>,
    /// The status in which the object would come to rest.
    pub status: ResellerCustomerStatus,
    /// Whether something is only done after the lag grace, if Google's answers stay as they are.
    pub waits: bool,
    /// Why the account could not be read, if so.
    pub unread: Option<ApiError>,
}

/// Rehearses until nothing is left to do.
///
/// # Guarantees
///
/// Only reads are sent to Google, each of them once. The calls are those that the controller would
/// make if Google's answers stay as they are and it takes what is sent to it as it is sent.
pub async fn rehearse<G: GoogleApi>(
    google: &G,
    object: &Object,
    surroundings: &Surroundings,
    now: Timestamp,
) -> Rehearsal {
    let Object { spec, status, generation } = object;
    let desired = Desired::validate(spec);
    let overlay = Overlay::new(google, now);
    let mut surroundings = surroundings.clone();
    let mut now = now;
    let mut over = BTreeSet::new();
    let mut rehearsal =
        Rehearsal { actions: Vec::new(), status: status.clone(), waits: false, unread: None };
    for _ in 0..MOST_PASSES {
        let memory = announced(object, &desired, rehearsal.status, &surroundings, now);
        let subject = Subject { spec, desired: &desired, memory: &memory, generation: *generation };
        let Ok(outcome) = pass(&overlay, &InMemory, subject, &surroundings, now).await;
        rehearsal.status = outcome.status;
        let done = outcome.applied.done;
        let goes_on = !done.is_empty() || outcome.next == Next::Soon;
        rehearsal.waits |= !done.is_empty() && !over.is_empty();
        rehearsal.actions.extend(done.into_iter().map(|(action, _)| action));
        let awaited = outcome.graces.difference(&over).count();
        if !goes_on {
            if awaited == 0 {
                break;
            }
            // What is waited for is taken to have stayed as it is.
            let grace = surroundings.durations.lag_grace;
            now += SignedDuration::try_from(grace).unwrap_or_default();
            over = outcome.graces;
            surroundings.graces = over.iter().cloned().map(|watched| (watched, grace)).collect();
        }
    }
    rehearsal.unread = overlay.into_unread();
    rehearsal
}

/// The status after the operator has said that it looks at this generation.
fn announced(
    object: &Object,
    desired: &Result<Desired, Violations>,
    status: ResellerCustomerStatus,
    surroundings: &Surroundings,
    now: Timestamp,
) -> ResellerCustomerStatus {
    match desired {
        Ok(desired) if !object.spec.suspend && surroundings.claim == Claim::Held => {
            announce(desired, &status, object.generation, now).unwrap_or(status)
        }
        _ => status,
    }
}

/// Takes everything, because nothing is sent: no ledger is needed, and no password.
struct InMemory;

impl Record for InMemory {
    type Error = Infallible;

    async fn record(&self, _status: &ResellerCustomerStatus) -> Result<(), Infallible> {
        Ok(())
    }

    async fn password(&self, _reference: &SecretKeyRef) -> Result<SecretString, Infallible> {
        Ok(SecretString::default())
    }

    fn fence(&self) -> Option<&'static str> {
        None
    }
}
