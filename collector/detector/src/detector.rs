//! The detector: inputs in, changes out.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kedergi_verdict::{Outcome, Why};
use kedergi_wire::{CountryCode, Digest, ProbeId, ServiceId};
use serde::{Deserialize, Serialize};

use crate::agreement::{AT_ONCE, Measured, agree, excuse};
use crate::controls::Controls;
use crate::group::groups;
use crate::habits::{Habits, day};
use crate::newcomers::{self, Word, heed_elders};
use crate::reasoning::{Around, reasoning};
use crate::series::{Key, Series};
use crate::silence::{Life, SignOfLife, Silence};
use crate::slots::{self, Slots};
use crate::slow::Pace;
use crate::telling::{changes, named};
use crate::time::Moment;
use crate::votes::{Ballot, Cast, Found, Put, Who};
use crate::weights::{YOUNG, strength};
use crate::{
    Affected, Change, ControlVote, Event, EventState, Heartbeat, Input, Kind, Level, Listening, Note, Source, Vote,
};

/// How late a fact may come, measured by the newest fact of its series, and still count. Probes keep their reports while the
/// collector is out of reach; a day covers a cut that lasts from one night to the next.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(24);

/// A service that is found blocked in this many other countries at once is down.
const WORLD: usize = 2;

/// Turns votes into events.
///
/// It knows no clock: time is what the votes say. The same votes, in whatever order and however late up to [`HORIZON`], lead
/// to the same events. Save it with `serde` and restore it: it goes on as if nothing had happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detector {
    /// Boxed, because a map keeps room for more than there is in it.
    #[serde(with = "crate::pairs")]
    series: BTreeMap<Key, Box<Series>>,
    /// Those in which something is asked, or to be told: to the others controls have nothing to say, and they are most.
    asked: BTreeSet<Key>,
    controls: BTreeMap<ServiceId, Controls>,
    /// Events as last told.
    #[serde(with = "crate::pairs")]
    told: BTreeMap<CountryCode, Vec<Event>>,
    measured: Measured,
    /// The newest vote.
    #[serde(default, with = "crate::pairs")]
    newest: BTreeMap<CountryCode, Moment>,
    /// When controls reached each service, for longer than [`Controls`] knows.
    #[serde(default)]
    reached: BTreeMap<ServiceId, Slots>,
    #[serde(default)]
    silence: Silence,
    #[serde(default)]
    habits: Habits,
    too_late: u64,
}

impl Detector {
    /// Takes one more thing into account and tells what became known by it.
    pub fn apply(&mut self, input: &Input) -> Vec<Change> {
        match input {
            Input::Vote(vote) => [self.sign(sign_of(vote)), self.vote(vote)].concat(),
            Input::Control(vote) => self.control(vote),
            Input::Heartbeat(beat) => self.beat(beat),
            Input::Listening(listening) => self.listen(listening),
        }
    }

    /// The events as they stand, by country, oldest first. Those that closed more than two horizons ago are forgotten here.
    pub fn events(&self) -> Vec<Event> {
        self.told.iter().flat_map(|(&country, told)| self.derive(country, told)).collect()
    }

    /// Votes ignored because they came later than [`HORIZON`].
    pub fn too_late(&self) -> u64 {
        self.too_late
    }

    fn vote(&mut self, vote: &Vote) -> Vec<Change> {
        let (Some(ballot), Some(at)) = (ballot(vote), Moment::of(vote.at)) else { return Vec::new() };
        let cast = Cast { at, who: who(vote, at), ballot, instrument: vote.instrument };
        self.measured.note(vote.country, vote.network, cast.who.witness, at);
        // The name as all series of this service have it.
        let known = self.controls.get_key_value(&vote.service).map_or(&vote.service, |(service, _)| service);
        let key = Key { country: vote.country, network: vote.network, service: known.clone() };
        if matches!(vote.source, Source::Probe { .. }) && !self.habits.are_known(day(at)) {
            self.take_habits(&key, at);
        }
        let controls = self.controls.entry(key.service.clone()).or_default();
        let series = self.series.entry(key.clone()).or_default();
        let was_asked = series.is_asked();
        let (put, changed) = series.cast(cast, controls, self.habits.of(vote.country));
        match (was_asked, series.is_asked()) {
            (false, true) => _ = self.asked.insert(key),
            (true, false) => _ = self.asked.remove(&key),
            (false, false) | (true, true) => {}
        }
        if put == Put::TooLate {
            self.too_late += 1;
        } else if series.seen.note(vote, at) {
            series.seen.forget(&onset_days(self.told.get(&vote.country).into_iter().flatten()));
        }
        let looks_again = self.looks_again(vote.country, at);
        if changed {
            self.tell_of(&vote.service, vote.country)
        } else if looks_again {
            self.tell(vote.country)
        } else {
            Vec::new()
        }
    }

