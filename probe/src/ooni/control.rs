//! What the control saw, and how the probe's page compares with it (ts-017).

use std::collections::BTreeMap;
use std::net::IpAddr;

use kedergi_wire::{ControlEntry, Failure, Layer, Page, Reached, Report, Step};
use serde::Serialize;

use super::failure;

/// From which share on of the longer page's length the lengths are called alike.
const ALIKE: f64 = 0.7;
/// Letters of a word that makes a title: shorter ones are articles and the like.
const WORD: usize = 5;

/// The control's measurement.
#[derive(Debug, Serialize)]
pub(super) struct Control<'a> {
    /// Empty: our controls keep no attempt apart.
    tcp_connect: BTreeMap<String, bool>,
    http_request: HttpRequest<'a>,
    dns: Dns<'a>,
}

/// Length and code are -1 where no page came.
#[derive(Debug, Serialize)]
struct HttpRequest<'a> {
    body_length: i64,
    failure: Option<&'static str>,
    title: &'a str,
    headers: BTreeMap<&'static str, &'a str>,
    status_code: i64,
}

#[derive(Debug, Serialize)]
struct Dns<'a> {
    failure: Option<&'static str>,
    addrs: &'a [IpAddr],
}

/// How the probe's last page compares with the control's; `None` where one of them is missing.
#[derive(Debug, Default, Serialize)]
pub(super) struct Comparison {
    body_proportion: Option<f64>,
    body_length_match: Option<bool>,
    /// Too few headers are kept to say.
    headers_match: Option<bool>,
    status_code_match: Option<bool>,
    title_match: Option<bool>,
}

impl<'a> From<&'a ControlEntry> for Control<'a> {
    fn from(entry: &'a ControlEntry) -> Self {
        let page = entry.last_page.as_ref();
        let failed = |wanted: fn(Layer) -> bool| match entry.reached {
            Reached::No { layer, failure } if wanted(layer) => Some(why(entry, failure)),
            Reached::Yes | Reached::No { .. } => None,
        };
        let bytes = page.map_or(-1, |page| i64::try_from(page.body.bytes).unwrap_or(i64::MAX));
        let server = page.and_then(|page| page.server.as_deref());
        Self {
            tcp_connect: BTreeMap::new(),
            http_request: HttpRequest {
                body_length: bytes,
                failure: failed(|_| true),
                title: page.and_then(|page| page.title.as_deref()).unwrap_or_default(),
                headers: server.map(|server| ("Server", server)).into_iter().collect(),
                status_code: page.map_or(-1, |page| i64::from(page.status)),
            },
            dns: Dns { failure: failed(|layer| layer == Layer::Dns), addrs: &entry.addresses },
        }
    }
}

fn why(entry: &ControlEntry, failure: Failure) -> &'static str {
    let chain = entry.verification.and_then(failure::of_chain);
    chain.filter(|_| failure == Failure::Certificate).unwrap_or_else(|| failure::text(failure))
}

/// Compares the pages at the end of the redirects.
pub(super) fn compare(report: &Report, control: Option<&ControlEntry>) -> Comparison {
    let theirs = control.and_then(|entry| entry.last_page.as_ref());
    let (Some(ours), Some(theirs)) = (last_page(report), theirs) else { return Comparison::default() };
    let proportion = proportion(ours.body.bytes, theirs.body.bytes);
    Comparison {
        body_proportion: Some(proportion),
        body_length_match: Some(proportion > ALIKE),
        headers_match: None,
        status_code_match: Some(ours.status == theirs.status),
        title_match: title_word(ours).zip(title_word(theirs)).map(|(ours, theirs)| ours == theirs),
    }
}

/// The page at the end of the redirects, if the measurement got there.
pub(super) fn last_page(report: &Report) -> Option<&Page> {
    let last = report.observations.iter().map(|seen| seen.hop).max()?;
    report.observations.iter().filter(|seen| seen.hop == last).find_map(|seen| match &seen.step {
        Step::Http(http) => http.outcome.ok(),
        Step::Dns(_) | Step::Tcp(_) | Step::Tls(_) | Step::Quic(_) => None,
    })
}

#[expect(clippy::cast_precision_loss, reason = "lengths of pages; a ratio to be read by people")]
fn proportion(ours: u64, theirs: u64) -> f64 {
    let longer = ours.max(theirs);
    if longer == 0 { 1.0 } else { ours.min(theirs) as f64 / longer as f64 }
}

fn title_word(page: &Page) -> Option<String> {
    let mut words = page.title.as_deref()?.split_whitespace();
    words.find(|word| word.chars().count() >= WORD).map(str::to_lowercase)
}
