//! One pass over one customer, as a table of contents: observe, plan, record, apply, outcome. It
//! knows nothing of Kubernetes; the controller, the tests and the command line all run this.

use std::ops::ControlFlow;

use jiff::Timestamp;

use crate::apply::{Once, apply};
use crate::crd::{ResellerCustomerSpec, ResellerCustomerStatus};
use crate::domain::Desired;
use crate::domain::violation::Violations;
use crate::google::{ApiError, GoogleApi};
use crate::observe::observe;
use crate::plan::outcome::{Applied, Outcome, outcome, settle};
use crate::plan::{self, Action, Plan, Surroundings, conditions, stopped_before_read};
use crate::record::Record;

/// What a pass is about: one object, as it was read.
#[derive(Clone, Copy, Debug)]
pub struct Subject<'a> {
    pub spec: &'a ResellerCustomerSpec,
    /// The spec, validated.
    pub desired: &'a Result<Desired, Violations>,
    /// The status of the very object that the record is written to.
    pub memory: &'a ResellerCustomerStatus,
    pub generation: i64,
}

/// Looks at one customer and does what its plan says.
///
/// # Errors
///
/// Only that the ledger could not be written: nothing that must not be repeated was sent then, and
/// there is nothing to publish.
pub async fn pass<G: GoogleApi, R: Record>(
    google: &G,
    record: &R,
    subject: Subject<'_>,
    surroundings: &Surroundings,
    now: Timestamp,
) -> Result<Outcome, R::Error> {
    let Subject { spec, desired, memory, generation } = subject;
    let desired = match stopped_before_read(spec, desired, memory, surroundings) {
        ControlFlow::Continue(desired) => desired,
        ControlFlow::Break(plan) => {
            return Ok(settle(plan, Applied::default(), memory, generation, now));
        }
    };
    let observed = observe(google, desired, memory, surroundings).await;
    let mut plan = plan::plan(desired, &observed, memory, surroundings, now);
    let actions = std::mem::take(&mut plan.actions);
    let applied = match once(google, record, desired, &plan, &actions, generation, now).await? {
        Ok(once) => apply(google, actions, desired, once, || record.fence()).await,
        Err(failure) => Applied { done: Vec::new(), failure: Some(failure) },
    };
    Ok(outcome(plan, applied, memory, desired, generation, now))
}

type Reserved<P> = Result<Option<Once<P>>, (Action, ApiError)>;

/// Takes what a call that must not be repeated needs, and only then writes the ledger.
async fn once<G: GoogleApi, R: Record>(
    google: &G,
    record: &R,
    desired: &Desired,
    plan: &Plan,
    actions: &[Action],
    generation: i64,
    now: Timestamp,
) -> Result<Reserved<G::Permit>, R::Error> {
    let Some(action) = actions.iter().find(|action| !action.method().is_idempotent()) else {
        return Ok(Ok(None));
    };
    let permit = match google.reserve(action.method()).await {
        Ok(permit) => permit,
        Err(error) => {
            debug_assert!(!error.may_have_been_applied(), "nothing was sent");
            return Ok(Err((action.clone(), error)));
        }
    };
    let password = match (action, &desired.initial_admin) {
        (Action::UsersInsert { .. }, Some(admin)) => {
            Some(record.password(&admin.password_secret_ref).await?)
        }
        _ => None,
    };
    let mut status = plan.status.clone();
    conditions::render(&mut status, &plan.verdict, generation, now);
    record.record(&status).await?;
    Ok(Ok(Some(Once { permit, password })))
}
