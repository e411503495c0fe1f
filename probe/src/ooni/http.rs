//! Requests and pages (df-001).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use kedergi_wire::{Digest, Http, Observation, Page, Report, Step, TargetUrl};
use serde::Serialize;

use super::failure;
use super::when::{self, When};
use crate::measure::request_headers;

/// One request with its answer.
#[derive(Debug, Serialize)]
pub(super) struct Transaction<'a> {
    network: &'static str,
    address: SocketAddr,
    #[serde(skip_serializing_if = "Option::is_none")]
    alpn: Option<&'a str>,
    failure: Option<&'static str>,
    request: Request<'a>,
    response: Response<'a>,
    response_length: Option<u64>,
    #[serde(flatten)]
    when: When,
}

#[derive(Debug, Serialize)]
struct Request<'a> {
    body: &'static str,
    body_is_truncated: bool,
    #[serde(flatten)]
    headers: Headers,
    method: &'static str,
    tor: Tor,
    url: &'a str,
    x_transport: &'static str,
}

/// Tor is not used.
#[derive(Debug, Default, Serialize)]
struct Tor {
    exit_ip: Option<&'static str>,
    exit_name: Option<&'static str>,
    is_tor: bool,
}

#[derive(Debug, Serialize)]
struct Response<'a> {
    /// Bodies are not kept, only what stands in `x_kedergi`.
    body: &'static str,
    body_is_truncated: bool,
    /// 0 where no answer came.
    code: u16,
    #[serde(flatten)]
    headers: Headers,
    #[serde(skip_serializing_if = "Option::is_none")]
    x_kedergi: Option<Kept<'a>>,
}

/// What is kept of a page.
#[derive(Debug, Serialize)]
struct Kept<'a> {
    title: Option<&'a str>,
    sha256: Digest,
}

/// The same headers twice, as the format wants them.
#[derive(Debug, Default, Serialize)]
struct Headers {
    headers: BTreeMap<String, String>,
    headers_list: Vec<(String, String)>,
}

impl Headers {
    fn new(list: impl Iterator<Item = (String, String)>) -> Self {
        let headers_list: Vec<_> = list.collect();
        Self { headers: headers_list.iter().cloned().collect(), headers_list }
    }
}

/// Every request, the last first: that is how the format tells redirects.
pub(super) fn requests(report: &Report) -> Vec<Transaction<'_>> {
    let asked = report.observations.iter().enumerate().filter_map(|(index, seen)| {
        let Step::Http(http) = &seen.step else { return None };
        Some((seen.hop, entry(report, http, seen, when::of(report, index, seen))))
    });
    let mut entries: Vec<_> = asked.collect();
    entries.reverse();
    entries.sort_by_key(|(hop, _)| std::cmp::Reverse(*hop));
    entries.into_iter().map(|(_, entry)| entry).collect()
}

fn entry<'a>(report: &'a Report, http: &'a Http, seen: &Observation, when: When) -> Transaction<'a> {
    let page = http.outcome.ok();
    Transaction {
        network: "tcp",
        address: http.address,
        alpn: alpn(report, http, seen.hop),
        failure: http.outcome.failure().map(failure::text),
        request: request(&http.url),
        response: response(page),
        response_length: page.map(|page| page.body.bytes),
        when,
    }
}

/// What the handshake below agreed on.
fn alpn<'a>(report: &'a Report, http: &Http, hop: u8) -> Option<&'a str> {
    report.observations.iter().filter(|seen| seen.hop == hop).find_map(|seen| match &seen.step {
        Step::Tls(tls) if tls.address == http.address => tls.outcome.ok()?.alpn.as_deref(),
        Step::Dns(_) | Step::Tcp(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => None,
    })
}

fn request(url: &str) -> Request<'_> {
    // What was asked for was a target, so it still is one, unless it was too long to be noted whole.
    let headers = url.parse::<TargetUrl>().map(|url| request_headers(&url)).unwrap_or_default();
    Request {
        body: "",
        body_is_truncated: false,
        headers: Headers::new(headers.into_iter()),
        method: "GET",
        tor: Tor::default(),
        url,
        x_transport: "tcp",
    }
}

fn response(page: Option<&Page>) -> Response<'_> {
    Response {
        body: "",
        body_is_truncated: page.is_some_and(|page| page.body.bytes > 0),
        code: page.map_or(0, |page| page.status),
        headers: page.map(headers).unwrap_or_default(),
        x_kedergi: page.map(|page| Kept { title: page.title.as_deref(), sha256: page.body.sha256 }),
    }
}

fn headers(page: &Page) -> Headers {
    let kept = [("Location", &page.location), ("Server", &page.server)];
    Headers::new(kept.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value.clone()?))))
}
