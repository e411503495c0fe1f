//! A country over a stretch of time.

use std::cmp::Reverse;

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{CellState, PublicEvent};
use kedergi_wire::ServiceId;
use maud::{Markup, html};

use crate::clock::{Clock, exact, moved};
use crate::layout::{Frame, Place, page};
use crate::names::{country_heading, service_name};
use crate::runs::{Run, runs, total};
use crate::scale::Scale;
use crate::story::{self, window_href};
use crate::view::{CountryView, Row};
use crate::{judged, marks, texts};

/// One service with its runs.
struct Lane<'a> {
    service: &'a ServiceId,
    runs: Vec<Run>,
    /// When events had hold of it: on some networks at least, which most probes of the country need not notice.
    holds: Vec<(Timestamp, Timestamp)>,
}

/// A country's page, `/country/{code}`.
pub fn country(view: &CountryView) -> String {
    let (clock, name) = (Clock::of(view.country), country_heading(view.country));
    let lanes = lanes(view);
    let body = html! {
        h1 { (name) }
        p.asof { (texts::stretch(&clock, view.from, view.until)) @if let Some(note) = texts::elsewhere(&clock, view.from) { ". " (note) } }
        (windows(view))
        (events(view, &clock))
        section aria-labelledby="timeline" {
            h2 #timeline { (texts::TIMELINE_HEADING) }
            @if lanes.is_empty() { p { (texts::NO_ROWS) } } @else {
                (legend())
                (chart(view, &lanes, &clock))
                details { summary { (texts::AS_TABLE) } (table(&lanes, &clock, view.from)) }
            }
            p.more { a href=(json_href(view)) { (texts::AS_JSON) } }
        }
    };
    page(&Frame { title: &name, root: "../", place: Place::Elsewhere }, &body)
}

/// The services in trouble first: those blocked longest, then by name.
fn lanes<'a>(view: &'a CountryView) -> Vec<Lane<'a>> {
    let lane = |row: &'a Row| Lane { service: &row.service, runs: runs(view, row), holds: holds(view, &row.service) };
    let mut lanes: Vec<_> = view.rows.iter().map(lane).collect();
    lanes.sort_by_cached_key(|lane| {
        let worst = |state| Reverse(total(&lane.runs, state));
        let states =
            (worst(CellState::Blocked), worst(CellState::Throttled), worst(CellState::Down), worst(CellState::Ok));
        (states.0, lane.holds.is_empty(), states.1, states.2, states.3, service_name(lane.service).to_lowercase())
    });
    lanes
}

/// When events had hold of a service, within the stretch shown.
fn holds(view: &CountryView, service: &ServiceId) -> Vec<(Timestamp, Timestamp)> {
    let end = view.until.min(view.now);
    let holds = view.events.iter().filter_map(|event| story::hold_on(event, service));
    let shown = holds.map(|(from, until)| (from.max(view.from), until.unwrap_or(end).min(end)));
    shown.filter(|(from, until)| from < until).collect()
}

/// Ways to earlier, later, shorter and longer stretches.
fn windows(view: &CountryView) -> Markup {
    let length = view.until.duration_since(view.from);
    let page = view.country.to_string();
    let live = view.until >= view.now;
    html! {
        nav.windows aria-label=(texts::WINDOW_LABEL) {
            a rel="prev" href=(window_href(&page, moved(view.from, -length), view.from)) { "← " (texts::EARLIER) }
            @for (text, hours) in texts::WINDOWS {
                @let wanted = SignedDuration::from_hours(hours);
                @let (from, until) = around(view, wanted);
                a href=(window_href(&page, from, until)) aria-current=[is_about(length, wanted, view.step).then_some("true")] { (text) }
            }
            @if !live {
                a rel="next" href=(window_href(&page, view.until, moved(view.until, length))) { (texts::LATER) " →" }
                a href=(page) { (texts::LATEST) }
            }
        }
    }
}

/// Whether a length is the one wanted, but for the step to which both ends are rounded.
fn is_about(length: SignedDuration, wanted: SignedDuration, step: SignedDuration) -> bool {
    (length - wanted).abs() <= step
}

/// A stretch of another length: about the same middle, or with the same end where that is now.
fn around(view: &CountryView, length: SignedDuration) -> (Timestamp, Timestamp) {
    if view.until >= view.now {
        return (moved(view.until, -length), view.until);
    }
    let middle = moved(view.from, view.until.duration_since(view.from) / 2);
    (moved(middle, -(length / 2)), moved(middle, length / 2))
}

fn events(view: &CountryView, clock: &Clock) -> Markup {
    let (open, over) = story::latest_first(&view.events);
    html! {
        section aria-labelledby="events" {
            h2 #events { (texts::EVENTS_HEADING) }
            @if view.events.is_empty() { p { (texts::NO_EVENTS) } } @else {
                ul.plain { @for event in open.into_iter().chain(over) { (event_line(event, clock)) } }
            }
        }
    }
}

