//! The port for probes and metrics: `/healthz`, `/readyz`, `/metrics`.

use std::collections::BTreeSet;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use axum::Router;
use axum::extract::State;
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::metrics::{CONTENT_TYPE, Metrics};

/// What is still missing before the operator does its work. Ready when nothing is. Cheap to clone.
#[derive(Clone, Debug, Default)]
pub struct Readiness(Arc<Mutex<BTreeSet<&'static str>>>);

impl Readiness {
    /// From now on not ready, until [`Self::met`] is called with the same text.
    pub fn needs(&self, what: &'static str) {
        self.missing().insert(what);
    }

    /// This is there now.
    pub fn met(&self, what: &'static str) {
        self.missing().remove(what);
    }

    fn missing(&self) -> MutexGuard<'_, BTreeSet<&'static str>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What the server shows.
#[derive(Clone)]
pub struct Admin {
    /// Answer of `/readyz`.
    pub readiness: Readiness,
    /// Answer of `/metrics`.
    pub metrics: Arc<Metrics>,
    /// Brings the gauges of `metrics` up to date before each answer.
    pub refresh: Arc<dyn Fn(&Metrics) + Send + Sync>,
}

impl std::fmt::Debug for Admin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Admin").field("readiness", &self.readiness).finish_non_exhaustive()
    }
}

/// A server that listens.
#[derive(Debug)]
pub struct Listening {
    /// The address that was bound; with port 0 asked for, the port that was given.
    pub address: SocketAddr,
    /// Ends when the server was stopped and its last answer was sent.
    pub server: JoinHandle<io::Result<()>>,
}

/// Serves until `stop` is cancelled.
///
/// # Errors
///
/// If the address cannot be bound.
pub async fn serve(
    address: SocketAddr,
    admin: Admin,
    stop: CancellationToken,
) -> io::Result<Listening> {
    let listener = TcpListener::bind(address).await?;
    let address = listener.local_addr()?;
    let server =
        axum::serve(listener, router(admin)).with_graceful_shutdown(stop.cancelled_owned());
    Ok(Listening { address, server: tokio::spawn(server.into_future()) })
}

fn router(admin: Admin) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(admin)
}

async fn readyz(State(admin): State<Admin>) -> (StatusCode, String) {
    let missing: Vec<&str> = admin.readiness.missing().iter().copied().collect();
    if missing.is_empty() {
        (StatusCode::OK, "ok\n".to_owned())
    } else {
        (StatusCode::SERVICE_UNAVAILABLE, format!("not ready: {}\n", missing.join(", ")))
    }
}

async fn metrics(State(admin): State<Admin>) -> Response {
    (admin.refresh)(&admin.metrics);
    match admin.metrics.render() {
        Ok(text) => ([(header::CONTENT_TYPE, CONTENT_TYPE)], text).into_response(),
        Err(error) => (StatusCode::INTERNAL_SERVER_ERROR, format!("{error}\n")).into_response(),
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpStream;

    use super::*;

    fn admin() -> Admin {
        let metrics = Arc::new(Metrics::new());
        Admin { readiness: Readiness::default(), metrics, refresh: Arc::new(|_| ()) }
    }

    async fn start(admin: Admin) -> (Listening, CancellationToken) {
        let stop = CancellationToken::new();
        let address = SocketAddr::from(([127, 0, 0, 1], 0));
        (serve(address, admin, stop.clone()).await.unwrap(), stop)
    }

    async fn get(address: SocketAddr, path: &str) -> String {
        let mut stream = TcpStream::connect(address).await.unwrap();
        let request = format!("GET {path} HTTP/1.1\r\nhost: test\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        answer
    }

    #[tokio::test]
    async fn readyz_names_what_is_missing_until_nothing_is() {
        let admin = admin();
        admin.readiness.needs("the cache of ResellerCustomers");
        admin.readiness.needs("Google credentials");
        let (listening, _stop) = start(admin.clone()).await;

        let answer = get(listening.address, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
        let body = "not ready: Google credentials, the cache of ResellerCustomers\n";
        assert!(answer.ends_with(body), "{answer}");
        assert!(get(listening.address, "/healthz").await.starts_with("HTTP/1.1 200"), "it lives");

        admin.readiness.met("Google credentials");
        admin.readiness.met("the cache of ResellerCustomers");
        let answer = get(listening.address, "/readyz").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }

    #[tokio::test]
    async fn metrics_are_refreshed_and_typed_as_openmetrics() {
        let refresh: Arc<dyn Fn(&Metrics) + Send + Sync> = Arc::new(|metrics| metrics.pace(2.5));
        let (listening, _stop) = start(Admin { refresh, ..admin() }).await;
        let answer = get(listening.address, "/metrics").await;
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
        assert!(answer.contains(&format!("content-type: {CONTENT_TYPE}\r\n")), "{answer}");
        assert!(answer.contains("google_pace_requests_per_second 2.5"), "{answer}");
    }

    #[tokio::test]
    async fn a_stopped_server_ends_and_frees_its_port() {
        let (listening, stop) = start(admin()).await;
        stop.cancel();
        listening.server.await.unwrap().unwrap();
        TcpListener::bind(listening.address).await.unwrap();
    }

    #[tokio::test]
    async fn an_address_that_is_taken_is_an_error() {
        let (listening, _stop) = start(admin()).await;
        let again = serve(listening.address, admin(), CancellationToken::new()).await;
        assert_eq!(again.unwrap_err().kind(), io::ErrorKind::AddrInUse);
    }
}
