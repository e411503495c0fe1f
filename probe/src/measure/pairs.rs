//! Goodput pairs: where a target seems slow, it is fetched beside something else, so that slowness can be told from a slow line
//! and a slow server. What the plain course saw costs nothing and says where to look; `kedergi_verdict::weigh` says when there
//! are enough.

mod transfer;

use std::net::SocketAddr;
use std::time::Duration;

use futures_util::{StreamExt, stream};
use kedergi_verdict::{Weight, weigh};
use kedergi_wire::{
    Altered, ControlEntry, Failure, GoodputPair, Observation, Step, TargetUrl, Transfer, Verification, limits,
};
use rand::RngExt;
use rand::seq::SliceRandom;
use tokio::time::Instant;

use super::watch::Watch;
use super::{Measurer, reach, trials};
use crate::ControlHost;
use transfer::Fetch;

/// Bytes of a transfer: they show rates up to 300 or 400 kbit/s.
pub(super) const BYTES: usize = 65_536;
/// Where a control host has them.
const PATH: &str = "/bytes/65536";
/// Bytes of a page too small to be compared.
const LEAST: u64 = 16_384;
/// Milliseconds from which on a step seems slow.
const SLOW_MS: u32 = 1500;
/// And how many times as long as for the control it must have taken.
const SLOWER: u32 = 3;
/// Pairs that alter the same thing. Three kinds of them fit a report.
const SERIES: usize = limits::PAIRS / 3;
/// Targets of a run that are compared, and how many at a time: where more are slow, the next round takes others.
const TARGETS: usize = 10;
const AT_ONCE: usize = 3;
/// No pair begins later than this after the plain course of the run.
const TIME: Duration = Duration::from_secs(60);

/// A target's plain course.
pub(super) struct Course<'a> {
    pub(super) target: &'a TargetUrl,
    pub(super) watch: Watch,
    pub(super) seen: &'a [Observation],
    /// What the control saw of it.
    pub(super) control: Option<&'a ControlEntry>,
    /// Whether it is compared even if it does not seem slow.
    pub(super) wanted: bool,
    /// Whether a page came in the clear that stands in the site's place: its pace is not the site's.
    pub(super) strange: bool,
}

/// What was compared in a run.
#[derive(Debug, Default)]
pub(super) struct Compared {
    /// Kbit/s of the best and of the worst transfer from a control host under its own name.
    pub(super) rate_kbit_s: Option<u32>,
    pub(super) least_kbit_s: Option<u32>,
    /// Pairs, by the place of their course.
    pub(super) pairs: Vec<(usize, Vec<GoodputPair>)>,
}

