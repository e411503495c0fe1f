//! Judged measurements in order of time become votes.

use std::collections::BTreeMap;

use kedergi_detector::{ControlVote, Input, Instrument, Resolver, Source, Vote};
use kedergi_verdict::{Outcome, RuleId, Why};
use kedergi_wire::{ServiceId, TargetList};

use super::super::contrast::Contrast;
use super::measurement::{Found, Seen};
use super::messengers::World;

/// Turns measurements into votes and words about the world.
pub(super) struct Votes<'a> {
    list: &'a TargetList,
    contrast: Contrast,
    world: World,
    inconclusive: BTreeMap<Why, u64>,
}

/// What is said of one service.
struct Said<'a> {
    service: &'a ServiceId,
    outcome: Outcome,
    rule: &'a RuleId,
    /// Whether a control reached it during the measurement.
    is_up: bool,
}

impl<'a> Votes<'a> {
    pub(super) fn by(list: &'a TargetList) -> Self {
        Self { list, contrast: Contrast::default(), world: World::default(), inconclusive: BTreeMap::new() }
    }

    /// Reads the next measurement.
    pub(super) fn take(&mut self, found: &Found, say: &mut impl FnMut(Input)) {
        match &found.seen {
            Seen::Site { service, outcome, rule, is_up } => {
                self.vote(found, &Said { service, outcome: *outcome, rule, is_up: *is_up }, say);
            }
            Seen::Endpoints(seen) => {
                for (service, outcome, rule) in self.world.judge(seen, (found.country, found.network), self.list) {
                    self.vote(found, &Said { service: &service, outcome, rule: &rule, is_up: false }, say);
                }
            }
        }
    }

    fn vote(&mut self, found: &Found, said: &Said<'_>, say: &mut impl FnMut(Input)) {
        let &Found { at, country, network, resolver_network, .. } = found;
        let &Said { service, outcome, rule, is_up } = said;
        let place = (country, network);
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
            rule: rule.clone(),
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
