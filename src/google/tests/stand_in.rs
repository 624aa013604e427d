//! A server on loopback that answers as it is told and remembers what it was asked.

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock};
use std::time::Duration;

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der};
use aws_lc_rs::rsa::{KeyPair, KeySize};
use aws_lc_rs::signature::KeyPair as _;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::{IntoResponse, Response};
use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use serde_json::{Value, json};

use crate::google::client::Watch;
use crate::google::{Client, CredentialSource, Settings, Url};

pub(super) const SUBJECT: &str = "admin@reseller.example";
pub(super) const EMAIL: &str = "operator@project.iam.example";

/// What the server answers.
#[derive(Clone)]
pub(super) enum Reply {
    Json(u16, Value),
    Page(u16, &'static str),
    With(u16, &'static str, String, Value),
    /// Nothing, ever.
    Silence,
}

pub(super) fn error(status: u16, reason: &str) -> Reply {
    Reply::Json(status, error_body(status, reason))
}

pub(super) fn error_body(status: u16, reason: &str) -> Value {
    json!({ "error": { "code": status, "message": "no", "errors": [{ "reason": reason }] } })
}

pub(super) fn customer() -> Reply {
    Reply::Json(200, json!({ "customerId": "C1", "id": "C1", "customerDomain": "a.example" }))
}

pub(super) fn refusal(code: &str) -> Reply {
    Reply::Json(400, json!({ "error": code, "error_description": "told so" }))
}

/// One request that arrived.
#[derive(Clone, Debug)]
pub(super) struct Seen {
    pub(super) verb: Method,
    pub(super) uri: Uri,
    pub(super) headers: HeaderMap,
    pub(super) body: String,
}

impl Seen {
    pub(super) fn bearer(&self) -> &str {
        self.headers["authorization"].to_str().unwrap()
    }

    /// The assertion in a token request.
    pub(super) fn assertion(&self) -> Assertion {
        let (_, jwt) = self.body.split_once("&assertion=").unwrap();
        let (signed, signature) = jwt.rsplit_once('.').unwrap();
        let (header, claims) = signed.split_once('.').unwrap();
        let decode = |part: &str| URL_SAFE_NO_PAD.decode(part).unwrap();
        Assertion {
            header: serde_json::from_slice(&decode(header)).unwrap(),
            claims: serde_json::from_slice(&decode(claims)).unwrap(),
            signed: signed.to_owned(),
            signature: decode(signature),
        }
    }

    pub(super) fn scope(&self) -> String {
        self.assertion().claims["scope"].as_str().unwrap().to_owned()
    }
}

pub(super) struct Assertion {
    pub(super) header: Value,
    pub(super) claims: Value,
    pub(super) signed: String,
    pub(super) signature: Vec<u8>,
}

#[derive(Default)]
struct Script {
    api: Vec<Seen>,
    tokens: Vec<Seen>,
    other: Vec<Seen>,
    api_replies: VecDeque<Reply>,
    token_replies: VecDeque<Reply>,
    /// Token requests for a scope that contains the first are answered with the second.
    refused_scope: Option<(&'static str, Reply)>,
    /// What API calls get when nothing is scripted.
    api_always: Option<Reply>,
}

/// The server and a folder with a key for it.
pub(super) struct StandIn {
    pub(super) url: Url,
    pub(super) folder: tempfile::TempDir,
    script: Arc<Mutex<Script>>,
}

impl StandIn {
    pub(super) async fn start() -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let script = Arc::new(Mutex::new(Script::default()));
        let router = axum::Router::new().fallback(answer).with_state(Arc::clone(&script));
        tokio::spawn(async { axum::serve(listener, router).await });
        let stand_in = Self { url, folder: tempfile::tempdir().unwrap(), script };
        stand_in.write_key("first", &format!("{}token", stand_in.url));
        stand_in
    }

    fn script(&self) -> MutexGuard<'_, Script> {
        self.script.lock().unwrap()
    }

    pub(super) fn key_path(&self) -> PathBuf {
        self.folder.path().join("key.json")
    }

    pub(super) fn write_key(&self, id: &str, token_uri: &str) {
        write_key(&self.key_path(), id, token_uri);
    }

    pub(super) fn settings(&self) -> Settings {
        Settings {
            reseller_url: self.url.clone(),
            directory_url: self.url.clone(),
            iam_url: self.url.clone(),
            metadata_url: self.url.clone(),
            requests_per_second: 1000.0,
            ..Settings::new(CredentialSource::KeyFile(self.key_path()), SUBJECT)
        }
    }

    /// A client that looks after its credential all the time.
    pub(super) async fn client(&self) -> Client {
        let watch = Watch { look: Duration::from_millis(10), probe: Duration::from_millis(20) };
        Client::watching(self.settings(), watch).await.unwrap()
    }

    /// A client that never looks after its credential by itself.
    pub(super) async fn client_of(&self, settings: Settings) -> Client {
        let never = Duration::from_hours(1);
        Client::watching(settings, Watch { look: never, probe: never }).await.unwrap()
    }

    pub(super) fn next(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script().api_replies.extend(replies);
    }

    pub(super) fn always(&self, reply: Reply) {
        self.script().api_always = Some(reply);
    }

    pub(super) fn next_tokens(&self, replies: impl IntoIterator<Item = Reply>) {
        self.script().token_replies.extend(replies);
    }

    pub(super) fn refuse_scope(&self, part: &'static str, reply: Option<Reply>) {
        self.script().refused_scope = reply.map(|reply| (part, reply));
    }

    pub(super) fn api(&self) -> Vec<Seen> {
        self.script().api.clone()
    }

    pub(super) fn tokens(&self) -> Vec<Seen> {
        self.script().tokens.clone()
    }

    pub(super) fn others(&self) -> Vec<Seen> {
        self.script().other.clone()
    }
}

async fn answer(
    State(script): State<Arc<Mutex<Script>>>,
    verb: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let seen = Seen { verb, uri, headers, body };
    let reply = script.lock().unwrap().reply(seen);
    match reply {
        Reply::Json(status, body) => (code(status), axum::Json(body)).into_response(),
        Reply::Page(status, page) => (code(status), page).into_response(),
        Reply::With(status, name, value, body) => {
            (code(status), [(name, value)], axum::Json(body)).into_response()
        }
        Reply::Silence => std::future::pending().await,
    }
}

fn code(status: u16) -> axum::http::StatusCode {
    axum::http::StatusCode::from_u16(status).unwrap()
}

impl Script {
    fn reply(&mut self, seen: Seen) -> Reply {
        let path = seen.uri.path().to_owned();
        if path.ends_with("/token") && seen.verb == Method::POST {
            let refused = self.refused_scope.clone();
            let refused = refused.filter(|(part, _)| seen.scope().contains(part));
            self.tokens.push(seen);
            let scripted = self.token_replies.pop_front().or(refused.map(|(_, reply)| reply));
            let token = format!("token-{}", self.tokens.len());
            scripted.unwrap_or_else(|| {
                Reply::Json(200, json!({ "access_token": token, "expires_in": 3599 }))
            })
        } else if path.contains("computeMetadata") {
            self.other.push(seen);
            Reply::Json(200, json!({ "access_token": "pod-token", "expires_in": 3599 }))
        } else if path.ends_with(":signJwt") {
            self.other.push(seen);
            Reply::Json(200, json!({ "signedJwt": "signed.by.iam", "keyId": "k" }))
        } else {
            self.api.push(seen);
            let always = self.api_always.clone().unwrap_or_else(customer);
            self.api_replies.pop_front().unwrap_or(always)
        }
    }
}

/// One key for all tests: making one takes a while.
pub(super) fn key_pair() -> &'static KeyPair {
    static PAIR: OnceLock<KeyPair> = OnceLock::new();
    PAIR.get_or_init(|| KeyPair::generate(KeySize::Rsa2048).unwrap())
}

pub(super) fn public_key() -> &'static [u8] {
    key_pair().public_key().as_ref()
}

pub(super) fn pem_body() -> String {
    let der: Pkcs8V1Der<'_> = key_pair().as_der().unwrap();
    STANDARD.encode(der.as_ref())
}

pub(super) fn write_key(path: &Path, id: &str, token_uri: &str) {
    let (begin, end) = ("-----BEGIN PRIVATE KEY-----", "-----END PRIVATE KEY-----");
    let key = json!({
        "type": "service_account",
        "client_email": EMAIL,
        "private_key_id": id,
        "private_key": format!("{begin}\n{}\n{end}\n", pem_body()),
        "token_uri": token_uri,
    });
    // Swapped in whole, as mounted Secrets are: a client may look at any moment.
    let new = path.with_extension("new");
    std::fs::write(&new, key.to_string()).unwrap();
    std::fs::rename(new, path).unwrap();
}
