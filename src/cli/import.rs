//! `reseller-operator import`: manifests for customers that exist.

use std::collections::BTreeMap;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{Args, ValueEnum};
use indicatif::ProgressBar;
use tokio_util::sync::CancellationToken;

use super::google_args::GoogleArgs;
use super::many::{self, explained};
use super::run::stop_on_signal;
use crate::domain::ids::{CustomerDomain, CustomerId};
use crate::google::{Access, ApiError, Client, ErrorClass, Failure, GoogleApi};
use crate::import::files::{self, Written};
use crate::import::{self, Account, Imported, Language};

const EXAMPLES: &str = "\
Examples:
  All customers that have a subscription, each into a file of its own
    reseller-operator import --subject admin@reseller.example --output-dir customers

  One customer by domain, and one by Google's id
    reseller-operator import --subject admin@reseller.example acme.example C03ay2uag

Exit code 0; 1 if a customer could not be read, is not ours, or its file exists.";

/// Write manifests for customers that exist.
///
/// Each manifest says what Google says, and pins the customer's id, so that applying it takes the
/// account over and changes nothing. Nothing is written at Google.
#[derive(Args, Debug)]
#[command(after_help = EXAMPLES)]
pub struct ImportArgs {
    /// Ids or domains of customers [default: all that have a subscription, cancelled ones too]
    #[arg(value_name = "CUSTOMER", value_parser = customer)]
    pub customers: Vec<String>,
    #[command(flatten)]
    pub output: OutputArgs,
    #[command(flatten)]
    pub google: GoogleArgs,
}

/// What is written, and where.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Output")]
pub struct OutputArgs {
    /// Folder of the files, made if it is not there; one file for each customer
    ///
    /// DOMAIN.yaml, and DOMAIN-ID.yaml where several of these customers share a domain.
    #[arg(long, value_name = "DIR", default_value = ".", env = "RESELLER_OPERATOR_OUTPUT_DIR")]
    pub output_dir: PathBuf,
    /// Overwrite files that exist; never the manifest of another customer
    #[arg(long, env = "RESELLER_OPERATOR_FORCE")]
    pub force: bool,
    /// Format of the files
    #[arg(short, long, value_name = "FORMAT", default_value = "yaml")]
    #[arg(env = "RESELLER_OPERATOR_OUTPUT")]
    pub output: Format,
}

/// Formats of a manifest.
#[derive(ValueEnum, Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// As kubectl reads it.
    Yaml,
}

/// An id, or a domain in any case.
fn customer(text: &str) -> Result<String, &'static str> {
    let id = CustomerId::parse(text).map(|id| id.to_string());
    let domain = || CustomerDomain::parse(&text.to_ascii_lowercase()).map(|it| it.to_string());
    id.or_else(domain).ok_or(
        "a customer id such as C03ay2uag or a domain such as acme.example is needed, without www., \
         an international name in punycode (xn--...)",
    )
}

/// What is asked for, with the domain where it is known.
type Wanted = BTreeMap<String, Option<String>>;

/// What Google answered, by what was asked for.
type Answers = BTreeMap<String, Result<Account, ApiError>>;

