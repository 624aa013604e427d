//! Why a pass ended early: one variant per stage. What Google says is never an error here, it is
//! in the outcome.

use std::time::Duration;

use super::record::RecordError;

/// A stage of a pass that could not be done in Kubernetes.
#[derive(Debug, thiserror::Error)]
pub(super) enum Error {
    #[error("cannot read a Secret that the manifest names")]
    Dereference(#[source] KubeError),
    #[error("cannot announce the new generation in the status")]
    Announce(#[source] WriteError),
    #[error("cannot record the call before it is made")]
    Record(#[source] RecordError),
    #[error("cannot publish the outcome in the status")]
    Publish(#[source] WriteError),
    #[error("the pass panicked")]
    Panicked,
}

/// Longest wait for one answer of the API server: kube's client has no limit of its own, and a pass
/// that waits for ever would keep its slot.
pub(super) const TIMEOUT: Duration = Duration::from_secs(10);

/// Why a request of Kubernetes was not answered well.
#[derive(Debug, thiserror::Error)]
pub(super) enum KubeError {
    #[error("the API server did not answer in time")]
    TimedOut,
    #[error("the API server refused the request")]
    Refused(#[source] Box<kube::Error>),
}

/// One request, with an end.
pub(super) async fn in_time<T>(
    request: impl Future<Output = kube::Result<T>>,
) -> Result<T, KubeError> {
    match tokio::time::timeout(TIMEOUT, request).await {
        Err(_) => Err(KubeError::TimedOut),
        Ok(answer) => answer.map_err(|error| KubeError::Refused(Box::new(error))),
    }
}

/// Why a status was not written.
#[derive(Debug, thiserror::Error)]
pub(super) enum WriteError {
    #[error("the object was changed meanwhile")]
    Conflict,
    #[error("the object is gone")]
    Gone,
    #[error("somebody else went on with the object meanwhile")]
    Superseded,
    #[error("the API server did not answer in time")]
    TimedOut,
    #[error("the API server refused the write")]
    Refused(#[source] Box<kube::Error>),
}

impl Error {
    /// Whether the object was changed by somebody meanwhile: the watch brings it anyway.
    pub(super) fn is_stale(&self) -> bool {
        matches!(
            self,
            Self::Announce(WriteError::Conflict | WriteError::Gone)
                | Self::Publish(WriteError::Conflict | WriteError::Gone | WriteError::Superseded)
                | Self::Record(RecordError::Write(WriteError::Conflict | WriteError::Gone))
        )
    }
}
