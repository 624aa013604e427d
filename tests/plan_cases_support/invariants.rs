//! What holds of every pass, whatever the case: status.md, section 2, and customer.md, "Ordering
//! is never repeated".

use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;
use reseller_operator::crd::{
    ManagementPolicy, OperationKind, ResellerCustomerSpec, ResellerCustomerStatus,
};
use reseller_operator::google::ApiMethod;

use super::check::{Done, of_type, short};
use super::google::Step;

const ALWAYS: [&str; 6] =
    ["Ready", "Synced", "Managed", "ForeignManaged", "MultipleTeams", "AwaitingToS"];
const FACT_REASONS: &[&str] = &[
    "FullRecord",
    "MinimalRecord",
    "TeamsOnDomain",
    "DomainFree",
    "NotFound",
    "AccessDenied",
    "NotRead",
];
const RECONCILING: &[&str] = &[
    "Progressing",
    "Ordering",
    "Updating",
    "Onboarding",
    "CorrectingDrift",
    "ProgressingWithRetry",
    "SecretPending",
    "OrderLimit",
];
const STALLED: &[&str] = &[
    "InvalidSpec",
    "ForeignManaged",
    "TeamsExist",
    "TypeMismatch",
    "DuplicateClaim",
    "IdentityMismatch",
    "CustomerNotFound",
    "CustomerIdChanged",
    "CustomerVanished",
    "OrderNotAllowed",
    "OrderRefused",
    "OrderOutcomeUnknown",
    "AdoptionRequiresApproval",
    "UpdateRefused",
    "ValueNotAccepted",
    "AdminRefused",
    "SecretInvalid",
    "ReadRefused",
    "PermissionDenied",
    "CredentialsInvalid",
];
const EVENTS: &[&str] = &[
    "Ordered",
    "Adopted",
    "Updated",
    "DriftDetected",
    "DriftCorrected",
    "AdminCreated",
    "LanguageSet",
    "AwaitingToS",
    "ToSAccepted",
    "Stalled",
    "QuotaExceeded",
    "OrderResolved",
    "OrderLimit",
    "Lost",
];

/// What is broken, each as a line.
pub(crate) fn broken(spec: &ResellerCustomerSpec, generation: i64, done: &Done) -> Vec<String> {
    let mut found = Vec::new();
    let mut written = vec![("outcome", &done.status)];
    written.extend(done.recorded().into_iter().map(|status| ("recorded", status)));
    written.extend(done.announced.iter().map(|status| ("announced", status)));
    for (what, status) in written {
        if *status == done.before {
            continue;
        }
        let before = match &done.announced {
            Some(announced) if what != "announced" => announced,
            _ => &done.before,
        };
        let lines = of_status(spec, generation, before, status);
        found.extend(lines.into_iter().map(|line| format!("{what}: {line}")));
    }
    for event in done.events.iter().filter(|event| !EVENTS.contains(&event.as_str())) {
        found.push(format!("event of an unknown reason: {event}"));
    }
    found.extend(of_steps(done));
    let is_passive = spec.suspend || spec.management_policy == ManagementPolicy::Observe;
    if is_passive && done.writes().next().is_some() {
        found.push("something was written under suspend or Observe".to_owned());
    }
    found
}

fn of_status(
    spec: &ResellerCustomerSpec,
    generation: i64,
    before: &ResellerCustomerStatus,
    status: &ResellerCustomerStatus,
) -> Vec<String> {
    let mut found = Vec::new();
    let conditions = &status.conditions;
    if !conditions.is_sorted_by(|one, other| one.type_ < other.type_) {
        found.push("conditions are not sorted by type".to_owned());
    }
    for kind in ALWAYS.into_iter().filter(|kind| of_type(conditions, kind).is_none()) {
        found.push(format!("{kind} is missing"));
    }
    let secrets = contact_data(spec, status);
    for condition in conditions {
        let kind = &condition.type_;
        found.extend(of_condition(condition, generation, status.observed_generation));
        let message = condition.message.to_lowercase();
        for secret in secrets.iter().filter(|secret| message.contains(*secret)) {
            found.push(format!("message of {kind} holds contact data: {secret}"));
        }
        let old = of_type(&before.conditions, kind);
        let since = |one: &Condition| one.last_transition_time.clone();
        if old.is_some_and(|old| old.status == condition.status && since(old) != since(condition)) {
            found.push(format!("{kind} has a new transition time and its old status"));
        }
    }
    found.extend(of_summary(conditions));
    if status.observed_generation > generation
        || status.observed_generation < before.observed_generation
    {
        found.push(format!("observedGeneration {}", status.observed_generation));
    }
    found
}

