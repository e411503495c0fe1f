//! What the verdicts on a service's endpoints in one round say of the service. A rule of its own beside the table: it reads
//! outcomes, no observations.

use std::collections::BTreeMap;

use kedergi_wire::TargetUrl;
use serde::Serialize;

use crate::{Evidence, Outcome, Why};

/// What a round says of a service.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ServiceVerdict {
    /// What it means.
    #[serde(flatten)]
    pub outcome: Outcome,
    /// Which endpoints of how many it rests on, as sentences.
    pub evidence: Vec<Evidence>,
}

/// Judges a service of which at least `blocked_when` endpoints must be blocked for it to count as blocked. An endpoint without
/// an outcome was not measured (yet); what is concluded without it would be concluded with it, too.
pub fn judge_service(blocked_when: usize, endpoints: &[(&TargetUrl, Option<Outcome>)]) -> ServiceVerdict {
    let count = Count::of(endpoints);
    let outcome = count.outcome(blocked_when, endpoints);
    ServiceVerdict { outcome, evidence: evidence(blocked_when, &count, endpoints) }
}

/// Endpoints by what became of them.
#[derive(Debug, Default)]
struct Count {
    blocked: usize,
    throttled: usize,
    reachable: usize,
    down: usize,
    inconclusive: usize,
    missing: usize,
}

impl Count {
    fn of(endpoints: &[(&TargetUrl, Option<Outcome>)]) -> Self {
        let mut count = Self::default();
        for (_, outcome) in endpoints {
            *match outcome {
                Some(Outcome::Blocked { .. }) => &mut count.blocked,
                Some(Outcome::Throttled) => &mut count.throttled,
                Some(Outcome::Reachable) => &mut count.reachable,
                Some(Outcome::Down) => &mut count.down,
                Some(Outcome::Inconclusive { .. }) => &mut count.inconclusive,
                None => &mut count.missing,
            } += 1;
        }
        count
    }

    fn outcome(&self, blocked_when: usize, endpoints: &[(&TargetUrl, Option<Outcome>)]) -> Outcome {
        let open = self.inconclusive + self.missing;
        let known: Vec<Outcome> = endpoints.iter().filter_map(|(_, outcome)| *outcome).collect();
        if self.blocked >= blocked_when
            && let Some(how) = commonest(known.iter().filter_map(|outcome| outcome.how()))
        {
            return Outcome::Blocked { how };
        }
        let unclear = || {
            let why = commonest(known.iter().filter_map(|outcome| outcome.why()));
            Outcome::Inconclusive { why: why.unwrap_or(Why::Ambiguous) }
        };
        let slowed = self.blocked + self.throttled;
        let (sound, all) = (self.reachable > 0, self.missing == 0);
        if slowed + open < blocked_when && sound {
            return Outcome::Reachable;
        }
        if self.blocked + open >= blocked_when || !all {
            return unclear();
        }
        match (slowed >= blocked_when || !sound && self.throttled > 0, sound || self.down == 0) {
            (true, _) => Outcome::Throttled,
            (false, false) => Outcome::Down,
            (false, true) => unclear(),
        }
    }
}

fn commonest<T: Ord + Copy>(things: impl Iterator<Item = T>) -> Option<T> {
    let mut counts: BTreeMap<T, usize> = BTreeMap::new();
    for thing in things {
        *counts.entry(thing).or_default() += 1;
    }
    // Of equally common ones the first.
    counts.into_iter().rev().max_by_key(|(_, count)| *count).map(|(thing, _)| thing)
}

