use axum::Json;
use axum::extract::State;
use kedergi_detector::Event;
use kedergi_wire::CountryCode;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::EventBody;
use super::openapi::ProblemBody;
use super::query::Asked;
use super::refusal::Refusal;
use crate::app::App;

const USUAL: u32 = 100;
const MOST: u32 = 1000;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Filter {
    /// Only events of this country (ISO 3166-1 alpha-2).
    #[param(value_type = Option<String>, example = "KZ")]
    country: Option<CountryCode>,
    /// How many events at most: 1 to 1000, 100 if not given.
    #[param(minimum = 1, maximum = 1000)]
    limit: Option<u32>,
}

/// Events, those that began last first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub(crate) struct EventList {
    /// The events.
    pub(crate) events: Vec<EventBody>,
}

impl EventList {
    /// What the public may know of these events.
    pub(crate) fn of(events: &[Event]) -> Self {
        let public = events.iter().filter_map(Event::public);
        Self { events: public.map(|event| EventBody::from(&event)).collect() }
    }
}

/// Events
///
/// Those that began last come first. Retracted events are left out.
#[utoipa::path(
    get, path = "/api/v1/events", tag = "read", params(Filter),
    responses(
        (status = 200, body = EventList),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn events(State(app): State<App>, Asked(filter): Asked<Filter>) -> Result<Json<EventList>, Refusal> {
    let limit = filter.limit.unwrap_or(USUAL);
    if !(1..=MOST).contains(&limit) {
        return Err(Refusal::Malformed(format!("limit is {limit}; it may be 1 to {MOST}")));
    }
    let events = app.ledger(move |ledger| ledger.events(filter.country, limit)).await?;
    Ok(Json(EventList::of(&events)))
}
