use std::time::Duration;

use axum::Json;
use axum::extract::State;
use kedergi_store::SignOfLife;
use kedergi_wire::{Agenda, Envelope, Heartbeat, Kind, Role};
use tokio::time::{Instant, sleep_until};

use super::Refusal;
use super::agenda::Sign;
use super::sealed::{Opened, Sealed, open};
use crate::app::App;
use crate::asn::Origin;

/// However patient a probe is: proxies and home routers forget a silent connection after about a minute.
const LONGEST_WAIT: Duration = Duration::from_secs(50);

/// How often somebody who waits looks whether there is something to test again: that falls due a minute after it was last asked for.
const LOOK: Duration = Duration::from_secs(15);

/// Notes that a probe is alive and tells it what there is to do, waiting for news as long as it wants to.
pub(super) async fn heartbeat(
    State(app): State<App>,
    origin: Origin,
    Sealed(bytes): Sealed,
) -> Result<Json<Agenda>, Refusal> {
    let Opened { probe, role, payload, .. } = app.blocking(move |app| accept(app, origin, &bytes)).await?;
    metrics::counter!("kedergi_heartbeats_total").increment(1);
    let deadline = Instant::now() + Duration::from_secs(payload.wait_s.into()).min(LONGEST_WAIT);
    let (mut bundle, mut asked) = (app.bundle().subscribe(), app.retests().subscribe());
    let mut closing = false;
    loop {
        let version = bundle.borrow_and_update().version;
        asked.mark_unchanged();
        let now = app.now();
        let retest = app.retests().heard(Sign { probe, role, network: origin.network }, now);
        let news = !retest.is_empty() || payload.bundle != Some(version);
        if news || closing || Instant::now() >= deadline {
            let Origin { network, country, .. } = origin;
            return Ok(Json(Agenda { server_time: now, network, country, bundle: version, retest }));
        }
        tokio::select! {
            _ = bundle.changed() => {}
            _ = asked.changed() => {}
            () = app.closed() => closing = true,
            () = sleep_until(deadline.min(Instant::now() + LOOK)) => {}
        }
    }
}

fn accept(app: &App, origin: Origin, bytes: &[u8]) -> Result<Opened<Heartbeat>, Refusal> {
    let opened = open(app, &Envelope::parse(bytes)?, Kind::Heartbeat)?;
    let (now, Origin { network, country, .. }) = (app.now(), origin);
    app.ledger_now(|ledger| ledger.heartbeat(opened.probe, network, country, now))?;
    match (opened.role, network, country) {
        (Role::Control, ..) => app.heard().control(opened.probe, now),
        (Role::Probe, Some(network), Some(country)) => {
            let sign = SignOfLife { probe: opened.probe, at: now, network, country, enrolled: opened.newcomer };
            app.ledger_now(|ledger| ledger.sign(&sign))?;
        }
        // From nowhere that is known: it is expected nowhere.
        (Role::Probe, ..) => {}
    }
    Ok(opened)
}
