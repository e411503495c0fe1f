//! Throttling: a sequential test on how much slower than a control host a service was, and what it remembers.
//!
//! As for blocks ([`crate::track`]) it is Page's CUSUM, several alternatives side by side, each probe's part capped, the other way
//! round for the end. What it sums are log likelihood ratios of d, the slowness that pairs of fetches tell: a line that is
//! slow for everything is slow on both sides of a pair and says nothing. What d is on any day is learned while nothing is
//! suspected.

mod numbers;
mod slowdown;
mod usual;

use kedergi_verdict::{Outcome, Regime, RuleId};
use kedergi_wire::Altered;
use serde::{Deserialize, Serialize};

use crate::Vote;
use crate::alarm::Span;
use crate::controls::Controls;
use crate::sparing::Few;
use crate::streaks::Streaks;
use crate::time::Moment;
use crate::track::{Ballot, SAY, Start};
use crate::weights::{ACTIVE, BEFORE, FROZEN, PATIENCE, ln};
use numbers::{
    CAP, END, END_CAP, END_LOOK, ENOUGH, HABIT_DAYS, HABIT_HOUR, HABIT_WITHIN, MOST_HALVES, PAIR_CAP,
    PAIRS_OF_A_VERDICT, QUICK, SLOWER, SUPPORT, SUSPICION, weight,
};
pub(crate) use slowdown::{Slowdown, Slowness};
use usual::Usual;

/// Slow votes remembered of a test under way, and onsets remembered for habits.
const REMEMBERED: usize = 64;
const ONSETS: usize = 16;
/// Steps of slowness that are told apart, in thousandths of a decade, and the greatest: kinds of votes are few.
const STEP: i32 = 100;
const MOST: i32 = 2000;
/// The slowness of a verdict that names none: what its rule asks for.
const UNTOLD: i32 = 500;

/// What a vote says of a service's pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct Pace {
    /// 1000 * log10 of how many times as long as the control host it took.
    pub(crate) slowness: i16,
    /// Whether the report alone sufficed to call it throttled.
    pub(crate) throttled: bool,
    /// By what, and how, where the verdict tells.
    pub(crate) by: Option<By>,
    pub(crate) regime: Option<Regime>,
    /// Whether the name was all that differed between the sides of its pairs: then 0 is usual, by construction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) by_construction: bool,
    /// How many pairs it weighs as much as, in halves.
    #[serde(default = "one_pair")]
    pub(crate) halves: u8,
}

/// One pair, in halves.
fn one_pair() -> u8 {
    2
}

/// What is slowed down.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) enum By {
    Name,
    Address,
}

impl Pace {
    /// What a vote says; `None` if it says nothing.
    pub(crate) fn of(vote: &Vote) -> Option<Self> {
        let throttled = vote.outcome == Outcome::Throttled;
        let told = vote.slowness.map(|pace| pace.slowness).or(throttled.then_some(UNTOLD))?;
        let stepped = (told.clamp(-MOST, MOST) + MOST + STEP / 2) / STEP * STEP - MOST;
        let regime = vote.slowness.and_then(|pace| pace.regime).filter(|_| throttled);
        let slowness = i16::try_from(stepped).unwrap_or(0);
        let compared = vote.slowness.and_then(|pace| pace.compared).filter(|_| !throttled);
        let by_construction = compared.is_some_and(|compared| compared.altered == Altered::TargetNameElsewhere);
        let halves = compared.map_or(one_pair(), |compared| compared.pairs.clamp(one_pair(), MOST_HALVES));
        let by = by(&vote.rule).filter(|_| throttled);
        Some(Self { slowness, throttled, by, regime, by_construction, halves })
    }
}

fn by(rule: &RuleId) -> Option<By> {
    [("throttled-name", By::Name), ("throttled-address", By::Address)]
        .into_iter()
        .find(|(name, _)| *name == rule.as_str())
        .map(|(_, by)| by)
}

/// The test on one series. There is one only where pairs were ever measured.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Slow {
    usual: Usual,
    /// The last vote that was not slow, and how many there were.
    last_quick: Option<Moment>,
    quick: u32,
    scores: [i32; SLOWER.len()],
    since: [Option<Start>; SLOWER.len()],
    parts: Vec<Part>,
    /// Pairs of the test under way, and how many votes it read.
    seen: Vec<Slowness>,
    read: u32,
    /// The end that the test may lead to, and the quick votes since.
    ending: Option<Span>,
    unsettled: u16,
    /// When it began before.
    onsets: Vec<Moment>,
    /// In order of time. Only the last may be going on.
    slowdowns: Few<Slowdown>,
}

