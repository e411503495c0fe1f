//! What an alert says.

use jiff::Timestamp;
use kedergi_dashboards::{bracket_in_words, extent_in_words, kind_name, slower_in_words};
use kedergi_detector::{Cause, Kind, Level, Note};
use kedergi_wire::{Asn, CountryCode, ServiceId};
use serde::{Deserialize, Serialize};

use super::pager::{News, Page};
use crate::api::{EventBody, Extent, Local, Manner, Reached, Reasoning, Span, State};

/// Services and networks named at most. Standard Webhooks asks for bodies under 20 KB; the page has the rest.
const NAMED: usize = 100;

/// Body of an alert, in the form of Standard Webhooks 1.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alert {
    /// `event.opened`, `event.national`, `event.closed` or `event.retracted`.
    #[serde(rename = "type")]
    pub(crate) news: String,
    /// When what it tells of became known, by the time of the measurements; of a retraction, when it was made.
    pub(crate) timestamp: Timestamp,
    pub(crate) data: Data,
}

/// The event as the public may know it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Data {
    pub(crate) id: String,
    /// Everything in one sentence.
    pub(crate) summary: String,
    /// The event's page.
    pub(crate) url: String,
    pub(crate) country: CountryCode,
    /// The rest is as in the read API. Alerts written before these were known have none of them.
    #[serde(default)]
    pub(crate) kind: Kind,
    #[serde(default)]
    pub(crate) level: Level,
    #[serde(default)]
    pub(crate) reached: Reached,
    pub(crate) state: State,
    #[serde(default)]
    pub(crate) contested: bool,
    #[serde(default)]
    pub(crate) notes: Vec<Note>,
    #[serde(default)]
    pub(crate) extent: Extent,
    pub(crate) onset: Span,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<Span>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) local: Option<Local>,
    /// The first [`NAMED`] of them.
    pub(crate) services: Vec<ServiceId>,
    pub(crate) service_count: usize,
    /// The first [`NAMED`] of those where three probes or more saw it.
    pub(crate) networks: Vec<Asn>,
    pub(crate) network_count: usize,
    pub(crate) manners: Vec<Manner>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning: Option<Reasoning>,
}

/// The alert that tells of `page`. `base` is the public address of the collector, without a slash at its end.
pub(crate) fn alert(page: &Page, base: &str, now: Timestamp) -> Alert {
    let event = &page.event;
    Alert {
        news: format!("event.{}", page.news.word()),
        timestamp: known(page, now),
        data: Data {
            id: event.id.to_string(),
            summary: summary(page),
            url: format!("{base}/event/{}", event.id),
            country: event.country,
            kind: event.kind,
            level: event.level,
            reached: event.reached,
            state: event.state,
            contested: event.contested,
            notes: event.notes.clone(),
            extent: event.extent,
            onset: event.onset,
            end: event.end,
            local: event.local.clone(),
            services: event.services.iter().take(NAMED).cloned().collect(),
            service_count: event.services.len(),
            networks: event.networks.iter().take(NAMED).copied().collect(),
            network_count: event.network_count(),
            manners: event.manners.clone(),
            reasoning: event.reasoning.clone(),
        },
    }
}

fn known(page: &Page, now: Timestamp) -> Timestamp {
    let event = &page.event;
    match page.news {
        News::Opened => event.opened,
        News::National => event.reached.national.unwrap_or(event.opened),
        News::Closed => event.closed.unwrap_or(now),
        News::Retracted => now,
    }
}

/// Everything in one sentence: what, where, how, when by both clocks, how much of the country, and whether it was meant.
fn summary(page: &Page) -> String {
    let event = &page.event;
    let kind = kind_name(event.kind);
    let end = event.end.map(|end| format!(", ended {}", when(event, end))).unwrap_or_default();
    let since = format!("{}, began {}{end}{}", how(event), when(event, event.onset), weighed(event));
    match page.news {
        News::Opened => format!("{}{since}", affected(event)),
        News::National => format!("{} is national now: {}{since}", capital(kind), affected(event)),
        News::Closed => format!("{} is over: {}{since}", capital(kind), affected(event)),
        News::Retracted => format!(
            "Retracted: measurements that came later do not bear out the {kind}{} in {}",
            of(event),
            event.country
        ),
    }
}

/// What happened to what, and where.
fn affected(event: &EventBody) -> String {
    let (place, services) = (networks(event), some(&event.services, event.services.len(), "service"));
    let country = event.country;
    match event.kind {
        Kind::Block => format!("{services} blocked on {place} in {country}"),
        Kind::Throttling => format!("{services} slowed down on {place} in {country}"),
        Kind::PartialShutdown => format!("{place} partly off in {country}{}", with(&services)),
        Kind::Shutdown => format!("{place} off in {country}{}", with(&services)),
    }
}

/// Services that are kept away too while networks are off.
fn with(services: &str) -> String {
    if services.is_empty() { String::new() } else { format!(", with trouble of {services}") }
}

