//! The detect job: follows the facts and keeps events and alerts up with them.
//!
//! One transaction of the ledger moves everything on together: how far the facts were read, the detector and the pager as
//! they are then, what changed, and the alerts about it. A crash before it leaves the facts unread; a crash after it finds
//! them read. Nothing is told twice and nothing is left out.
//!
//! That transaction writes the whole state, so it is not made for every fact: at once if somebody is to be told, else now and
//! then ([`rest_between`]). What was read since is read again after a crash, and the same follows from it.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use kedergi_detector::{Change, ControlVote, Detector, Heartbeat, Input, Instrument, Resolver, Source, Vote};
use kedergi_store::{Detection, Fact, Ledger, NewAlert, SignOfLife, StoreError};
use kedergi_verdict::Outcome;
use kedergi_wire::{Role, TargetList};
use serde::{Deserialize, Serialize};

use crate::alerts::{Audience, Page, Pager};
use crate::app::App;

mod ears;
mod rounds;
use ears::Ears;
pub(crate) use ears::Heard;
use rounds::Rounds;

/// Facts and signs of life taken in one step.
const STEP: usize = 2000;
/// Unless facts pile up there is a pause after each step.
const PAUSE: Duration = Duration::from_millis(500);
/// The detector's whole state is written after so many times the time that writing takes, so that a twentieth of the time is spent
/// on it, but at least so often: this bounds what is read again after a crash. Where something changed that pages show,
/// they should not be behind for longer than the latter.
const SHARE: u32 = 20;
const LONGEST_REST: Duration = Duration::from_secs(60);
const LONGEST_BEHIND: Duration = Duration::from_secs(10);
/// How long to sleep at most: the clock may be set, and the pager tells by the clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);

/// Why detection cannot go on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DetectError {
    #[error("detection cannot read or write the store: {0}")]
    Store(#[from] StoreError),
    #[error(
        "the detector's state in the ledger cannot be read ({0}); it was written by another version of the collector"
    )]
    State(serde_json::Error),
    #[error("detection cannot be written as JSON: {0}")]
    Json(serde_json::Error),
}

/// Follows the facts until the process ends.
pub(crate) async fn run(app: App) -> Result<(), DetectError> {
    let mut follower = Follower::load(app).await?;
    loop {
        follower.catch_up().await?;
    }
}

struct Follower {
    app: App,
    audience: Audience,
    /// The last fact that was read.
    cursor: i64,
    state: State,
    ears: Ears,
    /// Whether anything was read since the state was saved, and what became known by it.
    fresh: bool,
    unsaved: Vec<Change>,
    /// When the state was last saved, and how long that took.
    last: Instant,
    cost: Duration,
}

impl Follower {
    async fn load(app: App) -> Result<Self, DetectError> {
        let Detection { cursor, state } = app.ledger(|ledger| ledger.detection()).await?;
        let state = state.map(|json| serde_json::from_str(&json).map_err(DetectError::State)).transpose()?;
        let audience = Audience::new(app.config());
        let (state, ears, unsaved) = (state.unwrap_or_default(), Ears::default(), Vec::new());
        let (last, cost, fresh) = (Instant::now(), Duration::ZERO, false);
        Ok(Self { app, audience, cursor, state, ears, fresh, unsaved, last, cost })
    }

    /// Takes in what there is, or waits for more.
    async fn catch_up(&mut self) -> Result<(), DetectError> {
        let app = self.app.clone();
        // Listening begins before looking, so that nothing is missed in between.
        let appended = app.appended().notified();
        let cursor = self.cursor;
        let now = app.now();
        let facts = app.facts(move |facts| facts.scan_after(cursor, STEP)).await?;
        self.ears.look(now);
        // A minute is over when all that came in it was read.
        let signs = if facts.len() < STEP { self.signs(now).await? } else { Vec::new() };
        if facts.is_empty() && signs.is_empty() && !self.is_due() && self.state.pager.next().is_none_or(|due| due > now)
        {
            app.clock().taken_in(now);
            tokio::select! {
                () = appended => {}
                () = app.clock().set_after(now) => {}
                () = tokio::time::sleep(self.pause(now)) => {}
            }
            return Ok(());
        }
        self.step(&facts, &signs, now, self.is_due()).await?;
        if facts.len() < STEP && !app.clock().waits() {
            tokio::time::sleep(PAUSE).await;
        }
        Ok(())
    }

