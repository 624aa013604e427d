//! Tokens: the token endpoint (JWT bearer grant), IAM `signJwt` and the metadata server's token.
//! reseller-api.md §1.3; RFC 7523.

use std::collections::BTreeMap;
use std::fmt;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::error::Unspecified;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::{
    KeyPair as _, RSA_PKCS1_2048_8192_SHA256, RSA_PKCS1_SHA256, UnparsedPublicKey,
};
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};

use super::methods::{KNOWN_SCOPES, Method};
use super::options::Options;
use super::rules::{Refusal, insufficient_scope, not_authorized, unauthorized};

/// Google's own token endpoint, whose name assertions may carry as their audience.
const GOOGLE_TOKEN_URL: &str = "https://oauth2.googleapis.com/token";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const LIFETIME: SignedDuration = SignedDuration::from_hours(1);
/// How far clocks may disagree.
const SKEW: SignedDuration = SignedDuration::from_mins(5);
const PROJECT: &str = "simulator";
const EMAIL: &str = "reseller-operator@simulator.iam.gserviceaccount.com";

/// What a token allows.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Grant {
    pub(super) subject: Option<String>,
    pub(super) scopes: Vec<String>,
    pub(super) expires: Timestamp,
}

/// Who calls.
pub(super) enum Credential {
    /// The `Authorization` header.
    Bearer(Option<String>),
    /// A caller in process that needs no token.
    Granted(Grant),
}

/// Why the token endpoint refuses: RFC 6749 §5.2.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct TokenRefusal {
    pub(super) status: u16,
    pub(super) error: &'static str,
    pub(super) description: &'static str,
}

/// The service account and the tokens that were handed out.
#[derive(Default)]
pub(super) struct Auth {
    account: Option<ServiceAccount>,
    grants: BTreeMap<String, Grant>,
    metadata: BTreeMap<String, Timestamp>,
}

impl fmt::Debug for Auth {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Auth").field("grants", &self.grants.len()).finish_non_exhaustive()
    }
}

#[derive(Deserialize)]
struct Header {
    alg: String,
}

#[derive(Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: Option<String>,
    scope: String,
    iat: i64,
    exp: i64,
}

impl Auth {
    /// The service account; its key is made when it is first needed.
    pub(super) fn service_account(&mut self) -> Result<&ServiceAccount, Unspecified> {
        let account = match self.account.take() {
            Some(account) => account,
            None => ServiceAccount::generate()?,
        };
        Ok(self.account.insert(account))
    }

    pub(super) fn set_service_account(&mut self, account: ServiceAccount) {
        self.account = Some(account);
    }

