//! A simulated country: probes that look at services in rounds, retests as the collector's agenda asks for them, controls.
//!
//! Verdicts are drawn, not judged from reports: thousands of runs must take minutes.

use std::cmp::Reverse;
use std::collections::BinaryHeap;

use jiff::Timestamp;
use kedergi_detector::{Bursts, ControlVote, Heartbeat, Input, Instrument, Listening, Neighbourhood, Source, Vote};
use kedergi_verdict::{Compared, DnsManner, How, Outcome, Pace, RuleId, TcpManner, TlsManner};
use kedergi_wire::{Altered, Asn, BatchId, CountryCode, ProbeId, ReportRef, ServiceId};

/// 1 January 2026, 00:00 UTC; all times are seconds after it.
const EPOCH: i64 = 1_767_225_600;
/// Controls: how many, and seconds from one round to the next.
const CONTROLS: u32 = 2;
const CONTROL_PERIOD: u32 = 600;
/// Asked to look again, a probe does so within these seconds.
const AGAIN: (u32, u32) = (5, 50);
/// Of so many seconds, some probe of a network polls in each.
const POLL: u32 = 15;
/// The collector keeps one sign of life in so many seconds.
const BEAT: u32 = 300;

pub(crate) const MINUTE: u32 = 60;
pub(crate) const HOUR: u32 = 3600;
pub(crate) const DAY: u32 = 24 * HOUR;

/// Chance (`SplitMix64`).
#[derive(Debug, Clone)]
pub(crate) struct Rng(u64);

impl Rng {
    pub(crate) fn new(seed: u64) -> Self {
        let mut rng = Self(seed);
        // Neighbouring seeds begin alike.
        rng.next();
        Self(rng.next())
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `limit`.
    pub(crate) fn below(&mut self, limit: u32) -> u32 {
        let high = u32::try_from(self.next() >> 32).unwrap_or(u32::MAX);
        u32::try_from((u64::from(high) * u64::from(limit)) >> 32).unwrap_or(0)
    }

    /// Whether something happens that happens this often in a thousand.
    pub(crate) fn chance(&mut self, permille: u32) -> bool {
        self.below(1000) < permille
    }
}

/// Probes of one network.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    pub(crate) probes: u32,
    /// Of these, how many enrolled on the first day; the others long before.
    pub(crate) new: u32,
    /// Seconds from one round to the next.
    pub(crate) period: u32,
}

impl Network {
    pub(crate) fn of(probes: u32, period: u32) -> Self {
        Self { probes, new: 0, period }
    }
}

/// Who measures, and for how long.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) networks: Vec<Network>,
    pub(crate) services: u32,
    pub(crate) seconds: u32,
    pub(crate) seed: u64,
}

/// One measurement.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Look {
    pub(crate) at: u32,
    /// `None` for a control.
    pub(crate) network: Option<usize>,
    pub(crate) probe: u32,
    pub(crate) service: u32,
    /// Whether it was asked for because somebody failed.
    pub(crate) again: bool,
}

/// What it met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Seen {
    Fine,
    /// Silence after the name in the handshake.
    Blocked,
    /// A false answer of the resolver.
    Lied,
    /// It could not be connected to: by chance, or because it is down. The control tells.
    Failed,
    /// It was compared with a control host: 1000 * log10 of how many times as long it took, and whether the report alone
    /// suffices to call it throttled. Not `by_name`: with another host's bytes.
    Compared {
        slowness: i32,
        throttled: bool,
        by_name: bool,
        pairs: u8,
    },
    /// The probe is off.
    Off,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Round,
    Again(u32),
    /// A sign of life, as the collector keeps them.
    Beat,
    /// The collector says that it listened.
    Listen,
}

struct Play<'a> {
    world: &'a World,
    people: Vec<Person>,
    services: Vec<ServiceId>,
    country: CountryCode,
    agenda: BinaryHeap<Reverse<(u32, usize, What)>>,
    bursts: Bursts<(Option<usize>, u32)>,
    /// Whether the controls reached the service when last they looked.
    fine: Vec<bool>,
    rng: Rng,
    /// Up to when what became due was asked for.
    polled: u32,
}

#[derive(Debug, Clone, Copy)]
struct Person {
    network: Option<usize>,
    place: u32,
    period: u32,
    id: ProbeId,
    new: bool,
}

pub(crate) fn time(second: u32) -> Timestamp {
    Timestamp::from_second(EPOCH + i64::from(second)).unwrap_or(Timestamp::MAX)
}

