//! Signs of life of the simulated probes, and that somebody listened.

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::Role;

use super::{FaultKind, Scenario, SimProbe};
use crate::{Heartbeat, Input, Listening};

const MINUTE: SignedDuration = SignedDuration::from_mins(1);
/// The collector keeps a sign of each probe this often.
const BEAT: u32 = 5;

impl Scenario {
    /// What comes in beside reports, in order, each with the time at which it does. A minute was listened to when it is over.
    pub(super) fn signs(&self) -> impl Iterator<Item = (Timestamp, Input)> + '_ {
        let probes = self.probes();
        let next = |at: &Timestamp| at.checked_add(MINUTE).ok();
        let minutes = std::iter::successors(Some(self.start), next).take_while(|at| *at < self.end);
        (0_u32..).zip(minutes).flat_map(move |(minute, at)| {
            let due = probes.iter().filter(|probe| (minute + probe.place * 3) % BEAT == 0);
            let mut signs: Vec<_> = due.filter_map(|probe| Some((at, self.sign(probe, at)?))).collect();
            let over = at.checked_add(MINUTE).unwrap_or(at);
            signs.push((over, Input::Listening(Listening { at, controls: self.control.probes })));
            signs
        })
    }

    fn sign(&self, probe: &SimProbe, at: Timestamp) -> Option<Input> {
        let reaches = !self.is_off(probe, at) && !self.has_fault(FaultKind::Cut, probe, at, 0);
        let network = probe.network.filter(|_| reaches && probe.role == Role::Probe)?;
        let (probe, country) = (probe.id(), self.country);
        Some(Input::Heartbeat(Heartbeat { at, probe, country, network, neighbourhood: None, enrolled: None }))
    }
}
