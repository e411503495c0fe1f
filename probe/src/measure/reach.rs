//! From an address to a page: connect, shake hands, ask.

use std::net::{IpAddr, SocketAddr};
use std::pin::pin;

use futures_util::future::{Either, select};
use kedergi_wire::{Failure, Observation, Page, Step, StepOutcome, TargetUrl, Tls, Verification};
use tokio::net::TcpStream;
use tokio::time::Instant;

use super::http::Version;
use super::tls::{Secured, Shaking};
use super::watch::{Watch, millis};
use super::{Measurer, http, tcp, tls};

/// How long an attempt waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Patience {
    /// Half as long: silence is tried again, and then waited for.
    First,
    /// As long as there is hope.
    Full,
}

/// A connection on which a page can be asked for.
enum Ready {
    Plain(TcpStream),
    Tls(Box<Secured>, Version),
}

/// What came of one address.
pub(crate) struct Reached {
    address: SocketAddr,
    pub(crate) seen: Vec<Observation>,
    ready: Option<Ready>,
    /// Whether the roots vouch for whom the connection leads to; without TLS nobody is asked.
    valid: bool,
    /// A handshake that met silence and may still be answered, and when it began.
    late: Option<(Instant, Box<Shaking>)>,
}

impl Reached {
    pub(crate) fn ip(&self) -> IpAddr {
        self.address.ip()
    }

    /// Whether the address let itself be connected to.
    pub(crate) fn connected(&self) -> bool {
        self.seen.iter().any(|seen| matches!(&seen.step, Step::Tcp(tcp) if tcp.outcome.ok().is_some()))
    }

    /// Whether the roots vouch for whom the connection leads to, or nobody asked them.
    pub(crate) fn is_sure(&self) -> bool {
        self.valid
    }

    /// Whether it led nowhere, or to somebody whom no root vouches for, in a way that may be somebody's doing.
    pub(crate) fn failed(&self) -> bool {
        match self.ready {
            Some(_) => !self.valid,
            None => may_pass(self.seen.last()),
        }
    }

    /// Whether a page can be asked for, of somebody whom a root vouches for or nobody has to.
    pub(crate) fn is_good(&self) -> bool {
        self.ready.is_some() && self.valid
    }

    /// How good it is to ask for the page here: not at all, with a doubtful certificate, or well.
    pub(crate) fn rank(&self) -> u8 {
        u8::from(self.ready.is_some()) + u8::from(self.ready.is_some() && self.valid)
    }
}

/// Goes as far as the address lets: connects, and shakes hands where the URL is https. Where that fails, it is tried again.
pub(crate) async fn reach(tools: &Measurer, watch: &Watch, hop: u8, url: &TargetUrl, ip: IpAddr) -> Reached {
    let first = attempt(tools, watch, hop, url, ip, Patience::First).await;
    again(tools, watch, hop, url, first).await
}

/// Goes as far as an address and a port let. Silence is not tried again here: kernels repeat what is lost.
pub(crate) async fn reach_at(tools: &Measurer, watch: &Watch, url: &TargetUrl, address: SocketAddr) -> Reached {
    let first = attempt_at(tools, watch, 0, url, address, Patience::Full).await;
    if first.seen.last().and_then(failure) == Some(Failure::Timeout) {
        return first;
    }
    again(tools, watch, 0, url, first).await
}

/// Tries an address again where the first attempt failed. Where that met silence in the handshake, it is listened to further
/// beside the second, until that is answered or so late that nobody holds a handshake up so long.
pub(crate) async fn again(tools: &Measurer, watch: &Watch, hop: u8, url: &TargetUrl, mut first: Reached) -> Reached {
    if !may_pass(first.seen.last()) {
        return first;
    }
    let late = first.late.take();
    let again = pin!(attempt_at(tools, watch, hop, url, first.address, Patience::Full));
    let Some((began, mut shaking)) = late else { return joined(first, again.await) };
    let late = pin!(async {
        let (tls, stream) = shaking.wait(tls::LATE.saturating_sub(began.elapsed())).await;
        (watch.at(began), millis(began.elapsed()), tls, stream)
    });
    let (again, late) = match select(again, late).await {
        Either::Left((again, _)) if again.is_good() => return joined(first, again),
        Either::Left((again, late)) => (again, late.await),
        Either::Right((late, again)) => (again.await, late),
    };
    let (after_ms, took_ms, tls, stream) = late;
    // Whatever else comes so late is no answer to the name.
    let Some(stream) = stream else { return joined(first, again) };
    let (ready, valid) = secured(&tls, Some(stream));
    first.seen.pop();
    first.seen.push(Observation { after_ms, took_ms, hop, step: Step::Tls(tls) });
    if again.is_good() {
        return joined(first, again);
    }
    let seen = [first.seen, again.seen].concat();
    Reached { seen, ready, valid, ..again }
}

/// Two attempts at one address, of which the second counts.
fn joined(first: Reached, again: Reached) -> Reached {
    Reached { seen: [first.seen, again.seen].concat(), ..again }
}

/// Goes as far as the address lets, once.
pub(crate) async fn attempt(
    tools: &Measurer,
    watch: &Watch,
    hop: u8,
    url: &TargetUrl,
    ip: IpAddr,
    patience: Patience,
) -> Reached {
    attempt_at(tools, watch, hop, url, SocketAddr::new(ip, url.port()), patience).await
}

