//! One object of a report: its rehearsal, put into words.

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use schemars::JsonSchema;
use serde::Serialize;

use super::proposal::Proposed;
use super::redact::Redactor;
use crate::crd::{ManagementPolicy, Origin, ResellerCustomerStatus};
use crate::domain::Field;
use crate::google::ApiError;
use crate::google::types::Customer;
use crate::plan::conditions::{find, is_true};
use crate::plan::reasons::{ReadyReason, Stalled};
use crate::plan::{Action, Cause, IN_SYNC, Risk};
use crate::rehearsal::Rehearsal;

/// What would become of an object.
#[derive(Serialize, JsonSchema, Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "camelCase")]
pub enum Effect {
    /// An account is ordered. Costs money.
    Order,
    /// An account that was ordered gets its language or its first administrator.
    Onboard,
    /// An account that exists is taken over, and changed where `changes` says so.
    Adopt,
    /// An account that is ours is changed.
    Update,
    /// A person must act first; see `blocked`.
    Blocked,
    /// The account could not be read; see `blocked`.
    Unread,
    /// Nothing is written, because the policy is Observe.
    Observe,
    /// Nothing is read or written, because the object is suspended.
    Suspended,
    /// Nothing is to be done.
    None,
}

/// One object.
#[derive(Serialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Entry {
    /// Namespace of the object; absent where neither the manifest nor the cluster says it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub namespace: Option<String>,
    /// Name of the object.
    pub name: String,
    /// File of the manifest.
    pub file: String,
    /// Line on which the manifest begins.
    pub line: usize,
    /// Primary domain of the account.
    pub customer_domain: String,
    /// Google's id of the account, where it is known.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub customer_id: Option<String>,
    /// What would become of it.
    pub action: Effect,
    /// What is at stake.
    pub risk: Risk,
    /// Calls that would change something at Google, in order, by Google's method ids.
    pub calls: Vec<String>,
    /// Fields that would be written.
    pub changes: Vec<FieldChange>,
    /// Fields that differ and would be left alone, because the policy says so or a person must act
    /// first.
    pub differences: Vec<FieldChange>,
    /// Why it does not get ready, if so.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked: Option<Blocked>,
    /// What else is to be known.
    pub notes: Vec<String>,
}

/// A field with its value before and after.
#[derive(Serialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct FieldChange {
    /// Path below `spec`.
    pub field: String,
    /// Value at Google now; absent where there is no account yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub observed: Option<String>,
    /// Value of the manifest.
    pub desired: String,
    /// `edit`: the manifest was changed. `drift`: somebody changed the account.
    pub cause: Cause,
}

/// Why an object would not get ready.
#[derive(Serialize, JsonSchema, Clone, Debug, PartialEq, Eq)]
#[serde(rename_all = "camelCase")]
pub struct Blocked {
    /// Reason of the condition that says so (docs/conditions.md); `Refused`: the API server would not
    /// take the manifest; `NotRead`: Google did not answer.
    pub reason: String,
    /// What hinders, and the way out.
    pub message: String,
    /// What a person does about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_step: Option<String>,
}

impl Entry {
    /// An object of which nothing is known yet.
    fn new(proposed: &Proposed, action: Effect) -> Self {
        let Proposed { name, place, object, .. } = proposed;
        Self {
            namespace: name.namespace.clone(),
            name: name.name.clone(),
            file: place.file.clone(),
            line: place.line,
            customer_domain: object.spec.customer_domain.clone(),
            customer_id: known_id(proposed, &object.status),
            action,
            risk: Risk::None,
            calls: Vec::new(),
            changes: Vec::new(),
            differences: Vec::new(),
            blocked: None,
            notes: Vec::new(),
        }
    }

    /// An object whose change the API server refuses: everything stays as it is.
    #[must_use]
    pub fn refused(proposed: &Proposed) -> Self {
        let why = proposed.refused.join("; ");
        let blocked = Blocked {
            reason: "Refused".to_owned(),
            message: format!("The API server would refuse this change: {why}."),
            next_step: Some("Undo the change of the field, or do as the message says.".to_owned()),
        };
        Self { blocked: Some(blocked), ..Self::new(proposed, Effect::Blocked) }
    }

