//! What a [`Client`](super::Client) is made from, and why it may refuse.

use std::fmt;
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

pub use reqwest::Url;

use super::error::ApiMethod;
pub use super::retry::Patience;

/// Google's token endpoint; the audience of an assertion whose key names none (RFC 7523).
pub const TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
/// The metadata server's name inside Google Cloud. Plain http by design: it never leaves the node.
pub const METADATA_URL: &str = "http://metadata.google.internal/";
/// The Reseller API.
pub const RESELLER_URL: &str = "https://reseller.googleapis.com/";
/// The Directory API.
pub const DIRECTORY_URL: &str = "https://admin.googleapis.com/";
/// IAM Service Account Credentials, for keyless signing.
pub const IAM_URL: &str = "https://iamcredentials.googleapis.com/";

const METADATA_HOSTS: [&str; 2] = ["metadata.google.internal", "169.254.169.254"];

/// Everything that a client needs to know. No field holds key material.
#[derive(Clone)]
pub struct Settings {
    /// Base of the Reseller API.
    pub reseller_url: Url,
    /// Base of the Directory API.
    pub directory_url: Url,
    /// Where assertions are sent, if not to the key's `token_uri`.
    pub token_url: Option<Url>,
    /// Base of IAM Service Account Credentials, for keyless signing.
    pub iam_url: Url,
    /// Base of the metadata server, for keyless signing.
    pub metadata_url: Url,
    /// The reseller administrator to act as (domain-wide delegation).
    pub subject: String,
    /// Who signs the assertions.
    pub credential: CredentialSource,
    /// Ceiling of calls a second with this credential; more than 0.
    pub requests_per_second: f64,
    /// From the first byte of a request to the last of its answer.
    pub request_timeout: Duration,
    /// PEM file of CA certificates that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Take plain http for endpoints that are not loopback.
    pub allow_insecure_endpoints: bool,
    /// Which scopes to ask for.
    pub access: Access,
    /// How long a call goes on trying by itself.
    pub patience: Patience,
    /// Told of every call; for metrics.
    pub observer: Option<Arc<dyn CallObserver>>,
    /// Asked before every call to the two APIs.
    pub gate: Option<Arc<dyn Gate>>,
}

/// Whether calls may be made at all, asked at the very moment before each is sent.
pub trait Gate: Send + Sync {
    /// Why nothing may be sent now, if so.
    fn closed(&self) -> Option<&'static str>;
}

impl Settings {
    /// Settings for Google's own endpoints with the defaults of the command line.
    #[must_use]
    pub fn new(credential: CredentialSource, subject: impl Into<String>) -> Self {
        Self {
            reseller_url: constant(RESELLER_URL),
            directory_url: constant(DIRECTORY_URL),
            token_url: None,
            iam_url: constant(IAM_URL),
            metadata_url: constant(METADATA_URL),
            subject: subject.into(),
            credential,
            requests_per_second: 10.0,
            request_timeout: Duration::from_secs(30),
            ca_file: None,
            allow_insecure_endpoints: false,
            access: Access::ReadWrite,
            patience: Patience::Brief,
            observer: None,
            gate: None,
        }
    }

    pub(super) fn check(&self) -> Result<(), SetupError> {
        if !self.subject.contains('@') {
            return Err(SetupError::Subject);
        }
        if !(self.requests_per_second.is_finite() && self.requests_per_second > 0.0) {
            return Err(SetupError::Rate);
        }
        for (flag, url) in self.endpoints() {
            if is_plain_and_forbidden(url, self.allow_insecure_endpoints) {
                return Err(SetupError::Insecure { what: flag, url: url.to_string() });
            }
            if url.cannot_be_a_base() || !matches!(url.scheme(), "http" | "https") {
                return Err(SetupError::Url { what: flag, url: url.to_string() });
            }
        }
        Ok(())
    }

    /// The addresses that this credential really uses, each with its flag.
    pub(super) fn endpoints(&self) -> Vec<(&'static str, &Url)> {
        let mut all =
            vec![("--reseller-url", &self.reseller_url), ("--directory-url", &self.directory_url)];
        all.extend(self.token_url.as_ref().map(|url| ("--token-url", url)));
        if matches!(self.credential, CredentialSource::Keyless { .. }) {
            all.push(("--iam-url", &self.iam_url));
            all.push(("--metadata-url", &self.metadata_url));
        }
        all
    }
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("reseller_url", &self.reseller_url.as_str())
            .field("directory_url", &self.directory_url.as_str())
            .field("subject", &self.subject)
            .field("credential", &self.credential)
            .field("access", &self.access)
            .finish_non_exhaustive()
    }
}

