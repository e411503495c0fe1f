//! Whether the events found are those expected.

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{Asn, ServiceId};

use super::{Expectation, FaultKind, Scenario, Technique};
use crate::{Affected, Bracket, Event, EventId, EventState, Kind, Level, Note};

/// Something found other than expected, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Mismatch {
    /// An expected event was not found.
    #[error("{name}: no event{} tells of {}", noted(*note), words(services))]
    Missing {
        /// The expectation.
        name: String,
        /// What it should be noted as.
        note: Option<Note>,
        /// Its services.
        services: Vec<ServiceId>,
    },
    /// There is more than one where one was expected.
    #[error("{name}: {} events instead of one: {}", ids.len(), words(ids))]
    Split {
        /// The expectation.
        name: String,
        /// The events.
        ids: Vec<EventId>,
    },
    /// It is of another kind.
    #[error("{name}: {id} is called {}; it should be {}", found.word(), expected.word())]
    Kind {
        /// The expectation.
        name: String,
        /// The event.
        id: EventId,
        /// What it is called.
        found: Kind,
        /// What it should be.
        expected: Kind,
    },
    /// It reached another level.
    #[error("{name}: {id} is {}; it should be {}", found.word(), expected.word())]
    Level {
        /// The expectation.
        name: String,
        /// The event.
        id: EventId,
        /// As high as it reached.
        found: Level,
        /// As high as it should have.
        expected: Level,
    },
    /// It affects something that nothing was done to, or not so.
    #[error("{name}: {id} says that {service} was blocked on {network}, which it was not")]
    Extra {
        /// The expectation.
        name: String,
        /// The event.
        id: EventId,
        /// Where.
        network: Asn,
        /// What.
        service: ServiceId,
    },
    /// It does not tell of something that was done.
    #[error("{name}: {id} does not tell that {service} was blocked on {network} from {cut}")]
    Unseen {
        /// The expectation.
        name: String,
        /// The event.
        id: EventId,
        /// Where.
        network: Asn,
        /// What.
        service: ServiceId,
        /// Since when.
        cut: Timestamp,
    },
    /// It told later than expected, or before anything happened.
    #[error(
        "{name}: {id} told at {told} that {service} was blocked on {network}; it was cut at {cut} and {allowed:#} are allowed"
    )]
    Delay {
        /// The expectation.
        name: String,
        /// The event.
        id: EventId,
        /// Where.
        network: Asn,
        /// What.
        service: ServiceId,
        /// Since when.
        cut: Timestamp,
        /// When the event told (event time).
        told: Timestamp,
        /// How late it might be.
        allowed: SignedDuration,
    },
    /// The cut does not lie between the times between which the event puts it.
    #[error("{name}: {id} puts the onset of {service} on {network} beside the cut at {cut}")]
    Onset {
        /// The expectation.
        name: String,
        /// The event.
        id: EventId,
        /// Where.
        network: Asn,
        /// What.
        service: ServiceId,
        /// Since when.
        cut: Timestamp,
    },
    /// It is still open.
    #[error("{name}: {id} is still open; it should have closed after {end}")]
    Open {
        /// The expectation.
        name: String,
        /// The event.
        id: EventId,
        /// When it should have ended.
        end: Timestamp,
    },
    /// It closed later than expected, or too early.
    #[error("{name}: {id} closed at {closed}; it should have within {allowed:#} after {end}")]
    Close {
        /// The expectation.
        name: String,
        /// The event.
        id: EventId,
        /// When it closed (event time).
        closed: Timestamp,
        /// When it should have ended.
        end: Timestamp,
        /// How late it might be.
        allowed: SignedDuration,
    },
    /// A network that was off is not told of as it should be.
    #[error("{name}: {id} {what} on {network}, which was off from {cut}")]
    Silent {
        /// The expectation.
        name: String,
        /// The event.
        id: EventId,
        /// What is wrong.
        what: &'static str,
        /// Where.
        network: Asn,
        /// Since when.
        cut: Timestamp,
    },
    /// An event tells of a service that should stay quiet.
    #[error("{id} tells of {service}, of which nothing should be told")]
    Loud {
        /// The event.
        id: EventId,
        /// The service.
        service: ServiceId,
    },
    /// An event nobody expected.
    #[error("{id} was not expected; it tells of {}", words(services))]
    Unexpected {
        /// The event.
        id: EventId,
        /// Its services.
        services: Vec<ServiceId>,
    },
}

fn noted(note: Option<Note>) -> String {
    note.map_or_else(String::new, |note| format!(" noted as {}", note.word()))
}

fn words<T: ToString>(list: &[T]) -> String {
    list.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// One service cut, or slowed down, on one network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Cut {
    kind: Kind,
    network: Asn,
    from: Timestamp,
    until: Timestamp,
    /// Whether it meets every measurement.
    whole: bool,
}

