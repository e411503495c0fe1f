use axum::Json;
use axum::extract::State;
use kedergi_store::Enrolled;
use kedergi_wire::{CONSENT_VERSION, EnrollReply, EnrollRequest, Envelope, Kind};

use super::Refusal;
use super::sealed::Sealed;
use crate::app::App;
use crate::keys::{collector_id, invite_hash};

/// Makes a probe known that has an invitation.
pub(super) async fn enroll(State(app): State<App>, Sealed(bytes): Sealed) -> Result<Json<EnrollReply>, Refusal> {
    app.blocking(move |app| {
        let envelope = Envelope::parse(&bytes)?;
        let request: EnrollRequest = envelope.open(Kind::Enroll)?;
        if request.consent != CONSENT_VERSION {
            return Err(Refusal::ConsentOutdated { agreed: request.consent, current: CONSENT_VERSION });
        }
        let (code, probe) = (invite_hash(&request.invite), envelope.sender());
        match app.ledger_now(|ledger| ledger.enroll(code, probe, request.consent, app.now()))? {
            Enrolled::As(role) => Ok(Json(EnrollReply { probe, role, collector: collector_id(app.key()) })),
            Enrolled::UnknownInvite => Err(Refusal::UnknownInvite),
            Enrolled::Revoked => Err(Refusal::RevokedProbe),
        }
    })
    .await
}