    /// Signs of life, and the minutes that were listened to until then.
    async fn signs(&mut self, now: Timestamp) -> Result<Vec<Input>, DetectError> {
        let read = self.state.signs;
        let signs = self.app.ledger(move |ledger| ledger.signs(read, STEP)).await?;
        self.state.signs = signs.last().map_or(read, |&(number, _)| number);
        let all = signs.len() < STEP;
        let mut inputs: Vec<_> = signs.into_iter().map(|(_, sign)| Input::Heartbeat(heartbeat(&sign))).collect();
        if all {
            inputs.extend(self.ears.listened(now, self.app.heard()).into_iter().map(Input::Listening));
        }
        Ok(inputs)
    }

    /// Reads facts and signs of life, and saves what follows if that is due or somebody is to be told.
    async fn step(
        &mut self,
        facts: &[(i64, Fact)],
        signs: &[Input],
        now: Timestamp,
        due: bool,
    ) -> Result<(), DetectError> {
        let facts_only = facts.iter().map(|(_, fact)| fact);
        let Step { mut changes, mut pages } = self.state.apply(facts_only, self.app.targets(), now);
        let heard = self.state.hear(signs, now);
        changes.extend(heard.changes);
        pages.extend(heard.pages);
        self.fresh |= !facts.is_empty() || !signs.is_empty();
        self.cursor = facts.last().map_or(self.cursor, |&(cursor, _)| cursor);
        self.unsaved.extend(changes);
        if due || !pages.is_empty() {
            self.save(&pages, now).await?;
        }
        Ok(())
    }

    async fn save(&mut self, pages: &[Page], now: Timestamp) -> Result<(), DetectError> {
        let began = Instant::now();
        let (cursor, alerts) = (self.cursor, self.alerts(pages, now)?);
        let state = serde_json::to_string(&self.state).map_err(DetectError::Json)?;
        let (bytes, alerting) = (state.len(), !alerts.is_empty());
        let (changes, signs) = (std::mem::take(&mut self.unsaved), self.state.signs);
        let commit = move |ledger: &mut Ledger| {
            ledger.commit_detection(cursor, &state, &changes, &alerts)?;
            ledger.forget_signs(signs)
        };
        self.app.ledger(commit).await?;
        self.app.forget_neighbourhoods(cursor).await?;
        (self.fresh, self.last, self.cost) = (false, Instant::now(), began.elapsed());
        metrics::gauge!("kedergi_detector_saved_bytes").set(u32::try_from(bytes).unwrap_or(u32::MAX));
        metrics::gauge!("kedergi_detector_save_seconds").set(self.cost.as_secs_f64());
        if alerting {
            self.app.alerted().notify_one();
        }
        Ok(())
    }

    /// Whether there is something to save, and the time for it has come.
    fn is_due(&self) -> bool {
        self.until_due() == Some(Duration::ZERO)
    }

    /// How long until something is to be saved; `None` if there is nothing.
    fn until_due(&self) -> Option<Duration> {
        let behind = !self.unsaved.is_empty();
        let waited_for = behind && self.app.clock().waits();
        let rest = if waited_for { Duration::ZERO } else { rest_between(self.cost, behind) };
        self.fresh.then(|| rest.saturating_sub(self.last.elapsed()))
    }