/// What one probe brings to the test: its part of each score; the first is its part of the end's while one is confirmed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Part {
    witness: u64,
    parts: [i32; SLOWER.len()],
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Calm,
    Suspected,
    Confirmed,
}

impl Slow {
    /// A test that begins with a first pair after so many votes without one.
    pub(crate) fn new(last_quick: Option<Moment>, quick: u32) -> Self {
        Self {
            usual: Usual::default(),
            last_quick,
            quick,
            scores: [0; SLOWER.len()],
            since: [None; SLOWER.len()],
            parts: Vec::new(),
            seen: Vec::new(),
            read: 0,
            ending: None,
            unsettled: 0,
            onsets: Vec::new(),
            slowdowns: Few::default(),
        }
    }

    /// Whether no test is under way, and nothing to be told.
    pub(crate) fn is_calm(&self) -> bool {
        self.seen.is_empty() && self.slowdowns.is_empty() && self.since.iter().all(Option::is_none)
    }

    fn state(&self) -> State {
        match self.slowdowns.last().filter(|slowdown| slowdown.is_open()) {
            None => State::Calm,
            Some(slowdown) if slowdown.reached.is_none() => State::Suspected,
            Some(_) => State::Confirmed,
        }
    }

    pub(crate) fn slowdowns(&self) -> &[Slowdown] {
        &self.slowdowns
    }

    pub(crate) fn retain(&mut self, kept: impl Fn(&Slowdown) -> bool) {
        self.slowdowns.retain(kept);
    }

    /// Lets the controls have their say about every slow-down. Whether that changed anything.
    pub(crate) fn consult(&mut self, controls: &Controls) -> bool {
        let mut changed = false;
        for slowdown in self.slowdowns.iter_mut() {
            changed |= slowdown.consult(controls);
        }
        changed
    }

    /// Reads a vote whose report holds pairs. Whether anything worth telling changed.
    pub(crate) fn paced(&mut self, ballot: &Ballot<'_>, seen: Slowness) -> bool {
        let state = self.state();
        if state == State::Confirmed {
            let changed = self.compare(ballot, &seen);
            return self.contest(ballot) || changed;
        }
        let start = Start { span: Span { earliest: self.last_quick, latest: ballot.at }, clear: self.quick };
        for (place, slower) in SLOWER.into_iter().enumerate() {
            let weight = self.weight(slower, seen.pace);
            if weight > 0 {
                self.since[place].get_or_insert(start);
            }
            self.weigh(place, ballot, weight, CAP);
        }
        if !seen.pace.throttled {
            self.note_quick(ballot.at);
        }
        if self.seen.len() >= REMEMBERED {
            self.seen.remove(0);
        }
        self.seen.push(seen);
        let seems_slow = self.seems_slow(&seen);
        let slowdown = self.slowdowns.last_mut().filter(|slowdown| slowdown.is_open() && seems_slow);
        let changed = slowdown.is_some_and(|slowdown| slowdown.count(&seen));
        self.conclude(ballot, state) || self.settle(ballot.at) || changed
    }

    /// Reads a vote of a target that did not seem slow. Whether anything worth telling changed.
    pub(crate) fn quick(&mut self, ballot: &Ballot<'_>) -> bool {
        self.note_quick(ballot.at);
        if self.state() == State::Confirmed {
            return self.relax(ballot, self.quick_weight());
        }
        for place in 0..SLOWER.len() {
            if self.since[place].is_some() {
                self.weigh(place, ballot, QUICK, CAP);
            }
        }
        self.settle(ballot.at)
    }

    fn note_quick(&mut self, at: Moment) {
        self.last_quick = Some(at);
        self.quick = self.quick.saturating_add(1);
    }

    /// What a pair weighs for a slow-down. Where the usual is not known, only what sufficed for a verdict accuses, and pairs whose
    /// sides differ in nothing but the name.
    fn weight(&self, slower: i32, pace: Pace) -> i32 {
        let (middle, spread) = self.usual.middle_and_spread();
        let slowness = i32::from(pace.slowness);
        if pace.throttled {
            return (weight(slower, slowness - middle, spread) * PAIRS_OF_A_VERDICT).clamp(-PAIR_CAP, CAP);
        }
        let halves = i32::from(pace.halves);
        let all = |above| weight(slower, above, spread).clamp(-PAIR_CAP, PAIR_CAP) * halves / 2;
        let accuses = if pace.by_construction {
            all(slowness - middle.max(0))
        } else if self.usual.is_known() {
            all(slowness - middle - self.usual.margin(spread))
        } else {
            0
        };
        // What is not known of the usual is no evidence against a slow-down either.
        if accuses > 0 { accuses } else { all(slowness - middle).min(0) }
    }

