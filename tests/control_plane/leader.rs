//! Two processes, one Lease: never two of them call Google, on the call log. Each process acts as
//! a reseller administrator of its own, so the call log tells them apart.

use std::path::PathBuf;
use std::time::Duration;

use k8s_openapi::api::coordination::v1::{Lease, LeaseSpec};
use kube::Api;
use kube::api::DeleteParams;
use reseller_operator::crd::{Origin, ResellerCustomer};
use reseller_operator::simulator::{CallFilter, CallRecord, Fault, FaultRule};
use tokio::time::Instant;

use crate::common::wait_until;
use crate::gateway::Gateway;
use crate::google::{GET, ORDER};
use crate::operator::Operator;
use crate::specs::{account, domain_spec};
use crate::world::{PATIENCE, World, rights};

const READY: &str = "Ready=True/InSync Synced=True/InSync Stalled=-";
const LEASE: Duration = Duration::from_secs(3);

/// A process that takes part in the election.
struct Candidate {
    name: &'static str,
    operator: Operator,
}

impl Candidate {
    async fn start(world: &World, name: &'static str) -> Self {
        let kubeconfig = user(world, name).await;
        Self::start_with(world, name, kubeconfig).await
    }

    /// Started, and its objects are listed; it may lead or stand by.
    async fn start_with(world: &World, name: &'static str, kubeconfig: PathBuf) -> Self {
        let subject = format!("{name}@reseller.example");
        let arguments = world.arguments(
            &[
                ("--subject", subject.as_str()),
                ("--leader-election", "true"),
                ("--lease-namespace", world.namespace()),
                ("--lease-duration", "3s"),
                // Whoever leads calls Google all the time.
                ("--resync-interval", "200ms"),
            ]
            .map(|(flag, value)| [flag, value])
            .concat(),
        );
        let operator = Operator::spawn(name, &kubeconfig, &arguments);
        operator.is_ready().await;
        Self { name, operator }
    }

    async fn leads(&self) {
        self.operator.says("\"leading\"").await;
    }

    /// What it has called at Google, oldest first.
    fn calls(&self, world: &World) -> Vec<CallRecord> {
        let subject = format!("{}@reseller.example", self.name);
        let mut calls = world.google.simulation().calls(&CallFilter::default());
        calls.retain(|call| call.subject.as_ref() == Some(&subject));
        calls
    }

    /// Waits until it has called Google this often from now on.
    async fn goes_on(&self, world: &World, calls: usize) {
        let before = self.calls(world).len();
        wait_until(&format!("{calls} calls of {}", self.name), PATIENCE, async || {
            (self.calls(world).len() >= before + calls).then_some(())
        })
        .await;
    }

    /// The end of a process that lost the lease.
    async fn ended_without_the_lease(&mut self) {
        assert_eq!(self.operator.ended().await.code(), Some(1));
        assert_eq!(self.operator.lines("the lease is lost").len(), 1);
        assert_eq!(self.operator.lines("given back").len(), 0, "it is not its own to give back");
    }
}

/// A Kubernetes user of its own with the rights of an operator: its kubeconfig.
async fn user(world: &World, name: &str) -> PathBuf {
    let user = user_name(world, name);
    world.grant(world.namespace(), &user, &rights()).await;
    world.kubeconfig(&user)
}

fn user_name(world: &World, name: &str) -> String {
    format!("{name}-{}", world.namespace())
}

fn leases(world: &World) -> Api<Lease> {
    Api::namespaced(world.client.clone(), world.namespace())
}

async fn lease(world: &World) -> LeaseSpec {
    let lease = leases(world).get("reseller-operator").await.expect("the Lease");
    lease.spec.expect("spec")
}

/// The old leader called Google for the last time before the new one did for the first.
fn one_after_the_other(world: &World, old: &Candidate, new: &Candidate) {
    let last = old.calls(world).pop().expect("a call of the old leader");
    let first = new.calls(world).remove(0);
    assert!(last.number < first.number, "{last:?} of the old leader, then {first:?} of the new");
}

