//! `reseller-operator simulate`: a stand-in for Google's two APIs on a local port.

use std::future::Future;
use std::io::Write;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use serde::Deserialize;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use super::socket;
use crate::simulator::{Account, Simulator, serve};

/// Stand in for Google's two APIs on a local port, for demos, tests and CI.
#[derive(clap::Args, Clone, Debug)]
pub struct Args {
    /// Where both APIs, the token endpoint and `/simulator/...` are served; port 0 picks a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8787", value_parser = socket)]
    #[arg(env = "RESELLER_OPERATOR_ADDRESS")]
    pub address: SocketAddr,
    /// Write a working service-account key file whose `token_uri` is this server
    #[arg(long, env = "RESELLER_OPERATOR_CREDENTIALS_FILE", value_name = "PATH")]
    pub credentials_file: Option<PathBuf>,
    /// Accounts that exist at the start: own, foreign, teams, transferable subscriptions
    #[arg(long, env = "RESELLER_OPERATOR_ACCOUNTS", value_name = "FILE")]
    pub accounts: Option<PathBuf>,
    /// The only administrator whom it lets in; without it, any
    #[arg(long, env = "RESELLER_OPERATOR_SUBJECT", value_name = "EMAIL")]
    pub subject: Option<String>,
    /// Keep the state in this file over restarts; without it, in memory
    #[arg(long, env = "RESELLER_OPERATOR_STATE", value_name = "FILE")]
    pub state: Option<PathBuf>,
    /// Calls per second before it answers as Google does over quota
    #[arg(long, env = "RESELLER_OPERATOR_QUOTA", value_name = "N")]
    pub quota: Option<u32>,
}

/// The accounts file.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountsFile {
    accounts: Vec<Account>,
}

/// Serves until SIGTERM or SIGINT.
pub async fn cmd(args: Args) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate()).context("cannot wait for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot wait for SIGINT")?;
    let stop = async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    };
    run(args, &mut std::io::stdout(), stop).await
}

/// Serves until `stop`; says on `out` where, once it is ready.
pub async fn run(
    args: Args,
    out: &mut (impl Write + Send),
    stop: impl Future<Output = ()> + Send,
) -> anyhow::Result<()> {
    let accounts = args.accounts.as_deref().map(read_accounts).transpose()?.unwrap_or_default();
    let simulator = Simulator::live(accounts, args.state)?;
    {
        let mut simulation = simulator.simulation();
        let options = simulation.options_mut();
        options.subject = args.subject.or(options.subject.take());
        options.quota = args.quota.or(options.quota);
    }
    let listener = TcpListener::bind(args.address)
        .await
        .with_context(|| format!("cannot listen on {}", args.address))?;
    let url = format!("http://{}", reachable(listener.local_addr()?));
    if !args.address.ip().is_loopback() {
        tracing::warn!("/simulator has no authentication and can be reached from other machines");
    }
    if let Some(path) = &args.credentials_file {
        simulator.write_key_file(path, &format!("{url}/token"))?;
    }
    writeln!(out, "simulator ready at {url}")?;
    out.flush()?;
    tokio::select! {
        served = serve(listener, simulator) => served.context("the simulator's server failed"),
        () = stop => Ok(()),
    }
}

/// An address that a client on this machine can call.
fn reachable(mut address: SocketAddr) -> SocketAddr {
    match address.ip() {
        IpAddr::V4(ip) if ip.is_unspecified() => address.set_ip(Ipv4Addr::LOCALHOST.into()),
        IpAddr::V6(ip) if ip.is_unspecified() => address.set_ip(Ipv6Addr::LOCALHOST.into()),
        _ => {}
    }
    address
}

/// YAML, and so JSON too.
fn read_accounts(path: &Path) -> anyhow::Result<Vec<Account>> {
    let context = || format!("cannot read the accounts file {}", path.display());
    let text = std::fs::read_to_string(path).with_context(context)?;
    let file: AccountsFile = serde_yaml::from_str(&text).with_context(context)?;
    Ok(file.accounts)
}
