//! One real control plane for each test process, made by `dev/control-plane`.

use std::ffi::OsStr;
use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use k8s_openapi::api::core::v1::Namespace;
use kube::api::{ObjectMeta, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client, Config};
use tokio::io::AsyncWriteExt;
use tokio::sync::OnceCell;

use super::{AuditEvent, audit, wait_until};

/// The script that starts and stops it.
pub const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/dev/control-plane");

/// Starts the control plane in `$1`, then waits for the end of its input, which is the end of the
/// test process, however that comes about, and clears up.
const SUPERVISOR: &str =
    r#"if "$0" up "$1"; then echo ready; cat; fi; "$0" down "$1" 2>/dev/null; rm -rf "$1""#;

/// A running etcd and kube-apiserver. Ends, with its files, when it is dropped or the test process
/// ends.
#[derive(Debug)]
pub struct ControlPlane {
    dir: PathBuf,
    programs: PathBuf,
    namespaces: AtomicU32,
    crd: OnceCell<()>,
    /// Its standard input is the sign of life of this process.
    supervisor: Child,
}

/// What a program printed, and whether it succeeded.
#[derive(Clone, Debug)]
pub struct Output {
    pub stdout: String,
    pub stderr: String,
    pub success: bool,
}

impl Output {
    /// Standard output of a program that succeeded.
    ///
    /// # Panics
    /// When it did not succeed, with what it said.
    pub fn ok(self) -> String {
        assert!(self.success, "failed: {}{}", self.stderr, self.stdout);
        self.stdout
    }
}

impl ControlPlane {
    /// The control plane of this test process, started by the first who asks (about 3 s).
    pub fn shared() -> &'static Self {
        static SHARED: LazyLock<ControlPlane> = LazyLock::new(ControlPlane::start);
        &SHARED
    }

    /// A control plane of its own, for tests that stop it.
    ///
    /// # Panics
    /// When it cannot be started; the script has said why on standard error.
    pub fn start() -> Self {
        let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
        let programs = Command::new(SCRIPT).arg("assets").output().expect("dev/control-plane runs");
        let printed = String::from_utf8(programs.stdout).expect("a path in UTF-8");
        let said = String::from_utf8_lossy(&programs.stderr);
        let programs = printed.lines().last().unwrap_or_else(|| panic!("no control plane: {said}"));

        let dir = tempfile::Builder::new().prefix("control-plane-").tempdir().expect("folder");
        let dir = dir.keep();
        let mut supervisor = Command::new("bash")
            .args(["-c", SUPERVISOR, SCRIPT])
            .arg(&dir)
            .env("KUBEBUILDER_ASSETS", programs)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            // Ctrl-C in the terminal is for the tests; the supervisor must live to clear up.
            .process_group(0)
            .spawn()
            .expect("bash runs");
        let mut line = String::new();
        BufReader::new(supervisor.stdout.as_mut().expect("stdout is a pipe"))
            .read_line(&mut line)
            .expect("supervisor answers");
        assert_eq!(line, "ready\n", "no control plane; its logs were printed above");
        Self {
            dir,
            programs: programs.into(),
            namespaces: AtomicU32::new(0),
            crd: OnceCell::new(),
            supervisor,
        }
    }

    /// Folder with its logs, certificates and data.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// Kubeconfig of its administrator.
    pub fn kubeconfig(&self) -> PathBuf {
        self.dir.join("kubeconfig")
    }

    /// A kubectl that fits it.
    pub fn kubectl_path(&self) -> PathBuf {
        self.programs.join("kubectl")
    }

    /// Configuration for a client of the administrator.
    pub async fn config(&self) -> Config {
        let kubeconfig = Kubeconfig::read_from(self.kubeconfig()).expect("kubeconfig");
        let options = KubeConfigOptions::default();
        Config::from_custom_kubeconfig(kubeconfig, &options).await.expect("kubeconfig")
    }

    /// A client of the administrator. Each test makes its own: a client lives in the runtime in
    /// which it was made.
    pub async fn client(&self) -> Client {
        Client::try_from(self.config().await).expect("client")
    }

    /// A client that acts as `user` of these `groups`; the audit log names that user.
    pub async fn client_as(&self, user: &str, groups: &[&str]) -> Client {
        let mut config = self.config().await;
        config.auth_info.impersonate = Some(user.to_owned());
        config.auth_info.impersonate_groups =
            Some(groups.iter().map(|&group| group.to_owned()).collect());
        Client::try_from(config).expect("client")
    }

    /// Makes a namespace that no other test uses. There is no namespace controller: nothing is ever
    /// removed from it, which does not matter, because the control plane goes with the process.
    pub async fn namespace(&self, prefix: &str) -> String {
        let name = format!("{prefix}-{}", self.namespaces.fetch_add(1, Ordering::Relaxed));
        let namespace = Namespace {
            metadata: ObjectMeta { name: Some(name.clone()), ..ObjectMeta::default() },
            ..Namespace::default()
        };
        let api = Api::<Namespace>::all(self.client().await);
        api.create(&PostParams::default(), &namespace).await.expect("namespace");
        name
    }

    /// Applies the CustomResourceDefinition of `crds/`, once, and waits until kubectl knows it.
    pub async fn apply_crd(&self) {
        let apply = async || {
            let crds = concat!(env!("CARGO_MANIFEST_DIR"), "/crds");
            self.kubectl(["apply", "--server-side", "-f", crds]).await.ok();
            // The published schema comes after the resource.
            let served = async || {
                let get = self.kubectl(["get", "rcust", "-A"]).await.success;
                (get && self.kubectl(["explain", "rcust.spec"]).await.success).then_some(())
            };
            wait_until("the kind to be served", Duration::from_secs(30), served).await;
        };
        self.crd.get_or_init(apply).await;
    }

    /// Runs kubectl as the administrator.
    pub async fn kubectl<S: AsRef<OsStr>>(&self, args: impl IntoIterator<Item = S>) -> Output {
        self.kubectl_stdin(args, "").await
    }

    /// Runs kubectl as the administrator with `input` as its standard input.
    pub async fn kubectl_stdin<S: AsRef<OsStr>>(
        &self,
        args: impl IntoIterator<Item = S>,
        input: &str,
    ) -> Output {
        let mut child = tokio::process::Command::new(self.kubectl_path())
            .args(args)
            .env("KUBECONFIG", self.kubeconfig())
            // Discovery is cached on disk by address, and addresses are used again.
            .env("KUBECACHEDIR", self.dir.join("kubectl-cache"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("kubectl runs");
        let mut stdin = child.stdin.take().expect("stdin is a pipe");
        // A kubectl that does not read its input closes it; that is not our failure.
        let _ = stdin.write_all(input.as_bytes()).await;
        drop(stdin);
        let output = child.wait_with_output().await.expect("kubectl ends");
        Output {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            success: output.status.success(),
        }
    }

    /// What the audit log holds of `user`, reads too.
    pub fn requests(&self, user: &str) -> Vec<AuditEvent> {
        let mut events = audit::read(&self.dir.join("audit.log"));
        events.retain(|event| event.user == user);
        events
    }

    /// What `user` asked to change.
    pub fn writes(&self, user: &str) -> Vec<AuditEvent> {
        let mut events = self.requests(user);
        events.retain(AuditEvent::is_write);
        events
    }
}

impl Drop for ControlPlane {
    fn drop(&mut self) {
        drop(self.supervisor.stdin.take());
        let _ = self.supervisor.wait();
    }
}
