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
    mut status: ResellerCustomerStatus,
    language_unread: Option<&ApiError>,
) -> Plan {
    let language = input.desired.language();
    let is_language_due =
        language.is_some_and(|language| !is_field_applied(&status, Field::Language, language));
    if let (Some(error), true) = (language_unread, is_language_due) {
        return not_readable(input, status, error, "spec.language");
    }
    let id = account.customer_id.as_deref().unwrap_or_default();
    if let Some(admin) = input.desired.initial_admin.as_ref().filter(|_| is_due(&status)) {
        match self::admin(input, id, admin, status) {
            Step::Done(status) => return in_sync(input, account, *status, language_unread),
            Step::Plan(plan) => return *plan,
        }
    }
    if let Insert::Open(grace) = resolve_insert(input, id, &mut status) {
        let message =
            "Whether the administrator that the manifest named was created is being read.";
        return waiting(input, status, message, SyncedReason::NotRead).watching(grace);
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
    Done(Box<ResellerCustomerStatus>),
    Plan(Box<Plan>),
}

fn step(plan: Plan) -> Step {
    Step::Plan(Box::new(plan))
}

/// What Ready says where there is nothing to add.
pub const IN_SYNC: &str = "The account is ours and equals the manifest.";

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
    status.waiting_since = None;
    let mut message = IN_SYNC.to_owned();
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
    let mut plan = Plan::look(status, verdict, Next::Resync);
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
    let mut note = "";
    match resolve_insert(input, id, &mut status) {
        Insert::Made { is_secret_changed: true } => note = CHANGED_SECRET,
        Insert::None | Insert::NotMade | Insert::Made { is_secret_changed: false } => {}
        Insert::SomebodyElses => return step(refused(input, status)),
        Insert::Open(grace) => {
            let message = "Whether the administrator was created is being read.";
            return step(waiting(input, status, message, SyncedReason::NotRead).watching(grace));
        }
    }
    let user = match &input.observed.admin {
        Read::Failed(error) => {
            return step(not_readable(input, status, error, "spec.initialAdmin"));
        }
        Read::NotAsked => None,
        Read::Got(user) => user.as_ref(),
    };
    match (user, status.initial_admin.as_ref().is_some_and(|ours| ours.created)) {
        (Some(user), true) if user.is_admin == Some(true) => {
            set_created(&mut status, input, user);
            Step::Done(Box::new(status))
        }
        (Some(user), true) => step(make_admin(input, user, status, note)),
        (Some(_), false) => step(refused(input, status)),
        (None, true) => {
            let message = "The new administrator is not readable yet.";
            step(waiting(input, status, message, SyncedReason::Pending))
        }
        (None, false) => step(insert(input, admin, status)),
    }
}

/// Said where the Secret is not the one that was sent.
const CHANGED_SECRET: &str =
    " The Secret was changed since the first try: the password in it may not match the user's.";

/// What an open `users.insert` came to.
enum Insert {
    /// None is open.
    None,
    /// Not known yet.
    Open(Grace),
    /// The user is the one that this object created.
    Made { is_secret_changed: bool },
    /// There is such a user, and this object did not create it.
    SomebodyElses,
    /// There is no such user for longer than the grace.
    NotMade,
}

/// Resolves an open `users.insert` by reading, whatever the manifest says now: the user is ours
/// only if it is in this account and not older than the call.
fn resolve_insert(input: Input<'_>, id: &str, status: &mut ResellerCustomerStatus) -> Insert {
    let is_insert = |operation: &PendingOperation| operation.kind == OperationKind::UsersInsert;
    let Some(operation) = status.pending_operation.clone().filter(is_insert) else {
        return Insert::None;
    };
    let grace = Grace::Operation(operation.id.clone());
    let is_over = input.surroundings.is_over(&grace);
    // A user of another address says nothing of this call.
    let is_same =
        address(input, status).is_some_and(|email| operation.payload_hash == user_hash(email));
    let admin = if is_same { &input.observed.admin } else { &Read::NotAsked };
    let resolved = match admin {
        Read::Got(Some(user)) if is_made_by(&operation, id, user) => {
            set_created(status, input, user);
            Insert::Made { is_secret_changed: is_secret_changed(input, &operation) }
        }
        Read::Got(Some(_)) => Insert::SomebodyElses,
        // Nobody knows the address any more: the manifest does not name it.
        Read::NotAsked | Read::Got(None) if is_over => Insert::NotMade,
        Read::NotAsked | Read::Got(None) | Read::Failed(_) => return Insert::Open(grace),
    };
    status.pending_operation = None;
    if !matches!(resolved, Insert::Made { .. }) {
        status.initial_admin = None;
    }
    resolved
}

