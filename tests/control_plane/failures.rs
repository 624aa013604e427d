//! Google fails: what objects show then, that the operator goes on, and that it asks no more often
//! than it should.

use reseller_operator::simulator::{Fault, FaultRule, Simulator};
use tokio::net::TcpListener;

use crate::google::{GET, ORDER};
use crate::shown::message;
use crate::specs::{account, domain_spec};
use crate::world::World;

const SETTLED: &str = "Ready=True/InSync Synced=True/InSync Reconciling=- Stalled=-";

/// One failure that the operator does not cause and cannot mend: an applied object keeps Ready, a
/// new one is tried again, and both recover.
async fn outage(world: &World, number: usize, fault: &Fault, synced: &str) {
    let name = format!("new{number}");
    let domain = format!("{name}.example");
    let before = world.calls(GET).len();
    world.fail(Some(GET), fault.clone());
    world.create(&name, domain_spec(&domain)).await;
    world.annotate("applied", "reconcile-requested-at", &domain).await;
    let kept = format!("Ready=True/InSync Synced=Unknown/{synced} Reconciling=- Stalled=-");
    let unready = format!(
        "Ready=False/ProgressingWithRetry Reconciling=True/ProgressingWithRetry \
         Synced=Unknown/{synced} Stalled=- Managed=Unknown/NotRead AwaitingToS=Unknown/NotRead"
    );
    world.until("applied", &kept).await;
    world.until(&name, &unready).await;
    world.heal();
    // Three tries within a call, and few calls.
    let asked = world.calls(GET).len() - before;
    assert!(asked <= 12, "{fault:?}: {asked} calls");
    for object in [name.as_str(), "applied"] {
        world.refresh(object, &format!("healed{number}")).await;
        world.until(object, SETTLED).await;
    }
    assert_eq!(world.calls_for(ORDER, &domain).len(), 1, "{fault:?}: ordered after it, once");
}

async fn applied(world: &World) {
    world.add(account("applied.example"));
    world.create("applied", domain_spec("applied.example")).await;
    world.until("applied", SETTLED).await;
}

#[tokio::test]
async fn an_outage_is_waited_for() {
    let world = World::new("outage").await;
    let mut operator = world.operator(&[]).await;
    applied(&world).await;
    let faults = [
        Fault::status(503, "backendError", "Backend Error"),
        Fault::status(408, "timeout", "Timeout"),
        Fault::Html { status: 502, after_commit: false },
        // A proxy's page says nothing about the account: it is no reason to order one.
        Fault::Html { status: 404, after_commit: false },
        Fault::Html { status: 200, after_commit: false },
        Fault::Drop,
        Fault::BrokenJson,
    ];
    for (number, fault) in faults.iter().enumerate() {
        outage(&world, number, fault, "Unavailable").await;
    }
    assert!(operator.is_running());
    assert_eq!(world.calls(ORDER).len(), faults.len());
    world.told("applied", &["Adopted"]).await;
}

#[tokio::test]
async fn what_was_not_read_for_too_long_is_stale_until_it_is_read() {
    let world = World::new("stale").await;
    let _operator = world.operator(&["--staleness-budget", "2s"]).await;
    applied(&world).await;
    world.fail(Some(GET), Fault::status(503, "backendError", "Backend Error"));
    world.annotate("applied", "reconcile-requested-at", "1").await;
    world.until("applied", "Ready=True/InSync Synced=Unknown/Unavailable").await;
    let stale = "Ready=Unknown/Stale Synced=Unknown/Unavailable Managed=Unknown/NotRead \
                 AwaitingToS=Unknown/NotRead Stalled=- Reconciling=-";
    world.until("applied", stale).await;
    world.heal();
    world.refresh("applied", "2").await;
    world.until("applied", SETTLED).await;
    assert_eq!(world.google_writes(), [""; 0]);
}

