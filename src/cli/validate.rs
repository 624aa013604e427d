//! `reseller-operator validate`: check manifests offline.

use std::io::{self, Read, Write};
use std::ops::Range;
use std::path::PathBuf;

use annotate_snippets::{AnnotationKind, Group, Level, Origin, Renderer, Snippet};
use anyhow::Context;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::manifest::{self, Finding, Loaded, Place, Severity, SourceLine};
use crate::review::{is_unseen, plain};

/// Longest part of a source line that is shown.
const MOST_SHOWN: usize = 160;

/// Check manifests offline, with the API server's verdict.
///
/// Reads what kubectl would read, and checks what the API server would: the schema, unknown fields,
/// metadata and the rules across fields. It also finds two manifests for one account. Nothing is
/// asked of a cluster or of Google.
#[derive(Args, Debug)]
pub struct ValidateArgs {
    /// Files, folders (every *.yaml, *.yml and *.json under them), or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    /// How to show what was found
    #[arg(short, long, env = "RESELLER_OPERATOR_OUTPUT", value_enum, default_value_t = Output::Text)]
    output: Output,
}

#[derive(ValueEnum, Clone, Copy, Debug)]
enum Output {
    /// For people: the line of the file, and what to do
    Text,
    /// For programs
    Json,
}

/// Writes what was found; whether the manifests are valid.
pub fn cmd(args: &ValidateArgs, stdin: impl Read, out: &mut impl Write) -> anyhow::Result<bool> {
    let loaded = manifest::load(&args.paths, stdin);
    match args.output {
        Output::Text => text(&loaded, out),
        Output::Json => writeln!(out, "{:#}", to_json(&loaded)),
    }
    .context("write what was found")?;
    Ok(loaded.is_valid())
}

fn text(loaded: &Loaded, out: &mut impl Write) -> io::Result<()> {
    findings(loaded, out)?;
    writeln!(out, "{}", summary(loaded))?;
    if !loaded.manifests.is_empty() {
        let fields = manifest::not_checked().join(", ");
        writeln!(out, "not checked: what only the cluster knows, such as changes of {fields}")?;
    }
    Ok(())
}

/// The findings alone, as text with colours.
pub(super) fn findings(loaded: &Loaded, out: &mut impl Write) -> io::Result<()> {
    let renderer = Renderer::styled();
    for finding in &loaded.findings {
        writeln!(out, "{}\n", renderer.render(&[group(finding)]))?;
    }
    Ok(())
}

fn group(finding: &Finding) -> Group<'_> {
    let level = match finding.severity {
        Severity::Error => Level::ERROR,
        Severity::Warning => Level::WARNING,
    };
    let title = match finding.field.as_str() {
        "" => plain(&finding.message),
        field => plain(&format!("{field}: {}", finding.message)),
    };
    let group = Group::with_title(level.primary_title(title));
    let place = &finding.place;
    let file = plain(&place.file);
    let group = match &finding.source {
        Some(line) => {
            let (shown, marked, is_cut) = window(line);
            let snippet = Snippet::source(shown)
                .line_start(place.line)
                .annotation(AnnotationKind::Primary.span(marked));
            if is_cut {
                // The columns of what is shown are not those of the file.
                group.element(origin(file, place)).element(snippet)
            } else {
                group.element(snippet.path(file))
            }
        }
        None => group.element(origin(file, place)),
    };
    match &finding.help {
        Some(help) => group.element(Level::HELP.message(plain(help))),
        None => group,
    }
}

fn origin(file: String, place: &Place) -> Origin<'static> {
    let origin = Origin::path(file);
    if place.line > 0 { origin.line(place.line).char_column(place.column) } else { origin }
}

/// What of a line is shown, what of it is marked, and whether its beginning was cut off.
fn window(line: &SourceLine) -> (String, Range<usize>, bool) {
    let SourceLine { text, marked } = line;
    let before: Vec<char> = text[..marked.start].chars().collect();
    let is_cut = before.len() > MOST_SHOWN / 2 && text.chars().count() > MOST_SHOWN;
    let kept = if is_cut { &before[before.len() - MOST_SHOWN / 2..] } else { &before[..] };
    // One for one, so that the marks stay right.
    let clean = |c: char| if is_unseen(c) { ' ' } else { c };
    let mut shown: String = kept.iter().copied().map(clean).collect();
    let start = shown.len();
    shown.extend(text[marked.clone()].chars().take(MOST_SHOWN).map(clean));
    let end = shown.len();
    let room = MOST_SHOWN.saturating_sub(shown.chars().count());
    shown.extend(text[marked.end..].chars().take(room).map(clean));
    (shown, start..end, is_cut)
}

fn summary(loaded: &Loaded) -> String {
    let count = |number: usize, one: &str, more: &str| {
        format!("{number} {}", if number == 1 { one } else { more })
    };
    let of =
        |severity| loaded.findings.iter().filter(|finding| finding.severity == severity).count();
    let mut parts = vec![count(loaded.manifests.len(), "manifest valid", "manifests valid")];
    let (errors, warnings) = (of(Severity::Error), of(Severity::Warning));
    if errors > 0 {
        parts.push(count(errors, "error", "errors"));
    }
    if warnings > 0 {
        parts.push(count(warnings, "warning", "warnings"));
    }
    if loaded.skipped > 0 {
        let more = "documents of other kinds skipped";
        parts.push(count(loaded.skipped, "document of another kind skipped", more));
    }
    parts.join(", ")
}

/// The output for programs, as `docs/validate.md` describes it.
fn to_json(loaded: &Loaded) -> Value {
    let findings = loaded.findings.iter().map(|finding| {
        let place = &finding.place;
        let severity = match finding.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
        };
        json!({
            "severity": severity,
            "file": place.file,
            "line": (place.line > 0).then_some(place.line),
            "column": (place.column > 0).then_some(place.column),
            "field": finding.field,
            "message": finding.message,
            "help": finding.help,
        })
    });
    json!({
        "valid": loaded.is_valid(),
        "manifests": loaded.manifests.len(),
        "skipped": loaded.skipped,
        "findings": findings.collect::<Vec<_>>(),
        "notChecked": manifest::not_checked(),
    })
}
