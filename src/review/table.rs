//! A report for a terminal.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use comfy_table::presets::NOTHING;
use comfy_table::{ContentArrangement, Table};

use super::entry::{Effect, Entry, FieldChange};
use super::report::{Released, Report};
use super::text::{plain, value};
use crate::plan::{Cause, Risk};

const HEADER: [&str; 7] = ["OBJECT", "ACCOUNT", "ACTION", "FIELD", "AT GOOGLE", "MANIFEST", "RISK"];

/// The report as text with colours; what prints it takes them away where there is no terminal.
#[must_use]
pub fn table(report: &Report) -> String {
    let mut text = String::new();
    let listed = report.listed();
    if !listed.is_empty() || !report.released.is_empty() {
        text.push_str(&rows(&listed, &report.released));
        text.push('\n');
    }
    let mut line = |style: Style, words: &str| {
        let _ = writeln!(text, "{style}{}{style:#}", plain(words));
    };
    for entry in report.objects.iter().filter(|entry| !entry.notes.is_empty()) {
        line(Style::new().bold(), &format!("{}: note", entry.object()));
        entry.notes.iter().for_each(|note| line(Style::new(), &format!("  {note}")));
    }
    for entry in report.blocked() {
        let Some(blocked) = &entry.blocked else { continue };
        let head =
            format!("{}: {} ({}:{})", entry.object(), blocked.reason, entry.file, entry.line);
        line(AnsiColor::Red.on_default().bold(), &head);
        line(Style::new(), &format!("  {}", blocked.message));
        if let Some(step) = &blocked.next_step {
            line(Style::new(), &format!("  Next step: {}", step.replace('`', "")));
        }
    }
    report.notes.iter().for_each(|note| line(Style::new().dimmed(), &format!("Note: {note}")));
    let style = if report.counts.order > 0 { money() } else { Style::new().bold() };
    line(style, &report.counts.summary());
    text
}

/// One line for each field, the object's own words on the first.
fn rows(listed: &[&Entry], released: &[Released]) -> String {
    let mut table = Table::new();
    table.load_style(NOTHING).set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(HEADER);
    table.column_mut(0).into_iter().for_each(|column| {
        column.set_padding((0, 1));
    });
    let mut styles = vec![Style::new().bold()];
    for entry in listed {
        for row in entry_rows(entry) {
            table.add_row(row);
            styles.push(style(entry));
        }
    }
    for gone in released {
        let name = Entry::full_name(gone.namespace.as_deref(), &gone.name);
        let account = Entry::full_account(&gone.customer_domain, gone.customer_id.as_deref());
        let after = match &gone.managed_by {
            Some(other) => format!("managed by {other} from then on"),
            None => "stops being managed, stays at Google".to_owned(),
        };
        let cells = [name, account, "release".to_owned(), after];
        table.add_row(cells.map(|cell| plain(&cell)));
        styles.push(Style::new().dimmed());
    }
    let lines = table.lines().zip(styles);
    lines.fold(String::new(), |mut text, (line, style)| {
        let _ = writeln!(text, "{style}{}{style:#}", line.trim_end());
        text
    })
}

fn entry_rows(entry: &Entry) -> Vec<[String; 7]> {
    let written = entry.changes.iter().map(|change| (change, ""));
    let left = entry.differences.iter().map(|change| (change, " (not written)"));
    let mut rows: Vec<[String; 7]> =
        written.chain(left).map(|(change, note)| field_row(change, note)).collect();
    if rows.is_empty() {
        rows.push(Default::default());
    }
    let first = &mut rows[0];
    first[0] = plain(&entry.object());
    first[1] = plain(&entry.account());
    action(entry.action).clone_into(&mut first[2]);
    risk(entry.risk).clone_into(&mut first[6]);
    rows
}

fn field_row(change: &FieldChange, note: &str) -> [String; 7] {
    let drift = if change.cause == Cause::Drift && note.is_empty() { " (drift)" } else { "" };
    let mut row: [String; 7] = Default::default();
    row[3] = format!("{}{drift}{note}", plain(&change.field));
    row[4] = value(change.observed.as_deref());
    row[5] = value(Some(&change.desired));
    row
}

/// What an action is called in tables.
pub(super) fn action(effect: Effect) -> &'static str {
    match effect {
        Effect::Order => "order",
        Effect::Onboard => "set up",
        Effect::Adopt => "adopt",
        Effect::Update => "update",
        Effect::Blocked => "blocked",
        Effect::Unread => "not read",
        Effect::Observe => "observe",
        Effect::Suspended => "suspended",
        Effect::None => "unchanged",
    }
}

/// What a risk is called in tables.
pub(super) fn risk(risk: Risk) -> &'static str {
    match risk {
        Risk::None => "",
        Risk::Change => "change",
        Risk::Access => "access",
        Risk::Money => "costs money",
    }
}

fn money() -> Style {
    AnsiColor::Yellow.on_default().bold()
}

fn style(entry: &Entry) -> Style {
    match (entry.action, entry.risk) {
        (_, Risk::Money) => money(),
        (_, Risk::Access) => AnsiColor::Magenta.on_default(),
        (Effect::Blocked | Effect::Unread, _) => AnsiColor::Red.on_default(),
        (_, Risk::Change) => AnsiColor::Cyan.on_default(),
        (_, Risk::None) => Style::new(),
    }
}
