//! Prometheus' own tool, from `dev/tools`.

use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;

/// The path of promtool. In CI it must be had; elsewhere a test without it says loudly that it is
/// skipped.
pub fn promtool() -> Option<PathBuf> {
    static PATH: OnceLock<Option<PathBuf>> = OnceLock::new();
    PATH.get_or_init(find).clone()
}

fn find() -> Option<PathBuf> {
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/dev/tools");
    let output = Command::new(script).args(["path", "promtool"]).output().expect("dev/tools runs");
    if output.status.success() {
        let printed = String::from_utf8(output.stdout).expect("a path in UTF-8");
        return Some(PathBuf::from(printed.trim()));
    }
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(std::env::var_os("CI").is_none(), "no promtool: {said}");
    // Not eprintln: the test harness would keep it to itself.
    let _ = write!(std::io::stderr(), "\nSKIPPED, what needs promtool:\n{said}\n");
    None
}

/// Runs it; gives whether it was content, and what it said.
pub fn run(arguments: &[&str]) -> Option<(bool, String)> {
    let output = Command::new(promtool()?).args(arguments).output().expect("promtool runs");
    let said = [output.stdout, output.stderr].concat();
    Some((output.status.success(), String::from_utf8_lossy(&said).into_owned()))
}
