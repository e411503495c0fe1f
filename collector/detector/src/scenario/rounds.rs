//! Who measures what when.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap};

use jiff::{SignedDuration, Timestamp};
use kedergi_verdict::{DnsManner, How};
use kedergi_wire::{
    Asn, CountryCode, Digest, FORMAT, Instrument, Known, Line, ProbeId, Report, Role, Source, SystemResolver, Tally,
    Vantage,
};

use super::noise::{below, happens};
use super::pace::{Hold, LUCKS, Paced};
use super::site::Site;
use super::synthesis::{Fate, observations};
use crate::Bursts;

use super::{Fault, FaultKind, Scenario, Technique};

/// Targets of one round begin this long after each other.
const STAGGER: SignedDuration = SignedDuration::from_millis(200);
/// A probe that is asked to test again does so between 5 seconds after the failure and a minute.
const AGAIN_AFTER_MS: u64 = 5_000;
const AGAIN_SPREAD_MS: u64 = 50_000;

/// Of so many seconds, some probe of a network polls in each.
const POLL: SignedDuration = SignedDuration::from_secs(15);

/// The share of rounds in which a target is drawn to be compared, as probes do.
const BY_LOT: f64 = 0.25;
/// Kbit/s that are let through where a step does not say: as Twitter's in Russia, March 2021.
const RATE: u32 = 140;

/// What is met because of a probe's faults; the first that it has counts.
const FAULTS: [(FaultKind, Fate); 6] = [
    (FaultKind::Flaky, Fate::Lost),
    (FaultKind::Portal, Fate::Portal),
    (FaultKind::Resolver, Fate::Met(How::Dns(DnsManner::WrongAddress))),
    (FaultKind::OldStore, Fate::OldStore),
    (FaultKind::Elsewhere, Fate::Elsewhere),
    (FaultKind::BrokenIpv6, Fate::BrokenIpv6),
];

/// A simulated probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SimProbe {
    /// Its place among all probes of the scenario, from 0, controls first.
    pub index: u32,
    /// Its place among those of its network, or among the controls, from 0.
    pub place: u32,
    /// What it is trusted with.
    pub role: Role,
    /// Where it measures from, at home if no time is said; `None` for a control.
    pub network: Option<Asn>,
}

impl SimProbe {
    /// What it is called where nobody enrolls.
    pub(super) fn id(&self) -> ProbeId {
        ProbeId(Digest::of(&self.index.to_be_bytes()).0)
    }
}

/// What one probe measured in one go.
#[derive(Debug, Clone, PartialEq)]
pub struct Round {
    /// When it began.
    pub at: Timestamp,
    /// Who measured.
    pub probe: SimProbe,
    /// What it saw, one report a target, oldest first. Never empty.
    pub reports: Vec<Report>,
}

impl Scenario {
    /// All probes, controls first.
    pub fn probes(&self) -> Vec<SimProbe> {
        let controls = (0..self.control.probes).map(|place| (place, Role::Control, None));
        let others = self
            .networks
            .iter()
            .flat_map(|network| (0..network.probes).map(|place| (place, Role::Probe, Some(network.asn))));
        let numbered = (0..).zip(controls.chain(others));
        numbered.map(|(index, (place, role, network))| SimProbe { index, place, role, network }).collect()
    }

