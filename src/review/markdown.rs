//! A report for a pull request.

use std::fmt::Write as _;

use super::entry::{Entry, FieldChange};
use super::report::Report;
use super::table::{action, risk};
use super::text::{code, words};
use crate::plan::{Cause, Risk};

/// First line of the text: by it a comment is found again and updated in place.
pub const MARKER: &str = "<!-- reseller-operator plan -->";

/// Longest text; a comment of GitHub holds 65,536 characters, and a recipe adds a few.
const LONGEST: usize = 60_000;

/// The report as GitHub's and GitLab's Markdown. What does not fit is counted, the least at stake
/// first.
#[must_use]
pub fn markdown(report: &Report) -> String {
    let mut text = format!("{MARKER}\n### Plan: {}\n", words(&report.counts.summary()));
    let notes = notes(report);
    let mut left_out = 0;
    let room = LONGEST.saturating_sub(notes.len());
    let mut part = |title: &str, rows: Vec<String>| {
        let mut is_begun = false;
        for row in rows {
            let head = if is_begun { "" } else { title };
            if text.len() + head.len() + row.len() > room {
                left_out += 1;
                continue;
            }
            text.push_str(head);
            text.push_str(&row);
            is_begun = true;
        }
    };
    part(
        "\n#### Blocked\n\nA person must act first; nothing is written for what is blocked.\n\n",
        report.blocked().map(blocked).collect(),
    );
    part(
        "\n| object | account | action | fields: at Google → in the manifest | risk |\n\
         |---|---|---|---|---|\n",
        report.listed().into_iter().map(row).collect(),
    );
    part(
        "\n#### No longer managed\n\nThe accounts stay at Google as they are, with all subscriptions.\n\n",
        report.released.iter().map(released).collect(),
    );
    if left_out > 0 {
        let _ = writeln!(
            text,
            "\n**{left_out} more objects do not fit here**: see the table in the log of the job."
        );
    }
    text + &notes
}

fn notes(report: &Report) -> String {
    if report.notes.is_empty() {
        return String::new();
    }
    let notes: String = report.notes.iter().map(|note| format!("- {}\n", words(note))).collect();
    format!("\n{notes}")
}

fn row(entry: &Entry) -> String {
    let written = entry.changes.iter().map(|change| field(change, ""));
    let left = entry.differences.iter().map(|change| field(change, " (not written)"));
    let notes = entry.notes.iter().map(|note| words(note));
    let cells: Vec<String> = written.chain(left).chain(notes).collect();
    let highlight = |text: &str| match entry.risk {
        Risk::Money | Risk::Access => format!("**{text}**"),
        Risk::None | Risk::Change => text.to_owned(),
    };
    format!(
        "| {} | {} | {} | {} | {} |\n",
        words(&entry.object()),
        words(&entry.account()),
        highlight(action(entry.action)),
        cells.join("<br>"),
        if entry.risk == Risk::None { String::new() } else { highlight(risk(entry.risk)) },
    )
}

fn field(change: &FieldChange, note: &str) -> String {
    let drift = if change.cause == Cause::Drift && note.is_empty() { " (drift)" } else { "" };
    let desired = code(Some(&change.desired));
    match &change.observed {
        Some(observed) => {
            let observed = code(Some(observed));
            format!("{}{drift}{note}: {observed} → {desired}", words(&change.field))
        }
        None => format!("{}: {desired}", words(&change.field)),
    }
}

fn blocked(entry: &Entry) -> String {
    let Some(blocked) = &entry.blocked else { return String::new() };
    // The remedies are our own Markdown.
    let next = blocked.next_step.as_ref().map(|step| format!("<br>Next step: {step}"));
    format!(
        "- **{}**, {} ({}, line {}): **{}**<br>{}{}\n",
        words(&entry.object()),
        words(&entry.account()),
        code(Some(&entry.file)),
        entry.line,
        words(&blocked.reason),
        words(&blocked.message),
        next.unwrap_or_default(),
    )
}

fn released(gone: &super::report::Released) -> String {
    let name = Entry::full_name(gone.namespace.as_deref(), &gone.name);
    let account = Entry::full_account(&gone.customer_domain, gone.customer_id.as_deref());
    let after = gone.managed_by.as_ref().map(|other| format!(": {other} manages it from then on"));
    format!("- **{}**, {}{}\n", words(&name), words(&account), words(&after.unwrap_or_default()))
}
