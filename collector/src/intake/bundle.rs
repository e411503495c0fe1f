//! The target list with what controls saw, signed: what a probe measures and judges by, long after it has hung up.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use ed25519_dalek::SigningKey;
use http::header::CONTENT_TYPE;
use jiff::{SignedDuration, Timestamp};
use kedergi_store::{Facts, Ledger, StoreError, StoredBundle};
use kedergi_wire::{
    ControlEntry, ControlSnapshot, Envelope, Heartbeat, Kind, SealError, TargetBundle, TargetList, seal,
};
use tokio::time::{Instant, sleep_until};

use super::Refusal;
use super::sealed::{Sealed, open};
use crate::app::App;

/// Controls report target by target; a new version for each would have every probe fetch all the time.
const PACE: Duration = Duration::from_secs(30);
/// What a control saw longer ago says nothing about today, and nothing of a replay's past.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// Why no bundle can be made.
#[derive(Debug, thiserror::Error)]
pub(crate) enum BundleError {
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("the target list with what controls saw is too large to be sent: {0}; list fewer targets")]
    Seal(#[from] SealError),
}

/// Hands out the bundle in force.
pub(super) async fn bundle(State(app): State<App>, Sealed(bytes): Sealed) -> Result<Response, Refusal> {
    let bundle = app.bundle().borrow().clone();
    app.blocking(move |app| open::<Heartbeat>(app, &Envelope::parse(&bytes)?, Kind::Heartbeat)).await?;
    Ok(([(CONTENT_TYPE, "application/octet-stream")], bundle.bytes.clone()).into_response())
}

/// The bundle at the start: the last one, or a new one where the target list changed or controls saw something since.
pub(crate) fn first_bundle(
    ledger: &mut Ledger,
    facts: &Facts,
    targets: &TargetList,
    key: &SigningKey,
    now: Timestamp,
) -> Result<StoredBundle, BundleError> {
    let last = ledger.bundle()?;
    match next(last.as_ref(), targets, facts.latest_controls()?, key, now)? {
        Some(bundle) => {
            ledger.set_bundle(&bundle)?;
            Ok(bundle)
        }
        // `next` returns nothing only where there is a last one.
        None => Ok(last.unwrap_or(StoredBundle { version: 0, made: now, bytes: Vec::new() })),
    }
}

/// Makes a new bundle when controls saw something new, at a pace that probes can follow.
pub(crate) async fn keep_current(app: App) -> Result<(), BundleError> {
    let mut not_before = Instant::now();
    loop {
        tokio::select! {
            () = app.closed() => return Ok(()),
            () = app.controls().notified() => {}
        }
        tokio::select! {
            () = app.closed() => return Ok(()),
            () = sleep_until(not_before) => {}
        }
        if let Some(bundle) = app.blocking(renew).await? {
            app.bundle().send_replace(Arc::new(bundle));
            not_before = Instant::now() + PACE;
        }
    }
}

fn renew(app: &App) -> Result<Option<StoredBundle>, BundleError> {
    let controls = app.facts_now(Facts::latest_controls)?;
    let last = app.bundle().borrow().clone();
    let bundle = next(Some(&last), app.targets(), controls, app.key(), app.now())?;
    if let Some(bundle) = &bundle {
        app.ledger_now(|ledger| ledger.set_bundle(bundle))?;
    }
    Ok(bundle)
}

/// The bundle that follows `last`; `None` if it would say the same.
fn next(
    last: Option<&StoredBundle>,
    targets: &TargetList,
    mut entries: Vec<ControlEntry>,
    key: &SigningKey,
    now: Timestamp,
) -> Result<Option<StoredBundle>, BundleError> {
    entries.retain(|entry| targets.service(&entry.target).is_some() && entry.at.duration_until(now).abs() <= FRESH);
    let said = last.and_then(|last| Envelope::parse(&last.bytes).ok()?.open::<TargetBundle>(Kind::Targets).ok());
    if said.is_some_and(|said| said.targets == targets.all() && said.control.entries == entries) {
        return Ok(None);
    }
    let version = last.map_or(1, |last| last.version + 1);
    let control = ControlSnapshot { made: now, entries };
    let bundle = TargetBundle { version, made: now, targets: targets.all().to_vec(), control };
    Ok(Some(StoredBundle { version, made: now, bytes: seal(Kind::Targets, key, &bundle)? }))
}
