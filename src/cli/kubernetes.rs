//! How the cluster is found.

use std::io::ErrorKind;

use anyhow::anyhow;
use kube::config::{KubeConfigOptions, KubeconfigError};

/// The kubeconfig as kubectl finds it, else the pod's own.
pub(super) async fn kube_config(context: Option<String>) -> anyhow::Result<kube::Config> {
    let is_named = context.is_some();
    let options = KubeConfigOptions { context, ..KubeConfigOptions::default() };
    match kube::Config::from_kubeconfig(&options).await {
        Ok(config) => Ok(config),
        Err(error) if is_named => Err(anyhow!("cannot use --context: {}", told(&error))),
        Err(error) if is_absent(&error) => kube::Config::incluster().map_err(|_| {
            anyhow!(
                "no Kubernetes cluster is configured ({}): set KUBECONFIG, or run in a pod",
                told(&error)
            )
        }),
        Err(error) => {
            Err(anyhow!("the kubeconfig cannot be used (see KUBECONFIG): {}", told(&error)))
        }
    }
}

/// Whether there is no kubeconfig, or one that names nothing.
fn is_absent(error: &KubeconfigError) -> bool {
    match error {
        KubeconfigError::FindPath | KubeconfigError::CurrentContextNotSet => true,
        KubeconfigError::ReadConfig(error, _) => error.kind() == ErrorKind::NotFound,
        _ => false,
    }
}

/// The parser's own words would show lines of the file, which holds credentials.
fn told(error: &KubeconfigError) -> String {
    match error {
        KubeconfigError::Parse(_) => "it is not the YAML of a kubeconfig".to_owned(),
        error => error.to_string(),
    }
}
