//! The program, and the Google that it asks.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Stdio;

use reseller_operator::simulator::{
    Account, CallFilter, CallRecord, Fault, FaultRule, InProcess, Simulator, serve,
};
use serde_json::{Value, json};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tokio::process::{Child, Command};

pub(crate) const LIST: &str = "reseller.subscriptions.list";
pub(crate) const GET: &str = "reseller.customers.get";
pub(crate) const LANGUAGE: &str = "directory.customers.get";

/// A Google of a test's own, and a folder to import into.
pub(crate) struct Google {
    pub(crate) simulator: Simulator,
    pub(crate) url: String,
    pub(crate) folder: TempDir,
}

/// How a run of the program ended.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Said {
    pub(crate) fn assert_says(&self, words: &[&str]) {
        for word in words {
            assert!(self.stderr.contains(word), "{word} is missing: {}", self.stderr);
        }
    }

    /// The only thing that is said is one error.
    pub(crate) fn assert_one_error(&self, words: &[&str]) {
        assert_eq!((self.code, self.stdout.as_str()), (Some(1), ""), "{}", self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        assert_eq!(self.stderr.lines().count(), 1, "{}", self.stderr);
        self.assert_says(words);
    }
}

/// An account with all that an order needs.
pub(crate) fn account(id: &str, domain: &str) -> Value {
    json!({
        "customerId": id, "customerDomain": domain, "alternateEmail": "owner@provider.example",
        "postalAddress": {
            "contactName": "Ada Owner", "organizationName": "Acme", "postalCode": "01234",
            "countryCode": "NO",
        },
        "subscriptions": [{"status": "CANCELLED"}],
    })
}

pub(crate) fn team(id: &str, domain: &str) -> Value {
    let mut team = account(id, domain);
    team["customerType"] = "team".into();
    team["primaryAdmin"] = json!({"primaryEmail": format!("{}@{domain}", id.to_lowercase())});
    team
}

pub(crate) fn foreign(id: &str, domain: &str) -> Value {
    json!({"customerId": id, "customerDomain": domain, "owner": "foreign"})
}

impl Google {
    pub(crate) async fn with(accounts: impl IntoIterator<Item = Value>) -> Self {
        let simulator = InProcess::default().simulator().clone();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let folder = TempDir::new().unwrap();
        simulator.write_key_file(&folder.path().join("key.json"), &format!("{url}/token")).unwrap();
        tokio::spawn(serve(listener, simulator.clone()));
        let google = Self { simulator, url, folder };
        for account in accounts {
            google.add(account);
        }
        google
    }

    pub(crate) fn add(&self, account: Value) {
        let account: Account = serde_json::from_value(account).unwrap();
        let mut simulation = self.simulator.simulation();
        let now = simulation.now();
        simulation.state_mut().add(account, now);
    }

    /// Where the program writes, unless it is told otherwise.
    pub(crate) fn out(&self) -> PathBuf {
        self.folder.path().join("out")
    }

    /// The program with its credential and Google in the environment.
    pub(crate) fn command(&self) -> Command {
        let mut command = binary();
        command
            .env("RESELLER_OPERATOR_SUBJECT", "admin@reseller.example")
            .env("RESELLER_OPERATOR_CREDENTIALS_FILE", self.folder.path().join("key.json"))
            .env("RESELLER_OPERATOR_RESELLER_URL", &self.url)
            .env("RESELLER_OPERATOR_DIRECTORY_URL", &self.url)
            .env("RESELLER_OPERATOR_REQUESTS_PER_SECOND", "2000")
            .env("RESELLER_OPERATOR_OUTPUT_DIR", self.out());
        command
    }

    pub(crate) async fn import<A: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = A>,
    ) -> Said {
        said(self.command().args(arguments)).await
    }

    /// The files, by name.
    pub(crate) fn files(&self) -> BTreeMap<String, String> {
        let Ok(entries) = std::fs::read_dir(self.out()) else { return BTreeMap::new() };
        let entries = entries.map(|entry| entry.unwrap());
        entries
            .map(|entry| {
                let name = entry.file_name().into_string().unwrap();
                (name, std::fs::read_to_string(entry.path()).unwrap())
            })
            .collect()
    }

    pub(crate) fn names(&self) -> Vec<String> {
        self.files().into_keys().collect()
    }

    /// Calls of a method, or of all.
    pub(crate) fn calls(&self, method: Option<&str>) -> Vec<CallRecord> {
        let filter = CallFilter { method: method.map(str::to_owned), ..CallFilter::default() };
        self.simulator.simulation().calls(&filter)
    }

    /// Calls of this method for this key (none: any) fail so.
    pub(crate) fn fail(&self, method: &str, key: Option<&str>, fault: Fault) {
        let (method, key) = (Some(method.to_owned()), key.map(str::to_owned));
        let rule = FaultRule { method, key, skip: 0, times: None, fault };
        self.simulator.simulation().inject(rule);
    }
}

/// `import` with nothing in its environment.
pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_reseller-operator"));
    command.env_clear().arg("import").kill_on_drop(true);
    command
}

pub(crate) async fn said(command: &mut Command) -> Said {
    ended(command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()).await
}

pub(crate) async fn ended(child: Child) -> Said {
    let output = child.wait_with_output().await.unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    let said = Said {
        code: output.status.code(),
        stdout: text(output.stdout),
        stderr: text(output.stderr),
    };
    assert!(!said.stderr.contains("panicked"), "{}", said.stderr);
    said
}
