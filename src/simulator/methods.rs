//! The methods that the simulator serves, and where: reseller-api.md §1.

/// A method of Google's APIs, or a call for a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Method {
    CustomersGet,
    CustomersInsert,
    CustomersPatch,
    CustomersUpdate,
    SubscriptionsList,
    SubscriptionsInsert,
    DirectoryCustomersGet,
    DirectoryCustomersPatch,
    DirectoryCustomersUpdate,
    UsersGet,
    UsersInsert,
    UsersPatch,
    UsersUpdate,
    UsersMakeAdmin,
    Token,
    SignJwt,
    MetadataToken,
}

/// Scopes with which a method may be called; the first is the one that writes.
pub(super) type Scopes = &'static [&'static str];

pub(super) const ORDER: &str = "https://www.googleapis.com/auth/apps.order";
const ORDER_READONLY: &str = "https://www.googleapis.com/auth/apps.order.readonly";
pub(super) const CUSTOMER: &str = "https://www.googleapis.com/auth/admin.directory.customer";
const CUSTOMER_READONLY: &str = "https://www.googleapis.com/auth/admin.directory.customer.readonly";
pub(super) const USER: &str = "https://www.googleapis.com/auth/admin.directory.user";
const USER_READONLY: &str = "https://www.googleapis.com/auth/admin.directory.user.readonly";

/// All scopes that tokens are made for.
pub(super) const KNOWN_SCOPES: Scopes =
    &[ORDER, ORDER_READONLY, CUSTOMER, CUSTOMER_READONLY, USER, USER_READONLY];

impl Method {
    /// Google's id of the method, as faults and the call log name it.
    #[must_use]
    pub fn id(self) -> &'static str {
        match self {
            Self::CustomersGet => "reseller.customers.get",
            Self::CustomersInsert => "reseller.customers.insert",
            Self::CustomersPatch => "reseller.customers.patch",
            Self::CustomersUpdate => "reseller.customers.update",
            Self::SubscriptionsList => "reseller.subscriptions.list",
            Self::SubscriptionsInsert => "reseller.subscriptions.insert",
            Self::DirectoryCustomersGet => "directory.customers.get",
            Self::DirectoryCustomersPatch => "directory.customers.patch",
            Self::DirectoryCustomersUpdate => "directory.customers.update",
            Self::UsersGet => "directory.users.get",
            Self::UsersInsert => "directory.users.insert",
            Self::UsersPatch => "directory.users.patch",
            Self::UsersUpdate => "directory.users.update",
            Self::UsersMakeAdmin => "directory.users.makeAdmin",
            Self::Token => "oauth2.token",
            Self::SignJwt => "iam.signJwt",
            Self::MetadataToken => "metadata.token",
        }
    }

    /// Whether a success of the method changes something at Google.
    #[must_use]
    pub fn writes(self) -> bool {
        !matches!(
            self,
            Self::CustomersGet
                | Self::SubscriptionsList
                | Self::DirectoryCustomersGet
                | Self::UsersGet
                | Self::Token
                | Self::SignJwt
                | Self::MetadataToken
        )
    }

    /// Which scopes let a token call the method; none for the calls for tokens themselves.
    pub(super) fn scopes(self) -> Scopes {
        match self {
            Self::CustomersGet | Self::SubscriptionsList => &[ORDER, ORDER_READONLY],
            Self::CustomersInsert
            | Self::CustomersPatch
            | Self::CustomersUpdate
            | Self::SubscriptionsInsert => &[ORDER],
            Self::DirectoryCustomersGet => &[CUSTOMER, CUSTOMER_READONLY],
            Self::DirectoryCustomersPatch | Self::DirectoryCustomersUpdate => &[CUSTOMER],
            Self::UsersGet => &[USER, USER_READONLY],
            Self::UsersInsert | Self::UsersPatch | Self::UsersUpdate | Self::UsersMakeAdmin => {
                &[USER]
            }
            Self::Token | Self::SignJwt | Self::MetadataToken => &[],
        }
    }

    /// Finds the method of a request, and the key in its path. One server stands for all of
    /// Google's hosts, so the language PATCH is found under either host (§1.4).
    #[must_use]
    pub fn find(verb: &http::Method, path: &[&str]) -> Option<(Self, String)> {
        let (method, key) = match (verb.as_str(), path) {
            ("POST", ["token"]) => (Self::Token, ""),
            ("GET", ["computeMetadata", "v1", "instance", "service-accounts", email, "token"]) => {
                (Self::MetadataToken, *email)
            }
            ("POST", ["v1", "projects", "-", "serviceAccounts", account]) => {
                (Self::SignJwt, account.strip_suffix(":signJwt")?)
            }
            (verb, ["apps", "reseller", "v1", rest @ ..]) => Self::reseller(verb, rest)?,
            (verb, ["admin", "directory", "v1", rest @ ..]) => Self::directory(verb, rest)?,
            _ => return None,
        };
        Some((method, key.to_owned()))
    }

    fn reseller<'a>(verb: &str, path: &[&'a str]) -> Option<(Self, &'a str)> {
        Some(match (verb, path) {
            ("GET", ["customers", key]) => (Self::CustomersGet, *key),
            ("POST", ["customers"]) => (Self::CustomersInsert, ""),
            ("PATCH", ["customers", key]) => (Self::CustomersPatch, *key),
            ("PUT", ["customers", key]) => (Self::CustomersUpdate, *key),
            ("GET", ["subscriptions"]) => (Self::SubscriptionsList, ""),
            ("POST", ["customers", key, "subscriptions"]) => (Self::SubscriptionsInsert, *key),
            _ => return None,
        })
    }

    fn directory<'a>(verb: &str, path: &[&'a str]) -> Option<(Self, &'a str)> {
        Some(match (verb, path) {
            ("GET", ["customers", key]) => (Self::DirectoryCustomersGet, *key),
            ("PATCH", ["customers", key]) => (Self::DirectoryCustomersPatch, *key),
            ("PUT", ["customers", key]) => (Self::DirectoryCustomersUpdate, *key),
            ("GET", ["users", key]) => (Self::UsersGet, *key),
            ("POST", ["users"]) => (Self::UsersInsert, ""),
            ("PATCH", ["users", key]) => (Self::UsersPatch, *key),
            ("PUT", ["users", key]) => (Self::UsersUpdate, *key),
            ("POST", ["users", key, "makeAdmin"]) => (Self::UsersMakeAdmin, *key),
            _ => return None,
        })
    }
}
