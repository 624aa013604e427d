//! Single calls: what is sent, how often, and what its failure means.

use std::io::Write;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use secrecy::SecretString;
use serde_json::{Value, json};
use tracing_subscriber::fmt::MakeWriter;

use super::stand_in::{Reply, StandIn, customer, error, error_body, pem_body, refusal};
use crate::google::types::{Customer, DirectoryCustomer, NewUser, SubscriptionQuery, UserName};
use crate::google::{
    ApiError, ApiMethod, CallObserver, Client, ErrorClass, Failure, Gate, GoogleApi, Settings,
};

const CANARY: &str = "c0ffee-transfer-token";

async fn insert(client: &Client) -> Result<Customer, ApiError> {
    let permit = client.reserve(ApiMethod::CustomersInsert).await.unwrap();
    client.customers_insert(permit, &Customer::default()).await
}

fn user() -> NewUser {
    NewUser {
        primary_email: "jo@a.example".into(),
        name: UserName { given_name: "Jo".into(), family_name: "Do".into() },
        password: "canary-password".to_owned().into(),
        change_password_at_next_login: true,
        recovery_email: None,
    }
}

#[tokio::test]
async fn every_method_goes_where_the_discovery_documents_say() {
    let google = StandIn::start().await;
    let client = google.client().await;
    let patch = Customer { phone_number: Some("+15550100".into()), ..Customer::default() };
    client.customers_get("a.example").await.unwrap();
    client.customers_patch("C1", &patch).await.unwrap();
    client.customers_update("C1", &patch).await.unwrap();
    insert(&client).await.unwrap();
    client.directory_customers_get("C1").await.unwrap();
    client.directory_customers_patch("C1", &DirectoryCustomer::default()).await.unwrap();
    client.users_get("jo@a.example").await.unwrap();
    let permit = client.reserve(ApiMethod::UsersInsert).await.unwrap();
    client.users_insert(permit, &user()).await.unwrap();
    google.next([Reply::Page(204, "")]);
    client.users_make_admin("jo@a.example").await.unwrap();
    google.next([Reply::Json(200, json!({ "subscriptions": [], "nextPageToken": "2" }))]);
    client.subscriptions_list(&SubscriptionQuery::default()).await.unwrap();

    let sent: Vec<_> = google.api().iter().map(|s| format!("{} {}", s.verb, s.uri)).collect();
    assert_eq!(
        sent,
        [
            "GET /apps/reseller/v1/customers/a.example",
            "PATCH /apps/reseller/v1/customers/C1",
            "PUT /apps/reseller/v1/customers/C1",
            "POST /apps/reseller/v1/customers",
            "GET /admin/directory/v1/customers/C1",
            "PATCH /admin/directory/v1/customers/C1",
            "GET /admin/directory/v1/users/jo@a.example",
            "POST /admin/directory/v1/users",
            "POST /admin/directory/v1/users/jo@a.example/makeAdmin",
            "GET /apps/reseller/v1/subscriptions",
        ]
    );
    let body = |at: usize| serde_json::from_str::<Value>(&google.api()[at].body).unwrap();
    assert_eq!(body(1), json!({ "phoneNumber": "+15550100" }));
    assert_eq!(body(7)["changePasswordAtNextLogin"], true);
    assert_eq!(body(8), json!({ "status": true }));
}

#[tokio::test]
async fn an_order_is_sent_once_whatever_the_answer_is() {
    for (reply, may_have_been_applied) in [
        (error(503, "backendError"), true),
        (error(500, ""), true),
        (error(408, ""), true),
        (error(401, "authError"), false),
        (error(429, "quotaExceeded"), false),
        (error(409, "conflict"), false),
        (Reply::Page(404, "<html>"), true),
        (Reply::Page(200, "<html>"), true),
        (Reply::Json(200, json!({ "ok": true })), true),
    ] {
        let google = StandIn::start().await;
        google.next([reply]);
        let error = insert(&google.client().await).await.unwrap_err();
        assert_eq!(error.may_have_been_applied(), may_have_been_applied, "{error}");
        assert_eq!(google.api().len(), 1, "{error}");
    }
}

#[tokio::test]
async fn an_order_that_is_not_answered_in_time_may_have_been_applied() {
    let google = StandIn::start().await;
    let request_timeout = Duration::from_secs(1);
    let client = google.client_of(Settings { request_timeout, ..google.settings() }).await;
    let permit = client.reserve(ApiMethod::UsersInsert).await.unwrap();
    google.next([Reply::Silence]);
    let error = client.users_insert(permit, &user()).await.unwrap_err();
    assert!(matches!(error.failure, Failure::NoAnswer(_)), "{error}");
    assert!(error.may_have_been_applied());
    assert_eq!(google.api().len(), 1);
}

