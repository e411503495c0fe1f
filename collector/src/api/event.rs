use axum::Json;
use axum::extract::State;
use kedergi_detector::EventId;

use super::EventBody;
use super::openapi::ProblemBody;
use super::query::Named;
use super::refusal::Refusal;
use crate::app::App;

/// One event
#[utoipa::path(
    get, path = "/api/v1/events/{id}", tag = "read",
    params(("id" = String, Path, description = "Name of the event", example = "KZ-20190509-7f3a")),
    responses(
        (status = 200, body = EventBody),
        (status = 404, body = ProblemBody, content_type = "application/problem+json", description = "No such event, or it was retracted"),
    ),
)]
pub(super) async fn event(State(app): State<App>, Named(id): Named<EventId>) -> Result<Json<EventBody>, Refusal> {
    let event = app.ledger(move |ledger| ledger.event(&id)).await?;
    let public = event.and_then(|event| event.public());
    let body = public.map(|event| EventBody::from(&event));
    body.map(Json).ok_or_else(|| Refusal::NotFound("event of that name, or it was retracted"))
}
