//! The operator as a process.

use std::path::Path;
use std::process::{ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use serde_json::Value;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};
use tokio::task::JoinHandle;

use crate::common::wait_until;

/// The longest that it may take to start or to end.
const PATIENCE: Duration = Duration::from_mins(1);

/// An operator that runs, or ran. Killed when dropped; a test that fails prints its log.
pub struct Operator {
    child: Child,
    log: Arc<Mutex<String>>,
    reader: JoinHandle<()>,
    name: String,
}

impl Operator {
    /// Starts `run` with these arguments, and nothing else in its environment.
    pub fn spawn(name: &str, kubeconfig: &Path, arguments: &[String]) -> Self {
        Self::spawn_with(name, kubeconfig, arguments, &[])
    }

    /// The same with these variables too.
    pub fn spawn_with(
        name: &str,
        kubeconfig: &Path,
        arguments: &[String],
        variables: &[(String, String)],
    ) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_reseller-operator"))
            .arg("run")
            .args(arguments)
            .env_clear()
            .env("KUBECONFIG", kubeconfig)
            // Many operators share this control plane; the tests of the Lease turn it on.
            .env("RESELLER_OPERATOR_LEADER_ELECTION", "false")
            .envs(variables.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the operator starts");
        let log = Arc::new(Mutex::new(String::new()));
        let mut lines = BufReader::new(child.stderr.take().expect("stderr is a pipe")).lines();
        let sink = Arc::clone(&log);
        let reader = tokio::spawn(async move {
            while let Ok(Some(line)) = lines.next_line().await {
                let mut log = sink.lock().unwrap_or_else(PoisonError::into_inner);
                log.push_str(&line);
                log.push('\n');
            }
        });
        Self { child, log, reader, name: name.to_owned() }
    }

    /// All that it has said on stderr.
    pub fn log(&self) -> String {
        self.log.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The lines of its log that contain `text`.
    pub fn lines(&self, text: &str) -> Vec<String> {
        self.log().lines().filter(|line| line.contains(text)).map(str::to_owned).collect()
    }

    /// Waits until it says so.
    pub async fn says(&self, text: &str) -> String {
        wait_until(&format!("{text:?} in the log"), PATIENCE, async || {
            self.lines(text).into_iter().next()
        })
        .await
    }

    /// Waits until its passes begin.
    pub async fn is_ready(&self) {
        self.says("all objects are listed").await;
    }

    /// The text of its `/metrics`, or of another path of the admin port.
    pub async fn get(&self, path: &str) -> String {
        let line = self.says("serving /healthz").await;
        let line: Value = serde_json::from_str(&line).expect("a line of the log is JSON");
        let address = line["address"].as_str().expect("address").to_owned();
        let answer = reqwest::get(format!("http://{address}{path}")).await.expect("admin port");
        answer.text().await.expect("text")
    }

    /// A size from `/proc/PID/status`, such as `VmRSS`, in KiB.
    pub fn memory_kib(&self, name: &str) -> u64 {
        let pid = self.child.id().expect("it runs");
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("status");
        let line = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        let size = line.and_then(|line| line.split_whitespace().next());
        size.and_then(|kib| kib.parse().ok()).unwrap_or_else(|| panic!("no {name}"))
    }

    /// SIGKILL: no pass ends, nothing is written any more.
    pub async fn kill(&mut self) {
        self.child.kill().await.expect("kill");
    }

    /// Sends SIGTERM.
    pub async fn terminate(&self) {
        self.signal("TERM").await;
    }

    /// Sends a signal by its name, such as `STOP`.
    pub async fn signal(&self, name: &str) {
        let pid = self.child.id().expect("it runs").to_string();
        let sent = Command::new("kill").args(["-s", name, &pid]).status().await.expect("kill");
        assert!(sent.success());
    }

    /// Waits for its end, and for the end of its log.
    pub async fn ended(&mut self) -> ExitStatus {
        let end = tokio::time::timeout(PATIENCE, self.child.wait()).await;
        let status = end.expect("it ends in time").expect("wait");
        let _ = (&mut self.reader).await;
        status
    }

    /// Whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.child.try_wait().expect("wait").is_none()
    }
}

impl Drop for Operator {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- log of {} ---\n{}", self.name, self.log());
        }
    }
}
