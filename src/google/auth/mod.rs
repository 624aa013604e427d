//! Access tokens for a reseller administrator: a service-account key, or IAM, signs an assertion
//! (domain-wide delegation), which the token endpoint takes for a token. One token a group of
//! scopes, asked for when first needed.

mod cache;
mod exchange;
mod hold;
mod key;
mod keyless;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use secrecy::SecretString;

use cache::TokenCache;
use exchange::{Claims, Fresh, TokenError, exchange};
pub(super) use hold::Hold;
pub use key::KeyError;
use key::KeyFile;
use keyless::Keyless;
use reqwest::Url;

use super::error::{ApiMethod, Failure};
use super::http::Http;
use super::settings::{
    Access, CallObserver, CredentialSource, Settings, SetupError, TOKEN_URL, constant,
};

/// Scopes that are asked for together. Each group has its own token, so that what was not granted
/// for one does not stop the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Group {
    /// Customers and subscriptions.
    Reseller,
    /// Language, administrator, creation times.
    Directory,
}

impl Group {
    pub(super) const ALL: [Self; 2] = [Self::Reseller, Self::Directory];

    pub(super) fn of(method: ApiMethod) -> Self {
        if method.is_directory() { Self::Directory } else { Self::Reseller }
    }

    fn scopes(self, access: Access) -> &'static [&'static str] {
        match (self, access) {
            (Self::Reseller, Access::ReadWrite) => &["https://www.googleapis.com/auth/apps.order"],
            (Self::Reseller, Access::ReadOnly) => {
                &["https://www.googleapis.com/auth/apps.order.readonly"]
            }
            (Self::Directory, Access::ReadWrite) => &[
                "https://www.googleapis.com/auth/admin.directory.customer",
                "https://www.googleapis.com/auth/admin.directory.user",
            ],
            (Self::Directory, Access::ReadOnly) => &[
                "https://www.googleapis.com/auth/admin.directory.customer.readonly",
                "https://www.googleapis.com/auth/admin.directory.user.readonly",
            ],
        }
    }
}

/// Who signs.
enum Signer {
    KeyFile(KeyFile),
    Keyless(Keyless),
}

/// The credential and its tokens.
pub(super) struct Credential {
    signer: Signer,
    subject: String,
    token_url: Option<Url>,
    access: Access,
    http: Http,
    observer: Arc<dyn CallObserver>,
    reseller: TokenCache,
    directory: TokenCache,
    key_changes: AtomicU64,
}

impl Credential {
    /// # Errors
    ///
    /// The key file cannot be used.
    pub(super) async fn new(
        settings: &Settings,
        http: Http,
        observer: Arc<dyn CallObserver>,
    ) -> Result<Self, SetupError> {
        let signer = match &settings.credential {
            CredentialSource::KeyFile(path) => {
                let key = KeyFile::new(path.clone(), settings.allow_insecure_endpoints);
                key.read().await.0.map_err(SetupError::Key)?;
                Signer::KeyFile(key)
            }
            CredentialSource::Keyless { service_account } => Signer::Keyless(Keyless {
                service_account: service_account.clone(),
                iam_url: settings.iam_url.clone(),
                metadata_url: settings.metadata_url.clone(),
            }),
        };
        Ok(Self {
            signer,
            subject: settings.subject.clone(),
            token_url: settings.token_url.clone(),
            access: settings.access,
            http,
            observer,
            reseller: TokenCache::default(),
            directory: TokenCache::default(),
            key_changes: AtomicU64::new(0),
        })
    }

    fn cache(&self, group: Group) -> &TokenCache {
        match group {
            Group::Reseller => &self.reseller,
            Group::Directory => &self.directory,
        }
    }