    /// Exchanges a signed assertion for a token. `wall` judges the assertion, whose times the
    /// caller took from the real clock; `now`, the simulated time, the token.
    pub(super) fn token(
        &mut self,
        form: &BTreeMap<String, String>,
        host: &str,
        options: &Options,
        (now, wall): (Timestamp, Timestamp),
    ) -> Result<Value, TokenRefusal> {
        if form.get("grant_type").map(String::as_str) != Some(GRANT) {
            return Err(refuse(400, "unsupported_grant_type", "Invalid grant_type"));
        }
        let assertion = form.get("assertion").map_or("", String::as_str);
        let claims = self.verify(assertion)?;
        check_claims(&claims, host, wall)?;
        if claims.sub.is_some() && options.subject.is_some() && claims.sub != options.subject {
            return Err(refuse(400, "invalid_grant", "Invalid email or User ID"));
        }
        let scopes: Vec<String> = claims.scope.split_whitespace().map(str::to_owned).collect();
        if scopes.is_empty() || scopes.iter().any(|s| !KNOWN_SCOPES.contains(&s.as_str())) {
            return Err(refuse(
                400,
                "invalid_scope",
                "Invalid OAuth scope or ID token audience provided.",
            ));
        }
        if scopes.iter().any(|scope| options.denied_scopes.contains(scope)) {
            return Err(refuse(
                401,
                "unauthorized_client",
                "Client is unauthorized to retrieve access tokens using this method, or client \
                 not authorized for any of the scopes requested.",
            ));
        }
        let grant = Grant { subject: claims.sub, scopes, expires: now + LIFETIME };
        let token = random("simulated.").ok_or(refuse(
            500,
            "internal_failure",
            "No randomness available",
        ))?;
        self.grants.retain(|_, grant| now < grant.expires);
        self.grants.insert(token.clone(), grant);
        Ok(json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"}))
    }

    /// Reads an assertion that this simulator's service account has signed.
    fn verify(&self, assertion: &str) -> Result<Claims, TokenRefusal> {
        let broken = refuse(400, "invalid_grant", "Invalid JWT: malformed assertion");
        let forged = refuse(400, "invalid_grant", "Invalid JWT Signature.");
        let Some((signed, signature)) = assertion.rsplit_once('.') else { return Err(broken) };
        let Some((header, claims)) = signed.split_once('.') else { return Err(broken) };
        let (Some(header), Some(claims), Ok(signature)) =
            (decode::<Header>(header), decode::<Claims>(claims), URL_SAFE_NO_PAD.decode(signature))
        else {
            return Err(broken);
        };
        let account = self.account.as_ref().filter(|account| account.email == claims.iss);
        let Some(account) = account else {
            return Err(refuse(400, "invalid_grant", "Invalid grant: account not found"));
        };
        let key =
            UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, account.key.public_key().as_ref());
        if header.alg != "RS256" || key.verify(signed.as_bytes(), &signature).is_err() {
            return Err(forged);
        }
        Ok(claims)
    }

    /// The metadata server's token, which is good for `signJwt` only.
    pub(super) fn metadata_token(&mut self, now: Timestamp) -> Option<Value> {
        let token = random("metadata.")?;
        self.metadata.retain(|_, expires| now < *expires);
        self.metadata.insert(token.clone(), now + LIFETIME);
        Some(json!({"access_token": token, "expires_in": 3599, "token_type": "Bearer"}))
    }

    /// IAM `signJwt` for the caller with a metadata token.
    pub(super) fn sign_jwt(
        &mut self,
        email: &str,
        body: &Value,
        credential: &Credential,
        now: Timestamp,
    ) -> Result<Value, Refusal> {
        let known = match credential {
            Credential::Bearer(Some(token)) => {
                self.metadata.get(token).is_some_and(|end| now < *end)
            }
            _ => false,
        };
        if !known {
            return Err(unauthorized());
        }
        let account =
            self.service_account().map_err(|_| Refusal::new(500, "internal", "No key"))?;
        if email != account.email && email != "-" {
            return Err(Refusal::new(404, "notFound", "Service account does not exist."));
        }
        let payload = body["payload"].as_str().unwrap_or_default();
        if serde_json::from_str::<Value>(payload).is_ok_and(|claims| claims.is_object()) {
            let signed = account.sign(payload).ok_or(Refusal::new(500, "internal", "No signature"));
            return Ok(json!({"keyId": account.key_id, "signedJwt": signed?}));
        }
        Err(Refusal::new(400, "invalid", "payload is not a JSON object of claims"))
    }

    /// Says whom a call acts as, if it may be made (§1.1, §1.3).
    pub(super) fn admit(
        &self,
        credential: &Credential,
        method: Method,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let grant = match credential {
            Credential::Granted(grant) => grant,
            Credential::Bearer(None) => {
                return Err(Refusal::new(401, "required", "Login Required."));
            }
            Credential::Bearer(Some(token)) => {
                self.grants.get(token).filter(|g| now < g.expires).ok_or_else(unauthorized)?
            }
        };
        if !method.scopes().iter().any(|scope| grant.scopes.iter().any(|known| known == scope)) {
            return Err(insufficient_scope());
        }
        // "The bare service account has no reseller rights."
        grant.subject.clone().ok_or_else(not_authorized)
    }
}