#[tokio::test]
async fn a_connection_that_never_was_sent_nothing() {
    let google = StandIn::start().await;
    let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let reseller_url = format!("http://{}/", closed.local_addr().unwrap()).parse().unwrap();
    drop(closed);
    let client = google.client_of(Settings { reseller_url, ..google.settings() }).await;
    let error = insert(&client).await.unwrap_err();
    assert!(matches!(error.failure, Failure::NotSent(_)), "{error}");
    assert!(!error.may_have_been_applied());
    assert_eq!(error.class(), ErrorClass::Unavailable);
}

struct Closed;

impl Gate for Closed {
    fn closed(&self) -> Option<&'static str> {
        Some("closed")
    }
}

#[tokio::test]
async fn behind_a_closed_gate_nothing_is_asked_not_even_for_a_token() {
    let google = StandIn::start().await;
    let gate: Option<Arc<dyn Gate>> = Some(Arc::new(Closed));
    let client = google.client_of(Settings { gate, ..google.settings() }).await;
    let looked = client.customers_get("a.example").await.unwrap_err();
    let reserved = client.reserve(ApiMethod::CustomersInsert).await.unwrap_err();
    for error in [looked, reserved] {
        assert!(matches!(error.failure, Failure::NotSent(_)), "{error}");
        assert!(!error.may_have_been_applied());
    }
    assert_eq!((google.api().len(), google.tokens().len()), (0, 0));
}

#[tokio::test]
async fn a_connection_that_closes_before_the_answer_may_have_been_applied() {
    let google = StandIn::start().await;
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let reseller_url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
    let closer = tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        stream.readable().await.unwrap();
        drop(stream);
        listener.accept().await
    });
    let client = google.client_of(Settings { reseller_url, ..google.settings() }).await;
    let error = insert(&client).await.unwrap_err();
    assert!(matches!(error.failure, Failure::NoAnswer(_)), "{error}");
    assert!(!closer.is_finished(), "no second connection");
    closer.abort();
}

#[tokio::test]
async fn a_transient_failure_of_a_read_is_hidden() {
    let google = StandIn::start().await;
    let client = google.client().await;
    google.next([error(503, "backendError"), Reply::Page(502, "<html>"), customer()]);
    assert_eq!(client.customers_get("C1").await.unwrap().customer_id.as_deref(), Some("C1"));
    assert_eq!(google.api().len(), 3);
}

#[tokio::test]
async fn a_proxys_404_is_an_outage_and_googles_own_is_not() {
    let google = StandIn::start().await;
    let client = google.client().await;
    google.always(Reply::Page(404, "<html>no such page</html>"));
    let error_of_proxy = client.customers_get("C1").await.unwrap_err();
    assert_eq!(error_of_proxy.class(), ErrorClass::Unavailable);
    google.always(error(404, "notFound"));
    let error_of_google = client.customers_get("C1").await.unwrap_err();
    assert_eq!(error_of_google.class(), ErrorClass::NotFound);
}

#[tokio::test]
async fn redirects_are_not_followed() {
    let google = StandIn::start().await;
    let away = Reply::With(307, "location", format!("{}elsewhere", google.url), json!({}));
    google.next([away]);
    let error = insert(&google.client().await).await.unwrap_err();
    assert_eq!(error.status(), Some(307));
    assert_eq!(google.api().len(), 1);
}

#[tokio::test]
async fn an_endless_answer_is_not_read_to_its_end() {
    let google = StandIn::start().await;
    google.next([Reply::Page(200, Box::leak("x".repeat(9 << 20).into_boxed_str()))]);
    let error = insert(&google.client().await).await.unwrap_err();
    assert!(matches!(error.failure, Failure::NoAnswer(_)), "{error}");
}

/// Closed when the test says so.
#[derive(Default)]
struct Closing(AtomicBool);

impl Gate for Closing {
    fn closed(&self) -> Option<&'static str> {
        self.0.load(Ordering::Relaxed).then_some("this process is not the leader")
    }
}

#[tokio::test]
async fn a_closed_gate_lets_nothing_out_not_even_what_has_its_permit() {
    let google = StandIn::start().await;
    let gate = Arc::new(Closing::default());
    let settings = Settings { gate: Some(gate.clone()), ..google.settings() };
    let client = google.client_of(settings).await;
    client.customers_get("C1").await.unwrap();
    let permit = client.reserve(ApiMethod::CustomersInsert).await.unwrap();
    gate.0.store(true, Ordering::Relaxed);
    let order = client.customers_insert(permit, &Customer::default()).await.unwrap_err();
    assert!(!order.may_have_been_applied(), "{order}");
    let change = client.customers_patch("C1", &Customer::default()).await.unwrap_err();
    assert!(matches!(change.failure, Failure::NotSent(_)), "{change}");
    assert_eq!(google.api().len(), 1, "only what was asked while it was open");
}

