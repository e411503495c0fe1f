//! What is happening now.

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Cell, CellState, PUBLIC_PROBES, PublicEvent};
use kedergi_wire::ServiceId;
use maud::{Markup, html};

use crate::clock::Clock;
use crate::layout::{Frame, Place, page};
use crate::names::{country_heading, country_name, service_name};
use crate::view::{CountryNow, NowView};
use crate::{marks, story, texts};

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
                @for country in sorted(&view.countries) { (country_now(country, view.now)) }
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

fn country_now(country: &CountryNow, now: Timestamp) -> Markup {
    html! {
        article.country {
            h3 { a href={ "country/" (country.country) } { (country_heading(country.country)) } }
            @if may_be_shown(country) { (known(country, now)) } @else { p { (texts::TOO_FEW) } }
        }
    }
}

fn known(country: &CountryNow, now: Timestamp) -> Markup {
    let last = texts::moment(&Clock::of(country.country), country.last);
    html! {
        p.facts { (texts::activity(country.networks, country.probes, &last)) }
        @if is_silent(country.last, now) { p.warning { (texts::SILENT_COUNTRY) } }
        @if country.cells.is_empty() { p { (texts::NO_CELLS) } } @else { (states(&country.cells)) }
    }
}

/// The services, those in trouble first.
fn states(cells: &[(ServiceId, Cell)]) -> Markup {
    let mut cells: Vec<_> = cells.iter().collect();
    cells.sort_by_key(|(service, cell)| (marks::gravity(cell.state), service_name(service).to_lowercase()));
    html! {
        ul.states {
            @for (service, cell) in cells {
                li class=(marks::class(cell.state)) {
                    (marks::swatch(cell.state))
                    span.name { (service_name(service)) }
                    span.word { (texts::state(cell.state)) }
                    @if cell.probes > 0 { span.probes { (texts::probes(cell.probes)) } }
                }
            }
        }
    }
}
