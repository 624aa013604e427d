//! The simulator over plain HTTP, as any client meets it: `reseller-operator simulate`.
#![cfg(feature = "simulator")]
#![expect(clippy::unwrap_used, reason = "clippy takes helpers of tests for other code")]
#![expect(clippy::disallowed_methods, reason = "assertions are dated by the real clock")]

mod apis;
mod control;
mod tokens;

use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use reqwest::Method;
use reseller_operator::cli::simulate::{Args, run};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const ORDER: &str = "https://www.googleapis.com/auth/apps.order";
const CUSTOMER: &str = "https://www.googleapis.com/auth/admin.directory.customer";
const USER: &str = "https://www.googleapis.com/auth/admin.directory.user";
const ACCOUNT: &str = "reseller-operator@simulator.iam.gserviceaccount.com";

/// A simulator that runs as the subcommand does, and a client of it.
struct Simulate {
    url: String,
    http: reqwest::Client,
    token: String,
    stop: oneshot::Sender<()>,
    ended: JoinHandle<anyhow::Result<()>>,
    folder: TempDir,
}

struct Answer {
    status: u16,
    text: String,
    json: Value,
}

impl Answer {
    fn reason(&self) -> &str {
        self.json["error"]["errors"][0]["reason"].as_str().unwrap_or_default()
    }

    fn message(&self) -> &str {
        self.json["error"]["message"].as_str().unwrap_or_default()
    }
}

/// Standard output that a test can read.
#[derive(Clone, Default)]
struct Output(Arc<Mutex<Vec<u8>>>, Arc<tokio::sync::Notify>);

impl io::Write for Output {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.1.notify_one();
        Ok(())
    }
}

fn args() -> Args {
    Args {
        address: "127.0.0.1:0".parse().unwrap(),
        credentials_file: None,
        accounts: None,
        subject: None,
        state: None,
        quota: None,
    }
}

impl Simulate {
    /// Starts the subcommand and takes a token for everything.
    async fn start(args: Args) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), args).await
    }

    async fn start_in(folder: TempDir, args: Args) -> Self {
        let output = Output::default();
        let (stop, stopped) = oneshot::channel::<()>();
        let mut out = output.clone();
        let ended = tokio::spawn(async move {
            run(args, &mut out, async {
                let _ = stopped.await;
            })
            .await
        });
        output.1.notified().await;
        let printed = String::from_utf8(output.0.lock().unwrap().clone()).unwrap();
        let url = printed.strip_prefix("simulator ready at ").unwrap().strip_suffix('\n').unwrap();
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let http = reqwest::Client::builder().no_proxy().tls_certs_only([]).build().unwrap();
        let url = url.to_owned();
        let mut simulate = Self { url, http, token: String::new(), stop, ended, folder };
        let scope = [ORDER, CUSTOMER, USER].join(" ");
        let assertion = simulate.assertion(&json!({"scope": scope})).await;
        let answer = simulate.exchange(&assertion).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json["access_token"].as_str().unwrap().clone_into(&mut simulate.token);
        simulate
    }

    /// Ends the subcommand as SIGTERM does.
    async fn end(self) -> TempDir {
        self.stop.send(()).unwrap();
        self.ended.await.unwrap().unwrap();
        self.folder
    }

    /// One exchange with the token; none if the connection broke.
    async fn send(&self, verb: Method, path: &str, body: Option<&Value>) -> Option<Answer> {
        self.send_as(&self.token, verb, path, body).await
    }

    async fn send_as(
        &self,
        token: &str,
        verb: Method,
        path: &str,
        body: Option<&Value>,
    ) -> Option<Answer> {
        let mut request = self.http.request(verb, format!("{}{path}", self.url));
        if !token.is_empty() {
            request = request.bearer_auth(token);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        read(request).await
    }

    async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await.unwrap()
    }

    async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await.unwrap()
    }

    async fn patch(&self, path: &str, body: &Value) -> Answer {
        self.send(Method::PATCH, path, Some(body)).await.unwrap()
    }

    /// Orders a customer and says its id.
    async fn order(&self, domain: &str) -> String {
        let answer = self.post("/apps/reseller/v1/customers", &order(domain)).await;
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.json["customerId"].as_str().unwrap().to_owned()
    }

    /// An assertion that IAM signed: the usual claims, overlaid by these.
    async fn assertion(&self, claims: &Value) -> String {
        let now = jiff::Timestamp::now().as_second();
        let mut all = json!({
            "iss": ACCOUNT, "sub": "admin@reseller.example", "scope": ORDER,
            "aud": format!("{}/token", self.url), "iat": now, "exp": now + 3600,
        });
        for (name, value) in claims.as_object().unwrap() {
            all[name] = value.clone();
        }
        let metadata = "/computeMetadata/v1/instance/service-accounts/default/token";
        let request = self.http.get(format!("{}{metadata}", self.url));
        let own = read(request.header("Metadata-Flavor", "Google")).await.unwrap();
        let path = format!("/v1/projects/-/serviceAccounts/{ACCOUNT}:signJwt");
        let token = own.json["access_token"].as_str().unwrap();
        let body = json!({"payload": all.to_string()});
        let signed = self.send_as(token, Method::POST, &path, Some(&body)).await.unwrap();
        signed.json["signedJwt"].as_str().unwrap().to_owned()
    }

    async fn exchange(&self, assertion: &str) -> Answer {
        let grant = "urn:ietf:params:oauth:grant-type:jwt-bearer";
        let form = [("grant_type", grant), ("assertion", assertion)];
        read(self.http.post(format!("{}/token", self.url)).form(&form)).await.unwrap()
    }
}

async fn read(request: reqwest::RequestBuilder) -> Option<Answer> {
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    let text = response.text().await.ok()?;
    let json = serde_json::from_str(&text).unwrap_or_default();
    Some(Answer { status, text, json })
}

fn order(domain: &str) -> Value {
    json!({
        "customerDomain": domain,
        "alternateEmail": "owner@elsewhere.example",
        "postalAddress": {
            "contactName": "Ada Example", "organizationName": "Example GmbH",
            "postalCode": "10115", "countryCode": "DE",
        },
    })
}