    /// Everything that is measured, in order of time. The same scenario always yields the same rounds.
    pub fn rounds(&self) -> impl Iterator<Item = Round> + '_ {
        Rounds::new(self)
    }

    fn period(&self, probe: &SimProbe) -> SignedDuration {
        let network = self.networks.iter().find(|network| Some(network.asn) == probe.network);
        network.map_or(self.control.period, |network| network.period)
    }

    /// When a probe's round is due: a phase of its own, then every period, up to a tenth early or late.
    fn due(&self, probe: &SimProbe, round: u64) -> Timestamp {
        let period = u64::try_from(self.period(probe).as_millis()).unwrap_or(u64::MAX);
        let (index, tenth) = (u64::from(probe.index), period / 10);
        let phase = below(period, self.seed, &[1, index]);
        let jitter = below(2 * tenth, self.seed, &[2, index, round]);
        let after = (phase + jitter).saturating_add(period.saturating_mul(round)).saturating_sub(tenth);
        later(self.start, after)
    }

    pub(super) fn is_off(&self, probe: &SimProbe, at: Timestamp) -> bool {
        let here = self.whereabouts(probe, at).network;
        let silenced = self.steps.iter().any(|step| {
            step.technique == Technique::Silence
                && here.is_some_and(|asn| step.networks.is_empty() || step.networks.contains(&asn))
                && (step.from..step.until).contains(&at)
        });
        silenced || self.has_fault(FaultKind::Offline, probe, at, 0)
    }

    /// The probe where it is then: at home, or away.
    pub(super) fn whereabouts(&self, probe: &SimProbe, at: Timestamp) -> SimProbe {
        let away = self.faults.iter().find(|fault| fault.kind == FaultKind::Away && fault.concerns(probe, at));
        SimProbe { network: away.map_or(probe.network, |fault| fault.to), ..*probe }
    }

    /// All networks that a probe is ever on, its home first.
    pub fn haunts(&self, probe: &SimProbe) -> Vec<Asn> {
        let away = self.faults.iter().filter(|fault| fault.kind == FaultKind::Away && fault.is_of(probe));
        probe.network.into_iter().chain(away.filter_map(|fault| fault.to)).collect()
    }

    pub(super) fn has_fault(&self, kind: FaultKind, probe: &SimProbe, at: Timestamp, target: u64) -> bool {
        (0..).zip(&self.faults).any(|(number, fault)| {
            let place = [3, number, u64::from(probe.index), moment(at), target];
            fault.kind == kind && fault.concerns(probe, at) && happens(fault.share, self.seed, &place)
        })
    }

    fn fate(&self, probe: &SimProbe, at: Timestamp, target: u64, site: &Site, wanted: bool) -> Fate {
        let luck = match probe.role {
            Role::Probe => below(LUCKS, self.seed, &[6, u64::from(probe.index), moment(at), target]),
            Role::Control => 0,
        };
        let luck = u8::try_from(luck).unwrap_or(0);
        let paced = |hold| Fate::Paced(Paced { hold, wanted, luck });
        let here = self.whereabouts(probe, at).network;
        let interference = (0..).zip(&self.steps).find_map(|(number, step)| {
            let place = [4, number, u64::from(probe.index), moment(at), target];
            let met = step.concerns(here, &site.service, at) && happens(step.share, self.seed, &place);
            match step.technique {
                Technique::Block(how) if met => Some(Fate::Met(how)),
                Technique::Down if met => Some(Fate::Lost),
                Technique::Throttle(how) if met => Some(paced(Hold::Censor(how, step.rate.unwrap_or(RATE)))),
                Technique::Slow if met => Some(paced(Hold::Server)),
                Technique::Block(_)
                | Technique::Throttle(_)
                | Technique::Down
                | Technique::Slow
                | Technique::Silence => None,
            }
        });
        let faults = || FAULTS.into_iter().find(|(kind, _)| self.has_fault(*kind, probe, at, target));
        let congested = || self.has_fault(FaultKind::Congested, probe, at, target).then(|| paced(Hold::Line));
        let compared = || wanted.then(|| paced(Hold::Nothing));
        let fault = || faults().map(|(_, fate)| fate).or_else(congested);
        interference.or_else(fault).or_else(compared).unwrap_or(Fate::Works)
    }

    /// What is compared with a control host in a round however it seems: one target, now and then.
    fn by_lot(&self, probe: &SimProbe, at: Timestamp, targets: usize) -> Option<usize> {
        let place = |draw| [draw, u64::from(probe.index), moment(at)];
        let drawn = probe.role == Role::Probe && happens(BY_LOT, self.seed, &place(7));
        let target = below(u64::try_from(targets).unwrap_or(0), self.seed, &place(8));
        usize::try_from(target).ok().filter(|_| drawn)
    }
}

impl Fault {
    /// Faults are of volunteers' probes: controls are looked after.
    fn is_of(&self, probe: &SimProbe) -> bool {
        probe.network.is_some_and(|asn| self.networks.is_empty() || self.networks.contains(&asn))
            && (self.probes.is_empty() || self.probes.contains(&probe.place))
    }

    fn concerns(&self, probe: &SimProbe, at: Timestamp) -> bool {
        let at = self.first_time(at);
        self.is_of(probe) && self.from.is_none_or(|from| from <= at) && self.until.is_none_or(|until| at < until)
    }

    /// The time moved back by whole repetitions, to when it happened first.
    fn first_time(&self, at: Timestamp) -> Timestamp {
        let (Some(every), Some(from)) = (self.every, self.from) else { return at };
        let (since, every) = (at.duration_since(from).as_secs(), every.as_secs());
        let last = self.times.map_or(i64::MAX, |times| i64::from(times) - 1);
        let repeated = since.div_euclid(every).clamp(0, last.max(0)).saturating_mul(every);
        at.checked_sub(SignedDuration::from_secs(repeated)).unwrap_or(at)
    }
}

/// One entry of the agenda. The order of the fields is the order in which entries come up.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Due {
    at: Timestamp,
    probe: usize,
    what: What,
}

#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    /// The round of this number: all targets.
    Round(u64),
    /// Somebody saw these fail.
    Again(Vec<usize>),
}

