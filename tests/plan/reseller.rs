//! A reseller: accounts at Google, manifests in a folder, and `plan` run on them.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use reseller_operator::simulator::{CallFilter, Simulator, serve};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::Command;

pub struct Reseller {
    pub google: Simulator,
    pub url: String,
    folder: TempDir,
}

/// What the process said.
#[derive(Debug)]
pub struct Said {
    pub code: Option<i32>,
    pub stdout: String,
    pub stderr: String,
}

impl Said {
    /// The plan as JSON.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }

    /// The one line of a command that could not be done, on stderr.
    pub fn refusal(&self) -> &str {
        assert_eq!((self.code, self.stdout.as_str()), (Some(1), ""), "{self:?}");
        let lines: Vec<&str> = self.stderr.lines().collect();
        assert!(lines.len() == 1 && lines[0].starts_with("error: "), "{self:?}");
        lines[0]
    }
}

impl Reseller {
    pub async fn new() -> Self {
        let google = Simulator::live(Vec::new(), None).expect("simulator");
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let url = format!("http://{}/", listener.local_addr().expect("address"));
        tokio::spawn(serve(listener, google.clone()));
        let folder = tempfile::tempdir().expect("folder");
        google
            .write_key_file(&folder.path().join("key.json"), &format!("{url}token"))
            .expect("key");
        Self { google, url, folder }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Writes a file below the folder in which the commands run.
    pub fn write(&self, path: &str, text: impl AsRef<[u8]>) {
        let path = self.path(path);
        std::fs::create_dir_all(path.parent().expect("a folder")).expect("folder");
        std::fs::write(path, text).expect("file");
    }

    /// Writes the manifest of an object in namespace `sales`.
    pub fn manifest(&self, folder: &str, name: &str, spec: &Value) {
        self.write(&format!("{folder}/{name}.yaml"), manifest(name, spec));
    }

    pub fn add(&self, account: Value) -> String {
        let account = serde_json::from_value(account).expect("account");
        let mut google = self.google.simulation();
        let now = google.now();
        google.state_mut().add(account, now)
    }

    /// How often a method was called.
    pub fn calls(&self, method: &str) -> usize {
        self.google.simulation().calls(&CallFilter::method(method)).len()
    }

    /// How often anything was called.
    pub fn all_calls(&self) -> usize {
        self.google.simulation().calls(&CallFilter::default()).len()
    }

    /// `plan` with these arguments; later flags replace these.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = bare(self.folder.path());
        command
            .arg("plan")
            .args(arguments)
            .env("RESELLER_OPERATOR_CREDENTIALS_FILE", self.path("key.json"))
            .env("RESELLER_OPERATOR_SUBJECT", "admin@reseller.example")
            .env("RESELLER_OPERATOR_RESELLER_URL", &self.url)
            .env("RESELLER_OPERATOR_DIRECTORY_URL", &self.url)
            .env("RESELLER_OPERATOR_REQUESTS_PER_SECOND", "500");
        command
    }

    pub async fn plan(&self, arguments: &[&str]) -> Said {
        said(&mut self.command(arguments)).await
    }
}

/// The program in this folder, with nothing in its environment.
pub fn bare(folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reseller-operator"));
    command.env_clear().current_dir(folder).stdin(Stdio::null()).kill_on_drop(true);
    command
}

pub async fn said(command: &mut Command) -> Said {
    let output = command.output().await.expect("the program runs");
    let text = |bytes| String::from_utf8(bytes).expect("UTF-8");
    let said = Said {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    assert!(!said.stderr.contains("panicked"), "{said:?}");
    said
}

pub fn manifest(name: &str, spec: &Value) -> String {
    let object = json!({
        "apiVersion": "reseller-operator.dev/v1alpha1", "kind": "ResellerCustomer",
        "metadata": {"name": name, "namespace": "sales"}, "spec": spec,
    });
    serde_yaml::to_string(&object).expect("YAML")
}

/// Lays `change` over `base`; `null` takes a member away.
pub fn with(mut base: Value, change: &Value) -> Value {
    for (name, value) in change.as_object().expect("an object") {
        match value {
            Value::Null => drop(base.as_object_mut().expect("an object").remove(name)),
            Value::Object(_) if base[name].is_object() => {
                base[name] = with(base[name].clone(), value);
            }
            value => base[name] = value.clone(),
        }
    }
    base
}

/// What a manifest and an account of this domain have in common.
pub fn customer(domain: &str) -> Value {
    json!({
        "customerDomain": domain,
        "alternateEmail": "owner@provider.example",
        "phoneNumber": "+4930901820",
        "postalAddress": {
            "contactName": "Ada Owner", "organizationName": "Example Ltd", "postalCode": "10115",
            "countryCode": "DE", "addressLine1": "Lane 7",
        },
    })
}
