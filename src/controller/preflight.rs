//! What must be there before the first pass: the CustomResourceDefinition and the rights. One
//! clear message that says what to do.

use std::time::Duration;

use k8s_openapi::api::authorization::v1::{
    ResourceAttributes, SelfSubjectAccessReview, SelfSubjectAccessReviewSpec,
};
use kube::api::{ListParams, PostParams};
use kube::{Api, Client, Resource};

use super::lease::Election;
use super::stored::Stored;
use crate::crd::ResellerCustomer;
use crate::crd::names::GROUP;

/// Longest wait for the API server.
const TIMEOUT: Duration = Duration::from_secs(15);

/// Why the controller cannot start.
#[derive(Debug, thiserror::Error)]
pub enum PreflightError {
    #[error(
        "the CustomResourceDefinition {crd} is not installed (or not its version v1alpha1); \
         install it with: reseller-operator crd | kubectl apply --server-side -f -"
    )]
    NoCrd { crd: String },
    #[error(
        "the operator may not {rights}; give its ServiceAccount (or kubeconfig user) a \
         {kind} with these rights in API group {group}"
    )]
    NoRights { rights: String, kind: &'static str, group: &'static str },
    #[error("the API server did not answer within {} seconds; check the kubeconfig and the network", TIMEOUT.as_secs())]
    TimedOut,
    #[error("cannot ask the API server; check the kubeconfig and the network")]
    Api(#[source] Box<kube::Error>),
}

/// A right that the controller cannot do without.
#[derive(Clone, Copy)]
struct Right {
    group: &'static str,
    verb: &'static str,
    resource: &'static str,
    subresource: Option<&'static str>,
}

const fn customers(verb: &'static str, subresource: Option<&'static str>) -> Right {
    Right { group: GROUP, verb, resource: "resellercustomers", subresource }
}

const fn leases(verb: &'static str) -> Right {
    Right { group: "coordination.k8s.io", verb, resource: "leases", subresource: None }
}

const OF_CUSTOMERS: [Right; 4] = [
    customers("get", None),
    customers("list", None),
    customers("watch", None),
    customers("patch", Some("status")),
];
const OF_ELECTION: [Right; 3] = [leases("get"), leases("create"), leases("update")];

/// Checks the rights in each watched namespace (none: in all), then that the kind is there.
pub(super) async fn check(
    client: &Client,
    namespaces: &[Option<String>],
    election: Option<&Election>,
) -> Result<(), PreflightError> {
    if let Some(election) = election {
        check_rights(client, &OF_ELECTION, Some(&election.namespace)).await?;
    }
    for namespace in namespaces {
        check_rights(client, &OF_CUSTOMERS, namespace.as_deref()).await?;
        let api: Api<Stored> = scoped(client, namespace.as_deref());
        match in_time(api.list(&ListParams::default().limit(1))).await {
            Ok(_) => {}
            Err(PreflightError::Api(error)) if is_not_found(&error) => {
                let crd = format!("{}.{GROUP}", ResellerCustomer::plural(&()));
                return Err(PreflightError::NoCrd { crd });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The API of one namespace, or of all.
pub(super) fn scoped(client: &Client, namespace: Option<&str>) -> Api<Stored> {
    match namespace {
        Some(namespace) => Api::namespaced(client.clone(), namespace),
        None => Api::all(client.clone()),
    }
}

async fn check_rights(
    client: &Client,
    rights: &[Right],
    namespace: Option<&str>,
) -> Result<(), PreflightError> {
    let reviews: Api<SelfSubjectAccessReview> = Api::all(client.clone());
    let mut missing = Vec::new();
    for right in rights {
        let review = review(right, namespace);
        let answer = in_time(reviews.create(&PostParams::default(), &review)).await?;
        if !answer.status.is_some_and(|status| status.allowed) {
            let subresource = right.subresource.map(|name| format!("/{name}")).unwrap_or_default();
            missing.push(format!("{} {}{subresource}", right.verb, right.resource));
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let place = namespace.map(|name| format!(" in namespace {name}")).unwrap_or_default();
    let kind = if namespace.is_some() { "Role" } else { "ClusterRole" };
    Err(PreflightError::NoRights {
        rights: format!("{}{place}", missing.join(", ")),
        kind,
        group: rights.first().map_or(GROUP, |right| right.group),
    })
}

fn review(right: &Right, namespace: Option<&str>) -> SelfSubjectAccessReview {
    SelfSubjectAccessReview {
        spec: SelfSubjectAccessReviewSpec {
            resource_attributes: Some(ResourceAttributes {
                group: Some(right.group.to_owned()),
                resource: Some(right.resource.to_owned()),
                subresource: right.subresource.map(str::to_owned),
                verb: Some(right.verb.to_owned()),
                namespace: namespace.map(str::to_owned),
                ..ResourceAttributes::default()
            }),
            ..SelfSubjectAccessReviewSpec::default()
        },
        ..SelfSubjectAccessReview::default()
    }
}

/// For a group that it does not know the API server answers plain text, so only the code tells.
fn is_not_found(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if status.code == 404)
}

async fn in_time<T>(call: impl Future<Output = kube::Result<T>>) -> Result<T, PreflightError> {
    match tokio::time::timeout(TIMEOUT, call).await {
        Err(_) => Err(PreflightError::TimedOut),
        Ok(result) => result.map_err(|error| PreflightError::Api(Box::new(error))),
    }
}
