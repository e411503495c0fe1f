use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use kedergi_store::Fact;
use kedergi_verdict::Outcome;
use kedergi_wire::{Role, TargetList, TargetUrl};
use tokio::sync::watch;

use super::agenda::{RetestAgenda, Sign};

/// The agenda of what to test again, and a bell for those who wait for it. It is not kept over a restart: what it asks for is
/// worth asking only now.
#[derive(Default)]
pub(crate) struct Retests {
    agenda: Mutex<RetestAgenda>,
    bell: watch::Sender<()>,
}

impl Retests {
    /// Rings when anybody has something to test.
    pub(super) fn subscribe(&self) -> watch::Receiver<()> {
        self.bell.subscribe()
    }

    /// See [`RetestAgenda::heard`].
    pub(super) fn heard(&self, sign: Sign, now: Timestamp) -> Vec<TargetUrl> {
        self.lock().heard(sign, now)
    }

    /// Takes new facts into account. Where a service counts as blocked only when several of its endpoints are, one alone would
    /// say nothing: all are tested again.
    pub(super) fn learn(&self, facts: &[Fact], list: &TargetList, now: Timestamp) {
        let mut agenda = self.lock();
        let mut ring = false;
        for fact in facts.iter().filter(|fact| fact.role == Role::Probe) {
            let sign = Sign { probe: fact.probe, role: fact.role, network: fact.network };
            match fact.verdict.outcome {
                // What is asked for again is compared with a control host, however it seems then: throttling shows by that.
                Outcome::Blocked { .. } | Outcome::Throttled if list.blocked_when(&fact.service) > 1 => {
                    for endpoint in list.endpoints(&fact.service) {
                        ring |= agenda.blocked(endpoint, sign, fact.at, now);
                    }
                }
                Outcome::Blocked { .. } | Outcome::Throttled => {
                    ring |= agenda.blocked(&fact.target, sign, fact.at, now);
                }
                Outcome::Reachable | Outcome::Down | Outcome::Inconclusive { .. } => {}
            }
        }
        drop(agenda);
        if ring {
            self.bell.send_replace(());
        }
    }

    #[cfg(test)]
    pub(super) fn is_present(&self, probe: kedergi_wire::ProbeId) -> bool {
        self.lock().is_present(probe)
    }

    fn lock(&self) -> MutexGuard<'_, RetestAgenda> {
        self.agenda.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