/// The address that is read: of the administrator that the status names, else the manifest.
fn address<'a>(input: Input<'a>, status: &'a ResellerCustomerStatus) -> Option<&'a str> {
    let ours = status.initial_admin.as_ref().map(|admin| admin.primary_email.as_str());
    ours.or(input.desired.initial_admin.as_ref().map(|admin| admin.primary_email.as_str()))
}

/// Observe grants nothing, but an open `users.insert` is resolved all the same.
pub(super) fn close_insert(input: Input<'_>, id: &str, mut plan: Plan) -> Plan {
    match resolve_insert(input, id, &mut plan.status) {
        Insert::Open(grace) => plan.watching(grace),
        _ => plan,
    }
}

fn is_secret_changed(input: Input<'_>, operation: &PendingOperation) -> bool {
    match &input.surroundings.password {
        PasswordSecret::Present(version) => {
            operation.secret_version.as_ref().is_some_and(|sent| sent != version)
        }
        PasswordSecret::Absent | PasswordSecret::KeyMissing | PasswordSecret::Unusable => true,
    }
}

fn is_made_by(operation: &PendingOperation, id: &str, user: &User) -> bool {
    let created = user.creation_time.as_deref().and_then(|at| at.parse::<Timestamp>().ok());
    user.customer_id.as_deref() == Some(id)
        && created.is_some_and(|created| created >= operation.started_at.0 - CLOCK_SKEW)
}

/// Writes down the user that this object created.
fn set_created(status: &mut ResellerCustomerStatus, input: Input<'_>, user: &User) {
    let wanted = input.desired.initial_admin.as_ref().map(named);
    let Some(mut admin) = status.initial_admin.take().or(wanted) else { return };
    admin.created = true;
    admin.is_admin = user.is_admin == Some(true);
    admin.agreed_to_terms = user.agreed_to_terms == Some(true);
    status.initial_admin = Some(admin);
}

/// The administrator that the manifest names, not created yet.
fn named(admin: &InitialAdmin) -> InitialAdminStatus {
    InitialAdminStatus {
        primary_email: admin.primary_email.clone(),
        secret_name: admin.password_secret_ref.name.clone(),
        created: false,
        is_admin: false,
        agreed_to_terms: false,
    }
}

fn make_admin(
    input: Input<'_>,
    user: &User,
    mut status: ResellerCustomerStatus,
    note: &str,
) -> Plan {
    set_created(&mut status, input, user);
    let primary_email = address(input, &status).unwrap_or_default().to_owned();
    let message = format!("Making the new user super administrator.{note}");
    let mut plan = waiting(input, status, &message, SyncedReason::Pending);
    plan.actions = vec![Action::UsersMakeAdmin { primary_email }];
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
    // Named before the call, so that the user can be read whatever becomes of the manifest.
    status.initial_admin = Some(named(admin));
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
    Plan::look(status, verdict, Next::Minute)
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
    Plan::look(status, verdict, Next::Retry)
}

fn stalled(
    input: Input<'_>,
    status: ResellerCustomerStatus,
    reason: Stalled,
    message: String,
) -> Plan {
    let summary = Summary::Stalled(reason, message);
    let verdict = verdict(input, summary, SyncedReason::Pending, &input.observed.answer);
    Plan::look(status, verdict, Next::StalledRetry)
}

/// Whether an ordered account is so fresh that Google may not know it everywhere yet.
pub(super) fn is_fresh(status: &ResellerCustomerStatus, now: Timestamp) -> bool {
    status.origin == Some(Origin::Ordered)
        && status.ordered_at.as_ref().is_some_and(|at| now.duration_since(at.0) < FRESH)
}

/// The Directory does not answer for something that is due: retried while the account is fresh.
pub(super) fn not_readable(
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
    Plan::look(status, verdict, next)
}
