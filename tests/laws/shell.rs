//! What stands between a pass and the outside: the ledger's store and Google, with the operator
//! dying at any step, and with the rules that hold at the very moment of a write.

use std::collections::BTreeSet;
use std::future::{pending, poll_fn};
use std::mem::replace;
use std::sync::atomic::{AtomicBool, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Poll;

use jiff::{SignedDuration, Timestamp};
use reseller_operator::crd::{
    ManagementPolicy, OperationKind, Origin, ResellerCustomerSpec, ResellerCustomerStatus,
    SecretKeyRef,
};
use reseller_operator::google::types::{
    Customer, DirectoryCustomer, NewUser, SubscriptionQuery, Subscriptions, User,
};
use reseller_operator::google::{ApiError, ApiMethod, Failure, GoogleApi};
use reseller_operator::record::Record;
use reseller_operator::simulator::{CallFilter, CallRecord, InProcess};
use secrecy::SecretString;

use crate::scenario::{Interruption, Secret};

/// How long a 404 may be lag.
pub(crate) const LAG_GRACE: SignedDuration = SignedDuration::from_mins(10);

/// What Kubernetes stores of the object and beside it.
#[derive(Debug)]
pub(crate) struct Kube {
    pub(crate) status: ResellerCustomerStatus,
    pub(crate) secret: Secret,
    pub(crate) secret_version: u32,
    pub(crate) writes: u32,
    /// resourceVersion.
    pub(crate) version: u64,
    /// uid.
    pub(crate) uid: u32,
    /// The status before the last write, and its version.
    /// As it was before the last write of the status.
    pub(crate) earlier: Option<Basis>,
}

/// An object as it was read.
#[derive(Clone, Debug)]
pub(crate) struct Basis {
    pub(crate) version: u64,
    pub(crate) uid: u32,
    pub(crate) status: ResellerCustomerStatus,
}

impl Basis {
    /// The operation that is open.
    pub(crate) fn operation(&self) -> Option<&str> {
        self.status.pending_operation.as_ref().map(|operation| operation.id.as_str())
    }
}

impl Kube {
    /// The object as it is read now.
    pub(crate) fn basis(&self) -> Basis {
        Basis { version: self.version, uid: self.uid, status: self.status.clone() }
    }

    /// Writes the status.
    pub(crate) fn write(&mut self, status: ResellerCustomerStatus) {
        self.earlier = Some(self.basis());
        self.status = status;
        self.writes += 1;
        self.version += 1;
    }
}

/// The calls that must not be repeated, as the law of retries sees them.
#[derive(Debug, Default)]
pub(crate) struct Book {
    pub(crate) orders: Vec<Attempt>,
    pub(crate) inserts: Vec<Attempt>,
    /// Accounts that this object's orders made.
    pub(crate) made: BTreeSet<String>,
    /// Words of a person that were used up.
    pub(crate) used: BTreeSet<String>,
    /// Before this, nothing is known to be readable of an order of a forgotten object.
    pub(crate) unreadable_until: Option<Timestamp>,
}

/// One call that must not be repeated.
#[derive(Debug)]
pub(crate) struct Attempt {
    number: u64,
    key: String,
    at: Timestamp,
    pub(crate) end: End,
}

/// What is known of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Unknown,
    /// Google's answer proves that nothing was made, or reading did.
    NotMade,
    Made,
}

impl Book {
    /// A person's word, which is good for one ledger: an order may be a second one.
    fn consent(&mut self, word: Option<&String>) {
        if word.is_some_and(|word| self.used.insert(word.clone())) {
            self.orders.clear();
            self.made.clear();
            self.unreadable_until = None;
        }
    }

    /// An order was sent.
    fn ordered(&mut self, attempt: Attempt) {
        self.orders.push(attempt);
        // Another account, with users of its own.
        self.inserts.clear();
    }

