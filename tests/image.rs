//! The container image, as far as can be said without an engine that builds it.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

#[path = "gitops/tools.rs"]
mod tools;

use tools::tool;

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

fn read(path: &str) -> String {
    fs::read_to_string(Path::new(ROOT).join(path)).expect(path)
}

/// The instructions of the Dockerfile, each a name and its text on one line.
fn instructions() -> Vec<(String, String)> {
    let lines = read("Dockerfile");
    let lines: Vec<_> = lines.lines().filter(|line| !line.starts_with('#')).collect();
    let text = lines.join("\n").replace("\\\n", " ");
    let instructions = text.lines().filter(|line| !line.trim().is_empty());
    instructions
        .map(|line| line.split_once(' ').expect("an instruction and its text"))
        .map(|(name, text)| (name.to_owned(), text.trim().to_owned()))
        .collect()
}

fn texts(name: &str) -> Vec<String> {
    instructions().into_iter().filter(|(n, _)| n == name).map(|(_, text)| text).collect()
}

/// The text of the last instruction of that name, which counts.
fn last(name: &str) -> String {
    texts(name).pop().unwrap_or_else(|| String::from("none"))
}

fn list(name: &str) -> Vec<String> {
    serde_json::from_str(&last(name)).expect("the form of a list: no shell is there")
}

#[test]
fn the_dockerfile_passes_hadolint() {
    let Some(hadolint) = tool("hadolint") else { return };
    let output = Command::new(hadolint)
        .current_dir(ROOT)
        .args(["--no-color", "--failure-threshold", "style", "Dockerfile"])
        .output()
        .expect("hadolint runs");
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success() && said.is_empty(), "{said}");
    assert!(!read("Dockerfile").contains("hadolint ignore"), "nothing is hushed");
}

#[test]
fn what_is_copied_is_there_and_is_sent_to_the_builder() {
    let copied: Vec<String> = texts("COPY")
        .into_iter()
        .filter(|text| !text.starts_with("--from="))
        .flat_map(|text| {
            let mut words: Vec<_> = text.split(' ').map(str::to_owned).collect();
            words.pop();
            words
        })
        .collect();
    let ignore = read(".dockerignore");
    let sent: Vec<_> = ignore.lines().filter_map(|line| line.strip_prefix('!')).collect();
    assert!(ignore.lines().any(|line| line == "*"), "all else stays here");
    assert_eq!(copied, sent);
    for path in copied {
        assert!(Path::new(ROOT).join(&path).exists(), "{path}");
    }
}

/// The builder has `src` and no other folder.
#[test]
fn the_sources_include_no_file_from_elsewhere() {
    let output = Command::new("grep")
        .current_dir(ROOT)
        .args(["-rnE", r"include_(str|bytes)!\(", "src"])
        .output()
        .expect("grep runs");
    let found = String::from_utf8(output.stdout).expect("UTF-8");
    let outside = found.lines().filter(|line| {
        let (path, rest) = line.split_once(':').expect("a path");
        let up = rest.matches("../").count();
        up >= path.matches('/').count() || rest.contains("CARGO_MANIFEST_DIR")
    });
    assert_eq!(outside.collect::<Vec<_>>(), [""; 0]);
}

#[test]
fn the_binary_is_the_one_that_cargo_builds_without_the_simulator() {
    let build =
        texts("RUN").into_iter().find(|text| text.contains("cargo build")).expect("a build");
    let arguments = build.split("cargo build ").nth(1).expect("arguments");
    let arguments = arguments.split(" && ").next().expect("arguments").trim();
    assert_eq!(arguments, "--release --locked --no-default-features");

    let output = Command::new(env!("CARGO"))
        .current_dir(ROOT)
        .args(["metadata", "--format-version=1", "--no-deps", "--offline"])
        .output()
        .expect("cargo runs");
    let metadata: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let package = &metadata["packages"][0];
    assert!(package["features"]["simulator"].is_array(), "there is something to leave out");
    let targets = package["targets"].as_array().expect("targets");
    let is_binary = |target: &&Value| target["kind"] == serde_json::json!(["bin"]);
    let binary = targets.iter().find(is_binary).expect("a binary");
    assert_eq!(binary.get("required-features"), None);
    let name = binary["name"].as_str().expect("a name");
    let path = format!("/usr/local/bin/{name}");
    assert!(build.contains(&format!("cp target/release/{name} {path}")), "{build}");
    assert_eq!(list("ENTRYPOINT"), [path.as_str()]);
    let from: Vec<_> = texts("COPY").into_iter().filter(|text| text.contains("--from=")).collect();
    assert!(
        from.iter().all(|text| text.starts_with(&format!("--from=build {path} /"))),
        "{from:?}"
    );
    assert!(from.last().is_some_and(|text| text.ends_with(&format!(" {path}"))), "{from:?}");
}

