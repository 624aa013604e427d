//! What the calls that were made change in the verdict; customer.md, Errors and Updates that do
//! not stick.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use super::action::{Action, Cause, Patch};
use super::conditions::{self, Fact, Facts, Terms, Truth, whole_seconds};
use super::events::{self, Event};
use super::onboarding::is_fresh;
use super::reasons::{FactReason, Reconciling, Stalled, SyncedReason, TermsReason};
use super::{Grace, Next, Plan, Summary, customer, facts, outage};
use crate::crd::{InitialAdminStatus, Origin, ResellerCustomerStatus};
use crate::domain::memory::{Standing, remember, standing, verdict};
use crate::domain::{Desired, Field};
use crate::google::types::{Customer, DirectoryCustomer, User};
use crate::google::{ApiError, ApiMethod, ErrorClass, Failure};

/// What came of a plan's actions: those that were done, in order, and the one that failed.
#[derive(Clone, Debug, Default)]
pub struct Applied {
    pub done: Vec<(Action, Answered)>,
    pub failure: Option<(Action, ApiError)>,
}

/// What Google answered to a call that was done.
#[derive(Clone, Debug)]
pub enum Answered {
    Customer(Box<Customer>),
    Directory(DirectoryCustomer),
    User(User),
    Nothing,
}

/// What a pass ends with.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The status to be published, with its conditions.
    pub status: ResellerCustomerStatus,
    /// What is told once.
    pub events: Vec<Event>,
    /// When to look again.
    pub next: Next,
    /// The graces that run on.
    pub graces: BTreeSet<Grace>,
    /// The calls that were made.
    pub applied: Applied,
}

impl Outcome {
    /// The fields that were written, with their value before.
    #[must_use]
    pub fn written(&self) -> BTreeMap<Field, String> {
        let changes = self.applied.done.iter().flat_map(|(action, _)| action.changes());
        changes.map(|change| (change.field, change.observed.clone())).collect()
    }
}

/// What a pass ends with: the plan's verdict, overlaid by what came of its actions.
#[must_use]
pub fn outcome(
    mut plan: Plan,
    applied: Applied,
    memory: &ResellerCustomerStatus,
    desired: &Desired,
    generation: i64,
    now: Timestamp,
) -> Outcome {
    for (action, answered) in &applied.done {
        done(&mut plan, action, answered, desired);
    }
    if let Some((action, error)) = &applied.failure {
        failed(&mut plan, action, error, memory, desired, now);
    }
    settle(plan, applied, memory, generation, now)
}

/// What a pass without actions ends with.
#[must_use]
pub fn settle(
    plan: Plan,
    applied: Applied,
    memory: &ResellerCustomerStatus,
    generation: i64,
    now: Timestamp,
) -> Outcome {
    let Plan { mut status, verdict, graces, next, .. } = plan;
    conditions::render(&mut status, &verdict, generation, now);
    let events = events::between(memory, &status, &applied);
    Outcome { status, events, next, graces, applied }
}

// ---- done --------------------------------------------------------------------------------------

fn done(plan: &mut Plan, action: &Action, answered: &Answered, desired: &Desired) {
    plan.next = Next::Soon;
    match (action, answered) {
        (Action::CustomersInsert(_), Answered::Customer(account)) => {
            ordered(plan, account, desired);
        }
        (Action::CustomersPatch(patch), Answered::Customer(account)) => {
            patched(&mut plan.status, patch, account, desired);
        }
        (Action::DirectoryCustomersPatch(patch), Answered::Directory(directory)) => {
            let answered = directory.language.as_deref().unwrap_or_default();
            let change = &patch.change;
            let entry = verdict(Field::Language, &change.desired, &change.observed, answered);
            remember(&mut plan.status, entry);
            plan.status.language.clone_from(&directory.language);
        }
        (Action::UsersInsert { primary_email }, Answered::User(user)) => {
            plan.status.pending_operation = None;
            if let Some(admin) = &desired.initial_admin {
                plan.status.initial_admin = Some(InitialAdminStatus {
                    primary_email: primary_email.clone(),
                    secret_name: admin.password_secret_ref.name.clone(),
                    created: true,
                    is_admin: user.is_admin == Some(true),
                    agreed_to_terms: user.agreed_to_terms == Some(true),
                });
            }
        }
        _ => {}
    }
}