impl Scenario {
    /// Compares the events found (all that were ever told, retracted ones left out) with those expected. Empty if they are
    /// the same. What is only suspected never counts, and what a note explains only where it is expected.
    pub fn check(&self, events: &[Event]) -> Vec<Mismatch> {
        let expected = self.expectations.iter().flat_map(|expectation| self.check_one(expectation, events));
        let news: Vec<_> = events.iter().filter(|event| event.is_news()).collect();
        expected.chain(self.quiet(&news)).chain(self.unexpected(&news)).collect()
    }

    /// When and where a service is cut.
    pub(super) fn cuts(&self, service: &ServiceId) -> impl Iterator<Item = Cut> {
        let steps = self.steps.iter().filter(|step| step.technique.is_interference() && step.names(service));
        steps.flat_map(|step| {
            let met =
                self.networks.iter().filter(|network| step.networks.is_empty() || step.networks.contains(&network.asn));
            let kind = if matches!(step.technique, Technique::Throttle(_)) { Kind::Throttling } else { Kind::Block };
            met.map(move |network| Cut {
                kind,
                network: network.asn,
                from: step.from,
                until: step.until,
                whole: step.share >= 1.0,
            })
        })
    }

    fn check_one(&self, expectation: &Expectation, events: &[Event]) -> Vec<Mismatch> {
        let name = expectation.name.clone();
        let found: Vec<_> = events.iter().filter(|event| expectation.concerns(event)).collect();
        match found[..] {
            [] => vec![Mismatch::Missing { name, note: expectation.note, services: expectation.services.clone() }],
            [event] => {
                let rest = [
                    self.check_close(expectation, event),
                    check_kind(expectation, event),
                    check_level(expectation, event),
                ];
                let rest = rest.into_iter().flatten().chain(self.check_silence(expectation, event));
                self.extra(expectation, event).chain(self.check_cuts(expectation, event)).chain(rest).collect()
            }
            _ => vec![Mismatch::Split { name, ids: found.iter().map(|event| event.id.clone()).collect() }],
        }
    }

    /// When and where nobody could reach anything.
    fn silences(&self, expectation: &Expectation) -> Vec<(Asn, Timestamp, Timestamp)> {
        let steps = self.steps.iter().filter(|step| step.technique == Technique::Silence);
        let steps = steps.map(|step| (&step.networks, step.from, step.until));
        let cut = self.faults.iter().filter(|fault| fault.kind == FaultKind::Cut && fault.probes.is_empty());
        let cut = cut.map(|fault| (&fault.networks, fault.from.unwrap_or(self.start), fault.until.unwrap_or(self.end)));
        let all = steps.chain(cut).filter(|(_, from, _)| expectation.is_silence() && expectation.spans(*from));
        let here = |networks: &[Asn], asn| networks.is_empty() || networks.contains(&asn);
        all.flat_map(|(networks, from, until)| {
            let met = self.networks.iter().filter(move |network| here(networks, network.asn));
            met.map(move |network| (network.asn, from, until))
        })
        .collect()
    }

    fn check_silence(&self, expectation: &Expectation, event: &Event) -> Vec<Mismatch> {
        let silences = self.silences(expectation);
        let wrong = silences.iter().filter_map(|&(network, cut, until)| {
            let overlaps = |affected: &&Affected| {
                affected.network == network
                    && affected.onset.latest < until
                    && affected.end.is_none_or(|end| end.latest > cut)
            };
            let what = match event.scope.iter().find(overlaps) {
                None => "does not tell of it",
                Some(affected) if affected.told().duration_since(cut) > expectation.opens_within => "told late of it",
                Some(affected) if affected.told() < cut => "told too early of it",
                Some(affected) => {
                    let Bracket { earliest, latest } = affected.onset;
                    let within = earliest.is_none_or(|earliest| earliest <= cut) && cut <= latest;
                    return (!within).then(|| silent(expectation, event, "puts the onset beside it", network, cut));
                }
            };
            Some(silent(expectation, event, what, network, cut))
        });
        let known = |affected: &&Affected| silences.iter().any(|(network, ..)| *network == affected.network);
        let more = event.scope.iter().filter(|affected| expectation.is_silence() && !known(affected));
        let more =
            more.map(|affected| silent(expectation, event, "tells more", affected.network, affected.onset.latest));
        wrong.chain(more).collect()
    }

    fn extra(&self, expectation: &Expectation, event: &Event) -> impl Iterator<Item = Mismatch> {
        let told = |affected: &&Affected| affected.confirmed.is_some();
        let meant = |affected: &&Affected| {
            affected.service.as_ref().is_none_or(|service| {
                let mut cuts = self.cuts(service);
                let cut = expectation.note == Some(Note::Instrument) || cuts.any(|cut| cut.network == affected.network);
                !expectation.services.contains(service) || !cut
            })
        };
        event.scope.iter().filter(told).filter(meant).filter_map(|affected| {
            Some(Mismatch::Extra {
                name: expectation.name.clone(),
                id: event.id.clone(),
                network: affected.network,
                service: affected.service.clone()?,
            })
        })
    }

    fn check_cuts(&self, expectation: &Expectation, event: &Event) -> impl Iterator<Item = Mismatch> {
        let meant = |cut: &Cut| expectation.spans(cut.from);
        expectation.services.iter().flat_map(move |service| {
            self.cuts(service).filter(meant).filter_map(|cut| check_cut(expectation, event, service, cut))
        })
    }