fn hold(world: &World, method: &str, domain: &str) {
    let rule = FaultRule::once(method, Fault::Hold);
    world.google.simulation().inject(FaultRule { key: Some(domain.to_owned()), ..rule });
}

async fn settled_account(world: &World) {
    world.add(account("settled.example"));
    world.create("settled", domain_spec("settled.example")).await;
    world.until("settled", READY).await;
}

fn is_ordered(object: &ResellerCustomer) -> bool {
    let status = object.status.as_ref().expect("status");
    status.origin == Some(Origin::Ordered) && status.pending_operation.is_none()
}

#[tokio::test]
async fn of_two_processes_one_works_and_the_other_stands_by() {
    let world = World::new("lead").await;
    let one = Candidate::start(&world, "one").await;
    one.leads().await;
    let mut two = Candidate::start(&world, "two").await;
    settled_account(&world).await;
    world.create("acme", domain_spec("acme.example")).await;
    assert!(is_ordered(&world.until("acme", READY).await));
    one.goes_on(&world, 20).await;

    assert_eq!(two.calls(&world), []);
    let mut writes = world.plane.writes(&user_name(&world, "two"));
    writes.retain(|write| write.resource != "selfsubjectaccessreviews");
    assert_eq!(writes, [], "who stands by writes nothing, not even to the Lease");
    assert_eq!(two.operator.get("/readyz").await, "ok\n", "it is ready to take over");
    assert_eq!(lease(&world).await.lease_duration_seconds, Some(3));
    assert_eq!(world.calls_for(ORDER, "acme.example").len(), 1);

    two.operator.terminate().await;
    assert_eq!(two.operator.ended().await.code(), Some(0));
    one.goes_on(&world, 5).await;
    assert_eq!(lease(&world).await.lease_transitions, Some(1));
}

#[tokio::test]
async fn without_rights_to_the_lease_it_does_not_start() {
    let world = World::new("norights").await;
    let user = user_name(&world, "one");
    let rules: Vec<_> = rights().as_array().expect("rules").iter().take(4).cloned().collect();
    world.grant(world.namespace(), &user, &rules.into()).await;
    let arguments =
        world.arguments(&["--leader-election", "true", "--lease-namespace", world.namespace()]);
    let mut operator = Operator::spawn("norights", &world.kubeconfig(&user), &arguments);
    assert_eq!(operator.ended().await.code(), Some(1));
    let log = operator.log();
    assert!(log.contains("may not get leases, create leases, update leases in namespace"), "{log}");
    assert!(log.contains("API group coordination.k8s.io"), "{log}");
}

#[tokio::test]
async fn sigterm_gives_the_lease_back_after_the_last_pass() {
    let world = World::new("handover").await;
    let mut one = Candidate::start(&world, "one").await;
    one.leads().await;
    let two = Candidate::start(&world, "two").await;
    settled_account(&world).await;
    hold(&world, ORDER, "acme.example");
    world.create("acme", domain_spec("acme.example")).await;
    world.seen(ORDER, 1).await;
    one.operator.terminate().await;
    one.operator.says("stopping: SIGTERM").await;

    // Its order takes longer than the lease: it stays the leader until it has ended.
    let renewed = lease(&world).await.renew_time.expect("renewed").0;
    wait_until("renewals for longer than the lease", PATIENCE, async || {
        let now = lease(&world).await.renew_time?.0;
        (now.duration_since(renewed).unsigned_abs() > LEASE).then_some(())
    })
    .await;
    assert_eq!(two.calls(&world), []);
    world.google.release();
    assert_eq!(one.operator.ended().await.code(), Some(0));
    let ended = Instant::now();
    assert_eq!(one.operator.lines("the lease is given back").len(), 1);
    two.leads().await;
    let took = ended.elapsed();
    assert!(took < Duration::from_millis(2400), "it need not wait for the lease: {took:?}");

    two.goes_on(&world, 5).await;
    one_after_the_other(&world, &one, &two);
    assert!(is_ordered(&world.until("acme", READY).await));
    assert_eq!(world.calls_for(ORDER, "acme.example").len(), 1);
    assert_eq!(lease(&world).await.lease_transitions, Some(2));
}