#[tokio::test]
async fn over_quota_everything_slows_down() {
    let world = World::new("quota").await;
    let operator = world.operator(&[]).await;
    applied(&world).await;
    let too_many = Fault::Status {
        status: 429,
        reason: "quotaExceeded".to_owned(),
        message: "Quota exceeded".to_owned(),
        retry_after: Some(1),
        after_commit: false,
    };
    let faults = [too_many, Fault::status(403, "userRateLimitExceeded", "Rate Limit Exceeded")];
    for (number, fault) in faults.iter().enumerate() {
        outage(&world, number, fault, "QuotaExceeded").await;
    }
    world.told("applied", &["Adopted", "QuotaExceeded", "QuotaExceeded"]).await;
    let metrics = operator.get("/metrics").await;
    let pace = metrics.lines().find(|line| line.starts_with("reseller_operator_google_pace"));
    let pace: f64 = pace.expect("the pace").split(' ').next_back().expect("it").parse().expect("f");
    assert!(pace < 200.0, "slower than the ceiling: {pace}");
}

#[tokio::test]
async fn a_quota_answer_that_says_when_is_obeyed() {
    let world = World::new("when").await;
    let _operator = world.operator(&[]).await;
    applied(&world).await;
    let fault = Fault::Status {
        status: 429,
        reason: "rateLimitExceeded".to_owned(),
        message: "Rate Limit Exceeded".to_owned(),
        retry_after: Some(3),
        after_commit: false,
    };
    world.fail_once(GET, fault);
    world.annotate("applied", "reconcile-requested-at", "1").await;
    world.until("applied", "Synced=Unknown/QuotaExceeded Ready=True/InSync").await;
    let refused = world.calls(GET).into_iter().rfind(|call| call.status == Some(429));
    let refused = refused.expect("the refused call");
    // Whoever asks: no call goes to Google before its time.
    world.refresh("applied", "2").await;
    world.until("applied", SETTLED).await;
    let next = world.calls(GET).into_iter().find(|call| call.number > refused.number);
    let waited = next.expect("the next call").time.duration_since(refused.time);
    assert!(waited.as_millis() >= 2900, "{waited:?}");
}

#[tokio::test]
async fn what_only_a_person_can_mend_is_stalled_and_not_hammered() {
    let world = World::new("refusals").await;
    let mut operator = world.operator(&[]).await;
    applied(&world).await;
    let refusals = [
        (Fault::status(403, "forbidden", "Forbidden"), "PermissionDenied", "AccessDenied"),
        (Fault::status(400, "invalid", "Invalid domain"), "ReadRefused", "NotRead"),
        (Fault::status(410, "gone", "Gone"), "ReadRefused", "NotRead"),
    ];
    for (number, (fault, reason, fact)) in refusals.iter().enumerate() {
        let name = format!("new{number}");
        let before = world.calls(GET).len();
        world.fail(Some(GET), fault.clone());
        world.create(&name, domain_spec(&format!("{name}.example"))).await;
        world.annotate("applied", "reconcile-requested-at", &name).await;
        let stalled = format!(
            "Ready=False/{reason} Stalled=True/{reason} Reconciling=- Synced=Unknown/NotRead"
        );
        world.until(&name, &format!("{stalled} Managed=Unknown/{fact}")).await;
        world.until("applied", &format!("{stalled} Managed=True/FullRecord")).await;
        assert_eq!(world.calls(GET).len() - before, 2, "{reason}: each was asked for once");
        world.heal();
        for object in [name.as_str(), "applied"] {
            world.refresh(object, &format!("mended{number}")).await;
            world.until(object, SETTLED).await;
        }
    }
    assert!(operator.is_running());
}

fn unauthorized() -> Fault {
    Fault::status(401, "authError", "Invalid Credentials")
}

const REFUSED: &str = "Ready=False/CredentialsInvalid Stalled=True/CredentialsInvalid \
                       Synced=Unknown/CredentialsInvalid";