/// A probe looks at some targets.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Looked {
    pub(super) at: Timestamp,
    /// Its place among all probes.
    pub(super) probe: usize,
    /// Where it is.
    pub(super) sim: SimProbe,
    /// Which version of its software it runs.
    pub(super) software: u32,
    /// Each target, and what its measurement met.
    pub(super) fates: Vec<(usize, Fate)>,
}

pub(super) struct Rounds<'a> {
    scenario: &'a Scenario,
    sites: Vec<Site>,
    probes: Vec<SimProbe>,
    /// Reports made so far, by probe.
    sequences: Vec<u64>,
    agenda: BinaryHeap<Reverse<Due>>,
    /// Who is asked again about which target: a network, or with `None` the controls.
    bursts: Bursts<(Option<Asn>, usize)>,
    /// Up to when what became due was asked for.
    polled: Timestamp,
}

impl<'a> Rounds<'a> {
    pub(super) fn new(scenario: &'a Scenario) -> Self {
        let targets = scenario
            .services
            .iter()
            .flat_map(|service| service.targets.iter().map(|target| Site::new(target, &service.id)));
        let probes = scenario.probes();
        let first =
            |(probe, sim): (usize, &SimProbe)| Reverse(Due { at: scenario.due(sim, 0), probe, what: What::Round(0) });
        let agenda = probes.iter().enumerate().map(first).collect();
        Self {
            scenario,
            sites: targets.collect(),
            sequences: vec![0; probes.len()],
            probes,
            agenda,
            bursts: Bursts::default(),
            polled: scenario.start,
        }
    }

    /// The next time that a probe looks. `None` when the scenario is over.
    pub(super) fn look(&mut self) -> Option<Looked> {
        loop {
            while let Some(Reverse(next)) = self.agenda.peek()
                && self.poll(next.at)
            {}
            let Reverse(due) = self.agenda.pop()?;
            if due.at >= self.scenario.end {
                // The agenda is in order: what follows is later still.
                return None;
            }
            if let Some(looked) = self.carry_out(due) {
                return Some(looked);
            }
        }
    }

    /// Carries out one entry of the agenda. `None` if the probe is off.
    fn carry_out(&mut self, due: Due) -> Option<Looked> {
        let sim = self.probes[due.probe];
        let mut wanted = None;
        let targets: Vec<_> = match &due.what {
            &What::Round(round) => {
                let next =
                    Due { at: self.scenario.due(&sim, round + 1), probe: due.probe, what: What::Round(round + 1) };
                self.agenda.push(Reverse(next));
                wanted = self.scenario.by_lot(&sim, due.at, self.sites.len());
                (0..self.sites.len()).collect()
            }
            What::Again(targets) => targets.clone(),
        };
        // What is asked for again is compared; controls compare nothing.
        let again = matches!(due.what, What::Again(_)) && sim.role == Role::Probe;
        if self.scenario.is_off(&sim, due.at) {
            return None;
        }
        let cut = self.scenario.has_fault(FaultKind::Cut, &sim, due.at, 0);
        let fates: Vec<_> = targets
            .into_iter()
            .map(|target| (target, self.fate(&sim, due.at, target, cut, again || wanted == Some(target))))
            .collect();
        let updated = self.scenario.has_fault(FaultKind::Update, &sim, due.at, 0);
        let sim = self.scenario.whereabouts(&sim, due.at);
        self.test_again(&sim, due.at, &fates);
        Some(Looked { at: due.at, probe: due.probe, sim, software: 1 + u32::from(updated), fates })
    }

    /// Where the scenario takes place.
    pub(super) fn country(&self) -> CountryCode {
        self.scenario.country
    }

    fn fate(&self, probe: &SimProbe, at: Timestamp, target: usize, cut: bool, wanted: bool) -> Fate {
        let number = u64::try_from(target).unwrap_or(u64::MAX);
        let site = &self.sites[target];
        if cut { Fate::Cut } else { self.scenario.fate(probe, started(at, target), number, site, wanted) }
    }

    /// Where targets fail, the other probes of the network and the controls look too.
    fn test_again(&mut self, probe: &SimProbe, at: Timestamp, fates: &[(usize, Fate)]) {
        let Some(network) = probe.network.filter(|_| self.scenario.burst) else { return };
        for audience in [Some(network), None] {
            let mut news = Vec::new();
            for &(target, fate) in fates {
                match fate {
                    Fate::Paced(paced) if !paced.accuses(&self.sites[target]) => {}
                    // What accuses took long in three pairs at least.
                    Fate::Paced(_) if audience.is_some() => {
                        let ask = self.bursts.unsure(&(audience, target), probe.id(), at);
                        news.extend(ask.then_some(target));
                    }
                    Fate::Met(_) | Fate::Lost | Fate::Portal | Fate::Paced(_) => {
                        let ask = self.bursts.failed(&(audience, target), probe.id(), at);
                        news.extend(ask.then_some(target));
                    }
                    Fate::Cut | Fate::Works | Fate::OldStore | Fate::Elsewhere | Fate::BrokenIpv6 => {}
                }
            }
            self.ask(audience, at, &news, Some(probe.index));
        }
    }

