//! The program from outside: exit codes, and what is on standard output.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::{Value, json};

const GOOD: &str = "\
apiVersion: reseller-operator.dev/v1alpha1
kind: ResellerCustomer
metadata:
  name: acme
  namespace: customers
spec:
  customerDomain: acme.example
  managementPolicy: Observe
";
const BAD: &str = "\
apiVersion: reseller-operator.dev/v1alpha1
kind: ResellerCustomer
metadata:
  name: acme
spec:
  customerDomain: acme.example
  managementPolicy: Observe
  postalAddress:
    postalCode: 01234
";

struct Said {
    code: Option<i32>,
    stdout: String,
    stderr: String,
}

/// Runs it with nothing in its environment but `env`.
fn run(arguments: &[&str], env: &[(&str, &str)], stdin: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_reseller-operator"))
        .env_clear()
        .envs(env.iter().copied())
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary runs");
    // What does not read its input closes it.
    let _ = child.stdin.take().expect("a pipe").write_all(stdin.as_bytes());
    let output = child.wait_with_output().expect("it ends");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    Said { code: output.status.code(), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn a_valid_manifest_is_said_to_be_so_and_what_was_not_checked_too() {
    let said = run(&["validate", "-"], &[], GOOD);
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert_eq!(
        said.stdout,
        "1 manifest valid\nnot checked: what only the cluster knows, such as changes of \
         spec.customerDomain, spec.customerType, spec.initialAdmin, spec.primaryAdmin\n"
    );
}

#[test]
fn a_fault_is_shown_in_its_line_with_the_way_out() {
    let said = run(&["validate", "-"], &[], BAD);
    assert_eq!((said.code, said.stderr.as_str()), (Some(1), ""));
    assert_eq!(
        said.stdout,
        "\
error: spec.postalAddress.postalCode: `postalCode` must be a string, and this is a number
 --> <stdin>:9:17
  |
9 |     postalCode: 01234
  |                 ^^^^^
  |
  = help: quote it: without quotes YAML reads 01234 as the number 668; write \"01234\"

0 manifests valid, 1 error
"
    );
}

#[test]
fn warnings_are_shown_and_are_no_error() {
    let text = GOOD.replace("metadata:\n", "metadata:\n  uid: abc\n");
    let said = run(&["validate", "-"], &[], &text);
    assert_eq!(said.code, Some(0));
    assert!(said.stdout.starts_with("warning: metadata.uid: "), "{}", said.stdout);
    assert!(said.stdout.contains("\n1 manifest valid, 1 warning\n"), "{}", said.stdout);
}

#[test]
fn json_tells_the_same_to_programs() {
    let both = format!("{BAD}---\napiVersion: v1\nkind: Secret\n");
    let flag = run(&["validate", "-o", "json", "-"], &[], &both);
    let env = run(&["validate", "-"], &[("RESELLER_OPERATOR_OUTPUT", "json")], &both);
    assert_eq!((flag.code, &flag.stdout), (Some(1), &env.stdout));
    let found: Value = serde_json::from_str(&flag.stdout).expect("JSON");
    let expected = json!({
        "valid": false, "manifests": 0, "skipped": 1,
        "findings": [{
            "severity": "error", "file": "<stdin>", "line": 9, "column": 17,
            "field": "spec.postalAddress.postalCode",
            "message": "`postalCode` must be a string, and this is a number",
            "help": "quote it: without quotes YAML reads 01234 as the number 668; write \"01234\"",
        }],
        "notChecked": [
            "spec.customerDomain", "spec.customerType", "spec.initialAdmin", "spec.primaryAdmin",
        ],
    });
    assert_eq!(found, expected);
}

#[test]
fn a_finding_about_a_file_has_no_line_in_json() {
    let said = run(&["validate", "-o", "json", "/nowhere"], &[], "");
    let found: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!(said.code, Some(1));
    assert_eq!(found["findings"][0]["file"], "/nowhere");
    assert_eq!(found["findings"][0]["line"], Value::Null);
}

#[test]
fn wrong_arguments_are_exit_code_1_and_say_how_it_is_used() {
    for arguments in [&["validate"][..], &["validate", "-", "-o", "yaml"]] {
        let said = run(arguments, &[], "");
        assert_eq!((said.code, said.stdout.as_str()), (Some(1), ""));
        assert!(said.stderr.contains("--help"), "{}", said.stderr);
    }
}

#[test]
fn what_a_terminal_would_obey_is_not_printed() {
    let text = GOOD.replace("managementPolicy", "\"\\e[31mmanagement\\u009bPolicy\"");
    let said = run(&["validate", "-"], &[], &text);
    assert_eq!(said.code, Some(1));
    let is_harmless = |c: char| c == '\n' || !c.is_control();
    assert!(said.stdout.chars().all(is_harmless), "{:?}", said.stdout);
}

#[test]
fn a_long_line_is_cut_around_the_fault() {
    let text = GOOD.replace(
        "name: acme",
        &format!("name: acme\n  labels: {{{} x: 'ä b'}}", "a: b, ".repeat(5000)),
    );
    let said = run(&["validate", "-"], &[], &text);
    assert!(said.stdout.contains("<stdin>:5:30016"), "{}", said.stdout);
    assert!(said.stdout.lines().all(|line| line.chars().count() < 400), "{}", said.stdout);
    assert!(said.stdout.contains("x: 'ä b'"), "{}", said.stdout);
}

#[test]
fn the_schema_is_json_and_names_the_draft() {
    let said = run(&["schema"], &[], "");
    let schema: Value = serde_json::from_str(&said.stdout).expect("JSON");
    assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""));
    assert_eq!(schema["$schema"], "http://json-schema.org/draft-07/schema#");
    assert_eq!(schema["properties"]["kind"]["const"], "ResellerCustomer");
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let said = run(&["completions", shell], &[], "");
        assert_eq!((said.code, said.stderr.as_str()), (Some(0), ""), "{shell}");
        assert!(said.stdout.contains("validate"), "{shell}");
    }
}
