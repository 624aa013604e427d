//! What an account of ours still needs once its fields are equal; customer.md, Onboarding.

use jiff::{SignedDuration, Timestamp};

use super::action::{Action, Cause, Change};
use super::compare::{Comparison, drift_entries, writes};
use super::conditions::whole_seconds;
use super::customer::{self, settled, verdict};
use super::reasons::{Reconciling, Stalled, SyncedReason};
use super::{Grace, Input, Next, PasswordSecret, Plan, Summary, outcome};
use crate::crd::{
    CustomerType, DriftPolicy, InitialAdmin, InitialAdminStatus, OperationKind, Origin,
    PendingOperation, ResellerCustomerStatus,
};
use crate::domain::Field;
use crate::domain::memory::{is_field_applied, user_hash};
use crate::domain::observed::Read;
use crate::google::types::{Customer, User};
use crate::google::{ApiError, ErrorClass};

/// How long fresh accounts may answer as if they were not there; customer.md, Onboarding 2.
const FRESH: SignedDuration = SignedDuration::from_hours(24);
/// How long a key that is missing in a Secret is waited for.
const SECRET_WAIT: SignedDuration = SignedDuration::from_hours(1);
/// How far Google's clock may be behind ours.
const CLOCK_SKEW: SignedDuration = SignedDuration::from_mins(5);

/// Goes on with an account whose readable fields are equal.
pub(super) fn go_on(
    input: Input<'_>,
    account: &Customer,
    status: ResellerCustomerStatus,
    language_unread: Option<&ApiError>,
) -> Plan {
    let language = input.desired.language();
    let is_language_due =
        language.is_some_and(|language| !is_field_applied(&status, Field::Language, language));
    if let (Some(error), true) = (language_unread, is_language_due) {
        return not_readable(input, status, error, "spec.language");
    }
    if let Some(admin) = input.desired.initial_admin.as_ref().filter(|_| is_due(&status)) {
        let id = account.customer_id.as_deref().unwrap_or_default();
        match self::admin(input, id, admin, status) {
            Step::Done(status) => return in_sync(input, account, status, language_unread),
            Step::Plan(plan) => return *plan,
        }
    }
    in_sync(input, account, status, language_unread)
}

/// Drift of an account that is not wholly set up, so that Ready may not be True yet: it is written
/// with the rest, or (Report) the rest goes on first.
pub(super) fn drifted_meanwhile(
    input: Input<'_>,
    account: &Customer,
    mut status: ResellerCustomerStatus,
    comparison: &Comparison<'_>,
    drifted: Vec<Change>,
) -> Plan {
    if input.desired.drift == DriftPolicy::Correct {
        let written = |change| Change { cause: Cause::Edit, ..change };
        let changes: Vec<Change> = drifted.into_iter().map(written).collect();
        return customer::update(input, account, status, &changes);
    }
    if !comparison.not_accepted.is_empty() {
        return customer::drift(input, account, status, comparison, &drifted);
    }
    status.drift = drift_entries(drifted.iter());
    let mut plan = go_on(input, account, status, comparison.language_unread);
    if matches!(plan.verdict.summary, Summary::InSync(_)) {
        return customer::drift(input, account, plan.status, comparison, &drifted);
    }
    let id = account.customer_id.as_deref().unwrap_or_default();
    plan.withheld = writes(id, account, &drifted);
    plan
}

/// Whether an administrator may still be made: the account was ordered by this object, and
/// onboarding was never completed.
pub(super) fn is_due(status: &ResellerCustomerStatus) -> bool {
    status.origin == Some(Origin::Ordered) && !status.onboarded
}

enum Step {
    Done(ResellerCustomerStatus),
    Plan(Box<Plan>),
}

fn step(plan: Plan) -> Step {
    Step::Plan(Box::new(plan))
}

/// All is equal and done.
fn in_sync(
    input: Input<'_>,
    account: &Customer,
    mut status: ResellerCustomerStatus,
    language_unread: Option<&ApiError>,
) -> Plan {
    let ignored_admin =
        input.desired.initial_admin.as_ref().and_then(|admin| ignored(input, &status, admin));
    if status.origin == Some(Origin::Ordered) {
        status.onboarded = true;
    }
    if open_insert(&status).is_some() {
        // No administrator is wanted any more; one that was made all the same is granted nothing.
        status.pending_operation = None;
    }
    status.waiting_since = None;
    let mut message = "The account is ours and equals the manifest.".to_owned();
    if input.desired.customer_type == CustomerType::Team
        && account.customer_type.as_deref() == Some("domain")
    {
        message.push_str(
            " Google has made this team a domain customer: set spec.customerType to domain.",
        );
    }
    if let Some(ignored) = ignored_admin {
        message.push(' ');
        message.push_str(&ignored);
    }
    let verdict =
        verdict(input, Summary::InSync(message), SyncedReason::InSync, &input.observed.answer);
    let mut plan = Plan::look(&status, verdict, Next::Resync);
    if language_unread.is_some() {
        let message = "spec.language could not be compared: the Directory API did not answer.";
        plan.verdict.synced = Some((SyncedReason::NotRead, message.to_owned()));
        plan.next = Next::Retry;
    } else {
        plan.next = settled(&plan);
    }
    plan
}

