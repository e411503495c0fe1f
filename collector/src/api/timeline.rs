use std::collections::BTreeMap;

use axum::Json;
use axum::extract::State;
use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Cell, CellState, Counts};
use kedergi_store::{BucketRow, CellRow};
use kedergi_wire::{Asn, CountryCode, ServiceId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::openapi::ProblemBody;
use super::query::Asked;
use super::refusal::Refusal;
use crate::app::App;

const USUAL_SPAN: SignedDuration = SignedDuration::from_hours(24);
const USUAL_STEP: SignedDuration = SignedDuration::from_mins(15);
/// Cells in one row at most. A year by the day, a week by the half hour or half a day by the minute fit.
const MOST_CELLS: i64 = 800;

#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub(super) struct Window {
    /// The country (ISO 3166-1 alpha-2).
    #[param(value_type = String, example = "KZ")]
    country: CountryCode,
    /// Begin (RFC 3339); a day before `until` if not given.
    #[param(example = "2019-05-09T00:00:00Z")]
    from: Option<Timestamp>,
    /// End, exclusive (RFC 3339); now if not given.
    #[param(example = "2019-05-10T00:00:00Z")]
    until: Option<Timestamp>,
    /// How long a cell lasts, in whole minutes (ISO 8601, such as `PT15M`); a quarter of an hour if not given.
    #[param(value_type = Option<String>, example = "PT15M")]
    step: Option<SignedDuration>,
}

/// What was found in a country, service by service and step by step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(super) struct Timeline {
    /// The country.
    #[schema(value_type = String)]
    country: CountryCode,
    /// Begin.
    from: Timestamp,
    /// End, exclusive.
    until: Timestamp,
    /// How long a cell lasts, in seconds.
    step_s: i64,
    /// One row for each service over the whole country, then one for each service and network.
    rows: Vec<Row>,
}

/// One service, in the whole country or on one network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = TimelineRow)]
struct Row {
    /// The service.
    #[schema(value_type = String, example = "facebook")]
    service: ServiceId,
    /// AS number of the network; absent for the whole country.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<u32>, example = 9198)]
    network: Option<Asn>,
    /// Cells in order. One that is missing is `insufficient`: fewer than three probes measured.
    cells: Vec<CellBody>,
}

/// What a service was like for a while.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = Cell)]
struct CellBody {
    /// Begin of the cell.
    start: Timestamp,
    /// What at least half of the conclusive reports say.
    state: CellWord,
    /// Distinct probes, three or more.
    probes: u32,
    /// Reports.
    reports: u32,
}

/// What a cell is shown as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
#[schema(as = CellState)]
enum CellWord {
    Ok,
    Blocked,
    Throttled,
    Down,
    Insufficient,
}

impl Window {
    /// Begin, end and step, defaults filled in.
    fn bounds(&self, now: Timestamp) -> Result<(Timestamp, Timestamp, SignedDuration), Refusal> {
        let until = self.until.unwrap_or(now);
        let from = self.from.unwrap_or_else(|| until.saturating_sub(USUAL_SPAN).unwrap_or(Timestamp::MIN));
        let step = self.step.unwrap_or(USUAL_STEP);
        let refuse = |detail: String| Err(Refusal::Malformed(detail));
        if step < SignedDuration::from_mins(1) || step.as_secs() % 60 != 0 || step.subsec_nanos() != 0 {
            return refuse("step must be one or more whole minutes, such as PT15M".to_owned());
        }
        if from >= until {
            return refuse(format!("from ({from}) must be before until ({until})"));
        }
        let cells = until.duration_since(from).as_mins() / step.as_mins();
        if cells > MOST_CELLS {
            return refuse(format!(
                "{cells} steps between from and until; {MOST_CELLS} are the most: take a longer step"
            ));
        }
        Ok((from, until, step))
    }
}

