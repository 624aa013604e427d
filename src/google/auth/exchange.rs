//! An assertion for an access token: RFC 7523, as Google's OAuth server takes it.

use std::fmt;
use std::time::Duration;

use bytes::Bytes;
use http::Method;
use reqwest::Url;
use secrecy::{ExposeSecret, SecretString};
use serde::Deserialize;
use serde_json::json;

use crate::google::http::{Answer, Http, Outgoing};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
/// Google takes no assertion that lives longer.
const ASSERTION_LIFE: i64 = 3600;
const LONGEST_LIFE: Duration = Duration::from_hours(1);
const LONGEST_TEXT: usize = 300;

/// Why there is no token.
#[derive(Clone, Debug)]
pub(super) enum TokenError {
    /// The token endpoint's `error` and `error_description`.
    Refused(String, String),
    /// The key cannot be used, or no one will sign.
    Unsigned(String),
    /// Nobody can say: the endpoint is away or broken.
    Unavailable(String),
}

impl TokenError {
    /// Whether asking again soon would give the same.
    pub(super) fn is_refusal(&self) -> bool {
        !matches!(self, Self::Unavailable(_))
    }
}

impl fmt::Display for TokenError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(code, text) if text.is_empty() => f.write_str(code),
            Self::Refused(code, text) => write!(f, "{code}: {text}"),
            Self::Unsigned(why) | Self::Unavailable(why) => f.write_str(why),
        }
    }
}

/// What the token endpoint gives.
#[derive(Deserialize)]
pub(super) struct Fresh {
    pub(super) access_token: SecretString,
    #[serde(default = "longest_life", deserialize_with = "life")]
    pub(super) expires_in: Duration,
}

fn longest_life() -> Duration {
    LONGEST_LIFE
}

fn life<'de, D: serde::Deserializer<'de>>(seconds: D) -> Result<Duration, D::Error> {
    Ok(Duration::from_secs(u64::deserialize(seconds)?).min(LONGEST_LIFE))
}

/// Who asks for what; everything in an assertion but the time.
pub(super) struct Claims<'a> {
    pub(super) issuer: &'a str,
    pub(super) subject: &'a str,
    pub(super) scopes: &'a [&'a str],
    pub(super) audience: &'a str,
}

impl Claims<'_> {
    /// The claims as JSON. `now` is in seconds since the epoch.
    pub(super) fn at(&self, now: i64) -> String {
        json!({
            "iss": self.issuer,
            "sub": self.subject,
            "scope": self.scopes.join(" "),
            "aud": self.audience,
            "iat": now,
            "exp": now + ASSERTION_LIFE,
        })
        .to_string()
    }
}

/// Sends the assertion to the token endpoint.
pub(super) async fn exchange(
    http: &Http,
    url: &Url,
    assertion: &SecretString,
) -> Result<Fresh, TokenError> {
    // A JWT and the grant's name hold nothing that a form would have to encode but the colons.
    let form =
        format!("grant_type={}&assertion={}", GRANT.replace(':', "%3A"), assertion.expose_secret());
    let outgoing = Outgoing {
        verb: Method::POST,
        url: url.clone(),
        bearer: None,
        header: None,
        body: Some(("application/x-www-form-urlencoded", Bytes::from(form))),
    };
    let answer = http.send(outgoing).await.map_err(|broken| {
        TokenError::Unavailable(format!("the token endpoint does not answer: {}", broken.why()))
    })?;
    read(&answer)
}

fn read(answer: &Answer) -> Result<Fresh, TokenError> {
    #[derive(Deserialize)]
    struct Refusal {
        error: String,
        #[serde(default)]
        error_description: String,
    }
    let Answer { status, body, .. } = answer;
    if (200..300).contains(status) {
        return serde_json::from_slice(body).map_err(|_| {
            TokenError::Unavailable("the token endpoint's success holds no token".to_owned())
        });
    }
    let is_word = (400..500).contains(status) && !matches!(status, 408 | 429);
    match serde_json::from_slice(body) {
        Ok(Refusal { error, error_description }) if is_word => {
            Err(TokenError::Refused(printable(&error), printable(&error_description)))
        }
        _ => Err(TokenError::Unavailable(format!("the token endpoint answered {status}"))),
    }
}

/// One line, not too long.
fn printable(text: &str) -> String {
    text.chars().filter(|c| !c.is_control()).take(LONGEST_TEXT).collect()
}