fn of_condition(condition: &Condition, generation: i64, observed: i64) -> Vec<String> {
    let mut found = Vec::new();
    let is = short(Some(condition));
    let kind = condition.type_.as_str();
    if !is_known(kind, &condition.status, &condition.reason) {
        found.push(format!("{kind}={is} is not of the closed set"));
    }
    if condition.message.is_empty() || condition.message.trim() != condition.message {
        found.push(format!("message of {kind}: {:?}", condition.message));
    }
    // kubectl wait goes by the condition's own generation.
    match condition.observed_generation {
        None => found.push(format!("{kind} has no observedGeneration")),
        Some(own) if own > generation => found.push(format!("{kind} is ahead of the generation")),
        Some(own) if kind == "Ready" && condition.status == "True" && own != observed => {
            found.push(format!("Ready is of generation {own}, the status of {observed}"));
        }
        Some(_) => {}
    }
    found
}

fn is_known(kind: &str, status: &str, reason: &str) -> bool {
    let known: &[&str] = match (kind, status) {
        ("Ready", "True") => &["InSync", "Observed", "Drifted"],
        ("Ready", "Unknown") => &["Progressing", "Paused", "Stale"],
        ("Ready", "False") => return reason == "ProgressingWithRetry" || STALLED.contains(&reason),
        ("Reconciling", "True") => RECONCILING,
        ("Stalled", "True") => STALLED,
        ("Synced", "True") => &["InSync"],
        ("Synced", "False") => &["Pending", "Drifted", "ValueNotAccepted", "NotManaged"],
        ("Synced", "Unknown") => &["NotRead", "QuotaExceeded", "Unavailable", "CredentialsInvalid"],
        ("Paused", "True") => &["Suspended"],
        ("Managed" | "ForeignManaged" | "MultipleTeams", "True" | "False" | "Unknown") => {
            FACT_REASONS
        }
        ("AwaitingToS", "True") => &["PendingAcceptance"],
        ("AwaitingToS", "False") => &["Accepted"],
        ("AwaitingToS", "Unknown") => &["NoSignal", "NotManaged", "AccessDenied", "NotRead"],
        _ => &[],
    };
    known.contains(&reason)
}

fn of_summary(conditions: &[Condition]) -> Vec<String> {
    let mut found = Vec::new();
    let reconciling = of_type(conditions, "Reconciling");
    let stalled = of_type(conditions, "Stalled");
    let Some(ready) = of_type(conditions, "Ready") else { return found };
    if reconciling.is_some() && stalled.is_some() {
        found.push("Reconciling and Stalled are both True".to_owned());
    }
    let says_the_same =
        |other: &Condition| other.reason == ready.reason && other.message == ready.message;
    if ready.status == "False" && !reconciling.into_iter().chain(stalled).any(says_the_same) {
        found.push("Ready=False says something else than Stalled or Reconciling".to_owned());
    }
    if stalled.is_some() && ready.status != "False" {
        found.push(format!("Stalled beside Ready={}", ready.status));
    }
    found
}

/// Values that no message may hold: contact data of the manifest and of the drift list.
fn contact_data(spec: &ResellerCustomerSpec, status: &ResellerCustomerStatus) -> Vec<String> {
    let address = spec.postal_address.clone().unwrap_or_default();
    let mut values = vec![
        address.contact_name,
        address.address_line1,
        address.address_line2,
        address.address_line3,
        spec.phone_number.clone(),
        spec.alternate_email.clone(),
    ];
    if let Some(admin) = spec.initial_admin.clone() {
        values.extend([admin.recovery_email, Some(admin.name.family_name)]);
    }
    for drift in status.drift.iter().filter(|drift| {
        ["phoneNumber", "alternateEmail", "postalAddress.contactName"]
            .contains(&drift.field.as_str())
    }) {
        values.extend([Some(drift.desired.clone()), Some(drift.observed.clone())]);
    }
    values.into_iter().flatten().filter(|one| one.len() > 5).map(|one| one.to_lowercase()).collect()
}

/// The order of steps around a call that must not be repeated.
fn of_steps(done: &Done) -> Vec<String> {
    let mut found = Vec::new();
    let mut ledger = None;
    let mut is_last = false;
    for step in &done.steps {
        if is_last {
            found.push(format!("{step:?} after a call that must not be repeated"));
        }
        match step {
            Step::Recorded(status) => {
                ledger = status.pending_operation.as_ref().map(|operation| operation.kind);
                if status.observed_generation != done.before.observed_generation {
                    found.push("the record moves observedGeneration".to_owned());
                }
            }
            Step::Call { method, .. } if !method.is_idempotent() => {
                let kind = match method {
                    ApiMethod::UsersInsert => OperationKind::UsersInsert,
                    _ => OperationKind::CustomersInsert,
                };
                if ledger != Some(kind) {
                    found.push(format!("{} without a ledger", method.id()));
                }
                is_last = true;
            }
            Step::Call { method, .. } if ledger.is_some() => {
                found.push(format!("{} between the ledger and its call", method.id()));
            }
            Step::Call { method, .. } if *method == ApiMethod::CustomersUpdate => {
                found.push("customers.update is not used".to_owned());
            }
            _ => {}
        }
    }
    found
}