    /// Suspects or confirms, if the votes suffice.
    fn conclude(&mut self, ballot: &Ballot<'_>, state: State) -> bool {
        let Some((place, &score)) = self.scores.iter().enumerate().rev().max_by_key(|(_, score)| **score) else {
            return false;
        };
        let Some(start) = self.since[place].filter(|_| score >= SUSPICION) else { return false };
        let supporters = self.supporters(place, SUPPORT);
        let from = start.span.latest;
        let quorum = score >= ENOUGH && ballot.people.is_quorum(&supporters, from, ballot.at);
        if state == State::Calm {
            if !quorum && !ballot.people.is_majority(&supporters, from, ballot.at) {
                return false;
            }
            let standing = start.clear < BEFORE || self.is_habit(from);
            let mut slowdown = Slowdown::starting(start.span, ballot.at, standing);
            let slow = self.seen.iter().filter(|seen| seen.at >= from && self.seems_slow(seen));
            slow.for_each(|seen| _ = slowdown.count(seen));
            self.slowdowns.push(slowdown);
        }
        if quorum && let Some(slowdown) = self.slowdowns.last_mut() {
            slowdown.reached = Some(ballot.at);
            let onset = slowdown.onset.latest;
            if self.onsets.len() >= ONSETS {
                self.onsets.remove(0);
            }
            self.onsets.push(onset);
            self.start_anew();
        }
        quorum || state == State::Calm
    }

    /// Whether it began at this hour on some of the days before.
    fn is_habit(&self, at: Moment) -> bool {
        let day = i64::from(24 * 3600);
        let mut days: Vec<_> = self
            .onsets
            .iter()
            .filter_map(|onset| {
                let ago = i64::from(at.0) - i64::from(onset.0);
                let days = (ago + day / 2) / day;
                let apart = (ago - days * day).abs();
                ((1..=HABIT_WITHIN).contains(&days) && apart <= HABIT_HOUR.as_secs()).then_some(days)
            })
            .collect();
        days.dedup();
        days.len() >= HABIT_DAYS
    }

    /// Ends a test that came to nothing, and a suspicion of which nothing is left: what was seen is usual. Whether a
    /// suspicion ended.
    fn settle(&mut self, at: Moment) -> bool {
        let over = self.since.iter().all(Option::is_none);
        self.read = if over { 0 } else { self.read.saturating_add(1) };
        match self.state() {
            State::Confirmed => return false,
            State::Calm if !over && self.read < PATIENCE => return false,
            State::Suspected if !over && self.slowdowns.last().is_none_or(|one| one.suspected >= at.before(FROZEN)) => {
                return false;
            }
            State::Calm | State::Suspected => {}
        }
        for seen in std::mem::take(&mut self.seen) {
            self.usual.learn(seen.witness, seen.pace.slowness);
        }
        self.start_anew();
        let Some(slowdown) = self.slowdowns.last_mut().filter(|slowdown| slowdown.is_open()) else { return false };
        slowdown.end = Some(Span { earliest: Some(slowdown.last_slow), latest: at });
        slowdown.cleared = Some(at);
        true
    }

    /// A pair while a slow-down is confirmed: it speaks for that or for its end, whichever it is nearer to.
    fn compare(&mut self, ballot: &Ballot<'_>, seen: &Slowness) -> bool {
        let Some(slowdown) = self.slowdowns.last() else { return false };
        let slow = self.weight_known(slowdown.slower(), seen.pace);
        let is_clear = slow < 0 && !seen.pace.throttled;
        if let Some(slowdown) = self.slowdowns.last_mut() {
            slowdown.look(ballot.witness, !is_clear);
        }
        if is_clear {
            self.note_quick(ballot.at);
            return self.relax(ballot, -slow);
        }
        if let Some(slowdown) = self.slowdowns.last_mut() {
            slowdown.streaks.blocked(ballot.witness, ballot.at);
        }
        if self.ending.is_some() {
            self.weigh(0, ballot, -slow.max(-QUICK), END_CAP);
            if self.scores[0] <= 0 {
                self.ending = None;
                let unsettled = std::mem::take(&mut self.unsettled);
                if let Some(slowdown) = self.slowdowns.last_mut() {
                    slowdown.quick = slowdown.quick.saturating_add(unsettled);
                }
            }
        }
        self.slowdowns.last_mut().is_some_and(|slowdown| slowdown.count(seen))
    }

