//! The simulator over HTTP. One address stands for all of Google's hosts.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use futures::stream;
use serde_json::{Value, json};

use super::auth::Credential;
use super::control::filter;
use super::options::ErrorLayout;
use super::rules::{Refusal, bad_request};
use super::shared::Simulator;
use super::simulation::{Request, Response, json_response};
use super::wire::{parameters, segments};

const MAX_BODY: usize = 1 << 20;
/// The longest that `/simulator/calls/wait` waits.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// Serves until it is dropped or the listener fails.
pub async fn serve(listener: tokio::net::TcpListener, simulator: Simulator) -> std::io::Result<()> {
    axum::serve(listener, Router::new().fallback(respond).with_state(simulator)).await
}

async fn respond(
    State(simulator): State<Simulator>,
    request: axum::extract::Request,
) -> axum::response::Response {
    let Some(request) = read(request).await else {
        return http_response(refused(&bad_request("The body is too large or broke off.")));
    };
    let path: Vec<&str> = request.path.iter().map(String::as_str).collect();
    match path.as_slice() {
        ["simulator", "calls", "wait"] => http_response(wait(&simulator, &request).await),
        ["simulator", rest @ ..] => {
            let answer = simulator.control(&request, rest);
            http_response(answer.map_or_else(|refusal| refused(&refusal), shown))
        }
        _ => simulator.call(request).await.map_or_else(closed, http_response),
    }
}

/// `GET /simulator/calls/wait`: 200 when so many calls match, 408 when time is up before.
async fn wait(simulator: &Simulator, request: &Request) -> Response {
    let number = |name: &str, default: u64| {
        request.query.get(name).map_or(Ok(default), |sent| sent.parse::<u64>())
    };
    let (Ok(filter), Ok(count), Ok(seconds)) =
        (filter(&request.query), number("count", 1), number("timeout", 30))
    else {
        return refused(&bad_request("after, count and timeout are numbers"));
    };
    let count = usize::try_from(count).unwrap_or(usize::MAX);
    let patience = Duration::from_secs(seconds).min(MAX_WAIT);
    match tokio::time::timeout(patience, simulator.seen(&filter, count)).await {
        Ok(calls) => shown(json!({"calls": calls})),
        Err(_) => refused(&Refusal::new(408, "timeout", "No such calls in time")),
    }
}

async fn read(request: axum::extract::Request) -> Option<Request> {
    let (parts, body) = request.into_parts();
    let body = to_bytes(body, MAX_BODY).await.ok()?.to_vec();
    let text = |name: header::HeaderName| header_text(&parts.headers, name.as_str());
    let token = text(header::AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, token)| token.trim().to_owned());
    Some(Request {
        host: text(header::HOST).unwrap_or_default().to_owned(),
        path: segments(parts.uri.path()),
        query: parameters(parts.uri.query().unwrap_or_default()),
        credential: Credential::Bearer(token),
        for_metadata: header_text(&parts.headers, "metadata-flavor") == Some("Google"),
        verb: parts.method,
        body,
    })
}

fn header_text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

fn shown(value: Value) -> Response {
    match value {
        Value::Null => json_response(204, String::new()),
        value => json_response(200, format!("{value:#}\n")),
    }
}

fn refused(refusal: &Refusal) -> Response {
    json_response(refusal.status, refusal.body(ErrorLayout::Errors).to_string())
}

fn http_response(response: Response) -> axum::response::Response {
    let Response { status, content_type, retry_after, body } = response;
    let mut answer = axum::response::Response::new(Body::from(body));
    *answer.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    if let Some(seconds) = retry_after {
        headers.insert(header::RETRY_AFTER, seconds.into());
    }
    answer
}

/// An answer whose body fails at once: the server closes the connection without a whole answer.
fn closed() -> axum::response::Response {
    let cut = std::io::Error::from(std::io::ErrorKind::ConnectionAborted);
    axum::response::Response::new(Body::from_stream(stream::once(async { Err::<Vec<u8>, _>(cut) })))
}