fn event_line(event: &PublicEvent, clock: &Clock) -> Markup {
    html! {
        li {
            a href={ "../event/" (event.id) } { (story::headline(event, clock)) }
            p.facts { (judged::line(event)) }
        }
    }
}

fn legend() -> Markup {
    html! {
        ul.legend aria-label=(texts::LEGEND_LABEL) {
            @for state in CellState::ALL {
                li { (marks::swatch(state)) span { b { (texts::state(state)) } " " (texts::state_meaning(state)) } }
            }
            li { (marks::partly_swatch()) span { b { (texts::PARTLY) } " " (texts::PARTLY_MEANING) } }
        }
    }
}

fn chart(view: &CountryView, lanes: &[Lane<'_>], clock: &Clock) -> Markup {
    let scale = Scale::new(view.from, view.until);
    html! {
        div.chart {
            div.lane.scale { span.lane-name { "UTC" } (scale.utc_axis()) }
            @for lane in lanes { (strip(lane, &scale, clock)) }
            @if let (Some(place), Some(offset)) = (clock.place(), clock.offset(view.from)) {
                div.lane.scale { span.lane-name { (place) " (" (offset) ")" } (scale.local_axis(clock)) }
            }
        }
    }
}

fn strip(lane: &Lane<'_>, scale: &Scale, clock: &Clock) -> Markup {
    let (name, summary) = (service_name(lane.service), summary(lane));
    html! {
        div.lane {
            div.lane-name { b { (name) } " " span class={ "word " (marks::class(summary.0)) } { (summary.1) } }
            svg.strip height=(marks::HEIGHT) role="img" aria-label={ (name) ": " (summary.1) } {
                (scale.grid())
                @for &(from, until) in &lane.holds {
                    @let title = texts::partly_during(clock, from, until);
                    (marks::partly(&scale.place(from), &scale.width(from, until), Some(&title)))
                }
                @for run in &lane.runs {
                    @let (x, width) = (scale.place(run.from), scale.width(run.from, run.until));
                    (marks::bar(run.state, &x, &width, Some(&texts::run(clock, run))))
                }
            }
        }
    }
}

/// The lane in a few words: how long what was wrong, or that nothing was.
fn summary(lane: &Lane<'_>) -> (CellState, String) {
    let runs = &lane.runs;
    let wrong = [CellState::Blocked, CellState::Throttled, CellState::Down];
    let wrong: Vec<_> = wrong.into_iter().filter(|&state| !total(runs, state).is_zero()).collect();
    if let Some(&worst) = wrong.first() {
        let parts = wrong.iter().map(|&state| texts::state_for(state, total(runs, state)));
        return (worst, parts.collect::<Vec<_>>().join(", "));
    }
    if !lane.holds.is_empty() {
        return (CellState::Blocked, texts::PARTLY.to_owned());
    }
    match (total(runs, CellState::Ok).is_zero(), total(runs, CellState::Insufficient).is_zero()) {
        (false, true) => (CellState::Ok, texts::state(CellState::Ok).to_owned()),
        (false, false) => (CellState::Ok, texts::OK_WHERE_KNOWN.to_owned()),
        (true, _) => (CellState::Insufficient, texts::state(CellState::Insufficient).to_owned()),
    }
}

fn table(lanes: &[Lane<'_>], clock: &Clock, day: Timestamp) -> Markup {
    let head = [
        (texts::FROM, false),
        (texts::UNTIL, false),
        (texts::STATE, false),
        (texts::PROBES, true),
        (texts::REPORTS, true),
    ];
    html! {
        p.note { (texts::clocks(clock, day)) }
        div.wide tabindex="0" role="region" aria-label=(texts::AS_TABLE) {
            table {
                thead { tr { th scope="col" { (texts::SERVICE) } @for (text, number) in head { th.number[number] scope="col" { (text) } } } }
                @for lane in lanes { (table_part(lane, |at| texts::short_moment(clock, at, day))) }
            }
        }
    }
}

fn table_part(lane: &Lane<'_>, show: impl Fn(Timestamp) -> String) -> Markup {
    let rows = lane.runs.len() + lane.holds.len();
    html! {
        tbody {
            @for (n, run) in lane.runs.iter().enumerate() {
                tr {
                    @if n == 0 { th scope="rowgroup" rowspan=(rows) { (service_name(lane.service)) } }
                    td { (show(run.from)) }
                    td { (show(run.until)) }
                    td { (marks::swatch(run.state)) " " (texts::state(run.state)) }
                    td.number { (texts::span(run.probes)) }
                    td.number { @if run.reports > 0 { (run.reports) } @else { "–" } }
                }
            }
            @for &(from, until) in &lane.holds {
                tr {
                    td { (show(from)) }
                    td { (show(until)) }
                    td colspan="3" { (marks::partly_swatch()) " " (texts::PARTLY_ROW) }
                }
            }
        }
    }
}

/// The same stretch from the read API; the step as an ISO 8601 duration.
fn json_href(view: &CountryView) -> String {
    let (from, until) = (exact(view.from), exact(view.until));
    format!("../api/v1/timeline?country={}&from={from}&until={until}&step={}", view.country, view.step)
}
