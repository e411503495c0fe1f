//! Opening what a probe sent: frame, sender, signature, payload, in this order.

use axum::body::Bytes;
use axum::extract::{FromRequest, Request};
use http::StatusCode;
use jiff::Timestamp;
use kedergi_store::ProbeRow;
use kedergi_wire::{Envelope, Kind, ProbeId, Role};
use serde::de::DeserializeOwned;

use super::Refusal;
use crate::app::App;

/// The body of a request, as it came.
pub(super) struct Sealed(pub(super) Bytes);

/// What an enrolled probe said.
pub(super) struct Opened<T> {
    pub(super) probe: ProbeId,
    pub(super) role: Role,
    /// When it enrolled, if nobody vouched for it.
    pub(super) newcomer: Option<Timestamp>,
    pub(super) payload: T,
}

impl<S: Send + Sync> FromRequest<S> for Sealed {
    type Rejection = Refusal;

    async fn from_request(request: Request, state: &S) -> Result<Self, Refusal> {
        Bytes::from_request(request, state).await.map(Self).map_err(|rejection| {
            if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE {
                return Refusal::TooLarge;
            }
            Refusal::Malformed("the request ended before its body was complete".to_owned())
        })
    }
}

/// Opens an envelope of an enrolled probe. Expanding costs more than looking a key up, so strangers are turned away first.
pub(super) fn open<T: DeserializeOwned>(app: &App, envelope: &Envelope<'_>, kind: Kind) -> Result<Opened<T>, Refusal> {
    let probe = envelope.sender();
    let ProbeRow { role, revoked, enrolled, vouched } =
        app.ledger_now(|ledger| ledger.probe(probe))?.ok_or(Refusal::UnknownProbe)?;
    if revoked {
        // Only the probe itself is told, and only the key's owner can sign.
        envelope.verify()?;
        return Err(Refusal::RevokedProbe);
    }
    let newcomer = (!vouched).then_some(enrolled);
    Ok(Opened { probe, role, newcomer, payload: envelope.open(kind)? })
}