/// Compares what seems slow, and what is wanted.
pub(super) async fn compare(tools: &Measurer, courses: &[Course<'_>]) -> Compared {
    let Some(host) = tools.control_hosts.first() else { return Compared::default() };
    let Some(own) = place_of("https", &host.name, host.address.port()) else { return Compared::default() };
    let mut chosen: Vec<usize> = (0..courses.len()).filter(|at| courses[*at].is_to_compare()).collect();
    let until = Instant::now() + TIME;
    if chosen.is_empty() && !courses.iter().any(Course::was_silent) {
        return Compared::default();
    }
    let watch = Watch::start();
    let alone = Fetch { address: host.address, url: &own, most: BYTES, proven: true }.bulk(tools, &watch).await;
    chosen.shuffle(&mut rand::rng());
    chosen.sort_by_key(|at| !courses[*at].wanted);
    chosen.truncate(TARGETS);
    let compared = stream::iter(chosen).map(|at| async move {
        let pairs = match Comparison::of(tools, host, &courses[at]) {
            Some(comparison) => comparison.run(until).await,
            None => Vec::new(),
        };
        (at, pairs)
    });
    let pairs: Vec<_> = compared.buffer_unordered(AT_ONCE).collect().await;
    let beside = pairs.iter().flat_map(|(_, pairs)| pairs).filter(|pair| pair.control.bytes > 0);
    let rates: Vec<u32> = beside.map(|pair| pair.control).chain(alone).filter_map(|transfer| rate(&transfer)).collect();
    Compared { rate_kbit_s: rates.iter().max().copied(), least_kbit_s: rates.iter().min().copied(), pairs }
}

fn rate(transfer: &Transfer) -> Option<u32> {
    // Bits in a millisecond are kilobits in a second.
    (transfer.bytes > 0).then(|| transfer.bytes.saturating_mul(8) / transfer.took_ms.max(1))
}

/// The bytes of the control host under a name.
fn place_of(scheme: &str, name: &str, port: u16) -> Option<TargetUrl> {
    format!("{scheme}://{name}:{port}{PATH}").parse().ok()
}

impl Course<'_> {
    fn is_to_compare(&self) -> bool {
        let known = self.control.is_none_or(|control| control.reached.is_yes());
        !self.target.is_tcp() && !self.strange && known && (self.wanted || self.seems_slow())
    }

    fn seems_slow(&self) -> bool {
        self.handshake_seems_slow() || self.seen.iter().any(|seen| self.is_slow_page(seen))
    }

    /// The quickest handshake with the target that ended was slow.
    fn handshake_seems_slow(&self) -> bool {
        let ended = self.seen.iter().filter(|seen| seen.hop == 0 && handshake_of(seen).is_some());
        let known = self.control.and_then(|control| control.handshake_ms);
        ended.map(|seen| seen.took_ms).min().is_some_and(|took| is_slow(took, known))
    }

    /// A page came slowly, or had not come when it was given up.
    fn is_slow_page(&self, seen: &Observation) -> bool {
        let Step::Http(http) = &seen.step else { return false };
        let known =
            self.control.and_then(|control| if seen.hop == 0 { control.page_ms } else { Some(control.took_ms) });
        let slow = http.outcome.ok().is_some() && is_slow(seen.took_ms, known);
        slow || http.outcome.failure() == Some(Failure::Timeout)
    }

    /// Whether somebody was silent who answered the control: then it matters how the line is.
    fn was_silent(&self) -> bool {
        let answers = self.control.is_none_or(|control| control.reached.is_yes());
        answers
            && self.seen.iter().any(|seen| match &seen.step {
                Step::Dns(_) | Step::Quic(_) => false,
                Step::Tcp(tcp) => tcp.outcome.failure() == Some(Failure::Timeout) && tcp.address.is_ipv4(),
                Step::Tls(tls) => tls.outcome.failure() == Some(Failure::Timeout),
                Step::Http(http) => http.outcome.failure() == Some(Failure::Timeout),
            })
    }

    /// Where the target is: where it proved its name, or in the clear where it was asked for its page.
    fn address(&self) -> Option<SocketAddr> {
        let mut seen = self.seen.iter().filter(|seen| seen.hop == 0);
        if self.target.is_https() { seen.find_map(handshake_of) } else { seen.find_map(asked_at) }
    }

    /// Bytes of its page: what came, or what came to the control where that is more.
    fn page_bytes(&self) -> u64 {
        let own = self.seen.iter().filter(|seen| seen.hop == 0).filter_map(|seen| match &seen.step {
            Step::Http(http) => http.outcome.ok().map(|page| page.body.bytes),
            Step::Dns(_) | Step::Tcp(_) | Step::Tls(_) | Step::Quic(_) => None,
        });
        let known = self.control.and_then(|control| control.first_page.as_ref()).map(|page| page.body.bytes);
        own.chain(known).max().unwrap_or(0)
    }
}

/// Where a handshake ended well and proved the name.
fn handshake_of(seen: &Observation) -> Option<SocketAddr> {
    let Step::Tls(tls) = &seen.step else { return None };
    let proven = tls.outcome.ok().is_some() && tls.verification == Some(Verification::Valid);
    proven.then_some(tls.address)
}

/// Where a page was asked for.
fn asked_at(seen: &Observation) -> Option<SocketAddr> {
    match &seen.step {
        Step::Http(http) => Some(http.address),
        Step::Dns(_) | Step::Tcp(_) | Step::Tls(_) | Step::Quic(_) => None,
    }
}

fn is_slow(took_ms: u32, known_ms: Option<u32>) -> bool {
    took_ms >= SLOW_MS && known_ms.is_none_or(|known| took_ms >= known.saturating_mul(SLOWER))
}

