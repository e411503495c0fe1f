//! One side of a pair: a fetch or a handshake, timed.

use std::net::SocketAddr;
use std::time::Duration;

use kedergi_wire::{TargetUrl, Transfer, Verification};
use tokio::net::TcpStream;
use tokio::time::Instant;

use crate::measure::http::{self, Ended, Version};
use crate::measure::tls::{Arrivals, Counted};
use crate::measure::watch::{Watch, millis};
use crate::measure::{Measurer, reach, tcp};

/// Whatever has not come in this time is slow enough: 64 KB in it are 87 kbit/s.
const TIME: Duration = Duration::from_secs(6);
/// A handshake that somebody holds up on purpose takes up to 10 seconds (Kazakhstan, 2022).
const PATIENCE: Duration = Duration::from_secs(12);

/// What to fetch.
pub(super) struct Fetch<'a> {
    /// Where from, whatever the name in `url` leads to.
    pub(super) address: SocketAddr,
    pub(super) url: &'a TargetUrl,
    /// Bytes of the body that are enough.
    pub(super) most: usize,
    /// Whether the one who answers must prove the name.
    pub(super) proven: bool,
}

impl Fetch<'_> {
    /// Fetches it; `None` where nothing came of it, or somebody else's.
    pub(super) async fn bulk(&self, tools: &Measurer, watch: &Watch) -> Option<Transfer> {
        let stream = connect(self.address).await?;
        let started = Instant::now();
        if !self.url.is_https() {
            return self.in_the_clear(stream, watch.at(started)).await;
        }
        let host = reach::bare_host(self.url);
        let (tls, stream) = tools.handshakes.shake(stream, self.address, host, PATIENCE).await;
        let (handshake_ms, stream) = (millis(started.elapsed()), stream?);
        if self.proven && tls.verification != Some(Verification::Valid) {
            return None;
        }
        let h2 = tls.outcome.ok()?.alpn.as_deref() == Some("h2");
        let version = if h2 { Version::Http2 } else { Version::Http1 };
        let arrivals = stream.get_ref().0.arrivals();
        // What the handshake brought does not count.
        arrivals.take();
        let ended = http::skim(stream, version, self.url, self.most, TIME).await.ok()?;
        timed(&arrivals, ended, watch.at(started), Some(handshake_ms))
    }

    /// The same without encryption, where nobody proves anything: less than was asked for is another's page.
    async fn in_the_clear(&self, stream: TcpStream, after_ms: u32) -> Option<Transfer> {
        let (stream, _) = Counted::new(stream);
        let arrivals = stream.arrivals();
        let ended = http::skim(stream, Version::Http1, self.url, self.most, TIME).await.ok()?;
        if ended == Ended::Short { None } else { timed(&arrivals, ended, after_ms, None) }
    }

    /// Only shakes hands, with more patience than a measurement has.
    pub(super) async fn handshake(&self, tools: &Measurer, watch: &Watch) -> Option<Transfer> {
        let stream = connect(self.address).await?;
        let started = Instant::now();
        let host = reach::bare_host(self.url);
        let (tls, _) = tools.handshakes.shake(stream, self.address, host, PATIENCE).await;
        let handshake_ms = Some(millis(started.elapsed()));
        let proven = !self.proven || tls.verification == Some(Verification::Valid);
        // A server that has no such name says so by an alert, which takes as long to come.
        let answered = tls.outcome.ok().is_some() || tls.outcome.failure() == Some(kedergi_wire::Failure::TlsAlert);
        (answered && proven).then_some(Transfer {
            after_ms: watch.at(started),
            handshake_ms,
            bytes: 0,
            took_ms: 0,
            early_bytes: None,
        })
    }
}

/// What arrived on a connection, now that reading has ended.
fn timed(arrivals: &Arrivals, ended: Ended, after_ms: u32, handshake_ms: Option<u32>) -> Option<Transfer> {
    let now = Instant::now();
    let arrived = arrivals.take();
    let (first, last) = arrived.between?;
    let until = match ended {
        Ended::Whole | Ended::Short => last,
        Ended::GivenUp => now,
    };
    let count = |bytes| u32::try_from(bytes).unwrap_or(u32::MAX);
    Some(Transfer {
        after_ms,
        handshake_ms,
        bytes: count(arrived.bytes),
        took_ms: millis(until.saturating_duration_since(first)),
        early_bytes: Some(count(arrived.early)),
    })
}

async fn connect(address: SocketAddr) -> Option<TcpStream> {
    tcp::connect(address, false, tcp::TIMEOUT).await.1
}