    /// Puts a rehearsal into words.
    #[must_use]
    pub fn of(proposed: &Proposed, rehearsal: &Rehearsal) -> Self {
        let Rehearsal { actions, status, .. } = rehearsal;
        let blocked = blocked(rehearsal);
        let effect = effect(proposed, rehearsal, blocked.is_some());
        let mut changes: Vec<FieldChange> =
            actions.iter().flat_map(|action| changes(proposed, action)).collect();
        if effect == Effect::Order {
            // There is no account yet that could have another value.
            for change in &mut changes {
                change.observed = None;
            }
        }
        Self {
            customer_id: known_id(proposed, status),
            risk: actions.iter().map(Action::risk).max().unwrap_or(Risk::None),
            calls: actions.iter().map(|action| action.method().id().to_owned()).collect(),
            changes,
            differences: differences(status),
            blocked,
            notes: notes(proposed, rehearsal),
            ..Self::new(proposed, effect)
        }
    }

    /// The entry without contact data: names of people, e-mail addresses, phone numbers and street
    /// lines.
    #[must_use]
    pub fn redacted(mut self, proposed: &Proposed) -> Self {
        Redactor::of(&proposed.object.spec).redact(&mut self);
        self
    }

    /// Whether something would change at Google.
    #[must_use]
    pub fn has_changes(&self) -> bool {
        !self.calls.is_empty()
    }

    /// `namespace/name`, or the name alone.
    #[must_use]
    pub fn object(&self) -> String {
        Self::full_name(self.namespace.as_deref(), &self.name)
    }

    /// Domain and id of the account.
    #[must_use]
    pub fn account(&self) -> String {
        Self::full_account(&self.customer_domain, self.customer_id.as_deref())
    }

    pub(super) fn full_name(namespace: Option<&str>, name: &str) -> String {
        namespace.map_or_else(|| name.to_owned(), |namespace| format!("{namespace}/{name}"))
    }

    pub(super) fn full_account(domain: &str, id: Option<&str>) -> String {
        id.map_or_else(|| domain.to_owned(), |id| format!("{domain} ({id})"))
    }
}

/// The id, unless it is the one that stands for an account that is still to be ordered.
fn known_id(proposed: &Proposed, status: &ResellerCustomerStatus) -> Option<String> {
    let before = proposed.object.status.customer_id.clone();
    let pinned = proposed.object.spec.customer_id.clone();
    let found = status.customer_id.clone().filter(|_| status.origin == Some(Origin::Adopted));
    pinned.or(before).or(found)
}

fn effect(proposed: &Proposed, rehearsal: &Rehearsal, is_blocked: bool) -> Effect {
    let Rehearsal { actions, status, unread, .. } = rehearsal;
    let is_new = proposed.object.status.origin.is_none();
    let is_set_up = |action: &Action| match action {
        Action::UsersInsert { .. } | Action::UsersMakeAdmin { .. } => true,
        Action::DirectoryCustomersPatch(_) => {
            let before = &proposed.object.status;
            before.origin == Some(Origin::Ordered) && !before.onboarded
        }
        Action::CustomersInsert(_) | Action::CustomersPatch(_) => false,
    };
    match actions.as_slice() {
        all if all.iter().any(|action| matches!(action, Action::CustomersInsert(_))) => {
            Effect::Order
        }
        all if all.iter().any(is_set_up) => Effect::Onboard,
        [_, ..] if is_new => Effect::Adopt,
        [_, ..] => Effect::Update,
        [] if unread.is_some() => Effect::Unread,
        [] if is_blocked => Effect::Blocked,
        [] if is_true(&status.conditions, "Paused") => Effect::Suspended,
        [] if proposed.object.spec.management_policy == ManagementPolicy::Observe => {
            Effect::Observe
        }
        [] if is_new && status.origin == Some(Origin::Adopted) => Effect::Adopt,
        [] => Effect::None,
    }
}

/// The fields that an action writes.
fn changes(proposed: &Proposed, action: &Action) -> Vec<FieldChange> {
    let new = |field: &str, value: &str| FieldChange {
        field: field.to_owned(),
        observed: None,
        desired: value.to_owned(),
        cause: Cause::Edit,
    };
    match action {
        Action::CustomersInsert(order) => ordered(order, new),
        Action::UsersInsert { primary_email } => {
            let mut user = vec![new("initialAdmin.primaryEmail", primary_email)];
            let secret = proposed.object.spec.initial_admin.as_ref();
            user.extend(secret.map(|admin| {
                new("initialAdmin.passwordSecretRef.name", &admin.password_secret_ref.name)
            }));
            user
        }
        Action::UsersMakeAdmin { .. } => Vec::new(),
        Action::CustomersPatch(_) | Action::DirectoryCustomersPatch(_) => {
            let written = action.changes().iter().map(|change| FieldChange {
                field: change.field.path().to_owned(),
                observed: Some(change.observed.clone()),
                desired: change.desired.clone(),
                cause: change.cause,
            });
            written.collect()
        }
    }
}