/// One target beside the control host.
struct Comparison<'a> {
    tools: &'a Measurer,
    /// Where the control host is asked, and its name.
    there: SocketAddr,
    host: &'a str,
    course: &'a Course<'a>,
    /// The control host's bytes under its own name, and under the target's.
    own: TargetUrl,
    borrowed: TargetUrl,
}

impl<'a> Comparison<'a> {
    fn of(tools: &'a Measurer, host: &'a ControlHost, course: &'a Course<'a>) -> Option<Self> {
        let name = reach::bare_host(course.target);
        if name.parse::<std::net::IpAddr>().is_ok() {
            return None;
        }
        let there = trials::elsewhere(host, course.target);
        let scheme = if course.target.is_https() { "https" } else { "http" };
        let place = |name| place_of(scheme, name, there.port());
        let (own, borrowed) = (place(&host.name)?, place(name)?);
        Some(Self { tools, there, host: &host.name, course, own, borrowed })
    }

    /// The control host's bytes, under the name in `url`.
    fn fetch<'b>(&self, url: &'b TargetUrl) -> Fetch<'b> {
        Fetch { address: self.there, url, most: BYTES, proven: reach::bare_host(url) == self.host }
    }

    /// One kind of pair after the other, until one accuses.
    async fn run(&self, until: Instant) -> Vec<GoodputPair> {
        let mut kinds = vec![Altered::TargetNameElsewhere];
        if self.course.handshake_seems_slow() {
            kinds.insert(0, Altered::InnocentName);
        }
        if self.course.page_bytes() >= LEAST {
            kinds.push(Altered::ControlHost);
        }
        let mut all = Vec::new();
        for altered in kinds {
            let (pairs, weight) = self.series(altered, until).await;
            all.extend(pairs);
            if weight == Weight::Slow {
                break;
            }
        }
        all
    }

    /// Pairs of one kind until they are enough, too many, or one fails.
    async fn series(&self, altered: Altered, until: Instant) -> (Vec<GoodputPair>, Weight) {
        let mut pairs = Vec::new();
        while pairs.len() < SERIES && Instant::now() < until && weigh(&pairs) == Weight::Open {
            let Some(pair) = self.pair(altered).await else { break };
            pairs.push(pair);
        }
        let weight = weigh(&pairs);
        (pairs, weight)
    }

    /// Both sides, one after the other, in random order.
    async fn pair(&self, altered: Altered) -> Option<GoodputPair> {
        let target_first = rand::rng().random();
        let (target, control) = if target_first {
            let target = self.target(altered).await?;
            (target, self.control(altered).await?)
        } else {
            let control = self.control(altered).await?;
            (self.target(altered).await?, control)
        };
        Some(GoodputPair { altered, target, control })
    }

    async fn target(&self, altered: Altered) -> Option<Transfer> {
        let address = self.course.address();
        let own = |most| Some(Fetch { address: address?, url: self.course.target, most, proven: true });
        let watch = &self.course.watch;
        match altered {
            Altered::InnocentName => own(0)?.handshake(self.tools, watch).await,
            Altered::TargetNameElsewhere => self.fetch(&self.borrowed).bulk(self.tools, watch).await,
            Altered::ControlHost => own(self.most())?.bulk(self.tools, watch).await,
            Altered::NoResolver | Altered::LargeHello | Altered::EncryptedHello | Altered::Nothing => None,
        }
    }

    async fn control(&self, altered: Altered) -> Option<Transfer> {
        let watch = &self.course.watch;
        match altered {
            Altered::InnocentName => {
                let address = self.course.address()?;
                Fetch { address, url: &self.own, most: 0, proven: false }.handshake(self.tools, watch).await
            }
            Altered::TargetNameElsewhere => self.fetch(&self.own).bulk(self.tools, watch).await,
            Altered::ControlHost => {
                let most = self.most();
                Fetch { most, ..self.fetch(&self.own) }.bulk(self.tools, watch).await
            }
            Altered::NoResolver | Altered::LargeHello | Altered::EncryptedHello | Altered::Nothing => None,
        }
    }

    /// As many bytes of the target's page as there are, and as are asked of the control host beside it.
    fn most(&self) -> usize {
        usize::try_from(self.course.page_bytes()).map_or(BYTES, |bytes| bytes.min(BYTES))
    }
}

#[cfg(test)]
mod tests;
