//! A way to the API server that can be closed, frozen, cut and led elsewhere.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use kube::config::Kubeconfig;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// How it goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Way {
    Open,
    /// Connections end, also those that are tried anew.
    Closed,
    /// Connections stay, and what is sent waits: a network that swallows packets.
    Frozen,
}

#[derive(Clone, Copy, Debug)]
struct State {
    way: Way,
    /// How often all connections were cut.
    cuts: u64,
    target: SocketAddr,
}

/// Passes bytes on to an API server; TLS goes through.
pub struct Gateway {
    address: SocketAddr,
    state: watch::Sender<State>,
}

impl Gateway {
    /// A way to the API server of this kubeconfig.
    pub async fn to(kubeconfig: &Path) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("port");
        let address = listener.local_addr().expect("address");
        let target = server(&Kubeconfig::read_from(kubeconfig).expect("kubeconfig"));
        let state = watch::Sender::new(State { way: Way::Open, cuts: 0, target });
        let receiver = state.subscribe();
        tokio::spawn(async move {
            while let Ok((near, _)) = listener.accept().await {
                tokio::spawn(connect(near, receiver.clone()));
            }
        });
        Self { address, state }
    }

    /// A copy of this kubeconfig that goes this way.
    pub fn kubeconfig(&self, kubeconfig: &Path) -> PathBuf {
        let mut config = Kubeconfig::read_from(kubeconfig).expect("kubeconfig");
        for cluster in config.clusters.iter_mut().filter_map(|named| named.cluster.as_mut()) {
            cluster.server = Some(format!("https://{}", self.address));
        }
        let path = kubeconfig.with_extension(format!("by-{}", self.address.port()));
        std::fs::write(&path, serde_json::to_string(&config).expect("JSON")).expect("kubeconfig");
        path
    }

    pub fn open(&self) {
        self.state.send_modify(|state| state.way = Way::Open);
    }

    pub fn close(&self) {
        self.state.send_modify(|state| state.way = Way::Closed);
    }

    pub fn freeze(&self) {
        self.state.send_modify(|state| state.way = Way::Frozen);
    }

    /// Ends all connections; new ones go through.
    pub fn cut(&self) {
        self.state.send_modify(|state| state.cuts += 1);
    }

    /// Leads to the API server of this kubeconfig from now on.
    pub fn lead_to(&self, kubeconfig: &Path) {
        let target = server(&Kubeconfig::read_from(kubeconfig).expect("kubeconfig"));
        self.state.send_modify(|state| state.target = target);
    }
}

fn server(config: &Kubeconfig) -> SocketAddr {
    let server = config.clusters[0].cluster.as_ref().and_then(|cluster| cluster.server.as_ref());
    let address = server.expect("a server").trim_start_matches("https://").parse();
    address.expect("an address")
}

async fn connect(near: TcpStream, state: watch::Receiver<State>) {
    let State { target, cuts, .. } = *state.borrow();
    let Ok(far) = TcpStream::connect(target).await else { return };
    let (near_read, near_write) = near.into_split();
    let (far_read, far_write) = far.into_split();
    tokio::select! {
        () = pass(near_read, far_write, state.clone(), cuts) => {}
        () = pass(far_read, near_write, state, cuts) => {}
    }
}

async fn pass(
    mut from: impl AsyncReadExt + Unpin,
    mut to: impl AsyncWriteExt + Unpin,
    mut state: watch::Receiver<State>,
    cuts: u64,
) {
    let mut ended = state.clone();
    let copy = async {
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
            let thawed = state.wait_for(|state| state.way != Way::Frozen).await.is_ok();
            if !thawed || to.write_all(&buffer[..count]).await.is_err() {
                return;
            }
        }
    };
    tokio::select! {
        biased;
        _ = ended.wait_for(|state| state.way == Way::Closed || state.cuts != cuts) => {}
        () = copy => {}
    }
}
