//! What people may do with ResellerCustomers by the roles view, edit and admin.

use k8s_openapi::api::authorization::v1::SubjectAccessReview;
use kube::Api;
use kube::api::PostParams;
use serde_json::json;

use crate::common::{ControlPlane, wait_until};
use crate::helm::{CHART, Helm, with_key};
use crate::specs::with;
use crate::world::PATIENCE;

const VERBS: [&str; 8] =
    ["get", "list", "watch", "create", "update", "patch", "delete", "deletecollection"];

#[tokio::test]
async fn viewers_read_editors_write_and_nobody_writes_the_status() {
    let plane = ControlPlane::shared();
    let Some(helm) = Helm::on(plane) else { return };
    plane.apply_crd().await;
    let namespace = plane.namespace("users").await;
    let values = with(with_key(), json!({"crds": {"enabled": false}}));
    helm.run(["install", "users", CHART, "-n", &namespace], &values).ok();
    let reviews: Api<SubjectAccessReview> = Api::all(plane.client().await);
    // There is no controller here that aggregates: bound are what it would put into view and edit.
    for (role, read, write) in [("view", true, false), ("edit", false, true)] {
        let name = format!("{namespace}:users-reseller-operator-{role}");
        let user = format!("{role}-{namespace}");
        let (name_flag, user_flag) = (format!("--clusterrole={name}"), format!("--user={user}"));
        let bind = ["create", "rolebinding", role, "-n", &namespace, &name_flag, &user_flag];
        plane.kubectl(bind).await.ok();
        // The API server learns of a binding a moment later.
        let first = if read { "get" } else { "create" };
        let ask = ["auth", "can-i", first, "resellercustomers", "-n", &namespace, "--as", &user];
        let bound = async || plane.kubectl(ask).await.success.then_some(());
        wait_until("the binding to be known", PATIENCE, bound).await;
        for verb in VERBS {
            let may = matches!(verb, "get" | "list" | "watch") && read
                || !matches!(verb, "get" | "list" | "watch") && write;
            for (resource, subresource, expected) in [
                ("resellercustomers", "", may),
                ("resellercustomers", "status", false),
                ("secrets", "", false),
            ] {
                let group = if resource == "secrets" { "" } else { "reseller-operator.dev" };
                let question = json!({"spec": {"user": user, "resourceAttributes": {
                    "namespace": namespace, "verb": verb, "group": group, "resource": resource,
                    "subresource": subresource,
                }}});
                let question = serde_json::from_value(question).expect("a review");
                let answer = reviews.create(&PostParams::default(), &question).await;
                let allowed = answer.expect("an answer").status.expect("status").allowed;
                assert_eq!(allowed, expected, "{role}: {verb} {resource}/{subresource}");
            }
        }
        let get = ["get", "clusterrole", &name, "-o", "jsonpath={.metadata.labels}"];
        let labels = plane.kubectl(get).await.ok();
        for of in ["view", "edit", "admin"] {
            let label = format!("rbac.authorization.k8s.io/aggregate-to-{of}\":\"true");
            assert_eq!(labels.contains(&label), of != "view" || role == "view", "{role}: {of}");
            let get = ["get", "clusterrole", of, "-o", "jsonpath={.aggregationRule}"];
            assert!(plane.kubectl(get).await.ok().contains(&label), "{of} gathers by this label");
        }
    }
}
