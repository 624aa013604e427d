//! Tokens and the credential behind them.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use futures::future::join_all;

use super::stand_in::{EMAIL, Reply, SUBJECT, StandIn, error, public_key, refusal, write_key};
use crate::google::types::Customer;
use crate::google::{
    Access, ApiMethod, Client, CredentialSource, ErrorClass, Failure, GoogleApi, Settings,
};

const ORDER: &str = "https://www.googleapis.com/auth/apps.order";

#[tokio::test]
async fn the_assertion_says_who_asks_for_what_and_is_signed_by_the_key() {
    let google = StandIn::start().await;
    // The audience stays the key's, wherever the assertion is sent, to the letter.
    google.write_key("key-1", "https://oauth2.google.example");
    let token_url = Some(google.url.join("elsewhere/token").unwrap());
    let client = google.client_of(Settings { token_url, ..google.settings() }).await;
    client.customers_get("C1").await.unwrap();

    let request = &google.tokens()[0];
    assert_eq!(request.uri.path(), "/elsewhere/token");
    let grant = "grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Ajwt-bearer&";
    assert!(request.body.starts_with(grant));
    let jwt = request.assertion();
    assert_eq!(jwt.header["alg"], "RS256");
    assert_eq!(jwt.header["kid"], "key-1");
    assert_eq!(jwt.claims["iss"], EMAIL);
    assert_eq!(jwt.claims["sub"], SUBJECT);
    assert_eq!(jwt.claims["scope"], ORDER);
    assert_eq!(jwt.claims["aud"], "https://oauth2.google.example");
    let (made, ends) = (jwt.claims["iat"].as_i64().unwrap(), jwt.claims["exp"].as_i64().unwrap());
    assert_eq!(ends - made, 3600);
    assert!(made > 1_700_000_000);
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, public_key())
        .verify(jwt.signed.as_bytes(), &jwt.signature)
        .unwrap();
    assert_eq!(google.api()[0].bearer(), "Bearer token-1");
}

#[tokio::test]
async fn many_calls_at_once_ask_for_one_token() {
    let google = StandIn::start().await;
    let client = google.client().await;
    assert!(google.tokens().is_empty(), "asked for when first needed");
    let results = join_all((0..20).map(|_| client.customers_get("C1"))).await;
    assert!(results.iter().all(Result::is_ok));
    assert_eq!(google.tokens().len(), 1);
}

#[tokio::test]
async fn each_api_has_its_own_token_and_reading_asks_for_less() {
    let google = StandIn::start().await;
    for access in [Access::ReadWrite, Access::ReadOnly] {
        let client = google.client_of(Settings { access, ..google.settings() }).await;
        client.customers_get("C1").await.unwrap();
        client.directory_customers_get("C1").await.unwrap();
        client.users_get("jo@a.example").await.unwrap();
    }
    let prefix = "https://www.googleapis.com/auth/admin.directory";
    let asked: Vec<_> = google.tokens().iter().map(super::stand_in::Seen::scope).collect();
    assert_eq!(
        asked,
        [
            ORDER.to_owned(),
            format!("{prefix}.customer {prefix}.user"),
            format!("{ORDER}.readonly"),
            format!("{prefix}.customer.readonly {prefix}.user.readonly"),
        ]
    );
}

#[tokio::test]
async fn a_401_is_tried_once_more_with_a_new_token() {
    let google = StandIn::start().await;
    let client = google.client().await;
    client.customers_get("C1").await.unwrap();
    google.next([error(401, "authError")]);
    client.customers_patch("C1", &Customer::default()).await.unwrap();
    let bearers: Vec<_> = google.api().iter().map(|seen| seen.bearer().to_owned()).collect();
    assert_eq!(bearers, ["Bearer token-1", "Bearer token-1", "Bearer token-2"]);
}

#[tokio::test]
async fn a_401_to_an_order_costs_the_token_but_holds_nothing() {
    let google = StandIn::start().await;
    let client = google.client_of(google.settings()).await;
    let permit = client.reserve(ApiMethod::CustomersInsert).await.unwrap();
    google.next([error(401, "authError")]);
    client.customers_insert(permit, &Customer::default()).await.unwrap_err();
    client.customers_get("C1").await.unwrap();
    assert_eq!(google.api().len(), 2);
    assert_eq!(google.api()[1].bearer(), "Bearer token-2");
}