    #[cfg(test)]
    pub(crate) fn habits(&self) -> &Habits {
        &self.habits
    }

    /// Takes the habits of the day of a vote before it is read, unless it comes too late to be read.
    fn take_habits(&mut self, key: &Key, at: Moment) {
        if self.series.get(key).is_none_or(|series| at >= series.edge()) {
            self.habits.take(day(at), &self.series);
        }
    }

    /// Takes note of the time. Whether another ten minutes have passed in which something began, so that more can be said of
    /// what else worked meanwhile.
    fn looks_again(&mut self, country: CountryCode, at: Moment) -> bool {
        let newest = self.newest.entry(country).or_default();
        let passed = slots::slot(*newest) < slots::slot(at);
        *newest = at.max(*newest);
        let scopes = || self.told.get(&country).into_iter().flatten().flat_map(|event| &event.scope);
        let is_fresh = |affected: &Affected| {
            affected.confirmed.and(Moment::of(affected.onset.latest)).is_some_and(|onset| slots::is_fresh(onset, at))
        };
        passed && scopes().any(is_fresh)
    }

    fn control(&mut self, vote: &ControlVote) -> Vec<Change> {
        let Some(at) = Moment::of(vote.at).filter(|_| vote.reachable) else { return Vec::new() };
        let controls = self.controls.entry(vote.service.clone()).or_default();
        controls.reached(at);
        let reached = self.reached.entry(vote.service.clone()).or_default();
        if reached.note(at) {
            reached.forget(&onset_days(self.told.values().flatten()));
        }
        let mut touched = Vec::new();
        for key in self.asked.iter().filter(|key| key.service == vote.service) {
            let changed = self.series.get_mut(key).is_some_and(|series| series.consult(controls));
            if changed && touched.last() != Some(&key.country) {
                touched.push(key.country);
            }
        }
        touched.into_iter().flat_map(|country| self.tell(country)).collect()
    }

    /// Who is heard counts for how much of a country is measured, whether it has anything to say or not.
    fn beat(&mut self, beat: &Heartbeat) -> Vec<Change> {
        let sign = sign_in(beat);
        let trusted = sign.filter(|sign| sign.enrolled.is_none_or(|enrolled| enrolled < sign.at.before(YOUNG)));
        if let Some(sign) = trusted {
            self.measured.note(sign.country, sign.network, newcomers::lasting(sign.probe), sign.at);
        }
        self.sign(sign)
    }

    fn sign(&mut self, sign: Option<SignOfLife>) -> Vec<Change> {
        let Some(sign) = sign.filter(|sign| self.silence.sign(sign)) else { return Vec::new() };
        self.tell_silence(&[sign.country])
    }

    fn listen(&mut self, listening: &Listening) -> Vec<Change> {
        let Some(at) = Moment::of(listening.at) else { return Vec::new() };
        let changed = self.silence.listen(at, listening.controls > 0);
        if changed.is_empty() { Vec::new() } else { self.tell_silence(&changed) }
    }

    /// Tells of countries in which silence changed, and of the others that are silent: if many are, it is the collector.
    fn tell_silence(&mut self, changed: &[CountryCode]) -> Vec<Change> {
        let countries: BTreeSet<_> = self.silence.told().chain(changed.iter().copied()).collect();
        countries.into_iter().flat_map(|country| self.tell(country)).collect()
    }

    /// The networks of a country that are silent or were.
    fn silent(&self, country: CountryCode) -> Vec<Affected> {
        let heed = |words| heed_elders(words, |at| self.measured.has_elders(country, at));
        let mut silent: Vec<_> = heed(self.silence.words(country)).into_iter().map(|word| word.affected).collect();
        let elsewhere = || self.silence.told().filter(|other| *other != country);
        let elders = |word: &Word| !word.newcomers;
        let abroad = elsewhere().map(|other| self.silence.words(other).into_iter().filter(elders));
        let abroad: Vec<Vec<_>> = abroad.map(|words| words.map(|word| word.affected).collect()).collect();
        for affected in silent.iter_mut().filter(|affected| affected.confirmed.is_some()) {
            let at_once = |other: &Affected| {
                let apart = other.onset.latest.duration_since(affected.onset.latest).abs();
                other.confirmed.is_some() && apart <= AT_ONCE
            };
            let many = abroad.iter().filter(|others| others.iter().any(at_once)).count() >= WORLD;
            affected.notes.extend(many.then_some(Note::Down));
        }
        silent
    }

