//! Signs of life of the simulated probes, and that somebody listened.

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::Role;

use super::{FaultKind, Scenario, SimProbe};
use crate::{Heartbeat, Input, Listening};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// The collector keeps a sign of each probe this often.
const BEAT: u32 = 5;

/// A minute in which the collector listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Minute {
    /// When it begins.
    pub at: Timestamp,
    /// Who gives a sign of life then: every control, and of the probes those whose signs would be kept.
    pub heard: Vec<SimProbe>,
}

impl Scenario {
    /// All minutes in which the collector listens, in order.
    pub fn minutes(&self) -> impl Iterator<Item = Minute> + '_ {
        let probes = self.probes();
        let next = |at: &Timestamp| at.checked_add(MINUTE).ok();
        let all = std::iter::successors(Some(self.start), next).take_while(|at| *at < self.end);
        let listened = (0_u32..).zip(all).filter(|(_, at)| self.reaches_collector(*at) == *at);
        listened.map(move |(minute, at)| {
            let due = |probe: &&SimProbe| match probe.role {
                Role::Control => true,
                Role::Probe => (minute + probe.place * 3).is_multiple_of(BEAT) && self.reaches_anything(probe, at),
            };
            Minute { at, heard: probes.iter().filter(due).map(|probe| self.whereabouts(probe, at)).collect() }
        })
    }

    /// When what is sent then reaches the collector: at once, or when it is up again.
    pub(super) fn reaches_collector(&self, sent: Timestamp) -> Timestamp {
        self.collector_down.iter().find(|outage| outage.covers(sent)).map_or(sent, |outage| outage.until)
    }

    fn reaches_anything(&self, probe: &SimProbe, at: Timestamp) -> bool {
        !self.is_off(probe, at) && !self.has_fault(FaultKind::Cut, probe, at, 0)
    }

    /// What comes in beside reports, in order, each with the time at which it does. A minute was listened to when it is over.
    pub(super) fn signs(&self) -> impl Iterator<Item = (Timestamp, Input)> + '_ {
        self.minutes().flat_map(|Minute { at, heard }| {
            let mut signs: Vec<_> = heard.iter().filter_map(|probe| Some((at, self.sign(probe, at)?))).collect();
            let over = at.checked_add(MINUTE).unwrap_or(at);
            signs.push((over, Input::Listening(Listening { at, controls: self.control.probes })));
            signs
        })
    }

    fn sign(&self, probe: &SimProbe, at: Timestamp) -> Option<Input> {
        let (network, country, probe) = (probe.network?, self.country, probe.id());
        Some(Input::Heartbeat(Heartbeat { at, probe, country, network, neighbourhood: None, enrolled: None }))
    }
}