#[tokio::test]
async fn a_second_401_holds_the_credential() {
    let google = StandIn::start().await;
    let client = google.client_of(google.settings()).await;
    google.always(error(401, "authError"));
    let first = client.customers_get("C1").await.unwrap_err();
    assert_eq!(first.class(), ErrorClass::Credentials);
    assert_eq!(google.api().len(), 2);
    let second = client.customers_get("C2").await.unwrap_err();
    let order = client.reserve(ApiMethod::CustomersInsert).await.unwrap_err();
    assert_eq!((&second.failure, &order.failure), (&first.failure, &first.failure));
    assert_eq!(google.api().len(), 2, "nothing more is sent");
}

#[tokio::test]
async fn a_probe_releases_the_hold_and_says_so() {
    let google = StandIn::start().await;
    let client = google.client().await;
    let mut changes = client.credential_changes();
    google.always(error(403, "accessNotConfigured"));
    let held = client.customers_get("C1").await.unwrap_err();
    assert_eq!(held.class(), ErrorClass::Credentials);
    google.always(super::stand_in::customer());
    // A refused probe or two may be under way; the answer to an accepted one ends the hold.
    changes.changed().await.unwrap();
    client.customers_get("C1").await.unwrap();
    let probes: Vec<_> = google.api().iter().map(|seen| seen.uri.to_string()).collect();
    assert!(probes.contains(&"/apps/reseller/v1/subscriptions?maxResults=1".to_owned()));
}

#[tokio::test]
async fn a_refused_assertion_holds_the_credential_until_the_key_changes() {
    for code in ["invalid_grant", "invalid_client", "unauthorized_client"] {
        let google = StandIn::start().await;
        google.refuse_scope("apps.order", Some(refusal(code)));
        let client = google.client().await;
        let mut changes = client.credential_changes();
        let error = client.customers_get("C1").await.unwrap_err();
        assert!(matches!(&error.failure, Failure::Credentials(why) if why.contains(code)));
        assert!(google.api().is_empty());

        google.refuse_scope("apps.order", None);
        google.write_key("second", &format!("{}token", google.url));
        changes.changed().await.unwrap();
        client.customers_get("C1").await.unwrap();
    }
}

#[tokio::test]
async fn directory_scopes_that_were_not_granted_stop_only_the_directory() {
    let google = StandIn::start().await;
    google.refuse_scope("admin.directory", Some(refusal("unauthorized_client")));
    let client = google.client().await;
    for _ in 0..3 {
        let error = client.users_get("jo@a.example").await.unwrap_err();
        assert_eq!(error.class(), ErrorClass::Permission);
        assert!(error.to_string().contains("auth/admin.directory.customer"), "{error}");
    }
    client.customers_get("C1").await.unwrap();
    assert_eq!(google.tokens().len(), 2, "a refusal is not asked for again at once");
}

#[tokio::test]
async fn the_same_refusal_of_both_groups_is_about_the_credential() {
    let google = StandIn::start().await;
    google.refuse_scope("auth", Some(refusal("unauthorized_client")));
    let client = google.client_of(google.settings()).await;
    let error = client.users_get("jo@a.example").await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Credentials);
}

#[tokio::test]
async fn a_token_endpoint_that_is_away_is_an_outage() {
    let google = StandIn::start().await;
    let client = google.client_of(google.settings()).await;
    for reply in [Reply::Page(503, "busy"), Reply::Page(404, "<html>"), Reply::Page(200, "hm")] {
        google.next_tokens([reply]);
        let error = client.reserve(ApiMethod::CustomersInsert).await.unwrap_err();
        assert!(matches!(error.failure, Failure::TokenUnavailable(_)), "{error}");
        assert_eq!(error.class(), ErrorClass::Unavailable);
    }
    client.customers_get("C1").await.unwrap();
}

