//! A service-account key on disk, which may change while we run.

use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use reqwest::Url;
use rustls::SignatureScheme;
use rustls::pki_types::PrivateKeyDer;
use rustls::pki_types::pem::PemObject;
use rustls::sign::SigningKey;
use secrecy::{ExposeSecret, SecretSlice, SecretString};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use crate::google::settings::{TOKEN_URL, is_plain_and_forbidden};

/// Why a key file cannot be used. Never holds any of its content.
#[derive(Debug, Clone, thiserror::Error)]
pub enum KeyError {
    /// The file cannot be read.
    #[error("cannot read {}: {why}", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
        /// The system's word.
        why: String,
    },
    /// It is something else.
    #[error(
        "{} is not a service-account key: {why} (in the Google Cloud console: IAM, Service \
         Accounts, Keys, Add key, JSON)",
        path.display()
    )]
    NotAKey {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: &'static str,
    },
    /// Its token endpoint would get assertions unencrypted.
    #[error(
        "{}: its token_uri {uri:?} is not https; plain http is taken only for loopback addresses, \
         or with --allow-insecure-endpoints",
        path.display()
    )]
    TokenUri {
        /// The file.
        path: PathBuf,
        /// What it names.
        uri: String,
    },
}

/// The members of the key file that matter.
#[derive(Deserialize)]
struct Stored {
    #[serde(rename = "type", default)]
    kind: String,
    client_email: String,
    private_key_id: Option<String>,
    private_key: SecretString,
    token_uri: Option<String>,
}

/// A key, ready to sign.
pub(super) struct Key {
    pub(super) email: String,
    /// As the key file writes it: the audience of an assertion is compared as text.
    pub(super) audience: String,
    pub(super) token_url: Url,
    id: Option<String>,
    signer: Arc<dyn SigningKey>,
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Key").field("email", &self.email).finish_non_exhaustive()
    }
}

impl Key {
    fn parse(content: &[u8]) -> Result<Self, &'static str> {
        let stored: Stored = serde_json::from_slice(content)
            .map_err(|_| "it is not JSON with client_email and private_key")?;
        if stored.kind != "service_account" {
            return Err("its type is not service_account");
        }
        let der = PrivateKeyDer::from_pem_slice(stored.private_key.expose_secret().as_bytes())
            .map_err(|_| "its private_key is not PEM")?;
        let signer = rustls::crypto::aws_lc_rs::default_provider()
            .key_provider
            .load_private_key(der)
            .map_err(|_| "its private_key cannot be loaded")?;
        if signer.choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256]).is_none() {
            return Err("its private_key is not RSA");
        }
        let audience = stored.token_uri.unwrap_or_else(|| TOKEN_URL.to_owned());
        let token_url = Url::parse(&audience).map_err(|_| "its token_uri is not a URL")?;
        let (email, id) = (stored.client_email, stored.private_key_id);
        Ok(Self { email, audience, token_url, id, signer })
    }

    /// The claims as a signed JWT (RS256).
    pub(super) fn sign(&self, claims: &str) -> Result<SecretString, String> {
        let mut header = json!({ "alg": "RS256", "typ": "JWT" });
        if let Some(id) = &self.id {
            header["kid"] = json!(id);
        }
        let input = format!(
            "{}.{}",
            URL_SAFE_NO_PAD.encode(header.to_string()),
            URL_SAFE_NO_PAD.encode(claims)
        );
        let signature = self
            .signer
            .choose_scheme(&[SignatureScheme::RSA_PKCS1_SHA256])
            .ok_or("the private key is not RSA")?
            .sign(input.as_bytes())
            .map_err(|error| format!("the private key cannot sign: {error}"))?;
        Ok(format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature)).into())
    }
}

/// The key file and what was last read from it.
pub(super) struct KeyFile {
    path: PathBuf,
    /// Of a token endpoint that is not loopback.
    allow_insecure: bool,
    last: Mutex<Option<Read>>,
}

#[derive(Clone)]
struct Read {
    /// Of the content; none if the file could not be read.
    digest: Option<[u8; 32]>,
    key: Result<Arc<Key>, KeyError>,
}

impl KeyFile {
    pub(super) fn new(path: PathBuf, allow_insecure: bool) -> Self {
        Self { path, allow_insecure, last: Mutex::new(None) }
    }

    /// Reads the file; says also whether it differs from the last time it was read. The content is
    /// compared, as mounted Secrets change by a swapped link that keeps length and times.
    pub(super) async fn read(&self) -> (Result<Arc<Key>, KeyError>, bool) {
        let content = tokio::fs::read(&self.path).await.map(SecretSlice::from);
        let digest = content.as_ref().ok().map(|c| Sha256::digest(c.expose_secret()).into());
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        match &*last {
            Some(read) if read.digest == digest => (read.key.clone(), false),
            before => {
                let changed = before.is_some();
                let key = match content {
                    Ok(content) => self.parse(content.expose_secret()),
                    Err(error) => Err(KeyError::Unreadable {
                        path: self.path.clone(),
                        why: error.to_string(),
                    }),
                };
                *last = Some(Read { digest, key: key.clone() });
                (key, changed)
            }
        }
    }

    fn parse(&self, content: &[u8]) -> Result<Arc<Key>, KeyError> {
        let path = || self.path.clone();
        let key = Key::parse(content).map_err(|why| KeyError::NotAKey { path: path(), why })?;
        let is_web = matches!(key.token_url.scheme(), "http" | "https");
        if !is_web || is_plain_and_forbidden(&key.token_url, self.allow_insecure) {
            return Err(KeyError::TokenUri { path: path(), uri: key.audience });
        }
        Ok(Arc::new(key))
    }
}
