//! Five hundred customers: what a plan costs in calls, time and memory.

use std::time::Duration;

use reseller_operator::simulator::CallFilter;
use serde_json::json;
use tokio::io::AsyncReadExt;
use tokio::time::Instant;

use crate::reseller::{Reseller, customer, manifest};

const FLEET: usize = 500;
const RATE: u32 = 50;

/// A fleet whose manifests equal the accounts, each account with a subscription.
async fn fleet() -> Reseller {
    let reseller = Reseller::new().await;
    for number in 0..FLEET {
        let domain = format!("customer-{number}.example");
        let mut account = customer(&domain);
        account["subscriptions"] =
            json!([{"subscriptionId": format!("s{number}"), "skuId": "1010020020"}]);
        reseller.add(account);
        let name = format!("customer-{number}");
        reseller.write(&format!("customers/{name}.yaml"), manifest(&name, &customer(&domain)));
    }
    reseller
}

/// The most memory of a process so far, in KiB.
fn peak(pid: u32) -> Option<u64> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    line.split_whitespace().next()?.parse().ok()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unchanged_fleet_costs_one_read_a_customer_at_the_rate_and_little_memory() {
    let reseller = fleet().await;
    let mut command = reseller.command(&["customers", "-o", "json"]);
    command.env("RESELLER_OPERATOR_REQUESTS_PER_SECOND", RATE.to_string());
    command.stdout(std::process::Stdio::piped());
    let began = Instant::now();
    let mut child = command.spawn().expect("the program runs");
    let pid = child.id().expect("it runs");
    let mut stdout = child.stdout.take().expect("a pipe");
    let mut memory = 0;
    let mut text = Vec::new();
    let mut look = tokio::time::interval(Duration::from_millis(20));
    let mut reading = std::pin::pin!(stdout.read_to_end(&mut text));
    loop {
        tokio::select! {
            read = &mut reading => {
                read.expect("stdout");
                break;
            }
            _ = look.tick() => memory = memory.max(peak(pid).unwrap_or_default()),
        }
    }
    let took = began.elapsed();
    assert_eq!(child.wait().await.expect("it ends").code(), Some(0));
    let plan: serde_json::Value = serde_json::from_slice(&text).expect("JSON");
    assert_eq!((&plan["counts"]["adopt"], &plan["counts"]["calls"]), (&json!(FLEET), &json!(0)));

    assert_eq!(reseller.calls("reseller.customers.get"), FLEET);
    assert!(reseller.calls("reseller.subscriptions.list") <= FLEET / 100 + 1, "one sweep at most");
    let rest = reseller.calls("directory.customers.get") + reseller.calls("directory.users.get");
    assert_eq!(rest, 0, "nothing else is read of an account that is equal");
    let due = Duration::from_secs(10);
    let calls = reseller.google.simulation().calls(&CallFilter::default());
    let (first, last) = (calls[0].time, calls[calls.len() - 1].time);
    let reading = Duration::try_from(last.duration_since(first)).expect("time goes on");
    eprintln!(
        "{FLEET} manifests at {RATE} a second: read in {reading:?} of {took:?}, {memory} KiB"
    );
    assert!(reading >= due.mul_f64(0.9), "faster than the rate: {reading:?}");
    assert!(reading <= due.mul_f64(1.1), "slower than the rate and a tenth: {reading:?}");
    assert!(memory > 0 && memory < 60 * 1024, "{memory} KiB");
}
