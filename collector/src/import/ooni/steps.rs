//! What was seen, step by step, as our probe would have written it down.

mod dns;
mod page;

use std::net::{IpAddr, SocketAddr};

use data_encoding::{BASE64, BASE64_MIME_PERMISSIVE};
use kedergi_wire::{
    Certificate, Digest, Failure, Hello, Http, Observation, Page, Session, Step, StepOutcome, TargetUrl, Tcp, Tls,
    Verification, limits,
};
use serde_json::Value;
use url::Url;

use super::failure::{self, of_chain};
use super::fields::{self, bounded, list, millis, tag, text};

/// Steps of each kind at most: more than any page takes, and together no more than a report holds.
const KIND: usize = limits::OBSERVATIONS / 4;

/// The steps of a measurement.
pub(super) struct Steps {
    pub(super) observations: Vec<Observation>,
    /// A request beyond a redirect failed, and nothing tells on which layer.
    pub(super) lost_on_the_way: bool,
}

/// One request with its answer.
struct Request<'a> {
    hop: u8,
    url: Url,
    json: &'a Value,
}

/// The way from the target to the page at the end.
struct Way<'a> {
    target: &'a TargetUrl,
    /// In the order they were made.
    requests: Vec<Request<'a>>,
    /// Whether nothing else was measured: then every connection is the target's, whoever named its address.
    is_alone: bool,
}

/// The steps that a measurement tells of.
pub(super) fn of(keys: &Value, target: &TargetUrl) -> Steps {
    along(keys, &Way { target, requests: requests(keys), is_alone: true })
}

fn along(keys: &Value, way: &Way<'_>) -> Steps {
    let mut observations: Vec<Observation> = dns::questions(keys, way).into_iter().take(KIND).collect();
    let named: Vec<IpAddr> = observations.iter().flat_map(|seen| named_by(&seen.step)).collect();
    let is_its_own = |seen: &Observation| match &seen.step {
        Step::Tcp(tcp) => way.is_alone || named.contains(&tcp.address.ip()),
        Step::Dns(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => true,
    };
    let connections = list(keys, "tcp_connect").filter_map(|json| connection(json, way));
    observations.extend(connections.filter(is_its_own).take(KIND));
    let shaken: Vec<_> =
        list(keys, "tls_handshakes").filter_map(|json| handshake(json, way, &observations)).take(KIND).collect();
    observations.extend(shaken);
    let mut lost_on_the_way = false;
    for request in way.requests.iter().take(KIND / 2) {
        match transaction(request, &observations) {
            Some(steps) => observations.extend(steps),
            None => lost_on_the_way |= request.hop > 0 && !has_failed(&observations, request.hop),
        }
    }
    Steps { observations, lost_on_the_way }
}

/// The steps of a test of several endpoints that went to this one.
pub(super) fn of_endpoint(keys: &Value, target: &TargetUrl) -> Vec<Observation> {
    if target.is_tcp() {
        let way = Way { target, requests: Vec::new(), is_alone: true };
        let here = |seen: &Observation| match &seen.step {
            Step::Tcp(tcp) => format!("tcp://{}", tcp.address) == target.as_str(),
            Step::Dns(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => false,
        };
        return list(keys, "tcp_connect").filter_map(|json| connection(json, &way)).filter(here).take(KIND).collect();
    }
    // The requests are no redirects of each other; of those for this host the target's own scheme counts.
    let own = |request: &Request<'_>| {
        request.url.host_str() == Some(target.host()) && request.url.scheme() == target.url().scheme()
    };
    let requests = requests(keys).into_iter().filter(own).map(|request| Request { hop: 0, ..request }).collect();
    along(keys, &Way { target, requests, is_alone: false }).observations
}

fn named_by(step: &Step) -> Vec<IpAddr> {
    match step {
        Step::Dns(dns) => dns.outcome.ok().into_iter().flatten().flat_map(|answer| answer.addresses.clone()).collect(),
        Step::Tcp(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => Vec::new(),
    }
}

/// The last request stands first: that is how the format tells redirects.
fn requests(keys: &Value) -> Vec<Request<'_>> {
    let mut requests = Vec::new();
    let mut next = 0;
    for json in list(keys, "requests").rev() {
        // Requests for their own ends, and over Tor in old data, are none of a reader's.
        let aside = tag(json, "fetch_body") == Some("false")
            || json.pointer("/request/tor/is_tor").and_then(Value::as_bool) == Some(true);
        let url = json.pointer("/request/url").and_then(Value::as_str).and_then(|url| url.parse::<Url>().ok());
        let Some(url) = url.filter(|url| !aside && url.has_host()) else { continue };
        let hop = depth(json).unwrap_or(next);
        next = hop.saturating_add(1);
        requests.push(Request { hop, url, json });
    }
    requests.sort_by_key(|request| request.hop);
    requests
}

/// Which redirect a step belongs to, where it says so.
fn depth(json: &Value) -> Option<u8> {
    tag(json, "depth")?.parse().ok().filter(|hop| *hop <= 20)
}

impl Way<'_> {
    /// The hop that leads to a host.
    fn hop_of(&self, host: &str) -> Option<u8> {
        if host.eq_ignore_ascii_case(self.target.host()) {
            return Some(0);
        }
        let mut requests = self.requests.iter();
        requests.find(|one| one.url.host_str().is_some_and(|other| other.eq_ignore_ascii_case(host))).map(|one| one.hop)
    }

    /// Scheme and port of a hop's URL; `https` where nothing was asked for there.
    fn url_at(&self, hop: u8) -> (bool, u16) {
        if hop == 0 {
            return (self.target.is_https(), self.target.port());
        }
        let request = self.requests.iter().find(|request| request.hop == hop);
        request.map_or((true, 443), |one| (one.url.scheme() == "https", one.url.port_or_known_default().unwrap_or(443)))
    }
}

