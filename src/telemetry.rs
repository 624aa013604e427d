//! Logs: on stderr, as text or JSON, filtered so that no library says more than it may.

use std::io::{self, IsTerminal};
use std::str::FromStr;

use tracing::Subscriber;
use tracing::level_filters::LevelFilter;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::fmt::{self, MakeWriter};
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// Target of our own events and spans, and the start of our modules' targets.
const OURS: &str = env!("CARGO_CRATE_NAME");

/// Libraries never say more: their debug and trace events hold URLs and bodies, and with them
/// contact data and tokens.
const LIBRARIES: LevelFilter = LevelFilter::INFO;

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// Lines for people.
    Text,
    /// One JSON object a line.
    Json,
}

impl LogFormat {
    /// Text on a terminal, JSON elsewhere.
    #[must_use]
    pub fn for_stderr() -> Self {
        if io::stderr().is_terminal() { Self::Text } else { Self::Json }
    }
}

/// What is logged: `LEVEL` or `TARGET=LEVEL`, separated by commas, as in `info` or
/// `info,reseller_operator::google=debug`. Whatever it says, libraries stay at info or below.
#[derive(Clone, Debug, PartialEq)]
pub struct LogFilter(Targets);

/// A directive that cannot be read.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum LogFilterError {
    /// Neither a level nor `TARGET=LEVEL`.
    #[error(
        "'{0}' is neither LEVEL nor TARGET=LEVEL (levels: error, warn, info, debug, trace, off)"
    )]
    Directive(String),
    /// A target that is no path of modules.
    #[error("'{0}': the target must be a path of modules, such as reseller_operator::google")]
    Target(String),
}

impl FromStr for LogFilter {
    type Err = LogFilterError;

    fn from_str(directives: &str) -> Result<Self, Self::Err> {
        let mut all = LevelFilter::INFO;
        let mut by_target = Vec::new();
        for directive in directives.split(',').map(str::trim) {
            match directive.split_once('=') {
                None => all = level(directive, directive)?,
                Some((target, name)) if is_path(target) => {
                    by_target.push((target, level(directive, name)?));
                }
                Some(_) => return Err(LogFilterError::Target(directive.to_owned())),
            }
        }
        let capped = by_target.into_iter().map(|(target, level)| (target, cap(target, level)));
        let targets = Targets::new().with_default(all.min(LIBRARIES)).with_target(OURS, all);
        Ok(Self(targets.with_targets(capped)))
    }
}

fn level(directive: &str, name: &str) -> Result<LevelFilter, LogFilterError> {
    const LEVELS: [(&str, LevelFilter); 6] = [
        ("off", LevelFilter::OFF),
        ("error", LevelFilter::ERROR),
        ("warn", LevelFilter::WARN),
        ("info", LevelFilter::INFO),
        ("debug", LevelFilter::DEBUG),
        ("trace", LevelFilter::TRACE),
    ];
    let known = LEVELS.into_iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
    known.map(|(_, level)| level).ok_or_else(|| LogFilterError::Directive(directive.to_owned()))
}

fn is_path(target: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty() && part.chars().all(|c| c.is_ascii_alphanumeric() || c == '_')
    };
    target.split("::").all(part)
}

/// `Targets` takes a directive for every target that starts with its text, so a directive counts as
/// ours only if whatever it matches is ours.
fn cap(target: &str, level: LevelFilter) -> LevelFilter {
    let is_ours =
        target.strip_prefix(OURS).is_some_and(|rest| rest.is_empty() || rest.starts_with("::"));
    if is_ours { level } else { level.min(LIBRARIES) }
}

/// Logs to stderr from now on. Called once, by `main`'s subcommand.
///
/// # Errors
///
/// If something logs already.
pub fn init(format: LogFormat, filter: LogFilter) -> Result<(), TryInitError> {
    subscriber(format, filter, anstream::stderr).try_init()
}

fn subscriber<W>(format: LogFormat, filter: LogFilter, writer: W) -> impl Subscriber + Send + Sync
where
    W: for<'writer> MakeWriter<'writer> + Send + Sync + 'static,
{
    let layer = fmt::layer().with_writer(writer);
    let layer = match format {
        LogFormat::Text => layer.with_ansi(true).boxed(),
        LogFormat::Json => layer.json().flatten_event(true).with_current_span(false).boxed(),
    };
    tracing_subscriber::registry().with(layer).with(filter.0)
}

