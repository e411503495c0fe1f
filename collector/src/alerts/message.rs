//! What an alert says.

use jiff::Timestamp;
use kedergi_wire::{Asn, CountryCode, ServiceId};
use serde::{Deserialize, Serialize};

use super::pager::{News, Page};
use crate::api::{EventBody, Manner, Span, State};

/// Services and networks named at most. Standard Webhooks asks for bodies under 20 KB; the page has the rest.
const NAMED: usize = 100;

/// Body of an alert, in the form of Standard Webhooks 1.0.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Alert {
    /// `event.opened`, `event.national`, `event.closed` or `event.retracted`.
    #[serde(rename = "type")]
    pub(crate) kind: String,
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
    pub(crate) state: State,
    pub(crate) onset: Span,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) end: Option<Span>,
    /// The first [`NAMED`] of them.
    pub(crate) services: Vec<ServiceId>,
    pub(crate) service_count: usize,
    /// The first [`NAMED`] of those where three probes or more saw it.
    pub(crate) networks: Vec<Asn>,
    pub(crate) network_count: usize,
    pub(crate) manners: Vec<Manner>,
}

/// The alert that tells of `page`. `base` is the public address of the collector, without a slash at its end.
pub(crate) fn alert(page: &Page, base: &str, now: Timestamp) -> Alert {
    let event = &page.event;
    Alert {
        kind: format!("event.{}", page.news.word()),
        timestamp: known(page, now),
        data: Data {
            id: event.id.to_string(),
            summary: summary(page),
            url: format!("{base}/event/{}", event.id),
            country: event.country,
            state: event.state,
            onset: event.onset,
            end: event.end,
            services: event.services.iter().take(NAMED).cloned().collect(),
            service_count: event.services.len(),
            networks: event.networks.iter().take(NAMED).copied().collect(),
            network_count: event.network_count(),
            manners: event.manners.clone(),
        },
    }
}

fn known(page: &Page, now: Timestamp) -> Timestamp {
    let event = &page.event;
    match page.news {
        News::Opened => event.opened,
        News::National => event.scope.iter().map(|scope| scope.confirmed).max().unwrap_or(event.opened),
        News::Closed => event.closed.unwrap_or(now),
        News::Retracted => now,
    }
}

fn summary(page: &Page) -> String {
    let event = &page.event;
    let what = some(&event.services, event.services.len(), "service");
    let place = format!("{} in {}", networks(event), event.country);
    let onset = bracket(event.onset);
    match page.news {
        News::Opened => format!("{what} blocked on {place}{}, began {onset}", how(event)),
        News::National => format!("Block is national now: {what} on {place}{}, began {onset}", how(event)),
        News::Closed => {
            let end = event.end.map(|end| format!(", ended {}", bracket(end))).unwrap_or_default();
            format!("Block is over: {what} on {place}{}, began {onset}{end}", how(event))
        }
        News::Retracted => format!("Retracted: more measurements show no block of {what} in {}", event.country),
    }
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
    event.manners.first().map(|how| format!(" ({} {})", how.layer, how.manner)).unwrap_or_default()
}

/// The two moments between which it happened: `2019-05-09 06:56-07:04 UTC`.
fn bracket(span: Span) -> String {
    let latest = span.latest.strftime("%Y-%m-%d %H:%M");
    match span.earliest {
        None => format!("{latest} UTC or before"),
        Some(earliest) if day(earliest) == day(span.latest) => {
            format!("{}-{} UTC", earliest.strftime("%Y-%m-%d %H:%M"), span.latest.strftime("%H:%M"))
        }
        Some(earliest) => format!("{} to {latest} UTC", earliest.strftime("%Y-%m-%d %H:%M")),
    }
}

fn day(at: Timestamp) -> String {
    at.strftime("%Y-%m-%d").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;
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
