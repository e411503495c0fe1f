//! Why the daemon, enrolment or status failed, and the exit code it means.

use std::io;

use crate::TrustError;
use crate::identity::IdentityError;
use crate::spool::SpoolError;
use crate::upload::{CourierError, Trouble};

/// Why enrolling, running or telling the status failed. Its text says what to do.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct Error(Cause);

impl Error {
    /// The exit code of the process: 1 failed while running, 2 wrong arguments, 3 wrong configuration, 4 consent missing,
    /// 75 no collector could be reached.
    pub fn exit_code(&self) -> u8 {
        match &self.0 {
            Cause::Scheme(_) => 2,
            Cause::Trust(_) | Cause::Courier(CourierError::Trust(_)) => 3,
            Cause::NotEnrolled | Cause::ConsentOutdated | Cause::NobodyToAsk | Cause::Declined => 4,
            Cause::Collector(Trouble::NoConnection(_) | Trouble::BrokenOff(_) | Trouble::NotNow { .. }) => 75,
            Cause::Identity(_)
            | Cause::Spool(_)
            | Cause::Courier(CourierError::Client(_))
            | Cause::Collector(Trouble::Refused(_) | Trouble::Strange(_))
            | Cause::Seal(_)
            | Cause::Signals(_)
            | Cause::Terminal(_)
            | Cause::Random(_) => 1,
        }
    }
}

impl From<Cause> for Error {
    fn from(cause: Cause) -> Self {
        Self(cause)
    }
}

/// What lies behind an [`Error`].
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cause {
    #[error("this probe is not enrolled: nothing is measured before you agreed; run `kedergi-probe enroll` first")]
    NotEnrolled,
    #[error("the text you agreed to has changed; run `kedergi-probe enroll` to read the new one")]
    ConsentOutdated,
    #[error(
        "nobody agreed: there is no terminal to ask at; run `kedergi-probe enroll` at one, or give --accept-risk if you have \
         read its text and speak for the person whose line is used"
    )]
    NobodyToAsk,
    #[error("you did not agree, so nothing was done; to agree, type yes in full")]
    Declined,
    #[error("the collector's URL begins with {0}:, but must begin with https: (or http: on this very machine)")]
    Scheme(String),
    #[error(transparent)]
    Collector(#[from] Trouble),
    #[error(transparent)]
    Identity(#[from] IdentityError),
    #[error(transparent)]
    Spool(#[from] SpoolError),
    #[error(transparent)]
    Trust(#[from] TrustError),
    #[error(transparent)]
    Courier(#[from] CourierError),
    #[error("a message to the collector cannot be signed: {0}")]
    Seal(#[from] kedergi_wire::SealError),
    #[error("cannot listen for signals: {0}")]
    Signals(io::Error),
    #[error("cannot read from or write to the terminal: {0}")]
    Terminal(#[from] io::Error),
    #[error("the system gives no random numbers: {0}")]
    Random(getrandom::Error),
}
