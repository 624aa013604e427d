//! A release, and the operator as its Deployment would start it.

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use k8s_openapi::ByteString;
use k8s_openapi::api::apps::v1::Deployment;
use k8s_openapi::api::core::v1::{Container, PodSpec, Secret};
use kube::Api;
use kube::config::Kubeconfig;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::common::ControlPlane;
use crate::helm::{CHART, Helm, with_key};
use crate::operator::Operator;
use crate::specs::with;
use crate::world::World;

/// Name of the release, and so of its objects.
pub const NAME: &str = "reseller-operator";
/// Where the chart mounts the key.
const MOUNT: &str = "/etc/reseller-operator/key.json";

pub struct Release<'a> {
    pub world: &'a World,
    pub helm: Helm,
    pub namespace: String,
    folder: TempDir,
}

impl<'a> Release<'a> {
    /// A namespace with the Secret that holds the key of the simulator; nothing is installed yet.
    /// None without helm.
    pub async fn prepare(world: &'a World) -> Option<Self> {
        let helm = Helm::on(world.plane)?;
        let namespace = world.plane.namespace("release").await;
        let key = format!("--from-file=key.json={}", world.key_file().display());
        let create = ["create", "secret", "generic", "google", "-n", &namespace, &key];
        world.plane.kubectl(create).await.ok();
        let folder = tempfile::tempdir().expect("folder");
        Some(Self { world, helm, namespace, folder })
    }

    /// Values that point at the simulator. Waits are shorter than by default, so that tests are.
    pub fn values(&self, more: Value) -> Value {
        let url = &self.world.url;
        let simulator = json!({
            "extraArgs": [
                format!("--reseller-url={url}"), format!("--directory-url={url}"),
                "--lag-grace=2s", "--settle-time=1s", "--lease-duration=3s",
            ],
            "extraEnv": [{"name": "RESELLER_OPERATOR_REQUESTS_PER_SECOND", "value": "200"}],
        });
        with(with(with_key(), simulator), more)
    }

    pub fn install(&self, values: &Value) -> String {
        self.helm.run(["install", NAME, CHART, "-n", &self.namespace], values).ok()
    }

    /// The user that the pods are.
    pub fn user(&self) -> String {
        format!("system:serviceaccount:{}:{NAME}", self.namespace)
    }

    /// Starts the operator with token, arguments, environment and key as a pod of the Deployment
    /// that the API server has. What is other here: where the key lies, and the port.
    pub async fn start(&self, name: &str) -> Operator {
        let pod = self.pod().await;
        let container = &pod.containers[0];
        let key = self.mounted_key(&pod, container).await;
        let mut arguments = container.args.clone().expect("arguments");
        assert_eq!(arguments.remove(0), "run");
        for argument in &mut arguments {
            *argument = argument.replace(MOUNT, &key.display().to_string());
        }
        arguments.push("--admin-address=127.0.0.1:0".to_owned());
        let env = container.env.iter().flatten();
        let variables: Vec<(String, String)> =
            env.map(|one| (one.name.clone(), one.value.clone().expect("a plain value"))).collect();
        let kubeconfig = self.kubeconfig(pod.service_account_name.as_deref()).await;
        let operator = Operator::spawn_with(name, &kubeconfig, &arguments, &variables);
        operator.is_ready().await;
        operator
    }

    async fn pod(&self) -> PodSpec {
        let api = Api::<Deployment>::namespaced(self.world.client.clone(), &self.namespace);
        let deployment = api.get(NAME).await.expect("Deployment");
        deployment.spec.expect("spec").template.spec.expect("spec")
    }

    /// Writes the file that a kubelet would mount there, out of the Secret.
    async fn mounted_key(&self, pod: &PodSpec, container: &Container) -> PathBuf {
        let mount = container.volume_mounts.as_ref().expect("mounts").iter();
        let mount = mount.clone().find(|mount| MOUNT.starts_with(&mount.mount_path));
        let mount = mount.expect("the key is mounted");
        assert_eq!(mount.sub_path, None, "a file that is mounted by itself never changes");
        let mut volumes = pod.volumes.as_ref().expect("volumes").iter();
        let volume = volumes.find(|volume| volume.name == mount.name).expect("its volume");
        let source = volume.secret.as_ref().expect("a Secret");
        let item = &source.items.as_ref().expect("items")[0];
        assert_eq!(format!("{}/{}", mount.mount_path, item.path), MOUNT);
        assert_eq!(source.default_mode, Some(0o440), "no other user may read it");
        let api = Api::<Secret>::namespaced(self.world.client.clone(), &self.namespace);
        let secret = api.get(source.secret_name.as_ref().expect("a name")).await.expect("Secret");
        let ByteString(bytes) = &secret.data.expect("data")[&item.key];
        let path = self.folder.path().join("key.json");
        std::fs::write(&path, bytes).expect("key");
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o440)).expect("mode");
        path
    }

    /// As in a pod: the token of the ServiceAccount, in the release's namespace.
    async fn kubeconfig(&self, account: Option<&str>) -> PathBuf {
        let account = account.expect("a ServiceAccount");
        let create = ["create", "token", account, "-n", &self.namespace];
        let token = self.world.plane.kubectl(create).await.ok();
        let path = self.folder.path().join("kubeconfig");
        std::fs::write(&path, kubeconfig(self.world.plane, token.trim(), &self.namespace))
            .expect("kubeconfig");
        path
    }
}

fn kubeconfig(plane: &ControlPlane, token: &str, namespace: &str) -> String {
    let config = Kubeconfig::read_from(plane.kubeconfig()).expect("kubeconfig");
    let mut config = serde_json::to_value(config).expect("JSON");
    for user in config["users"].as_array_mut().expect("users") {
        user["user"] = json!({"token": token});
    }
    for context in config["contexts"].as_array_mut().expect("contexts") {
        context["context"]["namespace"] = namespace.into();
    }
    config.to_string()
}