    fn check_close(&self, expectation: &Expectation, event: &Event) -> Option<Mismatch> {
        let last = expectation.services.iter().flat_map(|service| self.cuts(service));
        let last = last.filter(|cut| expectation.spans(cut.from)).map(|cut| cut.until);
        let last = last.chain(self.silences(expectation).into_iter().map(|(.., until)| until)).max();
        let end = expectation.closes_at.or(last)?;
        let (name, id) = (expectation.name.clone(), event.id.clone());
        if end >= self.end {
            let allowed = expectation.closes_within;
            return event.closed().map(|closed| Mismatch::Close { name, id, closed, end, allowed });
        }
        let Some(closed) = event.closed().filter(|_| event.state == EventState::Closed) else {
            return Some(Mismatch::Open { name, id, end });
        };
        let allowed = expectation.closes_within;
        let late = closed.duration_since(end);
        (late < SignedDuration::ZERO || late > allowed).then_some(Mismatch::Close { name, id, closed, end, allowed })
    }

    fn quiet(&self, events: &[&Event]) -> impl Iterator<Item = Mismatch> {
        events.iter().flat_map(|event| {
            let loud = event.services().into_iter().filter(|service| self.expect_quiet.contains(service));
            loud.map(|service| Mismatch::Loud { id: event.id.clone(), service: service.clone() })
        })
    }

    fn unexpected(&self, events: &[&Event]) -> impl Iterator<Item = Mismatch> {
        let unexpected = events.iter().filter(|event| self.expectations.iter().all(|one| !one.concerns(event)));
        unexpected.map(|event| {
            let services = event.services().into_iter().cloned().collect();
            Mismatch::Unexpected { id: event.id.clone(), services }
        })
    }
}

impl Expectation {
    /// Whether it is about networks that fall silent.
    pub fn is_silence(&self) -> bool {
        self.kind.is_some_and(|kind| kind >= Kind::PartialShutdown)
    }

    fn concerns(&self, event: &Event) -> bool {
        let named = event.services().into_iter().any(|service| self.services.contains(service));
        let silent = self.is_silence() && event.kind >= Kind::PartialShutdown;
        let told = match self.note {
            None => event.is_news(),
            Some(note) => event.level >= Level::Confirmed && event.notes().contains(&note),
        };
        told && (named || silent) && event.opened().is_some_and(|opened| self.spans(opened))
    }

    /// Whether what begins then is what it is about.
    fn spans(&self, begins: Timestamp) -> bool {
        self.from.is_none_or(|from| from <= begins) && self.until.is_none_or(|until| begins < until)
    }
}

fn silent(expectation: &Expectation, event: &Event, what: &'static str, network: Asn, cut: Timestamp) -> Mismatch {
    Mismatch::Silent { name: expectation.name.clone(), id: event.id.clone(), what, network, cut }
}

fn check_kind(expectation: &Expectation, event: &Event) -> Option<Mismatch> {
    let (expected, found) = (expectation.kind?, event.kind);
    let (name, id) = (expectation.name.clone(), event.id.clone());
    (expected != found).then_some(Mismatch::Kind { name, id, found, expected })
}

fn check_level(expectation: &Expectation, event: &Event) -> Option<Mismatch> {
    let (expected, found) = (expectation.level?, event.level);
    let (name, id) = (expectation.name.clone(), event.id.clone());
    (expected != found).then_some(Mismatch::Level { name, id, found, expected })
}

fn check_cut(expectation: &Expectation, event: &Event, service: &ServiceId, cut: Cut) -> Option<Mismatch> {
    let (name, id, service) = (expectation.name.clone(), event.id.clone(), service.clone());
    let Cut { kind, network, from: cut, until, whole } = cut;
    let here = |affected: &&Affected| {
        (affected.kind, affected.network, affected.service.as_ref()) == (kind, network, Some(&service))
    };
    let meets = |affected: &&Affected| affected.onset.latest < until && affected.end.is_none_or(|end| end.latest > cut);
    let Some(affected) = event.scope.iter().filter(here).find(meets) else {
        return Some(Mismatch::Unseen { name, id, network, service, cut });
    };
    let (told, allowed) = (affected.told(), expectation.opens_within);
    let delay = told.duration_since(cut);
    if delay < SignedDuration::ZERO || delay > allowed {
        return Some(Mismatch::Delay { name, id, network, service, cut, told, allowed });
    }
    // A lost packet shortly before a cut is easily taken for its beginning, so the same time is allowed on this side.
    let Bracket { earliest, latest } = affected.onset;
    // Where a block lets some pass, to have got through proves nothing: the bracket may begin later than the block.
    let slack = if whole { SignedDuration::ZERO } else { allowed };
    let within =
        earliest.is_none_or(|earliest| earliest.duration_since(cut) <= slack) && cut.duration_since(latest) <= allowed;
    (!within).then_some(Mismatch::Onset { name, id, network, service, cut })
}
