//! One event and what it rests on.

use std::collections::BTreeMap;

use jiff::Timestamp;
use kedergi_detector::{Affected, Bracket, CellState, Kind, PublicEvent};
use kedergi_wire::{Asn, ServiceId};
use maud::{Markup, html};

use crate::clock::{Clock, exact, moved};
use crate::layout::{Frame, Place, page};
use crate::names::{country_name, network_name, service_name};
use crate::scale::Scale;
use crate::view::{ControlView, EventView, EvidenceView};
use crate::{history, judged, marks, story, texts};

/// An event's page, `/event/{id}`.
pub fn event(view: &EventView) -> String {
    if let Some(at) = view.taken_back {
        return taken_back(view, at);
    }
    let event = &view.event;
    let clock = Clock::of(event.country);
    let headline = story::headline(event, &clock);
    let body = html! {
        p.eyebrow { (judged::tags(event)) " " (event.id) }
        h1.headline { (headline) "." }
        (judged::doubts(event))
        (facts(view, &clock))
        (judged::reasoning(event))
        (scope(view, &clock))
        (judged::manners(event))
        (evidence(view, &clock))
        (controls(view))
        (history::history(&view.history, &clock))
        section aria-labelledby="limits" { h2 #limits { (texts::LIMITS_HEADING) } p { (texts::limits(event.kind)) } }
        p.more {
            a href={ "../api/v1/events/" (event.id) } { (texts::AS_JSON) }
            (timeline(view))
        }
    };
    page(&Frame { title: &headline, root: "../", place: Place::Elsewhere }, &body)
}

/// The page of an event that was taken back: what was told, that it does not hold, and what it rested on.
fn taken_back(view: &EventView, at: Timestamp) -> String {
    let event = &view.event;
    let clock = Clock::of(event.country);
    let headline = format!("{}: {}", texts::TAKEN_BACK, story::headline(event, &clock));
    let body = html! {
        p.eyebrow { span.tag.doubt { (texts::TAKEN_BACK) } " " (event.id) }
        h1.headline { (headline) "." }
        p.warning { (texts::taken_back(&texts::moment(&clock, at))) }
        (evidence(view, &clock))
        (controls(view))
        (history::history(&view.history, &clock))
        p.more { (timeline(view)) }
    };
    page(&Frame { title: &headline, root: "../", place: Place::Elsewhere }, &body)
}

fn timeline(view: &EventView) -> Markup {
    let event = &view.event;
    html! { a href=(story::timeline_href(event, view.now, "../")) { (texts::timeline_of(&country_name(event.country))) } }
}

/// Whether it shows by what is missing: then no report and no control tells of it.
fn is_silence(event: &PublicEvent) -> bool {
    match event.kind {
        Kind::Shutdown | Kind::PartialShutdown => true,
        Kind::Block | Kind::Throttling => false,
    }
}

fn facts(view: &EventView, clock: &Clock) -> Markup {
    let event = &view.event;
    html! {
        dl.facts-list {
            dt { (texts::BEGAN) } dd { (story::began(event, clock)) }
            dt { (texts::ENDED) } dd { (event.end.map_or(texts::NOT_YET.to_owned(), |end| story::bracket(clock, end))) }
            dt { (texts::lasting(story::is_open(event))) } dd { (texts::duration(story::lasted(event, view.now))) }
            @if !event.services.is_empty() { dt { (texts::SERVICES) } dd { (texts::list(&story::services(event))) } }
            dt { (texts::NETWORKS) } dd { (texts::named_networks(&story::network_names(event), event.unnamed_networks)) }
            @if let Some(manner) = story::manner(event) { dt { (texts::HOW) } dd { (manner) } }
            (judged::levels(event, clock))
        }
        @if let Some(note) = texts::elsewhere(clock, event.onset.latest) { p.note { (note) } }
    }
}

/// Networks × services: first as a picture, which shows what went together, then in figures.
fn scope(view: &EventView, clock: &Clock) -> Markup {
    if view.event.scope.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="networks" {
            h2 #networks { (texts::WHERE_HEADING) }
            (chart(view, clock))
            p.note { (texts::clocks(clock, view.event.onset.latest)) }
            div.wide tabindex="0" role="region" aria-label=(texts::WHERE_HEADING) { (table(&view.event, clock)) }
        }
    }
}