    fn alerts(&self, pages: &[Page], now: Timestamp) -> Result<Vec<NewAlert>, DetectError> {
        let entries = pages.iter().map(|page| self.audience.entries(page, now));
        Ok(entries.collect::<Result<Vec<_>, _>>().map_err(DetectError::Json)?.concat())
    }

    fn pause(&self, now: Timestamp) -> Duration {
        let due = self.state.pager.next().map(|due| due.duration_since(now).try_into().unwrap_or(Duration::ZERO));
        due.into_iter().chain(self.until_due()).fold(LONGEST_SLEEP, Duration::min)
    }
}

/// How long after the state was saved it is saved again. `cost` is how long that took.
fn rest_between(cost: Duration, behind: bool) -> Duration {
    (cost * SHARE).clamp(PAUSE, if behind { LONGEST_BEHIND } else { LONGEST_REST })
}

/// What detection remembers from step to step.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
struct State {
    detector: Detector,
    pager: Pager,
    #[serde(default)]
    rounds: Rounds,
    /// The last sign of life that was read.
    #[serde(default)]
    signs: i64,
}

/// What follows from some facts.
#[derive(Debug, Default, PartialEq)]
struct Step {
    changes: Vec<Change>,
    pages: Vec<Page>,
}

impl State {
    /// Takes facts into account. Pure: it decides all that the ledger then writes in one transaction.
    fn apply<'a>(&mut self, facts: impl Iterator<Item = &'a Fact>, list: &TargetList, now: Timestamp) -> Step {
        let mut step = Step::default();
        for fact in facts {
            let said = self.rounds.take(fact, list);
            let Some(input) = said.as_deref().and_then(input) else { continue };
            for change in self.detector.apply(&input) {
                step.pages.extend(self.pager.note(&change, now));
                step.changes.push(change);
            }
        }
        step.pages.extend(self.pager.due(now));
        step
    }

    /// Takes signs of life into account, and that they were listened to.
    fn hear(&mut self, signs: &[Input], now: Timestamp) -> Step {
        let changes: Vec<_> = signs.iter().flat_map(|sign| self.detector.apply(sign)).collect();
        let pages = changes.iter().flat_map(|change| self.pager.note(change, now)).collect();
        Step { changes, pages }
    }
}

/// A sign of life as the detector takes it. Where its line lies the probe's reports tell.
fn heartbeat(sign: &SignOfLife) -> Heartbeat {
    let SignOfLife { probe, at, network, country, enrolled } = *sign;
    Heartbeat { at, probe, country, network, neighbourhood: None, enrolled }
}

/// What a fact says to the detector; nothing if it is not known where it was measured.
fn input(fact: &Fact) -> Option<Input> {
    match fact.role {
        Role::Control => {
            let reachable = match fact.verdict.outcome {
                Outcome::Reachable | Outcome::Throttled => true,
                Outcome::Down | Outcome::Blocked { .. } => false,
                Outcome::Inconclusive { .. } => return None,
            };
            Some(Input::Control(ControlVote {
                at: fact.at,
                service: fact.service.clone(),
                reachable,
                control: Some(fact.probe),
                country: fact.country,
            }))
        }
        Role::Probe => Some(Input::Vote(Vote {
            at: fact.at,
            country: fact.country?,
            network: fact.network?,
            service: fact.service.clone(),
            source: Source::Probe {
                id: fact.probe,
                neighbourhood: fact.provenance.neighbourhood,
                enrolled: fact.provenance.enrolled,
            },
            outcome: fact.verdict.outcome,
            rule: fact.verdict.rule.clone(),
            trigger: fact.verdict.trigger,
            resolver: Resolver::of_probe(fact.verdict.outcome),
            sureness: None,
            slowness: fact.verdict.pace,
            instrument: Instrument {
                software: fact.provenance.software.unwrap_or_default(),
                list: fact.provenance.list.unwrap_or_default(),
                rules: fact.verdict.rules_version,
            },
            report: Some(fact.report),
        })),
    }
}

#[cfg(test)]
mod tests;
