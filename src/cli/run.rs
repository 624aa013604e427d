//! `reseller-operator run`: the controller.

use std::net::SocketAddr;
use std::num::{NonZeroU32, NonZeroUsize};
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use clap::{ArgAction, Args};
use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;

use super::google_args::GoogleArgs;
use super::kubernetes::kube_config;
use super::{duration, interval, socket};
use crate::admin::{self, Admin, Readiness};
use crate::controller::{Controller, Election, Ended, Leadership, Parts, Settings};
use crate::google::{Access, CallObserver, Client};
use crate::metrics::{self, Metrics};
use crate::plan::Durations;
use crate::telemetry::{self, LogFilter, LogFormat};

/// Run the controller.
///
/// Watches ResellerCustomer objects and keeps the customers at Google as they say, until SIGTERM.
/// The kubeconfig is found as kubectl finds it (KUBECONFIG, ~/.kube/config), else in the pod.
#[derive(Args, Debug)]
pub struct RunArgs {
    #[command(flatten)]
    pub google: GoogleArgs,
    #[command(flatten)]
    pub kubernetes: KubernetesArgs,
    #[command(flatten)]
    pub timing: TimingArgs,
    #[command(flatten)]
    pub limits: LimitArgs,
    #[command(flatten)]
    pub election: ElectionArgs,
    #[command(flatten)]
    pub server: ServerArgs,
}

/// Which objects, in which cluster.
#[derive(Args, Debug)]
#[command(next_help_heading = "Kubernetes")]
pub struct KubernetesArgs {
    /// Watch only this namespace; give it again for more (in the environment: separated by commas)
    /// [default: all]
    #[arg(
        long,
        value_name = "NS",
        value_delimiter = ',',
        env = "RESELLER_OPERATOR_WATCH_NAMESPACE"
    )]
    pub watch_namespace: Vec<String>,
    /// Context of the kubeconfig [default: the current one]
    #[arg(long, value_name = "NAME", env = "RESELLER_OPERATOR_CONTEXT")]
    pub context: Option<String>,
}

/// How often, and how long.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Timing")]
pub struct TimingArgs {
    /// How often a settled customer is read again; spread evenly, never all at once
    #[arg(long, value_name = "DURATION", value_parser = interval, default_value = "24h")]
    #[arg(env = "RESELLER_OPERATOR_RESYNC_INTERVAL")]
    pub resync_interval: Duration,
    /// How often, while a person at the customer still has to act (terms of service)
    #[arg(long, value_name = "DURATION", value_parser = interval, default_value = "10m")]
    #[arg(env = "RESELLER_OPERATOR_ONBOARDING_INTERVAL")]
    pub onboarding_interval: Duration,
    /// How often a Stalled object is tried again unchanged
    #[arg(long, value_name = "DURATION", value_parser = interval, default_value = "1h")]
    #[arg(env = "RESELLER_OPERATOR_STALLED_RETRY_INTERVAL")]
    pub stalled_retry_interval: Duration,
    /// How long a 404 after an order may be read-after-write lag
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "10m")]
    #[arg(env = "RESELLER_OPERATOR_LAG_GRACE")]
    pub lag_grace: Duration,
    /// How long after a write a differing read is taken for lag
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "30s")]
    #[arg(env = "RESELLER_OPERATOR_SETTLE_TIME")]
    pub settle_time: Duration,
    /// How long Google may be unreadable before Ready turns Unknown
    #[arg(long, value_name = "DURATION", value_parser = duration, default_value = "24h")]
    #[arg(env = "RESELLER_OPERATOR_STALENESS_BUDGET")]
    pub staleness_budget: Duration,
}

/// How much.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Limits")]
pub struct LimitArgs {
    /// Most customers ordered in an hour; further orders wait
    #[arg(long, value_name = "N", default_value = "50")]
    #[arg(env = "RESELLER_OPERATOR_MAX_ORDERS_PER_HOUR")]
    pub max_orders_per_hour: NonZeroU32,
    /// Most customers worked on at once
    #[arg(long, value_name = "N", default_value = "16")]
    #[arg(env = "RESELLER_OPERATOR_MAX_IN_FLIGHT")]
    pub max_in_flight: NonZeroUsize,
}

/// Which of several processes works.
#[derive(Args, Clone, Debug)]
#[command(next_help_heading = "Leader election")]
pub struct ElectionArgs {
    /// Elect one leader by a Lease; the other processes stand by. With false, run one process only
    #[arg(long, value_name = "BOOL", default_value = "true", action = ArgAction::Set)]
    #[arg(env = "RESELLER_OPERATOR_LEADER_ELECTION")]
    pub leader_election: bool,
    /// Namespace of the Lease [default: that of the service account, or of the kubeconfig's context]
    #[arg(long, value_name = "NS", env = "RESELLER_OPERATOR_LEASE_NAMESPACE")]
    pub lease_namespace: Option<String>,
    /// How long a leader that is silent stays the leader; at least 3s
    #[arg(long, value_name = "DURATION", value_parser = lease_duration, default_value = "15s")]
    #[arg(env = "RESELLER_OPERATOR_LEASE_DURATION")]
    pub lease_duration: Duration,
}

/// A Lease counts in whole seconds, and renewals need time.
fn lease_duration(text: &str) -> Result<Duration, String> {
    match duration(text) {
        Ok(lease) if lease < Duration::from_secs(3) => {
            Err("a lease must last 3s or longer".to_owned())
        }
        Ok(lease) => Ok(Duration::from_secs(lease.as_secs())),
        Err(error) => Err(error.to_string()),
    }
}