    /// What the published status knows of the attempts.
    pub(crate) fn resolve(&mut self, status: &ResellerCustomerStatus) {
        let kind = status.pending_operation.as_ref().map(|operation| operation.kind);
        let ends = [
            (&mut self.orders, OperationKind::CustomersInsert, status.origin.is_some()),
            (
                &mut self.inserts,
                OperationKind::UsersInsert,
                status.initial_admin.as_ref().is_some_and(|admin| admin.created),
            ),
        ];
        for (attempts, of, is_made) in ends {
            if kind != Some(of) {
                for attempt in attempts.iter_mut().filter(|attempt| attempt.end == End::Unknown) {
                    attempt.end = if is_made { End::Made } else { End::NotMade };
                }
            }
        }
    }
}

/// What holds during one round.
#[derive(Debug)]
pub(crate) struct Round {
    pub(crate) spec: ResellerCustomerSpec,
    pub(crate) interruption: Interruption,
    /// Since when this process has run.
    pub(crate) started: Timestamp,
    /// The token that was asked for and given.
    pub(crate) word: Option<String>,
    /// Accounts that may be written in this round.
    pub(crate) writable: BTreeSet<String>,
    /// Whether the account was lost before.
    pub(crate) is_lost: bool,
}

/// Google and the ledger for one round.
#[derive(Debug)]
pub(crate) struct Shell {
    pub(crate) google: InProcess,
    pub(crate) kube: Arc<Mutex<Kube>>,
    pub(crate) book: Arc<Mutex<Book>>,
    pub(crate) round: Round,
    pub(crate) steps: AtomicU8,
    /// The object that the pass is about.
    pub(crate) basis: Mutex<Basis>,
    /// Whether this process is not the leader any more.
    pub(crate) is_deposed: AtomicBool,
}

/// The object was written by somebody else.
#[derive(Debug, thiserror::Error)]
#[error("conflict")]
pub(crate) struct Conflict;

