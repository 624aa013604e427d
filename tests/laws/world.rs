//! A small model of the controller around `pass`: what it remembers between passes, what it loses
//! when it dies, what it writes. Time moves only between rounds.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex};

use futures::FutureExt as _;
use jiff::{SignedDuration, Timestamp};
use reseller_operator::crd::{AdoptionPolicy, ResellerCustomerSpec, ResellerCustomerStatus};
use reseller_operator::domain::memory::open_order;
use reseller_operator::domain::violation::Violations;
use reseller_operator::domain::{Desired, Field};
use reseller_operator::google::ApiMethod;
use reseller_operator::pass::{Subject, pass};
use reseller_operator::plan::conditions::is_true;
use reseller_operator::plan::outcome::Outcome;
use reseller_operator::plan::{
    Claim, Next, OrderGate, PasswordSecret, Surroundings, announce, stopped_before_read,
};
use reseller_operator::simulator::{
    Account, CallFilter, CallRecord, CustomerType, InProcess, Owner, PrimaryAdmin, Simulator, State,
};

use crate::checks;
use crate::process::{Frozen, Moment, Passing, Process, TAKE_OVER};
use crate::scenario::{
    DOMAIN, Interruption, OTHER, Scenario, Secret, Seed, Values, team_admin, value,
};
use crate::shell::{Basis, Book, Kube, LAG_GRACE, Round, Shell, lock};

/// More rounds than any object needs to come to rest. A wall clock that was set back makes the
/// operator wait until it has caught up, at half a minute a round.
const MOST_ROUNDS: usize = 60 + 2 * 75;