fn check_claims(claims: &Claims, host: &str, wall: Timestamp) -> Result<(), TokenRefusal> {
    let own = [format!("http://{host}/token"), format!("https://{host}/token")];
    if claims.aud != GOOGLE_TOKEN_URL && !own.contains(&claims.aud) {
        return Err(refuse(400, "invalid_grant", "Invalid JWT: Failed audience check."));
    }
    let early = claims.iat > (wall + SKEW).as_second();
    let late = claims.exp <= wall.as_second() - SKEW.as_secs();
    if early || late || claims.exp - claims.iat > LIFETIME.as_secs() {
        return Err(refuse(
            400,
            "invalid_grant",
            "Invalid JWT: Token must be a short-lived token (60 minutes) and in a reasonable \
             timeframe. Check your iat and exp values in the JWT claim.",
        ));
    }
    Ok(())
}

fn refuse(status: u16, error: &'static str, description: &'static str) -> TokenRefusal {
    TokenRefusal { status, error, description }
}

fn decode<T: for<'de> Deserialize<'de>>(part: &str) -> Option<T> {
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).ok()?).ok()
}

fn random(prefix: &str) -> Option<String> {
    let mut bytes = [0; 24];
    getrandom::fill(&mut bytes).ok()?;
    Some(format!("{prefix}{}", URL_SAFE_NO_PAD.encode(bytes)))
}

/// The service account whose assertions are taken.
pub(super) struct ServiceAccount {
    pub(super) email: String,
    key_id: String,
    key: KeyPair,
}

impl ServiceAccount {
    fn generate() -> Result<Self, Unspecified> {
        let key = KeyPair::generate(KeySize::Rsa2048)?;
        let key_id = random("").ok_or(Unspecified)?;
        Ok(Self { email: EMAIL.to_owned(), key_id, key })
    }

    /// Reads a key file that [`Self::key_file`] wrote, so that a restart keeps the key; no other.
    pub(super) fn from_key_file(text: &str) -> Option<Self> {
        let file: Value = serde_json::from_str(text).ok()?;
        if file["project_id"] != PROJECT || file["client_email"] != EMAIL {
            return None;
        }
        let member = |name: &str| file[name].as_str().map(str::to_owned);
        let pem = member("private_key")?;
        let body: String = pem.lines().filter(|line| !line.starts_with("-----")).collect();
        let key = KeyPair::from_pkcs8(&STANDARD.decode(body).ok()?).ok()?;
        Some(Self { email: member("client_email")?, key_id: member("private_key_id")?, key })
    }

    /// The key file as the Google Cloud console hands it out.
    pub(super) fn key_file(&self, token_uri: &str) -> Result<String, Unspecified> {
        let der = AsDer::<Pkcs8V1Der<'_>>::as_der(&self.key)?;
        let base64 = STANDARD.encode(der.as_ref());
        let lines: Vec<&str> =
            base64.as_bytes().chunks(64).filter_map(|line| str::from_utf8(line).ok()).collect();
        let pem = format!(
            "-----BEGIN PRIVATE KEY-----\n{}\n-----END PRIVATE KEY-----\n",
            lines.join("\n")
        );
        let file = json!({
            "type": "service_account",
            "project_id": PROJECT,
            "private_key_id": self.key_id,
            "private_key": pem,
            "client_email": self.email,
            "client_id": "100000000000000000001",
            "token_uri": token_uri,
        });
        Ok(format!("{file:#}\n"))
    }

    fn sign(&self, claims: &str) -> Option<String> {
        let header = json!({"alg": "RS256", "typ": "JWT", "kid": self.key_id}).to_string();
        let signed =
            format!("{}.{}", URL_SAFE_NO_PAD.encode(header), URL_SAFE_NO_PAD.encode(claims));
        let mut signature = vec![0; self.key.public_modulus_len()];
        let random = SystemRandom::new();
        self.key.sign(&RSA_PKCS1_SHA256, &random, signed.as_bytes(), &mut signature).ok()?;
        Some(format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature)))
    }
}