fn of(event: &EventBody) -> String {
    let services = some(&event.services, event.services.len(), "service");
    if services.is_empty() { String::new() } else { format!(" of {services}") }
}

fn networks(event: &EventBody) -> String {
    let count = event.network_count();
    if event.networks.is_empty() {
        return format!("{count} {}", if count == 1 { "network" } else { "networks" });
    }
    some(&event.networks, count, "network")
}

/// Names a few and counts the rest.
fn some<T: ToString>(list: &[T], count: usize, noun: &str) -> String {
    const FEW: usize = 8;
    let names: Vec<_> = list.iter().take(FEW).map(T::to_string).collect();
    match count.saturating_sub(names.len()) {
        0 => names.join(", "),
        more => format!("{} and {more} more {noun}{}", names.join(", "), if more == 1 { "" } else { "s" }),
    }
}

fn how(event: &EventBody) -> String {
    let slowest = event.scope.iter().filter_map(|scope| scope.slowed).map(|slowed| slowed.slowness).max();
    let how = event.manners.first().map(|how| format!("{} {}", how.layer, how.manner));
    how.or_else(|| slowest.map(slower_in_words)).map(|how| format!(" ({how})")).unwrap_or_default()
}

/// Between which moments, in UTC and by the country's clock.
fn when(event: &EventBody, span: Span) -> String {
    bracket_in_words(event.country, span.into())
}

/// How much of the country it reaches, what was concluded, and what is doubtful about it.
fn weighed(event: &EventBody) -> String {
    let extent = extent_in_words(event.extent.into()).map(|extent| format!("; {extent}"));
    let cause = event.reasoning.as_ref().and_then(|reasoning| match reasoning.cause {
        Cause::Deliberate => Some("; probably deliberate".to_owned()),
        Cause::Fault => Some("; probably a fault".to_owned()),
        Cause::Undecided => None,
    });
    let contested = event.contested.then(|| "; some long-trusted probes disagree".to_owned());
    [extent, cause, contested].into_iter().flatten().collect()
}

fn capital(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use kedergi_detector::Slowed;

    use crate::api::fixtures::{body, ended, event};

    fn summary_of(news: News, event: &kedergi_detector::Event) -> String {
        summary(&Page { news, event: body(event) })
    }

    #[test]
    fn each_kind_of_news_is_one_sentence() {
        let open = event(&[9198, 21299], &["facebook", "youtube"]);
        insta::assert_snapshot!(
            [
                summary_of(News::Opened, &open),
                summary_of(News::National, &open),
                summary_of(News::Closed, &ended(open.clone())),
                summary_of(News::Retracted, &open),
            ]
            .join("\n")
        );
    }

    #[test]
    fn each_kind_of_event_is_called_what_it_is() {
        let kinds = [Kind::Throttling, Kind::PartialShutdown, Kind::Shutdown];
        let told = kinds.map(|kind| {
            let mut event = event(&[9198, 21299], &["facebook"]);
            (event.kind, event.reasoning) = (kind, None);
            for affected in &mut event.scope {
                affected.kind = kind;
                affected.manners.clear();
                affected.slowed = (kind == Kind::Throttling).then_some(Slowed {
                    slowness: 903,
                    policed: 4,
                    shaped: 0,
                    by_name: 4,
                    by_address: 0,
                });
                if kind >= Kind::PartialShutdown {
                    affected.service = None;
                }
            }
            let event = &event;
            let news = [News::Opened, News::National, News::Closed, News::Retracted];
            news.map(|news| summary_of(news, event)).join("\n")
        });
        insta::assert_snapshot!(told.join("\n"));
    }

    #[test]
    fn the_body_of_an_alert() {
        let page = Page { news: News::Closed, event: body(&ended(event(&[9198], &["facebook"]))) };
        insta::assert_json_snapshot!(alert(&page, "https://kedergi.example", Timestamp::UNIX_EPOCH));
    }

    #[test]
    fn networks_that_two_probes_saw_are_counted_only() {
        let mut event = event(&[9198, 21299], &["facebook"]);
        event.scope[1].probes = 2;
        assert!(summary_of(News::Opened, &event).contains("on AS9198 and 1 more network in KZ"));
        event.scope[0].probes = 2;
        let alert = alert(&Page { news: News::Opened, event: body(&event) }, "", Timestamp::UNIX_EPOCH);
        assert!(!serde_json::to_string(&alert).unwrap().contains("9198"), "{alert:?}");
        assert_eq!(alert.data.network_count, 2);
    }

    #[test]
    fn the_largest_alert_stays_under_20_kb() {
        let networks: Vec<_> = (4_000_000_000..4_000_000_300).collect();
        let services: Vec<_> = (0..150).map(|n| format!("{n:064}")).collect();
        let services: Vec<_> = services.iter().map(String::as_str).collect();
        let page = Page { news: News::Opened, event: body(&event(&networks, &services)) };
        let json = serde_json::to_string(&alert(&page, "https://kedergi.example", Timestamp::UNIX_EPOCH)).unwrap();
        assert!(json.len() < 20_000, "{}", json.len());
    }
}
