//! Who is let in: §1.3.

use std::os::unix::fs::PermissionsExt as _;

use reqwest::Method;
use reseller_operator::cli::simulate::Args;
use serde_json::{Value, json};

use super::{ACCOUNT, CUSTOMER, ORDER, Simulate, args, order};

const FREE: &str = "/apps/reseller/v1/customers/free.example";

#[tokio::test]
async fn a_call_needs_a_token_with_the_scope_of_its_method() {
    let google = Simulate::start(args()).await;
    let without = google.send_as("", Method::GET, FREE, None).await.unwrap();
    assert_eq!((without.status, without.reason()), (401, "required"));
    let invented = google.send_as("simulated.x", Method::GET, FREE, None).await.unwrap();
    assert_eq!((invented.status, invented.reason()), (401, "authError"));

    let token = |scope: &str| {
        let claims = json!({"scope": scope});
        let google = &google;
        async move {
            let answer = google.exchange(&google.assertion(&claims).await).await;
            answer.json["access_token"].as_str().unwrap().to_owned()
        }
    };
    let readonly = token(&format!("{ORDER}.readonly {CUSTOMER}.readonly")).await;
    let read = google.send_as(&readonly, Method::GET, FREE, None).await.unwrap();
    assert_eq!(read.status, 404);
    let insert = "/apps/reseller/v1/customers";
    let body = order("a.example");
    let write = google.send_as(&readonly, Method::POST, insert, Some(&body)).await.unwrap();
    assert_eq!((write.status, write.reason()), (403, "insufficientPermissions"));
    let users = "/admin/directory/v1/users/x@a.example";
    assert_eq!(google.send_as(&readonly, Method::GET, users, None).await.unwrap().status, 403);
}

#[tokio::test]
async fn a_token_ends_after_an_hour() {
    let google = Simulate::start(args()).await;
    assert_eq!(google.get(FREE).await.status, 404);
    google.post("/simulator/clock/advance", &json!({"seconds": 3600})).await;
    assert_eq!(google.get(FREE).await.status, 401);
}

#[tokio::test]
async fn an_assertion_is_taken_only_if_everything_in_it_is_right() {
    let google = Simulate::start(args()).await;
    let now = jiff::Timestamp::now().as_second();
    for (claims, error) in [
        (json!({"iss": "other@simulator.iam.gserviceaccount.com"}), "invalid_grant"),
        (json!({"aud": "https://elsewhere.example/token"}), "invalid_grant"),
        (json!({"iat": now - 7200, "exp": now - 3600}), "invalid_grant"),
        (json!({"exp": now + 7200}), "invalid_grant"),
        (json!({"iat": now + 1800, "exp": now + 3600}), "invalid_grant"),
        (json!({"scope": "https://reseller.googleapis.com/auth/apps.order"}), "invalid_scope"),
        (json!({"scope": ""}), "invalid_scope"),
    ] {
        let answer = google.exchange(&google.assertion(&claims).await).await;
        assert_eq!((answer.status, answer.json["error"].as_str()), (400, Some(error)), "{claims}");
    }
    let good = google.assertion(&json!({"aud": "https://oauth2.googleapis.com/token"})).await;
    assert_eq!(google.exchange(&good).await.status, 200);
    let (signed, signature) = good.rsplit_once('.').unwrap();
    let forged = format!("{signed}.{}", signature.chars().rev().collect::<String>());
    for bad in [forged.as_str(), signed, "", "a.b.c"] {
        let answer = google.exchange(bad).await;
        assert_eq!(answer.json["error"], "invalid_grant", "{bad}");
    }
    let other_grant = google.http.post(format!("{}/token", google.url));
    let answer = super::read(other_grant.form(&[("grant_type", "password")])).await.unwrap();
    assert_eq!(answer.json["error"], "unsupported_grant_type");
}

#[tokio::test]
async fn only_the_administrator_of_the_flag_is_let_in() {
    let subject = Some("admin@reseller.example".to_owned());
    let google = Simulate::start(Args { subject, ..args() }).await;
    let other = google.assertion(&json!({"sub": "guest@reseller.example"})).await;
    let answer = google.exchange(&other).await;
    assert_eq!((answer.status, answer.json["error"].as_str()), (400, Some("invalid_grant")));
    // Without a subject the service account itself calls, and it has no rights.
    let bare = google.exchange(&google.assertion(&json!({"sub": null})).await).await;
    let token = bare.json["access_token"].as_str().unwrap();
    let answer = google.send_as(token, Method::GET, FREE, None).await.unwrap();
    assert_eq!((answer.status, answer.reason()), (403, "forbidden"));
}

#[tokio::test]
async fn scopes_that_were_not_delegated_are_refused_by_the_token_endpoint() {
    let google = Simulate::start(args()).await;
    google.patch("/simulator/options", &json!({"deniedScopes": [CUSTOMER]})).await;
    let answer = google.exchange(&google.assertion(&json!({"scope": CUSTOMER})).await).await;
    assert_eq!((answer.status, answer.json["error"].as_str()), (401, Some("unauthorized_client")));
    assert_eq!(google.exchange(&google.assertion(&json!({})).await).await.status, 200);
}

#[tokio::test]
async fn the_token_endpoint_fails_as_told() {
    let google = Simulate::start(args()).await;
    let fault = json!({"kind": "status", "status": 503, "reason": "internal_failure"});
    let rule = json!({"method": "oauth2.token", "times": 1, "fault": fault});
    google.post("/simulator/faults", &rule).await;
    let assertion = google.assertion(&json!({})).await;
    let answer = google.exchange(&assertion).await;
    assert_eq!((answer.status, answer.json["error"].as_str()), (503, Some("internal_failure")));
    assert_eq!(google.exchange(&assertion).await.status, 200);
}

#[tokio::test]
async fn keyless_signing_needs_the_header_and_the_metadata_servers_token() {
    let google = Simulate::start(args()).await;
    let metadata = "/computeMetadata/v1/instance/service-accounts/default/token";
    assert_eq!(google.get(metadata).await.status, 403);
    let sign = format!("/v1/projects/-/serviceAccounts/{ACCOUNT}:signJwt");
    assert_eq!(google.post(&sign, &json!({"payload": "{}"})).await.status, 401);
}

#[tokio::test]
async fn a_key_for_the_real_google_is_not_overwritten() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.json");
    let real = json!({"type": "service_account", "project_id": "production"}).to_string();
    std::fs::write(&path, &real).unwrap();
    let args = Args { credentials_file: Some(path.clone()), ..args() };
    let error = reseller_operator::cli::simulate::run(args, &mut Vec::new(), async {}).await;
    assert!(error.unwrap_err().to_string().contains("not overwritten"));
    assert_eq!(std::fs::read_to_string(&path).unwrap(), real);
}

#[tokio::test]
async fn the_key_file_works_is_private_and_keeps_its_key_over_restarts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("key.json");
    let with_key = Args { credentials_file: Some(path.clone()), ..args() };
    let google = Simulate::start_in(folder, with_key.clone()).await;
    let read = || serde_json::from_str::<Value>(&std::fs::read_to_string(&path).unwrap()).unwrap();
    let first = read();
    assert_eq!(first["type"], "service_account");
    assert_eq!(first["token_uri"], format!("{}/token", google.url));
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let folder = google.end().await;

    let google = Simulate::start_in(folder, with_key).await;
    let second = read();
    assert_eq!(second["private_key"], first["private_key"]);
    assert_eq!(second["token_uri"], format!("{}/token", google.url));
}
