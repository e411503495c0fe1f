//! Measuring: one target end to end, and many in one run.

mod cut;
mod datagram;
mod decode;
mod dns;
mod doh;
mod failure;
mod hellos;
mod http;
mod kept;
mod line;
#[cfg(test)]
mod loopback;
mod names;
mod once_more;
mod pairs;
mod quic;
mod reach;
mod redirects;
mod scrub;
mod system;
mod tcp;
mod title;
mod tls;
mod trials;
mod tunnel;
mod watch;

use std::collections::BTreeSet;
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;

use futures_util::future::join_all;
use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use kedergi_verdict::{is_bogon, is_host_late, strange_pages};
use kedergi_wire::{
    ControlSnapshot, FORMAT, Known, Line, Observation, Report, Source, TargetUrl, Trial, Vantage, limits,
};
use rustls::{ClientConfig, RootCertStore};

use crate::{Config, ControlHost, DohResolver, TrustError, roots, verifying_client};
use quic::OverQuic;
use reach::{Patience, Reached};
use watch::Watch;

pub use decode::{decode_answer, fetch_page, page_title, redirect_target};
pub(crate) use http::request_headers;
pub use line::bytes_received;
pub(crate) use names::RESOLVERS;
pub(crate) use reach::bare_host;

/// Everything that measuring needs. It holds no state of its own, so one serves a probe for its whole life.
pub struct Measurer {
    resolv_conf: PathBuf,
    /// Asked in place of those in `resolv_conf`; only tests set it.
    system: Option<Vec<SocketAddr>>,
    public: Vec<SocketAddr>,
    doh: Vec<DohResolver>,
    doh_tls: Arc<ClientConfig>,
    handshakes: tls::Handshakes,
    control_hosts: Vec<ControlHost>,
    /// Which addresses are never contacted.
    forbidden: fn(IpAddr) -> bool,
    /// Whether an address in a target's URL is contacted all the same.
    by_hand: bool,
    concurrency: usize,
}

impl Measurer {
    /// Reads the roots and sets up TLS.
    pub fn new(config: &Config) -> Result<Self, TrustError> {
        Self::with_roots(config, roots(config.extra_roots.as_deref())?, is_bogon)
    }

    fn with_roots(config: &Config, roots: RootCertStore, forbidden: fn(IpAddr) -> bool) -> Result<Self, TrustError> {
        Ok(Self {
            resolv_conf: config.resolv_conf.clone(),
            system: None,
            public: config.public_resolvers.clone(),
            doh: config.doh_resolvers.clone(),
            doh_tls: Arc::new(verifying_client(roots.clone())?),
            handshakes: tls::Handshakes::new(roots)?,
            forbidden,
            // On a line that is paid for by the byte nothing is measured but the light set itself.
            control_hosts: if config.metered { Vec::new() } else { config.control_hosts.clone() },
            by_hand: false,
            concurrency: config.concurrency.max(1),
        })
    }

    /// For targets that a person names: an address they wrote is contacted even where it is one that can be nobody's site. An
    /// answer that names such an address, a redirect to one, and a collector's list never have it contacted.
    #[must_use]
    pub fn by_hand(self) -> Self {
        Self { by_hand: true, ..self }
    }

    /// Where a target's name leads, by those first whom the line's provider cannot make lie.
    pub(crate) async fn addresses_of(&self, target: &TargetUrl) -> Vec<IpAddr> {
        let (sources, watch) = (self.sources(), Watch::start());
        let named = names::named(&names::ask_all(self, &sources.system, &watch, reach::bare_host(target)).await);
        let all = named.control.iter().chain(&named.system);
        all.filter(|ip| !(self.forbidden)(**ip)).copied().collect()
    }

    /// What measured handshakes over TCP are made with.
    pub(crate) fn handshake_config(&self) -> ClientConfig {
        self.handshakes.over_tcp()
    }

