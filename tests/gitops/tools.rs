//! Programs of others, from `dev/tools`.

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/dev/tools");

/// The path of a tool. In CI each must be had; elsewhere a test without its tool says loudly that it
/// is skipped.
pub(crate) fn tool(name: &str) -> Option<PathBuf> {
    let output = Command::new(SCRIPT).args(["path", name]).output().expect("dev/tools runs");
    if output.status.success() {
        let printed = String::from_utf8(output.stdout).expect("a path in UTF-8");
        return Some(PathBuf::from(printed.trim()));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(std::env::var_os("CI").is_none(), "no {name}: {said}");
    // Not eprintln: the test harness would keep it to itself.
    let _ = write!(std::io::stderr(), "\nSKIPPED, what needs {name}:\n{said}\n");
    None
}

#[test]
fn a_tool_is_built_once_and_then_comes_from_the_cache() {
    let Some(path) = tool("kstatus") else { return };
    let output = Command::new(SCRIPT).args(["path", "kstatus"]).output().expect("runs");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), path.display().to_string());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "", "nothing is built");
}

#[test]
fn what_a_tool_needs_is_said_and_nothing_half_done_is_left() {
    let machine = tempfile::tempdir().expect("folder");
    let run = |name: &str| {
        let mut command = Command::new(SCRIPT);
        command.args(["path", name]).env("XDG_CACHE_HOME", machine.path());
        let output = command.env("PATH", without_go(machine.path())).output().expect("runs");
        assert!(!output.status.success());
        assert_eq!(String::from_utf8_lossy(&output.stdout), "");
        String::from_utf8_lossy(&output.stderr).into_owned()
    };
    let said = run("kubeconform");
    assert!(said.contains("NOT THERE: kubeconform") && said.contains("Install Go"), "{said}");
    let said = run("hammer");
    assert!(said.contains("no tool hammer; there are: actionlint"), "{said}");
    let cache = machine.path().join("reseller-operator/tools");
    let left = std::fs::read_dir(cache).expect("cache").map(|entry| entry.expect("entry").path());
    assert_eq!(left.filter(|path| path.extension().is_some_and(|e| e == "lock")).count(), 0);
}

/// A PATH with what the script itself needs, and no Go.
fn without_go(folder: &Path) -> PathBuf {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).expect("folder");
    for name in [
        "bash", "echo", "env", "dirname", "basename", "uname", "tr", "sed", "awk", "cat", "cksum",
        "cut", "sort", "xargs", "mkdir", "rm", "mv", "sleep",
    ] {
        let found = Command::new("bash").args(["-c", &format!("type -P {name}")]).output();
        let found = String::from_utf8(found.expect("bash").stdout).expect("UTF-8");
        let link = bin.join(name);
        if !link.exists() {
            std::os::unix::fs::symlink(found.trim(), link).expect("link");
        }
    }
    bin
}
