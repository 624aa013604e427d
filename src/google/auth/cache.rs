//! The access token of one group of scopes, kept while it is good.
//!
//! It is asked for anew at 90 % of its life, by one caller at a time; while that fails, or goes on,
//! the others are served the old one as long as it is valid.

use std::future::Future;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use secrecy::SecretString;
use tokio::time::Instant;

use super::exchange::{Fresh, TokenError};

/// After a failed refresh, while the old token still serves, and after a refusal.
const NEXT_TRY: Duration = Duration::from_secs(30);
const REFRESH_AT: f64 = 0.9;

/// A token and how long it is good. Cheap to clone.
#[derive(Clone, Debug)]
pub(super) struct Token {
    pub(super) secret: Arc<SecretString>,
    expires: Instant,
    due: Instant,
}

impl Token {
    fn new(fresh: Fresh, now: Instant) -> Self {
        Self {
            secret: Arc::new(fresh.access_token),
            expires: now + fresh.expires_in,
            due: now + fresh.expires_in.mul_f64(REFRESH_AT),
        }
    }

    pub(super) fn is(&self, other: &Arc<SecretString>) -> bool {
        Arc::ptr_eq(&self.secret, other)
    }
}

/// See the module.
#[derive(Default)]
pub(super) struct TokenCache {
    kept: Mutex<Kept>,
    flight: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Kept {
    token: Option<Token>,
    failure: Option<(Instant, TokenError)>,
}

impl TokenCache {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A token that is good for `min_left`, or that was just made by `fetch`.
    pub(super) async fn get<F>(
        &self,
        min_left: Duration,
        fetch: impl FnOnce() -> F,
    ) -> Result<Token, TokenError>
    where
        F: Future<Output = Result<Fresh, TokenError>>,
    {
        let began = Instant::now();
        let valid = self.valid(began + min_left);
        if let Some(token) = valid.clone().filter(|token| began < token.due) {
            return Ok(token);
        }
        let _flight = match valid {
            Some(old) => match self.flight.try_lock() {
                Ok(flight) => flight,
                Err(_) => return Ok(old),
            },
            None => self.flight.lock().await,
        };
        if let Some(known) = self.second_look(began, min_left) {
            return known;
        }
        let answer = fetch().await;
        let now = Instant::now();
        match answer {
            Ok(fresh) => {
                let token = Token::new(fresh, now);
                *self.kept() = Kept { token: Some(token.clone()), failure: None };
                Ok(token)
            }
            Err(failure) => self.failed(failure, now, min_left),
        }
    }

    fn valid(&self, until: Instant) -> Option<Token> {
        self.kept().token.clone().filter(|token| until <= token.expires)
    }

    /// What the one before us in the flight brought home.
    fn second_look(&self, began: Instant, min_left: Duration) -> Option<Result<Token, TokenError>> {
        let now = Instant::now();
        let Kept { token, failure } = &*self.kept();
        if let Some(token) = token.as_ref().filter(|token| now + min_left <= token.expires) {
            return (now < token.due).then(|| Ok(token.clone()));
        }
        let (at, failure) = failure.as_ref()?;
        let stands = *at >= began || (failure.is_refusal() && now < *at + NEXT_TRY);
        stands.then(|| Err(failure.clone()))
    }

    fn failed(
        &self,
        failure: TokenError,
        now: Instant,
        min_left: Duration,
    ) -> Result<Token, TokenError> {
        let mut kept = self.kept();
        kept.token = kept.token.take().filter(|token| now < token.expires);
        if let Some(token) = &mut kept.token {
            token.due = now + NEXT_TRY;
            if now + min_left <= token.expires {
                return Ok(token.clone());
            }
        }
        kept.failure = Some((now, failure.clone()));
        Err(failure)
    }

    /// Google did not take this token: the next call asks for another.
    pub(super) fn drop_token(&self, refused: &Arc<SecretString>) {
        let mut kept = self.kept();
        kept.token = kept.token.take().filter(|token| !token.is(refused));
    }