#[derive(Default)]
struct Seen {
    calls: Mutex<Vec<(ApiMethod, &'static str)>>,
    paces: Mutex<Vec<f64>>,
}

impl CallObserver for Seen {
    fn call(&self, method: ApiMethod, result: &'static str, _took: Duration) {
        self.calls.lock().unwrap().push((method, result));
    }
    fn pace(&self, requests_per_second: f64) {
        self.paces.lock().unwrap().push(requests_per_second);
    }
}

#[tokio::test]
async fn over_quota_the_whole_credential_waits_but_a_permit_does_not() {
    let google = StandIn::start().await;
    let seen = Arc::new(Seen::default());
    let observer: Arc<dyn CallObserver> = seen.clone();
    let client = google.client_of(Settings { observer: Some(observer), ..google.settings() }).await;
    let permit = client.reserve(ApiMethod::CustomersInsert).await.unwrap();
    let body = error_body(429, "quotaExceeded");
    google.next([Reply::With(429, "retry-after", "60".into(), body)]);

    let error = client.customers_get("C1").await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Quota);
    assert_eq!(error.retry_after, Some(Duration::from_mins(1)));
    let held_back = client.users_get("jo@a.example").await.unwrap_err();
    assert_eq!((held_back.class(), held_back.method), (ErrorClass::Quota, ApiMethod::UsersGet));
    assert!(held_back.retry_after.unwrap() > Duration::from_secs(50));
    client.customers_insert(permit, &Customer::default()).await.unwrap();

    assert_eq!(google.api().len(), 2);
    assert_eq!(*seen.paces.lock().unwrap(), [1000.0, 500.0]);
    let calls = [(ApiMethod::CustomersGet, "quota"), (ApiMethod::CustomersInsert, "ok")];
    assert_eq!(*seen.calls.lock().unwrap(), calls);
}

#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Log {
    fn append(&self, bytes: &[u8]) {
        self.0.lock().unwrap().extend_from_slice(bytes);
    }
}

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.append(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl<'a> MakeWriter<'a> for Log {
    type Writer = Self;
    fn make_writer(&'a self) -> Self {
        self.clone()
    }
}

/// All that is logged, by whomever and at whatever level, during calls that succeed and fail, and
/// all that their errors say.
#[tokio::test]
async fn nothing_secret_is_logged_or_said() {
    let log = Log::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::TRACE)
        .with_writer(log.clone())
        .finish();
    // With one subscriber only, tracing lets the thread that meets an event first decide whether it
    // is ever logged, and other tests' threads have none.
    let _second = tracing::Dispatch::new(tracing_subscriber::registry());
    let _guard = tracing::subscriber::set_default(subscriber);

    let google = StandIn::start().await;
    let request_timeout = Duration::from_secs(1);
    let settings = Settings { request_timeout, ..google.settings() };
    let client = google.client_of(settings.clone()).await;
    let query = SubscriptionQuery {
        customer_auth_token: Some(SecretString::from(CANARY.to_owned())),
        ..SubscriptionQuery::default()
    };
    let mut said = format!("{settings:?} {client:?} {query:?}");
    google.next([error(403, "forbidden")]);
    said += &client.subscriptions_list(&query).await.unwrap_err().to_string();
    google.next([Reply::Silence]);
    let permit = client.reserve(ApiMethod::UsersInsert).await.unwrap();
    said.extend([format!("{permit:?}")]);
    said += &client.users_insert(permit, &user()).await.unwrap_err().to_string();
    google.always(Reply::Page(200, "<html>canary-password</html>"));
    said += &client.subscriptions_list(&query).await.unwrap_err().to_string();
    google.always(error(401, "authError"));
    google.next_tokens([refusal("invalid_grant")]);
    said += &client.subscriptions_list(&query).await.unwrap_err().to_string();

    let log = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(log.contains("reseller.subscriptions.list"), "the log was captured");
    let sent = google.tokens()[0].assertion().signed;
    let key = pem_body();
    for secret in [CANARY, "canary-password", "token-1", "token-2", &sent, &key[100..140]] {
        assert!(!log.contains(secret), "{secret} in the log:\n{log}");
        assert!(!said.contains(secret), "{secret} in {said}");
    }
}