/// The order was answered: the account is ours.
fn ordered(plan: &mut Plan, account: &Customer, desired: &Desired) {
    let operation = plan.status.pending_operation.take();
    let mut status = customer::forgetting(&plan.status);
    status.customer_id.clone_from(&account.customer_id);
    status.origin = Some(Origin::Ordered);
    status.ordered_at = operation.map(|operation| operation.started_at);
    remember_answer(&mut status, desired, account);
    facts::note(&mut status, account);
    plan.status = status;
    let message = "The customer was ordered; the account is set up next.";
    plan.verdict.summary = Summary::Progressing(Reconciling::Onboarding, message.to_owned());
    plan.verdict.synced = Some((SyncedReason::Pending, message.to_owned()));
    plan.verdict.facts = Fact::Seen(Facts {
        managed: Truth::True,
        foreign: Truth::False,
        teams: Truth::False,
        reason: FactReason::FullRecord,
        message: "Google answered the order with the full record: the customer is ours.".to_owned(),
        next_step: facts::SUBSCRIBE,
        by_id_only: false,
    });
    let message = "The account is new; neither a subscription nor an administrator tells yet.";
    plan.verdict.terms =
        Fact::Seen(Terms { reason: TermsReason::NoSignal, message: message.to_owned() });
}

/// Remembers Google's answer to an order: a fresh account had no value before.
pub(super) fn remember_answer(
    status: &mut ResellerCustomerStatus,
    desired: &Desired,
    account: &Customer,
) {
    for (&field, value) in desired.fields.iter().filter(|(field, _)| **field != Field::Language) {
        remember(status, verdict(field, value, "", field.observed(account)));
    }
}

fn patched(
    status: &mut ResellerCustomerStatus,
    patch: &Patch,
    account: &Customer,
    desired: &Desired,
) {
    let of_change = |field| patch.changes.iter().find(|change| change.field == field);
    for (&field, value) in &desired.fields {
        let answered = field.observed(account);
        if let Some(change) = of_change(field) {
            remember(status, verdict(field, &change.desired, &change.observed, answered));
            continue;
        }
        // The rest of the address was sent too, and Google may have given it its own form.
        let sent = field.observed(&patch.body);
        let is_sent = field.is_address() && patch.body.postal_address.is_some();
        let was_equal = standing(field, value, sent, status) == Standing::Equal;
        if is_sent && was_equal && standing(field, value, answered, status) != Standing::Equal {
            remember(status, verdict(field, value, sent, answered));
        }
    }
}

// ---- failed ------------------------------------------------------------------------------------

fn failed(
    plan: &mut Plan,
    action: &Action,
    error: &ApiError,
    memory: &ResellerCustomerStatus,
    desired: &Desired,
    now: Timestamp,
) {
    match action {
        Action::CustomersInsert(_) => order_failed(plan, error, memory, desired, now),
        Action::UsersInsert { .. } if error.may_have_been_applied() => {
            unanswered(plan, error, desired);
        }
        _ => {
            if matches!(action, Action::UsersInsert { .. }) {
                plan.status.pending_operation = None;
                plan.status.initial_admin = None;
            }
            write_failed(plan, action, error, desired, now);
        }
    }
}

/// No answer, or one that proves nothing: the operation stays open and is resolved by reading.
fn unanswered(plan: &mut Plan, error: &ApiError, desired: &Desired) {
    let message = format!(
        "{} was sent and its outcome is not known; it is read before anything else is done: {}.",
        error.method.id(),
        told(error, desired)
    );
    plan.verdict.summary = Summary::Retrying(message.clone());
    plan.verdict.synced = Some((SyncedReason::Unavailable, message));
    plan.next = Next::Retry;
    if let Some(operation) = &plan.status.pending_operation {
        plan.graces.insert(Grace::Operation(operation.id.clone()));
    }
}

fn order_failed(
    plan: &mut Plan,
    error: &ApiError,
    memory: &ResellerCustomerStatus,
    desired: &Desired,
    now: Timestamp,
) {
    let class = error.class();
    if error.may_have_been_applied() {
        return unanswered(plan, error, desired);
    }
    // Nothing was ordered: what the status knew before stays; a word that was given is used up.
    plan.status = ResellerCustomerStatus {
        pending_operation: None,
        approval: None,
        last_handled_reconcile_at: plan.status.last_handled_reconcile_at.clone(),
        ..memory.clone()
    };
    if class == ErrorClass::Conflict {
        plan.status.waiting_since = Some(whole_seconds(now));
        let message = "Google says that the customer exists (409); it is looked up again.";
        plan.verdict.summary = Summary::Progressing(Reconciling::Ordering, message.to_owned());
        plan.next = Next::Soon;
        plan.graces.insert(Grace::Conflict);
        return;
    }
    let text = told(error, desired);
    let (summary, synced) = match class {
        ErrorClass::Credentials => (
            Summary::Stalled(Stalled::CredentialsInvalid, outage::credentials_message(&text)),
            SyncedReason::CredentialsInvalid,
        ),
        ErrorClass::Permission => (
            Summary::Stalled(Stalled::PermissionDenied, permission_message(&text)),
            SyncedReason::NotManaged,
        ),
        ErrorClass::Quota => (Summary::Retrying(retry_message(&text)), SyncedReason::QuotaExceeded),
        ErrorClass::Unavailable => {
            (Summary::Retrying(retry_message(&text)), SyncedReason::Unavailable)
        }
        _ => (
            Summary::Stalled(Stalled::OrderRefused, order_refused_message(error, &text)),
            SyncedReason::NotManaged,
        ),
    };
    plan.next =
        if matches!(summary, Summary::Stalled(..)) { Next::StalledRetry } else { Next::Retry };
    plan.verdict.synced = Some((synced, synced_message(&summary)));
    plan.verdict.summary = summary;
}

