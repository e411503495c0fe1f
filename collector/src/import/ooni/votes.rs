//! Judged measurements in order of time become votes.

use std::collections::BTreeMap;

use kedergi_detector::{ControlVote, Input, Instrument, Resolver, Source, Vote};
use kedergi_verdict::{Outcome, Why};

use super::super::contrast::Contrast;
use super::measurement::Found;

/// Turns measurements into votes and words about the world.
#[derive(Default)]
pub(super) struct Votes {
    contrast: Contrast,
    inconclusive: BTreeMap<Why, u64>,
}

impl Votes {
    /// Reads the next measurement.
    pub(super) fn take(&mut self, found: &Found, say: &mut impl FnMut(Input)) {
        let &Found { at, country, network, resolver_network, outcome, is_up, .. } = found;
        let (place, service) = ((country, network), &found.service);
        if let Some(why) = outcome.why() {
            *self.inconclusive.entry(why).or_default() += 1;
            return;
        }
        say(Input::Vote(Vote {
            at,
            country,
            network,
            service: service.clone(),
            source: Source::Anonymous { resolver_network },
            outcome,
            rule: found.rule.clone(),
            resolver: resolver_network.map(Resolver::Network),
            sureness: None,
            slowness: None,
            trigger: None,
            instrument: Instrument::default(),
            report: None,
        }));
        let reached = match outcome {
            Outcome::Blocked { .. } => self.contrast.blocked(service, place, at, is_up),
            Outcome::Reachable | Outcome::Throttled => self.contrast.fine(service, place, at),
            Outcome::Down | Outcome::Inconclusive { .. } => {
                self.contrast.down(service, place, at);
                false
            }
        };
        if reached {
            let (service, control, country) = (service.clone(), None, Some(country));
            say(Input::Control(ControlVote { at, service, reachable: true, control, country }));
        }
    }

    /// What was read and said nothing.
    pub(super) fn unsaid(&self) -> Vec<String> {
        let unsaid = self.inconclusive.iter();
        unsaid.map(|(why, count)| format!("{count} without a vote: inconclusive ({why})")).collect()
    }
}
