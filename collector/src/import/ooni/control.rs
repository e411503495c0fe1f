//! What OONI's test helper saw, as a control's entry.

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};

use jiff::Timestamp;
use kedergi_wire::{
    Body, ControlEntry, Digest, Failure, Layer, Observation, Page, Reached, Step, TargetUrl, Verification, limits,
};
use serde_json::Value;

use super::failure::failure;
use super::fields::{self, bounded, list, text};

/// The helper's word about the target; `None` if it was not reached or said nothing.
pub(super) fn entry(keys: &Value, target: &TargetUrl, at: Timestamp, seen: &[Observation]) -> Option<ControlEntry> {
    let control = keys.get("control")?;
    let request = control.get("http_request").filter(|request| request.is_object())?;
    let addresses = addresses(control);
    let connected = connected(control);
    let page = page(request);
    let reached = match &page {
        Some(_) => Reached::Yes,
        None => not_reached(control, request, &addresses, &connected),
    };
    Some(ControlEntry {
        target: target.clone(),
        at,
        addresses,
        connected,
        certificate: None,
        // The helper takes no page with a certificate that does not pass.
        verification: (page.is_some() && target.is_https()).then_some(Verification::Valid),
        extra_root: None,
        first_page: page.as_ref().map(|last| first_page(seen, target, last)),
        last_page: page,
        h3: None,
        took_ms: 0,
        handshake_ms: None,
        page_ms: None,
        reached,
    })
}

fn addresses(control: &Value) -> Vec<IpAddr> {
    let Some(dns) = control.get("dns") else { return Vec::new() };
    // Aliases stand among them.
    let found: BTreeSet<IpAddr> = list(dns, "addrs").filter_map(|one| one.as_str()?.parse().ok()).collect();
    found.into_iter().take(limits::ADDRESSES).collect()
}

fn connected(control: &Value) -> Vec<IpAddr> {
    let tried = control.get("tcp_connect").and_then(Value::as_object).into_iter().flatten();
    let good = tried.filter(|(_, result)| result.get("status") == Some(&Value::Bool(true)));
    let found: BTreeSet<IpAddr> = good.filter_map(|(at, _)| Some(at.parse::<SocketAddr>().ok()?.ip())).collect();
    found.into_iter().take(limits::ADDRESSES).collect()
}

/// The page at the end of the helper's redirects.
fn page(request: &Value) -> Option<Page> {
    if fields::failure(request).is_some() {
        return None;
    }
    let status =
        request.get("status_code")?.as_u64().and_then(|code| u16::try_from(code).ok()).filter(|code| *code > 0)?;
    let bytes = request.get("body_length").and_then(Value::as_u64).unwrap_or(0);
    let headers = request.get("headers");
    let server = headers.and_then(|headers| text(headers, "Server").or_else(|| text(headers, "server")));
    // The bytes themselves are not told, so that no page is the same to the byte.
    let body = Body { bytes, truncated: false, sha256: Digest::of(request.to_string().as_bytes()), kept: None };
    let title = text(request, "title").map(bounded);
    Some(Page { status, location: None, server: server.map(bounded), title, offers_h3: false, body })
}

/// The helper's first page is not told. Where the probe was sent on within the site, or to the end that the helper came to, so was
/// the helper; else its first page was its last.
fn first_page(seen: &[Observation], target: &TargetUrl, last: &Page) -> Page {
    let mut answers = seen.iter().filter_map(|seen| match &seen.step {
        Step::Http(http) => Some((seen.hop, http.outcome.ok()?)),
        Step::Dns(_) | Step::Tcp(_) | Step::Tls(_) | Step::Quic(_) => None,
    });
    let Some((0, first)) = answers.next() else { return last.clone() };
    let Some(location) = first.location.as_deref().filter(|_| first.status / 100 == 3) else { return last.clone() };
    let bare = |host: &str| host.trim_start_matches("www.").to_ascii_lowercase();
    let sent_to = target.url().join(location).ok().and_then(|url| url.host_str().map(bare));
    let home = bare(target.host());
    let within = sent_to.is_some_and(|host| host == home || host.ends_with(&format!(".{home}")));
    let same_end = answers.next_back().is_some_and(|(_, end)| end.status == last.status && end.title == last.title);
    if within || same_end { first.clone() } else { last.clone() }
}

fn not_reached(control: &Value, request: &Value, addresses: &[IpAddr], connected: &[IpAddr]) -> Reached {
    let dns_failed = control.get("dns").and_then(fields::failure);
    let tried = control.get("tcp_connect").and_then(Value::as_object).is_some_and(|tried| !tried.is_empty());
    let layer = if dns_failed.is_some() || addresses.is_empty() {
        Layer::Dns
    } else if tried && connected.is_empty() {
        Layer::Tcp
    } else {
        Layer::Http
    };
    let said = dns_failed.or_else(|| fields::failure(request)).and_then(failure);
    let unsaid = if layer == Layer::Dns { Failure::NoAddress } else { Failure::Timeout };
    Reached::No { layer, failure: said.unwrap_or(unsaid) }
}
