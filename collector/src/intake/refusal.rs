use kedergi_store::StoreError;
use kedergi_wire::{MAX_ENVELOPE, OpenError};

/// Why a request of a probe is refused.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Refusal {
    #[error("no probe with this key is enrolled here; enroll it with an invitation")]
    UnknownProbe,
    #[error("this probe was revoked by the operator; nothing more is taken from it")]
    RevokedProbe,
    #[error("{}", OpenError::Signature)]
    BadSignature,
    #[error("{0}")]
    Malformed(String),
    #[error("the request is larger than {MAX_ENVELOPE} bytes; send less at once")]
    TooLarge,
    #[error("there is no such invitation, or it is used up or expired; ask for another")]
    UnknownInvite,
    #[error("the volunteer agreed to version {agreed} of the text, version {current} is in force; ask again")]
    ConsentOutdated { agreed: u16, current: u16 },
    #[error("the collector cannot store now; try again later")]
    Unavailable(#[from] StoreError),
}

impl From<OpenError> for Refusal {
    fn from(error: OpenError) -> Self {
        match error {
            OpenError::TooLarge(_) => Self::TooLarge,
            OpenError::Signature => Self::BadSignature,
            OpenError::NotAnEnvelope | OpenError::WrongKind(_) | OpenError::Expand(_) | OpenError::Payload(_) => {
                Self::Malformed(error.to_string())
            }
        }
    }
}