/// What is said of an administrator who is not made.
fn ignored(
    input: Input<'_>,
    status: &ResellerCustomerStatus,
    admin: &InitialAdmin,
) -> Option<String> {
    if status.initial_admin.is_some() {
        return None;
    }
    let email = &admin.primary_email;
    if status.origin == Some(Origin::Ordered) {
        let is_late = status.onboarded;
        return is_late.then(|| {
            format!("spec.initialAdmin ({email}) was added after onboarding and is ignored; create the user in the Admin console.")
        });
    }
    matches!(input.observed.admin, Read::Got(None)).then(|| {
        format!("spec.initialAdmin ({email}) does not exist; this object adopted the account, so it creates no administrator: create the user in the Admin console.")
    })
}

/// The first administrator: users.get says what is to be done.
fn admin(
    input: Input<'_>,
    id: &str,
    admin: &InitialAdmin,
    mut status: ResellerCustomerStatus,
) -> Step {
    let user = match &input.observed.admin {
        Read::Failed(error) => {
            return step(not_readable(input, status, error, "spec.initialAdmin"));
        }
        Read::NotAsked => {
            return step(waiting(
                input,
                status,
                "The administrator is looked up.",
                SyncedReason::Pending,
            ));
        }
        Read::Got(user) => user.as_ref(),
    };
    if let Some(operation) = open_insert(&status) {
        if operation.payload_hash == user_hash(&admin.primary_email) {
            return resolve(input, id, admin, &operation, user, status);
        }
        // It was about another address: the one that is wanted now is not its doing.
        status.pending_operation = None;
    }
    match (user, status.initial_admin.as_ref().is_some_and(|ours| ours.created)) {
        (Some(user), true) if user.is_admin == Some(true) => {
            let mut status = status;
            set_admin(&mut status, admin, user);
            Step::Done(status)
        }
        (Some(user), true) => step(make_admin(input, admin, user, status)),
        (Some(_), false) => step(refused(input, status)),
        (None, true) => step(waiting(
            input,
            status,
            "The new administrator is not readable yet.",
            SyncedReason::Pending,
        )),
        (None, false) => step(insert(input, admin, status)),
    }
}

fn open_insert(status: &ResellerCustomerStatus) -> Option<PendingOperation> {
    status
        .pending_operation
        .clone()
        .filter(|operation| operation.kind == OperationKind::UsersInsert)
}

/// An unanswered users.insert: the user is ours only if it is in this account and not older.
fn resolve(
    input: Input<'_>,
    id: &str,
    admin: &InitialAdmin,
    operation: &PendingOperation,
    user: Option<&User>,
    mut status: ResellerCustomerStatus,
) -> Step {
    let grace = Grace::Operation(operation.id.clone());
    match user {
        Some(user) if is_made_by(operation, id, user) => {
            status.pending_operation = None;
            set_admin(&mut status, admin, user);
            if user.is_admin == Some(true) {
                return Step::Done(status);
            }
            step(make_admin(input, admin, user, status))
        }
        Some(_) => {
            status.pending_operation = None;
            step(refused(input, status))
        }
        None if input.surroundings.is_over(&grace) => {
            status.pending_operation = None;
            step(insert(input, admin, status))
        }
        None => step(
            waiting(
                input,
                status,
                "Whether the administrator was created is being read.",
                SyncedReason::NotRead,
            )
            .watching(grace),
        ),
    }
}

fn is_made_by(operation: &PendingOperation, id: &str, user: &User) -> bool {
    let created = user.creation_time.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
    user.customer_id.as_deref() == Some(id)
        && created.is_some_and(|created| created >= operation.started_at.0 - CLOCK_SKEW)
}

fn set_admin(status: &mut ResellerCustomerStatus, admin: &InitialAdmin, user: &User) {
    status.initial_admin = Some(InitialAdminStatus {
        primary_email: admin.primary_email.clone(),
        secret_name: admin.password_secret_ref.name.clone(),
        created: true,
        is_admin: user.is_admin == Some(true),
        agreed_to_terms: user.agreed_to_terms == Some(true),
    });
}

