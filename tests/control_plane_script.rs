//! `dev/control-plane`: where the programs come from, and that what it starts also ends. Archives
//! are served from the disk, and Go is a stand-in, so nothing here needs a network or minutes.

mod common;

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use common::control_plane::SCRIPT;
use common::{ControlPlane, wait_until};
use sha2::{Digest, Sha512};
use tempfile::TempDir;

const PROGRAMS: [&str; 3] = ["etcd", "kube-apiserver", "kubectl"];

/// A machine with an empty cache, on which `go` and `kubectl` are what the test says.
struct Machine {
    root: TempDir,
}

impl Machine {
    /// Without archive, and with a Go that cannot build.
    fn bare() -> Self {
        let machine = Self { root: tempfile::tempdir().expect("folder") };
        machine.program("bin/go", "exit 1");
        machine.program("bin/kubectl", "exit 1");
        machine
    }

    fn path(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    fn program(&self, name: &str, script: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().expect("folder")).expect("folder");
        fs::write(&path, format!("#!/bin/sh\n{script}\n")).expect("program");
        fs::set_permissions(&path, fs::Permissions::from_mode(0o755)).expect("mode");
    }

    /// Programs that say `who` they are, in folder `name`.
    fn programs(&self, name: &str, who: &str) -> PathBuf {
        for program in PROGRAMS {
            self.program(&format!("{name}/{program}"), &format!("echo {who}"));
        }
        self.path(name)
    }

    /// An index with one archive of `version`, as the envtest releases are; `hash` instead of the
    /// right checksum, if given.
    fn archive(&self, version: &str, hash: Option<&str>) {
        self.programs("archive/controller-tools/envtest", version);
        let file = self.path(&format!("{version}.tar.gz"));
        let mut tar = Command::new("tar");
        tar.arg("-czf").arg(&file).arg("-C").arg(self.path("archive")).arg("controller-tools");
        assert!(tar.status().expect("tar").success());
        let mut sum = String::new();
        for byte in Sha512::digest(fs::read(&file).expect("archive")) {
            write!(sum, "{byte:02x}").expect("text");
        }
        let sum = hash.unwrap_or(&sum);

        let mut index = fs::read_to_string(self.path("index.yaml")).unwrap_or_default();
        if index.is_empty() {
            index.push_str("releases:\n");
        }
        writeln!(index, "  {version}:").expect("text");
        for platform in ["linux-amd64", "linux-arm64", "darwin-amd64", "darwin-arm64"] {
            let url = format!("file://{}", file.display());
            writeln!(index, "    envtest-{version}-{platform}.tar.gz:").expect("text");
            writeln!(index, "      hash: {sum}\n      selfLink: {url}").expect("text");
        }
        fs::write(self.path("index.yaml"), index).expect("index");
    }

    fn assets(&self) -> Command {
        let mut command = Command::new(SCRIPT);
        let path = std::env::join_paths([self.path("bin"), "/usr/bin".into(), "/bin".into()]);
        command
            .arg("assets")
            .env("PATH", path.expect("path"))
            .env("XDG_CACHE_HOME", self.path("cache"))
            .env("ENVTEST_INDEX_URL", format!("file://{}", self.path("index.yaml").display()))
            .env_remove("KUBEBUILDER_ASSETS");
        command
    }
}

/// Standard error, and what the program `kube-apiserver` of the printed folder says.
fn taken(output: &Output) -> (String, String) {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}");
    let printed = String::from_utf8_lossy(&output.stdout);
    let folder = Path::new(printed.lines().last().expect("a folder"));
    for program in PROGRAMS {
        assert!(folder.join(program).is_file(), "{program} is missing");
    }
    let who = Command::new(folder.join("kube-apiserver")).output().expect("runs").stdout;
    (said, String::from_utf8_lossy(&who).trim().to_owned())
}

fn pinned_minor() -> String {
    let go_mod = include_str!("../dev/assets/go.mod");
    let line = go_mod.lines().find(|line| line.contains("k8s.io/kubernetes v")).expect("pinned");
    let version = line.split_whitespace().last().expect("version");
    version.rsplit_once('.').expect("three numbers").0.to_owned()
}

