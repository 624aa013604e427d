//! A small model of the controller around `pass`: what it remembers between passes, what it loses
//! when it dies, what it writes. Time moves only between rounds.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::AtomicU8;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use reseller_operator::crd::{AdoptionPolicy, ResellerCustomerSpec, ResellerCustomerStatus};
use reseller_operator::domain::memory::open_order;
use reseller_operator::domain::{Desired, Field};
use reseller_operator::google::ApiMethod;
use reseller_operator::pass::{Subject, pass};
use reseller_operator::plan::conditions::is_true;
use reseller_operator::plan::outcome::Outcome;
use reseller_operator::plan::{
    Claim, Grace, Next, OrderGate, PasswordSecret, Surroundings, announce, stopped_before_read,
};
use reseller_operator::simulator::{
    Account, CallFilter, CallRecord, CustomerType, InProcess, Owner, PrimaryAdmin, Simulator, State,
};

use crate::checks;
use crate::scenario::{
    DOMAIN, Interruption, OTHER, Scenario, Secret, Seed, Values, team_admin, value,
};
use crate::shell::{Book, Kube, LAG_GRACE, Round, Shell, lock};

/// More rounds than any object needs to come to rest.
const MOST_ROUNDS: usize = 60;

/// One object, its controller and Google.
#[derive(Debug)]
pub(crate) struct World {
    pub(crate) google: InProcess,
    pub(crate) spec: ResellerCustomerSpec,
    pub(crate) generation: i64,
    pub(crate) kube: Arc<Mutex<Kube>>,
    pub(crate) book: Arc<Mutex<Book>>,
    pub(crate) approve_order: Option<String>,
    pub(crate) refresh: Option<String>,
    pub(crate) is_limited: bool,
    /// Whether another object holds the claim.
    pub(crate) is_claimed: bool,
    process: Process,
    nonces: u32,
    failures: u32,
}

/// What dies with the process.
#[derive(Debug)]
struct Process {
    started: Timestamp,
    graces: BTreeMap<Grace, Timestamp>,
    wrote: Option<Timestamp>,
    /// Fields written and not read back yet, with the value before.
    unverified: BTreeMap<Field, String>,
    /// When an order of the domain was made whose account may not be readable yet.
    ordered: Option<Timestamp>,
}

impl Process {
    fn starting(now: Timestamp) -> Self {
        Self {
            started: now,
            graces: BTreeMap::new(),
            wrote: None,
            unverified: BTreeMap::new(),
            ordered: None,
        }
    }
}

/// What a round came to.
#[derive(Debug)]
pub(crate) struct Ended {
    /// When to look again; none: the pass was interrupted.
    pub(crate) next: Option<Next>,
    /// Writes that were sent to Google.
    pub(crate) writes: Vec<CallRecord>,
    /// Whether the object was written.
    pub(crate) is_published: bool,
}

impl World {
    pub(crate) fn new(scenario: &Scenario) -> Self {
        let start: Timestamp = "2026-01-01T00:00:00Z".parse().expect("a time");
        let mut state = State::default();
        state.options = scenario.options.clone();
        for (place, seed) in scenario.seeds.iter().enumerate() {
            state.add(seeded(seed, &format!("C0acme{place}")), start);
        }
        let other = Seed { team: false, foreign: false, admin: 0, values: [0; 12] };
        let mut other = seeded(&other, OTHER);
        "other.example".clone_into(&mut other.customer_domain);
        state.add(other, start);
        let kube = Kube {
            status: ResellerCustomerStatus::default(),
            secret: Secret::Absent,
            secret_version: 0,
            writes: 0,
        };
        Self {
            google: InProcess::new(Simulator::fixed(state, start)),
            spec: scenario.draft.spec(),
            generation: 1,
            kube: Arc::new(Mutex::new(kube)),
            book: Arc::default(),
            approve_order: None,
            refresh: None,
            is_limited: false,
            is_claimed: false,
            process: Process::starting(start),
            nonces: 0,
            failures: 0,
        }
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.google.simulator().simulation().now()
    }

    pub(crate) fn advance(&self, by: SignedDuration) {
        self.google.simulator().advance(by);
    }

    pub(crate) fn status(&self) -> ResellerCustomerStatus {
        lock(&self.kube).status.clone()
    }

    /// The process dies, and another one begins.
    pub(crate) fn restart(&mut self) {
        if lock(&self.book).unreadable_until.is_some() {
            self.advance(LAG_GRACE);
        }
        self.process = Process::starting(self.now());
        self.failures = 0;
    }

    /// The object is deleted and created again: its status is lost, the locks are not. That a
    /// restart loses them is documented, so what was ordered before one is readable by then.
    pub(crate) fn recreate(&mut self) {
        if self.process.ordered.is_none() {
            self.advance(LAG_GRACE);
        }
        let mut book = lock(&self.book);
        book.unreadable_until = self.process.ordered.map(|at| at + LAG_GRACE);
        book.orders.clear();
        book.inserts.clear();
        lock(&self.kube).status = ResellerCustomerStatus::default();
        self.generation = 1;
        self.process.graces.clear();
    }

