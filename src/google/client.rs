//! The client of both APIs: a place in the quota, a token, one exchange, and what its outcome
//! means for the next call.

use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use secrecy::SecretString;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior};

use super::answer::{Whole, decode, decode_nothing};
use super::auth::{Credential, Group, Hold};
use super::error::{ApiError, ApiMethod, ErrorClass, Failure};
use super::http::{Answer, Http, Outgoing};
use super::lane::Lane;
use super::quota::{Pacer, Place};
use super::request::Request;
use super::retry::Patience;
use super::settings::{CallObserver, Gate, Settings, SetupError, Unobserved};
use super::types::{Customer, DirectoryCustomer, NewUser, SubscriptionQuery, Subscriptions, User};
use super::{GoogleApi, error_body, request, retry};

/// A token of a permit is good for at least this long.
const PERMIT_LIFE: Duration = Duration::from_mins(1);

/// How often the credential is looked at.
#[derive(Clone, Copy, Debug)]
pub(super) struct Watch {
    /// The key file, and whether a probe is due.
    pub(super) look: Duration,
    /// A credential that is held.
    pub(super) probe: Duration,
}

impl Default for Watch {
    fn default() -> Self {
        Self { look: Duration::from_secs(10), probe: Duration::from_mins(1) }
    }
}

/// Client of the Reseller and Directory APIs with one credential. Clones share credential, tokens,
/// quota and connections; each calls in its own lane.
///
/// # Guarantees
///
/// A call with a [`Permit`] is sent at most once, whatever happens. Other calls are tried up to
/// three times within [`Settings::patience`] if they fail transiently, and once more with a new token
/// after a 401. Longer waits are the caller's ([`ApiError::retry_after`]).
///
/// After Google refused the credential, calls of the same API fail at once with its answer, until a
/// probe in the background succeeds.
#[derive(Clone)]
pub struct Client {
    inner: Arc<Inner>,
    lane: Lane,
}

struct Inner {
    reseller_url: reqwest::Url,
    directory_url: reqwest::Url,
    http: Http,
    credential: Credential,
    pacer: Pacer,
    patience: Patience,
    holds: [Hold; Group::ALL.len()],
    changes: watch::Sender<u64>,
    gate: Option<Arc<dyn Gate>>,
    observer: Arc<dyn CallObserver>,
}

/// A place in the quota and a token that is good for a minute. Dropped unused, the place is given
/// back.
pub struct Permit {
    place: Place,
    token: Arc<SecretString>,
}

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client").field("lane", &self.lane).finish_non_exhaustive()
    }
}

impl fmt::Debug for Permit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Permit").finish_non_exhaustive()
    }
}

impl Client {
    /// A client in the edit lane. Needs a tokio runtime: two tasks live as long as its clones.
    /// Asks Google for nothing yet.
    ///
    /// # Errors
    ///
    /// One line that names the flag or file that is wrong and the way out.
    pub async fn new(settings: Settings) -> Result<Self, SetupError> {
        Self::watching(settings, Watch::default()).await
    }

    pub(super) async fn watching(settings: Settings, watch: Watch) -> Result<Self, SetupError> {
        settings.check()?;
        let observer = settings.observer.clone().unwrap_or_else(|| Arc::new(Unobserved));
        let http = Http::new(&settings)?;
        let credential = Credential::new(&settings, http.clone(), Arc::clone(&observer)).await?;
        let inner = Arc::new(Inner {
            pacer: Pacer::new(settings.requests_per_second, Arc::clone(&observer)),
            reseller_url: settings.reseller_url,
            directory_url: settings.directory_url,
            http,
            credential,
            patience: settings.patience,
            holds: Default::default(),
            changes: watch::Sender::new(0),
            gate: settings.gate,
            observer,
        });
        tokio::spawn(look_after(Arc::downgrade(&inner), watch));
        Ok(Self { inner, lane: Lane::Edit })
    }

    /// The same client, calling in this lane.
    #[must_use]
    pub fn in_lane(&self, lane: Lane) -> Self {
        Self { inner: Arc::clone(&self.inner), lane }
    }

    /// Whether Google refuses the credential for the Reseller API, and for the Directory API.
    #[must_use]
    pub fn is_refused(&self) -> [bool; 2] {
        Group::ALL.map(|group| self.inner.hold(group).failure().is_some())
    }