    /// Whether aged probes whose pairs never found it slow contradict it, as they do a block. A target that did not seem slow proves
    /// little, so what was not compared does not count. Whether that changed.
    fn contest(&mut self, ballot: &Ballot<'_>) -> bool {
        let Some(slowdown) = self.slowdowns.last_mut().filter(|slowdown| slowdown.is_open()) else { return false };
        let never = slowdown.never_slow(SAY);
        let (some, all) = ballot.people.voices(&never, ballot.at.before(ACTIVE), ballot.at, true);
        let contested = some >= 2 && 4 * some >= all;
        std::mem::replace(&mut slowdown.contested, contested) != contested
    }

    /// Whether it is nearer to the least slow-down than to the usual.
    fn seems_slow(&self, seen: &Slowness) -> bool {
        seen.pace.throttled || self.weight_known(SLOWER[0], seen.pace) > 0
    }

    fn weight_known(&self, slower: i32, pace: Pace) -> i32 {
        let (middle, spread) = self.usual.middle_and_spread();
        weight(slower, i32::from(pace.slowness) - middle, spread).clamp(-PAIR_CAP, PAIR_CAP)
    }

    /// What a vote that did not seem slow weighs for the end: the more, the seldomer there were such votes before.
    fn quick_weight(&self) -> i32 {
        let Some(slowdown) = self.slowdowns.last() else { return 0 };
        let (slow, quick) = (u32::from(slowdown.slow), u32::from(slowdown.quick));
        ln(1000) - ln(1000 * (quick + 1) / (slow + quick + 2))
    }

    /// A vote against a slow-down that is confirmed.
    fn relax(&mut self, ballot: &Ballot<'_>, weight: i32) -> bool {
        let Some(last) = self.slowdowns.last().map(|slowdown| slowdown.last_slow) else { return false };
        let ending = *self.ending.get_or_insert(Span { earliest: Some(last), latest: ballot.at });
        self.unsettled = self.unsettled.saturating_add(1);
        self.weigh(0, ballot, weight.min(END_LOOK), END_CAP);
        let supporters = self.supporters(0, 1);
        let together = self.scores[0] >= END && ballot.people.is_quorum(&supporters, ending.latest, ballot.at);
        let Some(slowdown) = self.slowdowns.last_mut() else { return false };
        slowdown.streaks.clear(ballot.witness, ballot.at, weight.min(END_LOOK));
        slowdown.end = if together { Some(ending) } else { slowdown.streaks.end(ballot.people, ballot.at) };
        if slowdown.is_open() {
            return false;
        }
        (slowdown.cleared, slowdown.streaks) = (Some(ballot.at), Streaks::default());
        self.start_anew();
        true
    }

    fn supporters(&self, place: usize, least: i32) -> Vec<u64> {
        self.parts.iter().filter(|part| part.parts[place] >= least).map(|part| part.witness).collect()
    }

    /// Adds to a probe's part of a score, within its cap. Below zero the test starts anew.
    fn weigh(&mut self, place: usize, ballot: &Ballot<'_>, weight: i32, cap: i32) {
        let witness = ballot.witness;
        let known = self.parts.iter().position(|part| part.witness == witness);
        let known = known.unwrap_or_else(|| {
            self.parts.push(Part { witness, parts: [0; SLOWER.len()] });
            self.parts.len() - 1
        });
        let part = &mut self.parts[known].parts[place];
        let before = *part;
        *part = (before + weight).clamp(ballot.least(cap), cap);
        self.scores[place] += *part - before;
        if self.scores[place] <= 0 {
            (self.scores[place], self.since[place]) = (0, None);
            self.parts.iter_mut().for_each(|part| part.parts[place] = 0);
        }
    }

    fn start_anew(&mut self) {
        (self.scores, self.since) = ([0; SLOWER.len()], [None; SLOWER.len()]);
        (self.parts, self.seen, self.read) = (Vec::new(), Vec::new(), 0);
        (self.ending, self.unsettled) = (None, 0);
    }
}

#[cfg(test)]
mod tests;