fn write_failed(
    plan: &mut Plan,
    action: &Action,
    error: &ApiError,
    desired: &Desired,
    now: Timestamp,
) {
    let is_drift = is_correction(action);
    let is_fresh = is_fresh(&plan.status, now);
    let what = match action {
        Action::CustomersPatch(patch) => super::compare::names(&patch.changes),
        Action::DirectoryCustomersPatch(_) => "spec.language".to_owned(),
        _ => "spec.initialAdmin".to_owned(),
    };
    let (summary, synced) = unwritten(error, desired, &what, is_fresh, is_drift);
    plan.next =
        if matches!(summary, Summary::Stalled(..)) { Next::StalledRetry } else { Next::Retry };
    if let Some(synced) = synced {
        plan.verdict.synced = Some((synced, synced_message(&summary)));
    }
    if summary != Summary::Kept {
        plan.verdict.summary = summary;
    }
}

/// Whether an action only writes back what somebody changed.
fn is_correction(action: &Action) -> bool {
    match action {
        Action::CustomersPatch(patch) => {
            patch.changes.iter().all(|change| change.cause == Cause::Drift)
        }
        Action::DirectoryCustomersPatch(patch) => patch.change.cause == Cause::Drift,
        _ => false,
    }
}

/// What a write that failed, or a read that something due depends on, makes of the object.
/// `Kept` leaves the plan's own summary; no Synced leaves the plan's own.
pub(super) fn unwritten(
    error: &ApiError,
    desired: &Desired,
    what: &str,
    is_fresh: bool,
    is_drift: bool,
) -> (Summary, Option<SyncedReason>) {
    let text = told(error, desired);
    let class = error.class();
    // What fresh accounts answer for a while; later it is refused for good.
    let is_unready = error.method.is_directory()
        && !matches!(error.failure, Failure::ScopeNotGranted(_))
        && (matches!(class, ErrorClass::Permission | ErrorClass::NotFound) || is_incomplete(error));
    if is_unready && is_fresh {
        let hint = used_elsewhere(error);
        let message = format!(
            "The account is new and does not take {what} yet; it is tried again: {text}.{hint}"
        );
        return (Summary::Retrying(message), Some(SyncedReason::Pending));
    }
    if is_unready && is_user(error.method) {
        let message = permission_message(&text) + used_elsewhere(error);
        return (Summary::Stalled(Stalled::PermissionDenied, message), None);
    }
    match class {
        ErrorClass::Quota | ErrorClass::Unavailable | ErrorClass::NotFound if is_drift => {
            (Summary::Kept, None)
        }
        ErrorClass::Quota => {
            (Summary::Retrying(retry_message(&text)), Some(SyncedReason::QuotaExceeded))
        }
        ErrorClass::Unavailable | ErrorClass::NotFound => {
            (Summary::Retrying(retry_message(&text)), Some(SyncedReason::Unavailable))
        }
        ErrorClass::Credentials if is_drift => {
            let message = format!(
                "The account was changed elsewhere in {what}; it cannot be written back: {text}."
            );
            (Summary::Drifted(message), Some(SyncedReason::CredentialsInvalid))
        }
        ErrorClass::Credentials => (
            Summary::Stalled(Stalled::CredentialsInvalid, outage::credentials_message(&text)),
            Some(SyncedReason::CredentialsInvalid),
        ),
        ErrorClass::Permission => {
            (Summary::Stalled(Stalled::PermissionDenied, permission_message(&text)), None)
        }
        _ => (refused(error, what, &text), None),
    }
}

