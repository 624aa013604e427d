//! What stands between the operator and the two servers that it talks to: it passes everything on
//! as it is, and stops where the [`Gate`] says so.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes, to_bytes};
use axum::extract::State;
use axum::http::header::{
    AUTHORIZATION, CONNECTION, CONTENT_LENGTH, HOST, HeaderName, TRANSFER_ENCODING,
};
use axum::http::{Request, Response, StatusCode};
use reqwest::Certificate;
use secrecy::ExposeSecret;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::common::ControlPlane;
use crate::gate::{Gate, Mark, Side, google_point, kube_point};

/// Members of a message that belong to one connection.
const HOP: [HeaderName; 3] = [CONNECTION, CONTENT_LENGTH, TRANSFER_ENCODING];

/// Two listening ports; gone when dropped.
pub struct Proxies {
    pub kube: String,
    pub google: String,
    tasks: [JoinHandle<()>; 2],
}

impl Proxies {
    pub async fn start(plane: &ControlPlane, google: &str, gate: &Arc<Gate>) -> Self {
        let google = Door {
            gate: Arc::clone(gate),
            client: reqwest::Client::new(),
            upstream: google.trim_end_matches('/').to_owned(),
            token: None,
            is_kube: false,
        };
        let (google, google_task) = google.open().await;
        let (kube, kube_task) = Door::of(plane, Arc::clone(gate)).await.open().await;
        Self { kube, google, tasks: [google_task, kube_task] }
    }
}

impl Drop for Proxies {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

/// One of the two servers, as the operator reaches it.
struct Door {
    gate: Arc<Gate>,
    client: reqwest::Client,
    upstream: String,
    /// The administrator's; the operator impersonates its own user.
    token: Option<String>,
    is_kube: bool,
}

impl Door {
    async fn of(plane: &ControlPlane, gate: Arc<Gate>) -> Self {
        let config = plane.config().await;
        let authority = std::fs::read(plane.dir().join("certs/apiserver.crt")).expect("authority");
        let authority = Certificate::from_pem_bundle(&authority).expect("authority");
        let client = reqwest::Client::builder().tls_certs_only(authority).build();
        let token = config.auth_info.token.expect("the administrator's token");
        Self {
            gate,
            client: client.expect("client"),
            upstream: config.cluster_url.to_string().trim_end_matches('/').to_owned(),
            token: Some(token.expose_secret().to_owned()),
            is_kube: true,
        }
    }

    async fn open(self) -> (String, JoinHandle<()>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}/", listener.local_addr().expect("address"));
        let router = Router::new().fallback(pass).with_state(Arc::new(self));
        let serve = async move { axum::serve(listener, router).await.expect("proxy") };
        (url, tokio::spawn(serve))
    }

    fn point(&self, request: &Request<Body>) -> Option<String> {
        let (verb, path) = (request.method(), request.uri().path());
        if self.is_kube { kube_point(verb, path) } else { google_point(verb, path) }
    }

    async fn forward(&self, request: Request<Body>) -> reqwest::Result<Response<reqwest::Body>> {
        let (parts, body) = request.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a whole request");
        let target = parts.uri.path_and_query().map_or("/", |target| target.as_str());
        let mut headers = parts.headers;
        for name in HOP {
            headers.remove(name);
        }
        if self.is_kube {
            // The simulator wants to hear the name by which it was called, the API server does not.
            headers.remove(HOST);
            headers.remove(AUTHORIZATION);
        }
        let mut sent = self
            .client
            .request(parts.method, format!("{}{target}", self.upstream))
            .headers(headers)
            .body(body);
        if let Some(token) = &self.token {
            sent = sent.bearer_auth(token);
        }
        sent.send().await.map(Into::into)
    }

    /// Remembers what the checks ask for.
    fn note(&self, kind: &str, sent: &Bytes, before: Mark, answer: &Response<Bytes>) {
        if !answer.status().is_success() {
            return;
        }
        let json = |bytes: &Bytes| serde_json::from_slice::<Value>(bytes).expect("JSON");
        match kind {
            "PATCH status" => self.gate.mark(before, &json(answer.body())),
            "directory.users.insert" => self.gate.remember_password(&json(sent)),
            _ => {}
        }
    }
}

async fn pass(State(door): State<Arc<Door>>, request: Request<Body>) -> Response<Body> {
    let Some(kind) = door.point(&request) else {
        let answer = door.forward(request).await;
        return answer.map_or_else(|_| bad_gateway(), |answer| stripped(answer.map(Body::new)));
    };
    let side = door.gate.enter(&kind);
    if side == Some(Side::Before) {
        return stop(&door.gate).await;
    }
    let (parts, body) = request.into_parts();
    let sent = to_bytes(body, usize::MAX).await.expect("a whole request");
    // The operator may be gone before the answer is there; the request is carried out all the same.
    let carrier = Arc::clone(&door);
    let answer = tokio::spawn(async move {
        let request = Request::from_parts(parts, Body::from(sent.clone()));
        let before = carrier.gate.look();
        let (parts, body) = carrier.forward(request).await.ok()?.into_parts();
        let body = to_bytes(Body::new(body), usize::MAX).await.ok()?;
        let answer = Response::from_parts(parts, body);
        carrier.note(&kind, &sent, before, &answer);
        Some(answer)
    });
    let answer = answer.await.expect("the request is carried out");
    if side == Some(Side::After) {
        return stop(&door.gate).await;
    }
    answer.map_or_else(bad_gateway, |answer| stripped(answer.map(Body::from)))
}

/// Says that the point is reached; there is no answer any more.
async fn stop(gate: &Gate) -> Response<Body> {
    gate.reach();
    std::future::pending().await
}

fn stripped(mut answer: Response<Body>) -> Response<Body> {
    for name in HOP {
        answer.headers_mut().remove(name);
    }
    answer
}

fn bad_gateway() -> Response<Body> {
    let mut answer = Response::new(Body::empty());
    *answer.status_mut() = StatusCode::BAD_GATEWAY;
    answer
}
