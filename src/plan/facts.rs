//! What was seen, as facts: Managed, ForeignManaged, MultipleTeams, AwaitingToS.

use super::conditions::{Fact, Facts, Terms, Truth};
use super::reasons::{FactReason, TermsReason};
use super::{Input, Plan};
use crate::crd::{CustomerType, Origin, ResellerCustomerStatus};
use crate::domain::observed::{Answer, Key, Read};
use crate::google::types::{Customer, Subscription};
use crate::google::{ApiError, ErrorClass};

/// Google's status of a subscription that no longer counts.
const CANCELLED: &str = "CANCELLED";
/// Google's reason of suspension until an administrator accepts.
const PENDING_TOS: &str = "PENDING_TOS_ACCEPTANCE";

/// What an answer says about the account.
pub(super) fn seen(input: Input<'_>, answer: &Answer) -> Fact<Facts> {
    let by_id = matches!(input.observed.key, Key::Id(_));
    let facts = match answer {
        Answer::Full(_) => {
            let mut facts = facts(Truth::True, Truth::False, Truth::False, FactReason::FullRecord);
            if has_no_subscription(&input.observed.subscriptions) {
                facts.next_step = SUBSCRIBE;
            }
            facts.by_id_only = by_id
                && input.observed.domain_answer.is_none()
                && input.desired.customer_type == CustomerType::Team;
            facts
        }
        Answer::Minimal(_) => {
            facts(Truth::False, Truth::True, Truth::False, FactReason::MinimalRecord)
        }
        Answer::MultipleTeams => {
            facts(Truth::False, Truth::Unknown, Truth::True, FactReason::TeamsOnDomain)
        }
        Answer::Absent if by_id && input.observed.domain_answer.is_none() => {
            facts(Truth::False, Truth::False, Truth::False, FactReason::NotFound)
        }
        Answer::Absent => facts(Truth::False, Truth::False, Truth::False, FactReason::DomainFree),
        Answer::Failed(_) => return Fact::Kept,
    };
    Fact::Seen(facts)
}

fn facts(managed: Truth, foreign: Truth, teams: Truth, reason: FactReason) -> Facts {
    let message = match reason {
        FactReason::FullRecord => "Google shows the full record: the customer is ours.",
        FactReason::MinimalRecord => {
            "Google shows id, domain and type only: the customer belongs to Google or to another reseller."
        }
        FactReason::TeamsOnDomain => "Google says that teams exist on this domain.",
        FactReason::DomainFree => "Google knows no account with this domain.",
        FactReason::NotFound => "Google knows no account with this id.",
        FactReason::AccessDenied | FactReason::NotRead => "The account was not read.",
    };
    Facts {
        managed,
        foreign,
        teams,
        reason,
        message: message.to_owned(),
        next_step: "",
        by_id_only: false,
    }
}

/// What comes after an order, until a subscription shows.
pub(super) const SUBSCRIBE: &str =
    " Next step: create a subscription for it (the operator never does).";

fn has_no_subscription(subscriptions: &Read<Vec<Subscription>>) -> bool {
    subscriptions.got().is_some_and(|list| !list.iter().any(counts))
}

fn counts(subscription: &Subscription) -> bool {
    subscription.status.as_deref() != Some(CANCELLED)
}

/// Nothing is known of the terms, because no account of ours was seen.
pub(super) fn not_managed() -> Fact<Terms> {
    let message = "No account of ours was seen, so nobody can be waited for.";
    Fact::Seen(Terms { reason: TermsReason::NotManaged, message: message.to_owned() })
}

/// Whether the customer still has to accept the terms of service; customer.md, AwaitingToS.
pub(super) fn terms(input: Input<'_>) -> Fact<Terms> {
    let (reason, message) = match &input.observed.subscriptions {
        Read::Failed(error) => unread(error),
        Read::Got(list) if list.iter().any(is_pending) => {
            (TermsReason::PendingAcceptance, pending())
        }
        Read::Got(list) if list.iter().any(counts) => {
            (TermsReason::Accepted, "The customer has accepted the terms of service.".to_owned())
        }
        Read::Got(_) => terms_of_admin(input),
        Read::NotAsked => no_signal(),
    };
    Fact::Seen(Terms { reason, message })
}

