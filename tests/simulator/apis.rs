//! What only raw requests can show of the two APIs.

use reqwest::Method;
use serde_json::json;

use super::{Simulate, args, order};

#[tokio::test]
async fn a_member_that_google_does_not_know_is_refused() {
    let google = Simulate::start(args()).await;
    let mut body = order("a.example");
    body["postalAddress"]["city"] = json!("Berlin");
    let answer = google.post("/apps/reseller/v1/customers", &body).await;
    assert_eq!((answer.status, answer.reason()), (400, "badRequest"));
    assert_eq!(
        answer.message(),
        "Invalid JSON payload received. Unknown name \"city\" at 'customer.postal_address': \
         Cannot find field."
    );
    let state = google.get("/simulator/state").await;
    assert_eq!(state.json["accounts"], json!([]));
}

#[tokio::test]
async fn a_body_that_is_not_json_is_refused() {
    let google = Simulate::start(args()).await;
    let request = google.http.post(format!("{}/apps/reseller/v1/customers", google.url));
    let answer = super::read(request.bearer_auth(&google.token).body("{")).await.unwrap();
    assert_eq!((answer.status, answer.reason()), (400, "badRequest"));
}

#[tokio::test]
async fn a_path_that_google_does_not_have_answers_with_a_page() {
    let google = Simulate::start(args()).await;
    let answer = google.get("/apps/reseller/v1/customer").await;
    assert_eq!(answer.status, 404);
    assert!(answer.text.starts_with("<!DOCTYPE html>"));
}

#[tokio::test]
async fn the_caller_may_choose_the_error_layout() {
    let google = Simulate::start(args()).await;
    let old = google.get("/apps/reseller/v1/customers/a.example?$.xgafv=1").await;
    assert_eq!((old.status, old.reason()), (404, "notFound"));
    let new = google.get("/apps/reseller/v1/customers/a.example?%24.xgafv=2").await;
    assert_eq!(new.json["error"]["status"], "NOT_FOUND");
    assert!(new.json["error"].get("errors").is_none());
}

#[tokio::test]
async fn a_foreign_customer_is_taken_over_with_its_token_under_its_id() {
    let google = Simulate::start(args()).await;
    let foreign = json!({"owner": "foreign", "customerDomain": "a.example"});
    let id = google.post("/simulator/accounts", &foreign).await.json["customerId"].clone();
    let id = id.as_str().unwrap();
    let tokens = format!("/simulator/accounts/{id}/transfer-tokens");
    google.post(&tokens, &json!({"token": "0123abcd"})).await;
    let insert = "/apps/reseller/v1/customers";
    let wrong = google.post(&format!("{insert}?customerAuthToken=x"), &order("a.example")).await;
    assert_eq!((wrong.status, wrong.reason()), (403, "forbidden"));
    let right = format!("{insert}?customerAuthToken=0123abcd");
    let answer = google.post(&right, &order("a.example")).await;
    assert_eq!((answer.status, answer.json["customerId"].as_str()), (200, Some(id)));
    let calls = google.get("/simulator/calls").await;
    assert!(!calls.text.contains("0123abcd"), "tokens are not in the log");
}

#[tokio::test]
async fn a_subscription_pends_until_the_terms_are_accepted() {
    let google = Simulate::start(args()).await;
    let id = google.order("a.example").await;
    let path = format!("/apps/reseller/v1/customers/{id}/subscriptions");
    let new = json!({
        "customerId": id, "skuId": "1010020027",
        "plan": {"planName": "ANNUAL_MONTHLY_PAY"}, "seats": {"numberOfSeats": 5},
    });
    let answer = google.post(&path, &new).await;
    assert_eq!(answer.json["status"], "SUSPENDED");
    assert_eq!(answer.json["suspensionReasons"], json!(["PENDING_TOS_ACCEPTANCE"]));
    assert_eq!(answer.json["plan"]["planName"], "ANNUAL");
    assert_eq!(google.post(&path, &new).await.status, 409);

    let accepted = google.post("/simulator/accounts/a.example/accept-tos", &json!({})).await;
    assert_eq!(accepted.json["termsAccepted"], true);
    let listed = google.get(&format!("/apps/reseller/v1/subscriptions?customerId={id}")).await;
    assert_eq!(listed.json["subscriptions"][0]["status"], "ACTIVE");
    assert!(listed.json["subscriptions"][0].get("suspensionReasons").is_none());
}

#[tokio::test]
async fn a_team_may_buy_essentials_only() {
    let google = Simulate::start(args()).await;
    let mut team = order("a.example");
    team["customerType"] = json!("team");
    team["primaryAdmin"] = json!({"primaryEmail": "ada@a.example"});
    let id = google.post("/apps/reseller/v1/customers", &team).await.json["customerId"].clone();
    let path = format!("/apps/reseller/v1/customers/{}/subscriptions", id.as_str().unwrap());
    let mut buy = json!({
        "customerId": id, "skuId": "1010020027",
        "plan": {"planName": "FLEXIBLE"}, "seats": {"maximumNumberOfSeats": 5},
    });
    let answer = google.post(&path, &buy).await;
    assert_eq!(answer.message(), "Customer is not eligible to purchase this subscription");
    buy["skuId"] = json!("1010060001");
    assert_eq!(google.post(&path, &buy).await.status, 200);
}

#[tokio::test]
async fn the_directory_takes_contacts_refuses_renames_and_partial_puts() {
    let google = Simulate::start(args()).await;
    let id = google.order("a.example").await;
    let path = format!("/admin/directory/v1/customers/{id}");
    let answer = google.patch(&path, &json!({"phoneNumber": "+49 30/123456"})).await;
    assert_eq!(answer.json["phoneNumber"], "+49 30 123456");
    let rename = google.patch(&path, &json!({"customerDomain": "b.example"})).await;
    assert_eq!(rename.message(), "New domain name is not a verified secondary domain");
    let partial = google.send(Method::PUT, &path, Some(&json!({"language": "de"}))).await.unwrap();
    assert_eq!((partial.status, partial.reason()), (503, "backendError"));
    assert_eq!(google.get("/admin/directory/v1/customers/my_customer").await.status, 200);
}

#[tokio::test]
async fn a_user_is_changed_and_read_only_members_are_ignored() {
    let google = Simulate::start(args()).await;
    google.order("a.example").await;
    let mut user = json!({
        "primaryEmail": "ada@a.example", "password": "a long password", "isAdmin": true,
        "name": {"givenName": "Ada", "familyName": "Example"}, "agreedToTerms": true,
    });
    let made = google.post("/admin/directory/v1/users", &user).await;
    assert_eq!(
        (&made.json["isAdmin"], &made.json["agreedToTerms"]),
        (&json!(false), &json!(false))
    );
    assert!(made.json.get("password").is_none());
    user = json!({"name": {"familyName": "Byron"}, "suspensionReason": "ADMIN"});
    let path = "/admin/directory/v1/users/ada%40a.example";
    let changed = google.patch(path, &user).await;
    assert_eq!(changed.json["name"]["fullName"], "Ada Byron");
    assert!(changed.json.get("suspensionReason").is_none());
    let promoted = google.post(&format!("{path}/makeAdmin"), &json!({"status": true})).await;
    assert_eq!((promoted.status, promoted.text.as_str()), (204, ""));
}