pub(crate) fn asn(network: usize) -> Asn {
    u32::try_from(network).ok().and_then(|number| Asn::new(64_496 + number)).expect("few networks")
}

/// Plays a world. `meets` says what a measurement meets, `each` takes what the detector would hear and says whether to go on.
pub(crate) fn play(
    world: &World,
    mut meets: impl FnMut(Look, &mut Rng) -> Seen,
    mut each: impl FnMut(u32, &Input) -> bool,
) {
    let mut play = Play::new(world);
    while let Some((at, who, what)) = play.next() {
        if at >= world.seconds {
            return;
        }
        let person = play.people[who];
        let again = matches!(what, What::Again(_));
        let services = match what {
            What::Round => {
                let tenth = person.period / 10;
                let next = at + person.period - tenth + play.rng.below(2 * tenth + 1);
                play.agenda.push(Reverse((next, who, What::Round)));
                0..world.services
            }
            What::Again(service) => service..service + 1,
            What::Beat | What::Listen => {
                let goes_on = play.sign(at, who, what, &mut meets).is_none_or(|sign| each(at, &sign));
                if goes_on { continue } else { return }
            }
        };
        for service in services {
            let look = Look { at, network: person.network, probe: person.place, service, again };
            let seen = meets(look, &mut play.rng);
            if let Some(input) = play.input(who, look, seen)
                && !each(at, &input)
            {
                return;
            }
        }
    }
}

impl<'a> Play<'a> {
    fn new(world: &'a World) -> Self {
        let mut rng = Rng::new(world.seed);
        let people = people(world);
        let first =
            people.iter().enumerate().map(|(who, person)| Reverse((rng.below(person.period), who, What::Round)));
        let mut agenda: BinaryHeap<_> = first.collect();
        let mut signs = Rng::new(world.seed ^ 0xbea7);
        agenda.extend(people.iter().enumerate().map(|(who, _)| Reverse((signs.below(BEAT), who, What::Beat))));
        // A minute's heartbeats are told before it is told that it was listened to.
        agenda.push(Reverse((MINUTE, 0, What::Listen)));
        let service = |number| format!("service-{number}").parse().expect("a service's name");
        Self {
            world,
            people,
            services: (0..world.services).map(service).collect(),
            country: "KZ".parse().expect("a country"),
            agenda,
            bursts: Bursts::default(),
            fine: (0..world.services).map(|_| true).collect(),
            rng,
            polled: 0,
        }
    }

    /// A sign of life, or that the collector listened for the minute that is over.
    fn sign(
        &mut self,
        at: u32,
        who: usize,
        what: What,
        mut meets: impl FnMut(Look, &mut Rng) -> Seen,
    ) -> Option<Input> {
        if what == What::Listen {
            self.agenda.push(Reverse((at + MINUTE, who, What::Listen)));
            return Some(Input::Listening(Listening { at: time(at - MINUTE), controls: CONTROLS }));
        }
        self.agenda.push(Reverse((at + BEAT, who, What::Beat)));
        let person = self.people[who];
        let look = Look { at, network: person.network, probe: person.place, service: 0, again: false };
        // What is measured meanwhile draws no other numbers for it.
        let alive = meets(look, &mut self.rng.clone()) != Seen::Off;
        let Source::Probe { id, neighbourhood, enrolled } = person.source() else { return None };
        let network = asn(person.network.filter(|_| alive)?);
        Some(Input::Heartbeat(Heartbeat {
            at: time(at),
            probe: id,
            country: self.country,
            network,
            neighbourhood,
            enrolled,
        }))
    }