    /// A token that is good for `min_left`, as far as the endpoint gives such.
    pub(super) async fn token(
        &self,
        group: Group,
        min_left: Duration,
    ) -> Result<Arc<SecretString>, Failure> {
        let error = match self.group_token(group, min_left).await {
            Ok(token) => return Ok(token),
            Err(error) => error,
        };
        let scopes = group.scopes(self.access).join(", ");
        if group == Group::Directory && is_about_scopes(&error) {
            // The same words mean a useless credential, unless it is good for something.
            return Err(match self.group_token(Group::Reseller, Duration::ZERO).await {
                Ok(_) => Failure::ScopeNotGranted(scopes),
                Err(other) => self.failure(&other, Group::Reseller),
            });
        }
        Err(self.failure(&error, group))
    }

    async fn group_token(
        &self,
        group: Group,
        min_left: Duration,
    ) -> Result<Arc<SecretString>, TokenError> {
        let token = self.cache(group).get(min_left, || self.fetch(group)).await?;
        Ok(token.secret)
    }

    fn failure(&self, error: &TokenError, group: Group) -> Failure {
        match error {
            TokenError::Unavailable(why) => Failure::TokenUnavailable(why.clone()),
            TokenError::Unsigned(why) => Failure::Credentials(why.clone()),
            TokenError::Refused(..) => Failure::Credentials(format!(
                "the token endpoint says {error} (acting as --subject; scopes {})",
                group.scopes(self.access).join(", ")
            )),
        }
    }

    async fn fetch(&self, group: Group) -> Result<Fresh, TokenError> {
        let result = self.signed_exchange(group).await;
        self.observer.token_refresh(result.is_ok());
        match &result {
            Ok(fresh) => tracing::debug!(?group, life = ?fresh.expires_in, "new access token"),
            Err(error) => tracing::warn!(?group, %error, "no new access token"),
        }
        result
    }

    async fn signed_exchange(&self, group: Group) -> Result<Fresh, TokenError> {
        let claims = |issuer: &str, audience: &str| {
            let scopes = group.scopes(self.access);
            Claims { issuer, subject: &self.subject, scopes, audience }.at(seconds_since_epoch())
        };
        let (assertion, url) = match &self.signer {
            Signer::KeyFile(file) => {
                let (key, changed) = file.read().await;
                self.note(changed);
                let key = key.map_err(|error| TokenError::Unsigned(error.to_string()))?;
                let claims = claims(&key.email, &key.audience);
                let assertion = key.sign(&claims).map_err(TokenError::Unsigned)?;
                (assertion, key.token_url.clone())
            }
            Signer::Keyless(keyless) => {
                let claims = claims(&keyless.service_account, TOKEN_URL);
                let assertion = keyless.sign(&self.http, claims).await?;
                (assertion, constant(TOKEN_URL))
            }
        };
        exchange(&self.http, self.token_url.as_ref().unwrap_or(&url), &assertion).await
    }

    /// Google answered 401 to this token.
    pub(super) fn drop_token(&self, group: Group, refused: &Arc<SecretString>) {
        self.cache(group).drop_token(refused);
    }

    /// Whatever was said about the credential is asked again; what is good serves until then.
    pub(super) fn renew(&self) {
        for group in Group::ALL {
            self.cache(group).renew();
        }
    }

    fn note(&self, changed: bool) {
        if changed {
            self.key_changes.fetch_add(1, Ordering::Relaxed);
            self.renew();
        }
    }

    /// Looks at the key file; how often it was seen to change.
    pub(super) async fn key_changes(&self) -> u64 {
        if let Signer::KeyFile(file) = &self.signer {
            let (_, changed) = file.read().await;
            self.note(changed);
        }
        self.key_changes.load(Ordering::Relaxed)
    }
}

/// What Google's endpoint says when domain-wide delegation lacks a scope.
fn is_about_scopes(error: &TokenError) -> bool {
    matches!(error, TokenError::Refused(code, _)
        if matches!(code.as_str(), "unauthorized_client" | "access_denied" | "invalid_scope"))
}

#[expect(
    clippy::disallowed_methods,
    reason = "an assertion says when it was made, by the wall clock"
)]
fn seconds_since_epoch() -> i64 {
    jiff::Timestamp::now().as_second()
}