/// Google refuses what was sent.
fn refused(error: &ApiError, what: &str, text: &str) -> Summary {
    if is_user(error.method) {
        let message = format!(
            "Google refused {what}: {text}. Mend what Google names, or remove initialAdmin."
        );
        return Summary::Stalled(Stalled::AdminRefused, message);
    }
    let message = format!("Google refused the change of {what}: {text}.{}", named_field(text));
    Summary::Stalled(Stalled::UpdateRefused, message)
}

fn is_user(method: ApiMethod) -> bool {
    matches!(method, ApiMethod::UsersGet | ApiMethod::UsersInsert | ApiMethod::UsersMakeAdmin)
}

/// "User creation is not complete": a fresh user (reference notes, section 6).
fn is_incomplete(error: &ApiError) -> bool {
    matches!(&error.failure, Failure::Answered { message, .. } if message.contains("creation is not complete"))
}

fn used_elsewhere(error: &ApiError) -> &'static str {
    if is_user(error.method) && error.class() == ErrorClass::Permission {
        " A 403 can also mean that the address is in use in another Google product."
    } else {
        ""
    }
}

// ---- messages ----------------------------------------------------------------------------------

fn retry_message(text: &str) -> String {
    format!("Google could not do it now; it is tried again: {text}.")
}

fn permission_message(text: &str) -> String {
    format!(
        "The credential may not do this: {text}. Check the reseller's access to the customer and \
         the scopes of domain-wide delegation."
    )
}

fn order_refused_message(error: &ApiError, text: &str) -> String {
    let hint = match error.class() {
        ErrorClass::Rejected => {
            " Countries approved for resale are in the Partner Sales Console; an account that came \
             from a personal Gmail needs its additional Workspace settings unlocked."
        }
        _ => "",
    };
    format!("Google refused the order: {text}.{}{hint}", named_field(text))
}

/// The fields that Google's text names.
fn named_field(text: &str) -> String {
    let lower = text.to_lowercase();
    let is_named = |path: &str| {
        let name = path.rsplit('.').next().unwrap_or_default();
        lower.contains(&name.to_lowercase())
    };
    let named: Vec<String> = Field::ALL
        .into_iter()
        .map(Field::path)
        .filter(|path| is_named(path))
        .map(|path| format!("spec.{path}"))
        .collect();
    if named.is_empty() { String::new() } else { format!(" Look at {}.", named.join(", ")) }
}

fn synced_message(summary: &Summary) -> String {
    match summary {
        Summary::Stalled(_, message) | Summary::Retrying(message) | Summary::Drifted(message) => {
            message.clone()
        }
        _ => "Something is still to be written at Google.".to_owned(),
    }
}

/// Google's text, with values of the manifest replaced by the names of their fields and anything
/// that looks like an address or, as Google writes them, a phone number hidden: messages never hold
/// contact data.
#[must_use]
pub fn told(error: &ApiError, desired: &Desired) -> String {
    const LONGEST: usize = 300;
    let mut text = error.to_string();
    let admin = desired.initial_admin.as_ref();
    let people = [
        ("spec.primaryAdmin.primaryEmail", desired.primary_admin.as_deref()),
        ("spec.initialAdmin.primaryEmail", admin.map(|admin| admin.primary_email.as_str())),
        (
            "spec.initialAdmin.recoveryEmail",
            admin.and_then(|admin| admin.recovery_email.as_deref()),
        ),
        ("spec.initialAdmin.name.givenName", admin.map(|admin| admin.name.given_name.as_str())),
        ("spec.initialAdmin.name.familyName", admin.map(|admin| admin.name.family_name.as_str())),
    ];
    let mut values: Vec<(String, &str)> = desired
        .fields
        .iter()
        .filter(|(field, _)| !matches!(field, Field::CountryCode | Field::Language))
        .map(|(field, value)| (format!("spec.{}", field.path()), value.as_str()))
        .chain(people.into_iter().filter_map(|(path, value)| Some((path.to_owned(), value?))))
        .filter(|(_, value)| value.chars().count() > 2)
        .collect();
    // The longest first: a value may be a part of another.
    values.sort_by_key(|(path, value)| (std::cmp::Reverse(value.len()), path.clone()));
    for (path, value) in values {
        text = text.replace(value, &path);
    }
    let text: Vec<&str> = text
        .split_whitespace()
        .map(|word| match word {
            _ if word.contains('@') => "(an address)",
            _ if is_phone_number(word) => "(a number)",
            _ => word,
        })
        .collect();
    let text: String = text.join(" ").chars().take(LONGEST).collect();
    text.trim_end_matches('.').to_owned()
}

fn is_phone_number(word: &str) -> bool {
    word.contains('+') && word.chars().filter(char::is_ascii_digit).count() > 6
}