#[tokio::test]
async fn after_sigkill_the_other_waits_for_the_lease_and_finds_the_order() {
    let world = World::new("sigkill").await;
    let mut one = Candidate::start(&world, "one").await;
    one.leads().await;
    let two = Candidate::start(&world, "two").await;
    hold(&world, ORDER, "acme.example");
    world.create("acme", domain_spec("acme.example")).await;
    world.seen(ORDER, 1).await;
    one.operator.kill().await;
    let killed = Instant::now();
    two.leads().await;
    // The last renewal was at most a renewal interval (0.4 s) ago.
    let took = killed.elapsed();
    assert!(took > Duration::from_millis(2400), "the lease is waited for: {took:?}");
    assert!(is_ordered(&world.until("acme", READY).await));
    world.google.release();
    assert_eq!(world.calls_for(ORDER, "acme.example").len(), 1);
    one_after_the_other(&world, &one, &two);
}

#[tokio::test]
async fn a_leader_that_was_frozen_for_longer_than_the_lease_calls_google_no_more() {
    let world = World::new("frozen").await;
    let mut one = Candidate::start(&world, "one").await;
    one.leads().await;
    let two = Candidate::start(&world, "two").await;
    settled_account(&world).await;
    // Frozen in the middle of a routine look, between the look at a free domain and its order, and
    // between an order and its answer.
    hold(&world, GET, "looked.example");
    hold(&world, ORDER, "ordered.example");
    for name in ["looked", "ordered"] {
        world.create(name, domain_spec(&format!("{name}.example"))).await;
    }
    let filter = CallFilter { key: Some("looked.example".to_owned()), ..CallFilter::method(GET) };
    world.google.seen(&filter, 1).await;
    world.seen(ORDER, 1).await;
    let id = world.account_of("settled.example").customer_id;
    let reads = world.calls_for(GET, &id).len();
    hold(&world, GET, &id);
    let filter = CallFilter { key: Some(id), ..CallFilter::method(GET) };
    world.google.seen(&filter, reads + 1).await;
    one.operator.signal("STOP").await;
    let written = world.plane.writes(&user_name(&world, "one")).len();
    two.leads().await;
    for name in ["looked", "ordered"] {
        assert!(is_ordered(&world.until(name, READY).await), "{name}");
    }
    two.goes_on(&world, 5).await;

    world.google.release();
    one.operator.signal("CONT").await;
    one.ended_without_the_lease().await;
    two.goes_on(&world, 5).await;
    one_after_the_other(&world, &one, &two);
    let written = &world.plane.writes(&user_name(&world, "one"))[written..];
    assert!(written.iter().all(|write| write.code == 409), "it says nothing more: {written:?}");
    for (name, orderer) in [("looked", &two), ("ordered", &one)] {
        let domain = format!("{name}.example");
        let orders = world.calls_for(ORDER, &domain);
        assert_eq!(orders.len(), 1, "{domain} is ordered once");
        let is_of = |call: &CallRecord| call.method == ORDER && call.key == domain;
        assert!(orderer.calls(&world).iter().any(is_of));
        assert!(is_ordered(&world.until(name, READY).await), "{name}");
    }
}

#[tokio::test]
async fn a_leader_frozen_in_the_middle_of_many_orders_repeats_none() {
    let world = World::new("busy").await;
    let mut one = Candidate::start(&world, "one").await;
    one.leads().await;
    let two = Candidate::start(&world, "two").await;
    let names: Vec<String> = (0..20).map(|number| format!("c{number}")).collect();
    for name in &names {
        world.create(name, domain_spec(&format!("{name}.example"))).await;
    }
    world.seen(ORDER, 7).await;
    one.operator.signal("STOP").await;
    two.leads().await;
    for name in &names {
        world.until(name, READY).await;
    }
    one.operator.signal("CONT").await;
    one.ended_without_the_lease().await;
    for name in &names {
        assert!(is_ordered(&world.until(name, READY).await), "{name}");
        assert_eq!(world.orders(&format!("{name}.example")), 1, "{name}");
    }
}