    /// The credential changed: the next call asks for another token, whatever was said before. The
    /// old one serves until there is one.
    pub(super) fn renew(&self) {
        let mut kept = self.kept();
        kept.failure = None;
        if let Some(token) = &mut kept.token {
            token.due = Instant::now();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::cell::Cell;

    use secrecy::ExposeSecret;

    use super::*;

    const HOUR: Duration = Duration::from_hours(1);
    const LEFT: Duration = Duration::from_secs(10);

    fn fresh(name: &str) -> Fresh {
        Fresh { access_token: name.to_owned().into(), expires_in: HOUR }
    }

    fn away() -> TokenError {
        TokenError::Unavailable("away".to_owned())
    }

    async fn get(cache: &TokenCache, answer: Result<Fresh, TokenError>) -> Result<String, String> {
        match cache.get(LEFT, async || answer).await {
            Ok(token) => Ok(token.secret.expose_secret().to_owned()),
            Err(error) => Err(error.to_string()),
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_token_is_kept_for_nine_tenths_of_its_life() {
        let cache = TokenCache::default();
        assert_eq!(get(&cache, Ok(fresh("one"))).await.unwrap(), "one");
        tokio::time::advance(HOUR.mul_f64(0.89)).await;
        assert_eq!(get(&cache, Ok(fresh("two"))).await.unwrap(), "one");
        tokio::time::advance(HOUR.mul_f64(0.02)).await;
        assert_eq!(get(&cache, Ok(fresh("two"))).await.unwrap(), "two");
    }

    #[tokio::test(start_paused = true)]
    async fn the_old_token_serves_while_it_is_valid_and_a_refresh_fails() {
        let cache = TokenCache::default();
        get(&cache, Ok(fresh("one"))).await.unwrap();
        tokio::time::advance(HOUR.mul_f64(0.95)).await;
        assert_eq!(get(&cache, Err(away())).await.unwrap(), "one");
        assert_eq!(get(&cache, Ok(fresh("two"))).await.unwrap(), "one", "not asked again at once");
        tokio::time::advance(NEXT_TRY).await;
        assert_eq!(get(&cache, Ok(fresh("two"))).await.unwrap(), "two");
        tokio::time::advance(HOUR).await;
        assert!(get(&cache, Err(away())).await.is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn many_callers_cause_one_request_and_share_its_outcome() {
        for outcome in [Ok(fresh("one")), Err(away())] {
            let (cache, asked) = (TokenCache::default(), Cell::new(0));
            let callers = (0..20).map(|_| {
                cache.get(LEFT, async || {
                    asked.set(asked.get() + 1);
                    tokio::time::advance(Duration::from_secs(1)).await;
                    match &outcome {
                        Ok(_) => Ok(fresh("one")),
                        Err(error) => Err(error.clone()),
                    }
                })
            });
            let results = futures::future::join_all(callers).await;
            assert_eq!(asked.get(), 1);
            assert!(results.iter().all(|result| result.is_ok() == outcome.is_ok()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_refusal_stands_for_a_while_unless_the_credential_changes() {
        let cache = TokenCache::default();
        let refused = || Err(TokenError::Refused("invalid_scope".into(), String::new()));
        assert!(get(&cache, refused()).await.is_err());
        assert!(get(&cache, Ok(fresh("one"))).await.is_err());
        cache.renew();
        assert_eq!(get(&cache, Ok(fresh("one"))).await.unwrap(), "one");
    }

    #[tokio::test(start_paused = true)]
    async fn only_the_refused_token_is_dropped() {
        let cache = TokenCache::default();
        let old = cache.get(LEFT, async || Ok(fresh("one"))).await.unwrap().secret;
        cache.drop_token(&old);
        assert_eq!(get(&cache, Ok(fresh("two"))).await.unwrap(), "two");
        cache.drop_token(&old);
        assert_eq!(get(&cache, Ok(fresh("three"))).await.unwrap(), "two");
    }
}
