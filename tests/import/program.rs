//! What a user gets who runs it.

use std::fs;
use std::time::Duration;

use reseller_operator::simulator::Fault;

use super::google::{GET, Google, LANGUAGE, LIST, account, foreign, team};

const NONE: [&str; 0] = [];

fn book(count: usize) -> impl Iterator<Item = serde_json::Value> {
    (0..count).map(|n| account(&format!("C0{n:03}"), &format!("c{n:03}.example")))
}

#[tokio::test]
async fn without_names_every_customer_with_a_subscription_is_written() {
    let google = Google::with(book(250)).await;
    // Whatever the order of the answers.
    for late in ["C0000", "C0007", "C0123"] {
        google.fail(GET, Some(late), Fault::Delay { milliseconds: 300 });
    }
    let said = google.import(NONE).await;
    assert_eq!(
        (said.code, said.stderr.as_str()),
        (Some(0), "250 written, 0 unchanged, 0 not written\n")
    );
    let out = google.out();
    let paths = (0..250).map(|n| format!("{}/c{n:03}.example.yaml\n", out.display()));
    assert_eq!(said.stdout, paths.collect::<String>());
    let files = google.files();
    assert_eq!(files.len(), 250);
    assert_eq!(
        files["c007.example.yaml"],
        "\
apiVersion: reseller-operator.dev/v1alpha1
kind: ResellerCustomer
metadata:
  name: c007.example
spec:
  customerDomain: c007.example
  customerId: C0007
  postalAddress:
    contactName: Ada Owner
    organizationName: Acme
    postalCode: \"01234\"
    countryCode: \"NO\"
  alternateEmail: owner@provider.example
  language: en
"
    );
    assert_eq!(google.calls(Some(LIST)).len(), 3, "pages of 100");
    for method in [GET, LANGUAGE] {
        assert_eq!(google.calls(Some(method)).len(), 250, "each customer once: {method}");
    }
    assert!(google.calls(None).iter().all(|call| call.body.is_none()), "nothing is written");

    let again = google.import(["--force"]).await;
    assert_eq!((again.code, again.stdout.as_str()), (Some(0), ""));
    again.assert_says(&["0 written, 250 unchanged, 0 not written"]);
    assert_eq!(google.files(), files);
}

#[tokio::test]
async fn a_reseller_without_subscriptions_is_told_so() {
    let google = Google::with([]).await;
    let said = google.import(NONE).await;
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), ""));
    said.assert_says(&["no customer has a subscription"]);
}

#[tokio::test]
async fn named_customers_are_asked_for_and_no_others() {
    let google = Google::with(book(5)).await;
    // The same customer by id and by domain, in any case.
    let said = google.import(["C0003", "c001.EXAMPLE", "c003.example"]).await;
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(google.names(), ["c001.example.yaml", "c003.example.yaml"]);
    assert_eq!(google.calls(Some(GET)).len(), 3);
    assert!(google.calls(Some(LIST)).is_empty());
}

#[tokio::test]
async fn files_go_to_the_current_folder_unless_told_otherwise() {
    let google = Google::with(book(1)).await;
    fs::create_dir(google.out()).unwrap();
    let mut command = google.command();
    command.env_remove("RESELLER_OPERATOR_OUTPUT_DIR").current_dir(google.out());
    let said = super::google::said(command.args(["-o", "yaml"])).await;
    assert_eq!((said.code, said.stdout.as_str()), (Some(0), "c000.example.yaml\n"));
    assert_eq!(google.names(), ["c000.example.yaml"]);
}

#[tokio::test]
async fn teams_of_one_domain_are_told_apart_by_id() {
    let teams =
        [team("C0a", "team.example"), team("C0b", "team.example"), account("C0c", "c.example")];
    let google = Google::with(teams).await;
    let said = google.import(NONE).await;
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    assert_eq!(
        google.names(),
        ["c.example.yaml", "team.example-c0a.yaml", "team.example-c0b.yaml"]
    );
    let text = &google.files()["team.example-c0b.yaml"];
    for line in [
        "  name: team.example-c0b\n",
        "  customerType: team\n",
        "    primaryEmail: c0b@team.example\n",
    ] {
        assert!(text.contains(line), "{text}");
    }
}

#[tokio::test]
async fn a_team_that_could_not_be_read_leaves_the_names_of_the_others_alone() {
    let google = Google::with([team("C0a", "team.example"), team("C0b", "team.example")]).await;
    google.fail(GET, Some("C0a"), Fault::status(403, "forbidden", "Forbidden"));
    assert_eq!(google.import(NONE).await.code, Some(1));
    assert_eq!(google.names(), ["team.example-c0b.yaml"]);
}