#[test]
fn a_folder_that_the_user_names_comes_first() {
    let machine = Machine::bare();
    machine.archive(&format!("{}.0", pinned_minor()), None);
    let folder = machine.programs("mine", "mine");
    let output = machine.assets().env("KUBEBUILDER_ASSETS", &folder).output().expect("runs");
    let (said, who) = taken(&output);
    assert_eq!(who, "mine");
    assert!(said.contains("using KUBEBUILDER_ASSETS="), "{said}");
    assert!(!machine.path("cache").exists());
}

#[test]
fn a_named_folder_that_lacks_a_program_is_passed_over_and_said() {
    let machine = Machine::bare();
    machine.archive(&format!("{}.0", pinned_minor()), None);
    let folder = machine.programs("mine", "mine");
    fs::remove_file(folder.join("etcd")).expect("remove");
    let output = machine.assets().env("KUBEBUILDER_ASSETS", &folder).output().expect("runs");
    let (said, who) = taken(&output);
    assert_ne!(who, "mine");
    assert!(said.contains("lacks etcd: looking elsewhere"), "{said}");
}

#[test]
fn the_newest_archive_of_the_minor_version_is_fetched_once_and_then_cached() {
    let machine = Machine::bare();
    let minor = pinned_minor();
    machine.archive(&format!("{minor}.0"), None);
    machine.archive(&format!("{minor}.2"), None);
    machine.archive("v1.99.9", None);
    let (said, who) = taken(&machine.assets().output().expect("runs"));
    assert_eq!(who, format!("{minor}.2"));
    assert!(said.contains("fetching envtest-"), "{said}");

    let (said, who) = taken(&machine.assets().output().expect("runs"));
    assert_eq!(who, format!("{minor}.2"));
    assert!(!said.contains("fetching") && said.contains("using "), "{said}");
}

#[test]
fn two_callers_at_once_fetch_once() {
    let machine = Machine::bare();
    machine.archive(&format!("{}.0", pinned_minor()), None);
    let start = || {
        let mut command = machine.assets();
        command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().expect("runs")
    };
    let both = [start(), start()].map(|child: Child| child.wait_with_output().expect("ends"));
    let fetched = both.iter().filter(|output| taken(output).0.contains("fetching")).count();
    assert_eq!(fetched, 1);
}

#[test]
fn the_lock_of_a_caller_that_died_is_pushed_aside() {
    let machine = Machine::bare();
    machine.archive(&format!("{}.0", pinned_minor()), None);
    let (_, _) = taken(&machine.assets().output().expect("runs"));
    let cache = machine.path("cache/reseller-operator/control-plane");
    let folder = fs::read_dir(&cache).expect("cache").next().expect("one").expect("entry").path();
    fs::remove_file(folder.join("etcd")).expect("remove");
    let lock = folder.with_file_name(format!("{}.lock", folder.file_name().unwrap().display()));
    fs::create_dir(&lock).expect("lock");
    let mut dead = Command::new("true").spawn().expect("runs");
    dead.wait().expect("ends");
    fs::write(lock.join("pid"), dead.id().to_string()).expect("pid");
    taken(&machine.assets().output().expect("runs"));
    assert!(!lock.exists());
}

#[test]
fn an_archive_with_another_checksum_is_not_used() {
    let machine = Machine::bare();
    machine.archive(&format!("{}.0", pinned_minor()), Some("0123"));
    let output = machine.assets().output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains("does not have the checksum of the index"), "{said}");
}

#[test]
fn without_an_archive_the_programs_are_built_with_go() {
    let machine = Machine::bare();
    machine.program(
        "bin/go",
        r#"while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\necho built\n' >"$2"; chmod +x "$2""#,
    );
    let (said, who) = taken(&machine.assets().output().expect("runs"));
    assert_eq!(who, "built");
    assert!(said.contains("the index of ready-made archives cannot be read"), "{said}");
    assert!(said.contains("about 7 minutes the first time"), "{said}");
    assert!(said.contains("building kubectl"), "{said}");
}

#[test]
fn a_kubectl_of_a_fitting_version_is_not_built() {
    let machine = Machine::bare();
    let version = pinned_minor();
    machine.program("bin/kubectl", &format!("echo Client Version: {version}.9"));
    machine.program(
        "bin/go",
        r#"while [ "$1" != -o ]; do shift; done
printf '#!/bin/sh\necho built\n' >"$2"; chmod +x "$2""#,
    );
    let (said, _) = taken(&machine.assets().output().expect("runs"));
    assert!(said.contains("taking kubectl from PATH"), "{said}");
    assert!(!said.contains("building kubectl"), "{said}");
}