/// What the event affects, by network, in the order in which the networks were hit.
fn by_network(event: &PublicEvent) -> Vec<(Asn, Vec<&Affected>)> {
    let mut networks = BTreeMap::<_, Vec<_>>::new();
    for affected in &event.scope {
        networks.entry(affected.network).or_default().push(affected);
    }
    let mut networks: Vec<_> = networks.into_iter().collect();
    networks.sort_by_key(|(_, affected)| affected.iter().map(|one| one.onset.latest).min());
    networks
}

fn chart(view: &EventView, clock: &Clock) -> Markup {
    let event = &view.event;
    let end = event.end.map_or(view.now.max(event.onset.latest), |end| end.latest);
    let margin = end.duration_since(event.onset.latest) / 20;
    let scale = Scale::new(moved(event.onset.latest, -margin), moved(end, margin));
    html! {
        div.chart {
            div.lane.scale { span.lane-name { "UTC" } (scale.utc_axis()) }
            @for (network, affected) in by_network(event) { (lane(network, &affected, &scale, end, clock)) }
            @if let (Some(place), Some(offset)) = (clock.place(), clock.offset(event.onset.latest)) {
                div.lane.scale { span.lane-name { (place) " (" (offset) ")" } (scale.local_axis(clock)) }
            }
        }
    }
}

fn lane(network: Asn, affected: &[&Affected], scale: &Scale, now: Timestamp, clock: &Clock) -> Markup {
    let name = network_name(network);
    let mut services: Vec<_> = affected.iter().map(|one| service_of(one).to_owned()).collect();
    services.dedup();
    let services = texts::short_list(&services);
    html! {
        div.lane {
            div.lane-name { b { (name) } " " span.word { (services) } }
            svg.strip height=(marks::HEIGHT) role="img" aria-label={ (name) ": " (services) } {
                (scale.grid())
                @for (kind, from, until) in stretches(affected, now) {
                    @let (x, width) = (scale.place(from), scale.width(from, until));
                    (marks::bar(texts::mark(kind), &x, &width, Some(&texts::stretch(clock, from, until))))
                }
            }
        }
    }
}

/// The service's name, or a word for all of them where the network is off.
fn service_of(affected: &Affected) -> &str {
    affected.service.as_ref().map_or(texts::EVERYTHING, service_name)
}

/// When any of the services was affected, overlaps of one kind joined; the gravest kind last, so that it is drawn on top.
fn stretches(affected: &[&Affected], now: Timestamp) -> Vec<(Kind, Timestamp, Timestamp)> {
    let end = |affected: &Affected| affected.end.map_or(now, |end| end.latest);
    let mut each: Vec<_> = affected.iter().map(|one| (one.kind, one.onset.latest, end(one))).collect();
    each.sort_unstable();
    let mut joined: Vec<(Kind, Timestamp, Timestamp)> = Vec::new();
    for (kind, from, until) in each {
        match joined.last_mut() {
            Some(last) if kind == last.0 && from <= last.2 => last.2 = last.2.max(until),
            _ => joined.push((kind, from, until)),
        }
    }
    joined
}

fn table(event: &PublicEvent, clock: &Clock) -> Markup {
    let head = [texts::SERVICE, texts::KIND, texts::BEGAN, texts::CONFIRMED, texts::ENDED];
    let day = event.onset.latest;
    html! {
        table {
            thead { tr { @for text in head { th scope="col" { (text) } } th.number scope="col" { (texts::PROBES) } } }
            @for (network, affected) in by_network(event) {
                tbody {
                    tr { th.group scope="rowgroup" colspan=(head.len() + 1) { (network_name(network)) } }
                    @for one in affected { (table_row(one, clock, day)) }
                }
            }
        }
    }
}

fn table_row(affected: &Affected, clock: &Clock, day: Timestamp) -> Markup {
    let show = |at| texts::short_moment(clock, at, day);
    let span = |bracket: Bracket| texts::short_bracket(clock, bracket, day);
    html! {
        tr {
            td { (service_of(affected)) }
            td { (kind_and_doubts(affected)) }
            td { (span(affected.onset)) }
            td { (show(affected.told())) }
            td { (affected.end.map_or(texts::NOT_YET.to_owned(), span)) }
            td.number { (affected.probes) }
        }
    }
}