fn make_admin(
    input: Input<'_>,
    admin: &InitialAdmin,
    user: &User,
    mut status: ResellerCustomerStatus,
) -> Plan {
    set_admin(&mut status, admin, user);
    let mut plan =
        waiting(input, status, "Making the new user super administrator.", SyncedReason::Pending);
    plan.actions = vec![Action::UsersMakeAdmin { primary_email: admin.primary_email.clone() }];
    plan.next = Next::Soon;
    plan
}

/// Creates the administrator, if the password can be used.
fn insert(input: Input<'_>, admin: &InitialAdmin, mut status: ResellerCustomerStatus) -> Plan {
    let reference = &admin.password_secret_ref;
    let secret_version = match &input.surroundings.password {
        PasswordSecret::Absent => None,
        PasswordSecret::Present(version) => Some(version.clone()),
        PasswordSecret::KeyMissing => return key_missing(input, admin, status),
        PasswordSecret::Unusable => {
            let message = format!(
                "The value of key {:?} of Secret {:?} (spec.initialAdmin.passwordSecretRef) cannot \
                 be a password: it must be 8 to 100 ASCII characters.",
                reference.key, reference.name
            );
            return stalled(input, status, Stalled::SecretInvalid, message);
        }
    };
    status.waiting_since = None;
    status.pending_operation = Some(PendingOperation {
        id: input.surroundings.nonce.clone(),
        kind: OperationKind::UsersInsert,
        started_at: whole_seconds(input.now),
        payload_hash: user_hash(&admin.primary_email),
        secret_version,
    });
    let mut plan =
        waiting(input, status, "Creating the first administrator.", SyncedReason::Pending);
    plan.actions = vec![Action::UsersInsert { primary_email: admin.primary_email.clone() }];
    plan.next = Next::Soon;
    plan
}

fn key_missing(input: Input<'_>, admin: &InitialAdmin, mut status: ResellerCustomerStatus) -> Plan {
    let reference = &admin.password_secret_ref;
    let since = status.waiting_since.get_or_insert_with(|| whole_seconds(input.now)).0;
    let message = format!(
        "Secret {:?} has no key {:?} (spec.initialAdmin.passwordSecretRef); add it.",
        reference.name, reference.key
    );
    if input.now.duration_since(since) >= SECRET_WAIT {
        return stalled(input, status, Stalled::SecretInvalid, message);
    }
    let summary = Summary::Progressing(Reconciling::SecretPending, message);
    let verdict = verdict(input, summary, SyncedReason::Pending, &input.observed.answer);
    Plan::look(&status, verdict, Next::Minute)
}

fn refused(input: Input<'_>, status: ResellerCustomerStatus) -> Plan {
    let message = "A user with spec.initialAdmin.primaryEmail exists that this object did not \
                   create, so it is granted nothing. Choose another address, or remove initialAdmin \
                   and make the user super administrator in the Admin console.";
    stalled(input, status, Stalled::AdminRefused, message.to_owned())
}

fn waiting(
    input: Input<'_>,
    status: ResellerCustomerStatus,
    message: &str,
    synced: SyncedReason,
) -> Plan {
    let summary = Summary::Progressing(Reconciling::Onboarding, message.to_owned());
    let verdict = verdict(input, summary, synced, &input.observed.answer);
    let mut plan = Plan::look(&status, verdict, Next::Retry);
    plan.status = status;
    plan
}

fn stalled(
    input: Input<'_>,
    status: ResellerCustomerStatus,
    reason: Stalled,
    message: String,
) -> Plan {
    let summary = Summary::Stalled(reason, message);
    let verdict = verdict(input, summary, SyncedReason::Pending, &input.observed.answer);
    Plan::look(&status, verdict, Next::StalledRetry)
}

/// Whether an ordered account is so fresh that Google may not know it everywhere yet.
pub(super) fn is_fresh(status: &ResellerCustomerStatus, now: Timestamp) -> bool {
    status.origin == Some(Origin::Ordered)
        && status.ordered_at.as_ref().is_some_and(|at| now.duration_since(at.0) < FRESH)
}

/// The Directory does not answer for something that is due: retried while the account is fresh.
fn not_readable(
    input: Input<'_>,
    status: ResellerCustomerStatus,
    error: &ApiError,
    what: &str,
) -> Plan {
    let (summary, synced) =
        outcome::unwritten(error, input.desired, what, is_fresh(&status, input.now), false);
    let next =
        if matches!(summary, Summary::Stalled(..)) { Next::StalledRetry } else { Next::Retry };
    let synced = synced.unwrap_or(SyncedReason::Pending);
    let verdict = verdict(input, summary, synced, &input.observed.answer);
    debug_assert!(error.class() != ErrorClass::MultipleTeams);
    Plan::look(&status, verdict, next)
}
