//! The binary: parses, dispatches, prints what went wrong, and exits.

use std::process::ExitCode;

use reseller_operator::cli::Cli;

#[tokio::main]
async fn main() -> ExitCode {
    let cli = match Cli::read(std::env::args_os()) {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    // Before any client is built: kube and reqwest panic without a provider. An error means that
    // somebody was first, which is as good.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
    cli.execute().await.unwrap_or_else(|error| {
        anstream::eprintln!("error: {error:#}");
        ExitCode::FAILURE
    })
}
