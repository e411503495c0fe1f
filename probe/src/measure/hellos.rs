//! Trials with other kinds of ClientHello: one too large for a segment, and one that holds an encrypted one. The name and the
//! address stay.

use std::net::{IpAddr, SocketAddr};

use futures_util::future::join_all;
use kedergi_wire::{Altered, Hello, Observation, Step, TargetUrl, Trial, Verification};
use tokio::time::Instant;

use super::watch::Watch;
use super::{Measurer, reach, tcp};

/// Targets of a run that are tried with an encrypted hello although they answer: whoever minds it minds it everywhere, so that a
/// sample shows it.
pub(crate) const SAMPLE: usize = 3;

/// After a handshake that failed: each kind once, at the same time.
pub(crate) async fn take_apart(tools: &Measurer, watch: &Watch, url: &TargetUrl, ip: IpAddr) -> Vec<Trial> {
    if !url.is_https() {
        return Vec::new();
    }
    let kinds = [Altered::LargeHello, Altered::EncryptedHello];
    join_all(kinds.map(|altered| shake(tools, watch, altered, url, ip))).await.concat()
}

/// With a target that answered an ordinary hello: an encrypted one, and again if that fails.
pub(crate) async fn hide(tools: &Measurer, watch: &Watch, url: &TargetUrl, ip: IpAddr) -> Vec<Trial> {
    let first = shake(tools, watch, Altered::EncryptedHello, url, ip).await;
    if !reach::may_pass(first.last().map(|trial| &trial.seen)) {
        return first;
    }
    let again = shake(tools, watch, Altered::EncryptedHello, url, ip).await;
    [first, again].concat()
}

/// Whether a target answered at the address in a way that an encrypted hello could be answered as well: proven, over TLS 1.3.
pub(crate) fn can_hide(seen: &[Observation], ip: IpAddr) -> bool {
    seen.iter().any(|seen| match &seen.step {
        Step::Tls(tls) => {
            let modern = tls.outcome.ok().is_some_and(|session| session.version == "1.3");
            modern && tls.address.ip() == ip && tls.verification == Some(Verification::Valid)
        }
        Step::Dns(_) | Step::Tcp(_) | Step::Http(_) | Step::Quic(_) => false,
    })
}

async fn shake(tools: &Measurer, watch: &Watch, altered: Altered, url: &TargetUrl, ip: IpAddr) -> Vec<Trial> {
    let Some(kind) = kind(altered).filter(|kind| tools.handshakes.knows(*kind)) else { return Vec::new() };
    let address = SocketAddr::new(ip, url.port());
    let started = Instant::now();
    let (tcp, stream) = tcp::connect(address, tools.forbids(0, url, ip), tcp::TIMEOUT).await;
    let mut seen = vec![watch.observation(started, 0, Step::Tcp(tcp))];
    if let Some(stream) = stream {
        let started = Instant::now();
        let tls = tools.handshakes.shake_as(kind, stream, address, reach::bare_host(url)).await;
        seen.extend(tls.map(|tls| watch.observation(started, 0, Step::Tls(tls))));
    }
    seen.into_iter().map(|seen| Trial { altered, seen }).collect()
}

fn kind(altered: Altered) -> Option<Hello> {
    match altered {
        Altered::LargeHello => Some(Hello::PostQuantum),
        Altered::EncryptedHello => Some(Hello::GreaseEch),
        Altered::InnocentName | Altered::TargetNameElsewhere | Altered::ControlHost => None,
        Altered::NoResolver | Altered::Nothing => None,
    }
}
