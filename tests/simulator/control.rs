//! `/simulator/...`, and what the subcommand keeps.

use std::fs;

use reqwest::Method;
use reseller_operator::cli::simulate::Args;
use serde_json::{Value, json};

use super::{Answer, Simulate, args, order};

const INSERT: &str = "/apps/reseller/v1/customers";

async fn inject(google: &Simulate, method: &str, fault: Value) -> Answer {
    google.post("/simulator/faults", &json!({"method": method, "times": 1, "fault": fault})).await
}

#[tokio::test]
async fn accounts_of_a_file_are_there_at_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accounts.yaml");
    let yaml = "
accounts:
  - customerDomain: own.example
    postalAddress: {contactName: Ada, organizationName: Example, postalCode: '10115', countryCode: DE}
    alternateEmail: owner@elsewhere.example
    subscriptions: [{skuId: '1010020027'}]
  - customerDomain: team.example
    customerType: team
    primaryAdmin: {primaryEmail: ada@team.example}
  - customerId: C0foreign
    owner: foreign
    customerDomain: foreign.example
    subscriptions: [{skuId: '1010020028', minimumTransferableSeats: 20}]
    transferTokens: [{token: 0123abcd}]
";
    fs::write(&file, yaml).unwrap();
    let google = Simulate::start_in(folder, Args { accounts: Some(file), ..args() }).await;
    let own = google.get("/apps/reseller/v1/customers/own.example").await;
    assert_eq!(own.json["postalAddress"]["countryCode"], "DE");
    let team = google.get("/apps/reseller/v1/customers/team.example").await;
    assert_eq!(team.json["primaryAdmin"]["primaryEmail"], "ada@team.example");
    let list = "/apps/reseller/v1/subscriptions?customerId=C0foreign&customerAuthToken=0123abcd";
    let transferable = google.get(list).await;
    let info = &transferable.json["subscriptions"][0]["transferInfo"];
    assert_eq!(info["minimumTransferableSeats"], 20);
}

#[tokio::test]
async fn an_accounts_file_with_a_typing_error_stops_the_start() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("accounts.yaml");
    fs::write(&file, "accounts: [{customerDomian: a.example}]").unwrap();
    let args = Args { accounts: Some(file), ..args() };
    let error = reseller_operator::cli::simulate::run(args, &mut Vec::new(), async {}).await;
    assert!(format!("{:#}", error.unwrap_err()).contains("customerDomian"));
}

#[tokio::test]
async fn the_state_survives_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let state = folder.path().join("state.json");
    let kept = Args { state: Some(state.clone()), ..args() };
    let google = Simulate::start_in(folder, kept.clone()).await;
    let id = google.order("a.example").await;
    google.patch("/simulator/options", &json!({"teamsStatus": 409})).await;
    google.post("/simulator/clock/advance", &json!({"seconds": 86400})).await;
    let before = google.get("/simulator/state").await;
    let folder = google.end().await;

    let google = Simulate::start_in(folder, kept).await;
    let after = google.get("/simulator/state").await;
    for member in ["accounts", "options"] {
        assert_eq!(after.json[member], before.json[member]);
    }
    let time = |state: &Answer| state.json["now"].as_str().unwrap().parse::<jiff::Timestamp>();
    assert!(time(&after).unwrap() >= time(&before).unwrap());
    assert_eq!(google.get(&format!("{INSERT}/{id}")).await.status, 200);
    assert_eq!(google.post(INSERT, &order("a.example")).await.status, 409);
}

#[tokio::test]
async fn somebody_else_changes_an_account() {
    let google = Simulate::start(args()).await;
    let id = google.order("a.example").await;
    let path = format!("/simulator/accounts/{id}");
    let drift = json!({
        "customerDomainVerified": true, "customerDomain": "b.example", "alternateEmail": null,
        "postalAddress": {"contactName": "Bob"},
    });
    google.patch(&path, &drift).await;
    assert_eq!(google.get(&format!("{INSERT}/a.example")).await.status, 404);
    let shown = google.get(&format!("{INSERT}/b.example")).await.json;
    assert_eq!(shown["customerDomainVerified"], true);
    assert_eq!(shown["postalAddress"]["contactName"], "Bob");
    assert_eq!(shown["postalAddress"]["organizationName"], "Example GmbH");
    assert!(shown.get("alternateEmail").is_none());

    let misspelt = google.patch(&path, &json!({"ownr": "foreign"})).await;
    assert_eq!(misspelt.status, 400);
    google.patch(&path, &json!({"owner": "foreign"})).await;
    assert!(google.get(&format!("{INSERT}/{id}")).await.json.get("postalAddress").is_none());
    google.send(Method::DELETE, &path, None).await.unwrap();
    assert_eq!(google.get(&format!("{INSERT}/{id}")).await.status, 404);
    // §2.1: brought back, it is a new account with a new id.
    let again = json!({"customerDomain": "b.example"});
    let again = google.post("/simulator/accounts", &again).await;
    assert_ne!(again.json["customerId"], json!(id));
}

#[tokio::test]
async fn the_whole_state_can_be_replaced() {
    let google = Simulate::start(args()).await;
    google.order("a.example").await;
    let state = json!({"accounts": [{"customerId": "C0b", "customerDomain": "b.example"}]});
    google.send(Method::PUT, "/simulator/state", Some(&state)).await.unwrap();
    assert_eq!(google.get(&format!("{INSERT}/a.example")).await.status, 404);
    assert_eq!(google.get(&format!("{INSERT}/C0b")).await.status, 200);
}