/// Once; then it goes on when it is polled again.
async fn stand_still() {
    let mut has_stood = false;
    poll_fn(|_| if replace(&mut has_stood, true) { Poll::Ready(()) } else { Poll::Pending }).await;
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Shell {
    /// A moment at which the process may die or stand still.
    async fn step(&self) {
        let step = self.steps.fetch_add(1, Ordering::Relaxed);
        match self.round.interruption {
            Interruption::Crash(at) if at == step => pending::<()>().await,
            Interruption::Freeze { step: at, .. } if at == step => stand_still().await,
            _ => {}
        }
    }

    /// A moment before a call: nothing is sent by a process that does not lead.
    async fn gate(&self, method: ApiMethod) -> Result<(), ApiError> {
        self.step().await;
        if self.is_deposed.load(Ordering::Relaxed) {
            let why = Failure::NotSent("this process is not the leader".to_owned());
            return Err(ApiError::new(method, why));
        }
        Ok(())
    }

    /// The call is past every check.
    async fn wire(&self) {
        if self.round.interruption == Interruption::OnTheWire {
            stand_still().await;
        }
    }

    fn now(&self) -> Timestamp {
        self.google.simulator().simulation().now()
    }

    fn last_call(&self) -> Option<CallRecord> {
        self.google.simulator().simulation().calls(&CallFilter::default()).pop()
    }

    fn may_write(&self, id: Option<&str>) {
        let Round { spec, writable, .. } = &self.round;
        assert!(!spec.suspend, "no write while suspended");
        assert_ne!(spec.management_policy, ManagementPolicy::Observe, "Observe writes nothing");
        if let Some(id) = id {
            assert!(writable.contains(id), "{id} is written and is not ours");
            assert!(!self.round.is_lost, "{id} is lost and is written");
        }
    }

    fn may_order(&self, order: &Customer) {
        self.may_write(None);
        let spec = &self.round.spec;
        assert_eq!(spec.management_policy, ManagementPolicy::Full, "only Full orders");
        assert_eq!(spec.customer_id, None, "nothing is ordered while an id is pinned");
        assert_eq!(order.customer_domain.as_deref(), Some(spec.customer_domain.as_str()));
        self.has_ledger(OperationKind::CustomersInsert);
        let book = lock(&self.book);
        let is_readable = book.unreadable_until.is_none_or(|until| self.now() >= until);
        assert!(is_readable, "the domain is locked");
        self.may_repeat(&book.orders, &spec.customer_domain, "reseller.customers.get");
        assert_eq!(lock(&self.kube).status.origin, None, "an account was there before");
    }

    /// Law 7: only after an answer that proves that nothing was made, or when reading has told for
    /// longer than the lag grace.
    fn may_repeat(&self, attempts: &[Attempt], key: &str, read: &str) {
        let is_open = |attempt: &&Attempt| attempt.key == key && attempt.end != End::NotMade;
        let Some(last) = attempts.iter().rfind(is_open) else { return };
        let what = format!("a second insert of {key}");
        assert_eq!(last.end, End::Unknown, "{what}, and the first was made");
        let since = last.at.max(self.round.started);
        assert!(self.now().duration_since(since) >= LAG_GRACE, "{what} within the lag grace");
        let filter = CallFilter { after: last.number, ..CallFilter::method(read) };
        let reads = self.google.simulator().simulation().calls(&filter);
        assert!(
            reads.iter().any(|call| call.status == Some(404) && call.reason.is_some()),
            "{what}, and no read has told that the first made nothing"
        );
    }

    fn has_ledger(&self, kind: OperationKind) {
        assert_ne!(self.round.interruption, Interruption::Fence, "sent without the lease");
        let kube = lock(&self.kube);
        let operation = kube.status.pending_operation.as_ref();
        assert_eq!(operation.map(|operation| operation.kind), Some(kind), "no ledger");
    }

    /// Enters an attempt into the book, with what Google's answer proves.
    fn attempted(&self, at: Timestamp) -> Attempt {
        let call = self.last_call().expect("a call was made");
        let is_refused = call.reason.is_some()
            && call.status.is_some_and(|s| matches!(s, 400 | 401 | 403 | 404 | 409 | 412 | 429));
        let end = if is_refused { End::NotMade } else { End::Unknown };
        Attempt { number: call.number, key: call.key, at, end }
    }

    /// Two teams on one domain, both ordered by this object, and the first one still readable.
    fn was_not_ordered_twice(&self) {
        let call = self.last_call().expect("a call was made");
        if !call.committed {
            return;
        }
        let mut book = lock(&self.book);
        let simulation = self.google.simulator().simulation();
        let accounts = simulation.state().accounts().values();
        let of_domain = accounts
            .filter(|account| account.customer_domain == call.key && account.is_own())
            .map(|account| (account.customer_id.clone(), account.customer_creation_time));
        let mut of_domain: Vec<_> = of_domain.collect();
        of_domain.sort_by_key(|(_, made)| *made);
        let earlier = of_domain.iter().rev().skip(1).find(|(id, _)| book.made.contains(id));
        assert!(earlier.is_none(), "ordered twice: {earlier:?}");
        book.made.extend(of_domain.pop().map(|(id, _)| id));
    }
}

impl Record for Shell {
    type Error = Conflict;

    async fn record(&self, status: &ResellerCustomerStatus) -> Result<(), Conflict> {
        self.step().await;
        {
            let mut kube = lock(&self.kube);
            let is_stale = kube.version != lock(&self.basis).version;
            if is_stale || self.round.interruption == Interruption::Conflict {
                return Err(Conflict);
            }
            crate::checks::shape(&kube.status, status);
            let operation = status.pending_operation.as_ref().expect("an operation");
            if operation.kind == OperationKind::CustomersInsert {
                lock(&self.book).consent(self.round.word.as_ref());
            }
            kube.write(status.clone());
            *lock(&self.basis) = kube.basis();
        }
        self.step().await;
        Ok(())
    }

    async fn password(&self, _: &SecretKeyRef) -> Result<SecretString, Conflict> {
        self.step().await;
        {
            let mut kube = lock(&self.kube);
            match kube.secret {
                Secret::Absent => {
                    kube.secret = Secret::Present;
                    kube.secret_version += 1;
                }
                Secret::Present => {}
                Secret::KeyMissing | Secret::Unusable => return Err(Conflict),
            }
        }
        self.step().await;
        Ok(SecretString::from("correct horse"))
    }

    fn fence(&self) -> Option<&'static str> {
        let is_lost = self.round.interruption == Interruption::Fence
            || self.is_deposed.load(Ordering::Relaxed);
        is_lost.then_some("the lease is lost")
    }
}