    pub(crate) fn surroundings(&self) -> Surroundings {
        let now = self.now();
        let since = |at: Timestamp| Duration::try_from(now.duration_since(at)).unwrap_or_default();
        let is_locked = self.process.ordered.is_some_and(|at| now.duration_since(at) < LAG_GRACE);
        let kube = lock(&self.kube);
        Surroundings {
            name: "acme".to_owned(),
            namespace: "default".to_owned(),
            orders: match (self.is_limited, is_locked) {
                (_, true) => OrderGate::Locked,
                (true, false) => OrderGate::Limit,
                (false, false) => OrderGate::Open,
            },
            claim: if self.is_claimed { Claim::Other(None) } else { Claim::Held },
            graces: self.process.graces.iter().map(|(g, at)| (g.clone(), since(*at))).collect(),
            since_write: self.process.wrote.map(since),
            unverified: self.process.unverified.clone(),
            approve_order: self.approve_order.clone(),
            reconcile_requested_at: self.refresh.clone(),
            password: match kube.secret {
                Secret::Absent => PasswordSecret::Absent,
                Secret::KeyMissing => PasswordSecret::KeyMissing,
                Secret::Unusable => PasswordSecret::Unusable,
                Secret::Present => PasswordSecret::Present(kube.secret_version.to_string()),
            },
            nonce: format!("nonce-{}", self.nonces),
            ..Surroundings::default()
        }
    }

    /// The pass of the controller, from the object to its status.
    pub(crate) fn round(&mut self, interruption: Interruption) -> Ended {
        let now = self.now();
        self.nonces += 1;
        let surroundings = self.surroundings();
        let desired = Desired::validate(&self.spec);
        let before = self.status();
        let writes = lock(&self.kube).writes;
        let seen = self.last_call();
        if stopped_before_read(&self.spec, &desired, &before, &surroundings).is_continue()
            && let Ok(desired) = &desired
            && let Some(status) = announce(desired, &before, self.generation, now)
        {
            self.write(status);
        }
        let memory = self.status();
        let shell = Shell {
            google: self.google.clone(),
            kube: Arc::clone(&self.kube),
            book: Arc::clone(&self.book),
            round: self.facts(interruption, &memory),
            steps: AtomicU8::new(0),
        };
        let generation = self.generation;
        let subject = Subject { spec: &self.spec, desired: &desired, memory: &memory, generation };
        let ended = pass(&shell, &shell, subject, &surroundings, now).now_or_never();
        let next = match ended {
            Some(Ok(_)) if interruption == Interruption::CrashBeforePublish => {
                self.restart();
                None
            }
            Some(Ok(outcome)) => {
                checks::events(&outcome.events);
                let next = outcome.next;
                self.finish(outcome, interruption, &memory, seen);
                Some(next)
            }
            Some(Err(_)) => None,
            None => {
                self.restart();
                None
            }
        };
        if self.spec.suspend || self.is_claimed {
            assert_eq!(self.last_call(), seen, "Google is called for an object that may not");
        }
        let is_published = lock(&self.kube).writes != writes;
        Ended { next, writes: self.writes_since(seen), is_published }
    }

    /// What the controller keeps of a pass, and what it writes.
    fn finish(
        &mut self,
        outcome: Outcome,
        interruption: Interruption,
        memory: &ResellerCustomerStatus,
        seen: u64,
    ) {
        let now = self.now();
        if is_true(&outcome.status.conditions, "Synced") {
            self.process.unverified.clear();
        }
        self.process.unverified.extend(outcome.written());
        self.process.graces.retain(|grace, _| outcome.graces.contains(grace));
        for grace in outcome.graces {
            self.process.graces.entry(grace).or_insert(now);
        }
        let failed = outcome.applied.failure.as_ref();
        let sent = failed.filter(|(_, error)| error.may_have_been_applied());
        let done = outcome.applied.done.iter().map(|(action, _)| action);
        let wrote: Vec<_> = done.chain(sent.map(|(action, _)| action)).collect();
        if !wrote.is_empty() {
            self.process.wrote = Some(now);
        }
        if wrote.iter().any(|action| action.method() == ApiMethod::CustomersInsert) {
            self.process.ordered = Some(now);
        }
        self.failures = match outcome.next {
            Next::Retry => self.failures + 1,
            _ => 0,
        };
        let called = !outcome.applied.done.is_empty() || failed.is_some();
        if interruption == Interruption::PublishLost && !called {
            return;
        }
        checks::verdict(self, memory, &outcome.status, seen);
        self.write(outcome.status);
    }

    fn write(&self, status: ResellerCustomerStatus) {
        let mut kube = lock(&self.kube);
        if kube.status == status {
            return;
        }
        checks::shape(&kube.status, &status);
        checks::generation(&kube.status, &status, self.generation);
        lock(&self.book).resolve(&status);
        kube.status = status;
        kube.writes += 1;
    }