    fn input(&mut self, who: usize, look: Look, seen: Seen) -> Option<Input> {
        let person = self.people[who];
        let place = usize::try_from(look.service).ok()?;
        let Some(network) = look.network else {
            let reachable = seen == Seen::Fine;
            self.fine[place] = reachable;
            return Some(Input::Control(ControlVote {
                at: time(look.at),
                service: self.services[place].clone(),
                reachable,
                control: Some(person.id),
                country: None,
            }));
        };
        let (outcome, rule, pace) = match seen {
            Seen::Off => return None,
            Seen::Fine => (Outcome::Reachable, "reached", None),
            Seen::Blocked => (Outcome::Blocked { how: How::Tls(TlsManner::Timeout) }, "tls-timeout", None),
            Seen::Lied => (Outcome::Blocked { how: How::Dns(DnsManner::WrongAddress) }, "dns-wrong-address", None),
            Seen::Failed if self.fine[place] => {
                (Outcome::Blocked { how: How::Tcp(TcpManner::Timeout) }, "tcp-timeout", None)
            }
            Seen::Failed => (Outcome::Down, "control-fails-too", None),
            Seen::Compared { slowness, throttled, by_name, pairs } => {
                let altered = if by_name { Altered::TargetNameElsewhere } else { Altered::ControlHost };
                let pace = Pace { slowness, regime: None, compared: Some(Compared { altered, pairs }) };
                let throttled = throttled.then_some((Outcome::Throttled, "throttled-name"));
                let (outcome, rule) = throttled.unwrap_or((Outcome::Reachable, "reached"));
                (outcome, rule, Some(pace))
            }
        };
        let unsure = pace.is_some_and(|pace| pace.is_likely_slow());
        match outcome {
            Outcome::Blocked { .. } | Outcome::Throttled => self.failed(who, network, look, unsure),
            Outcome::Reachable if pace.is_some_and(|pace| pace.seems_slow()) => {
                self.failed(who, network, look, unsure);
            }
            Outcome::Reachable | Outcome::Down | Outcome::Inconclusive { .. } => {}
        }
        Some(Input::Vote(Vote {
            at: time(look.at),
            country: self.country,
            network: asn(network),
            service: self.services[place].clone(),
            source: person.source(),
            outcome,
            rule: RuleId(rule.into()),
            trigger: None,
            resolver: None,
            sureness: None,
            slowness: pace,
            instrument: Instrument::default(),
            report: Some(ReportRef { batch: BatchId(person.id.0), index: 0 }),
        }))
    }

    /// What the collector's agenda does about a failure.
    fn failed(&mut self, who: usize, network: usize, look: Look, unsure: bool) {
        for audience in [Some(network), None] {
            let about = (audience, look.service);
            let (probe, at) = (self.people[who].id, time(look.at));
            let ask = if unsure && audience.is_some() {
                self.bursts.unsure(&about, probe, at)
            } else {
                self.bursts.failed(&about, probe, at)
            };
            if ask {
                self.ask(about, look.at, Some(who));
            }
        }
    }

    fn next(&mut self) -> Option<(u32, usize, What)> {
        while let Some(&Reverse((at, ..))) = self.agenda.peek() {
            if !self.poll(at) {
                break;
            }
        }
        self.agenda.pop().map(|Reverse(next)| next)
    }

    /// What fell due until then goes out, as probes poll. Whether something did: then somebody may look before.
    fn poll(&mut self, until: u32) -> bool {
        while self.polled + POLL <= until {
            self.polled += POLL;
            if self.polled.is_multiple_of(HOUR) {
                self.bursts.forget(time(self.polled));
            }
            let due = self.bursts.due(time(self.polled));
            let any = !due.is_empty();
            due.into_iter().for_each(|about| self.ask(about, self.polled, None));
            if any {
                return true;
            }
        }
        false
    }

    fn ask(&mut self, (audience, service): (Option<usize>, u32), at: u32, except: Option<usize>) {
        for (who, person) in self.people.iter().enumerate() {
            if person.network == audience && Some(who) != except {
                let again = at + AGAIN.0 + self.rng.below(AGAIN.1);
                self.agenda.push(Reverse((again.min(self.world.seconds), who, What::Again(service))));
            }
        }
    }
}

impl Person {
    fn source(&self) -> Source {
        let piece = u64::from(self.place);
        let enrolled =
            if self.new { time(0) } else { Timestamp::from_second(EPOCH - 90 * 86_400).unwrap_or(Timestamp::MIN) };
        Source::Probe { id: self.id, neighbourhood: Some(Neighbourhood(piece)), enrolled: Some(enrolled) }
    }
}

fn people(world: &World) -> Vec<Person> {
    let controls = (0..CONTROLS).map(|place| (None, place, CONTROL_PERIOD, false));
    let probes = world.networks.iter().enumerate().flat_map(|(number, network)| {
        (0..network.probes)
            .map(move |place| (Some(number), place, network.period, place + network.new >= network.probes))
    });
    let numbered = (1_u32..).zip(controls.chain(probes));
    let person = |(number, (network, place, period, new)): (u32, _)| {
        let mut id = [0; 32];
        id[..4].copy_from_slice(&number.to_be_bytes());
        id[4..12].copy_from_slice(&Rng::new(u64::from(number)).0.to_be_bytes());
        Person { network, place, period, id: ProbeId(id), new }
    };
    numbered.map(person).collect()
}