    fn forbids(&self, hop: u8, url: &TargetUrl, ip: IpAddr) -> bool {
        let written = hop == 0 && reach::bare_host(url).parse() == Ok(ip);
        (self.forbidden)(ip) && !(self.by_hand && written)
    }

    /// Asks `system` and may contact this very machine, which a probe otherwise never does.
    #[cfg(test)]
    pub(crate) fn loopback(config: &Config, system: Vec<SocketAddr>, roots: RootCertStore) -> Self {
        let measurer = Self::with_roots(config, roots, |_| false).expect("TLS can be set up");
        Self { system: Some(system), ..measurer }
    }

    fn sources(&self) -> Sources {
        let system = self.system.clone().unwrap_or_else(|| system::resolvers(&self.resolv_conf));
        Sources { system, over_h3: BTreeSet::new() }
    }
}

/// What is read anew for each run, because it changes with the network a machine is in.
struct Sources {
    system: Vec<SocketAddr>,
    /// Targets that a control reached over HTTP/3.
    over_h3: BTreeSet<TargetUrl>,
}

/// Measures `targets`, several at a time, and reports on each in their order. `first_sequence` is the number of the first
/// report; the others count on from it. What `control` reached over HTTP/3 is tried so from the start. What seems slow, beside
/// what the control saw, is compared with a control host, and so are those in `compared` however they seem.
pub async fn measure_run(
    tools: &Measurer,
    targets: &[TargetUrl],
    control: Option<&ControlSnapshot>,
    compared: &BTreeSet<TargetUrl>,
    vantage: Vantage,
    clock_offset_ms: Option<i64>,
    first_sequence: u64,
) -> Vec<Report> {
    let sources = Sources { over_h3: control.map(ControlSnapshot::over_h3).unwrap_or_default(), ..tools.sources() };
    let resolver =
        sources.system.first().map(|server| Known { value: system::class(*server), source: Source::Machine });
    let outside = tools.public.iter().chain(tools.doh.iter().map(|doh| &doh.bootstrap)).map(SocketAddr::ip);
    let vantage = Vantage { resolver, tunnel: tunnel::is_on_the_way_to(outside), ..vantage };
    let (sources, vantage) = (&sources, &vantage);
    let measured = stream::iter(targets.iter().zip(first_sequence..).enumerate());
    let measured = measured.map(|(place, (target, sequence))| async move {
        let (started, watch) = (Timestamp::now(), Watch::start());
        let sample = place < hellos::SAMPLE;
        let Course { seen: observations, trials } = measure(tools, sources, &watch, target, sample).await;
        let (target, vantage) = (target.clone(), vantage.clone());
        let line = Line::default();
        let pairs = Vec::new();
        let mut report = Report {
            format: FORMAT,
            sequence,
            started,
            clock_offset_ms,
            target,
            vantage,
            line,
            observations,
            trials,
            pairs,
            instrument: None,
        };
        let known = control.and_then(|control| control.entry(&report.target));
        report.trials.extend(trials::take_page_apart(tools, &watch, &report, known).await);
        report.trials.truncate(limits::TRIALS);
        kept::settle(&mut report, known);
        (report, watch)
    });
    let mut reports: Vec<(Report, Watch)> = measured.buffer_unordered(tools.concurrency).collect().await;
    reports.sort_by_key(|(report, _)| report.sequence);
    let (rate_kbit_s, least_kbit_s) = compare(tools, control, compared, &mut reports).await;
    let line = line::line(reports.iter().map(|(report, _)| &report.observations[..]));
    let encrypted_hellos = line::encrypted_hellos(reports.iter().map(|(report, _)| report));
    let silent = reports.iter().any(|(report, _)| is_host_late(report));
    let least_kbit_s = if silent { rate_kbit_s.map(|_| 0) } else { least_kbit_s };
    let line = Line { encrypted_hellos, rate_kbit_s, least_kbit_s, ..line };
    reports.iter_mut().for_each(|(report, _)| report.line = line);
    once_more::look(tools, control, &mut reports).await;
    reports.into_iter().map(|(report, _)| report).collect()
}