/// `block, contested`
fn kind_and_doubts(affected: &Affected) -> String {
    let contested = affected.contested.then(|| texts::CONTESTED.to_lowercase());
    let notes = affected.notes.iter().map(|&note| texts::note_tag(note).to_owned());
    let kind = texts::kind_name(affected.kind).to_owned();
    [kind].into_iter().chain(contested).chain(notes).collect::<Vec<_>>().join(", ")
}

/// Measurements of one service on one network that were judged alike.
struct Alike<'a> {
    first: &'a EvidenceView,
    last: Timestamp,
    count: usize,
}

impl Alike<'_> {
    /// Sentences with times of their own differ from one measurement to the next; those of the first are shown.
    fn takes(&self, one: &EvidenceView) -> bool {
        let first = self.first;
        (first.network, &first.service, first.outcome, &first.rule)
            == (one.network, &one.service, one.outcome, &one.rule)
    }
}

/// Only reports of what the event tells in public: another one would point at whoever made it.
fn alike(view: &EventView) -> Vec<Alike<'_>> {
    let mut groups: Vec<Alike<'_>> = Vec::new();
    for one in view.evidence.iter().filter(|one| story::tells_of(&view.event, one.network, &one.service)) {
        match groups.iter_mut().find(|group| group.takes(one)) {
            Some(group) => (group.last, group.count) = (group.last.max(one.at), group.count + 1),
            None => groups.push(Alike { first: one, last: one.at, count: 1 }),
        }
    }
    groups
}

fn evidence(view: &EventView, clock: &Clock) -> Markup {
    let groups = alike(view);
    html! {
        section aria-labelledby="evidence" {
            h2 #evidence { (texts::EVIDENCE_HEADING) }
            @if groups.is_empty() {
                p { @if is_silence(&view.event) { (texts::NO_REPORTS_OF_SILENCE) } @else { (texts::NO_EVIDENCE) } }
            } @else {
                p { (texts::EVIDENCE_INTRO) }
                ol.evidence { @for group in &groups { (evidence_item(group, clock)) } }
            }
        }
    }
}

fn evidence_item(group: &Alike<'_>, clock: &Clock) -> Markup {
    let one = group.first;
    let rule = one.rule.as_str();
    html! {
        li {
            h3 { (service_name(&one.service)) ", " (network_name(one.network)) }
            p.facts {
                time datetime=(exact(one.at)) { (texts::moment(clock, one.at)) }
                @if group.count > 1 { span { (texts::more_alike(group.count - 1, group.last)) } }
                span { (texts::outcome(one.outcome)) }
                span { (texts::RULE) " " a href={ "../methodology#" (rule) } { code { (rule) } } }
            }
            ul { @for sentence in &one.says { li { (sentence) } } }
        }
    }
}

/// Per service: how often it was reached by controls, and when.
fn controls(view: &EventView) -> Markup {
    if is_silence(&view.event) && view.controls.is_empty() {
        return html! {};
    }
    let mut services = BTreeMap::<&ServiceId, Vec<&ControlView>>::new();
    for control in &view.controls {
        services.entry(&control.service).or_default().push(control);
    }
    html! {
        section aria-labelledby="controls" {
            h2 #controls { (texts::CONTROLS_HEADING) }
            p { (texts::CONTROLS_INTRO) }
            @if services.is_empty() { p { (texts::NO_CONTROLS) } } @else {
                ul.plain { @for (service, seen) in services { (control_line(service, &seen)) } }
            }
        }
    }
}

fn control_line(service: &ServiceId, seen: &[&ControlView]) -> Markup {
    let reached = seen.iter().filter(|control| control.reachable).count();
    let (first, last) = (seen.iter().map(|one| one.at).min(), seen.iter().map(|one| one.at).max());
    let state = if 2 * reached > seen.len() { CellState::Ok } else { CellState::Down };
    html! {
        li {
            (marks::swatch(state)) " "
            (texts::control_sentence(service_name(service), reached, seen.len(), first.zip(last)))
        }
    }
}
