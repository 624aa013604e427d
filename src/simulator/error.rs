//! What can go wrong with the simulator itself.

use std::io;
use std::path::PathBuf;

/// Why the simulator cannot start or keep its state.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The state file is there and cannot be read.
    #[error("cannot read the state file {}", path.display())]
    ReadState {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The state file cannot be written.
    #[error("cannot write the state file {}", path.display())]
    WriteState {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// There is a file that no simulator wrote.
    #[error(
        "{} is there and is not a key file of the simulator: it is not overwritten",
        path.display()
    )]
    ForeignKey {
        /// Where.
        path: PathBuf,
    },
    /// The key file cannot be written.
    #[error("cannot write the key file {}", path.display())]
    WriteKey {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The cryptographic library makes no key.
    #[error("cannot make a key for the service account")]
    Key(#[source] aws_lc_rs::error::Unspecified),
}
