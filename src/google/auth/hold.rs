//! After Google refused the credential, calls fail at once, until a probe or a new key says
//! otherwise: a fleet of customers must not hammer an account that is locked out.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use crate::google::error::Failure;

/// The hold on one group of scopes.
#[derive(Debug, Default)]
pub(in crate::google) struct Hold(Mutex<Option<Held>>);

#[derive(Debug)]
struct Held {
    failure: Failure,
    next_probe: Instant,
}

impl Hold {
    fn lock(&self) -> MutexGuard<'_, Option<Held>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Why calls are held, if they are.
    pub(in crate::google) fn failure(&self) -> Option<Failure> {
        self.lock().as_ref().map(|held| held.failure.clone())
    }

    /// Holds from now on. True if it did not before.
    pub(in crate::google) fn hold(&self, failure: Failure) -> bool {
        let mut held = self.lock();
        let next_probe = held.as_ref().map_or_else(Instant::now, |held| held.next_probe);
        held.replace(Held { failure, next_probe }).is_none()
    }

    /// True if it was held.
    pub(in crate::google) fn release(&self) -> bool {
        self.lock().take().is_some()
    }

    /// Whether a probe is due; the next one is then `interval` away. `at_once`: do not wait for it.
    pub(in crate::google) fn probe_is_due(&self, interval: Duration, at_once: bool) -> bool {
        let now = Instant::now();
        match &mut *self.lock() {
            Some(held) if at_once || held.next_probe <= now => {
                held.next_probe = now + interval;
                true
            }
            _ => false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Duration = Duration::from_mins(1);

    #[tokio::test(start_paused = true)]
    async fn a_held_credential_is_probed_slowly_and_at_once_when_it_changes() {
        let hold = Hold::default();
        assert!(!hold.probe_is_due(MINUTE, true), "nothing to probe");
        assert!(hold.hold(Failure::Credentials("no".into())));
        assert!(!hold.hold(Failure::Credentials("still no".into())));
        assert_eq!(hold.failure(), Some(Failure::Credentials("still no".into())));
        assert!(hold.probe_is_due(MINUTE, false));
        assert!(!hold.probe_is_due(MINUTE, false));
        assert!(hold.probe_is_due(MINUTE, true));
        tokio::time::advance(MINUTE).await;
        assert!(hold.probe_is_due(MINUTE, false));
        assert!(hold.release());
        assert!(!hold.release());
        assert_eq!(hold.failure(), None);
    }
}
