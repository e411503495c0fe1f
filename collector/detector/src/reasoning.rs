//! Deliberate or fault: what the measurements say for either, as signs with numbers, and what they add up to.
//!
//! It names nobody: all that leaves here are counts of networks, services and measurements.

mod signs;
mod table;

use std::collections::BTreeMap;

use kedergi_verdict::{Outcome, Trigger};
use kedergi_wire::{Asn, ServiceId};
use serde::{Deserialize, Serialize};

use crate::slots::{Slot, Slots, begin};
use crate::time::Moment;
use crate::{Affected, Cause, Event, Level, Note, Reason, Reasoning, Sign, Vote};

/// What of a series the reasoning asks for, and the votes themselves do not tell for long enough.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Seen {
    /// When a probe reached the service.
    #[serde(skip_serializing_if = "Slots::is_empty")]
    reached: Slots,
    /// Boxed, because most services are never blocked.
    #[serde(skip_serializing_if = "Option::is_none")]
    tried: Option<Box<Tried>>,
}

/// What trials showed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Tried {
    /// When one showed that its name is what a block reacts to ...
    by_name: Slots,
    /// ... and when that it is something else.
    otherwise: Slots,
}

impl Seen {
    /// Takes note of what a vote says. Whether a new day began by it.
    pub(crate) fn note(&mut self, vote: &Vote, at: Moment) -> bool {
        let reached = matches!(vote.outcome, Outcome::Reachable) && self.reached.note(at);
        let tried = vote.trigger.is_some_and(|trigger| {
            let tried = self.tried.get_or_insert_default();
            match trigger {
                Trigger::Name | Trigger::Either => tried.by_name.note(at),
                Trigger::Address | Trigger::NameAtAddress => tried.otherwise.note(at),
            }
        });
        reached || tried
    }

    /// Forgets what is long ago, but for these days.
    pub(crate) fn forget(&mut self, but: &std::collections::BTreeSet<u32>) {
        self.reached.forget(but);
        if let Some(tried) = &mut self.tried {
            tried.by_name.forget(but);
            tried.otherwise.forget(but);
        }
    }
}

/// What else is known of the country.
pub(crate) struct Around<'a> {
    /// The newest measurement.
    pub(crate) now: Moment,
    /// All that was found, suspicions too.
    pub(crate) alarmed: &'a [Affected],
    /// By network, then service.
    pub(crate) seen: BTreeMap<Asn, BTreeMap<&'a ServiceId, &'a Seen>>,
    pub(crate) controls: &'a BTreeMap<ServiceId, Slots>,
}

impl<'a> Around<'a> {
    fn seen_on(&self, network: Asn) -> impl Iterator<Item = (&'a ServiceId, &'a Seen)> {
        self.seen.get(&network).into_iter().flatten().map(|(&service, &seen)| (service, seen))
    }

    fn seen(&self, network: Asn, service: &ServiceId) -> Option<&'a Seen> {
        self.seen.get(&network)?.get(service).copied()
    }

    /// Services found blocked or slowed on a network in a stretch of time, and whether that began no earlier than half an
    /// hour before.
    fn alarmed_during(&self, network: Asn, window: &std::ops::Range<Slot>) -> BTreeMap<&'a ServiceId, bool> {
        let (from, until) = (begin(window.start).timestamp(), begin(window.end).timestamp());
        let mut services = BTreeMap::new();
        for one in self.alarmed.iter().filter(|one| one.network == network) {
            let overlaps = one.onset.latest < until && one.end.is_none_or(|end| end.latest > from);
            if let Some(service) = one.service.as_ref().filter(|_| overlaps) {
                let fresh = from.duration_since(one.onset.latest) <= crate::agreement::AT_ONCE;
                *services.entry(service).or_default() |= fresh;
            }
        }
        services
    }
}