/// Writes the manifests; a signal ends the asking, and what was read is written.
pub(super) async fn cmd(args: ImportArgs) -> anyhow::Result<ExitCode> {
    let ImportArgs { customers, output, google } = args;
    let google = Client::new(google.into_settings(Access::ReadOnly, None)?).await?;
    files::prepare(&output.output_dir).with_context(|| {
        format!("--output-dir: cannot write to {}", output.output_dir.display())
    })?;
    let stop = stop_on_signal()?;
    let wanted = if customers.is_empty() {
        list(&google, &stop).await?
    } else {
        customers.into_iter().map(|customer| (customer, None)).collect()
    };
    let asked = wanted.keys().map(|key| {
        let google = &google;
        async move { (key.clone(), import::read(google, key).await) }
    });
    let asked = many::ask(asked, |(_, answer)| answer.as_ref().err(), &stop).await;
    let answers: Answers = asked.answers.into_iter().collect();
    let (out, err) = (&mut std::io::stdout().lock(), &mut anstream::stderr().lock());
    let mut report = Report { out, err, output: &output, written: 0, unchanged: 0, failed: 0 };
    if wanted.is_empty() {
        writeln!(report.err, "no customer has a subscription; name those to be imported")?;
    } else if answers.values().any(Result::is_ok) || asked.ended.is_none() {
        report.all(&wanted, &answers)?;
    }
    if let Some(why) = asked.ended {
        let read = answers.values().filter(|answer| answer.is_ok()).count();
        return Err(why.context(format!("{} of {} not read", wanted.len() - read, wanted.len())));
    }
    Ok(if report.failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// All customers that have a subscription.
async fn list<G: GoogleApi>(google: &G, stop: &CancellationToken) -> anyhow::Result<Wanted> {
    let progress = ProgressBar::new_spinner().with_message("listing subscriptions");
    progress.enable_steady_tick(Duration::from_millis(120));
    let listed = tokio::select! {
        () = stop.cancelled() => None,
        listed = import::customers(google) => Some(listed),
    };
    progress.finish_and_clear();
    listed.context("stopped by a signal; nothing was read")?.map_err(explained)
}

/// Writes the files and tells what became of each customer.
struct Report<'a, O, E> {
    out: O,
    err: E,
    output: &'a OutputArgs,
    written: usize,
    unchanged: usize,
    failed: usize,
}

impl<O: Write, E: Write> Report<'_, O, E> {
    fn all(&mut self, wanted: &Wanted, answers: &Answers) -> anyhow::Result<()> {
        let mut imported = BTreeMap::new();
        let mut unreadable: BTreeMap<String, usize> = BTreeMap::new();
        for (key, answer) in answers {
            match self.one(key, answer)? {
                Some((manifest, error)) if !imported.contains_key(&manifest.id) => {
                    if let Some(error) = error {
                        *unreadable.entry(cause(error)).or_default() += 1;
                    }
                    imported.insert(manifest.id.clone(), manifest);
                }
                _ => {}
            }
        }
        for (cause, count) in unreadable {
            let plural = if count == 1 { "" } else { "s" };
            writeln!(
                self.err,
                "warning: spec.language is left out of {count} manifest{plural}, because it cannot \
                 be read: {cause}"
            )?;
        }
        self.files(wanted, &imported)?;
        let Self { err, written, unchanged, failed, .. } = self;
        writeln!(err, "{written} written, {unchanged} unchanged, {failed} not written")?;
        Ok(())
    }

    /// The manifest of one answer, and why its language is not known.
    fn one<'e>(
        &mut self,
        key: &str,
        answer: &'e Result<Account, ApiError>,
    ) -> anyhow::Result<Option<(Imported, Option<&'e ApiError>)>> {
        let account = match answer {
            Ok(account) => account,
            Err(error) => return self.fail(key, &told(error)).map(|()| None),
        };
        let (language, error) = match &account.language {
            Language::Known(language) => (language.as_deref(), None),
            Language::Unreadable(error) => (None, Some(error)),
        };
        match Imported::of(&account.customer, language) {
            Ok(imported) => Ok(Some((imported, error))),
            Err(refused) => self.fail(key, &refused.to_string()).map(|()| None),
        }
    }

    fn files(
        &mut self,
        wanted: &Wanted,
        imported: &BTreeMap<CustomerId, Imported>,
    ) -> anyhow::Result<()> {
        // Those that could not be read count too, so that names do not change when they can.
        let listed = wanted.iter().filter_map(|(id, domain)| {
            let domain = domain.as_deref()?.to_ascii_lowercase();
            Some((CustomerId::parse(id)?, CustomerDomain::parse(&domain)?))
        });
        let known = imported.iter().map(|(id, manifest)| (id.clone(), manifest.domain.clone()));
        let names = import::names(&listed.chain(known).collect());
        let mut sorted: Vec<_> = imported.values().map(|it| (&names[&it.id], it)).collect();
        sorted.sort_by(|one, other| one.0.cmp(other.0));
        sorted.into_iter().try_for_each(|(name, manifest)| self.file(name, manifest))
    }

    fn file(&mut self, name: &str, manifest: &Imported) -> anyhow::Result<()> {
        let who = format!("{} ({})", manifest.domain, manifest.id);
        for field in &manifest.left_out {
            writeln!(
                self.err,
                "warning: {who}: left out: {field} (Google has a value that the schema does not take)"
            )?;
        }
        if !manifest.missing.is_empty() {
            let missing = manifest.missing.join(", ");
            writeln!(
                self.err,
                "warning: {who}: managementPolicy is Observe, because Full needs {missing}"
            )?;
        }
        let path = self.output.output_dir.join(format!("{name}.yaml"));
        let text = manifest.yaml(name);
        let written = files::write(&path, &text, &manifest.id, self.output.force)
            .with_context(|| format!("cannot write {}", path.display()))?;
        self.tell(&path, &who, written)
    }

    fn tell(&mut self, path: &Path, who: &str, written: Written) -> anyhow::Result<()> {
        let shown = path.strip_prefix(".").unwrap_or(path).display();
        match written {
            Written::Yes => {
                self.written += 1;
                writeln!(self.out, "{shown}").context("cannot write to stdout")
            }
            Written::Unchanged => {
                self.unchanged += 1;
                Ok(())
            }
            Written::Exists => {
                self.fail(who, &format!("{shown} exists and differs; --force overwrites it"))
            }
            Written::OtherCustomer(other) => self.fail(
                who,
                &format!("{shown} is the manifest of another customer ({other}); move it away"),
            ),
        }
    }

    fn fail(&mut self, who: &str, why: &str) -> anyhow::Result<()> {
        self.failed += 1;
        writeln!(self.err, "error: {who}: {why}").context("cannot write to stderr")
    }
}

/// Why a customer could not be read, and the way out.
fn told(error: &ApiError) -> String {
    match error.class() {
        ErrorClass::NotFound => "no such customer".to_owned(),
        ErrorClass::MultipleTeams => {
            "several teams exist on this domain: name each by its customer id, which the Partner \
             Sales Console shows, or import all customers"
                .to_owned()
        }
        _ => format!("cannot be read: {error}"),
    }
}

/// A failure without what Google says about the single customer, so that equal ones are counted.
fn cause(error: &ApiError) -> String {
    match (&error.failure, error.reason()) {
        (Failure::Answered { status, .. }, reason) => {
            format!("{}: {status} {}", error.method.id(), reason.unwrap_or_default())
        }
        _ => error.to_string(),
    }
}
