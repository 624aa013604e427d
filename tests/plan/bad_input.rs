//! What a plan cannot be made of: one clear error with the way out, exit 1, never a panic.

use std::time::Duration;

use reseller_operator::simulator::{Fault, FaultRule};
use tokio::time::Instant;

use crate::reseller::{Reseller, bare, customer, said};

async fn one_customer() -> Reseller {
    let reseller = Reseller::new().await;
    reseller.manifest("customers", "acme", &customer("acme.example"));
    reseller
}

fn fail(reseller: &Reseller, method: Option<&str>, fault: Fault) {
    let rule =
        FaultRule { method: method.map(str::to_owned), key: None, skip: 0, times: None, fault };
    reseller.google.simulation().inject(rule);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_credential_the_ways_to_one_are_named() {
    let reseller = one_customer().await;
    let mut command = bare(&reseller.path("."));
    let said = said(command.args(["plan", "customers", "--subject", "a@reseller.example"])).await;
    let line = said.refusal();
    for word in ["--credentials-file", "--service-account", "GOOGLE_APPLICATION_CREDENTIALS"] {
        assert!(line.contains(word), "{line}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_subject_is_one_error_however_many_customers_there_are() {
    let reseller = one_customer().await;
    for number in 0..50 {
        let name = format!("more-{number}");
        reseller.manifest("customers", &name, &customer(&format!("{name}.example")));
    }
    reseller.google.simulation().options_mut().subject = Some("other@reseller.example".to_owned());
    let said = reseller.plan(&["customers"]).await;
    let line = said.refusal();
    assert!(line.contains("--subject") && line.contains("domain-wide delegation"), "{line}");
    assert_eq!(reseller.calls("reseller.customers.get"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_network_it_gives_up_within_a_minute() {
    let reseller = one_customer().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let nowhere = format!("http://{}/", listener.local_addr().expect("address"));
    drop(listener);
    let began = Instant::now();
    let said = reseller.plan(&["customers", "--reseller-url", &nowhere]).await;
    let line = said.refusal();
    assert!(line.contains("cannot be reached") && line.contains("network"), "{line}");
    assert!(began.elapsed() < Duration::from_mins(1));
}

#[tokio::test(flavor = "multi_thread")]
async fn google_that_never_answers_is_tried_three_times_and_a_quota_is_waited_for() {
    let reseller = one_customer().await;
    let get = "reseller.customers.get";
    fail(&reseller, Some(get), Fault::status(503, "backendError", "Service unavailable"));
    let said = reseller.plan(&["customers"]).await;
    assert!(said.refusal().contains("503"), "{said:?}");
    assert_eq!(reseller.calls(get), 3);

    reseller.google.simulation().clear_faults();
    let quota = Fault::status(429, "quotaExceeded", "Quota exceeded");
    reseller.google.simulation().inject(FaultRule::once(get, quota));
    let said = reseller.plan(&["customers"]).await;
    assert_eq!(said.code, Some(2), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_customer_that_cannot_be_read_does_not_hide_the_others() {
    let reseller = one_customer().await;
    reseller.manifest("customers", "broken", &customer("broken.example"));
    reseller.manifest("customers", "third", &customer("third.example"));
    let fault = Fault::status(403, "forbidden", "Forbidden");
    let mut rule = FaultRule::once("reseller.customers.get", fault);
    (rule.key, rule.times) = (Some("broken.example".to_owned()), None);
    reseller.google.simulation().inject(rule);
    let said = reseller.plan(&["customers", "-o", "json"]).await;
    assert_eq!(said.code, Some(1), "{said:?}");
    let plan = said.json();
    assert_eq!(plan["counts"]["order"], 2);
    assert_eq!(plan["objects"][1]["blocked"]["reason"], "PermissionDenied");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_manifest_with_a_fault_is_shown_and_google_is_not_asked() {
    let reseller = one_customer().await;
    reseller.write("customers/typo.yaml", "apiVersion: reseller-operator.dev/v1alpha1\nkind: ResellerCustomer\nmetadata: {name: typo}\nspec: {customerDomian: typo.example}\n");
    let said = reseller.plan(&["customers"]).await;
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""), "{said:?}");
    assert!(
        said.stderr.contains("customerDomian") && said.stderr.contains("typo.yaml"),
        "{said:?}"
    );
    assert_eq!(reseller.all_calls(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_base_that_is_not_there_is_named() {
    let reseller = one_customer().await;
    let said = reseller.plan(&["customers", "--base", "nowhere"]).await;
    assert!(said.refusal().contains("--base: nowhere does not exist"), "{said:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_cluster_from_cluster_says_so() {
    let reseller = one_customer().await;
    let said = reseller.plan(&["customers", "--from-cluster"]).await;
    let line = said.refusal();
    assert!(line.contains("--from-cluster") && line.contains("KUBECONFIG"), "{line}");
}