/// The credential is refused like this: held once, for all objects, until a new key is there.
async fn refused_credential(world: &World, fault: Fault) {
    let _operator = world.operator(&[]).await;
    applied(world).await;
    let status = if let Fault::Status { status, .. } = fault { status } else { 0 };
    world.fail(Some(GET), fault);
    let names = ["new0", "new1", "new2"];
    for name in names {
        world.create(name, domain_spec(&format!("{name}.example"))).await;
    }
    for name in names {
        let object = world.until(name, REFUSED).await;
        assert!(message(&object, "Stalled").contains("--credentials-file"));
    }
    world.annotate("applied", "reconcile-requested-at", "1").await;
    world.until("applied", "Ready=True/InSync Stalled=- Synced=Unknown/CredentialsInvalid").await;
    // One try, one with a new token, and the calls that were on the way then.
    let asked = world.calls(GET).into_iter().filter(|call| call.status == Some(status)).count();
    assert!(asked <= 6, "{asked} calls with a credential that is refused");

    world.heal();
    world.rotate_key(&Simulator::live(Vec::new(), None).expect("simulator"));
    for name in names.into_iter().chain(["applied"]) {
        world.until(name, SETTLED).await;
    }
}

#[tokio::test]
async fn a_token_that_google_refuses_is_held_and_a_new_key_wakes_all() {
    refused_credential(&World::new("refused").await, unauthorized()).await;
}

#[tokio::test]
async fn an_api_that_is_not_enabled_is_held_like_a_refused_credential() {
    let fault = Fault::status(403, "accessNotConfigured", "Reseller API has not been used");
    refused_credential(&World::new("enabled").await, fault).await;
}

#[tokio::test]
async fn a_key_that_the_token_endpoint_refuses_is_held_and_a_new_key_wakes_all() {
    let world = World::new("grant").await;
    let rule = FaultRule::once("oauth2.token", Fault::status(400, "invalid_grant", "Bad JWT"));
    // The first token is given.
    world.google.simulation().inject(FaultRule { skip: 1, times: None, ..rule });
    refused_credential(&world, unauthorized()).await;
    let refused = world.calls("oauth2.token").iter().filter(|c| c.status == Some(400)).count();
    assert!(refused <= 2, "{refused} times");
}

#[tokio::test]
async fn a_key_that_is_replaced_on_disk_is_used_from_then_on() {
    let world = World::new("rotate").await;
    let operator = world.operator(&[]).await;
    applied(&world).await;
    let tokens = world.calls("oauth2.token").len();
    world.rotate_key(&Simulator::live(Vec::new(), None).expect("simulator"));
    // The old token ends; the old key is no good any more.
    world.fail_once(GET, unauthorized());
    world.refresh("applied", "1").await;
    world.until("applied", SETTLED).await;
    let asked = &world.calls("oauth2.token")[tokens..];
    assert!(!asked.is_empty() && asked.iter().all(|call| call.status == Some(200)), "{asked:?}");

    // A file that is no key does not end what is good.
    std::fs::write(world.key_file(), "{}").expect("key file");
    world.refresh("applied", "2").await;
    world.until("applied", SETTLED).await;
    world.told("applied", &["Adopted"]).await;
    assert_eq!(operator.lines("panicked").len(), 0);
}

#[tokio::test]
async fn an_unreachable_google_is_waited_for() {
    let world = World::new("away").await;
    let nobody = TcpListener::bind("127.0.0.1:0").await.expect("port");
    let url = format!("http://{}/", nobody.local_addr().expect("address"));
    drop(nobody);
    let mut operator = world.operator(&["--reseller-url", &url, "--directory-url", &url]).await;
    world.create("acme", domain_spec("acme.example")).await;
    let waits = "Ready=False/ProgressingWithRetry Reconciling=True/ProgressingWithRetry \
                 Synced=Unknown/Unavailable Stalled=- Managed=Unknown/NotRead";
    let object = world.until("acme", waits).await;
    assert!(!message(&object, "Ready").contains("127.0.0.1"), "no address of a request");
    assert!(operator.is_running());
    assert_eq!(operator.get("/readyz").await, "ok\n", "readiness does not depend on Google");
    drop(operator);
    let _operator = world.operator(&[]).await;
    world.until("acme", SETTLED).await;
}
