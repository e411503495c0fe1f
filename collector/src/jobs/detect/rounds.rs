//! From targets to services: where a service counts as blocked only when several of its endpoints are, one report is no vote.
//!
//! A probe measures the endpoints of such a service close together. What it saw of them within [`TOGETHER`] is a round, and a
//! round has one vote, cast by the report that decides it: as soon as enough are blocked, or no longer can be. A round begins
//! anew when an endpoint comes a second time. Reports of one probe come in the order it made them, because its spool keeps
//! them so; other probes' have no part in its rounds.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kedergi_store::Fact;
use kedergi_verdict::{Outcome, ServiceVerdict, Verdict, judge_service};
use kedergi_wire::{ProbeId, ServiceId, TargetList, TargetUrl};
use serde::{Deserialize, Serialize};

/// The endpoints of a service are measured in one run, which takes a minute or two on a bad line. Less than a probe's interval.
const TOGETHER: SignedDuration = SignedDuration::from_mins(5);

/// A round that is never completed is kept as long as late facts still count in the detector, and no longer.
const HORIZON: SignedDuration = kedergi_detector::HORIZON;

/// Rounds that are not complete.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Rounds(Vec<Round>);

/// What one probe saw of one service.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct Round {
    probe: ProbeId,
    service: ServiceId,
    began: Timestamp,
    seen: BTreeMap<TargetUrl, Outcome>,
    voted: bool,
}

impl Rounds {
    /// What a fact says of its service: itself, where one endpoint is enough; else the verdict of the round that it decides, if
    /// it decides one.
    pub(super) fn take<'a>(&mut self, fact: &'a Fact, list: &TargetList) -> Option<Cow<'a, Fact>> {
        let blocked_when = list.blocked_when(&fact.service);
        if blocked_when == 1 {
            return Some(Cow::Borrowed(fact));
        }
        self.0.retain(|round| fact.at.duration_since(round.began) <= HORIZON);
        let place = self.place(fact);
        let round = &mut self.0[place];
        round.seen.insert(fact.target.clone(), fact.verdict.outcome);
        let endpoints: Vec<_> =
            list.endpoints(&fact.service).map(|target| (target, round.seen.get(target).copied())).collect();
        let ServiceVerdict { outcome, evidence } = judge_service(blocked_when, &endpoints);
        let decides = !round.voted && outcome.why().is_none();
        round.voted |= decides;
        if endpoints.iter().all(|(_, outcome)| outcome.is_some()) {
            self.0.swap_remove(place);
        }
        decides.then(|| {
            Cow::Owned(Fact { verdict: Verdict { outcome, evidence, ..fact.verdict.clone() }, ..fact.clone() })
        })
    }

    /// The round that the fact belongs to.
    fn place(&mut self, fact: &Fact) -> usize {
        let began = |round: &Round| round.probe == fact.probe && round.service == fact.service;
        let place = self.0.iter().position(began).filter(|place| {
            let round = &self.0[*place];
            !round.seen.contains_key(&fact.target) && round.began.duration_since(fact.at).abs() <= TOGETHER
        });
        place.unwrap_or_else(|| {
            self.0.retain(|round| !began(round));
            let (probe, service, began) = (fact.probe, fact.service.clone(), fact.at);
            self.0.push(Round { probe, service, began, seen: BTreeMap::new(), voted: false });
            self.0.len() - 1
        })
    }
}

#[cfg(test)]
mod tests {
    use kedergi_verdict::{How, TcpManner, Why};

    use super::super::tests::fact;
    use super::*;

    const BLOCKED: Outcome = Outcome::Blocked { how: How::Tcp(TcpManner::Timeout) };
    const UNCLEAR: Outcome = Outcome::Inconclusive { why: Why::Ambiguous };

    fn list() -> TargetList {
        let endpoint =
            |n: u8| format!("[[target]]\nurl = 'tcp://45.80.1.{n}:443'\nservice = 'm'\ncategory = 'messenger'\n");
        let text = (1..=4).map(endpoint).collect::<String>() + "[[service]]\nname = 'm'\nblocked_when = 2\n";
        TargetList::try_from(toml::from_str::<kedergi_wire::ListFile>(&text).unwrap()).unwrap()
    }

    fn seen(probe: u8, minute: i64, endpoint: u8, outcome: Outcome) -> Fact {
        let target = format!("tcp://45.80.1.{endpoint}:443").parse().unwrap();
        Fact { target, service: "m".parse().unwrap(), ..fact(probe, minute, outcome) }
    }

    /// The votes that come of what one probe saw, minute by minute.
    fn votes(facts: &[(i64, u8, Outcome)]) -> Vec<(i64, Outcome)> {
        let (mut rounds, list) = (Rounds::default(), list());
        let votes = facts.iter().filter_map(|&(minute, endpoint, outcome)| {
            let fact = seen(1, minute, endpoint, outcome);
            rounds.take(&fact, &list).map(|said| (minute, said.verdict.outcome))
        });
        votes.collect()
    }

    #[test]
    fn a_round_has_one_vote_cast_when_it_is_decided() {
        use Outcome::Reachable;
        let whole = |outcomes: [Outcome; 4]| {
            let facts: Vec<_> = (1..).zip(outcomes).map(|(endpoint, outcome)| (0, endpoint, outcome)).collect();
            votes(&facts)
        };
        assert_eq!(whole([BLOCKED, Reachable, Reachable, Reachable]), [(0, Reachable)]);
        assert_eq!(whole([BLOCKED, BLOCKED, Reachable, Reachable]), [(0, BLOCKED)]);
        assert_eq!(whole([BLOCKED, UNCLEAR, Reachable, Reachable]), []);
        assert_eq!(whole([Outcome::Down; 4]), [(0, Outcome::Down)]);
    }

    #[test]
    fn an_endpoint_alone_is_no_vote_and_rounds_do_not_mix() {
        let lone = [(0, 1, BLOCKED), (10, 1, BLOCKED), (20, 2, BLOCKED)];
        assert_eq!(votes(&lone), []);
        let again = [(0, 1, BLOCKED), (1, 1, Outcome::Reachable), (1, 2, BLOCKED), (2, 3, BLOCKED)];
        assert_eq!(votes(&again), [(2, BLOCKED)]);
    }

    #[test]
    fn probes_have_rounds_of_their_own_and_nothing_is_kept_of_complete_ones() {
        let (mut rounds, list) = (Rounds::default(), list());
        assert!(rounds.take(&seen(1, 0, 1, BLOCKED), &list).is_none());
        assert!(rounds.take(&seen(2, 0, 2, BLOCKED), &list).is_none());
        for endpoint in 2..=4 {
            rounds.take(&seen(1, 0, endpoint, BLOCKED), &list);
        }
        assert_eq!(rounds.0.len(), 1);
        rounds.take(&seen(3, 60 * 25, 1, BLOCKED), &list);
        assert_eq!(rounds.0.len(), 1, "what is long past is forgotten");
    }
}