fn observation(json: &Value, hop: u8, step: Step) -> Observation {
    let (began, ended) = (millis(json, "t0"), millis(json, "t"));
    Observation { after_ms: began, took_ms: ended.saturating_sub(began), hop, step }
}

fn connection(json: &Value, way: &Way<'_>) -> Option<Observation> {
    let ip: IpAddr = text(json, "ip")?.parse().ok()?;
    let port = u16::try_from(json.get("port")?.as_u64()?).ok()?;
    let hop = depth(json).unwrap_or(0);
    // Others are tried for ends of their own.
    if way.url_at(hop).1 != port {
        return None;
    }
    let status = json.get("status")?;
    let outcome = match fields::failure(status) {
        Some(text) => StepOutcome::Failed(failure::failure(text)?),
        None if status.get("success") == Some(&Value::Bool(true)) => StepOutcome::Ok(()),
        None => return None,
    };
    Some(observation(json, hop, Step::Tcp(Tcp { address: SocketAddr::new(ip, port), outcome })))
}

fn handshake(json: &Value, way: &Way<'_>, before: &[Observation]) -> Option<Observation> {
    let server_name = text(json, "server_name");
    let hop = depth(json).or_else(|| server_name.map_or(Some(0), |name| way.hop_of(name)))?;
    let (is_https, port) = way.url_at(hop);
    // In version 0.5 a target in the clear has handshakes too, to find out whose its addresses are.
    if !is_https || server_name.is_some_and(|name| hop == 0 && !name.eq_ignore_ascii_case(way.target.host())) {
        return None;
    }
    let written = text(json, "address").and_then(|address| address.parse().ok());
    let address: SocketAddr = written.or_else(|| address_at(before, hop, port))?;
    let checked = json.get("no_tls_verify") != Some(&Value::Bool(true));
    let (verification, outcome) = match fields::failure(json) {
        None => (checked.then_some(Verification::Valid), StepOutcome::Ok(session(json))),
        Some(text) => match of_chain(text) {
            Some(flaw) => (Some(flaw), StepOutcome::Ok(session(json))),
            None => (None, StepOutcome::Failed(failure::failure(text)?)),
        },
    };
    let server_name = server_name.map(|name| bounded(&name.to_ascii_lowercase()));
    Some(observation(json, hop, tls(address, server_name, chain(json), verification, outcome)))
}

fn tls(
    address: SocketAddr,
    server_name: Option<String>,
    chain: Vec<Certificate>,
    verification: Option<Verification>,
    outcome: StepOutcome<Session>,
) -> Step {
    let (hello_bytes, extra_root) = (None, None);
    Step::Tls(Tls { address, server_name, hello_bytes, hello: Hello::Plain, chain, verification, extra_root, outcome })
}

fn session(json: &Value) -> Session {
    let version = text(json, "tls_version").map_or("", |version| version.trim_start_matches("TLSv"));
    Session { version: bounded(version), alpn: text(json, "negotiated_protocol").map(bounded) }
}