#[tokio::test]
async fn a_key_that_changed_on_disk_signs_the_next_assertion() {
    let google = StandIn::start().await;
    let client = google.client().await;
    let mut changes = client.credential_changes();
    client.customers_get("C1").await.unwrap();
    google.write_key("second", &format!("{}token", google.url));
    changes.changed().await.unwrap();
    client.customers_get("C1").await.unwrap();
    let ids: Vec<_> =
        google.tokens().iter().map(|seen| seen.assertion().header["kid"].clone()).collect();
    assert_eq!(ids, ["first", "second"]);
}

#[tokio::test]
async fn a_key_that_went_bad_on_disk_stops_nothing_while_the_token_is_good() {
    let google = StandIn::start().await;
    let client = google.client().await;
    let mut changes = client.credential_changes();
    client.customers_get("C1").await.unwrap();
    std::fs::write(google.key_path(), "{}").unwrap();
    changes.changed().await.unwrap();
    client.customers_get("C1").await.unwrap();
    let error = client.users_get("jo@a.example").await.unwrap_err();
    assert_eq!(error.class(), ErrorClass::Credentials);
    assert!(error.to_string().contains("key.json"), "{error}");
}

#[tokio::test]
async fn without_a_key_the_metadata_server_and_iam_sign() {
    let google = StandIn::start().await;
    let credential = CredentialSource::Keyless { service_account: EMAIL.to_owned() };
    let token_url = Some(google.url.join("token").unwrap());
    let settings = Settings { token_url, credential, ..google.settings() };
    let client = google.client_of(settings).await;
    client.customers_get("C1").await.unwrap();
    let [metadata, iam] = google.others().try_into().unwrap();
    assert_eq!(metadata.headers["metadata-flavor"], "Google");
    assert_eq!(metadata.uri.path(), "/computeMetadata/v1/instance/service-accounts/default/token");
    assert_eq!(iam.uri.path(), format!("/v1/projects/-/serviceAccounts/{EMAIL}:signJwt"));
    assert_eq!(iam.bearer(), "Bearer pod-token");
    let body: serde_json::Value = serde_json::from_str(&iam.body).unwrap();
    let claims: serde_json::Value =
        serde_json::from_str(body["payload"].as_str().unwrap()).unwrap();
    assert_eq!(claims["iss"], EMAIL);
    assert_eq!(claims["sub"], SUBJECT);
    assert_eq!(claims["aud"], "https://oauth2.googleapis.com/token");
    assert!(google.tokens()[0].body.ends_with("&assertion=signed.by.iam"));
}

#[tokio::test]
async fn a_client_that_cannot_work_says_why_and_what_to_do() {
    let google = StandIn::start().await;
    let other = google.folder.path().join("other.json");
    std::fs::write(&other, r#"{"type":"authorized_user","private_key":"canary"}"#).unwrap();
    let far = google.folder.path().join("far.json");
    write_key(&far, "far", "http://tokens.example/");
    let key = |path: &std::path::Path| CredentialSource::KeyFile(path.to_owned());
    let base = google.settings();
    let missing = google.folder.path().join("missing.json");
    let insecure = "http://reseller.example/".parse().unwrap();
    for (settings, words) in [
        (
            Settings { credential: key(&missing), ..base.clone() },
            ["--credentials-file", "missing.json"],
        ),
        (
            Settings { credential: key(&other), ..base.clone() },
            ["service-account key", "other.json"],
        ),
        (
            Settings { credential: key(&far), ..base.clone() },
            ["token_uri", "--allow-insecure-endpoints"],
        ),
        (Settings { subject: String::new(), ..base.clone() }, ["--subject", "domain-wide"]),
        (
            Settings { reseller_url: insecure, ..base.clone() },
            ["--reseller-url", "--allow-insecure-endpoints"],
        ),
        (Settings { ca_file: Some(other.clone()), ..base.clone() }, ["--ca-file", "other.json"]),
        (Settings { requests_per_second: 0.0, ..base.clone() }, ["--requests-per-second", "0"]),
    ] {
        let message = Client::new(settings).await.unwrap_err().to_string();
        for word in words {
            assert!(message.contains(word), "{message}");
        }
        assert!(!message.contains("canary") && !message.contains('\n'), "{message}");
    }
    let allowed = Settings { allow_insecure_endpoints: true, credential: key(&far), ..base };
    Client::new(allowed).await.unwrap();
}
