//! The binary from outside: what it teaches, how it refuses, and how it ends.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

const SUBJECT: [&str; 2] = ["--subject", "admin@reseller.example"];
/// Stands in for key material: must never be repeated.
const SECRET: &str = "MIIEvSecretKeyMaterial";

struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// The binary with nothing in its environment: no kubeconfig, no credential, no flags.
fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reseller-operator"));
    command.env_clear();
    command
}

fn said(command: &mut Command) -> Said {
    let output = command.output().expect("the binary runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

fn answer(arguments: &[&str]) -> Said {
    said(binary().args(arguments))
}

/// `run` that must not start: what it says, in one line.
fn refused(command: &mut Command) -> String {
    let Said { code, stdout, stderr } = said(command);
    assert_eq!(code, Some(1), "{stderr}");
    assert_eq!(stdout, "");
    assert!(!stderr.contains("panicked") && !stderr.contains(SECRET), "{stderr}");
    let lines: Vec<&str> = stderr.lines().collect();
    assert!(lines.len() == 1 && lines[0].starts_with("error: "), "not one line: {stderr}");
    lines[0].to_owned()
}

fn run_with_key(key: &Path) -> Command {
    let mut command = binary();
    command.arg("run").args(SUBJECT).arg("--credentials-file").arg(key);
    command
}

fn assert_names(message: &str, words: &[&str]) {
    for word in words {
        assert!(message.contains(word), "{word} is missing: {message}");
    }
}

#[test]
fn help_teaches_the_subcommands_with_examples() {
    let Said { code, stdout, stderr } = answer(&["--help"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    assert_names(&stdout, &["run", "crd", "simulate", "Examples:", "RESELLER_OPERATOR_"]);
    assert_eq!(answer(&["help"]).stdout, stdout);
}

#[test]
fn help_of_run_tells_each_flag_with_its_default_and_variable() {
    let Said { code, stdout, .. } = answer(&["run", "--help"]);
    assert_eq!(code, Some(0));
    assert_names(&stdout, &["--subject <EMAIL>", "--resync-interval <DURATION>", "[default: 24h]"]);
    assert_names(&stdout, &["RESELLER_OPERATOR_SUBJECT", "GOOGLE_APPLICATION_CREDENTIALS"]);
}

#[test]
fn version_tells_version_and_commit_in_one_line_on_stdout() {
    let Said { code, stdout, stderr } = answer(&["--version"]);
    let git = Command::new("git")
        .args(["rev-parse", "HEAD"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .output();
    let head = git.ok().filter(|git| git.status.success());
    let head = head.map(|git| String::from_utf8(git.stdout).expect("UTF-8"));
    // Without a repository nobody knows.
    let commit: String = head.unwrap_or("unknown".to_owned()).chars().take(7).collect();
    let expected = format!("reseller-operator {} ({commit})\n", env!("CARGO_PKG_VERSION"));
    assert_eq!((code, stdout, stderr.as_str()), (Some(0), expected, ""));
}

#[test]
fn wrong_arguments_exit_with_1_and_say_on_stderr_how_to_go_on() {
    for (arguments, words) in [
        (&[][..], &["Usage:", "Commands:"][..]),
        (&["fly"], &["'fly'", "Usage:", "--help"]),
        (&["crd", "--fly"], &["'--fly'", "Usage:", "--help"]),
        (&["run"], &["--subject <EMAIL>", "Usage:", "--help"]),
        (&["run", "--resync-interval", "soon"], &["'soon'", "--resync-interval", "such as 30s"]),
        (&["run", "--onboarding-interval", "0s"], &["'0s'", "longer than zero"]),
        (&["run", "--reseller-url", "reseller"], &["'reseller'", "--reseller-url", "https"]),
        (&["run", "--admin-address", "8080"], &["'8080'", "--admin-address", "127.0.0.1:8080"]),
        (&["run", "--log-filter", "loud"], &["'loud'", "--log-filter", "levels:"]),
        (&["simulate", "--address", "here"], &["'here'", "--address", "127.0.0.1:8080"]),
    ] {
        let Said { code, stdout, stderr } = answer(arguments);
        assert_eq!((code, stdout.as_str()), (Some(1), ""), "{arguments:?}: {stderr}");
        assert_names(&stderr, words);
    }
}

#[test]
fn crd_prints_the_committed_file() {
    let Said { code, stdout, stderr } = answer(&["crd"]);
    assert_eq!((code, stderr.as_str()), (Some(0), ""));
    let committed = include_str!("../crds/resellercustomers.yaml");
    assert!(stdout == committed, "crds/ is stale: run `make generate`");
}

#[test]
fn run_without_a_credential_names_each_way_to_give_one() {
    let message = refused(binary().arg("run").args(SUBJECT));
    assert_names(
        &message,
        &["--credentials-file", "GOOGLE_APPLICATION_CREDENTIALS", "--service-account"],
    );
}

#[test]
fn run_with_a_key_that_is_not_there_or_cannot_be_read_names_flag_file_and_reason() {
    let folder = TempDir::new().expect("folder");
    let missing = folder.path().join("key.json");
    let message = refused(&mut run_with_key(&missing));
    assert_names(&message, &["--credentials-file", "key.json", "No such file"]);
    let message = refused(&mut run_with_key(folder.path()));
    assert_names(&message, &["--credentials-file", "directory"]);
}

#[test]
fn run_with_something_else_than_a_key_says_what_is_wrong_and_where_keys_come_from() {
    let folder = TempDir::new().expect("folder");
    let key = folder.path().join("key.json");
    let of = |kind: &str, pem: &str| {
        format!(r#"{{"type": "{kind}", "client_email": "a@p.example", "private_key": "{pem}"}}"#)
    };
    for (content, why) in [
        (SECRET.to_owned(), "not JSON"),
        (format!(r#"{{"private_key": "{SECRET}"}}"#), "client_email"),
        (of("authorized_user", SECRET), "type is not service_account"),
        (of("service_account", SECRET), "not PEM"),
    ] {
        fs::write(&key, content).expect("written");
        let message = refused(&mut run_with_key(&key));
        assert_names(&message, &["--credentials-file", "key.json", why, "Service Accounts"]);
    }
}

#[test]
fn run_as_somebody_without_an_address_says_whose_address_is_needed() {
    let message = refused(binary().args([
        "run",
        "--subject",
        "admin",
        "--service-account",
        "operator@p.example",
    ]));
    assert_names(&message, &["--subject", "e-mail address", "reseller administrator"]);
}

#[test]
fn run_over_plain_http_is_refused_except_on_loopback() {
    let endpoint = ["--service-account", "operator@p.example", "--reseller-url"];
    let message =
        refused(binary().arg("run").args(SUBJECT).args(endpoint).arg("http://api.example/"));
    assert_names(&message, &["--reseller-url", "unencrypted", "https", "--allow-insecure"]);
}

#[test]
fn run_without_a_cluster_says_how_to_name_one() {
    let credential = ["--service-account", "operator@p.example"];
    let message = refused(binary().arg("run").args(SUBJECT).args(credential));
    assert_names(&message, &["Kubernetes", "KUBECONFIG", "in a pod"]);
}

#[test]
fn run_with_a_broken_kubeconfig_does_not_show_what_is_in_it() {
    let folder = TempDir::new().expect("folder");
    let kubeconfig = folder.path().join("config");
    fs::write(&kubeconfig, format!("token: [{SECRET}")).expect("written");
    let mut command = binary();
    command.arg("run").args(SUBJECT).args(["--service-account", "operator@p.example"]);
    let message = refused(command.env("KUBECONFIG", &kubeconfig));
    assert_names(&message, &["kubeconfig", "KUBECONFIG", "YAML"]);
}

#[test]
fn simulate_says_in_one_line_where_it_is_and_ends_well_on_sigterm() {
    let folder = TempDir::new().expect("folder");
    let key = folder.path().join("key.json");
    let mut simulator = binary()
        .args(["simulate", "--address", "127.0.0.1:0", "--credentials-file"])
        .arg(&key)
        .stdout(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    let mut stdout = BufReader::new(simulator.stdout.take().expect("stdout is a pipe"));
    let mut line = String::new();
    stdout.read_line(&mut line).expect("a line");
    let port = line.trim_end().strip_prefix("simulator ready at http://127.0.0.1:");
    assert!(port.is_some_and(|port| port.parse::<u16>().is_ok()), "{line}");
    assert!(key.is_file());

    let kill = format!("kill -TERM {}", simulator.id());
    assert!(Command::new("sh").args(["-c", &kill]).status().expect("sh runs").success());
    assert_eq!(simulator.wait().expect("it ends").code(), Some(0));
    let mut rest = String::new();
    stdout.read_to_string(&mut rest).expect("text");
    assert_eq!(rest, "");
}

#[test]
fn simulate_on_a_port_that_is_taken_says_which() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("port");
    let address = taken.local_addr().expect("address").to_string();
    let message = refused(binary().args(["simulate", "--address", &address]));
    assert_names(&message, &[&address, "in use"]);
}
