//! The laws of one decision: what `plan` says of any state that a run may leave behind.

use std::collections::BTreeSet;
use std::ops::ControlFlow;

use futures::FutureExt as _;
use jiff::Timestamp;
use reseller_operator::crd::{
    AdoptionPolicy, DriftPolicy, ManagementPolicy, ResellerCustomerStatus,
};
use reseller_operator::domain::memory::open_order;
use reseller_operator::domain::observed::{Answer, Read};
use reseller_operator::domain::{Desired, Field, Observed};
use reseller_operator::google::{ApiError, ApiMethod, Failure};
use reseller_operator::observe::observe;
use reseller_operator::plan::{
    Action, OrderGate, Plan, Summary, Surroundings, plan, stopped_before_read,
};

use crate::world::World;

/// Everything that a plan is made from.
#[derive(Clone, Debug)]
pub(crate) struct Inputs {
    desired: Desired,
    observed: Observed,
    memory: ResellerCustomerStatus,
    surroundings: Surroundings,
    now: Timestamp,
}

impl Inputs {
    /// What the next pass would see; none if it would not look.
    pub(crate) fn of(world: &World) -> Option<Self> {
        let memory = world.status();
        let surroundings = world.surroundings();
        let desired = Desired::validate(&world.spec);
        let ControlFlow::Continue(desired) =
            stopped_before_read(&world.spec, &desired, &memory, &surroundings)
        else {
            return None;
        };
        let reading = observe(&world.google, desired, &memory, &surroundings);
        let observed = reading.now_or_never()?;
        Some(Self { desired: desired.clone(), observed, memory, surroundings, now: world.now() })
    }

    fn plan(&self) -> Plan {
        plan(&self.desired, &self.observed, &self.memory, &self.surroundings, self.now)
    }

    fn seeing(&self, observed: Observed) -> Self {
        Self { observed, ..self.clone() }
    }
}

/// Law 1: equal inputs, equal plans, order included.
pub(crate) fn is_pure(inputs: &Inputs) {
    let again = inputs.seeing(inputs.observed.clone());
    assert_eq!(format!("{:?}", inputs.plan()), format!("{:?}", again.plan()));
}

/// Law 5: a policy only takes away, and says what it takes away: in `withheld`, or by blocking.
pub(crate) fn policy_only_removes(inputs: &Inputs) {
    let widest = (ManagementPolicy::Full, AdoptionPolicy::Always, DriftPolicy::Correct);
    let wide = effects(&under(inputs, widest).actions);
    for management in
        [ManagementPolicy::Full, ManagementPolicy::AdoptOnly, ManagementPolicy::Observe]
    {
        for adoption in [AdoptionPolicy::Always, AdoptionPolicy::IfUnchanged] {
            for drift in [DriftPolicy::Correct, DriftPolicy::Report] {
                let narrowed = under(inputs, (management, adoption, drift));
                let policy = (management, adoption, drift);
                let narrow = effects(&narrowed.actions);
                // Drift that is left alone does not hold the next step of onboarding up.
                let is_next = |effect: &Effect| {
                    drift == DriftPolicy::Report && matches!(effect, Effect::User(..))
                };
                let adds = narrow.difference(&wide).any(|effect| !is_next(effect));
                assert!(!adds, "{policy:?} adds: {narrow:?} to {wide:?}");
                let told: BTreeSet<Effect> =
                    narrow.union(&effects(&narrowed.withheld)).cloned().collect();
                let hidden: Vec<_> = wide.difference(&told).collect();
                let is_blocked = match narrowed.verdict.summary {
                    Summary::Stalled(..) => true,
                    // Steps of onboarding are not spelt out, a person's word is not asked for, and
                    // an open order is only resolved.
                    Summary::Observed(_) => {
                        hidden.iter().all(|effect| matches!(effect, Effect::User(..)))
                            || inputs.memory.approval.is_some()
                            || open_order(&inputs.memory).is_some()
                    }
                    _ => false,
                };
                assert!(
                    is_blocked || hidden.is_empty(),
                    "{policy:?} hides {hidden:?}: {:?}",
                    narrowed.verdict.summary
                );
            }
        }
    }
}

