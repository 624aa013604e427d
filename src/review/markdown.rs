//! A report for a pull request.

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
    let mut page = Page { room: LONGEST, left_out: 0 };
    let head = format!("{MARKER}\n### Plan: {}\n", words(&report.counts.summary()));
    let notes: Vec<String> =
        report.notes.iter().map(|note| format!("\n> {}\n", words(note))).collect();
    let notes = notes.concat();
    page.room -= (head.len() + notes.len()).min(LONGEST);
    // What a person must do is never cut off for what needs nobody.
    let blocked = page.part(
        "\n#### Blocked\n\nA person must act first; nothing is written for what is blocked.\n\n",
        report.blocked().map(blocked),
    );
    let table = page.part(
        "\n| object | account | action | fields: at Google → in the manifest | risk |\n\
         |---|---|---|---|---|\n",
        report.listed().into_iter().map(row),
    );
    let released = page.part(
        "\n#### Stops being managed, stays at Google\n\n",
        report.released.iter().map(released),
    );
    let left_out = match page.left_out {
        0 => String::new(),
        count => format!(
            "\n**{count} more objects do not fit here**: see the table in the log of the job.\n"
        ),
    };
    [head, table, blocked, released, left_out, notes].concat()
}

/// What still fits.
struct Page {
    /// Bytes.
    room: usize,
    left_out: usize,
}

impl Page {
    /// As many rows under a title as fit; nothing where there is no row.
    fn part(&mut self, title: &str, rows: impl Iterator<Item = String>) -> String {
        let mut text = String::new();
        for row in rows {
            let head = if text.is_empty() { title } else { "" };
            let length = head.len() + row.len();
            if length > self.room {
                self.left_out += 1;
                continue;
            }
            self.room -= length;
            text.push_str(head);
            text.push_str(&row);
        }
        text
    }
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
