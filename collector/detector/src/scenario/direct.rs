//! A scenario straight into the detector: the same rules, without keys, HTTP and a store, for statistics.
//!
//! What a rule says depends on the target, on what the measurement met and on what the control met before it, and on no time.
//! So the report is made and judged once for each of these, and the verdict used again.

use std::collections::{BTreeMap, HashMap};

use jiff::Timestamp;
use kedergi_verdict::{Outcome, Verdict, control_entry, judge};
use kedergi_wire::{BatchId, ProbeId, ReportRef, Role, ServiceId};

use super::Scenario;
use super::rounds::{Looked, Rounds};
use super::synthesis::Fate;
use crate::{Change, ControlVote, Detector, Event, EventId, Input, Instrument, Resolver, Source, Vote};

/// What came of a scenario.
#[derive(Debug, Clone, PartialEq)]
pub struct Played {
    /// Every event that was told and not taken back, as last told, by the time at which it was first likely.
    pub events: Vec<Event>,
    /// Measurements.
    pub reports: usize,
    /// Changes that page.
    pub pages: usize,
}

impl Scenario {
    /// What the collector would make of the reports of the scenario, in order of time.
    pub fn inputs(&self) -> impl Iterator<Item = Input> + '_ {
        let mut direct = Direct::new(self);
        std::iter::from_fn(move || direct.next()).flatten()
    }

    /// Plays the scenario straight into a detector.
    pub fn play(&self) -> Played {
        let (mut detector, mut told) = (Detector::default(), BTreeMap::<EventId, Event>::new());
        let (mut reports, mut pages) = (0, 0);
        let mut signs = self.signs().peekable();
        let mut inputs = self.inputs().peekable();
        loop {
            // What came in by then, minute by minute, and then what was measured.
            let at = inputs.peek().map_or(self.end, |input| self.reaches_collector(at(input)));
            let input = match signs.next_if(|(due, _)| *due <= at) {
                Some((_, sign)) => sign,
                None => match inputs.next() {
                    Some(input) => input,
                    None => break,
                },
            };
            reports += usize::from(matches!(input, Input::Vote(_) | Input::Control(_)));
            for change in detector.apply(&input) {
                pages += usize::from(change.pages());
                match change {
                    Change::Retracted(event) => _ = told.remove(&event.id),
                    Change::Opened(event)
                    | Change::Grew(event)
                    | Change::Raised(event)
                    | Change::Updated(event)
                    | Change::Closed(event) => _ = told.insert(event.id.clone(), event),
                }
            }
        }
        let mut events: Vec<_> = told.into_values().collect();
        events.sort_by_key(Event::opened);
        Played { events, reports, pages }
    }
}

/// When it was measured or said.
fn at(input: &Input) -> Timestamp {
    match input {
        Input::Vote(vote) => vote.at,
        Input::Control(vote) => vote.at,
        Input::Heartbeat(beat) => beat.at,
        Input::Listening(listening) => listening.at,
    }
}

struct Direct<'a> {
    rounds: Rounds<'a>,
    services: Vec<ServiceId>,
    ids: Vec<ProbeId>,
    /// What the controls met when last they looked, by target.
    controls: BTreeMap<usize, Fate>,
    verdicts: HashMap<(usize, Role, Fate, Option<Fate>), Verdict>,
}

impl<'a> Direct<'a> {
    fn new(scenario: &'a Scenario) -> Self {
        let services = scenario.services.iter().flat_map(|service| service.targets.iter().map(|_| service.id.clone()));
        Self {
            rounds: Rounds::new(scenario),
            services: services.collect(),
            ids: scenario.probes().iter().map(super::SimProbe::id).collect(),
            controls: BTreeMap::new(),
            verdicts: HashMap::new(),
        }
    }

    /// What one probe says in one go.
    fn next(&mut self) -> Option<Vec<Input>> {
        let looked = self.rounds.look()?;
        let said =
            (0..).zip(&looked.fates).filter_map(|(index, &(target, fate))| self.input(&looked, index, target, fate));
        Some(said.collect())
    }

    fn input(&mut self, looked: &Looked, index: u16, target: usize, fate: Fate) -> Option<Input> {
        let at = looked.started(target);
        let (id, country) = (self.ids[looked.probe], self.rounds.country());
        let (service, role, software) = (self.services[target].clone(), looked.sim.role, looked.software);
        let verdict = self.verdict(looked, target, fate);
        match role {
            Role::Control => {
                let reachable = match verdict.outcome {
                    Outcome::Reachable | Outcome::Throttled => true,
                    Outcome::Down | Outcome::Blocked { .. } => false,
                    // The control's own line was cut: it is no measure for others.
                    Outcome::Inconclusive { .. } => return None,
                };
                self.controls.insert(target, fate);
                Some(Input::Control(ControlVote { at, service, reachable, control: Some(id), country: None }))
            }
            Role::Probe => {
                let mut batch = id.0;
                batch[..8].copy_from_slice(&at.as_millisecond().to_be_bytes());
                Some(Input::Vote(Vote {
                    at,
                    country,
                    network: looked.sim.network?,
                    service,
                    source: Source::probe(id),
                    outcome: verdict.outcome,
                    rule: verdict.rule.clone(),
                    trigger: verdict.trigger,
                    resolver: Resolver::of_probe(verdict.outcome),
                    sureness: None,
                    slowness: verdict.pace,
                    instrument: Instrument { software, rules: verdict.rules_version, ..Instrument::default() },
                    report: Some(ReportRef { batch: BatchId(batch), index }),
                }))
            }
        }
    }

    fn verdict(&mut self, looked: &Looked, target: usize, fate: Fate) -> &Verdict {
        let role = looked.sim.role;
        let control = match role {
            // A control is judged against itself.
            Role::Control => Some(fate),
            Role::Probe => self.controls.get(&target).copied(),
        };
        let rounds = &mut self.rounds;
        self.verdicts.entry((target, role, fate, control)).or_insert_with(|| {
            let control = control.map(|fate| control_entry(&rounds.report(looked, target, fate)));
            judge(&rounds.report(looked, target, fate), control.as_ref())
        })
    }
}
