//! What is happening now.

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Cell, CellState, PUBLIC_PROBES, PublicEvent};
use kedergi_wire::ServiceId;
use maud::{Markup, html};

use crate::clock::Clock;
use crate::layout::{Frame, Place, page};
use crate::names::{country_heading, country_name, service_name};
use crate::view::{CountryNow, NowView};
use crate::{judged, marks, story, texts};

/// A country that said nothing for so long is silent: whether an event there goes on is not known.
const SILENT: SignedDuration = SignedDuration::from_mins(30);
/// Events that are over and still told of.
const ENDED: usize = 10;

/// The front page, `/`.
pub fn now(view: &NowView) -> String {
    let (open, over) = story::latest_first(&view.events);
    let body = html! {
        h1 { (texts::NOW_TITLE) }
        p.asof { (texts::as_of(view.now)) }
        @if open.is_empty() { (quiet(view)) } @else {
            section aria-labelledby="open" {
                h2 #open { (texts::OPEN_HEADING) }
                @for event in &open { (card(event, view)) }
            }
        }
        @if !over.is_empty() {
            section aria-labelledby="ended" {
                h2 #ended { (texts::ENDED_HEADING) }
                @for event in over.iter().take(ENDED) { (card(event, view)) }
            }
        }
        @if !view.countries.is_empty() {
            section aria-labelledby="countries" {
                h2 #countries { (texts::COUNTRIES_HEADING) }
                @for country in sorted(&view.countries) { (country_now(country, view)) }
            }
        }
    };
    page(&Frame { title: texts::NOW_TITLE, root: "", place: Place::Now }, &body)
}

/// What is said where no event goes on: nobody measures, or nobody finds anything.
fn quiet(view: &NowView) -> Markup {
    let speaking: Vec<_> = view.countries.iter().filter(|country| !is_silent(country.last, view.now)).collect();
    let shown: Vec<_> = speaking.iter().filter(|country| may_be_shown(country)).collect();
    let probes = shown.iter().map(|country| country.probes).sum::<u32>();
    let (title, text) = match probes {
        0 if speaking.is_empty() => (texts::EMPTY_TITLE, texts::EMPTY_TEXT.to_owned()),
        0 => (texts::EMPTY_TITLE, texts::TOO_FEW_TEXT.to_owned()),
        _ => (texts::QUIET_TITLE, texts::quiet(probes, shown.len())),
    };
    html! {
        section.quiet aria-labelledby="open" {
            h2 #open { (title) }
            p { (text) }
        }
    }
}

/// One event as a card with its sentence.
fn card(event: &PublicEvent, view: &NowView) -> Markup {
    let clock = Clock::of(event.country);
    let href = format!("event/{}", event.id);
    html! {
        article.card.open[story::is_open(event)] {
            h3 { a href=(href) { (story::headline(event, &clock)) } }
            @if let Some(manner) = story::manner(event) { p { (texts::how_sentence(manner)) } }
            @if let Some(warning) = silence(event, view) { p.warning { (warning) } }
            p.facts { (judged::line(event)) }
            p.facts {
                span { (texts::confirmed_at(event.opened)) }
                span { (texts::lasted(story::is_open(event), story::lasted(event, view.now))) }
                a href=(href) { (texts::EVIDENCE_LINK) }
                a href=(story::timeline_href(event, view.now, "")) { (texts::TIMELINE_LINK) }
            }
        }
    }
}

/// A warning where an event goes on as far as is known, but nothing was heard from there lately.
fn silence(event: &PublicEvent, view: &NowView) -> Option<String> {
    let country = view.countries.iter().find(|now| now.country == event.country && may_be_shown(now));
    let last = country.map(|now| now.last);
    let silent = story::is_open(event) && last.is_none_or(|last| is_silent(last, view.now));
    silent.then(|| {
        texts::silent(&country_name(event.country), last.map(|last| texts::moment(&Clock::of(event.country), last)))
    })
}

/// Even when the last report came would tell of a lone volunteer.
fn may_be_shown(country: &CountryNow) -> bool {
    country.probes >= PUBLIC_PROBES
}

fn is_silent(last: Timestamp, now: Timestamp) -> bool {
    now.duration_since(last) > SILENT
}

/// Countries in trouble first, then by name.
fn sorted(countries: &[CountryNow]) -> Vec<&CountryNow> {
    let trouble = |country: &CountryNow| country.cells.iter().any(|(_, cell)| cell.state == CellState::Blocked);
    let mut countries: Vec<_> = countries.iter().collect();
    countries.sort_by_key(|country| (!trouble(country), country_heading(country.country)));
    countries
}

fn country_now(country: &CountryNow, view: &NowView) -> Markup {
    html! {
        article.country {
            h3 { a href={ "country/" (country.country) } { (country_heading(country.country)) } }
            @if may_be_shown(country) { (known(country, view)) } @else { p { (texts::TOO_FEW) } }
        }
    }
}

fn known(country: &CountryNow, view: &NowView) -> Markup {
    let last = texts::moment(&Clock::of(country.country), country.last);
    html! {
        p.facts { (texts::activity(country.networks, country.probes, &last)) }
        @if is_silent(country.last, view.now) { p.warning { (texts::SILENT_COUNTRY) } }
        @if country.cells.is_empty() { p { (texts::NO_CELLS) } } @else { (states(country, &view.events)) }
    }
}

/// The services, those in trouble first.
fn states(country: &CountryNow, events: &[PublicEvent]) -> Markup {
    let held = |service: &ServiceId| {
        let mut here = events.iter().filter(|event| event.country == country.country && story::is_open(event));
        here.any(|event| story::hold_on(event, service).is_some_and(|(_, until)| until.is_none()))
    };
    let mut cells: Vec<_> = country.cells.iter().map(|(service, cell)| (service, cell, held(service))).collect();
    cells
        .sort_by_key(|(service, cell, held)| (marks::gravity(cell.state, *held), service_name(service).to_lowercase()));
    html! { ul.states { @for (service, cell, held) in cells { (service_state(service, cell, held)) } } }
}

/// `held`: an event has hold of it, whatever most probes of the country find.
fn service_state(service: &ServiceId, cell: &Cell, held: bool) -> Markup {
    let partly = held && cell.state != CellState::Blocked;
    html! {
        li {
            @if partly { (marks::partly_swatch()) } @else { (marks::swatch(cell.state)) }
            span.name { (service_name(service)) }
            @if partly { span.word.s-blocked { (texts::PARTLY) } } @else {
                span class={ "word " (marks::class(cell.state)) } { (texts::state(cell.state)) }
            }
            @if cell.probes > 0 { span.probes { (texts::probes(cell.probes)) } }
        }
    }
}