#[tokio::test]
async fn a_file_that_exists_is_kept_unless_forced() {
    let google = Google::with(book(2)).await;
    fs::create_dir(google.out()).unwrap();
    let path = google.out().join("c000.example.yaml");
    fs::write(&path, "mine").unwrap();

    let said = google.import(NONE).await;
    assert_eq!(said.code, Some(1));
    said.assert_says(&["error: c000.example (C0000)", "c000.example.yaml exists", "--force"]);
    said.assert_says(&["1 written, 0 unchanged, 1 not written"]);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mine");
    assert_eq!(google.names().len(), 2, "the other one is written");

    let said = google.import(["--force"]).await;
    assert_eq!(
        (said.code, said.stdout.as_str()),
        (Some(0), format!("{}\n", path.display()).as_str())
    );
    assert!(google.files()["c000.example.yaml"].contains("customerId: C0000"));
    assert_eq!(google.names().len(), 2, "no temporary file is left");
}

#[tokio::test]
async fn not_even_force_puts_one_customer_in_the_place_of_another() {
    let google = Google::with([team("C0a", "team.example"), team("C0b", "team.example")]).await;
    assert_eq!(google.import(["C0a"]).await.code, Some(0));
    let before = google.files();
    let said = google.import(["C0b", "--force"]).await;
    assert_eq!(said.code, Some(1));
    said.assert_says(&["team.example.yaml is the manifest of another customer (C0a)"]);
    assert_eq!(google.files(), before);
}

#[tokio::test]
async fn who_is_not_ours_or_not_one_is_told_and_the_others_are_written() {
    let google = Google::with(book(1)).await;
    google.add(foreign("C0f", "foreign.example"));
    google.add(team("C0a", "team.example"));
    google.add(team("C0b", "team.example"));
    let names = ["foreign.example", "free.example", "team.example", "C0nobody", "c000.example"];
    let said = google.import(names).await;
    assert_eq!(said.code, Some(1));
    said.assert_says(&[
        "error: foreign.example: is not ours",
        "error: free.example: no such customer",
        "error: C0nobody: no such customer",
        "error: team.example: several teams exist on this domain: name each by its customer id",
        "1 written, 0 unchanged, 4 not written",
    ]);
    assert_eq!(google.names(), ["c000.example.yaml"]);
}

#[tokio::test]
async fn what_the_schema_does_not_take_is_left_out_and_named_without_its_value() {
    let mut odd = account("C0a", "odd.example");
    odd["language"] = "tlh".into();
    odd["phoneNumber"] = "030 99887766".into();
    odd["postalAddress"]["countryCode"] = "XK".into();
    let google = Google::with([odd]).await;
    let said = google.import(NONE).await;
    assert_eq!(said.code, Some(0), "{}", said.stderr);
    for field in ["language", "phoneNumber", "postalAddress.countryCode"] {
        said.assert_says(&[&format!("warning: odd.example (C0a): left out: spec.{field} (")]);
    }
    said.assert_says(&[
        "managementPolicy is Observe, because Full needs spec.postalAddress.countryCode",
    ]);
    let text = &google.files()["odd.example.yaml"];
    for value in ["tlh", "99887766", "XK"] {
        assert!(!said.stderr.contains(value) && !text.contains(value), "{value}");
    }
    assert!(
        text.ends_with("  managementPolicy: Observe # Full needs spec.postalAddress.countryCode\n")
    );
}

#[tokio::test]
async fn a_signal_ends_the_asking_and_what_was_read_is_written_whole() {
    let google = Google::with(book(40)).await;
    google.fail(GET, Some("C0039"), Fault::Hold);
    let mut command = google.command();
    command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped());
    let child = command.spawn().unwrap();
    let pid = child.id().unwrap();
    // All others are answered long before the languages of all are known.
    let all = reseller_operator::simulator::CallFilter::method(LANGUAGE);
    let patience = Duration::from_mins(1);
    tokio::time::timeout(patience, google.simulator.seen(&all, 39)).await.unwrap();
    let kill = format!("kill -INT {pid}");
    assert!(std::process::Command::new("sh").args(["-c", &kill]).status().unwrap().success());
    let said = super::google::ended(child).await;
    assert_eq!(said.code, Some(1), "{}", said.stderr);
    said.assert_says(&[" of 40 not read: stopped by a signal"]);
    let files = google.files();
    assert_eq!(said.stdout.lines().count(), files.len());
    assert!(!files.is_empty() && !files.contains_key("c039.example.yaml"));
    assert!(files.values().all(|text| text.ends_with("  language: en\n")));
    google.simulator.release();
}