async fn attempt_at(
    tools: &Measurer,
    watch: &Watch,
    hop: u8,
    url: &TargetUrl,
    address: SocketAddr,
    patience: Patience,
) -> Reached {
    let (connecting, shaking) = match patience {
        Patience::First => (tcp::FIRST, tls::FIRST),
        Patience::Full => (tcp::TIMEOUT, tls::TIMEOUT),
    };
    let started = Instant::now();
    let (tcp, stream) = tcp::connect(address, tools.forbids(hop, url, address.ip()), connecting).await;
    let mut seen = vec![watch.observation(started, hop, Step::Tcp(tcp))];
    let Some(stream) = stream else { return Reached { address, seen, ready: None, valid: false, late: None } };
    if url.is_tcp() {
        return Reached { address, seen, ready: None, valid: true, late: None };
    }
    if !url.is_https() {
        return Reached { address, seen, ready: Some(Ready::Plain(stream)), valid: true, late: None };
    }
    let started = Instant::now();
    let mut under_way = Box::new(tools.handshakes.begin(stream, address, bare_host(url)));
    let (tls, stream) = under_way.wait(shaking).await;
    let silent = patience == Patience::First && tls.outcome.failure() == Some(Failure::Timeout);
    let late = silent.then_some((started, under_way));
    let (ready, valid) = secured(&tls, stream);
    seen.push(watch.observation(started, hop, Step::Tls(tls)));
    Reached { address, seen, ready, valid, late }
}

/// What a handshake makes of a connection, and whether the roots vouch for whom it leads to.
fn secured(tls: &Tls, stream: Option<Secured>) -> (Option<Ready>, bool) {
    let h2 = tls.outcome.ok().is_some_and(|session| session.alpn.as_deref() == Some("h2"));
    let version = if h2 { Version::Http2 } else { Version::Http1 };
    let ready = stream.map(|stream| Ready::Tls(Box::new(stream), version));
    (ready, tls.verification == Some(Verification::Valid))
}

/// Asks for the page, if the connection stands, and notes it. Where it stands and no page comes, all is tried again on a
/// new connection; one that failed has been tried as often as it is to be.
pub(crate) async fn ask(
    tools: &Measurer,
    watch: &Watch,
    hop: u8,
    url: &TargetUrl,
    reached: &mut Reached,
) -> Option<Page> {
    reached.ready.as_ref()?;
    let page = ask_once(watch, hop, url, reached).await;
    if page.is_some() || !may_pass(reached.seen.last()) {
        return page;
    }
    let mut again = attempt_at(tools, watch, hop, url, reached.address, Patience::Full).await;
    reached.seen.append(&mut again.seen);
    (reached.ready, reached.valid) = (again.ready, again.valid);
    ask_once(watch, hop, url, reached).await
}

async fn ask_once(watch: &Watch, hop: u8, url: &TargetUrl, reached: &mut Reached) -> Option<Page> {
    let started = Instant::now();
    let http = match reached.ready.take()? {
        Ready::Plain(stream) => http::get(stream, Version::Http1, reached.address, url).await,
        Ready::Tls(stream, version) => http::get(stream, version, reached.address, url).await,
    };
    let page = match &http.outcome {
        StepOutcome::Ok(page) => Some(page.clone()),
        StepOutcome::Failed(_) => None,
    };
    reached.seen.push(watch.observation(started, hop, Step::Http(http)));
    page
}

/// Whether a step failed in a way that the next attempt may not: a packet lost, a server that was being restarted, a middle box
/// that lost its memory. Our own refusals and a missing network stay.
pub(crate) fn may_pass(step: Option<&Observation>) -> bool {
    step.and_then(failure).is_some_and(|failure| {
        !matches!(failure, Failure::ForbiddenAddress | Failure::OwnMachine | Failure::NetworkUnreachable)
    })
}

/// How a step after DNS failed, if it did.
fn failure(seen: &Observation) -> Option<Failure> {
    match &seen.step {
        Step::Tcp(tcp) => tcp.outcome.failure(),
        Step::Tls(tls) => tls.outcome.failure(),
        Step::Http(http) => http.outcome.failure(),
        Step::Quic(quic) => quic.outcome.failure(),
        Step::Dns(_) => None,
    }
}

/// The host as DNS and TLS write it: no final dot, no brackets.
pub(crate) fn bare_host(url: &TargetUrl) -> &str {
    let host = url.host();
    let host = host.strip_suffix('.').unwrap_or(host);
    host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host)
}

#[cfg(test)]
mod tests {
    use super::super::loopback::Authority;
    use super::*;
    use crate::Config;

    #[tokio::test]
    async fn what_failed_twice_is_not_tried_again_for_its_page() {
        let closed = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let tools = Measurer::loopback(&Config::default(), vec![], Authority::new().roots());
        let (watch, url) = (Watch::start(), format!("https://{closed}/").parse().unwrap());
        let mut reached = reach(&tools, &watch, 0, &url, closed.ip()).await;
        assert!(ask(&tools, &watch, 0, &url, &mut reached).await.is_none());
        let failures: Vec<_> = reached.seen.iter().map(failure).collect();
        assert_eq!(failures, [Some(Failure::Refused); 2]);
    }
}
