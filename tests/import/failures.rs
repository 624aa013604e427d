//! What a user is told when Google does not answer as it should.

use std::fs;

use reseller_operator::simulator::{Fault, FaultRule};
use serde_json::{Value, json};

use super::google::{GET, Google, LANGUAGE, LIST, account, binary, said};

const NONE: [&str; 0] = [];

fn book(count: usize) -> impl Iterator<Item = Value> {
    (0..count).map(|n| account(&format!("C0{n:03}"), &format!("c{n:03}.example")))
}

fn unavailable() -> Fault {
    Fault::status(503, "backendError", "Backend error")
}

#[tokio::test]
async fn one_customer_that_cannot_be_read_does_not_stop_the_others() {
    let google = Google::with(book(20)).await;
    google.fail(GET, Some("C0003"), Fault::status(403, "forbidden", "Forbidden"));
    google.fail(GET, Some("C0004"), unavailable());
    google.fail(LANGUAGE, Some("C0005"), unavailable());
    let said = google.import(NONE).await;
    assert_eq!(said.code, Some(1));
    said.assert_says(&[
        "error: C0003: cannot be read: reseller.customers.get: 403 forbidden",
        "error: C0004: cannot be read: reseller.customers.get: 503 backendError",
        "error: C0005: cannot be read: directory.customers.get: 503 backendError",
        "17 written, 0 unchanged, 3 not written",
    ]);
    assert_eq!(google.files().len(), 17);
    let tries = google.calls(Some(GET)).iter().filter(|call| call.key == "C0004").count();
    assert_eq!(tries, 3, "tried three times");
}

#[tokio::test]
async fn a_google_that_answers_nobody_is_not_asked_for_everybody() {
    let google = Google::with(book(200)).await;
    google.fail(GET, None, unavailable());
    let said = google.import(NONE).await;
    assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
    said.assert_says(&["error: 200 of 200 not read: Google cannot be reached"]);
    assert!(google.calls(Some(GET)).len() < 150, "{}", google.calls(Some(GET)).len());
    assert!(google.files().is_empty());
}

#[tokio::test]
async fn a_list_that_is_not_answered_is_one_error() {
    let google = Google::with(book(1)).await;
    google.fail(LIST, None, unavailable());
    let said = google.import(NONE).await;
    said.assert_one_error(&["Google cannot be reached", "reseller.subscriptions.list", "503"]);
    assert_eq!(google.calls(Some(LIST)).len(), 3);
}

#[tokio::test]
async fn no_way_to_google_is_one_error_however_many_are_named() {
    let google = Google::with([]).await;
    let closed = ["--reseller-url", "http://127.0.0.1:1/"];
    let names = (0..100).map(|n| format!("c{n}.example"));
    let arguments = closed.into_iter().map(str::to_owned).chain(names);
    let said = google.import(arguments).await;
    said.assert_one_error(&["100 of 100 not read: Google cannot be reached"]);
}

#[tokio::test]
async fn a_subject_that_google_does_not_take_is_one_error_and_nothing_is_written() {
    let google = Google::with(book(30)).await;
    google.simulator.simulation().options_mut().subject = Some("boss@reseller.example".to_owned());
    google.import(NONE).await.assert_one_error(&["--subject", "credential", "invalid_grant"]);
    let names = (0..30).map(|n| format!("C0{n:03}"));
    google.import(names).await.assert_one_error(&["--subject", "invalid_grant", "30 of 30"]);
    assert!(google.files().is_empty());
}

#[tokio::test]
async fn a_credential_that_is_refused_in_the_middle_ends_the_rest() {
    let google = Google::with(book(100)).await;
    let refused = Fault::status(403, "accessNotConfigured", "Reseller API has not been used");
    let rule = FaultRule { skip: 40, times: None, ..FaultRule::once(GET, refused) };
    google.simulator.simulation().inject(rule);
    let said = google.import(NONE).await;
    assert_eq!(said.code, Some(1));
    said.assert_says(&[" not read: Google does not take the credential", "accessNotConfigured"]);
    let written = google.files().len();
    assert!(written > 0 && written <= 40 && written == said.stdout.lines().count(), "{written}");
    // 40 were answered; those that were under way then were still asked for.
    assert!(google.calls(Some(GET)).len() < 80);
    assert!(said.stderr.lines().count() <= 3, "{}", said.stderr);
}

#[tokio::test]
async fn without_a_credential_nothing_is_asked_and_no_folder_is_made() {
    let google = Google::with([]).await;
    let out = google.out();
    let mut command = binary();
    let flags = ["--subject", "admin@reseller.example", "--output-dir"];
    let said = said(command.args(flags).arg(&out)).await;
    said.assert_one_error(&["--credentials-file", "GOOGLE_APPLICATION_CREDENTIALS"]);
    assert!(!out.exists());
}

#[tokio::test]
async fn a_name_that_is_neither_id_nor_domain_is_a_usage_error() {
    let google = Google::with([]).await;
    for name in ["acme", "www.acme.example", "../acme.example", "c0123", "bücher.example"] {
        let said = google.import([name]).await;
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
        said.assert_says(&[name, "customer id such as", "domain such as"]);
    }
    assert!(google.calls(None).is_empty());
}

#[tokio::test]
async fn a_folder_that_cannot_be_written_to_is_one_error_before_google_is_asked() {
    let google = Google::with(book(1)).await;
    let file = google.folder.path().join("file");
    fs::write(&file, "").unwrap();
    let folders = [file.clone(), file.join("below"), "/proc".into()];
    for folder in folders {
        let said = google.import(["--output-dir".as_ref(), folder.as_os_str()]).await;
        said.assert_one_error(&["--output-dir", &folder.display().to_string()]);
    }
    assert!(google.calls(None).is_empty());
}

#[tokio::test]
async fn a_language_that_may_not_be_read_is_told_once_with_a_count() {
    let google = Google::with(book(50)).await;
    let customer = "https://www.googleapis.com/auth/admin.directory.customer.readonly";
    google.simulator.simulation().options_mut().denied_scopes.insert(customer.to_owned());
    let said = google.import(NONE).await;
    assert_eq!((said.code, said.stdout.lines().count()), (Some(0), 50), "{}", said.stderr);
    assert_eq!(said.stderr.lines().count(), 2, "{}", said.stderr);
    said.assert_says(&["warning: spec.language is left out of 50 manifests", customer]);
    assert!(google.files().values().all(|text| !text.contains("language")));
}

#[tokio::test]
async fn languages_that_some_customers_do_not_show_are_counted_by_cause() {
    let mut accounts: Vec<Value> = book(6).collect();
    for account in &mut accounts[..4] {
        account["directoryAccessRevoked"] = json!(true);
    }
    let google = Google::with(accounts).await;
    google.fail(LANGUAGE, Some("C0005"), Fault::status(403, "forbidden", "C0005 is not yours"));
    let said = google.import(NONE).await;
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    said.assert_says(&[
        "left out of 4 manifests, because it cannot be read: directory.customers.get: 403 domainCannotUseApis",
        "left out of 1 manifest, because it cannot be read: directory.customers.get: 403 forbidden",
    ]);
    let with = google.files().values().filter(|text| text.contains("  language: en\n")).count();
    assert_eq!(with, 1);
}
