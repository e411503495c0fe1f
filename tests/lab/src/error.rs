//! Why a lab cannot be built or used.

use std::io;
use std::path::PathBuf;
use std::time::Duration;

/// Why a lab cannot be built or used.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// The machine cannot hold a lab.
    #[error("no lab can be built here: {0}")]
    Unavailable(String),
    /// A namespace or its network device could not be made.
    #[error("cannot make the host {host}: {step}: {source}")]
    Host {
        /// Which host.
        host: String,
        /// At which step.
        step: &'static str,
        /// Why.
        source: io::Error,
    },
    /// There is no such host.
    #[error("the lab has no host {0:?}")]
    NoSuchHost(String),
    /// The machinery of a host or the fabric is gone, which only a panic in it can cause.
    #[error("{0} is gone; its thread must have panicked")]
    Gone(String),
    /// A program could not be started.
    #[error("cannot start {program} on {host}: {source}")]
    Spawn {
        /// Which program.
        program: String,
        /// Where.
        host: String,
        /// Why.
        source: io::Error,
    },
    /// A service does not answer.
    #[error("{service} on {host} did not answer within {waited:?}; its last words: {log}")]
    Silent {
        /// Which service.
        service: &'static str,
        /// Where.
        host: String,
        /// How long it had.
        waited: Duration,
        /// The end of its log.
        log: String,
    },
    /// A file of the lab could not be written or read.
    #[error("cannot use {}: {source}", path.display())]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A certificate could not be made.
    #[error("cannot make a certificate for {name}: {source}")]
    Certificate {
        /// For whom.
        name: String,
        /// Why.
        source: rcgen::Error,
    },
}

impl LabError {
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { path, source }
    }
}