#[tokio::test]
async fn the_log_tells_what_was_called_and_what_changed() {
    let google = Simulate::start(args()).await;
    google.send(Method::DELETE, "/simulator/calls", None).await.unwrap();
    let id = google.order("a.example").await;
    google.get(&format!("{INSERT}/{id}")).await;
    google.post(INSERT, &order("a.example")).await;
    let calls = google.get("/simulator/calls").await.json["calls"].clone();
    let shown: Vec<_> = calls
        .as_array()
        .unwrap()
        .iter()
        .map(|call| json!([call["method"], call["key"], call["status"], call["committed"]]))
        .collect();
    assert_eq!(
        shown,
        [
            json!(["reseller.customers.insert", "a.example", 200, true]),
            json!(["reseller.customers.get", id, 200, false]),
            json!(["reseller.customers.insert", "a.example", 409, false]),
        ]
    );
    assert_eq!(calls[0]["subject"], "admin@reseller.example");
    assert_eq!(calls[0]["body"], order("a.example"));
    assert_eq!(calls[2]["reason"], "conflict");
    let last = calls[1]["number"].as_u64().unwrap();
    let later = google.get(&format!("/simulator/calls?after={last}&key=a.example")).await;
    assert_eq!(later.json["calls"], json!([calls[2]]));
}

#[tokio::test]
async fn an_order_is_held_between_its_effect_and_its_answer_until_it_is_released() {
    let google = Simulate::start(args()).await;
    inject(&google, "reseller.customers.insert", json!({"kind": "hold"})).await;
    let body = order("a.example");
    let mut ordering = Box::pin(google.post(INSERT, &body));
    let wait = "/simulator/calls/wait?method=reseller.customers.insert&count=1";
    let seen = tokio::select! {
        _ = &mut ordering => panic!("the answer came before it was released"),
        seen = google.get(wait) => seen,
    };
    assert_eq!(seen.json["calls"][0]["held"], true);
    assert_eq!(seen.json["calls"][0]["committed"], true);
    assert_eq!(google.get(&format!("{INSERT}/a.example")).await.status, 200);
    google.post("/simulator/release", &json!({})).await;
    assert_eq!(ordering.await.status, 200);
}

#[tokio::test]
async fn waiting_for_a_call_that_does_not_come_ends() {
    let google = Simulate::start(args()).await;
    let wait = "/simulator/calls/wait?method=reseller.customers.insert&timeout=0";
    assert_eq!(google.get(wait).await.status, 408);
}

#[tokio::test]
async fn an_answer_that_is_late_still_comes() {
    let google = Simulate::start(args()).await;
    let delay = json!({"kind": "delay", "milliseconds": 1});
    inject(&google, "reseller.customers.insert", delay).await;
    google.order("a.example").await;
}

#[tokio::test]
async fn a_connection_closes_before_or_after_the_order() {
    let google = Simulate::start(args()).await;
    for (kind, status) in [("drop", 404), ("lostAnswer", 200)] {
        inject(&google, "reseller.customers.insert", json!({"kind": kind})).await;
        let answer = google.send(Method::POST, INSERT, Some(&order("a.example"))).await;
        assert!(answer.is_none(), "{kind}");
        assert_eq!(google.get(&format!("{INSERT}/a.example")).await.status, status, "{kind}");
    }
}

#[tokio::test]
async fn a_known_id_may_be_not_found_for_a_while() {
    // §12.8.
    let google = Simulate::start(args()).await;
    let id = google.order("a.example").await;
    let fault = json!({"kind": "status", "status": 404, "reason": "notFound"});
    let rule = json!({"method": "reseller.customers.get", "key": id, "times": 2, "fault": fault});
    google.post("/simulator/faults", &rule).await;
    let rules = google.get("/simulator/faults").await.json["faults"].clone();
    assert_eq!((&rules[0]["id"], &rules[0]["times"]), (&json!(1), &json!(2)));
    let mut answers = Vec::new();
    for _ in 0..3 {
        answers.push(google.get(&format!("{INSERT}/{id}")).await.status);
    }
    assert_eq!(answers, [404, 404, 200]);
    assert_eq!(google.get("/simulator/faults").await.json["faults"], json!([]));
}

#[tokio::test]
async fn faults_can_be_taken_back() {
    let google = Simulate::start(args()).await;
    let fault = json!({"fault": {"kind": "html", "status": 502}});
    let id = google.post("/simulator/faults", &fault).await.json["id"].clone();
    assert_eq!(google.get(&format!("{INSERT}/a.example")).await.status, 502);
    let path = format!("/simulator/faults/{id}");
    assert_eq!(google.send(Method::DELETE, &path, None).await.unwrap().status, 204);
    assert_eq!(google.get(&format!("{INSERT}/a.example")).await.status, 404);
    let misspelt = json!({"fault": {"kind": "html", "staus": 502}});
    assert_eq!(google.post("/simulator/faults", &misspelt).await.status, 400);
}

#[tokio::test]
async fn the_quota_of_the_flag_answers_with_429() {
    let google = Simulate::start(Args { quota: Some(0), ..args() }).await;
    google.patch("/simulator/options", &json!({"retryAfterSeconds": 3})).await;
    let url = format!("{}{INSERT}/a.example", google.url);
    let answer = google.http.get(url).bearer_auth(&google.token).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 429);
    assert_eq!(answer.headers()["retry-after"], "3");
}

#[tokio::test]
async fn an_option_with_a_wrong_name_or_value_is_refused() {
    let google = Simulate::start(args()).await;
    let path = "/simulator/options";
    assert_eq!(google.patch(path, &json!({"teamStatus": 409})).await.status, 400);
    assert_eq!(google.patch(path, &json!({"teamsTrigger": "two"})).await.status, 400);
    assert_eq!(google.get(path).await.json["teamsStatus"], 412);
}