/// The certificates shown; who issued them is in their bytes, which are not taken apart here.
fn chain(json: &Value) -> Vec<Certificate> {
    let shown = list(json, "peer_certificates").filter_map(|one| {
        let data = one.get("data").unwrap_or(one).as_str()?.as_bytes();
        BASE64.decode(data).or_else(|_| BASE64_MIME_PERMISSIVE.decode(data)).ok()
    });
    let certificate = |der: Vec<u8>| {
        let (subject, issuer) = (String::new(), String::new());
        Certificate { sha256: Digest::of(&der), subject, issuer, der: None }
    };
    shown.take(limits::CHAIN).map(certificate).collect()
}

/// The steps of a request: the answer; or the failure, if the connection below it was good. `None` if a layer below may have
/// failed.
fn transaction(request: &Request<'_>, before: &[Observation]) -> Option<Vec<Observation>> {
    let Request { hop, url, json } = request;
    let (hop, is_https) = (*hop, url.scheme() == "https");
    let port = url.port_or_known_default()?;
    let written = text(json, "address").and_then(|address| address.parse().ok());
    let address: SocketAddr = written.or_else(|| address_at(before, hop, port))?;
    let proven = before.iter().any(|seen| match &seen.step {
        Step::Tls(tls) => seen.hop == hop && tls.address == address && tls.outcome.ok().is_some(),
        Step::Dns(_) | Step::Tcp(_) | Step::Http(_) | Step::Quic(_) => false,
    });
    let connected = before.iter().any(|seen| match &seen.step {
        Step::Tcp(tcp) => seen.hop == hop && tcp.address == address && tcp.outcome.ok().is_some(),
        Step::Dns(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => false,
    });
    let outcome: StepOutcome<Page> = match fields::failure(json) {
        None => StepOutcome::Ok(page::of(json)?),
        Some(text) if proven || (connected && !is_https) => StepOutcome::Failed(failure::failure(text)?),
        Some(_) => return None,
    };
    let mut steps = Vec::new();
    if is_https && !proven && outcome.ok().is_some() {
        // Their client takes no page with a certificate that does not pass, though old versions do not tell of the handshake.
        let (version, alpn) = (String::new(), None);
        let name = url.host_str().map(bounded);
        let session = StepOutcome::Ok(Session { version, alpn });
        steps.push(observation(json, hop, tls(address, name, Vec::new(), Some(Verification::Valid), session)));
    }
    steps.push(observation(json, hop, Step::Http(Http { address, url: bounded(url.as_str()), outcome })));
    Some(steps)
}

/// Where a step went that does not say so, as old versions do not: what was connected to at this hop, or was named for it, or
/// else where the first hop went.
fn address_at(before: &[Observation], hop: u8, port: u16) -> Option<SocketAddr> {
    let connected = |wanted: u8| {
        before.iter().filter(move |seen| seen.hop == wanted).find_map(move |seen| match &seen.step {
            Step::Tcp(tcp) => (tcp.outcome.ok().is_some() && tcp.address.port() == port).then_some(tcp.address),
            Step::Tls(tls) => Some(tls.address),
            Step::Dns(_) | Step::Http(_) | Step::Quic(_) => None,
        })
    };
    let named = |wanted: u8| {
        let mut answers = before.iter().filter(move |seen| seen.hop == wanted).filter_map(|seen| match &seen.step {
            Step::Dns(dns) => dns.outcome.ok()?.first()?.addresses.first().copied(),
            Step::Tcp(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => None,
        });
        answers.next().map(|ip| SocketAddr::new(ip, port))
    };
    connected(hop).or_else(|| named(hop)).or_else(|| connected(0)).or_else(|| named(0))
}

/// Whether a step of a hop failed.
fn has_failed(observations: &[Observation], hop: u8) -> bool {
    observations.iter().filter(|seen| seen.hop == hop).any(|seen| failed(&seen.step).is_some())
}

fn failed(step: &Step) -> Option<Failure> {
    match step {
        Step::Dns(dns) => dns.outcome.failure(),
        Step::Tcp(tcp) => tcp.outcome.failure(),
        Step::Tls(tls) => tls.outcome.failure(),
        Step::Http(http) => http.outcome.failure(),
        Step::Quic(quic) => quic.outcome.failure(),
    }
}
