//! Waiting for what will be, with a deadline and without fixed sleeps.

use std::fmt::Debug;
use std::time::Duration;

use kube::Api;
use kube::runtime::wait::{Condition, await_condition};
use serde::de::DeserializeOwned;
use tokio::time::{MissedTickBehavior, interval, timeout};

/// How often [`wait_until`] looks.
const POLL: Duration = Duration::from_millis(100);

/// Asks `check` until it answers `Some`. For what cannot be watched: files, metrics, processes.
///
/// # Panics
/// After `deadline`, naming `what` was waited for.
pub async fn wait_until<T>(
    what: &str,
    deadline: Duration,
    mut check: impl AsyncFnMut() -> Option<T>,
) -> T {
    let mut ticks = interval(POLL);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let found = timeout(deadline, async {
        loop {
            ticks.tick().await;
            if let Some(found) = check().await {
                return found;
            }
        }
    });
    found.await.unwrap_or_else(|_| panic!("waited {deadline:?} in vain for {what}"))
}

/// Watches object `name` until `condition` holds, and gives it as it was then.
///
/// # Panics
/// After `deadline`, naming `what` was waited for and how the object looked at last.
pub async fn wait_for<K>(
    api: &Api<K>,
    name: &str,
    what: &str,
    deadline: Duration,
    condition: impl Condition<K>,
) -> Option<K>
where
    K: kube::Resource + Clone + Debug + Send + DeserializeOwned + 'static,
{
    if let Ok(found) = timeout(deadline, await_condition(api.clone(), name, condition)).await {
        return found.expect("watch");
    }
    let last = api.get_opt(name).await.expect("get");
    panic!("waited {deadline:?} in vain for {what}; {name} is {last:#?}")
}
