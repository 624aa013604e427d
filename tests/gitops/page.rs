//! The commands of `docs/gitops.md`, run in order, as a reader does: against the simulator, a new
//! repository and a real API server.

use std::fmt::Write;
use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use tempfile::TempDir;

use crate::common::ControlPlane;

const PAGE: &str = include_str!("../../docs/gitops.md");
const OPERATOR: &str = env!("CARGO_BIN_EXE_reseller-operator");

/// A block of commands, and lines that it must print, in this order.
#[derive(Debug)]
struct Block {
    script: String,
    shown: Vec<String>,
}

/// The `sh` blocks that are to be run, each with the `text` block after it.
fn blocks(page: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut rest = page;
    let mut is_after_run = false;
    while let Some((before, after)) = rest.split_once("\n```") {
        let (language, after) = after.split_once('\n').expect("a block begins");
        let (body, after) = after.split_once("\n```\n").unwrap_or_else(|| panic!("{after}"));
        let is_run = language == "sh" && !before.trim_end().ends_with("-->");
        if is_run {
            blocks.push(Block { script: body.to_owned(), shown: Vec::new() });
        } else if language == "text" && is_after_run && before.trim().is_empty() {
            let lines = body.lines().map(|line| line.trim().to_owned());
            blocks.last_mut().expect("a block was run").shown = lines.collect();
        }
        is_after_run = is_run;
        rest = after;
    }
    blocks
}

/// One script of all blocks; what each of them says goes into a file of its own. The port of the
/// simulator is a free one, and what runs in the background ends with the script.
fn script(blocks: &[Block]) -> String {
    let mut script = String::from(
        "set -eo pipefail\ntrap 'kill $(jobs -p) $simulator 2>/dev/null || true' EXIT\n",
    );
    for (number, block) in blocks.iter().enumerate() {
        writeln!(script, "exec >\"$OUT/{number}\" 2>&1").expect("text");
        for line in block.script.lines() {
            let simulate = line.strip_prefix("reseller-operator simulate ");
            if let Some(arguments) = simulate.and_then(|line| line.strip_suffix('&')) {
                let start = "exec reseller-operator simulate --address 127.0.0.1:0";
                writeln!(script, "exec 9< <({start} {arguments})").expect("text");
                writeln!(script, "simulator=$!; read -r _ _ _ SIMULATOR <&9").expect("text");
            } else {
                let line = line.replace("http://127.0.0.1:8787", "$SIMULATOR");
                writeln!(script, "{line}").expect("text");
            }
        }
    }
    script
}

/// The first of these lines that is not in the text, in this order, each as a part of a line. How
/// wide a column is does not matter.
fn missing<'a>(shown: &'a [String], said: &str) -> Option<&'a String> {
    let words = |line: &str| line.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut lines = said.lines().map(words);
    shown.iter().find(|line| !lines.any(|is| is.contains(&words(line))))
}

/// Where the reader is, and who: a folder, a namespace, and tools that fit.
struct Reader {
    folder: TempDir,
    namespace: String,
}

impl Reader {
    async fn new(plane: &ControlPlane) -> Self {
        plane.apply_crd().await;
        let namespace = plane.namespace("page").await;
        let folder = tempfile::tempdir().expect("folder");
        for name in ["work", "out"] {
            fs::create_dir(folder.path().join(name)).expect("folder");
        }
        let config = fs::read_to_string(plane.kubeconfig()).expect("kubeconfig");
        let config = config.replace("namespace: default", &format!("namespace: {namespace}"));
        fs::write(folder.path().join("kubeconfig"), config).expect("kubeconfig");
        Self { folder, namespace }
    }

    fn bash(&self, plane: &ControlPlane, script: &str) -> Command {
        let bins = [Path::new(OPERATOR), &plane.kubectl_path()]
            .map(|program| program.parent().expect("folder").to_owned());
        let path = std::env::var_os("PATH").expect("PATH");
        let path = std::env::join_paths(bins.into_iter().chain(std::env::split_paths(&path)));
        let mut command = Command::new("bash");
        command.args(["-c", script]).current_dir(self.folder.path().join("work")).env_clear();
        for (name, value) in [
            ("RESELLER_OPERATOR_WATCH_NAMESPACE", self.namespace.as_str()),
            ("RESELLER_OPERATOR_ADMIN_ADDRESS", "127.0.0.1:0"),
            ("RESELLER_OPERATOR_LEADER_ELECTION", "false"),
            ("RESELLER_OPERATOR_SETTLE_TIME", "1s"),
            ("RESELLER_OPERATOR_LAG_GRACE", "2s"),
            ("GIT_CONFIG_GLOBAL", "/dev/null"),
            ("GIT_AUTHOR_NAME", "Ada"),
            ("GIT_AUTHOR_EMAIL", "ada@reseller.example"),
            ("GIT_COMMITTER_NAME", "Ada"),
            ("GIT_COMMITTER_EMAIL", "ada@reseller.example"),
        ] {
            command.env(name, value);
        }
        command.env("PATH", path.expect("paths")).env("HOME", self.folder.path());
        command.env("KUBECONFIG", self.folder.path().join("kubeconfig"));
        command.env("OUT", self.folder.path().join("out")).stdin(Stdio::null());
        command
    }

    /// What a block said, if it was begun.
    fn said(&self, number: usize) -> Option<String> {
        fs::read_to_string(self.folder.path().join("out").join(number.to_string())).ok()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_of_gitops_does_what_it_says() {
    let blocks = blocks(PAGE);
    let shown = blocks.iter().filter(|block| !block.shown.is_empty()).count();
    assert!(blocks.len() >= 8 && shown >= 4, "{blocks:#?}");
    let plane = ControlPlane::shared();
    let reader = Reader::new(plane).await;
    let mut bash = reader.bash(plane, &script(&blocks));
    let status = tokio::task::block_in_place(|| bash.status().expect("bash runs"));
    for (number, block) in blocks.iter().enumerate() {
        let said = reader.said(number).expect("the block before has failed");
        let is_last = reader.said(number + 1).is_none();
        assert!(status.success() || !is_last, "{}\nfailed:\n{said}", block.script);
        assert_eq!(missing(&block.shown, &said), None, "{}\nsaid:\n{said}", block.script);
    }
}
