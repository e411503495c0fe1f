//! Who is asked to test what again. Pure: the time is an argument.
//!
//! A first failure is worth most when others on the same network look at once: with one probe in ten minutes two distinct
//! probes agree after eight minutes, with a second look after one. Controls look too, because a verdict without a fresh
//! control is worth less. What stays blocked is asked for less and less often, so that a standing block does not multiply
//! the volunteers' traffic.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{Asn, ProbeId, Role, TargetUrl, limits};

/// A probe is asked for the same target not more often than this.
const PACE: SignedDuration = SignedDuration::from_mins(2);
/// However long something stays blocked, it is asked for again after this.
const SLOWEST: SignedDuration = SignedDuration::from_hours(1);
/// Silence after which a probe is not there any more. Longer than any probe's interval is likely to be.
const GONE: SignedDuration = SignedDuration::from_mins(15);
/// A failure older than this is no news: the report waited in a spool, or is a replay's.
const NEWS: SignedDuration = SignedDuration::from_mins(30);

/// A sign of life.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sign {
    pub(super) probe: ProbeId,
    pub(super) role: Role,
    pub(super) network: Option<Asn>,
}

/// Who is asked together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Audience {
    Network(Asn),
    Controls,
}

#[derive(Debug, Default)]
pub(super) struct RetestAgenda {
    present: BTreeMap<ProbeId, Present>,
    asked: BTreeMap<(TargetUrl, Audience), Asked>,
}

#[derive(Debug)]
struct Present {
    audience: Option<Audience>,
    seen: Timestamp,
    due: BTreeSet<TargetUrl>,
}

#[derive(Debug, Clone, Copy)]
struct Asked {
    last: Timestamp,
    /// How long to leave it before asking again.
    pause: SignedDuration,
}

impl RetestAgenda {
    /// Notes that a probe is there and returns what it should test now; it is asked for each once.
    pub(super) fn heard(&mut self, sign: Sign, now: Timestamp) -> Vec<TargetUrl> {
        self.forget(now);
        let audience = match sign.role {
            Role::Control => Some(Audience::Controls),
            Role::Probe => sign.network.map(Audience::Network),
        };
        let present = self.present.entry(sign.probe).or_insert(Present { audience, seen: now, due: BTreeSet::new() });
        present.audience = audience;
        present.seen = now;
        let due: Vec<_> = present.due.iter().take(limits::RETESTS).cloned().collect();
        due.iter().for_each(|target| {
            present.due.remove(target);
        });
        due
    }

    /// A probe of `network` found `target` blocked at `at`. Whether anybody is asked because of it.
    pub(super) fn blocked(&mut self, target: &TargetUrl, network: Option<Asn>, at: Timestamp, now: Timestamp) -> bool {
        if at.duration_until(now).abs() > NEWS {
            return false;
        }
        let audiences = [network.map(Audience::Network), Some(Audience::Controls)];
        let mut any = false;
        for audience in audiences.into_iter().flatten() {
            any |= self.ask(target, audience, now);
        }
        any
    }

    /// A probe of `network` reached `target`: the next failure there is news again.
    pub(super) fn reached(&mut self, target: &TargetUrl, network: Option<Asn>) {
        if let Some(network) = network
            && let Some(asked) = self.asked.get_mut(&(target.clone(), Audience::Network(network)))
        {
            asked.pause = PACE;
        }
    }

    #[cfg(test)]
    pub(super) fn is_present(&self, probe: ProbeId) -> bool {
        self.present.contains_key(&probe)
    }

    fn ask(&mut self, target: &TargetUrl, audience: Audience, now: Timestamp) -> bool {
        let key = (target.clone(), audience);
        let asked = self.asked.get(&key);
        if asked.is_some_and(|asked| asked.last.duration_until(now) < asked.pause) {
            return false;
        }
        let pause = asked.map_or(PACE, |asked| (asked.pause * 2).min(SLOWEST));
        self.asked.insert(key, Asked { last: now, pause });
        let mut any = false;
        for present in self.present.values_mut().filter(|present| present.audience == Some(audience)) {
            any |= present.due.insert(target.clone());
        }
        any
    }

    fn forget(&mut self, now: Timestamp) {
        self.present.retain(|_, present| present.seen.duration_until(now) < GONE);
        self.asked.retain(|_, asked| asked.last.duration_until(now) < SLOWEST * 2);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minutes * 60).unwrap()
    }

    fn target() -> TargetUrl {
        "https://a.example/".parse().unwrap()
    }

    fn sign(id: u8, network: u32) -> Sign {
        Sign { probe: ProbeId([id; 32]), role: Role::Probe, network: Asn::new(network) }
    }

    fn control() -> Sign {
        Sign { probe: ProbeId([99; 32]), role: Role::Control, network: None }
    }

    #[test]
    fn a_failure_asks_that_network_and_the_controls() {
        let mut agenda = RetestAgenda::default();
        for sign in [sign(1, 7), sign(2, 7), sign(3, 8), control()] {
            assert!(agenda.heard(sign, at(0)).is_empty());
        }
        assert!(agenda.blocked(&target(), Asn::new(7), at(0), at(1)));
        assert_eq!(agenda.heard(sign(2, 7), at(1)), [target()]);
        assert_eq!(agenda.heard(control(), at(1)), [target()]);
        assert!(agenda.heard(sign(3, 8), at(1)).is_empty());
        assert!(agenda.heard(sign(2, 7), at(1)).is_empty(), "asked once");
    }

    #[test]
    fn what_stays_blocked_is_asked_for_less_and_less() {
        let mut agenda = RetestAgenda::default();
        let mut asked = Vec::new();
        for minute in 0..300 {
            agenda.heard(sign(1, 7), at(minute));
            agenda.blocked(&target(), Asn::new(7), at(minute), at(minute));
            if !agenda.heard(sign(1, 7), at(minute)).is_empty() {
                asked.push(minute);
            }
        }
        assert_eq!(asked, [0, 2, 6, 14, 30, 62, 122, 182, 242]);
        agenda.reached(&target(), Asn::new(7));
        assert!(agenda.blocked(&target(), Asn::new(7), at(300), at(300)), "after an answer a failure is news");
    }

    #[test]
    fn old_failures_ask_nobody_and_the_absent_are_not_asked() {
        let mut agenda = RetestAgenda::default();
        agenda.heard(sign(1, 7), at(0));
        assert!(!agenda.blocked(&target(), Asn::new(7), at(-60), at(0)));
        agenda.heard(sign(2, 8), at(20));
        assert!(!agenda.blocked(&target(), Asn::new(7), at(20), at(20)));
        assert!(agenda.heard(sign(1, 7), at(21)).is_empty());
    }

    #[test]
    fn an_agenda_keeps_to_its_limit() {
        let mut agenda = RetestAgenda::default();
        agenda.heard(control(), at(0));
        for n in 0..100 {
            agenda.blocked(&format!("https://{n}.example/").parse().unwrap(), None, at(0), at(0));
        }
        assert_eq!(agenda.heard(control(), at(0)).len(), limits::RETESTS);
        assert_eq!(agenda.heard(control(), at(0)).len(), 100 - limits::RETESTS);
    }
}
