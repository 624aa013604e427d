//! Asking Google about many customers at once, by a command that runs once: in parallel, with
//! progress on a terminal, and without going on where no other customer will fare better.

use std::time::Duration;

use anyhow::anyhow;
use futures::{StreamExt, stream};
use indicatif::{ProgressBar, ProgressStyle};
use tokio_util::sync::CancellationToken;

use crate::google::{ApiError, ErrorClass, Failure};

/// Most customers that are asked about at once; the client keeps the rate. If so many in a row get
/// no answer, nobody does.
const IN_FLIGHT: usize = 32;

/// What came of asking.
pub(super) struct Asked<T> {
    /// The answers, in the order in which they came.
    pub(super) answers: Vec<T>,
    /// Why the rest was not asked for.
    pub(super) ended: Option<anyhow::Error>,
}

/// Asks all of it. `unread` is why an answer says nothing, if so.
pub(super) async fn ask<T>(
    asked: impl ExactSizeIterator<Item = impl Future<Output = T>>,
    unread: impl Fn(&T) -> Option<&ApiError>,
    stop: &CancellationToken,
) -> Asked<T> {
    let count = asked.len();
    let progress = progress(count);
    let stream = stream::iter(asked).buffer_unordered(IN_FLIGHT).take_until(stop.cancelled());
    let mut stream = std::pin::pin!(stream);
    let (mut answers, mut ended, mut unanswered) = (Vec::with_capacity(count), None, 0);
    while let Some(answer) = stream.next().await {
        progress.inc(1);
        let unread = unread(&answer);
        let is_unanswered = unread.is_some_and(is_transient);
        unanswered = if is_unanswered { unanswered + 1 } else { 0 };
        // Nobody was answered yet, or not for long.
        let is_hopeless = is_unanswered && (unanswered > answers.len() || unanswered == IN_FLIGHT);
        ended = unread.filter(|error| is_hopeless || is_about_all(error)).cloned().map(explained);
        answers.push(answer);
        if ended.is_some() {
            break;
        }
    }
    if ended.is_none() && answers.len() < count {
        ended = Some(anyhow!("stopped by a signal"));
    }
    progress.finish_and_clear();
    Asked { answers, ended }
}

/// Shown on stderr, and only where that is a terminal.
fn progress(count: usize) -> ProgressBar {
    let style = ProgressStyle::with_template("{bar:30} {pos} of {len} customers, {eta} left");
    let bar = ProgressBar::new(u64::try_from(count).unwrap_or(u64::MAX));
    bar.set_style(style.expect("the template is a constant"));
    bar.enable_steady_tick(Duration::from_millis(250));
    bar
}

/// Whether no other customer will fare better: the credential, or the way to Google.
fn is_about_all(error: &ApiError) -> bool {
    error.class() == ErrorClass::Credentials
        || matches!(
            error.failure,
            Failure::NotSent(_) | Failure::TokenUnavailable(_) | Failure::ScopeNotGranted(_)
        )
}

fn is_transient(error: &ApiError) -> bool {
    matches!(error.class(), ErrorClass::Quota | ErrorClass::Unavailable)
}

/// Google's answer, and where to look.
pub(super) fn explained(error: ApiError) -> anyhow::Error {
    let hint = match error.class() {
        ErrorClass::Credentials => {
            "Google does not take the credential (look at its key, its domain-wide delegation and \
             --subject)"
        }
        ErrorClass::Permission => {
            "the credential may not do this (--subject must be an administrator of the reseller)"
        }
        ErrorClass::Quota => "Google's quota is used up (try again later)",
        ErrorClass::Unavailable => {
            "Google cannot be reached (look at the network, any proxy, and the URL flags)"
        }
        _ => return error.into(),
    };
    anyhow::Error::new(error).context(hint)
}