    fn facts(&self, interruption: Interruption, memory: &ResellerCustomerStatus) -> Round {
        let asked = memory.approval.as_ref().map(|approval| &approval.token);
        Round {
            spec: self.spec.clone(),
            interruption,
            started: self.process.started,
            word: self.approve_order.clone().filter(|word| Some(word) == asked),
            writable: self.writable(memory),
            is_lost: memory.lost_at.is_some() && !self.is_another_pinned(memory),
        }
    }

    fn is_another_pinned(&self, memory: &ResellerCustomerStatus) -> bool {
        self.spec.customer_id.is_some() && self.spec.customer_id != memory.customer_id
    }

    /// The accounts that this object may write now: the one that is ours, or that may become so in
    /// this very pass.
    fn writable(&self, memory: &ResellerCustomerStatus) -> BTreeSet<String> {
        let is_open = open_order(memory).is_some();
        let mut writable = BTreeSet::new();
        if memory.origin.is_some() && !self.is_another_pinned(memory) && !is_open {
            writable.extend(memory.customer_id.clone());
            return writable;
        }
        if self.spec.adoption_policy == AdoptionPolicy::IfUnchanged && !is_open {
            return writable;
        }
        let simulation = self.google.simulator().simulation();
        for account in simulation.state().accounts().values().filter(|account| account.is_own()) {
            let is_meant = match &self.spec.customer_id {
                Some(pinned) => *pinned == account.customer_id,
                None => account.customer_domain == self.spec.customer_domain,
            };
            if is_meant {
                writable.insert(account.customer_id.clone());
            }
        }
        writable
    }

    /// How long the controller waits before it looks again.
    pub(crate) fn delay(&self, next: Option<Next>) -> SignedDuration {
        SignedDuration::from_secs(match next {
            Some(Next::Soon) | None => 1,
            Some(Next::Settle) => 30,
            // A minute is made more: an hour of them is waited for too.
            Some(Next::Grace | Next::Onboarding | Next::Minute | Next::OrderLimit) => 600,
            Some(Next::Retry) => 15 << self.failures.min(7),
            Some(Next::StalledRetry) => 3600,
            Some(Next::Resync | Next::AwaitChange) => 24 * 3600,
        })
    }

    /// Rounds until the object rests: nothing is written at Google or in Kubernetes any more.
    pub(crate) fn settle(&mut self) -> Vec<Ended> {
        let mut rounds: Vec<Ended> = Vec::new();
        let mut quiet = 0;
        while quiet < 2 {
            assert!(
                rounds.len() < MOST_ROUNDS,
                "does not come to rest: {:#?}\n{rounds:#?}",
                self.status()
            );
            let ended = self.round(Interruption::None);
            let is_resting = matches!(
                ended.next,
                Some(Next::Resync | Next::Onboarding | Next::StalledRetry | Next::AwaitChange)
            );
            let is_quiet = is_resting && !ended.writes.iter().any(|call| call.committed);
            quiet = if is_quiet && (!ended.is_published || !ended.writes.is_empty()) {
                quiet + 1
            } else {
                0
            };
            self.advance(self.delay(ended.next));
            rounds.push(ended);
        }
        rounds
    }

    /// Whether the account that the status knows is gone from Google.
    pub(crate) fn is_gone(&self) -> bool {
        let simulation = self.google.simulator().simulation();
        self.status().customer_id.is_some_and(|id| simulation.state().account(&id).is_none())
    }

    /// The number of the last call.
    pub(crate) fn last_call(&self) -> u64 {
        let calls = self.google.simulator().simulation().calls(&CallFilter::default());
        calls.last().map_or(0, |call| call.number)
    }

    pub(crate) fn calls_since(&self, seen: u64) -> Vec<CallRecord> {
        let filter = CallFilter { after: seen, ..CallFilter::default() };
        self.google.simulator().simulation().calls(&filter)
    }

    fn writes_since(&self, seen: u64) -> Vec<CallRecord> {
        let writes = ["insert", "patch", "update", "makeAdmin"];
        let mut calls = self.calls_since(seen);
        calls.retain(|call| writes.iter().any(|write| call.method.ends_with(write)));
        calls
    }
}

/// An account that was there before.
pub(crate) fn seeded(seed: &Seed, id: &str) -> Account {
    let mut account = account(seed.team, seed.admin, &seed.values);
    id.clone_into(&mut account.customer_id);
    if seed.foreign {
        account.owner = Owner::Foreign;
    }
    account
}

fn account(is_team: bool, admin: u8, values: &Values) -> Account {
    let some = |field| Some(value(values, field).to_owned()).filter(|value| !value.is_empty());
    let members = Field::ALL.into_iter().filter(|field| field.is_address()).filter_map(|field| {
        let member = field.path().rsplit('.').next()?.to_owned();
        Some((member, some(field)?))
    });
    Account {
        customer_domain: DOMAIN.to_owned(),
        customer_type: if is_team { CustomerType::Team } else { CustomerType::Domain },
        postal_address: members.collect(),
        alternate_email: some(Field::AlternateEmail),
        phone_number: some(Field::PhoneNumber),
        language: value(values, Field::Language).to_owned(),
        primary_admin: is_team.then(|| PrimaryAdmin { primary_email: team_admin(admin) }),
        ..Account::default()
    }
}
