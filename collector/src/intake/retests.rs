use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use kedergi_store::Fact;
use kedergi_verdict::Outcome;
use kedergi_wire::{Role, TargetList, TargetUrl};
use tokio::sync::watch;

use super::agenda::{RetestAgenda, Sign};

/// The agenda of what to test again, and a bell for those who wait for it. It is not kept: after a restart it is made anew from the
/// facts of the last half hour.
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

    /// Takes new facts into account.
    pub(super) fn learn(&self, facts: &[Fact], list: &TargetList, now: Timestamp) {
        let mut agenda = self.lock();
        let mut ring = false;
        for (target, fact) in failures(facts, list) {
            let slow = fact.verdict.pace.is_some_and(|pace| pace.is_likely_slow());
            let take = if slow { RetestAgenda::slow } else { RetestAgenda::blocked };
            ring |= take(&mut agenda, target, sign(fact), fact.at, now);
        }
        drop(agenda);
        if ring {
            self.bell.send_replace(());
        }
    }

    /// Takes into account what was found before the collector started: of what failed lately, everybody is asked once they
    /// had a minute to come back.
    pub(crate) fn recall(&self, facts: &[Fact], list: &TargetList, now: Timestamp) {
        let mut agenda = self.lock();
        for (target, fact) in failures(facts, list) {
            agenda.was_blocked(target, sign(fact), fact.at, now);
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

fn sign(fact: &Fact) -> Sign {
    Sign { probe: fact.probe, role: fact.role, network: fact.network }
}

/// What these facts say should be tested again. Throttled targets too: what is asked for again is compared with a control host,
/// however it seems then. Where a service counts as blocked only when several of its endpoints are, one alone would say nothing:
/// all are tested again.
fn failures<'a>(facts: &'a [Fact], list: &'a TargetList) -> impl Iterator<Item = (&'a TargetUrl, &'a Fact)> {
    let failed = |fact: &&Fact| match fact.verdict.outcome {
        Outcome::Blocked { .. } | Outcome::Throttled => fact.role == Role::Probe,
        // Pairs that did not suffice for a verdict suffice to have others look.
        Outcome::Reachable => fact.role == Role::Probe && fact.verdict.pace.is_some_and(|pace| pace.seems_slow()),
        Outcome::Down | Outcome::Inconclusive { .. } => false,
    };
    facts.iter().filter(failed).flat_map(|fact| {
        let together = list.blocked_when(&fact.service) > 1;
        let endpoints = list.endpoints(&fact.service).filter(move |_| together);
        endpoints.chain((!together).then_some(&fact.target)).map(move |target| (target, fact))
    })
}