/// What was seen of one target.
#[derive(Default)]
struct Course {
    seen: Vec<Observation>,
    trials: Vec<Trial>,
}

/// Puts goodput pairs into the reports; returns the best and the worst rate of the line for a control host, where one was asked.
async fn compare(
    tools: &Measurer,
    control: Option<&ControlSnapshot>,
    compared: &BTreeSet<TargetUrl>,
    reports: &mut [(Report, Watch)],
) -> (Option<u32>, Option<u32>) {
    let courses: Vec<_> = reports
        .iter()
        .map(|(report, watch)| {
            let control = control.and_then(|control| control.entry(&report.target));
            pairs::Course {
                target: &report.target,
                watch: *watch,
                seen: &report.observations,
                control,
                wanted: compared.contains(&report.target),
                strange: !strange_pages(report, control).is_empty(),
            }
        })
        .collect();
    let found = pairs::compare(tools, &courses).await;
    for (place, pairs) in found.pairs {
        reports[place].0.pairs = pairs;
    }
    (found.rate_kbit_s, found.least_kbit_s)
}

/// One target end to end: ask for its name, try its addresses, fetch its page, follow where that leads.
/// Where it is one of the sample, an encrypted hello is tried as well.
async fn measure(tools: &Measurer, sources: &Sources, watch: &Watch, target: &TargetUrl, sample: bool) -> Course {
    let host = reach::bare_host(target);
    let (mut seen, named) = match host.parse() {
        Ok(ip) => (Vec::new(), names::Named::literal(ip)),
        Err(_) => {
            let asked = names::ask_all(tools, &sources.system, watch, host).await;
            let named = names::named(&asked);
            (asked, named)
        }
    };
    let known = quic::fits(target) && sources.over_h3.contains(target);
    let over_quic =
        async { if known { quic::measure(tools, watch, target, &named).await } else { OverQuic::default() } };
    let more = More { h3: !known && quic::fits(target), hidden: sample };
    let nobody = tools.control_hosts.first().filter(|_| names::is_doubtful(&seen)).map(|host| host.address.ip());
    let ask_nobody = async {
        match nobody {
            Some(machine) => Some(names::ask_nobody(watch, machine, host).await),
            None => None,
        }
    };
    let over_tcp = over_tcp(tools, sources, watch, target, &named, more);
    let (over_tcp, over_quic, asked) = tokio::join!(over_tcp, over_quic, ask_nobody);
    seen.extend(over_tcp.seen);
    seen.extend(over_quic.seen);
    seen.sort_by_key(|observation| observation.after_ms);
    seen.truncate(limits::OBSERVATIONS);
    let mut trials: Vec<_> = asked.into_iter().chain(over_tcp.trials).chain(over_quic.trials).collect();
    trials.truncate(limits::TRIALS);
    Course { seen, trials }
}

/// What to try with a target that answers.
#[derive(Clone, Copy)]
struct More {
    /// HTTP/3, if its page offers that.
    h3: bool,
    /// An encrypted hello.
    hidden: bool,
}

