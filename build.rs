//! Tells the program which commit it is built from, for `--version`.

#![expect(clippy::disallowed_methods, reason = "a build script is told things by its environment")]

use std::path::Path;
use std::process::Command;

/// The commit, for builds without a repository: container images, source archives.
const COMMIT: &str = "RESELLER_OPERATOR_COMMIT";
/// As many digits as people read.
const DIGITS: usize = 7;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed={COMMIT}");
    let given = std::env::var(COMMIT).ok().filter(|commit| !commit.trim().is_empty());
    let commit = given.or_else(of_the_repository);
    let commit = commit.as_deref().map_or("unknown", |commit| commit.trim());
    let short: String = commit.chars().take(DIGITS).collect();
    println!("cargo::rustc-env={COMMIT}={short}");
}

/// The commit of the repository that this folder is the root of.
fn of_the_repository() -> Option<String> {
    let here = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR")?).canonicalize().ok()?;
    let root = Path::new(&git(&["rev-parse", "--show-toplevel"])?).canonicalize().ok()?;
    // Sources unpacked inside another repository are not of its commit.
    if root != here {
        return None;
    }
    // The log of HEAD changes with every commit and checkout; where it is not kept, HEAD and its branch.
    let branch = git(&["symbolic-ref", "--quiet", "HEAD"]);
    for name in ["HEAD", "logs/HEAD"].into_iter().chain(branch.as_deref()) {
        let path = git(&["rev-parse", "--git-path", name])?;
        if here.join(&path).exists() {
            println!("cargo::rerun-if-changed={path}");
        }
    }
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = output.status.success().then_some(output.stdout)?;
    Some(String::from_utf8(text).ok()?.trim().to_owned())
}
