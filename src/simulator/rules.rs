//! Google's refusals: status, reason and text of each documented rule (reseller-api.md §5).

use serde_json::{Value, json};

use super::options::{ErrorLayout, Options, QuotaAnswer};

/// Why a call is refused, before it is put into one of Google's layouts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refusal {
    /// HTTP status.
    pub status: u16,
    /// `errors[0].reason`.
    pub reason: String,
    /// Google's text.
    pub message: String,
    /// `Retry-After`, in seconds.
    pub retry_after: Option<u32>,
}

impl Refusal {
    /// A refusal without a Retry-After.
    pub fn new(status: u16, reason: impl Into<String>, message: impl Into<String>) -> Self {
        Self { status, reason: reason.into(), message: message.into(), retry_after: None }
    }

    /// Google's JSON for this refusal.
    #[must_use]
    pub fn body(&self, layout: ErrorLayout) -> Value {
        let Self { status, reason, message, retry_after: _ } = self;
        match layout {
            ErrorLayout::Errors => json!({"error": {
                "code": status,
                "message": message,
                "errors": [{"message": message, "domain": domain(reason), "reason": reason}],
            }}),
            ErrorLayout::Status => json!({"error": {
                "code": status,
                "message": message,
                "status": rpc_status(*status),
            }}),
        }
    }
}

/// §5: "usageLimits.x in Google's tables means domain usageLimits, reason x".
fn domain(reason: &str) -> &'static str {
    const USAGE: [&str; 6] = [
        "quotaExceeded",
        "dailyLimitExceeded",
        "rateLimitExceeded",
        "userRateLimitExceeded",
        "accessNotConfigured",
        "limitExceeded",
    ];
    if USAGE.contains(&reason) { "usageLimits" } else { "global" }
}

fn rpc_status(status: u16) -> &'static str {
    match status {
        400 => "INVALID_ARGUMENT",
        401 => "UNAUTHENTICATED",
        403 => "PERMISSION_DENIED",
        404 => "NOT_FOUND",
        409 => "ALREADY_EXISTS",
        412 => "FAILED_PRECONDITION",
        429 => "RESOURCE_EXHAUSTED",
        503 => "UNAVAILABLE",
        504 => "DEADLINE_EXCEEDED",
        _ => "INTERNAL",
    }
}

/// §3: 400 `invalid`, for values that Google does not take.
pub(super) fn invalid(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "invalid", message)
}

/// §3: how a blank required member is reported.
pub(super) fn blank() -> Refusal {
    invalid("Required field must not be blank")
}

/// §5: subscriptions and Directory calls with the wrong kind of key or value.
pub(super) fn bad_request(message: impl Into<String>) -> Refusal {
    Refusal::new(400, "badRequest", message)
}

/// §2: standard behaviour of the front end for members that the schema does not have.
pub(super) fn unknown_member(name: &str, at: &str) -> Refusal {
    let place = if at.is_empty() { String::new() } else { format!(" at '{at}'") };
    bad_request(format!(
        "Invalid JSON payload received. Unknown name \"{name}\"{place}: Cannot find field."
    ))
}

/// The front end's text for a member of the wrong type; the value is not repeated.
pub(super) fn wrong_type(at: &str, expected: &str) -> Refusal {
    bad_request(format!("Invalid value at '{at}' ({expected})"))
}

/// §5: not your customer, customer disabled reseller access, or a bad transfer token.
pub(super) fn forbidden() -> Refusal {
    Refusal::new(403, "forbidden", "Forbidden")
}

/// §5: the Directory API's text for another organisation's account.
pub(super) fn not_authorized() -> Refusal {
    Refusal::new(403, "forbidden", "Not Authorized to access this resource/api")
}

/// §2.1, case 4.
pub(super) fn customer_not_found() -> Refusal {
    Refusal::new(404, "notFound", "Domain not found.")
}

/// §6.
pub(super) fn not_found(key: &str) -> Refusal {
    Refusal::new(404, "notFound", format!("Resource Not Found: {key}"))
}

/// §2.1, case 3; §12.1.
pub(super) fn multiple_teams(options: &Options) -> Refusal {
    let reason = match options.teams_status {
        409 => options.conflict_reason.as_str(),
        400 => "invalid",
        _ => "conditionNotMet",
    };
    Refusal::new(options.teams_status, reason, "Multiple teams exist on this domain")
}

/// §3: 409 of customers.insert; §12.4.
pub(super) fn customer_exists(options: &Options) -> Refusal {
    Refusal::new(409, options.conflict_reason.clone(), "Resource already exists")
}

/// §5: 409 of users.insert.
pub(super) fn user_exists() -> Refusal {
    Refusal::new(409, "duplicate", "Entity already exists.")
}

/// §6: a fresh account whose users are still being made.
pub(super) fn not_complete() -> Refusal {
    Refusal::new(412, "conditionNotMet", "User creation is not complete.")
}

/// §3.1: a team may buy Essentials only.
pub(super) fn not_eligible() -> Refusal {
    Refusal::new(412, "conditionNotMet", "Customer is not eligible to purchase this subscription")
}

/// §1.3: "a call without a token counts as unauthorized".
pub(super) fn unauthorized() -> Refusal {
    Refusal::new(401, "authError", "Invalid Credentials")
}

/// A token without the scope that the method needs.
pub(super) fn insufficient_scope() -> Refusal {
    Refusal::new(403, "insufficientPermissions", "Request had insufficient authentication scopes.")
}

/// §5, §1.4: what a call over quota answers.
pub(super) fn over_quota(options: &Options) -> Refusal {
    let (status, reason, message) = match options.quota_answer {
        QuotaAnswer::TooManyRequests => (429, "quotaExceeded", "Quota exceeded."),
        QuotaAnswer::Forbidden => (403, "userRateLimitExceeded", "User Rate Limit Exceeded"),
        QuotaAnswer::Unavailable => (503, "backendError", "Service unavailable. Please try again"),
    };
    Refusal { retry_after: options.retry_after_seconds, ..Refusal::new(status, reason, message) }
}

/// §6: a PUT with a partial body, as the GAM authors saw it.
pub(super) fn backend_error() -> Refusal {
    Refusal::new(503, "backendError", "Service unavailable. Please try again")
}
