//! What can go wrong with a call, classed once.

use std::fmt;
use std::time::Duration;

/// A method of Google's APIs, by Google's own id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum ApiMethod {
    CustomersGet,
    CustomersInsert,
    CustomersPatch,
    CustomersUpdate,
    SubscriptionsList,
    DirectoryCustomersGet,
    DirectoryCustomersPatch,
    UsersGet,
    UsersInsert,
    UsersMakeAdmin,
}

impl ApiMethod {
    /// All methods.
    pub const ALL: [Self; 10] = [
        Self::CustomersGet,
        Self::CustomersInsert,
        Self::CustomersPatch,
        Self::CustomersUpdate,
        Self::SubscriptionsList,
        Self::DirectoryCustomersGet,
        Self::DirectoryCustomersPatch,
        Self::UsersGet,
        Self::UsersInsert,
        Self::UsersMakeAdmin,
    ];

    /// Google's method id; metric label and message text.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::CustomersGet => "reseller.customers.get",
            Self::CustomersInsert => "reseller.customers.insert",
            Self::CustomersPatch => "reseller.customers.patch",
            Self::CustomersUpdate => "reseller.customers.update",
            Self::SubscriptionsList => "reseller.subscriptions.list",
            Self::DirectoryCustomersGet => "directory.customers.get",
            Self::DirectoryCustomersPatch => "directory.customers.patch",
            Self::UsersGet => "directory.users.get",
            Self::UsersInsert => "directory.users.insert",
            Self::UsersMakeAdmin => "directory.users.makeAdmin",
        }
    }

    /// Whether sending it twice has the effect of sending it once. The two inserts have no request
    /// id (discovery documents), so they have not.
    #[must_use]
    pub fn is_idempotent(self) -> bool {
        !matches!(self, Self::CustomersInsert | Self::UsersInsert)
    }

    /// Whether the method belongs to the Directory API, which has its own scopes and token.
    #[must_use]
    pub fn is_directory(self) -> bool {
        matches!(
            self,
            Self::DirectoryCustomersGet
                | Self::DirectoryCustomersPatch
                | Self::UsersGet
                | Self::UsersInsert
                | Self::UsersMakeAdmin
        )
    }
}

/// Why a call did not succeed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Failure {
    /// Google's own JSON error, in either of its two layouts.
    Answered {
        /// HTTP status.
        status: u16,
        /// `errors[0].reason`, else `status` of google.rpc.Status; empty if neither is there.
        reason: String,
        /// Google's text. May repeat what was sent.
        message: String,
    },
    /// An answer that is not Google's JSON: a proxy's page, HTML.
    NotGoogle {
        /// HTTP status.
        status: u16,
    },
    /// No connection came to be: nothing was sent.
    NotSent(String),
    /// Something may have been sent, and no whole answer came back.
    NoAnswer(String),
    /// The credential is no good: unreadable key, or the token endpoint refuses it.
    Credentials(String),
    /// The credential was not given these scopes (domain-wide delegation).
    ScopeNotGranted(String),
    /// No token could be had now: the token endpoint does not answer or is broken.
    TokenUnavailable(String),
}

/// What a failure asks for; customer.md, Errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ErrorClass {
    /// "Multiple teams exist on this domain", whatever the status.
    MultipleTeams,
    /// Google's own 404.
    NotFound,
    /// 409.
    Conflict,
    /// 400 or 412: what was sent is refused.
    Rejected,
    /// Any other 4xx with Google's own JSON.
    OtherClient,
    /// 403 without a quota reason, `domainCannotUseApis`, or scopes that were not granted.
    Permission,
    /// 401, or the token endpoint refuses the credential, or accessNotConfigured.
    Credentials,
    /// Quota reasons of 403, and 429.
    Quota,
    /// 408, 5xx, timeouts, broken or foreign bodies, a token endpoint that is away.
    Unavailable,
}

impl ErrorClass {
    /// All classes.
    pub const ALL: [Self; 9] = [
        Self::MultipleTeams,
        Self::NotFound,
        Self::Conflict,
        Self::Rejected,
        Self::OtherClient,
        Self::Permission,
        Self::Credentials,
        Self::Quota,
        Self::Unavailable,
    ];

    /// Label in metrics and logs.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::MultipleTeams => "multiple_teams",
            Self::NotFound => "not_found",
            Self::Conflict => "conflict",
            Self::Rejected => "rejected",
            Self::OtherClient => "other_client",
            Self::Permission => "permission",
            Self::Credentials => "credentials",
            Self::Quota => "quota",
            Self::Unavailable => "unavailable",
        }
    }
}

