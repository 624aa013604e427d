//! A simulation that several callers share, over HTTP or in process.

use std::fs::{self, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::sync::Notify;

use super::accounts::Account;
use super::auth::ServiceAccount;
use super::calls::{CallFilter, CallRecord};
use super::clock::{Clock, wall_clock};
use super::error::Error;
use super::rules::Refusal;
use super::simulation::{Request, Response, Simulation};
use super::state::State;

/// A shared simulation. Clones are the same one.
#[derive(Clone, Debug)]
pub struct Simulator {
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    simulation: Mutex<Simulation>,
    changed: Notify,
    store: Option<PathBuf>,
}

/// What the state file holds.
#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
struct Saved {
    clock_offset_seconds: i64,
    state: State,
}

impl Simulator {
    /// A simulator whose clock stands still until it is advanced.
    #[must_use]
    pub fn fixed(state: State, start: Timestamp) -> Self {
        Self::around(Simulation::new(state, Clock::fixed(start)), None)
    }

    /// A simulator that runs with the wall clock. With a store it goes on where the file there
    /// left off, and keeps the file up to date; `accounts` are only for a state that begins.
    pub fn live(accounts: Vec<Account>, store: Option<PathBuf>) -> Result<Self, Error> {
        let saved = match &store {
            Some(path) if path.exists() => Some(load(path)?),
            _ => None,
        };
        let mut simulation = if let Some(Saved { clock_offset_seconds, state }) = saved {
            let offset = SignedDuration::from_secs(clock_offset_seconds);
            Simulation::new(state, Clock::wall(offset))
        } else {
            let now = wall_clock();
            let seed = u64::try_from(now.as_microsecond()).unwrap_or_default();
            let mut state = State { seed, ..State::default() };
            for account in accounts {
                state.add(account, now);
            }
            Simulation::new(state, Clock::wall(SignedDuration::ZERO))
        };
        simulation.unsaved = true;
        let simulator = Self::around(simulation, store);
        simulator.save(&mut simulator.simulation())?;
        Ok(simulator)
    }

    fn around(simulation: Simulation, store: Option<PathBuf>) -> Self {
        let shared = Shared { simulation: Mutex::new(simulation), changed: Notify::new(), store };
        Self { shared: Arc::new(shared) }
    }

    /// The simulation, locked. Do not hold it over an await.
    pub fn simulation(&self) -> MutexGuard<'_, Simulation> {
        self.shared.simulation.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Lets simulated time pass.
    pub fn advance(&self, by: SignedDuration) {
        self.simulation().advance(by);
    }

    /// Answers a request as its faults say: late, when released, or (none) not at all.
    pub(super) async fn call(&self, request: Request) -> Option<Response> {
        let delivery = {
            let mut simulation = self.simulation();
            let delivery = simulation.receive(request);
            self.save_or_warn(&mut simulation);
            delivery
        };
        self.shared.changed.notify_waiters();
        self.until(|simulation| !simulation.held.contains(&delivery.number)).await;
        if let Some(delay) = delivery.delay {
            pause(delay).await;
        }
        delivery.response
    }

    /// Serves `/simulator/...`; see `docs/simulator.md`.
    pub(super) fn control(&self, request: &Request, path: &[&str]) -> Result<Value, Refusal> {
        let answer = {
            let mut simulation = self.simulation();
            let answer = simulation.control(&request.verb, path, &request.query, &request.body);
            self.save_or_warn(&mut simulation);
            answer
        };
        self.shared.changed.notify_waiters();
        answer
    }

    /// Answers that are held go out.
    pub fn release(&self) {
        self.simulation().held.clear();
        self.shared.changed.notify_waiters();
    }

    /// Waits until so many calls match, and says which.
    pub async fn seen(&self, filter: &CallFilter, count: usize) -> Vec<CallRecord> {
        self.until(|simulation| simulation.calls.count(filter) >= count).await;
        self.simulation().calls(filter)
    }

    async fn until(&self, is_so: impl Fn(&Simulation) -> bool) {
        loop {
            let changed = self.shared.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            if is_so(&self.simulation()) {
                return;
            }
            changed.await;
        }
    }

    /// Writes a service-account key file, for its owner only, whose assertions this simulator
    /// takes. A key file of a simulator that is there keeps its key.
    ///
    /// # Errors
    ///
    /// [`Error::ForeignKey`] for any other file that is there: it may be the key for the real
    /// Google, named by the same environment variable.
    pub fn write_key_file(&self, path: &Path, token_uri: &str) -> Result<(), Error> {
        let mut simulation = self.simulation();
        if path.exists() {
            let text = fs::read_to_string(path).unwrap_or_default();
            let account = ServiceAccount::from_key_file(&text)
                .ok_or_else(|| Error::ForeignKey { path: path.to_owned() })?;
            simulation.auth.set_service_account(account);
        }
        let account = simulation.auth.service_account().map_err(Error::Key)?;
        let text = account.key_file(token_uri).map_err(Error::Key)?;
        replace(path, text.as_bytes())
            .map_err(|source| Error::WriteKey { path: path.to_owned(), source })
    }

    fn save_or_warn(&self, simulation: &mut Simulation) {
        if let Err(error) = self.save(simulation) {
            tracing::warn!(error = &error as &dyn std::error::Error, "state not saved");
        }
    }

    fn save(&self, simulation: &mut Simulation) -> Result<(), Error> {
        let Some(path) = self.shared.store.as_deref().filter(|_| simulation.unsaved) else {
            return Ok(());
        };
        let saved = Saved {
            clock_offset_seconds: simulation.clock.offset.as_secs(),
            state: simulation.state.clone(),
        };
        serde_json::to_vec_pretty(&saved)
            .map_err(std::io::Error::from)
            .and_then(|json| replace(path, &json))
            .map_err(|source| Error::WriteState { path: path.to_owned(), source })?;
        simulation.unsaved = false;
        Ok(())
    }
}

fn load(path: &Path) -> Result<Saved, Error> {
    fs::read(path)
        .and_then(|text| Ok(serde_json::from_slice(&text)?))
        .map_err(|source| Error::ReadState { path: path.to_owned(), source })
}

/// Writes a file as a whole or not at all, readable for its owner only.
fn replace(path: &Path, content: &[u8]) -> std::io::Result<()> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".new");
    let beside = path.with_file_name(name);
    let mut options = OpenOptions::new();
    let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&beside)?;
    file.write_all(content)?;
    drop(file);
    fs::rename(&beside, path)
}

#[expect(clippy::disallowed_methods, reason = "the fault `delay` is about time that passes")]
async fn pause(delay: Duration) {
    tokio::time::sleep(delay).await;
}
