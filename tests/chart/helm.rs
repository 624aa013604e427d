//! The real helm.

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::{ControlPlane, Output};
use crate::specs::with;
use crate::tools::tool;

pub const CHART: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/charts/reseller-operator");

/// The oldest that the chart takes.
const KUBERNETES: &str = "1.33.0";

/// Helm with a home of its own.
pub struct Helm {
    program: PathBuf,
    home: TempDir,
    kubeconfig: PathBuf,
}

impl Helm {
    /// For what needs no cluster. None where helm cannot be had, which is said.
    pub fn offline() -> Option<Self> {
        Self::with_kubeconfig("/dev/null".into())
    }

    /// As the administrator of a control plane.
    pub fn on(plane: &ControlPlane) -> Option<Self> {
        Self::with_kubeconfig(plane.kubeconfig())
    }

    fn with_kubeconfig(kubeconfig: PathBuf) -> Option<Self> {
        let home = tempfile::tempdir().expect("folder");
        Some(Self { program: tool("helm")?, home, kubeconfig })
    }

    /// Runs helm with these arguments and `values`.
    pub fn run<S: AsRef<OsStr>>(
        &self,
        arguments: impl IntoIterator<Item = S>,
        values: &Value,
    ) -> Output {
        let file = self.home.path().join("values.json");
        std::fs::write(&file, values.to_string()).expect("values");
        self.plain(
            arguments
                .into_iter()
                .map(|one| one.as_ref().to_owned())
                .chain(["--values".into(), file.into_os_string()]),
        )
    }

    /// Runs helm with these arguments.
    pub fn plain<S: AsRef<OsStr>>(&self, arguments: impl IntoIterator<Item = S>) -> Output {
        let output = Command::new(&self.program)
            .args(arguments)
            .env_clear()
            .env("HOME", self.home.path())
            .env("KUBECONFIG", &self.kubeconfig)
            .stdin(Stdio::null())
            .output()
            .expect("helm runs");
        Output {
            stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
            stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
            success: output.status.success(),
        }
    }

    /// What the chart renders with `values`, for release `operator` in namespace `google`.
    pub fn render(&self, values: &Value) -> Output {
        let arguments = ["template", "operator", CHART, "-n", "google"];
        self.run(arguments.into_iter().chain(["--kube-version", KUBERNETES]), values)
    }

    /// The rendered objects.
    ///
    /// # Panics
    /// When helm refuses the values.
    pub fn objects(&self, values: &Value) -> Vec<Value> {
        documents(&self.render(values).ok())
    }
}

pub fn documents(text: &str) -> Vec<Value> {
    let documents: Vec<Value> = serde_yaml::from_multiple(text).expect("YAML");
    documents.into_iter().filter(|one| !one.is_null()).collect()
}

/// The only object of a kind.
pub fn only<'a>(objects: &'a [Value], kind: &str) -> &'a Value {
    let found = of_kind(objects, kind);
    assert_eq!(found.len(), 1, "objects of kind {kind}");
    found[0]
}

pub fn of_kind<'a>(objects: &'a [Value], kind: &str) -> Vec<&'a Value> {
    objects.iter().filter(|object| object["kind"] == kind).collect()
}

/// The least that the chart asks for: with a key.
pub fn with_key() -> Value {
    json!({
        "google": {"subject": "admin@reseller.example"},
        "credentials": {"existingSecret": "google"},
    })
}

/// The least that the chart asks for: without a key.
pub fn keyless() -> Value {
    json!({
        "google": {
            "subject": "admin@reseller.example",
            "serviceAccount": "operator@project.iam.gserviceaccount.example",
        },
    })
}

/// Every switch is on, and every list and map has something in it.
pub fn everything() -> Value {
    let more = json!({
        "credentials": {"key": "service-account.json"},
        "imagePullSecrets": [{"name": "registry"}],
        "serviceAccount": {"annotations": {"example.com/team": "resale"}},
        "extraArgs": ["--max-orders-per-hour=10"],
        "extraEnv": [{"name": "HTTPS_PROXY", "value": "http://proxy.example:3128"}],
        "extraVolumes": [{"name": "extra", "emptyDir": {}}],
        "extraVolumeMounts": [{"name": "extra", "mountPath": "/extra"}],
        "deploymentAnnotations": {"example.com/a": "1"},
        "podAnnotations": {"example.com/b": "2"},
        "podLabels": {"example.com/c": "3"},
        "nodeSelector": {"kubernetes.io/os": "linux"},
        "tolerations": [{"key": "infra", "operator": "Exists", "effect": "NoSchedule"}],
        "affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": {
            "nodeSelectorTerms": [{"matchExpressions": [
                {"key": "infra", "operator": "Exists"},
            ]}],
        }}},
        "topologySpreadConstraints": [{
            "maxSkew": 1, "topologyKey": "kubernetes.io/hostname",
            "whenUnsatisfiable": "DoNotSchedule",
        }],
        "networkPolicy": {
            "enabled": true,
            "metricsFrom": [{"namespaceSelector": {"matchLabels": {"name": "monitoring"}}}],
            "extraEgress": [{"ports": [{"port": 3128, "protocol": "TCP"}]}],
        },
        "serviceMonitor": {
            "enabled": true, "interval": "30s", "scrapeTimeout": "10s",
            "labels": {"release": "prometheus"},
        },
        "prometheusRule": {"enabled": true, "labels": {"release": "prometheus"}},
        "grafanaDashboard": {"enabled": true, "annotations": {"grafana_folder": "Resale"}},
    });
    with(with_key(), more)
}
