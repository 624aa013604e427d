//! The pages of `docs/` and the README say what the code says.

#![expect(clippy::panic, reason = "a test that cannot go on says why")]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::path::{Path, PathBuf};

use reseller_operator::plan::reasons::{
    EventReason, FactReason, PausedReason, ReadyReason, ReasonDoc, Reconciling, Stalled,
    SyncedReason, TermsReason,
};

const ROOT: &str = env!("CARGO_MANIFEST_DIR");

/// The tables of `docs/conditions.md`, by the name in their marker.
const TABLES: [(&str, &[ReasonDoc]); 8] = [
    ("ReadyReason", ReadyReason::DOCS),
    ("Stalled", Stalled::DOCS),
    ("Reconciling", Reconciling::DOCS),
    ("SyncedReason", SyncedReason::DOCS),
    ("FactReason", FactReason::DOCS),
    ("TermsReason", TermsReason::DOCS),
    ("PausedReason", PausedReason::DOCS),
    ("EventReason", EventReason::DOCS),
];

const END: &str = "<!-- end -->\n";

fn read(path: impl AsRef<Path>) -> String {
    let path = Path::new(ROOT).join(path);
    std::fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// Every page for users and contributors.
fn pages() -> Vec<PathBuf> {
    let mut pages = vec![];
    for folder in ["", "docs", "docs/adr"] {
        let entries = std::fs::read_dir(Path::new(ROOT).join(folder)).expect("folder");
        let paths = entries.map(|entry| entry.expect("entry").path());
        pages.extend(paths.filter(|path| path.extension().is_some_and(|kind| kind == "md")));
    }
    assert!(pages.len() > 10);
    pages
}

fn table(docs: &[ReasonDoc]) -> String {
    let mut table = "| reason | meaning | what to do |\n|---|---|---|\n".to_owned();
    for ReasonDoc { reason, meaning, remedy } in docs {
        writeln!(table, "| `{reason}` | {meaning} | {remedy} |").expect("text");
    }
    table
}

/// The page with each table made anew.
fn with_tables(page: &str) -> String {
    let mut made = page.to_owned();
    for (name, docs) in TABLES {
        let marker = format!("<!-- table: {name} -->\n");
        let (before, rest) = made.split_once(&marker).unwrap_or_else(|| panic!("no {marker}"));
        let (_, after) = rest.split_once(END).expect("a table ends");
        made = format!("{before}{marker}{}{END}{after}", table(docs));
    }
    made
}

#[test]
fn the_page_of_conditions_has_every_reason_of_the_code() {
    let page = read("docs/conditions.md");
    let made = with_tables(&page);
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(Path::new(ROOT).join("docs/conditions.md"), made).expect("written");
    } else {
        assert!(page == made, "docs/conditions.md is stale: run `make generate`");
    }
}

#[test]
fn every_reason_is_explained_in_sentences() {
    for ReasonDoc { reason, meaning, remedy } in TABLES.iter().flat_map(|(_, docs)| *docs) {
        for text in [meaning, remedy] {
            assert!(text.ends_with('.') && !text.contains('|'), "{reason}: {text}");
        }
    }
}

/// Only reasons that exist are promised anywhere: `Stalled X`, in words and in code.
#[test]
fn every_stalled_reason_that_a_page_or_an_example_names_exists() {
    let known: BTreeSet<&str> = Stalled::DOCS.iter().map(|doc| doc.reason).collect();
    let examples = std::fs::read_dir(Path::new(ROOT).join("examples")).expect("examples");
    let examples = examples.map(|entry| entry.expect("entry").path()).filter(|path| path.is_file());
    let mut named = 0;
    for path in pages().into_iter().chain(examples) {
        let text = read(&path).replace(['`', '\n'], " ").replace("# ", "");
        for after in text.split("Stalled ").skip(1) {
            let word = after.trim_start().split(|c: char| !c.is_alphanumeric()).next();
            let word = word.unwrap_or_default();
            // `TeamsExist`, not `True` and not the next word of a sentence.
            if word.chars().filter(|c| c.is_uppercase()).count() > 1 {
                assert!(known.contains(word), "{}: Stalled {word}", path.display());
                named += 1;
            }
        }
    }
    assert!(named > 10, "{named}");
}

#[test]
fn every_link_leads_somewhere() {
    for page in pages() {
        let text = read(&page);
        for link in text.split("](").skip(1) {
            let link = link.split(')').next().expect("a link ends");
            let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
            if link.starts_with("http") {
                continue;
            }
            let target = match file {
                "" => page.clone(),
                file => page.parent().expect("folder").join(file),
            };
            assert!(target.exists(), "{}: {link}", page.display());
            let is_heading = |line: &str| {
                let title = line.trim_start_matches('#').trim().to_lowercase();
                let kept = |c: &char| c.is_alphanumeric() || [' ', '-', '_'].contains(c);
                let slug = title.chars().filter(kept).collect::<String>().replace(' ', "-");
                line.starts_with('#') && slug == anchor
            };
            assert!(
                anchor.is_empty() || read(&target).lines().any(is_heading),
                "{}: no heading for {link}",
                page.display()
            );
        }
    }
}

/// What the page on installation says that the program prints, it prints.
#[test]
fn every_message_of_the_table_of_what_can_go_wrong_is_in_the_code() {
    let code = source(&Path::new(ROOT).join("src"));
    let page = read("docs/install.md");
    let (_, tables) = page.split_once("\n## What can go wrong\n").expect("the section");
    let (tables, _) = tables.split_once("\n### An object is Stalled\n").expect("its end");
    let mut checked = 0;
    for row in tables.lines().filter(|line| line.starts_with("| ")) {
        let said = row.trim_start_matches("| ").split(" | ").next().expect("a first column");
        // What Google says follows its code; Kubernetes has words of its own.
        let ours = said.replace("token endpoint says unauthorized_client", "token endpoint says ");
        let ours = ours.split("invalid_grant").next().expect("a first part");
        for message in ours.split('`').skip(1).step_by(2) {
            if ["FailedMount", "403 accessNotConfigured", "403 SERVICE_DISABLED"].contains(&message)
            {
                continue;
            }
            let parts = message.split("...").flat_map(|part| part.split(": ")).map(str::trim);
            for part in parts.filter(|part| part.len() > 1) {
                assert!(code.contains(part), "nothing says {part:?}: {row}");
                checked += 1;
            }
        }
    }
    assert!(checked > 20, "{checked}");
}

/// All source under a folder, with the lines of long texts put together.
fn source(folder: &Path) -> String {
    let mut text = String::new();
    for entry in std::fs::read_dir(folder).expect("folder") {
        let path = entry.expect("entry").path();
        if path.is_dir() {
            text += &source(&path);
        } else {
            let code = read(&path);
            let mut lines = code.split("\\\n");
            text += lines.next().unwrap_or_default();
            lines.for_each(|line| text += line.trim_start());
        }
    }
    text
}

#[test]
fn the_schema_of_the_plan_is_that_of_the_code() {
    let schema = schemars::schema_for!(reseller_operator::review::Report);
    let made = serde_json::to_string_pretty(&schema).expect("JSON") + "\n";
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(Path::new(ROOT).join("docs/plan.schema.json"), made).expect("written");
    } else {
        assert!(
            read("docs/plan.schema.json") == made,
            "docs/plan.schema.json is stale: run `make generate`"
        );
    }
}