/// A URL that is a constant of this crate.
pub(super) fn constant(url: &str) -> Url {
    Url::parse(url).expect("the constants are URLs; the tests parse each")
}

/// Whether what is sent there could be read on the way, and nobody allowed that.
pub(super) fn is_plain_and_forbidden(url: &Url, allow_insecure_endpoints: bool) -> bool {
    let host = url.host_str().unwrap_or_default();
    url.scheme() == "http"
        && !allow_insecure_endpoints
        && !is_loopback(host)
        && !METADATA_HOSTS.contains(&host)
}

fn is_loopback(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host == "localhost" || bare.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

/// Who signs the assertions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum CredentialSource {
    /// A service-account key (JSON), read again when it changes on disk.
    KeyFile(PathBuf),
    /// No key: IAM `signJwt` with the token of the metadata server (Workload Identity).
    Keyless {
        /// E-mail address of the account that signs.
        service_account: String,
    },
}

/// Which scopes to ask for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// `run`: the scopes that allow writing.
    ReadWrite,
    /// `plan` and `import`: the read-only scopes.
    ReadOnly,
}

/// Told of every call, so that metrics can be kept without the client knowing them.
pub trait CallObserver: Send + Sync {
    /// One request was sent, or failed on its way. `result` is `ok` or a label of the error's class.
    fn call(&self, _method: ApiMethod, _result: &'static str, _took: Duration) {}
    /// A token was asked for.
    fn token_refresh(&self, _ok: bool) {}
    /// The pace changed.
    fn pace(&self, _requests_per_second: f64) {}
    /// A call had to wait for its place in the quota.
    fn throttled(&self, _waited: Duration) {}
}

/// The observer of whoever does not want one.
#[derive(Debug)]
pub(super) struct Unobserved;

impl CallObserver for Unobserved {}

/// Why no client could be made: one line that names the flag or file and the way out. Never holds
/// key material.
#[derive(Debug, thiserror::Error)]
pub enum SetupError {
    /// No subject, or one that is not an e-mail address.
    #[error(
        "--subject must be the e-mail address of a reseller administrator to act as \
         (domain-wide delegation)"
    )]
    Subject,
    /// Neither a key nor an account that signs.
    #[error(
        "no Google credential: give a service-account key with --credentials-file PATH (or \
         GOOGLE_APPLICATION_CREDENTIALS), or --service-account EMAIL for keyless signing"
    )]
    NoCredential,
    /// A rate that is not a positive number.
    #[error("--requests-per-second must be a number greater than 0")]
    Rate,
    /// An address that is no http or https URL.
    #[error("{what}: {url:?} is not an http or https URL")]
    Url {
        /// Flag or file.
        what: &'static str,
        /// What was given.
        url: String,
    },
    /// Tokens would cross the network readably.
    #[error(
        "{what}: {url} would send tokens unencrypted: use https, a loopback address, or \
         --allow-insecure-endpoints"
    )]
    Insecure {
        /// Flag or file.
        what: &'static str,
        /// What was given.
        url: String,
    },
    /// The service-account key cannot be used.
    #[error("--credentials-file: {0}")]
    Key(super::auth::KeyError),
    /// The CA file cannot be read.
    #[error("--ca-file: cannot read {}", path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The CA file holds no certificates.
    #[error("--ca-file: {} holds no PEM certificates", path.display())]
    NoCertificates {
        /// The file.
        path: PathBuf,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be set up (are there CA certificates in the image? --ca-file adds some)")]
    Tls(#[source] reqwest::Error),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn googles_own_addresses_are_taken() {
        let service_account = "a@p.example".to_owned();
        let settings = Settings::new(CredentialSource::Keyless { service_account }, "a@b.example");
        assert!(settings.check().is_ok());
        assert_eq!(constant(TOKEN_URL).scheme(), "https");
    }

    #[test]
    fn plain_http_is_for_loopback_unless_allowed() {
        for (url, is_forbidden) in [
            ("http://127.0.0.1:8787/", false),
            ("http://[::1]:8787/", false),
            ("http://localhost/", false),
            ("https://api.example/", false),
            ("http://api.example/", true),
            ("http://127.0.0.1.example/", true),
            ("http://localhost.example/", true),
            ("http://10.0.0.1/", true),
        ] {
            let url = Url::parse(url).unwrap();
            assert_eq!(is_plain_and_forbidden(&url, false), is_forbidden, "{url}");
            assert!(!is_plain_and_forbidden(&url, true));
        }
    }
}
