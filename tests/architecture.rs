//! The rules of the layout, read from the source text: who may name whom, and how big a file is.
//! Comments may name anything.

use std::fs;
use std::path::{Path, PathBuf};

/// No file is longer, tests included.
const MOST_LINES: usize = 600;

/// What the files under some folders (or the files themselves) must not name.
struct Rule {
    rooms: &'static [&'static str],
    must_not_name: &'static [&'static str],
    why: &'static str,
}

const RULES: &[Rule] = &[
    Rule {
        rooms: &["src/domain", "src/plan"],
        must_not_name: &["kube", "reqwest", "hyper", "tokio", "tracing", "async fn", "axum"],
        why: "what is valid and what to do is decided by pure functions of values",
    },
    Rule {
        rooms: &["src/crd"],
        must_not_name: &[
            "crate::domain",
            "crate::plan",
            "crate::google",
            "crate::observe",
            "crate::apply",
            "crate::controller",
            "crate::cli",
        ],
        why: "the Kubernetes contract knows nothing of ours",
    },
    Rule {
        rooms: &["src/domain"],
        must_not_name: &["crate::plan", "crate::observe", "crate::apply"],
        why: "valid values know no stage",
    },
    Rule {
        // Google's records and errors are values; asking for them is the shell's.
        rooms: &["src/domain", "src/plan"],
        must_not_name: &["google::Client", "google::client", "GoogleApi", "google::Settings"],
        why: "deciding is done on values",
    },
    Rule {
        // A rehearsal has nothing to write with, and a report is a value.
        rooms: &["src/rehearsal", "src/review"],
        must_not_name: &["kube", "google::Client", "reqwest", "tokio", "crate::controller"],
        why: "what would be done is shown without doing anything",
    },
    Rule {
        rooms: &["src/review"],
        must_not_name: &["async fn", "GoogleApi"],
        why: "a report is made of values",
    },
    Rule {
        rooms: &[
            "src/domain",
            "src/plan",
            "src/google",
            "src/observe.rs",
            "src/apply.rs",
            "src/rehearsal",
            "src/review",
        ],
        must_not_name: &["crate::controller", "crate::cli", "crate::metrics"],
        why: "the shell knows the core, and not the other way round",
    },
    Rule {
        rooms: &[
            "src/google",
            "src/observe.rs",
            "src/observe",
            "src/apply.rs",
            "src/apply",
            "src/record.rs",
            "src/simulator",
        ],
        must_not_name: &["kube", "k8s_openapi"],
        why: "the whole loop runs without a Kubernetes API server",
    },
    Rule {
        rooms: &["src/google", "src/observe.rs", "src/observe", "src/simulator"],
        must_not_name: &["crate::plan"],
        why: "what Google says does not depend on what we want of it",
    },
    Rule {
        rooms: &["src/import"],
        must_not_name: &[
            "kube::Client",
            "kube::client",
            "kube::api",
            "kube::runtime",
            "k8s_openapi",
            "crate::plan",
            "crate::apply",
            "crate::pass",
            "crate::record",
            "crate::controller",
            "crate::cli",
        ],
        why: "an import reads Google and writes files; it needs no cluster and changes no account",
    },
    Rule {
        rooms: &["src/manifest"],
        must_not_name: &[
            "crate::google",
            "crate::observe",
            "crate::apply",
            "crate::controller",
            "crate::cli",
            "crate::import",
            "kube::Client",
            "kube::Api",
            "kube::api",
            "kube::client",
            "kube::runtime",
        ],
        why: "a manifest is judged without a cluster and without Google",
    },
    Rule {
        rooms: &["src/simulator"],
        must_not_name: &[
            "google::auth",
            "google::http",
            "google::quota",
            "google::request",
            "google::retry",
        ],
        why: "a simulator that shares the client's code shares its mistakes",
    },
    Rule {
        rooms: &[
            "src/crd",
            "src/domain",
            "src/plan",
            "src/google",
            "src/manifest",
            "src/observe.rs",
            "src/observe",
            "src/apply.rs",
            "src/apply",
            "src/record.rs",
            "src/rehearsal",
            "src/review",
            "src/manifest",
            "src/import",
            "src/controller",
            "src/admin.rs",
            "src/metrics.rs",
            "src/metrics",
            "src/telemetry.rs",
            "src/main.rs",
        ],
        must_not_name: &["simulator::", "crate::simulator"],
        why: "only the command line and the tests know the simulator",
    },
];

