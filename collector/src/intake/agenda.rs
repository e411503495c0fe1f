//! Who is asked to test what again. Pure: the time is an argument.
//!
//! A first failure is worth most when others on the same network look at once: with one probe in ten minutes two distinct
//! probes agree after eight minutes, with a second look after one. Controls look too, because a verdict without a fresh
//! control is worth less, and some probes of other networks. How often is for [`Bursts`] to say.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::Bursts;
use kedergi_wire::{Asn, ProbeId, Role, TargetUrl, limits};

/// Probes of other networks that look too, each time others than before: what fails there as well is no doing of one network.
const SAMPLE: usize = 4;
/// What a probe is asked in an hour at most: about as much as two rounds of a long list.
const AN_HOUR: usize = 240;
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
    /// A few of those who are not on this network.
    Beyond(Asn),
}

#[derive(Debug, Default)]
pub(super) struct RetestAgenda {
    present: BTreeMap<ProbeId, Present>,
    asked: Bursts<(TargetUrl, Audience)>,
}

#[derive(Debug)]
struct Present {
    audience: Option<Audience>,
    seen: Timestamp,
    due: BTreeSet<TargetUrl>,
    /// When it was last asked as one of a sample.
    sampled: Option<Timestamp>,
    /// What it was asked in the hour that began then.
    hour: (Timestamp, usize),
}

impl RetestAgenda {
    /// Notes that a probe is there and returns what it should test now; it is asked for each once.
    pub(super) fn heard(&mut self, sign: Sign, now: Timestamp) -> Vec<TargetUrl> {
        self.forget(now);
        let audience = match sign.role {
            Role::Control => Some(Audience::Controls),
            Role::Probe => sign.network.map(Audience::Network),
        };
        let new = || Present { audience, seen: now, due: BTreeSet::new(), sampled: None, hour: (now, 0) };
        let present = self.present.entry(sign.probe).or_insert_with(new);
        (present.audience, present.seen) = (audience, now);
        for (target, audience) in self.asked.due(now) {
            self.ask(&target, audience, None, now);
        }
        self.present.get_mut(&sign.probe).map(|present| present.take(now)).unwrap_or_default()
    }

    /// A probe of `network` found `target` blocked, or throttled, at `at`. Whether anybody is asked because of it.
    pub(super) fn blocked(&mut self, target: &TargetUrl, sign: Sign, at: Timestamp, now: Timestamp) -> bool {
        self.failed(target, sign, at, now, false)
    }

    /// As [`RetestAgenda::blocked`], of what took long in several pairs: those on its network look twice, a minute apart, and the
    /// second time the probe itself does too, because one look tells little of a pace.
    pub(super) fn slow(&mut self, target: &TargetUrl, sign: Sign, at: Timestamp, now: Timestamp) -> bool {
        self.failed(target, sign, at, now, true)
    }

    fn failed(&mut self, target: &TargetUrl, sign: Sign, at: Timestamp, now: Timestamp, twice: bool) -> bool {
        if !is_news(at, now) {
            return false;
        }
        let mut any = false;
        for audience in audiences(sign.network) {
            let what = (target.clone(), audience);
            let ask = if twice && matches!(audience, Audience::Network(_)) {
                self.asked.unsure(&what, sign.probe, now)
            } else {
                self.asked.failed(&what, sign.probe, now)
            };
            if ask {
                any |= self.ask(target, audience, Some(sign.probe), now);
            }
        }
        any
    }

    /// As [`RetestAgenda::blocked`], of what was found before a restart: nobody is there yet.
    pub(super) fn was_blocked(&mut self, target: &TargetUrl, sign: Sign, at: Timestamp, now: Timestamp) {
        for audience in audiences(sign.network).filter(|_| is_news(at, now)) {
            self.asked.failed_before(&(target.clone(), audience), sign.probe, now);
        }
    }

    #[cfg(test)]
    pub(super) fn is_present(&self, probe: ProbeId) -> bool {
        self.present.contains_key(&probe)
    }

    /// Puts a target on the agenda of all of an audience but the one that has just tested it. Whether there is anybody.
    fn ask(&mut self, target: &TargetUrl, audience: Audience, but: Option<ProbeId>, now: Timestamp) -> bool {
        let others = self.present.iter_mut().filter(|(probe, _)| but != Some(**probe)).map(|(_, present)| present);
        let asked: Vec<_> = match audience {
            Audience::Network(_) | Audience::Controls => {
                others.filter(|present| present.audience == Some(audience)).collect()
            }
            Audience::Beyond(network) => sample(others.filter(|present| present.is_beyond(network)).collect(), now),
        };
        let mut any = false;
        for present in asked {
            any |= present.due.insert(target.clone());
        }
        any
    }

    fn forget(&mut self, now: Timestamp) {
        self.present.retain(|_, present| present.seen.duration_until(now) < GONE);
        self.asked.forget(now);
    }
}

impl Present {
    fn is_beyond(&self, network: Asn) -> bool {
        matches!(self.audience, Some(Audience::Network(other)) if other != network)
    }

    /// What it is to test now, within its limits.
    fn take(&mut self, now: Timestamp) -> Vec<TargetUrl> {
        if self.hour.0.duration_until(now) >= SignedDuration::from_hours(1) {
            self.hour = (now, 0);
        }
        let most = limits::RETESTS.min(AN_HOUR - self.hour.1);
        let due: Vec<_> = self.due.iter().take(most).cloned().collect();
        due.iter().for_each(|target| {
            self.due.remove(target);
        });
        self.hour.1 += due.len();
        due
    }
}