fn evidence(blocked_when: usize, count: &Count, endpoints: &[(&TargetUrl, Option<Outcome>)]) -> Vec<Evidence> {
    let (blocked, of, down) = (count.blocked, endpoints.len(), count.down);
    let also = if down > 0 { format!(" {down} did not answer the control either.") } else { String::new() };
    let says = format!(
        "{blocked} of {of} endpoints are blocked; the service counts as blocked when {blocked_when} are.{also}"
    );
    let amiss = endpoints.iter().filter_map(|(target, outcome)| {
        let outcome = outcome.filter(|outcome| outcome.how().is_some() || *outcome == Outcome::Throttled)?;
        Some(format!("{target}: {outcome}."))
    });
    std::iter::once(says).chain(amiss).map(|says| Evidence { observation: None, trial: None, says }).collect()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{How, TcpManner, TlsManner};

    const BLOCKED: Outcome = Outcome::Blocked { how: How::Tcp(TcpManner::Timeout) };
    const RESET: Outcome = Outcome::Blocked { how: How::Tls(TlsManner::Reset) };
    const UNCLEAR: Outcome = Outcome::Inconclusive { why: Why::NoConnectivity };

    fn judged(blocked_when: usize, outcomes: &[Option<Outcome>]) -> Outcome {
        let urls: Vec<TargetUrl> =
            (1..=outcomes.len()).map(|n| format!("tcp://45.80.1.{n}:443").parse().unwrap()).collect();
        let endpoints: Vec<_> = urls.iter().zip(outcomes.iter().copied()).collect();
        judge_service(blocked_when, &endpoints).outcome
    }

    fn all(outcomes: &[Outcome]) -> Vec<Option<Outcome>> {
        outcomes.iter().copied().map(Some).collect()
    }

    #[test]
    fn as_many_as_the_number_are_needed() {
        use Outcome::Reachable;
        assert_eq!(judged(3, &all(&[BLOCKED, BLOCKED, Reachable, Reachable, Reachable])), Reachable);
        assert_eq!(judged(3, &all(&[BLOCKED, RESET, BLOCKED, Reachable, Reachable])), BLOCKED);
        assert_eq!(judged(1, &all(&[Reachable, RESET])), RESET);
        assert_eq!(judged(3, &all(&[BLOCKED, BLOCKED, UNCLEAR, Reachable, Reachable])), UNCLEAR);
    }

    #[test]
    fn a_service_down_for_the_world_is_down() {
        use Outcome::{Down, Reachable};
        assert_eq!(judged(3, &all(&[Down; 5])), Down);
        assert_eq!(judged(3, &all(&[Down, Down, Down, BLOCKED, BLOCKED])), Down);
        assert_eq!(judged(3, &all(&[Down, Down, Down, Down, Reachable])), Reachable);
    }

    #[test]
    fn slow_endpoints_make_a_slow_service() {
        use Outcome::{Reachable, Throttled};
        assert_eq!(judged(2, &all(&[Throttled, Throttled, Reachable])), Throttled);
        assert_eq!(judged(2, &all(&[Throttled, BLOCKED, Reachable])), Throttled);
        assert_eq!(judged(2, &all(&[Throttled, Reachable, Reachable])), Reachable);
    }

    #[test]
    fn the_evidence_says_which_of_how_many() {
        let (one, two): (TargetUrl, TargetUrl) =
            ("tcp://45.80.1.1:443".parse().unwrap(), "https://a.example/".parse().unwrap());
        let verdict = judge_service(2, &[(&one, Some(BLOCKED)), (&two, Some(Outcome::Down))]);
        let says: Vec<_> = verdict.evidence.iter().map(|evidence| evidence.says.as_str()).collect();
        assert_eq!(
            says,
            [
                "1 of 2 endpoints are blocked; the service counts as blocked when 2 are. 1 did not answer the control either.",
                "tcp://45.80.1.1:443: blocked tcp timeout."
            ]
        );
    }

    fn outcome() -> impl Strategy<Value = Outcome> {
        prop::sample::select(vec![BLOCKED, RESET, UNCLEAR, Outcome::Reachable, Outcome::Throttled, Outcome::Down])
    }

    proptest! {
        #[test]
        fn what_is_concluded_early_stands(
            outcomes in prop::collection::vec((outcome(), any::<bool>()), 1..8),
            number in 1_usize..8,
        ) {
            let number = number.min(outcomes.len());
            let early: Vec<_> = outcomes.iter().map(|(outcome, known)| known.then_some(*outcome)).collect();
            let early = judged(number, &early);
            let late = judged(number, &all(&outcomes.iter().map(|(outcome, _)| *outcome).collect::<Vec<_>>()));
            if early.why().is_none() {
                prop_assert_eq!(early.word(), late.word());
            }
        }

        #[test]
        fn fewer_blocked_than_the_number_block_nothing(
            outcomes in prop::collection::vec(outcome(), 1..8),
            number in 1_usize..8,
        ) {
            let number = number.min(outcomes.len());
            let blocked = outcomes.iter().filter(|outcome| outcome.how().is_some()).count();
            prop_assert_eq!(judged(number, &all(&outcomes)).how().is_some(), blocked >= number);
        }
    }
}
