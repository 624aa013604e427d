//! Signing without a key: the metadata server's token (Workload Identity) lets IAM sign.

use bytes::Bytes;
use http::{HeaderName, HeaderValue, Method};
use reqwest::Url;
use secrecy::SecretString;
use serde::Deserialize;
use serde_json::json;

use super::exchange::{Fresh, TokenError};
use crate::google::http::{Answer, Broken, Http, Outgoing};

const METADATA_PATH: [&str; 6] =
    ["computeMetadata", "v1", "instance", "service-accounts", "default", "token"];

/// The account that signs, and the services that let it.
#[derive(Debug)]
pub(super) struct Keyless {
    pub(super) service_account: String,
    pub(super) iam_url: Url,
    pub(super) metadata_url: Url,
}

impl Keyless {
    /// The claims as a JWT that IAM signed with a key that Google keeps.
    pub(super) async fn sign(
        &self,
        http: &Http,
        claims: String,
    ) -> Result<SecretString, TokenError> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Signed {
            signed_jwt: SecretString,
        }
        let own = self.own_token(http).await?;
        let account = format!("{}:signJwt", self.service_account);
        let path = ["v1", "projects", "-", "serviceAccounts", &account];
        let outgoing = Outgoing {
            verb: Method::POST,
            url: below(&self.iam_url, &path),
            bearer: Some(&own.access_token),
            header: None,
            body: Some(("application/json", Bytes::from(json!({ "payload": claims }).to_string()))),
        };
        let answer = answered("IAM signJwt", http.send(outgoing).await)?;
        let signed: Signed = parsed("IAM signJwt", &answer, || {
            format!(
                "IAM does not let the pod's identity sign as {}: grant it \
                 roles/iam.serviceAccountTokenCreator on that account, and enable the IAM \
                 Service Account Credentials API",
                self.service_account
            )
        })?;
        Ok(signed.signed_jwt)
    }

    async fn own_token(&self, http: &Http) -> Result<Fresh, TokenError> {
        let flavor =
            (HeaderName::from_static("metadata-flavor"), HeaderValue::from_static("Google"));
        let outgoing = Outgoing {
            verb: Method::GET,
            url: below(&self.metadata_url, &METADATA_PATH),
            bearer: None,
            header: Some(flavor),
            body: None,
        };
        let answer = answered("the metadata server", http.send(outgoing).await)?;
        parsed("the metadata server", &answer, || {
            "the metadata server has no service account for this pod: is Workload Identity set up?"
                .to_owned()
        })
    }
}

fn below(base: &Url, path: &[&str]) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path);
    }
    url
}

fn answered(who: &str, answer: Result<Answer, Broken>) -> Result<Answer, TokenError> {
    answer.map_err(|broken| {
        TokenError::Unavailable(format!("{who} does not answer: {}", broken.why()))
    })
}

fn parsed<T: serde::de::DeserializeOwned>(
    who: &str,
    answer: &Answer,
    refused: impl FnOnce() -> String,
) -> Result<T, TokenError> {
    match answer.status {
        200..300 => serde_json::from_slice(&answer.body).map_err(|_| {
            TokenError::Unavailable(format!("{who} answered with something unexpected"))
        }),
        400 | 401 | 403 | 404 => Err(TokenError::Unsigned(refused())),
        status => Err(TokenError::Unavailable(format!("{who} answered {status}"))),
    }
}