#[test]
fn when_nothing_works_it_says_what_to_install() {
    let machine = Machine::bare();
    let output = machine.assets().output().expect("runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(output.stdout.is_empty());
    assert!(said.contains("Install Go") && said.contains("KUBEBUILDER_ASSETS"), "{said}");
    let cache = machine.path("cache/reseller-operator/control-plane");
    assert_eq!(fs::read_dir(cache).expect("cache").count(), 0, "nothing half done is left");
}

#[tokio::test]
async fn it_starts_once_stops_when_asked_and_keeps_its_data() {
    let folder = tempfile::tempdir().expect("folder");
    let dir = folder.path().join("plane");
    let script = |command: &str| {
        let output = Command::new(SCRIPT).arg(command).arg(&dir).output().expect("runs");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{said}");
        (String::from_utf8_lossy(&output.stdout).trim().to_owned(), said)
    };
    let pid = || fs::read_to_string(dir.join("kube-apiserver.pid")).expect("pid").trim().to_owned();
    let kubectl = |args: &[&str]| {
        let mut command = Command::new(ControlPlane::shared().kubectl_path());
        let output = command.args(args).env("KUBECONFIG", dir.join("kubeconfig")).output();
        output.expect("kubectl").status.success()
    };

    script("up");
    let first = pid();
    assert!(kubectl(&["create", "configmap", "kept"]));
    assert!(script("up").1.contains("already running"));
    assert_eq!(pid(), first);
    assert_eq!(script("kubeconfig").0, dir.join("kubeconfig").display().to_string());

    script("down");
    assert!(!is_alive(&first));
    assert!(!kubectl(&["version"]));
    script("down");

    script("up");
    assert!(kubectl(&["get", "configmap", "kept"]));
    script("down");
}

/// However a test process ends, its end of the pipe closes, and nothing is left behind.
#[tokio::test]
async fn it_ends_with_the_test_process() {
    let plane = ControlPlane::start();
    let dir = plane.dir().to_owned();
    let pids = ["etcd.pid", "kube-apiserver.pid"]
        .map(|file| fs::read_to_string(dir.join(file)).expect("pid").trim().to_owned());
    assert!(pids.iter().all(|pid| is_alive(pid)));
    drop(plane);
    let gone = async || (!dir.exists() && !pids.iter().any(|pid| is_alive(pid))).then_some(());
    wait_until("the end of the control plane", Duration::from_secs(20), gone).await;
}

#[tokio::test]
async fn the_audit_log_tells_who_wrote_what() {
    let plane = ControlPlane::shared();
    let namespace = plane.namespace("audit").await;
    let client = plane.client_as("auditor", &["system:masters"]).await;
    let api = kube::Api::<k8s_openapi::api::core::v1::ConfigMap>::namespaced(client, &namespace);
    api.get_opt("counted").await.expect("get");
    let mut map = k8s_openapi::api::core::v1::ConfigMap::default();
    map.metadata.name = Some("counted".to_owned());
    api.create(&kube::api::PostParams::default(), &map).await.expect("create");

    assert_eq!(plane.requests("auditor").len(), 2);
    let writes = plane.writes("auditor");
    let [write] = writes.as_slice() else { panic!("one write, not {writes:?}") };
    assert_eq!((write.verb.as_str(), write.resource.as_str()), ("create", "configmaps"));
    assert_eq!((write.namespace.as_str(), write.code), (namespace.as_str(), 201));
}

/// Ended processes that nobody has asked about yet (Z) do not count.
fn is_alive(pid: &str) -> bool {
    if Path::new("/proc/self/stat").exists() {
        let stat = fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
        return stat
            .rsplit(") ")
            .next()
            .is_some_and(|rest| !rest.is_empty() && !rest.starts_with('Z'));
    }
    let state = Command::new("ps").args(["-o", "stat=", "-p", pid]).output().expect("ps").stdout;
    state.first().is_some_and(|&state| state != b'Z')
}