    /// Tells of a country in which something about a service changed, and of those whose events that may explain away.
    fn tell_of(&mut self, service: &ServiceId, country: CountryCode) -> Vec<Change> {
        let mut changes = self.tell(country);
        let abroad = self.abroad(country);
        let same = abroad.iter().filter(|((other, _), _)| *other == service);
        let elsewhere: BTreeSet<_> = same.flat_map(|(_, onsets)| onsets.iter().map(|(other, _)| *other)).collect();
        if elsewhere.len() >= WORLD {
            changes.extend(elsewhere.into_iter().flat_map(|other| self.tell(other)));
        }
        changes
    }

    /// What was found blocked or slowed down in other countries, and since when.
    fn abroad(&self, country: CountryCode) -> Abroad<'_> {
        let mut abroad = Abroad::new();
        for (key, series) in self.series.iter().filter(|(key, _)| key.country != country) {
            for (kind, onset) in series.onsets() {
                abroad.entry((&key.service, kind)).or_default().push((key.country, onset.timestamp()));
            }
        }
        abroad
    }

    fn tell(&mut self, country: CountryCode) -> Vec<Change> {
        let told = self.told.remove(&country).unwrap_or_default();
        let now = self.derive(country, &told);
        let changes = changes(&told, &now);
        let kept = self.forget(country, now);
        self.told.insert(country, kept);
        changes
    }

    fn derive(&self, country: CountryCode, told: &[Event]) -> Vec<Event> {
        let series = self.series.iter().filter(|(key, _)| key.country == country);
        let words = series.flat_map(|(key, series)| series.told(key)).collect();
        let mut all = agree(heed_elders(words, |at| self.measured.has_elders(country, at)));
        let abroad = self.abroad(country);
        for affected in all.iter_mut().filter(|affected| affected.confirmed.is_some()) {
            affected.notes.extend(is_down(affected, &abroad).then_some(Note::Down));
        }
        excuse(&mut all);
        let causes = [groups(all.clone()), groups(self.silent(country))].concat();
        let mut events = named(country, causes, told);
        events.iter_mut().for_each(|event| self.measured.assess(event));
        if events.iter().any(|event| event.level > Level::Suspected) {
            let around = self.around(country, &all);
            events.iter_mut().for_each(|event| event.reasoning = reasoning(event, &around));
        }
        events
    }

    /// What is known of a country beside what was found blocked there.
    fn around<'a>(&'a self, country: CountryCode, alarmed: &'a [Affected]) -> Around<'a> {
        let mut seen = BTreeMap::<_, BTreeMap<_, _>>::new();
        for (key, series) in self.series.iter().filter(|(key, _)| key.country == country) {
            seen.entry(key.network).or_default().insert(&key.service, &series.seen);
        }
        let now = self.newest.get(&country).copied().unwrap_or_default();
        Around { now, alarmed, seen, controls: &self.reached }
    }

    /// Drops events that are settled, and the alarms they rest on: the ledger keeps them.
    fn forget(&mut self, country: CountryCode, events: Vec<Event>) -> Vec<Event> {
        let (settled, kept): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| self.is_settled(event));
        for affected in settled.iter().flat_map(|event| &event.scope) {
            let Some(service) = affected.service.clone() else {
                self.silence.forget(country, affected);
                continue;
            };
            let key = Key { country, network: affected.network, service };
            let cleared = affected.cleared.and_then(Moment::of);
            let times = Moment::of(affected.onset.latest).zip(cleared);
            if let (Some(series), Some((onset, cleared))) = (self.series.get_mut(&key), times) {
                series.forget(onset, cleared);
            }
        }
        kept
    }

    /// Whether an event is over, and has been for a horizon longer than facts may come late, on each of its networks.
    fn is_settled(&self, event: &Event) -> bool {
        let past = |affected: &Affected| {
            let edge = match affected.service.clone() {
                Some(service) => {
                    let key = Key { country: event.country, network: affected.network, service };
                    self.series.get(&key).map(|series| series.edge())
                }
                None => Some(self.silence.edge(event.country)),
            };
            let settled = edge.map(|edge| edge.before(HORIZON).timestamp());
            affected.cleared.zip(settled).is_some_and(|(cleared, settled)| cleared < settled)
        };
        event.state == EventState::Closed && event.scope.iter().all(past)
    }
}

/// The days on which something began that is told of: what worked meanwhile must be known for as long.
fn onset_days<'a>(told: impl Iterator<Item = &'a Event>) -> BTreeSet<u32> {
    let onsets = told.flat_map(|event| &event.scope).filter_map(|affected| Moment::of(affected.onset.latest));
    onsets.flat_map(slots::days).collect()
}

/// For each service, and each kind of thing that may happen to it, the countries where that was found, and since when.
type Abroad<'a> = BTreeMap<(&'a ServiceId, Kind), Vec<(CountryCode, Timestamp)>>;

