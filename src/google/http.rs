//! Sending and receiving: one exchange, no repeats, no redirects, nothing secret in what it says
//! when it fails.

use std::error::Error as _;
use std::fmt::Write as _;
use std::sync::Once;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use reqwest::{Certificate, Client, ClientBuilder, Url, redirect, retry};
use secrecy::{ExposeSecret, SecretString};

use super::error::Failure;
use super::settings::{Settings, SetupError};

/// A page of 100 subscriptions is some 100 KiB; what is longer is not an answer of these APIs.
const LONGEST_ANSWER: usize = 8 << 20;
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
const KEEP_ALIVE: Duration = Duration::from_secs(30);

/// Two clients: https goes the way of the process (proxies of the environment); plain http, which
/// is loopback and the metadata server, goes straight.
#[derive(Clone, Debug)]
pub(super) struct Http {
    encrypted: Option<Client>,
    plain: Client,
}

/// What is sent.
pub(super) struct Outgoing<'a> {
    pub(super) verb: Method,
    pub(super) url: Url,
    /// The token, if the endpoint wants one.
    pub(super) bearer: Option<&'a SecretString>,
    pub(super) header: Option<(HeaderName, HeaderValue)>,
    /// Content type and body.
    pub(super) body: Option<(&'static str, Bytes)>,
}

/// A whole answer, whatever its status.
pub(super) struct Answer {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Bytes,
}

/// Why there is no whole answer.
#[derive(Clone, Debug)]
pub(super) enum Broken {
    /// No connection came to be.
    NotSent(String),
    /// Something may have been sent.
    NoAnswer(String),
}

impl From<Broken> for Failure {
    fn from(broken: Broken) -> Self {
        match broken {
            Broken::NotSent(why) => Self::NotSent(why),
            Broken::NoAnswer(why) => Self::NoAnswer(why),
        }
    }
}

impl Broken {
    pub(super) fn why(self) -> String {
        match self {
            Self::NotSent(why) | Self::NoAnswer(why) => why,
        }
    }

    fn of(error: reqwest::Error) -> Self {
        let was_never_sent = error.is_connect() || error.is_builder();
        let why = describe(error);
        if was_never_sent { Self::NotSent(why) } else { Self::NoAnswer(why) }
    }
}

/// The error with its causes. Without the address: its query may hold a transfer token.
fn describe(error: reqwest::Error) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}

impl Http {
    /// # Errors
    ///
    /// TLS cannot be set up although an endpoint needs it, or the CA file cannot be used.
    pub(super) fn new(settings: &Settings) -> Result<Self, SetupError> {
        install_crypto();
        let timeout = settings.request_timeout;
        let plain = common(timeout)
            .no_proxy()
            .tls_certs_only([])
            .build()
            .map_err(|error| SetupError::Tls(error.without_url()))?;
        let encrypted = common(timeout).tls_certs_merge(extra_roots(settings)?).build();
        let is_needed = settings.endpoints().iter().any(|(_, url)| url.scheme() == "https");
        match encrypted {
            Ok(client) => Ok(Self { encrypted: Some(client), plain }),
            Err(error) if is_needed => Err(SetupError::Tls(error.without_url())),
            Err(_) => Ok(Self { encrypted: None, plain }),
        }
    }

    /// One exchange.
    pub(super) async fn send(&self, outgoing: Outgoing<'_>) -> Result<Answer, Broken> {
        let Outgoing { verb, url, bearer, header, body } = outgoing;
        let client = match (url.scheme(), &self.encrypted) {
            ("https", Some(client)) => client,
            ("https", None) => {
                return Err(Broken::NotSent("TLS has no CA certificates to trust".to_owned()));
            }
            _ => &self.plain,
        };
        let mut request = client.request(verb, url);
        if let Some(token) = bearer {
            request = request.bearer_auth(token.expose_secret());
        }
        if let Some((name, value)) = header {
            request = request.header(name, value);
        }
        if let Some((content_type, bytes)) = body {
            request = request.header(http::header::CONTENT_TYPE, content_type).body(bytes);
        }
        receive(request.send().await.map_err(Broken::of)?).await
    }
}

async fn receive(mut response: reqwest::Response) -> Result<Answer, Broken> {
    let status = response.status().as_u16();
    let headers = std::mem::take(response.headers_mut());
    let mut body = BytesMut::new();
    // Whatever fails from here on, the request was sent.
    while let Some(chunk) =
        response.chunk().await.map_err(|error| Broken::NoAnswer(describe(error)))?
    {
        if body.len() + chunk.len() > LONGEST_ANSWER {
            return Err(Broken::NoAnswer(format!("the answer is over {LONGEST_ANSWER} bytes")));
        }
        body.extend_from_slice(&chunk);
    }
    Ok(Answer { status, headers, body: body.freeze() })
}

fn common(timeout: Duration) -> ClientBuilder {
    Client::builder()
        .user_agent(concat!("reseller-operator/", env!("CARGO_PKG_VERSION")))
        .retry(retry::never())
        .redirect(redirect::Policy::none())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT.min(timeout))
        .timeout(timeout)
        .http2_keep_alive_interval(KEEP_ALIVE)
        .http2_keep_alive_timeout(CONNECT_TIMEOUT)
}

fn extra_roots(settings: &Settings) -> Result<Vec<Certificate>, SetupError> {
    let Some(path) = &settings.ca_file else { return Ok(Vec::new()) };
    let pem =
        std::fs::read(path).map_err(|source| SetupError::CaFile { path: path.clone(), source })?;
    match Certificate::from_pem_bundle(&pem) {
        Ok(roots) if !roots.is_empty() => Ok(roots),
        _ => Err(SetupError::NoCertificates { path: path.clone() }),
    }
}

/// reqwest takes the process's provider and panics without one; `main` installs it first, and who
/// does not (tests) gets the same here.
fn install_crypto() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        // An error only says that someone was first.
        drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    });
}