/// What speaks for and against a deliberate cause. `None` of what is only suspected, or explained away.
pub(crate) fn reasoning(event: &Event, around: &Around<'_>) -> Option<Reasoning> {
    let explained = event.notes().iter().any(|note| match note {
        Note::Down | Note::Instrument => true,
        Note::Standing => false,
    });
    if event.level < Level::Confirmed || explained {
        return None;
    }
    let networks = signs::by_network(event);
    let reasons = [
        signs::selective(&networks, around),
        signs::simultaneous(&networks),
        signs::alone(event, &networks),
        signs::on_the_hour(event, &networks),
        signs::controls_fine(&networks, around),
        signs::same_technique(&networks),
        signs::forged(&networks),
        signs::by_name(&networks, around),
    ];
    Some(Reasoning::of(reasons.into_iter().flatten().collect()))
}

impl Reasoning {
    /// What these reasons come to.
    pub fn of(reasons: Vec<Reason>) -> Self {
        let cause = match reasons.iter().map(|reason| reason.weight).sum::<i32>() {
            table::ENOUGH.. => Cause::Deliberate,
            sum if sum <= -table::ENOUGH => Cause::Fault,
            _ => Cause::Undecided,
        };
        Self { cause, reasons }
    }

    /// What the reasons weigh together: 1000 * log10 of how much likelier all this is if deliberate.
    pub fn sum(&self) -> i32 {
        self.reasons.iter().map(|reason| reason.weight).sum()
    }

    /// The conclusion as a sentence.
    pub fn says(&self) -> String {
        let times = odds(self.sum());
        match self.cause {
            Cause::Deliberate => {
                format!("Probably deliberate: together the signs are {times} likelier if somebody meant it.")
            }
            Cause::Fault => format!("Probably a fault: together the signs are {times} likelier if something broke."),
            Cause::Undecided => "Deliberate or fault: undecided. The signs known so far do not tell.".to_owned(),
        }
    }
}

impl Reason {
    /// What was found, as a sentence with its numbers.
    pub fn says(&self) -> String {
        let Self { sign, count, of, minutes, .. } = *self;
        let minutes = minutes.unwrap_or(0);
        let fits = if count == 1 { "fits" } else { "fit" };
        match sign {
            Sign::Selective if count == 0 => {
                format!(
                    "None of the {of} services measured on the same networks worked in the two hours after it began."
                )
            }
            Sign::Selective => format!(
                "{count} of {of} services measured on the same networks worked in the two hours after it began there."
            ),
            Sign::Simultaneous if count < 2 => format!("Each of {of} networks began at a time of its own."),
            Sign::Simultaneous if minutes == 0 => format!("It began on {count} of {of} networks at the same moment."),
            Sign::Simultaneous => {
                format!("It began on {count} of {of} networks within {}.", plural(minutes, "minute"))
            }
            Sign::Alone => format!("It is seen on one network only, of {of} measured."),
            Sign::OnTheHour => format!(
                "{count} of {} known closely enough {fits} a full or half hour, give or take {}.",
                plural(of, "begin or end").replace("begin or ends", "begins and ends"),
                plural(minutes.max(1), "minute")
            ),
            Sign::ControlsFine => format!(
                "Control probes elsewhere reached {count} of {} in the same two hours.",
                plural(of, "affected service")
            ),
            Sign::SameTechnique => format!("{count} of {of} networks do it in the same manner."),
            Sign::Forged => {
                format!("{count} of {} got an answer that somebody had made up.", plural(of, "failed measurement"))
            }
            Sign::ByName => format!(
                "In {count} of {}, the same address worked as soon as another name was sent to it.",
                plural(of, "trial")
            ),
        }
    }
}

/// `1 minute`, `2 minutes`
fn plural(count: u32, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// `about 20 times`, whatever the sign: two digits would claim more than is known.
fn odds(weight: i32) -> String {
    const STEPS: [(u32, &str); 6] = [
        (3000, "more than 1000 times"),
        (2300, "more than 200 times"),
        (2000, "more than 100 times"),
        (1700, "about 50 times"),
        (1300, "about 20 times"),
        (0, "about 10 times"),
    ];
    let weight = weight.unsigned_abs();
    STEPS.iter().find(|(least, _)| weight >= *least).map_or("", |&(_, words)| words).to_owned()
}

#[cfg(test)]
mod tests;
