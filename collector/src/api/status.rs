use axum::Json;
use axum::extract::State;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::refusal::Refusal;
use crate::app::App;

/// How the collector is doing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct Status {
    /// The collector's clock.
    pub(crate) now: Timestamp,
    /// Version of the collector.
    pub(crate) version: String,
    /// Whether every report that was acknowledged is taken into account in the events.
    pub(crate) caught_up: bool,
}

/// Status
///
/// Tells a reader whether the events already say all that the reports tell.
#[utoipa::path(get, path = "/api/v1/status", tag = "read", responses((status = 200, body = Status)))]
pub(super) async fn status(State(app): State<App>) -> Result<Json<Status>, Refusal> {
    let cursor = app.ledger(|ledger| ledger.detection_cursor()).await?;
    let waiting = app.facts(move |facts| facts.scan_after(cursor, 1)).await?;
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(Json(Status { now: app.now(), version, caught_up: waiting.is_empty() }))
}