#[tokio::test]
async fn while_the_api_server_is_away_nobody_leads_and_then_one_does() {
    let world = World::new("away").await;
    let kubeconfigs = [user(&world, "one").await, user(&world, "two").await];
    let gateway = Gateway::to(&kubeconfigs[0]).await;
    let [first, second] = kubeconfigs.map(|kubeconfig| gateway.kubeconfig(&kubeconfig));
    let mut one = Candidate::start_with(&world, "one", first.clone()).await;
    one.leads().await;
    let two = Candidate::start_with(&world, "two", second).await;
    settled_account(&world).await;
    one.goes_on(&world, 5).await;

    gateway.close();
    let closed = world.google.simulation().now();
    one.ended_without_the_lease().await;
    let last = one.calls(&world).pop().expect("a call");
    let after = last.time.duration_since(closed);
    // It counts itself as leader for two thirds of the lease, so that nobody else can be one then.
    assert!(after.as_millis() < 2500, "{after:?}");
    let tries = two.operator.lines("cannot take part in the election").len();
    wait_until("more tries of the other", PATIENCE, async || {
        (two.operator.lines("cannot take part in the election").len() > tries + 10).then_some(())
    })
    .await;
    assert_eq!(two.operator.lines("\"leading\"").len(), 0);
    assert_eq!(world.google.simulation().calls(&CallFilter::default()).pop(), Some(last));

    gateway.open();
    two.leads().await;
    // The first is started again, as a Deployment does.
    let again = Candidate::start_with(&world, "three", first).await;
    two.goes_on(&world, 20).await;
    one_after_the_other(&world, &one, &two);
    assert_eq!(again.calls(&world), []);
    world.create("acme", domain_spec("acme.example")).await;
    assert!(is_ordered(&world.until("acme", READY).await), "its watch is taken up again");
}

#[tokio::test]
async fn a_leader_cut_off_between_its_look_and_its_order_orders_nothing() {
    let world = World::new("partition").await;
    let kubeconfig = user(&world, "one").await;
    let gateway = Gateway::to(&kubeconfig).await;
    let way = gateway.kubeconfig(&kubeconfig);
    let mut one = Candidate::start_with(&world, "one", way).await;
    one.leads().await;
    let two = Candidate::start(&world, "two").await;
    settled_account(&world).await;
    hold(&world, GET, "acme.example");
    world.create("acme", domain_spec("acme.example")).await;
    let filter = CallFilter { key: Some("acme.example".to_owned()), ..CallFilter::method(GET) };
    world.google.seen(&filter, 1).await;
    // Its ledger leaves, and arrives when another leads.
    gateway.freeze();
    world.google.release();
    two.leads().await;
    assert!(is_ordered(&world.until("acme", READY).await));
    gateway.open();
    one.ended_without_the_lease().await;
    two.goes_on(&world, 5).await;
    one_after_the_other(&world, &one, &two);
    let orders = world.calls_for(ORDER, "acme.example");
    assert_eq!(orders.len(), 1);
    assert_eq!(orders[0].subject.as_deref(), Some("two@reseller.example"));
}

#[tokio::test]
async fn a_lease_that_is_deleted_does_not_make_a_second_leader() {
    let world = World::new("deleted").await;
    let one = Candidate::start(&world, "one").await;
    one.leads().await;
    let two = Candidate::start(&world, "two").await;
    settled_account(&world).await;
    let holder = lease(&world).await.holder_identity;
    for _ in 0..3 {
        leases(&world).delete("reseller-operator", &DeleteParams::default()).await.expect("delete");
        wait_until("the Lease to be there again", PATIENCE, async || {
            leases(&world).get_opt("reseller-operator").await.expect("get")
        })
        .await;
        assert_eq!(lease(&world).await.holder_identity, holder);
    }
    one.goes_on(&world, 10).await;
    assert_eq!(two.calls(&world), []);
}
