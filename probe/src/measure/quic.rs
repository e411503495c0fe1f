//! One request over HTTP/3: a QUIC handshake with the target's name and a GET, of whose answer only the status is read.

use std::future::poll_fn;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket};
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::{Either, select};
use kedergi_wire::{Altered, Failure, Observation, Quic, QuicAnswer, Step, StepOutcome, TargetUrl, Trial};
use quinn::crypto::rustls::QuicClientConfig;
use quinn::{ClientConfig, Connection, Endpoint, TransportConfig, VarInt};
use tokio::time::{Instant, timeout};

use super::cut::text;
use super::names::Named;
use super::tls::Handshakes;
use super::watch::Watch;
use super::{Measurer, failure, http, reach};

/// Covers a second Initial (QUIC repeats a lost first one after a second), two round trips and the server's arithmetic.
const TIMEOUT: Duration = Duration::from_secs(4);
/// Bytes of the page that the server may send before it is told to stop: the status is all that is wanted of it.
const WINDOW: u32 = 4096;
/// Bytes it may send on all streams, its settings and the header compression's among them.
const WINDOWS: u32 = 4 * WINDOW;

/// What was seen over HTTP/3, and what was tried besides.
#[derive(Debug, Default)]
pub(crate) struct OverQuic {
    pub(crate) seen: Vec<Observation>,
    pub(crate) trials: Vec<Trial>,
}

/// Asks for `url` over HTTP/3 at the best address that was named, and again where that met a failure that may pass. Beside the second
/// attempt, silence is taken apart: the same address is asked for a control host's name.
pub(crate) async fn measure(tools: &Measurer, watch: &Watch, url: &TargetUrl, named: &Named) -> OverQuic {
    let Some(ip) = best(named, tools) else { return OverQuic::default() };
    let address = SocketAddr::new(ip, url.port());
    let attempt = |url| async move {
        let started = Instant::now();
        let quic = get(&tools.handshakes, address, url).await;
        watch.observation(started, 0, Step::Quic(quic))
    };
    let first = attempt(url).await;
    if !reach::may_pass(Some(&first)) {
        return OverQuic { seen: vec![first], trials: Vec::new() };
    }
    let silent = matches!(&first.step, Step::Quic(quic) if quic.outcome.failure() == Some(Failure::Timeout));
    let innocent = tools.control_hosts.first().filter(|_| silent);
    let innocent = innocent.and_then(|host| format!("https://{}:{}/", host.name, url.port()).parse().ok());
    let apart = async {
        match &innocent {
            Some(url) => vec![Trial { altered: Altered::InnocentName, seen: attempt(url).await }],
            None => Vec::new(),
        }
    };
    let (second, trials) = tokio::join!(attempt(url), apart);
    OverQuic { seen: vec![first, second], trials }
}

/// Whether a target can be asked for over HTTP/3 at all: an address in its URL has no name that a handshake could carry.
pub(crate) fn fits(url: &TargetUrl) -> bool {
    url.is_https() && reach::bare_host(url).parse::<IpAddr>().is_err()
}

/// The address to ask at: one that everybody names, else one that others than the line's resolver name, for what that alone
/// names may be forged; IPv4 first, for many machines have no IPv6.
fn best(named: &Named, tools: &Measurer) -> Option<IpAddr> {
    let others = named.others(tools.forbidden);
    let both = others.iter().filter(|ip| named.system.contains(ip));
    let system = named.system.iter().filter(|ip| others.is_empty() && !(tools.forbidden)(**ip));
    let mut list: Vec<IpAddr> = both.chain(&others).chain(system).copied().collect();
    list.sort_by_key(IpAddr::is_ipv6);
    list.first().copied()
}

/// Asks for `url` at `address`, once.
async fn get(handshakes: &Handshakes, address: SocketAddr, url: &TargetUrl) -> Quic {
    let host = reach::bare_host(url);
    let (tls, notes) = handshakes.noting(&[b"h3"]);
    let asked = timeout(TIMEOUT, ask(tls, address, host, url)).await.unwrap_or(Err(Failure::Timeout));
    let seen = notes.so_far();
    let outcome = asked.map_or_else(StepOutcome::Failed, |status| StepOutcome::Ok(QuicAnswer { status }));
    let certificate = seen.chain.into_iter().next();
    Quic { address, server_name: text(host), certificate, verification: seen.verification, outcome }
}

async fn ask(tls: rustls::ClientConfig, address: SocketAddr, host: &str, url: &TargetUrl) -> Result<u16, Failure> {
    let endpoint = endpoint(address)?;
    let tls = QuicClientConfig::try_from(tls).map_err(|_| Failure::OwnMachine)?;
    let mut config = ClientConfig::new(Arc::new(tls));
    config.transport_config(Arc::new(transport()));
    let connecting = endpoint.connect_with(config, address, host).map_err(|_| Failure::OwnMachine)?;
    let connection = connecting.await.map_err(|error| failure::of_quic(&error))?;
    let answer = exchange(connection.clone(), url).await;
    let answer = answer.map_err(|failure| connection.close_reason().as_ref().map_or(failure, failure::of_quic));
    connection.close(VarInt::from_u32(0x100), b"");
    answer
}

/// A socket of its own. That there is no route is found out before anything is sent: QUIC takes it for loss.
fn endpoint(address: SocketAddr) -> Result<Endpoint, Failure> {
    let any: IpAddr = if address.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let any = SocketAddr::new(any, 0);
    UdpSocket::bind(any).and_then(|socket| socket.connect(address)).map_err(|error| Failure::from_io(&error))?;
    Endpoint::client(any).map_err(|error| Failure::from_io(&error))
}

fn transport() -> TransportConfig {
    let mut transport = TransportConfig::default();
    transport.stream_receive_window(WINDOW.into()).receive_window(WINDOWS.into());
    // It lasts a second: larger packets than the first are not worth looking for.
    transport.mtu_discovery_config(None);
    transport
}

async fn exchange(connection: Connection, url: &TargetUrl) -> Result<u16, Failure> {
    let request = http::plain_request(url).map_err(|_| Failure::OwnMachine)?;
    let made = h3::client::new(h3_quinn::Connection::new(connection)).await;
    let (mut driver, mut sender) = made.map_err(|_| Failure::HttpProtocol)?;
    let asked = pin!(async {
        let mut stream = sender.send_request(request).await.map_err(|_| Failure::HttpProtocol)?;
        stream.finish().await.map_err(|_| Failure::HttpProtocol)?;
        let head = stream.recv_response().await.map_err(|_| Failure::HttpProtocol)?;
        Ok(head.status().as_u16())
    });
    match select(asked, poll_fn(|cx| driver.poll_close(cx))).await {
        Either::Left((answer, _)) => answer,
        Either::Right((_, asked)) => asked.await,
    }
}

#[cfg(test)]
mod tests;
