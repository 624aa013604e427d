//! What the cluster knows of the objects.

use std::collections::BTreeSet;
use std::time::Duration;

use anyhow::{Context, bail};

use super::super::kubernetes::kube_config;
use crate::controller::{Listed, list};
use crate::manifest::Manifest;
use crate::review::{Known, Name};

/// The longest wait for an answer.
const TIMEOUT: Duration = Duration::from_secs(30);

/// All objects at one time.
pub(super) struct Snapshot {
    pub(super) known: Vec<Known>,
    /// Where a manifest goes that names no namespace.
    pub(super) namespace: String,
    /// Whether all namespaces were read.
    pub(super) is_whole: bool,
}

impl Snapshot {
    /// Lists all objects; where that is not allowed, those of the manifests' namespaces.
    pub(super) async fn read(
        context: Option<String>,
        manifests: &[Manifest],
    ) -> anyhow::Result<Self> {
        let mut config = kube_config(context).await.context("--from-cluster")?;
        config.read_timeout = Some(TIMEOUT);
        let namespace = config.default_namespace.clone();
        let client = kube::Client::try_from(config).context("--from-cluster")?;
        let known = |listed: Vec<Listed>| {
            let known = listed.into_iter().map(|(claimant, object)| Known { claimant, object });
            known.collect::<Vec<_>>()
        };
        match list(&client, None).await {
            Ok(listed) => Ok(Self { known: known(listed), namespace, is_whole: true }),
            Err(kube::Error::Api(status)) if status.is_forbidden() => {
                let mut all = Vec::new();
                let names = manifests.iter().map(|manifest| Name::of(manifest, Some(&namespace)));
                let namespaces: BTreeSet<_> = names.filter_map(|name| name.namespace).collect();
                for namespace in &namespaces {
                    let listed = list(&client, Some(namespace)).await;
                    all.extend(known(listed.map_err(|error| explained(error, namespace))?));
                }
                Ok(Self { known: all, namespace, is_whole: false })
            }
            Err(kube::Error::Api(status)) if status.code == 404 => bail!(
                "--from-cluster: the cluster does not know the kind ResellerCustomer; install it with: \
                 reseller-operator crd | kubectl apply --server-side -f -"
            ),
            Err(error) => Err(error).context(
                "--from-cluster: cannot ask the API server; check the kubeconfig and the network",
            ),
        }
    }
}

fn explained(error: kube::Error, namespace: &str) -> anyhow::Error {
    anyhow::Error::new(error).context(format!(
        "--from-cluster: the objects of namespace {namespace} cannot be listed; the plan needs the \
         right to list resellercustomers there"
    ))
}