fn is_pending(subscription: &Subscription) -> bool {
    counts(subscription)
        && subscription.suspension_reasons.iter().any(|reason| reason == PENDING_TOS)
}

fn terms_of_admin(input: Input<'_>) -> (TermsReason, String) {
    match &input.observed.admin {
        Read::Got(Some(user)) if user.agreed_to_terms == Some(true) => (
            TermsReason::Accepted,
            "The administrator has accepted the terms of service.".to_owned(),
        ),
        Read::Got(Some(_)) => (TermsReason::PendingAcceptance, pending()),
        Read::Failed(error) => unread(error),
        Read::Got(None) | Read::NotAsked => no_signal(),
    }
}

fn pending() -> String {
    "The customer has not accepted the terms of service. An administrator of the customer \
     (status.initialAdmin.primaryEmail, where this object made one) signs in at \
     status.resourceUiUrl and accepts; a reseller may not do it for them."
        .to_owned()
}

fn no_signal() -> (TermsReason, String) {
    let message = "Neither a subscription nor an administrator tells whether the terms of service are accepted.";
    (TermsReason::NoSignal, message.to_owned())
}

fn unread(error: &ApiError) -> (TermsReason, String) {
    if error.class() == ErrorClass::Permission {
        let message = "The credential may not read what would tell; grant the Directory scopes.";
        (TermsReason::AccessDenied, message.to_owned())
    } else {
        (TermsReason::NotRead, "What would tell could not be read; it is read again.".to_owned())
    }
}

/// Whether a person at the customer, or a fresh account, still has something to do.
pub(super) fn is_waiting_for_person(terms: &Fact<Terms>, status: &ResellerCustomerStatus) -> bool {
    let Fact::Seen(terms) = terms else { return false };
    match terms.reason {
        TermsReason::PendingAcceptance => true,
        TermsReason::NoSignal => status.origin == Some(Origin::Ordered),
        _ => false,
    }
}

/// Writes down what Google says of an account that is, or could be, ours.
pub(super) fn note(status: &mut ResellerCustomerStatus, account: &Customer) {
    status.customer_type = match account.customer_type.as_deref() {
        Some("domain") => Some(CustomerType::Domain),
        Some("team") => Some(CustomerType::Team),
        _ => status.customer_type,
    };
    status.customer_domain_verified =
        account.customer_domain_verified.or(status.customer_domain_verified);
    if account.resource_ui_url.is_some() {
        status.resource_ui_url.clone_from(&account.resource_ui_url);
    }
}

/// What every plan writes down: the answered refresh, what is known of the administrator.
pub(super) fn record(plan: &mut Plan, input: Input<'_>) {
    let status = &mut plan.status;
    if let Some(asked) = &input.surroundings.reconcile_requested_at {
        status.last_handled_reconcile_at = Some(asked.clone());
    }
    if let (Read::Got(directory), true) =
        (&input.observed.directory, input.desired.language().is_some())
    {
        status.language.clone_from(&directory.language);
    }
    if let (Some(admin), Read::Got(Some(user))) = (&mut status.initial_admin, &input.observed.admin)
    {
        let is_same = |email: &String| email.eq_ignore_ascii_case(&admin.primary_email);
        if admin.created && user.primary_email.as_ref().is_some_and(is_same) {
            admin.agreed_to_terms = user.agreed_to_terms.unwrap_or(admin.agreed_to_terms);
            admin.is_admin = user.is_admin.unwrap_or(admin.is_admin);
        }
    }
    if !matches!(plan.verdict.facts, Fact::Kept | Fact::KeptDenied)
        && input.observed.full().is_some()
    {
        status.transferable_subscriptions.clear();
    }
}
