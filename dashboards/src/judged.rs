//! Of an event's page: how sure it is, what was done in which manner, and whether it was meant.

use kedergi_detector::{Kind, Level, PublicEvent, Reason, Reasoning, Slowed};
use kedergi_verdict::How;
use maud::{Markup, html};

use crate::clock::Clock;
use crate::{story, texts};

/// Labels: whether it goes on, of what kind it is, how sure, and what is doubtful.
pub(crate) fn tags(event: &PublicEvent) -> Markup {
    html! {
        span.tag.open[story::is_open(event)] { (texts::going(story::is_open(event))) }
        " " span.tag { (texts::capital(texts::kind_name(event.kind))) }
        " " span.tag { (texts::capital(texts::level(event.level))) }
        @if event.contested { " " span.tag.doubt { (texts::CONTESTED) } }
        @for &note in &event.notes { " " span.tag.doubt { (texts::capital(texts::note_tag(note))) } }
    }
}

/// What makes an event doubtful, in plain words.
pub(crate) fn doubts(event: &PublicEvent) -> Markup {
    html! {
        @for &note in &event.notes { p.warning { (texts::note(note)) } }
        @if event.contested { p.warning { (texts::CONTESTED_MEANING) } }
    }
}

/// Kind, level and extent, and when each level was reached.
pub(crate) fn levels(event: &PublicEvent, clock: &Clock) -> Markup {
    let reached = [
        (Level::Suspected, event.reached.suspected),
        (Level::Confirmed, event.reached.confirmed),
        (Level::National, event.reached.national),
    ];
    html! {
        dt { (texts::KIND) } dd { (texts::capital(texts::kind_name(event.kind))) ": " (texts::kind_meaning(event.kind)) }
        @for (level, at) in reached {
            @if let Some(at) = at { dt { (texts::capital(texts::level(level))) } dd { (texts::moment(clock, at)) } }
        }
        dt { (texts::LEVEL) } dd { (texts::capital(texts::level(event.level))) ": " (texts::level_meaning(event.level)) }
        @if let Some(extent) = texts::extent_in_words(event.extent) { dt { (texts::EXTENT) } dd { (texts::capital(&extent)) } }
    }
}

/// One line for lists of events: how sure, how far, and whether it was meant.
pub(crate) fn line(event: &PublicEvent) -> Markup {
    html! {
        span { (texts::capital(texts::level(event.level))) " " (texts::kind_name(event.kind)) }
        @if let Some(extent) = texts::extent_in_words(event.extent) { span { (texts::capital(&extent)) } }
        @if let Some(reasoning) = &event.reasoning { span { (texts::capital(texts::cause(reasoning.cause))) } }
        @if event.contested { span { (texts::CONTESTED) } }
        @for &note in &event.notes { span { (texts::capital(texts::note_tag(note))) } }
    }
}

/// How it was done: each manner with its share of the measurements, or in general where no single one tells.
pub(crate) fn manners(event: &PublicEvent) -> Markup {
    let all: u32 = event.manners.iter().map(|(_, count)| count).sum();
    let general = match event.kind {
        Kind::Block if !event.manners.is_empty() => None,
        kind @ (Kind::Block | Kind::Throttling | Kind::PartialShutdown | Kind::Shutdown) => {
            Some(texts::how_of_kind(kind))
        }
    };
    html! {
        section aria-labelledby="how" {
            h2 #how { (texts::HOW_HEADING) }
            @if let Some(general) = general { p { (general) } }
            @for sentence in slowed(event) { p { (sentence) } }
            @for &(how, count) in &event.manners { (manner(how, count, all)) }
        }
    }
}

/// How what is slowed down is slowed down, all networks together.
fn slowed(event: &PublicEvent) -> Vec<String> {
    let each: Vec<_> = event.scope.iter().filter_map(|affected| affected.slowed).collect();
    let slowness = || each.iter().map(|slowed| slowed.slowness);
    let Some(range) = slowness().min().zip(slowness().max()) else { return Vec::new() };
    let sum = |count: fn(&Slowed) -> u32| each.iter().map(count).fold(0, u32::saturating_add);
    let (policed, shaped) = (sum(|slowed| slowed.policed), sum(|slowed| slowed.shaped));
    texts::slowed(range, policed, shaped, sum(|slowed| slowed.by_name), sum(|slowed| slowed.by_address))
}

fn manner(how: How, count: u32, all: u32) -> Markup {
    let words = texts::how(how);
    let permille = u16::try_from(u64::from(count) * 1000 / u64::from(all.max(1))).unwrap_or(1000);
    html! {
        h3 { (texts::capital(words.short)) }
        // The picture of the numbers below it.
        svg.share width="100%" height="8" aria-hidden="true" {
            rect.share-all width="100%" height="8" {}
            rect.share-part width={ (permille / 10) "." (permille % 10) "%" } height="8" {}
        }
        p { (words.long) }
        p.facts {
            span { (texts::step(how.layer())) }
            span { (texts::share(count, all, permille)) }
            code { (how) }
        }
    }
}

/// Deliberate or fault, sign by sign.
pub(crate) fn reasoning(event: &PublicEvent) -> Markup {
    html! {
        section aria-labelledby="cause" {
            h2 #cause { (texts::CAUSE_HEADING) }
            @match &event.reasoning {
                Some(reasoning) => (signs(reasoning)),
                None => p { @if event.notes.is_empty() { (texts::NO_CAUSE_YET) } @else { (texts::NO_CAUSE) } },
            }
        }
    }
}

fn signs(reasoning: &Reasoning) -> Markup {
    html! {
        p.conclusion { (reasoning.says()) }
        @if !reasoning.reasons.is_empty() {
            p.note { (texts::CAUSE_INTRO) }
            table.signs {
                thead { tr {
                    th scope="col" { (texts::SIGN) }
                    th scope="col" { (texts::FOUND) }
                    th.number scope="col" { (texts::WEIGHT) }
                } }
                tbody {
                    @for reason in &reasoning.reasons { (sign(reason)) }
                    tr.sum {
                        th scope="row" colspan="2" { (texts::SUM) }
                        td.number { (texts::weight(reasoning.sum())) }
                    }
                }
            }
        }
    }
}

fn sign(reason: &Reason) -> Markup {
    html! {
        tr {
            th scope="row" { (texts::sign(reason.sign)) }
            td { (reason.says()) " " span.why { (texts::why_it_tells(reason.sign)) } }
            td.number { (texts::weight(reason.weight)) }
        }
    }
}