    /// Ticks when the credential was held and is good again, and when its key file changed.
    #[must_use]
    pub fn credential_changes(&self) -> watch::Receiver<u64> {
        self.inner.changes.subscribe()
    }

    async fn call<T>(
        &self,
        request: Request,
        decode: fn(&Bytes) -> Result<T, Failure>,
    ) -> Result<T, ApiError> {
        let method = request.method;
        let answer = retry::run(method.is_idempotent(), self.inner.patience, || async {
            self.inner.not_held(method)?;
            let answer = self.inner.attempt(self.lane, &request).await?;
            decode(&answer.body).map_err(|failure| ApiError::new(method, failure))
        });
        answer.await
    }

    async fn call_once<T: Whole>(&self, permit: Permit, request: Request) -> Result<T, ApiError> {
        let answer = self.inner.send(permit, &request).await?;
        decode(&answer.body).map_err(|failure| ApiError::new(request.method, failure))
    }
}

impl Inner {
    fn hold(&self, group: Group) -> &Hold {
        &self.holds[group as usize]
    }

    fn not_held(&self, method: ApiMethod) -> Result<(), ApiError> {
        match self.hold(Group::of(method)).failure() {
            Some(failure) => Err(ApiError::new(method, failure)),
            None => Ok(()),
        }
    }

    fn not_closed(&self, method: ApiMethod) -> Result<(), ApiError> {
        match self.gate.as_ref().and_then(|gate| gate.closed()) {
            Some(why) => Err(ApiError::new(method, Failure::NotSent(why.to_owned()))),
            None => Ok(()),
        }
    }

    async fn reserve(&self, lane: Lane, method: ApiMethod) -> Result<Permit, ApiError> {
        // Asking for a token is a call too.
        self.not_closed(method)?;
        let place = self.pacer.place(lane, method).await?;
        let group = Group::of(method);
        let token = self.credential.token(group, PERMIT_LIFE).await.map_err(|failure| {
            let error = ApiError::new(method, failure);
            self.hold_if_refused(&error);
            error
        })?;
        Ok(Permit { place, token })
    }

    /// One try, and after a 401 one more with a new token.
    async fn attempt(&self, lane: Lane, request: &Request) -> Result<Answer, ApiError> {
        let permit = self.reserve(lane, request.method).await?;
        match self.send(permit, request).await {
            Err(error) if error.status() == Some(401) => {
                let permit = self.reserve(lane, request.method).await?;
                let result = self.send(permit, request).await;
                if let Err(error) = &result {
                    self.hold_if_refused(error);
                }
                result
            }
            result => result,
        }
    }

    /// Sends once.
    async fn send(&self, permit: Permit, request: &Request) -> Result<Answer, ApiError> {
        let Permit { place, token } = permit;
        let method = request.method;
        let url = request.url(self.base(method))?;
        self.not_closed(method)?;
        let since = place.spend();
        let began = Instant::now();
        let body = request.body.clone().map(|body| ("application/json", body));
        let outgoing =
            Outgoing { verb: request.verb.clone(), url, bearer: Some(&token), header: None, body };
        let result = match self.http.send(outgoing).await {
            Ok(answer) if (200..300).contains(&answer.status) => Ok(answer),
            Ok(Answer { status, headers, body }) => Err(ApiError {
                method,
                failure: error_body::failure(status, &body),
                retry_after: error_body::retry_after(&headers),
            }),
            Err(broken) => Err(ApiError::new(method, broken.into())),
        };
        self.tell(method, &result, began.elapsed());
        if let Err(error) = &result {
            self.learn(error, since, &token);
        }
        result
    }

    fn base(&self, method: ApiMethod) -> &reqwest::Url {
        match Group::of(method) {
            Group::Reseller => &self.reseller_url,
            Group::Directory => &self.directory_url,
        }
    }

    fn tell(&self, method: ApiMethod, result: &Result<Answer, ApiError>, took: Duration) {
        let (label, status) = match result {
            Ok(answer) => ("ok", Some(answer.status)),
            Err(error) => (error.class().id(), error.status()),
        };
        self.observer.call(method, label, took);
        tracing::debug!(method = method.id(), status, result = label, ?took, "called Google");
    }