fn under(
    inputs: &Inputs,
    (management, adoption, drift): (ManagementPolicy, AdoptionPolicy, DriftPolicy),
) -> Plan {
    let mut inputs = inputs.clone();
    inputs.desired.management = management;
    inputs.desired.adoption = adoption;
    inputs.desired.drift = drift;
    inputs.plan()
}

/// What an action does, without what rides along in its body.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Effect {
    Order,
    Write(Field, String),
    User(ApiMethod, String),
}

fn effects(actions: &[Action]) -> BTreeSet<Effect> {
    let mut effects = BTreeSet::new();
    for action in actions {
        match action {
            Action::CustomersInsert(_) => {
                effects.insert(Effect::Order);
            }
            Action::CustomersPatch(patch) => effects.extend(
                patch
                    .changes
                    .iter()
                    .map(|change| Effect::Write(change.field, change.desired.clone())),
            ),
            Action::DirectoryCustomersPatch(patch) => {
                effects.insert(Effect::Write(Field::Language, patch.change.desired.clone()));
            }
            Action::UsersInsert { primary_email } | Action::UsersMakeAdmin { primary_email } => {
                effects.insert(Effect::User(action.method(), primary_email.clone()));
            }
        }
    }
    effects
}

/// Law 6: whatever could not be read, nothing is ordered on the strength of the rest, and nobody
/// is made or granted anything that would not have been otherwise.
pub(crate) fn is_safe_when_incomplete(inputs: &Inputs) {
    let whole = effects(&inputs.plan().actions);
    for failure in failures() {
        let error = |method| ApiError::new(method, failure.clone());
        let unread = Observed {
            answer: Answer::Failed(error(ApiMethod::CustomersGet)),
            ..inputs.observed.clone()
        };
        assert_eq!(inputs.seeing(unread).plan().actions, [], "acts without an answer");
        let partial = Observed {
            domain_answer: inputs
                .observed
                .domain_answer
                .as_ref()
                .map(|_| Answer::Failed(error(ApiMethod::CustomersGet))),
            directory: Read::Failed(error(ApiMethod::DirectoryCustomersGet)),
            subscriptions: Read::Failed(error(ApiMethod::SubscriptionsList)),
            admin: Read::Failed(error(ApiMethod::UsersGet)),
            ..inputs.observed.clone()
        };
        for effect in effects(&inputs.seeing(partial).plan().actions) {
            let is_harmless = matches!(effect, Effect::Write(..));
            assert!(is_harmless || whole.contains(&effect), "{effect:?} for lack of knowledge");
        }
    }
}

/// The gates of orders hold, whatever else is the case.
pub(crate) fn gates_hold(inputs: &Inputs) {
    for gate in [OrderGate::Limit, OrderGate::Locked] {
        let mut inputs = inputs.clone();
        inputs.surroundings.orders = gate;
        let effects = effects(&inputs.plan().actions);
        assert!(!effects.contains(&Effect::Order), "ordered while the gate is {gate:?}");
    }
}

/// A plan makes at most one call that must not be repeated, as its last, with its ledger.
pub(crate) fn repeats_nothing(inputs: &Inputs) {
    let plan = inputs.plan();
    let once = |action: &Action| !action.method().is_idempotent();
    let before_last = plan.actions.len().saturating_sub(1);
    assert!(!plan.actions.iter().take(before_last).any(once), "{:?}", plan.actions);
    if plan.actions.last().is_some_and(once) {
        let operation = plan.status.pending_operation.expect("a ledger");
        assert_eq!(operation.id, inputs.surroundings.nonce);
    }
}

fn failures() -> Vec<Failure> {
    let answered = |status, reason: &str| Failure::Answered {
        status,
        reason: reason.to_owned(),
        message: "no".to_owned(),
    };
    vec![
        answered(403, "forbidden"),
        answered(403, "accessNotConfigured"),
        answered(401, "authError"),
        answered(400, "invalid"),
        answered(429, "quotaExceeded"),
        answered(503, "backendError"),
        Failure::NotGoogle { status: 404 },
        Failure::NotSent("refused".to_owned()),
        Failure::NoAnswer("closed".to_owned()),
        Failure::Credentials("invalid_grant".to_owned()),
        Failure::ScopeNotGranted("scope".to_owned()),
        Failure::TokenUnavailable("503".to_owned()),
    ]
}
