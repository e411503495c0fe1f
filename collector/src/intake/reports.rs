use axum::Json;
use axum::body::Bytes;
use axum::extract::State;
use kedergi_store::{Appended, Fact, StoredBatch};
use kedergi_wire::{Batch, Envelope, Kind, Receipt, Role, Stored};

use super::Refusal;
use super::judge::{Sender, judge};
use super::sealed::{Opened, Sealed, open};
use crate::app::App;
use crate::asn::Origin;

/// Takes a batch: checks, judges and stores it, and answers once it is on disk.
pub(super) async fn reports(
    State(app): State<App>,
    origin: Origin,
    Sealed(bytes): Sealed,
) -> Result<Json<Receipt>, Refusal> {
    app.blocking(move |app| accept(app, origin, &bytes)).await.map(Json)
}

fn accept(app: &App, origin: Origin, bytes: &Bytes) -> Result<Receipt, Refusal> {
    let envelope = Envelope::parse(bytes)?;
    let Opened { probe, role, newcomer, payload: Batch { reports } } = open(app, &envelope, Kind::Batch)?;
    let now = app.now();
    let distrusted = app.ledger_now(|ledger| ledger.is_distrusted(probe, now))?;
    let sender = Sender { probe, role, newcomer, origin, distrusted };
    let judged = app.facts_now(|facts| {
        let lists = (app.targets(), app.canaries());
        judge(envelope.id(), sender, &reports, lists, now, |target, at| facts.control_for(target, at))
    })?;
    let set_aside = [judged.unlisted, judged.early, judged.elsewhere, judged.distrusted];
    let batch = StoredBatch { id: envelope.id(), probe, bytes, facts: judged.facts, controls: judged.controls };
    let stored = match app.append(&batch)? {
        Appended::New => {
            app.retests().learn(&batch.facts, app.targets(), now);
            if !judged.canaries.is_empty() {
                app.ledger_now(|ledger| app.canaries().note(judged.canaries, sender, now, ledger))?;
            }
            count(&batch.facts, set_aside);
            Stored::New
        }
        Appended::Duplicate => Stored::Duplicate,
    };
    metrics::counter!("kedergi_batches_total", "stored" => word(stored)).increment(1);
    // The format holds at most 256 reports.
    let reports = u16::try_from(reports.len()).unwrap_or(u16::MAX);
    Ok(Receipt { batch: batch.id, stored, reports })
}

fn word(stored: Stored) -> &'static str {
    match stored {
        Stored::New => "new",
        Stored::Duplicate => "duplicate",
    }
}

fn count(facts: &[Fact], set_aside: [u32; 4]) {
    for fact in facts {
        let role = match fact.role {
            Role::Probe => "probe",
            Role::Control => "control",
        };
        metrics::counter!("kedergi_reports_total", "role" => role, "outcome" => fact.verdict.outcome.word())
            .increment(1);
    }
    for (reason, reports) in ["unlisted", "early", "elsewhere", "distrusted"].into_iter().zip(set_aside) {
        if reports > 0 {
            metrics::counter!("kedergi_reports_set_aside_total", "reason" => reason).increment(reports.into());
            tracing::warn!(reports, reason, "reports of a batch were kept but not judged");
        }
    }
}
