//! Values that come from others, made fit to be shown: a customer may write anything into its
//! address, and what is shown ends up in terminals, logs and pull requests.

/// Longest value in a table for a terminal, in characters.
const WIDEST: usize = 60;

/// On one line, without what a terminal would obey or what turns the direction of text.
#[must_use]
pub fn plain(value: &str) -> String {
    value.chars().fold(String::with_capacity(value.len()), |mut shown, c| {
        if is_unseen(c) {
            shown.extend(c.escape_unicode());
        } else {
            shown.push(c);
        }
        shown
    })
}

/// Whether a terminal would obey a character, or show nothing for it.
#[must_use]
pub fn is_unseen(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{FEFF}')
}

/// A value in a table for a terminal.
pub(super) fn value(value: Option<&str>) -> String {
    match value {
        None => "-".to_owned(),
        Some("") => "\"\"".to_owned(),
        Some(value) => {
            let shown = plain(value);
            match shown.char_indices().nth(WIDEST) {
                Some((end, _)) => format!("{}…", &shown[..end]),
                None => shown,
            }
        }
    }
}

/// Words of a sentence in Markdown: nothing in them is markup, a link or a mention.
pub(super) fn words(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    let mut before = ' ';
    for c in plain(text).chars() {
        match c {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '#' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            // A word joiner is not seen and keeps a mention from being one.
            '@' if !before.is_alphanumeric() => escaped.push_str("@\u{2060}"),
            c => escaped.push(c),
        }
        before = c;
    }
    escaped
}

/// A value as code in a cell of a Markdown table.
pub(super) fn code(value: Option<&str>) -> String {
    match value {
        None => "-".to_owned(),
        Some("") => "(empty)".to_owned(),
        Some(value) => {
            let shown = plain(value).replace('|', "\\|");
            let longest = shown.split(|c| c != '`').map(str::len).max().unwrap_or_default();
            let fence = "`".repeat(longest + 1);
            // A space apart: a value may begin or end with a backtick.
            let space = if longest > 0 || shown.trim() != shown { " " } else { "" };
            format!("{fence}{space}{shown}{space}{fence}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_terminal_is_given_nothing_to_obey() {
        assert_eq!(value(Some("a\u{1b}[31mb\nc")), "a\\u{1b}[31mb\\u{a}c");
        assert_eq!(value(Some("\u{202e}abc")), "\\u{202e}abc");
        assert_eq!((value(None), value(Some(""))), ("-".to_owned(), "\"\"".to_owned()));
        assert_eq!(value(Some(&"x".repeat(99))).chars().count(), WIDEST + 1);
    }

    #[test]
    fn a_pull_request_is_given_no_markup_and_no_mention() {
        let shown = words("<img src=x> **b** [a](http://b) @ada ada@b.example | `c`\n# d");
        for markup in ["<img", "**", "[a]", " @ada", " |", "\n"] {
            assert!(!shown.contains(markup), "{markup}: {shown}");
        }
        assert!(shown.contains("ada@b.example"), "{shown}");
    }

    #[test]
    fn code_ends_where_the_value_ends() {
        assert_eq!(code(Some("a|b")), "`a\\|b`");
        assert_eq!(code(Some("a`b``c")), "``` a`b``c ```");
        assert_eq!(code(Some(" a")), "`  a `");
        assert_eq!(code(Some("")), "(empty)");
    }
}