/// A source file: its path from the root of the repository, and its text.
struct Source {
    path: PathBuf,
    text: String,
}

impl Source {
    fn is_in(&self, room: &str) -> bool {
        self.path.starts_with(room)
    }
}

fn sources(folders: &[&str]) -> Vec<Source> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut found = Vec::new();
    let mut folders: Vec<PathBuf> = folders.iter().map(|folder| root.join(folder)).collect();
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder of the repository") {
            let path = entry.expect("an entry of the folder").path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let text = fs::read_to_string(&path).expect("source text is UTF-8");
                let path = path.strip_prefix(root).expect("it is below the root").to_owned();
                found.push(Source { path, text });
            }
        }
    }
    assert!(!found.is_empty());
    found.sort_by(|a, b| a.path.cmp(&b.path));
    found
}

/// Whether the code of this line names `name` as a word of its own.
fn names(line: &str, name: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    let is_part = |c: char| c.is_alphanumeric() || c == '_';
    code.match_indices(name).any(|(start, _)| {
        let (before, after) = (&code[..start], &code[start + name.len()..]);
        !before.ends_with(is_part) && !after.starts_with(is_part)
    })
}

fn violations(rule: &Rule, sources: &[Source]) -> Vec<String> {
    let mut found = Vec::new();
    for source in sources.iter().filter(|source| rule.rooms.iter().any(|room| source.is_in(room))) {
        for (number, line) in source.text.lines().enumerate() {
            for name in rule.must_not_name.iter().filter(|name| names(line, name)) {
                let (path, number) = (source.path.display(), number + 1);
                found.push(format!("{path}:{number} names {name}: {}", rule.why));
            }
        }
    }
    found
}

fn assert_none(found: &[String]) {
    assert!(found.is_empty(), "\n{}\n", found.join("\n"));
}

#[test]
fn modules_name_only_what_they_may_know() {
    let sources = sources(&["src"]);
    let found: Vec<String> = RULES.iter().flat_map(|rule| violations(rule, &sources)).collect();
    assert_none(&found);
}

#[test]
fn files_stay_readable() {
    let long = |source: &Source| {
        let lines = source.text.lines().count();
        let path = source.path.display();
        (lines > MOST_LINES).then(|| format!("{path} has {lines} lines, {MOST_LINES} is the most"))
    };
    assert_none(&sources(&["src", "tests"]).iter().filter_map(long).collect::<Vec<_>>());
}

#[test]
fn no_test_is_switched_off() {
    let attribute = concat!("#[", "ignore");
    let switched_off = |source: &Source| {
        let path = source.path.display();
        source.text.contains(attribute).then(|| format!("{path} switches a test off"))
    };
    assert_none(&sources(&["src", "tests"]).iter().filter_map(switched_off).collect::<Vec<_>>());
}

#[test]
fn the_guards_see_what_they_guard_against() {
    let source = |path: &str, text: &str| Source { path: path.into(), text: text.to_owned() };
    let guilty = [
        source("src/plan/mod.rs", "use tokio::time::Instant;"),
        source("src/domain/ids.rs", "    pub async fn look() {}"),
        source("src/google/http.rs", "use kube::Client;"),
        source("src/simulator/server.rs", "use crate::google::quota::Pacer;"),
        source("src/controller/mod.rs", "use crate::simulator;"),
        source("src/import/read.rs", "use crate::apply::apply;"),
    ];
    for source in guilty {
        let path = source.path.clone();
        let sources = [source];
        assert!(RULES.iter().any(|rule| !violations(rule, &sources).is_empty()), "{path:?}");
    }
    let innocent = [
        source("src/plan/mod.rs", "// kube's runtime calls this\nlet kubelet = 1; // tokio"),
        source("src/cli/simulate.rs", "use crate::simulator::server;"),
        source("src/controller/mod.rs", "use kube::Client;"),
    ];
    assert!(RULES.iter().all(|rule| violations(rule, &innocent).is_empty()));
}