fn ordered(order: &Customer, new: impl Fn(&str, &str) -> FieldChange) -> Vec<FieldChange> {
    let fields = Field::ALL.into_iter().map(|field| (field.path(), field.observed(order)));
    let admin = order.primary_admin.as_ref().and_then(|admin| admin.primary_email.as_deref());
    let kind = order.customer_type.as_deref().unwrap_or_default();
    [("customerType", kind)]
        .into_iter()
        .chain(fields)
        .chain(admin.map(|email| ("primaryAdmin.primaryEmail", email)))
        .filter(|(_, value)| !value.is_empty())
        .map(|(field, value)| new(field, value))
        .collect()
}

/// What would stay different.
fn differences(status: &ResellerCustomerStatus) -> Vec<FieldChange> {
    let open = status.drift.iter().map(|entry| FieldChange {
        field: entry.field.clone(),
        observed: Some(entry.observed.clone()),
        desired: entry.desired.clone(),
        cause: Cause::Drift,
    });
    open.collect()
}

/// Why the object would not get ready: it is stalled, or Google cannot be asked.
fn blocked(rehearsal: &Rehearsal) -> Option<Blocked> {
    let conditions = &rehearsal.status.conditions;
    if is_true(conditions, "Paused") {
        return None;
    }
    if let Some(error) = &rehearsal.unread {
        return Some(unread(error));
    }
    let ready = find(conditions, "Ready").filter(|ready| ready.status != "True")?;
    let why =
        ["Stalled", "Reconciling"].iter().find_map(|kind| find(conditions, kind)).unwrap_or(ready);
    let docs = Stalled::DOCS.iter().find(|doc| doc.reason == why.reason);
    Some(Blocked {
        reason: why.reason.clone(),
        message: without_token(&why.message, &rehearsal.status),
        next_step: docs.map(|doc| doc.remedy.to_owned()),
    })
}

fn unread(error: &ApiError) -> Blocked {
    Blocked {
        reason: "NotRead".to_owned(),
        message: format!("Google could not be asked about this account: {error}."),
        next_step: Some("Run the plan again.".to_owned()),
    }
}

/// A token is a person's word and no part of a review: whoever may give it finds it in the status.
fn without_token(message: &str, status: &ResellerCustomerStatus) -> String {
    match &status.approval {
        Some(approval) if !approval.token.is_empty() => {
            message.replace(&approval.token, "TOKEN (see status.approval of the object)")
        }
        _ => message.to_owned(),
    }
}

fn notes(proposed: &Proposed, rehearsal: &Rehearsal) -> Vec<String> {
    let Rehearsal { actions, status, waits, .. } = rehearsal;
    let mut notes = Vec::new();
    let has_more_to_say = |ready: &&Condition| {
        let is_settled = ready.message == IN_SYNC
            || is_true(&status.conditions, "Paused")
            || (ready.reason == ReadyReason::Observed.as_str()
                && is_true(&status.conditions, "Synced"));
        ready.status == "True" && !is_settled
    };
    // What is left alone, or was only seen, is told by what Ready says.
    notes.extend(
        find(&status.conditions, "Ready")
            .filter(has_more_to_say)
            .map(|ready| ready.message.clone()),
    );
    if *waits {
        let note = "The object waits for something that Google may only be slow to show; this is \
                    done after the lag grace, if Google then still answers as it does now.";
        notes.push(note.to_owned());
    }
    let makes_user = |action: &Action| matches!(action, Action::UsersInsert { .. });
    if let (Some(admin), true) =
        (&proposed.object.spec.initial_admin, actions.iter().any(makes_user))
    {
        notes.push(format!(
            "Makes a super administrator. The first password is taken from Secret {}, which is \
             created with a generated one if it is absent; the plan does not read Secrets.",
            admin.password_secret_ref.name
        ));
    }
    notes
}