/// A call of Google's APIs that failed.
///
/// `Display` holds Google's text, which may repeat values that were sent: before it goes into a
/// status, an Event or a log, values of the spec are replaced by the names of their fields.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiError {
    /// Which method.
    pub method: ApiMethod,
    /// Why.
    pub failure: Failure,
    /// How long Google asked to wait.
    pub retry_after: Option<Duration>,
}

const TEAMS_TEXT: &str = "multiple teams exist on this domain";
const QUOTA_REASONS: [&str; 6] = [
    "dailyLimitExceeded",
    "quotaExceeded",
    "rateLimitExceeded",
    "userRateLimitExceeded",
    "RESOURCE_EXHAUSTED",
    "RATE_LIMIT_EXCEEDED",
];
const NOT_CONFIGURED: [&str; 2] = ["accessNotConfigured", "SERVICE_DISABLED"];

impl ApiError {
    /// An error without a Retry-After.
    #[must_use]
    pub fn new(method: ApiMethod, failure: Failure) -> Self {
        Self { method, failure, retry_after: None }
    }

    /// What this failure asks for. The message is looked at first, then the status.
    #[must_use]
    pub fn class(&self) -> ErrorClass {
        match &self.failure {
            Failure::Answered { status, reason, message } => {
                answered_class(*status, reason, message)
            }
            Failure::NotGoogle { status: 429 } => ErrorClass::Quota,
            Failure::NotGoogle { status: 401 } | Failure::Credentials(_) => ErrorClass::Credentials,
            Failure::ScopeNotGranted(_) => ErrorClass::Permission,
            Failure::NotGoogle { .. }
            | Failure::NotSent(_)
            | Failure::NoAnswer(_)
            | Failure::TokenUnavailable(_) => ErrorClass::Unavailable,
        }
    }

    /// Whether the call may have taken effect, so that only reading can tell. False only for an
    /// answer that proves that nothing was made; customer.md, Ordering is never repeated.
    #[must_use]
    pub fn may_have_been_applied(&self) -> bool {
        match &self.failure {
            Failure::Answered { status, .. } => {
                !matches!(status, 400 | 401 | 403 | 404 | 409 | 412 | 429)
            }
            Failure::NotGoogle { .. } | Failure::NoAnswer(_) => true,
            Failure::NotSent(_)
            | Failure::Credentials(_)
            | Failure::ScopeNotGranted(_)
            | Failure::TokenUnavailable(_) => false,
        }
    }

    /// HTTP status, where there was an answer.
    #[must_use]
    pub fn status(&self) -> Option<u16> {
        match self.failure {
            Failure::Answered { status, .. } | Failure::NotGoogle { status } => Some(status),
            _ => None,
        }
    }

    /// Google's machine-readable reason, where there is one.
    #[must_use]
    pub fn reason(&self) -> Option<&str> {
        match &self.failure {
            Failure::Answered { reason, .. } if !reason.is_empty() => Some(reason),
            _ => None,
        }
    }
}

fn answered_class(status: u16, reason: &str, message: &str) -> ErrorClass {
    if status >= 400 && message.to_ascii_lowercase().contains(TEAMS_TEXT) {
        return ErrorClass::MultipleTeams;
    }
    match status {
        401 => ErrorClass::Credentials,
        403 if QUOTA_REASONS.contains(&reason) => ErrorClass::Quota,
        403 if NOT_CONFIGURED.contains(&reason) => ErrorClass::Credentials,
        403 => ErrorClass::Permission,
        404 => ErrorClass::NotFound,
        408 => ErrorClass::Unavailable,
        409 => ErrorClass::Conflict,
        429 => ErrorClass::Quota,
        400 | 412 => ErrorClass::Rejected,
        400..500 => ErrorClass::OtherClient,
        _ => ErrorClass::Unavailable,
    }
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.method.id())?;
        match &self.failure {
            Failure::Answered { status, reason, message } if reason.is_empty() => {
                write!(f, "{status}: {message}")
            }
            Failure::Answered { status, reason, message } => {
                write!(f, "{status} {reason}: {message}")
            }
            Failure::NotGoogle { status } => {
                write!(f, "{status} with a body that is not Google's (a proxy or gateway answered)")
            }
            Failure::NotSent(why) => write!(f, "no connection: {why}"),
            Failure::NoAnswer(why) => write!(f, "no complete answer: {why}"),
            Failure::Credentials(why) => write!(f, "credentials refused: {why}"),
            Failure::ScopeNotGranted(scope) => {
                write!(f, "the credential was not given the scope {scope} (domain-wide delegation)")
            }
            Failure::TokenUnavailable(why) => write!(f, "no access token: {why}"),
        }
    }
}

impl std::error::Error for ApiError {}
