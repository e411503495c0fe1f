//! The detector: inputs in, changes out.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kedergi_verdict::Outcome;
use kedergi_wire::{Asn, CountryCode, Digest, ProbeId, ServiceId};
use serde::{Deserialize, Serialize};

use crate::controls::{Controls, minus};
use crate::fold::{Ballot, Cast};
use crate::group::{group, joined};
use crate::series::{Key, Series};
use crate::telling::{changes, named};
use crate::votes::Put;
use crate::{Change, ControlVote, Event, EventState, Input, Source, Vote};

/// How late a fact may come, measured by the newest fact of its series, and still count. Probes keep their reports while the
/// collector is out of reach; a day covers a cut that lasts from one night to the next.
pub const HORIZON: SignedDuration = SignedDuration::from_hours(24);

/// Turns votes into events.
///
/// It knows no clock: time is what the votes say. The same votes, in whatever order and however late up to [`HORIZON`], lead
/// to the same events. Save it with `serde` and restore it: it goes on as if nothing had happened.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Detector {
    #[serde(with = "crate::pairs")]
    series: BTreeMap<Key, Series>,
    controls: BTreeMap<ServiceId, Controls>,
    /// Events as last told.
    #[serde(with = "crate::pairs")]
    told: BTreeMap<CountryCode, Vec<Event>>,
    too_late: u64,
}

impl Detector {
    /// Takes one more thing into account and tells what became known by it.
    pub fn apply(&mut self, input: &Input) -> Vec<Change> {
        match input {
            Input::Vote(vote) => self.vote(vote),
            Input::Control(vote) => self.control(vote),
            // Signs of life are no votes.
            Input::Heartbeat(_) => Vec::new(),
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
        let (Some(ballot), Some(at)) = (ballot(vote), milliseconds(vote.at)) else { return Vec::new() };
        let key = Key { country: vote.country, network: vote.network, service: vote.service.clone() };
        let controls = self.controls.entry(vote.service.clone()).or_default();
        let series = self.series.entry(key).or_default();
        let before = series.outline();
        if series.cast(Cast { at, probe: witness(vote, at), ballot }, controls) == Put::TooLate {
            self.too_late += 1;
        }
        if before == series.outline() { Vec::new() } else { self.tell(vote.country) }
    }

    fn control(&mut self, vote: &ControlVote) -> Vec<Change> {
        let Some(at) = milliseconds(vote.at).filter(|_| vote.reachable) else { return Vec::new() };
        let controls = self.controls.entry(vote.service.clone()).or_default();
        controls.reached(at);
        let mut touched = Vec::new();
        for (key, series) in self.series.iter_mut().filter(|(key, _)| key.service == vote.service) {
            let before = series.outline();
            series.consult(controls);
            if before != series.outline() && touched.last() != Some(&key.country) {
                touched.push(key.country);
            }
        }
        touched.into_iter().flat_map(|country| self.tell(country)).collect()
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
        let all = series.flat_map(|(key, series)| joined(key, series.alarms())).collect();
        named(country, group(all), told)
    }

    /// Drops events that are settled, and the alarms they rest on: the ledger keeps them.
    fn forget(&mut self, country: CountryCode, events: Vec<Event>) -> Vec<Event> {
        let (settled, kept): (Vec<_>, Vec<_>) = events.into_iter().partition(|event| self.is_settled(event));
        for affected in settled.iter().flat_map(|event| &event.scope) {
            let Some(service) = affected.service.clone() else { continue };
            let key = Key { country, network: affected.network, service };
            if let (Some(series), Some(cleared)) = (self.series.get_mut(&key), affected.cleared) {
                series.forget(affected.onset.latest, cleared);
            }
        }
        kept
    }

    /// Whether an event is over, and has been for a horizon longer than facts may come late, on each of its networks.
    fn is_settled(&self, event: &Event) -> bool {
        let past = |affected: &crate::Affected| {
            let settled = affected.service.clone().and_then(|service| {
                let key = Key { country: event.country, network: affected.network, service };
                self.series.get(&key).map(|series| minus(series.edge(), HORIZON))
            });
            affected.cleared.zip(settled).is_some_and(|(cleared, settled)| cleared < settled)
        };
        event.state == EventState::Closed && event.scope.iter().all(past)
    }
}

/// What a vote says, if it says anything. Throttling will get a test of its own: counted as blocked it would be called what
/// it is not, counted as clear it would end an event that goes on.
fn ballot(vote: &Vote) -> Option<Ballot> {
    match vote.outcome {
        Outcome::Blocked { how } => Some(Ballot::Blocked(how, vote.report)),
        Outcome::Reachable | Outcome::Down => Some(Ballot::Clear),
        Outcome::Throttled | Outcome::Inconclusive { .. } => None,
    }
}

/// Who counts as having voted. Anonymous measurements of one hour through one resolver's network count as one.
fn witness(vote: &Vote, at: Timestamp) -> ProbeId {
    match vote.source {
        Source::Probe { id, .. } => id,
        Source::Anonymous { resolver_network } => {
            let network = resolver_network.map_or(0, Asn::get);
            let hour = at.as_second().div_euclid(3600);
            ProbeId(Digest::of(format!("anonymous {network} {hour}").as_bytes()).0)
        }
    }
}

/// Times are kept in milliseconds, as reports state them.
fn milliseconds(at: Timestamp) -> Option<Timestamp> {
    Timestamp::from_millisecond(at.as_millisecond()).ok()
}