#[cfg(test)]
mod tests {
    use std::io::Write;
    use std::sync::{Arc, Mutex};

    use tracing::Level;

    use super::*;

    fn filter(directives: &str) -> LogFilter {
        directives.parse().unwrap()
    }

    #[test]
    fn no_filter_makes_a_library_say_more_than_info() {
        let filters = [
            "trace",
            "debug,hyper=trace,reqwest=trace,kube=trace,rustls=trace,h2=trace",
            "h=trace,r=trace,k=trace,reseller=trace",
            "reseller_operator=trace,reseller_operatorx=trace",
            "hyper::proto=trace,kube_client::client=debug,h2::codec=trace",
        ];
        let libraries = [
            "hyper::proto::h1",
            "reqwest::connect",
            "kube_client::client",
            "kube_runtime::controller",
            "rustls::client::hs",
            "h2::codec::framed_write",
            "reseller_api",
        ];
        for directives in filters {
            for library in libraries {
                for level in [Level::DEBUG, Level::TRACE] {
                    let enabled = filter(directives).0.would_enable(library, &level);
                    assert!(!enabled, "{directives} enables {level} of {library}");
                }
            }
        }
    }

    #[test]
    fn a_level_is_for_all_our_code_and_a_target_for_a_part_of_it() {
        let ours = |directives, target, level| filter(directives).0.would_enable(target, &level);
        assert!(ours("trace", "reseller_operator::plan", Level::TRACE));
        assert!(!ours("info", "reseller_operator::plan", Level::DEBUG));
        assert!(ours(
            "reseller_operator::google=debug",
            "reseller_operator::google::http",
            Level::DEBUG
        ));
        assert!(!ours("reseller_operator::google=debug", "reseller_operator::plan", Level::DEBUG));
        assert!(
            ours("reseller_operator::google=debug", "kube", Level::INFO),
            "the rest is at info"
        );
        assert!(!ours("warn", "kube", Level::INFO), "libraries may be made quieter");
        assert!(!ours("info,kube=off", "kube", Level::ERROR));
    }

    #[test]
    fn a_wrong_directive_is_named() {
        let error = |directives: &str| LogFilter::from_str(directives).unwrap_err().to_string();
        assert!(error("debgu").starts_with("'debgu' is neither LEVEL nor TARGET=LEVEL"));
        assert!(error("info,hyper").starts_with("'hyper' is neither"));
        assert!(error("info,plan=loud").starts_with("'plan=loud' is neither"));
        assert!(error("info,[span]=debug").starts_with("'[span]=debug': the target must be"));
        assert!(error("").starts_with("'' is neither"));
        assert!(error("info,").starts_with("'' is neither"));
    }

    #[derive(Clone, Default)]
    struct Sink(Arc<Mutex<Vec<u8>>>);

    impl Write for Sink {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().map_err(|_| io::ErrorKind::Other)?.write(bytes)
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    fn logged(format: LogFormat, directives: &str) -> String {
        let sink = Sink::default();
        let writer = sink.clone();
        let subscriber = subscriber(format, filter(directives), move || writer.clone());
        tracing::subscriber::with_default(subscriber, || {
            tracing::debug!(customer = "C1", "ours");
            tracing::debug!(target: "hyper::client", "a body");
            tracing::info!(target: "kube_runtime", "theirs");
        });
        String::from_utf8(sink.0.lock().unwrap().clone()).unwrap()
    }

    #[test]
    fn json_lines_hold_the_fields_of_the_event() {
        let text = logged(LogFormat::Json, "trace");
        let lines: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!(lines.len(), 2, "{text}");
        assert_eq!(lines[0]["message"], "ours");
        assert_eq!(lines[0]["customer"], "C1");
        assert_eq!(lines[1]["target"], "kube_runtime");
    }

    #[test]
    fn text_lines_leave_out_what_the_filter_does_not_name() {
        let text = logged(LogFormat::Text, "info");
        assert!(text.contains("theirs") && !text.contains("ours") && !text.contains("a body"));
    }
}