/// Timeline of a country
///
/// States of services over time, for the country and for each of its networks.
#[utoipa::path(
    get, path = "/api/v1/timeline", tag = "read", params(Window),
    responses(
        (status = 200, body = Timeline),
        (status = 400, body = ProblemBody, content_type = "application/problem+json"),
    ),
)]
pub(super) async fn timeline(State(app): State<App>, Asked(window): Asked<Window>) -> Result<Json<Timeline>, Refusal> {
    let (from, until, step) = window.bounds(app.now())?;
    let country = window.country;
    let (cells, buckets) = app
        .facts(move |facts| Ok((facts.cells(country, from, until, step)?, facts.buckets(country, from, until, step)?)))
        .await?;
    Ok(Json(Timeline { country, from, until, step_s: step.as_secs(), rows: rows(&cells, &buckets) }))
}

/// Gathers counts into rows, leaving out every cell that fewer than three probes are behind.
fn rows(cells: &[CellRow], buckets: &[BucketRow]) -> Vec<Row> {
    let whole = cells.iter().map(|row| (None, &row.service, row.start, &row.counts, row.probes));
    let split =
        buckets.iter().filter_map(|row| Some((Some(row.network?), &row.service, row.start, &row.counts, row.probes)));
    let mut rows = BTreeMap::<(Option<Asn>, &ServiceId), Vec<CellBody>>::new();
    for (network, service, start, counts, probes) in whole.chain(split) {
        if let Some(cell) = cell(start, counts, probes) {
            rows.entry((network, service)).or_default().push(cell);
        }
    }
    rows.into_iter().map(|((network, service), cells)| Row { service: service.clone(), network, cells }).collect()
}

fn cell(start: Timestamp, counts: &Counts, probes: u32) -> Option<CellBody> {
    let cell = Cell::of(counts, probes);
    let state = match cell.state {
        CellState::Ok => CellWord::Ok,
        CellState::Blocked => CellWord::Blocked,
        CellState::Throttled => CellWord::Throttled,
        CellState::Down => CellWord::Down,
        CellState::Insufficient => CellWord::Insufficient,
    };
    (cell != Cell::INSUFFICIENT).then_some(CellBody { start, state, probes: cell.probes, reports: cell.reports })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bounds(query: &str) -> Result<(Timestamp, Timestamp, SignedDuration), String> {
        let uri = format!("http://a/?{query}").parse().unwrap();
        let window = axum::extract::Query::<Window>::try_from_uri(&uri).map_err(|error| error.body_text())?;
        window.0.bounds("2019-05-10T00:00:00Z".parse().unwrap()).map_err(|refusal| refusal.to_string())
    }

    #[test]
    fn what_is_not_given_has_a_default() {
        let (from, until, step) = bounds("country=KZ").unwrap();
        assert_eq!(
            (from.to_string(), until.to_string()),
            ("2019-05-09T00:00:00Z".into(), "2019-05-10T00:00:00Z".into())
        );
        assert_eq!(step, SignedDuration::from_mins(15));
    }

    #[test]
    fn what_makes_no_sense_is_refused_with_the_reason() {
        for (query, reason) in [
            ("", "country"),
            ("country=kz", "two capital letters"),
            ("country=KZ&step=PT10S", "whole minutes"),
            ("country=KZ&from=2019-05-11T00:00:00Z", "before until"),
            ("country=KZ&from=2009-01-01T00:00:00Z", "take a longer step"),
            ("country=KZ&stop=1", "unknown field `stop`"),
        ] {
            let error = bounds(query).unwrap_err();
            assert!(error.contains(reason), "{query}: {error}");
        }
    }

    #[test]
    fn a_network_with_two_probes_has_no_row() {
        let counts = Counts { blocked: 9, ..Counts::default() };
        let (start, service) = (Timestamp::UNIX_EPOCH, "facebook".parse::<ServiceId>().unwrap());
        let bucket =
            |network, probes| BucketRow { start, network: Asn::new(network), service: service.clone(), counts, probes };
        let whole = CellRow { start, service: service.clone(), counts, probes: 5 };
        let rows = rows(&[whole], &[bucket(1, 2), bucket(2, 3)]);
        assert_eq!(rows.iter().map(|row| row.network).collect::<Vec<_>>(), [None, Asn::new(2)]);
    }
}