    /// What one failed exchange means for those that follow.
    fn learn(&self, error: &ApiError, since: Instant, token: &Arc<SecretString>) {
        match error.class() {
            ErrorClass::Quota => self.pacer.slow_down(since, error),
            ErrorClass::Credentials if error.status() == Some(401) => {
                // A token can be revoked at any time; only a second 401 is about the credential.
                self.credential.drop_token(Group::of(error.method), token);
            }
            _ => self.hold_if_refused(error),
        }
    }

    fn hold_if_refused(&self, error: &ApiError) {
        if error.class() == ErrorClass::Credentials {
            let group = Group::of(error.method);
            if self.hold(group).hold(error.failure.clone()) {
                let (status, reason) = (error.status(), error.reason());
                tracing::error!(?group, status, reason, "Google refuses the credential: held");
            }
        }
    }

    /// Asks Google something harmless, to see whether the credential is good again.
    async fn probe(&self, group: Group) {
        self.credential.renew();
        let request = match group {
            Group::Reseller => request::subscriptions_list(&SubscriptionQuery {
                max_results: Some(1),
                ..Default::default()
            }),
            Group::Directory => request::directory_customers_get("my_customer"),
        };
        let result = self.attempt(Lane::Edit, &request).await;
        let is_still_unknown = matches!(
            result.map_err(|error| error.class()),
            Err(ErrorClass::Credentials | ErrorClass::Unavailable)
        );
        if !is_still_unknown && self.hold(group).release() {
            tracing::info!(?group, "Google takes the credential again");
            self.tick();
        }
    }

    fn tick(&self) {
        self.changes.send_modify(|count| *count += 1);
    }
}

/// Watches the key file, and probes what is held; ends with the last clone of the client.
async fn look_after(client: Weak<Inner>, watch: Watch) {
    let mut timer = tokio::time::interval_at(Instant::now() + watch.look, watch.look);
    timer.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut seen = 0;
    loop {
        timer.tick().await;
        let Some(client) = client.upgrade() else { return };
        let changes = client.credential.key_changes().await;
        let key_changed = changes != seen;
        seen = changes;
        for group in Group::ALL {
            if client.hold(group).probe_is_due(watch.probe, key_changed) {
                client.probe(group).await;
            }
        }
        if key_changed {
            tracing::info!("the service-account key changed on disk and was read again");
            client.tick();
        }
    }
}

impl GoogleApi for Client {
    type Permit = Permit;

    async fn reserve(&self, method: ApiMethod) -> Result<Permit, ApiError> {
        self.inner.not_held(method)?;
        self.inner.reserve(self.lane, method).await
    }

    async fn customers_get(&self, key: &str) -> Result<Customer, ApiError> {
        self.call(request::customers_get(key), decode).await
    }

    async fn customers_insert(
        &self,
        permit: Permit,
        customer: &Customer,
    ) -> Result<Customer, ApiError> {
        self.call_once(permit, request::customers_insert(customer)?).await
    }

    async fn customers_patch(&self, id: &str, patch: &Customer) -> Result<Customer, ApiError> {
        self.call(request::customers_patch(id, patch)?, decode).await
    }

    async fn customers_update(&self, id: &str, customer: &Customer) -> Result<Customer, ApiError> {
        self.call(request::customers_update(id, customer)?, decode).await
    }

    async fn subscriptions_list(
        &self,
        query: &SubscriptionQuery,
    ) -> Result<Subscriptions, ApiError> {
        self.call(request::subscriptions_list(query), decode).await
    }

    async fn directory_customers_get(&self, key: &str) -> Result<DirectoryCustomer, ApiError> {
        self.call(request::directory_customers_get(key), decode).await
    }

    async fn directory_customers_patch(
        &self,
        key: &str,
        patch: &DirectoryCustomer,
    ) -> Result<DirectoryCustomer, ApiError> {
        self.call(request::directory_customers_patch(key, patch)?, decode).await
    }

    async fn users_get(&self, key: &str) -> Result<User, ApiError> {
        self.call(request::users_get(key), decode).await
    }

    async fn users_insert(&self, permit: Permit, user: &NewUser) -> Result<User, ApiError> {
        self.call_once(permit, request::users_insert(user)?).await
    }

    async fn users_make_admin(&self, key: &str) -> Result<(), ApiError> {
        self.call(request::users_make_admin(key)?, decode_nothing).await
    }
}
