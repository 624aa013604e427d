//! The command line: arguments become types here, and nowhere else reads the environment.

pub mod crd;
pub mod google_args;
pub mod import;
mod kubernetes;
mod many;
pub mod plan;
pub mod run;
pub mod schema;
#[cfg(feature = "simulator")]
pub mod simulate;
pub mod validate;

use std::ffi::OsString;
use std::io::Write;
use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context;
use clap::{CommandFactory, Parser, Subcommand};

const NAME: &str = "reseller-operator";

/// Version and commit; the commit is found by build.rs.
const VERSION: &str =
    concat!(env!("CARGO_PKG_VERSION"), " (", env!("RESELLER_OPERATOR_COMMIT"), ")");

const EXAMPLES: &str = "\
Examples:
  Run against the cluster of the current kubeconfig context
    reseller-operator run --credentials-file key.json --subject admin@reseller.example

  The same in a pod, where the environment says it all
    RESELLER_OPERATOR_SUBJECT=admin@reseller.example reseller-operator run

  Manifests for all customers that you have, then what a change of them would do
    reseller-operator import --subject admin@reseller.example --output-dir customers
    reseller-operator validate customers
    reseller-operator plan customers --subject admin@reseller.example

Every long flag has an environment variable of the same name: --admin-address is
RESELLER_OPERATOR_ADMIN_ADDRESS. Flags win over the environment.";

/// Keeps Google Workspace reseller customers as the manifests in Git say.
///
/// A ResellerCustomer object in Kubernetes says what a customer account should be. The operator
/// orders it when it does not exist, updates it when it differs, and tells in the object's status
/// what it found. It never deletes an account.
#[derive(Parser, Debug)]
#[command(name = NAME, version = VERSION, after_help = EXAMPLES)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    Run(Box<run::RunArgs>),
    Validate(validate::ValidateArgs),
    Plan(Box<plan::PlanArgs>),
    Import(Box<import::ImportArgs>),
    /// Print the CustomResourceDefinition.
    ///
    /// Install it with: reseller-operator crd | kubectl apply --server-side -f -
    Crd,
    /// Print the JSON schema of the manifest, for editors and kubeconform.
    ///
    /// Keep it as a file: reseller-operator schema > resellercustomer.schema.json
    Schema,
    /// Print shell completions.
    ///
    /// For bash: source <(reseller-operator completions bash)
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    #[cfg(feature = "simulator")]
    Simulate(simulate::Args),
}

impl Cli {
    /// Reads the arguments. Otherwise prints what clap has to say, and gives the exit code.
    pub fn read(arguments: impl IntoIterator<Item = OsString>) -> Result<Self, ExitCode> {
        Self::try_parse_from(arguments).map_err(|error| {
            // Nobody is left to tell when stdout or stderr is closed.
            let _ = error.print();
            ExitCode::from(exit_code(&error))
        })
    }

    /// Does what the subcommand says.
    pub async fn execute(self) -> anyhow::Result<ExitCode> {
        match self.command {
            Command::Run(args) => run::cmd(*args).await,
            Command::Validate(args) => {
                let is_valid = validate::cmd(&args, std::io::stdin(), &mut anstream::stdout())?;
                Ok(if is_valid { ExitCode::SUCCESS } else { ExitCode::FAILURE })
            }
            Command::Plan(args) => {
                let out = &mut anstream::stdout();
                plan::cmd(*args, std::io::stdin(), out).await
            }
            Command::Import(args) => import::cmd(*args).await,
            Command::Crd => {
                crd::cmd(&mut std::io::stdout())?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Schema => {
                schema::cmd(&mut std::io::stdout())?;
                Ok(ExitCode::SUCCESS)
            }
            Command::Completions { shell } => {
                completions(shell, &mut std::io::stdout())?;
                Ok(ExitCode::SUCCESS)
            }
            #[cfg(feature = "simulator")]
            Command::Simulate(args) => {
                simulate::cmd(args).await?;
                Ok(ExitCode::SUCCESS)
            }
        }
    }
}

/// Writes shell completions.
fn completions(shell: clap_complete::Shell, out: &mut impl Write) -> anyhow::Result<()> {
    // clap_complete panics when it cannot write.
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), NAME, &mut script);
    out.write_all(&script).context("write the completions")
}

/// 0 for help and version, 1 for wrong arguments: clap's 2 means changes here (cli.md).
fn exit_code(error: &clap::Error) -> u8 {
    u8::from(error.use_stderr())
}

/// A duration such as `30s`, `10m` or `1h 30m`.
fn duration(text: &str) -> Result<Duration, &'static str> {
    humantime::parse_duration(text).map_err(|_| "a duration is needed, such as 30s, 10m or 24h")
}

/// How often something is done, or how long it may take: a duration that is not zero.
fn interval(text: &str) -> Result<Duration, &'static str> {
    duration(text)
        .ok()
        .filter(|interval| !interval.is_zero())
        .ok_or("a duration longer than zero is needed, such as 30s, 10m or 24h")
}

/// Where something listens.
fn socket(text: &str) -> Result<SocketAddr, &'static str> {
    text.parse().map_err(|_| "an IP address and a port are needed, such as 127.0.0.1:8080")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn exit(arguments: &[&str]) -> u8 {
        let arguments = ["reseller-operator"].iter().chain(arguments);
        exit_code(&Cli::try_parse_from(arguments).unwrap_err())
    }

    #[test]
    fn the_definition_of_the_command_line_is_sound() {
        Cli::command().debug_assert();
    }

    #[test]
    fn help_and_version_are_answers_and_wrong_arguments_are_not() {
        assert_eq!(exit(&["--help"]), 0);
        assert_eq!(exit(&["--version"]), 0);
        assert_eq!(exit(&["run", "--help"]), 0);
        assert_eq!(exit(&[]), 1);
        assert_eq!(exit(&["fly"]), 1);
        assert_eq!(exit(&["run", "--fly"]), 1);
        assert_eq!(exit(&["run", "--log-filter", "loud"]), 1);
    }

    #[test]
    fn every_long_flag_has_its_environment_variable() {
        for command in Cli::command().get_subcommands() {
            let flags = command.get_arguments().filter(|flag| flag.get_env().is_some());
            for flag in flags {
                let long = flag.get_long().unwrap_or_default();
                let name = format!("RESELLER_OPERATOR_{}", long.replace('-', "_").to_uppercase());
                assert_eq!(flag.get_env().and_then(|env| env.to_str()), Some(name.as_str()));
            }
            let without = command.get_arguments().filter(|flag| {
                flag.get_env().is_none() && !matches!(flag.get_long(), Some("help") | None)
            });
            assert_eq!(without.map(|flag| flag.get_id().as_str()).collect::<Vec<_>>(), [""; 0]);
        }
    }

    #[test]
    fn every_flag_is_explained() {
        for command in Cli::command().get_subcommands() {
            for flag in command.get_arguments() {
                assert!(flag.get_help().is_some(), "--{} has no help", flag.get_id());
            }
        }
    }

    #[test]
    fn an_interval_of_zero_is_refused() {
        assert_eq!(interval("10m").unwrap(), Duration::from_mins(10));
        assert!(interval("0s").is_err());
        assert!(interval("soon").is_err());
    }
}