    /// What fell due until then goes out, as probes poll. Whether something did: then somebody may look before.
    fn poll(&mut self, until: Timestamp) -> bool {
        while self.polled.checked_add(POLL).is_ok_and(|next| next <= until) {
            self.polled += POLL;
            let mut due = BTreeMap::<Option<Asn>, Vec<usize>>::new();
            for (audience, target) in self.bursts.due(self.polled) {
                due.entry(audience).or_default().push(target);
            }
            if !due.is_empty() {
                due.into_iter().for_each(|(audience, targets)| self.ask(audience, self.polled, &targets, None));
                return true;
            }
        }
        self.bursts.forget(self.polled);
        false
    }

    fn ask(&mut self, audience: Option<Asn>, at: Timestamp, targets: &[usize], except: Option<u32>) {
        if targets.is_empty() {
            return;
        }
        for (number, probe) in self.probes.iter().enumerate() {
            let here = self.scenario.whereabouts(probe, at).network;
            if here == audience && Some(probe.index) != except {
                let place = [5, u64::from(probe.index), moment(at)];
                let after = AGAIN_AFTER_MS + below(AGAIN_SPREAD_MS, self.scenario.seed, &place);
                self.agenda.push(Reverse(Due {
                    at: later(at, after),
                    probe: number,
                    what: What::Again(targets.to_vec()),
                }));
            }
        }
    }

    /// What a probe would have written down of a target that met this.
    pub(super) fn report(&mut self, looked: &Looked, target: usize, fate: Fate) -> Report {
        let site = &self.sites[target];
        let of_probe = looked.sim.role == Role::Probe;
        self.sequences[looked.probe] += 1;
        Report {
            format: FORMAT,
            sequence: self.sequences[looked.probe],
            started: looked.started(target),
            clock_offset_ms: Some(0),
            target: site.url.clone(),
            vantage: self.vantage(&looked.sim),
            line: line(site, fate),
            observations: observations(site, fate),
            trials: Vec::new(),
            pairs: paced(fate).filter(|_| of_probe).map_or_else(Vec::new, |paced| paced.pairs(site)),
            instrument: Some(Instrument { software: format!("simulated {}", looked.software), list: None }),
        }
    }

    fn vantage(&self, probe: &SimProbe) -> Vantage {
        let country = probe.network.map(|_| self.scenario.country);
        Vantage {
            network: probe.network.map(|value| Known { value, source: Source::Collector }),
            country: country.map(|value| Known { value, source: Source::Collector }),
            resolver: Some(Known { value: SystemResolver::Remote, source: Source::Machine }),
            tunnel: false,
        }
    }
}

impl Iterator for Rounds<'_> {
    type Item = Round;

    fn next(&mut self) -> Option<Round> {
        let looked = self.look()?;
        let reports = looked.fates.iter().map(|&(target, fate)| self.report(&looked, target, fate)).collect();
        Some(Round { at: looked.at, probe: looked.sim, reports })
    }
}

impl Looked {
    /// When the turn of a target came.
    pub(super) fn started(&self, target: usize) -> Timestamp {
        started(self.at, target)
    }
}

fn paced(fate: Fate) -> Option<Paced> {
    match fate {
        Fate::Paced(paced) => Some(paced),
        Fate::Works
        | Fate::Met(_)
        | Fate::Lost
        | Fate::Cut
        | Fate::Portal
        | Fate::OldStore
        | Fate::Elsewhere
        | Fate::BrokenIpv6 => None,
    }
}

/// A line that works, but for some loss, or one that does not.
fn line(site: &Site, fate: Fate) -> Line {
    let answered = |count| if fate == Fate::Cut { 0 } else { count };
    Line {
        outside: Tally { tried: 30, answered: answered(27) },
        resolver: Tally { tried: 15, answered: answered(15) },
        rate_kbit_s: paced(fate).and_then(|paced| paced.line_kbit_s(site)),
        ..Line::default()
    }
}

fn later(at: Timestamp, milliseconds: u64) -> Timestamp {
    let span = SignedDuration::from_millis(i64::try_from(milliseconds).unwrap_or(i64::MAX));
    at.checked_add(span).unwrap_or(Timestamp::MAX)
}

/// When a target's turn comes in a round.
fn started(round: Timestamp, target: usize) -> Timestamp {
    let stagger = STAGGER * i32::try_from(target).unwrap_or(0);
    round.checked_add(stagger).unwrap_or(round)
}

/// A time as a place to draw for.
fn moment(at: Timestamp) -> u64 {
    at.as_millisecond().unsigned_abs()
}