/// What the operator shows of itself.
#[derive(Args, Debug)]
#[command(next_help_heading = "Observability")]
pub struct ServerArgs {
    /// Where /healthz, /readyz and /metrics are served; with port 0 the first log lines name the
    /// port
    #[arg(long, value_name = "ADDR", default_value = "0.0.0.0:8080", value_parser = socket)]
    #[arg(env = "RESELLER_OPERATOR_ADMIN_ADDRESS")]
    pub admin_address: SocketAddr,
    /// How log lines look [default: text on a terminal, json elsewhere]
    #[arg(long, value_name = "FORMAT", env = "RESELLER_OPERATOR_LOG_FORMAT")]
    pub log_format: Option<LogFormat>,
    /// What is logged: LEVEL or TARGET=LEVEL, separated by commas. Libraries never go below info,
    /// because their traces hold URLs and bodies
    #[arg(long, value_name = "DIRECTIVES", default_value = "info")]
    #[arg(env = "RESELLER_OPERATOR_LOG_FILTER")]
    pub log_filter: LogFilter,
}

/// Runs until SIGTERM or SIGINT.
pub(super) async fn cmd(args: RunArgs) -> anyhow::Result<ExitCode> {
    let RunArgs { google, kubernetes, timing, limits, election, server } = args;
    let format = server.log_format.unwrap_or_else(LogFormat::for_stderr);
    telemetry::init(format, server.log_filter).context("cannot log")?;
    let stop = stop_on_signal()?;
    let metrics = Arc::new(Metrics::new());
    let readiness = Readiness::default();

    let observer: Arc<dyn CallObserver> = Arc::clone(&metrics) as _;
    let leadership = if election.leader_election {
        Leadership::elected(election.lease_duration)
    } else {
        Leadership::alone()
    };
    let mut google = google.into_settings(Access::ReadWrite, Some(observer))?;
    let settings = settings(&timing, &limits);
    metrics.set_limits(shown_limits(google.requests_per_second, &settings));
    google.gate = Some(Arc::new(leadership.clone()));
    let google = Client::new(google).await?;
    let kube = kube_config(kubernetes.context).await?;
    let parts = Parts {
        google,
        election: elected(election, &kube)?,
        leadership,
        kube,
        namespaces: kubernetes.watch_namespace,
        settings,
        metrics: Arc::clone(&metrics),
        readiness: readiness.clone(),
        instance: hostname(),
    };
    let controller = tokio::select! {
        () = stop.cancelled() => return Ok(ExitCode::SUCCESS),
        controller = Controller::prepare(parts) => controller?,
    };
    let gauges = controller.gauges.clone();
    let refresh = Arc::new(move |metrics: &Metrics| gauges.refresh(metrics));
    // The port is served until the last pass has ended.
    let ended = CancellationToken::new();
    let admin = Admin { readiness, metrics, refresh };
    let listening = admin::serve(server.admin_address, admin, ended.clone())
        .await
        .with_context(|| format!("cannot listen on --admin-address {}", server.admin_address))?;
    tracing::info!(address = %listening.address, "serving /healthz, /readyz and /metrics");

    let outcome = controller.run(stop).await;
    ended.cancel();
    listening.server.await?.context("the admin server failed")?;
    if outcome == Ended::LeaseLost {
        bail!("the lease was lost, so another process may lead; start this one again to stand by");
    }
    tracing::info!("stopped");
    Ok(ExitCode::SUCCESS)
}

/// How the leader is elected, if it is. The identity is new for each process.
fn elected(args: ElectionArgs, kube: &kube::Config) -> anyhow::Result<Option<Election>> {
    if !args.leader_election {
        return Ok(None);
    }
    let mut random = [0; 8];
    getrandom::fill(&mut random).context("the system gives no random numbers")?;
    let host = hostname().unwrap_or_else(|| "unknown".to_owned());
    Ok(Some(Election {
        namespace: args.lease_namespace.unwrap_or_else(|| kube.default_namespace.clone()),
        identity: format!("{host}_{:016x}", u64::from_be_bytes(random)),
        duration: args.lease_duration,
    }))
}

fn settings(timing: &TimingArgs, limits: &LimitArgs) -> Settings {
    Settings {
        resync_interval: timing.resync_interval,
        onboarding_interval: timing.onboarding_interval,
        stalled_retry_interval: timing.stalled_retry_interval,
        durations: Durations {
            lag_grace: timing.lag_grace,
            settle_time: timing.settle_time,
            staleness_budget: timing.staleness_budget,
        },
        max_orders_per_hour: usize::try_from(limits.max_orders_per_hour.get())
            .unwrap_or(usize::MAX),
        max_in_flight: limits.max_in_flight,
    }
}

fn shown_limits(requests_per_second: f64, settings: &Settings) -> metrics::Limits {
    metrics::Limits {
        requests_per_second,
        max_orders_per_hour: settings.max_orders_per_hour,
        resync_interval: settings.resync_interval,
    }
}

/// The pod's name, for Events.
fn hostname() -> Option<String> {
    let name = std::fs::read_to_string("/etc/hostname").ok()?;
    Some(name.trim().to_owned()).filter(|name| !name.is_empty())
}

/// A token that the first SIGTERM or SIGINT cancels.
pub(super) fn stop_on_signal() -> anyhow::Result<CancellationToken> {
    let stop = CancellationToken::new();
    let mut terminate = signal(SignalKind::terminate()).context("cannot listen for SIGTERM")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("cannot listen for SIGINT")?;
    let cancel = stop.clone();
    tokio::spawn(async move {
        tokio::select! {
            _ = terminate.recv() => tracing::info!("stopping: SIGTERM"),
            _ = interrupt.recv() => tracing::info!("stopping: SIGINT"),
        }
        cancel.cancel();
    });
    Ok(stop)
}