impl GoogleApi for Shell {
    type Permit = ();

    async fn reserve(&self, method: ApiMethod) -> Result<(), ApiError> {
        self.gate(method).await?;
        self.google.reserve(method).await
    }

    async fn customers_get(&self, key: &str) -> Result<Customer, ApiError> {
        self.gate(ApiMethod::CustomersGet).await?;
        self.google.customers_get(key).await
    }

    async fn customers_insert(&self, (): (), order: &Customer) -> Result<Customer, ApiError> {
        self.gate(ApiMethod::CustomersInsert).await?;
        self.may_order(order);
        let sent = self.now();
        self.wire().await;
        let result = self.google.customers_insert((), order).await;
        self.was_not_ordered_twice();
        let attempt = self.attempted(sent);
        lock(&self.book).ordered(attempt);
        self.step().await;
        result
    }

    async fn customers_patch(&self, id: &str, patch: &Customer) -> Result<Customer, ApiError> {
        self.gate(ApiMethod::CustomersPatch).await?;
        self.may_write(Some(id));
        let result = self.google.customers_patch(id, patch).await;
        self.step().await;
        result
    }

    async fn customers_update(&self, _: &str, _: &Customer) -> Result<Customer, ApiError> {
        unreachable!("PUT is not used")
    }

    async fn subscriptions_list(
        &self,
        query: &SubscriptionQuery,
    ) -> Result<Subscriptions, ApiError> {
        self.gate(ApiMethod::SubscriptionsList).await?;
        self.google.subscriptions_list(query).await
    }

    async fn directory_customers_get(&self, key: &str) -> Result<DirectoryCustomer, ApiError> {
        self.gate(ApiMethod::DirectoryCustomersGet).await?;
        self.google.directory_customers_get(key).await
    }

    async fn directory_customers_patch(
        &self,
        key: &str,
        patch: &DirectoryCustomer,
    ) -> Result<DirectoryCustomer, ApiError> {
        self.gate(ApiMethod::DirectoryCustomersPatch).await?;
        self.may_write(Some(key));
        let result = self.google.directory_customers_patch(key, patch).await;
        self.step().await;
        result
    }

    async fn users_get(&self, key: &str) -> Result<User, ApiError> {
        self.gate(ApiMethod::UsersGet).await?;
        self.google.users_get(key).await
    }

    async fn users_insert(&self, (): (), user: &NewUser) -> Result<User, ApiError> {
        self.gate(ApiMethod::UsersInsert).await?;
        self.may_write(None);
        self.has_ledger(OperationKind::UsersInsert);
        {
            let kube = lock(&self.kube);
            assert_eq!(kube.status.origin, Some(Origin::Ordered), "an admin of another's account");
            assert!(!kube.status.onboarded, "an admin after onboarding");
        }
        self.may_repeat(&lock(&self.book).inserts, &user.primary_email, "directory.users.get");
        let sent = self.now();
        self.wire().await;
        let result = self.google.users_insert((), user).await;
        let attempt = self.attempted(sent);
        lock(&self.book).inserts.push(attempt);
        self.step().await;
        result
    }

    async fn users_make_admin(&self, key: &str) -> Result<(), ApiError> {
        self.gate(ApiMethod::UsersMakeAdmin).await?;
        self.may_write(None);
        let inserts = CallFilter {
            key: Some(key.to_owned()),
            ..CallFilter::method("directory.users.insert")
        };
        let made = self.google.simulator().simulation().calls(&inserts);
        assert!(made.iter().any(|call| call.committed), "a user that we did not make is granted");
        let result = self.google.users_make_admin(key).await;
        self.step().await;
        result
    }
}
