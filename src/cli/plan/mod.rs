//! `reseller-operator plan`: what applying manifests would change at Google.

mod cluster;

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use jiff::Timestamp;

use super::google_args::GoogleArgs;
use super::run::stop_on_signal;
use super::{many, validate};
use crate::google::{Access, Client, Lane};
use crate::manifest::{self, Loaded};
use crate::rehearsal::rehearse;
use crate::review::{self, Entry, Proposal, Proposals, Report, propose};
use cluster::Snapshot;

const EXAMPLES: &str = "\
Examples:
  What would a folder of manifests change?
    reseller-operator plan customers --subject admin@reseller.example

  A pull request, as a comment without contact data
    reseller-operator plan customers --base /tmp/base/customers --redact -o markdown

  The same with what the cluster knows of the objects: what was ordered, adopted, applied
    reseller-operator plan customers --from-cluster

Only reads: the read-only scopes are enough. Exit code 0: nothing to change. 2: changes; an object
that stops being managed is one. 1: an error, or an object that is blocked.";

/// Show what applying these manifests would change at Google.
///
/// Reads the accounts at Google and decides as the operator does, and shows each call that it would
/// make until nothing is left to do: orders, adoptions, changed fields. Nothing is written.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct PlanArgs {
    /// Files, folders (every *.yaml, *.yml and *.json under them), or - for standard input
    #[arg(required = true, value_name = "PATH")]
    paths: Vec<PathBuf>,
    #[command(flatten)]
    review: ReviewArgs,
    #[command(flatten)]
    google: GoogleArgs,
}

/// What the manifests are compared with, and how it is shown.
#[derive(Args, Debug)]
#[command(next_help_heading = "Review")]
pub struct ReviewArgs {
    /// The manifests before the change: objects that are only there stop being managed
    #[arg(long, value_name = "DIR", env = "RESELLER_OPERATOR_BASE")]
    base: Option<PathBuf>,
    /// Read what the cluster of the kubeconfig knows of the objects: what is ours, what was applied
    ///
    /// Needs the right to list resellercustomers, in all namespaces or in those of the manifests.
    /// Without it every object is taken as new.
    #[arg(long, env = "RESELLER_OPERATOR_FROM_CLUSTER")]
    from_cluster: bool,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME", env = "RESELLER_OPERATOR_CONTEXT")]
    context: Option<String>,
    /// Hide names of people, e-mail addresses, phone numbers and street lines
    #[arg(long, env = "RESELLER_OPERATOR_REDACT")]
    redact: bool,
    /// Format of the plan
    #[arg(short, long, value_name = "FORMAT", default_value = "table")]
    #[arg(env = "RESELLER_OPERATOR_OUTPUT")]
    output: Output,
}

/// Formats of a plan.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Output {
    /// For a terminal.
    Table,
    /// For programs; docs/plan.md describes it.
    Json,
    /// For a pull request.
    Markdown,
}

/// Reads, decides and shows.
pub(super) async fn cmd(
    args: PlanArgs,
    stdin: impl Read,
    out: &mut impl Write,
) -> anyhow::Result<ExitCode> {
    let PlanArgs { paths, review, google } = args;
    let after = sound(manifest::load(&paths, stdin))?;
    let before = review.base.as_deref().map(base).transpose()?;
    let google = Client::new(google.into_settings(Access::ReadOnly, None)?).await?;
    let snapshot = if review.from_cluster {
        Some(Snapshot::read(review.context.clone(), &after.manifests).await?)
    } else {
        None
    };
    let notes = notes(before.as_ref(), snapshot.as_ref());
    let proposals = propose(&Proposal {
        before: before.as_ref().map_or(&[], |before| &before.manifests),
        after: &after.manifests,
        cluster: snapshot.as_ref().map_or(&[], |snapshot| &snapshot.known),
        namespace: snapshot.as_ref().map(|snapshot| snapshot.namespace.as_str()),
    });
    let entries = rehearsed(&google, &proposals, review.redact).await?;
    let report = Report::new(entries, proposals.released, notes);
    show(&report, review.output, out).context("cannot write the plan")?;
    Ok(match (report.is_blocked(), report.has_changes()) {
        (true, _) => ExitCode::FAILURE,
        (false, true) => ExitCode::from(2),
        (false, false) => ExitCode::SUCCESS,
    })
}

/// The manifests, all of them without a fault: of half a change nothing can be said.
fn sound(loaded: Loaded) -> anyhow::Result<Loaded> {
    if loaded.is_valid() {
        return Ok(loaded);
    }
    validate::findings(&loaded, &mut anstream::stderr().lock())
        .context("cannot write to stderr")?;
    bail!(
        "the manifests cannot be applied as they are, so there is nothing to plan; mend them first"
    )
}

/// The manifests before the change. What was wrong then need not be mended now.
fn base(path: &Path) -> anyhow::Result<Loaded> {
    if !path.exists() {
        bail!("--base: {} does not exist", path.display());
    }
    Ok(manifest::load(&[path.to_owned()], std::io::empty()))
}

/// What holds for the whole plan.
fn notes(before: Option<&Loaded>, snapshot: Option<&Snapshot>) -> Vec<String> {
    let mut notes = Vec::new();
    match snapshot {
        None => notes.push(
            "Without --from-cluster every object is taken as new: an account that the operator has \
             ordered or adopted already is shown as one to adopt."
                .to_owned(),
        ),
        Some(snapshot) if !snapshot.is_whole => notes.push(
            "Only the namespaces of the manifests were read, so a claim of an object elsewhere is \
             not seen."
                .to_owned(),
        ),
        Some(_) => {}
    }
    let faulty = before.map_or(0, |before| before.ours - before.manifests.len());
    if faulty > 0 {
        notes.push(format!(
            "{faulty} manifests of --base are invalid, so it is not known which objects they were."
        ));
    }
    notes
}

/// Rehearses all objects, as many at once as the rate allows.
async fn rehearsed(
    google: &Client,
    proposals: &Proposals,
    is_redacted: bool,
) -> anyhow::Result<Vec<Entry>> {
    let google = google.in_lane(Lane::Adopt);
    let now = now();
    let google = &google;
    let asked = proposals.objects.iter().map(|proposed| async move {
        let (entry, unread) = if proposed.refused.is_empty() {
            let surroundings = proposals.surroundings(proposed);
            let rehearsal = rehearse(google, &proposed.object, &surroundings, now).await;
            (Entry::of(proposed, &rehearsal), rehearsal.unread)
        } else {
            (Entry::refused(proposed), None)
        };
        (if is_redacted { entry.redacted(proposed) } else { entry }, unread)
    });
    let asked = many::ask(asked, |(_, unread)| unread.as_ref(), &stop_on_signal()?).await;
    match asked.ended {
        Some(error) => Err(error.context("no plan was made")),
        None => Ok(asked.answers.into_iter().map(|(entry, _)| entry).collect()),
    }
}

#[expect(clippy::disallowed_methods, reason = "the edge: a plan is made at one time")]
fn now() -> Timestamp {
    Timestamp::now()
}

fn show(report: &Report, output: Output, out: &mut impl Write) -> anyhow::Result<()> {
    match output {
        Output::Table => out.write_all(review::table(report).as_bytes())?,
        Output::Markdown => out.write_all(review::markdown(report).as_bytes())?,
        Output::Json => {
            serde_json::to_writer_pretty(&mut *out, report)?;
            out.write_all(b"\n")?;
        }
    }
    out.flush()?;
    Ok(())
}