/// Tries the addresses, fetches the page and follows where that leads; and meanwhile tries what more is to be tried.
async fn over_tcp(
    tools: &Measurer,
    sources: &Sources,
    watch: &Watch,
    target: &TargetUrl,
    named: &names::Named,
    more: More,
) -> Course {
    let host = reach::bare_host(target);
    let (mut reached, mut trials) = reach_any(tools, watch, target, addresses(tools, host, named), named).await;
    let mut first_page = None;
    let places = places(&reached, named);
    for &place in &places {
        let page = reach::ask(tools, watch, 0, target, &mut reached[place]).await;
        let way = redirects::Way { ip: reached[place].ip(), others: Some(named.others(tools.forbidden)) };
        let from = page.map(|page| redirects::From { url: target.clone(), page, way });
        first_page = first_page.or(from);
    }
    let mute = places.iter().map(|&place| &reached[place]).find(|reached| reached.failed()).map(Reached::ip);
    if let (None, true, Some(ip)) = (&first_page, trials.is_empty(), mute) {
        trials = trials::take_apart(tools, watch, target, ip).await;
    }
    let mut seen: Vec<_> = reached.into_iter().flat_map(|reached| reached.seen).collect();
    if let Some(from) = first_page {
        let (offered, ip) = (more.h3 && from.page.offers_h3, from.way.ip);
        let may_hide = more.hidden && hellos::can_hide(&seen, ip);
        let over_quic =
            async { if offered { quic::measure(tools, watch, target, named).await } else { OverQuic::default() } };
        let hidden = async { if may_hide { hellos::hide(tools, watch, target, ip).await } else { Vec::new() } };
        let follow = redirects::follow(tools, sources, watch, from);
        let (hops, over_quic, hidden) = tokio::join!(follow, over_quic, hidden);
        trials.extend(hidden);
        trials.extend(over_quic.trials);
        seen.extend(hops);
        seen.extend(over_quic.seen);
    }
    Course { seen, trials }
}

/// Tries `chosen`, and again what failed. Where none of them connects, the others that were named are tried beside that: a
/// reader's program would go through them all. Where none leads anywhere, that is taken apart meanwhile.
async fn reach_any(
    tools: &Measurer,
    watch: &Watch,
    target: &TargetUrl,
    chosen: Vec<IpAddr>,
    named: &names::Named,
) -> (Vec<Reached>, Vec<Trial>) {
    let attempt = |patience| move |ip| reach::attempt(tools, watch, 0, target, ip, patience);
    let first = join_all(chosen.iter().copied().map(attempt(Patience::First))).await;
    let connected = first.iter().any(Reached::connected);
    let spare = if connected { Vec::new() } else { named.spare(tools.forbidden, &chosen) };
    let nowhere = nowhere(&first);
    let again = join_all(first.into_iter().map(|first| reach::again(tools, watch, 0, target, first)));
    let take_apart = async {
        match nowhere {
            Some((ip, connected)) => {
                let other_hellos =
                    async { if connected { hellos::take_apart(tools, watch, target, ip).await } else { Vec::new() } };
                let (trials, hellos) = tokio::join!(trials::take_apart(tools, watch, target, ip), other_hellos);
                [trials, hellos].concat()
            }
            None => Vec::new(),
        }
    };
    let (mut reached, spare, trials) =
        tokio::join!(again, join_all(spare.into_iter().map(attempt(Patience::Full))), take_apart);
    reached.extend(spare);
    (reached, trials)
}

/// The address to take apart, if none of them leads anywhere, and whether it let itself be connected to: the one that led
/// furthest, of IPv4 rather, which more lines have.
fn nowhere(reached: &[Reached]) -> Option<(IpAddr, bool)> {
    let failed = reached.iter().filter(|reached| reached.failed());
    let doubtful = reached.iter().all(|reached| !reached.is_good());
    let furthest = failed.filter(|_| doubtful).max_by_key(|reached| (reached.seen.len(), reached.ip().is_ipv4()));
    furthest.map(|reached| (reached.ip(), reached.connected()))
}

/// Addresses to try. One that stands in the URL is tried even where it is forbidden, so that the report says so.
fn addresses(tools: &Measurer, host: &str, named: &names::Named) -> Vec<IpAddr> {
    host.parse().map_or_else(|_| named.choose(tools.forbidden), |ip| vec![ip])
}

/// Where to ask for the page: at the best address the system's resolver named, and at the best the others named.
fn places(reached: &[Reached], named: &names::Named) -> Vec<usize> {
    let best = |list: &[IpAddr]| {
        let usable = (0..reached.len()).filter(|at| list.contains(&reached[*at].ip()) && reached[*at].rank() > 0);
        usable.min_by_key(|at| std::cmp::Reverse(reached[*at].rank()))
    };
    let (system, control) = (best(&named.system), best(&named.control));
    system.into_iter().chain(control.filter(|place| Some(*place) != system)).collect()
}

#[cfg(test)]
mod tests;