/// One object, its controller and Google.
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
    /// The leader before, if it stands still.
    frozen: Option<Frozen>,
    /// How far the operator's wall clock is ahead of Google's.
    skew: SignedDuration,
    nonces: u32,
    failures: u32,
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
            version: 1,
            uid: 1,
            earlier: None,
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
            frozen: None,
            skew: SignedDuration::ZERO,
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

    fn moment(&self) -> Moment {
        Moment { monotonic: self.now(), wall: self.now() + self.skew }
    }

    /// Sets the wall clock of the operator.
    pub(crate) fn set_clock(&mut self, ahead: SignedDuration) {
        self.skew = ahead;
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
        book.unreadable_until = self.process.ordered.map(|at| at.monotonic + LAG_GRACE);
        book.orders.clear();
        book.inserts.clear();
        let mut kube = lock(&self.kube);
        kube.status = ResellerCustomerStatus::default();
        kube.earlier = None;
        kube.version += 1;
        kube.uid += 1;
        self.generation = 1;
        self.process.graces.clear();
    }

    pub(crate) fn surroundings(&self) -> Surroundings {
        let now = self.moment();
        let since = |at: Moment| at.until(now);
        let is_locked = self.process.ordered.is_some_and(|at| since(at) < LAG_GRACE.unsigned_abs());
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
        let seen = self.last_call();
        let writes = lock(&self.kube).writes;
        let next = self.lead(interruption);
        self.maybe_thaw();
        if self.spec.suspend || self.is_claimed {
            assert_eq!(self.last_call(), seen, "Google is called for an object that may not");
        }
        let is_published = lock(&self.kube).writes != writes;
        Ended { next, writes: self.writes_since(seen), is_published }
    }

    /// The pass of the process that leads.
    fn lead(&mut self, interruption: Interruption) -> Option<Next> {
        let seen = self.last_call();
        self.nonces += 1;
        let surroundings = self.surroundings();
        let desired = Desired::validate(&self.spec);
        let basis = self.announced(interruption, &desired, &surroundings)?;
        let interruption = self.one_at_a_time(interruption);
        let shell = Arc::new(Shell {
            google: self.google.clone(),
            kube: Arc::clone(&self.kube),
            book: Arc::clone(&self.book),
            round: self.facts(interruption, &basis.status),
            steps: AtomicU8::new(0),
            basis: Mutex::new(basis.clone()),
            is_deposed: AtomicBool::new(false),
        });
        let mut pass = self.pass(Arc::clone(&shell), basis.status.clone(), desired, surroundings);
        match (pass.as_mut().now_or_never(), interruption) {
            (Some(Ok(_)), Interruption::CrashBeforePublish) => self.restart(),
            (Some(Ok(outcome)), _) => {
                let next = outcome.next;
                self.finish(&outcome, &shell, &basis.status, seen);
                return Some(next);
            }
            (Some(Err(_)), _) => {}
            (None, Interruption::Freeze { rounds, .. }) => {
                self.depose(Frozen { pass, shell, rounds });
            }
            (None, Interruption::OnTheWire) => {
                self.depose(Frozen { pass, shell, rounds: 1 });
                let next = self.lead(Interruption::None);
                self.thaw();
                return next;
            }
            (None, _) => self.restart(),
        }
        None
    }

    /// A pass that owns all that it needs, so that it can stand still.
    fn pass(
        &self,
        shell: Arc<Shell>,
        memory: ResellerCustomerStatus,
        desired: Result<Desired, Violations>,
        surroundings: Surroundings,
    ) -> Passing {
        let (spec, generation, now) = (self.spec.clone(), self.generation, self.moment().wall);
        Box::pin(async move {
            let subject = Subject { spec: &spec, desired: &desired, memory: &memory, generation };
            pass(&*shell, &*shell, subject, &surroundings, now).await
        })
    }

    /// The object that the pass is about, after it was said that it is looked at.
    fn announced(
        &self,
        interruption: Interruption,
        desired: &Result<Desired, Violations>,
        surroundings: &Surroundings,
    ) -> Option<Basis> {
        let basis = self.basis(interruption == Interruption::Stale);
        let wall = self.moment().wall;
        if stopped_before_read(&self.spec, desired, &basis.status, surroundings).is_continue()
            && let Ok(desired) = desired
            && let Some(status) = announce(desired, &basis.status, self.generation, wall)
        {
            if basis.version != lock(&self.kube).version {
                return None;
            }
            self.write(status);
            return Some(self.basis(false));
        }
        Some(basis)
    }

    fn basis(&self, is_stale: bool) -> Basis {
        let kube = lock(&self.kube);
        kube.earlier.clone().filter(|_| is_stale).unwrap_or_else(|| kube.basis())
    }

    /// There are two processes at most.
    fn one_at_a_time(&self, interruption: Interruption) -> Interruption {
        match interruption {
            Interruption::Freeze { .. } | Interruption::OnTheWire if self.frozen.is_some() => {
                Interruption::None
            }
            other => other,
        }
    }

    /// The process stands still, and another one leads after a while.
    fn depose(&mut self, frozen: Frozen) {
        frozen.shell.is_deposed.store(true, Ordering::Relaxed);
        self.frozen = Some(frozen);
        self.advance(TAKE_OVER);
        self.restart();
    }

    /// The leader before goes on after so many rounds of this one.
    fn maybe_thaw(&mut self) {
        let Some(frozen) = &mut self.frozen else { return };
        match frozen.rounds.checked_sub(1) {
            Some(left) => frozen.rounds = left,
            None => self.thaw(),
        }
    }

    /// The leader before goes on where it stood, writes what it may, and ends.
    pub(crate) fn thaw(&mut self) {
        let Some(mut frozen) = self.frozen.take() else { return };
        let Some(ended) = frozen.pass.as_mut().now_or_never() else {
            unreachable!("it stands still once");
        };
        if let Ok(outcome) = ended {
            checks::events(&outcome.events);
            self.publish(&outcome, &frozen.shell);
        }
    }

    /// What the controller keeps of a pass, and what it writes.
    fn finish(
        &mut self,
        outcome: &Outcome,
        shell: &Shell,
        memory: &ResellerCustomerStatus,
        seen: u64,
    ) {
        checks::events(&outcome.events);
        let now = self.moment();
        if is_true(&outcome.status.conditions, "Synced") {
            self.process.unverified.clear();
        }
        self.process.unverified.extend(outcome.written());
        self.process.graces.retain(|grace, _| outcome.graces.contains(grace));
        for grace in &outcome.graces {
            self.process.graces.entry(grace.clone()).or_insert(now);
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
        if shell.round.interruption == Interruption::PublishLost && !is_called(outcome) {
            return;
        }
        if shell.round.interruption != Interruption::Stale {
            checks::verdict(self, memory, &outcome.status, seen);
        }
        self.publish(outcome, shell);
    }

    /// Writes the status over the object that the pass was about; what a call came to also over a
    /// newer one of the same operation.
    fn publish(&self, outcome: &Outcome, shell: &Shell) {
        let basis = lock(&shell.basis).clone();
        let now = self.basis(false);
        let is_open = basis.operation().is_some() && now.operation() == basis.operation();
        let is_untouched = now.uid == basis.uid && (is_open || now.status == basis.status);
        if now.version == basis.version || is_called(outcome) && is_untouched {
            self.write_over(&basis.status, outcome.status.clone());
        }
    }

    fn write(&self, status: ResellerCustomerStatus) {
        self.write_over(&self.status(), status);
    }

    /// Writes a status that was made from this one.
    fn write_over(&self, before: &ResellerCustomerStatus, status: ResellerCustomerStatus) {
        let mut kube = lock(&self.kube);
        if kube.status == status {
            return;
        }
        checks::shape(before, &status);
        checks::generation(before, &status, self.generation);
        lock(&self.book).resolve(&status);
        kube.write(status);
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

fn is_called(outcome: &Outcome) -> bool {
    !outcome.applied.done.is_empty() || outcome.applied.failure.is_some()
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