#[test]
fn the_commit_reaches_the_version() {
    let build =
        texts("RUN").into_iter().find(|text| text.contains("cargo build")).expect("a build");
    assert!(build.contains(r#"RESELLER_OPERATOR_COMMIT="${COMMIT}" cargo build"#), "{build}");
    assert!(read("build.rs").contains(r#"const COMMIT: &str = "RESELLER_OPERATOR_COMMIT";"#));
    let names: Vec<_> =
        instructions().into_iter().map(|(name, text)| format!("{name} {text}")).collect();
    let argument = names.iter().position(|line| line == "ARG COMMIT").expect("an argument");
    assert!(argument < names.iter().position(|line| line.contains("cargo build")).expect("build"));
}

#[test]
fn without_arguments_it_runs_the_controller() {
    let output = Command::new(env!("CARGO_BIN_EXE_reseller-operator"))
        .args(list("CMD"))
        .env_clear()
        .output()
        .expect("the binary runs");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("--subject <EMAIL>") && said.contains("reseller-operator run"), "{said}");
}

#[test]
fn it_is_built_with_our_toolchain_and_runs_as_nobody_on_a_pinned_base() {
    let bases = texts("FROM");
    let toolchain = read("rust-toolchain.toml");
    let channel =
        toolchain.lines().find_map(|line| line.strip_prefix("channel = ")).expect("channel");
    assert!(bases[0].starts_with(&format!("rust:{}-", channel.trim_matches('"'))), "{bases:?}");
    for base in bases.iter().filter(|base| base.split(' ').next() != Some("scratch")) {
        let image = base.split(' ').next().expect("an image");
        let tag = image.split_once(':').map(|(_, tag)| tag).unwrap_or_default();
        assert!(!tag.is_empty() && tag != "latest", "{image}");
    }
    assert!(bases.last().is_some_and(|base| base.starts_with("gcr.io/distroless/")), "{bases:?}");
    assert_eq!(last("USER"), "65532:65532");
    for label in ["title", "description", "licenses", "version", "revision"] {
        assert!(last("LABEL").contains(&format!("org.opencontainers.image.{label}=")), "{label}");
    }
}

const RELEASE: &str = ".github/workflows/release.yml";

#[test]
fn the_release_passes_actionlint() {
    let Some(actionlint) = tool("actionlint") else { return };
    let output = Command::new(actionlint)
        .current_dir(ROOT)
        .args(["-no-color", RELEASE])
        .output()
        .expect("actionlint runs");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
}

#[test]
fn the_release_takes_actions_by_their_commit_and_no_right_that_a_job_does_not_need() {
    let text = read(RELEASE);
    for action in
        text.lines().filter_map(|line| line.split_once("uses: ")).map(|(_, action)| action)
    {
        let (name, version) = action.split_once(" # v").expect("its version beside it");
        let commit = name.split_once('@').expect("a commit").1;
        assert!(commit.len() == 40 && commit.chars().all(|c| c.is_ascii_hexdigit()), "{action}");
        assert!(version.chars().all(|c| c.is_ascii_digit() || c == '.'), "{action}");
    }
    let workflow: Value = serde_yaml::from_str(&text).expect("YAML");
    assert_eq!(workflow["permissions"], serde_json::json!({}));
    let jobs = workflow["jobs"].as_object().expect("jobs");
    let rights = |job: &str| {
        let permissions = jobs[job]["permissions"].as_object().expect("permissions");
        let writes = permissions.iter().filter(|(_, right)| *right == "write");
        writes.map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(" ")
    };
    assert_eq!(rights("test"), "");
    assert_eq!(rights("build"), "packages");
    assert_eq!(rights("publish"), "attestations id-token packages");
    assert_eq!(rights("release"), "attestations contents id-token");
    assert_eq!(jobs.len(), 4);
    // Nothing is built before the tests, and nothing is told before it is built.
    assert_eq!(jobs["build"]["needs"], "test");
    assert_eq!(jobs["publish"]["needs"], serde_json::json!(["test", "build"]));
    assert_eq!(jobs["release"]["needs"], "publish");
}

#[test]
fn the_release_builds_what_the_dockerfile_has() {
    let workflow = read(RELEASE);
    let arguments = texts("ARG");
    for argument in ["COMMIT", "VERSION"] {
        assert!(workflow.contains(&format!("            {argument}=${{{{")), "{argument}");
        assert!(arguments.iter().any(|known| known == argument), "{argument}");
    }
    assert!(workflow.contains("target: binary"));
    assert!(texts("FROM").iter().any(|base| base.ends_with(" AS binary")));
}