/// Whether it began in other countries at the same time: then it is not this country's doing.
fn is_down(affected: &Affected, abroad: &Abroad<'_>) -> bool {
    let same = affected.service.as_ref().and_then(|service| abroad.get(&(service, affected.kind)));
    let onsets = same.into_iter().flatten();
    let at_once = onsets.filter(|(_, onset)| onset.duration_since(affected.onset.latest).abs() <= AT_ONCE);
    at_once.map(|(country, _)| country).collect::<BTreeSet<_>>().len() >= WORLD
}

/// What a vote says, if it says anything. Throttling has a test of its own: counted as blocked it would be called what it is
/// not, counted as clear it would end an event that goes on.
fn ballot(vote: &Vote) -> Option<Ballot> {
    match vote.outcome {
        Outcome::Blocked { how } => {
            let strength = graded(strength(&vote.rule, how.layer()), vote.sureness)?;
            Some(Ballot::Blocked(Found { how, strength, resolver: vote.resolver }, vote.report))
        }
        Outcome::Reachable | Outcome::Throttled => {
            Some(Pace::of(vote).map_or(Ballot::Clear, |pace| Ballot::Paced(pace, vote.report)))
        }
        Outcome::Down => Some(Ballot::Clear),
        Outcome::Inconclusive { .. } => None,
    }
}

/// What a rule's word is worth where whoever judged is less than sure; `None` if nothing. In twentieths: kinds of votes are few.
fn graded(strength: u16, sureness: Option<u16>) -> Option<u16> {
    let Some(sureness) = sureness else { return Some(strength) };
    let twentieths = (u32::from(sureness.min(1000)) + 25) / 50;
    u16::try_from(u32::from(strength) * twentieths / 20).ok().filter(|strength| *strength > 0)
}

/// Who counts as having voted. Young probes that enrolled on one day are a few witnesses together, however many they are;
/// anonymous measurements of one hour through one resolver's network are one.
fn who(vote: &Vote, at: Moment) -> Who {
    match vote.source {
        Source::Probe { id, neighbourhood, enrolled } => {
            let young = newcomers::is_young(enrolled.and_then(Moment::of), at);
            let witness =
                young.map_or(newcomers::lasting(known(id)), |enrolled| newcomers::shared(enrolled, known(id)));
            let voice = neighbourhood.map_or(witness, |neighbourhood| hash(&[2, neighbourhood.0]));
            Who { witness, voice, aged: young.is_none(), passing: false }
        }
        Source::Anonymous { resolver_network } => {
            let hour = at.floor(SignedDuration::from_hours(1)).0;
            let source = hash(&[3, resolver_network.map_or(0, |network| network.get().into()), hour.into()]);
            let witness = newcomers::lasting(source);
            Who { witness, voice: witness, aged: true, passing: true }
        }
    }
}

/// What a heartbeat says of its probe.
fn sign_in(beat: &Heartbeat) -> Option<SignOfLife> {
    Some(SignOfLife {
        at: Moment::of(beat.at)?,
        country: beat.country,
        network: beat.network,
        probe: known(beat.probe),
        enrolled: beat.enrolled.and_then(Moment::of),
        neighbourhood: beat.neighbourhood.map(|neighbourhood| neighbourhood.0),
        life: Life::Beat,
    })
}

/// What a measurement says of its probe, if it says anything: it was there, and its line worked or did not.
fn sign_of(vote: &Vote) -> Option<SignOfLife> {
    let Source::Probe { id, neighbourhood, enrolled } = vote.source else { return None };
    let life = match vote.outcome {
        Outcome::Blocked { .. } | Outcome::Reachable | Outcome::Down | Outcome::Throttled => Life::Measured,
        Outcome::Inconclusive { why: Why::NoConnectivity } => Life::Cut,
        // Something answered, but it may have been the machine itself or a neighbour.
        Outcome::Inconclusive {
            why: Why::NoControl | Why::ResolverDead | Why::CaptivePortal | Why::OwnMachine | Why::Ambiguous,
        } => return None,
    };
    Some(SignOfLife {
        at: Moment::of(vote.at)?,
        country: vote.country,
        network: vote.network,
        probe: known(id),
        enrolled: enrolled.and_then(Moment::of),
        neighbourhood: neighbourhood.map(|neighbourhood| neighbourhood.0),
        life,
    })
}

/// A probe's number: as good as its key, and a quarter as long.
fn known(id: ProbeId) -> u64 {
    u64::from_le_bytes(id.0[..8].try_into().unwrap_or_default())
}

pub(crate) fn hash(parts: &[u64]) -> u64 {
    let bytes: Vec<_> = parts.iter().flat_map(|part| part.to_le_bytes()).collect();
    u64::from_le_bytes(Digest::of(&bytes).0[..8].try_into().unwrap_or_default())
}