fn is_news(at: Timestamp, now: Timestamp) -> bool {
    at.duration_until(now).abs() <= NEWS
}

/// Whom a failure on a network concerns.
fn audiences(network: Option<Asn>) -> impl Iterator<Item = Audience> {
    [network.map(Audience::Network), Some(Audience::Controls), network.map(Audience::Beyond)].into_iter().flatten()
}

/// A few of these, those who were not asked for longest.
fn sample(mut others: Vec<&mut Present>, now: Timestamp) -> Vec<&mut Present> {
    others.sort_by_key(|present| present.sampled);
    others.truncate(SAMPLE);
    others.iter_mut().for_each(|present| present.sampled = Some(now));
    others
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
    fn a_failure_asks_that_network_the_controls_and_a_sample() {
        let mut agenda = RetestAgenda::default();
        for sign in [sign(1, 7), sign(2, 7), control()].into_iter().chain((10..20).map(|id| sign(id, 8))) {
            assert!(agenda.heard(sign, at(0)).is_empty());
        }
        assert!(agenda.blocked(&target(), sign(1, 7), at(0), at(1)));
        assert_eq!(agenda.heard(sign(2, 7), at(1)), [target()]);
        assert_eq!(agenda.heard(control(), at(1)), [target()]);
        assert!(agenda.heard(sign(1, 7), at(1)).is_empty(), "it has just tested");
        assert!(agenda.heard(sign(2, 7), at(1)).is_empty(), "asked once");
        let asked = |agenda: &mut RetestAgenda, minute| {
            (10..20).filter(|&id| !agenda.heard(sign(id, 8), at(minute)).is_empty()).collect::<Vec<_>>()
        };
        assert_eq!(asked(&mut agenda, 1), [10, 11, 12, 13]);
        agenda.blocked(&target(), sign(2, 7), at(2), at(2));
        assert_eq!(asked(&mut agenda, 2), [14, 15, 16, 17], "others than before");
    }

    #[test]
    fn what_failed_before_a_restart_is_asked_for_once_all_are_back() {
        let mut agenda = RetestAgenda::default();
        agenda.was_blocked(&target(), sign(1, 7), at(-5), at(0));
        agenda.was_blocked(&"https://old.example/".parse().unwrap(), sign(1, 7), at(-31), at(0));
        for sign in [sign(2, 7), sign(3, 8), control()] {
            assert!(agenda.heard(sign, at(0)).is_empty());
        }
        for sign in [sign(2, 7), sign(3, 8), control()] {
            assert_eq!(agenda.heard(sign, at(1)), [target()]);
        }
    }

    #[test]
    fn while_it_fails_all_are_asked_again_a_minute_later() {
        let mut agenda = RetestAgenda::default();
        agenda.heard(sign(2, 7), at(0));
        agenda.heard(sign(1, 7), at(0));
        agenda.blocked(&target(), sign(1, 7), at(0), at(0));
        assert_eq!(agenda.heard(sign(2, 7), at(0)), [target()]);
        agenda.blocked(&target(), sign(2, 7), at(0), at(0));
        assert!(agenda.heard(sign(1, 7), at(0)).is_empty());
        assert_eq!(agenda.heard(sign(1, 7), at(1)), [target()]);
        assert_eq!(agenda.heard(sign(2, 7), at(1)), [target()]);
        assert!(agenda.heard(sign(1, 7), at(2)).is_empty(), "nobody failed again");
    }

    #[test]
    fn what_took_long_is_looked_at_twice_by_its_network() {
        let mut agenda = RetestAgenda::default();
        for sign in [sign(1, 7), sign(2, 7), sign(3, 8), control()] {
            agenda.heard(sign, at(0));
        }
        agenda.slow(&target(), sign(1, 7), at(0), at(0));
        let asked = |agenda: &mut RetestAgenda, minute| {
            let all = [sign(1, 7), sign(2, 7), sign(3, 8), control()];
            all.map(|sign| !agenda.heard(sign, at(minute)).is_empty())
        };
        assert_eq!(asked(&mut agenda, 0), [false, true, true, true]);
        assert_eq!(asked(&mut agenda, 1), [true, true, false, false]);
        assert_eq!(asked(&mut agenda, 2), [false; 4]);
    }

    #[test]
    fn old_failures_ask_nobody_and_the_absent_are_not_asked() {
        let mut agenda = RetestAgenda::default();
        agenda.heard(sign(1, 7), at(0));
        assert!(!agenda.blocked(&target(), sign(1, 7), at(-60), at(0)));
        agenda.heard(sign(2, 8), at(20));
        agenda.blocked(&target(), sign(3, 7), at(20), at(20));
        assert!(agenda.heard(sign(1, 7), at(21)).is_empty());
    }

    #[test]
    fn an_agenda_keeps_to_its_limit() {
        let mut agenda = RetestAgenda::default();
        agenda.heard(control(), at(0));
        let nowhere = Sign { network: None, ..sign(1, 1) };
        for n in 0..100 {
            agenda.blocked(&format!("https://{n}.example/").parse().unwrap(), nowhere, at(0), at(0));
        }
        assert_eq!(agenda.heard(control(), at(0)).len(), limits::RETESTS);
        assert_eq!(agenda.heard(control(), at(0)).len(), 100 - limits::RETESTS);
    }
}
