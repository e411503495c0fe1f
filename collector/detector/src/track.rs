//! The sequential test on one layer of one series, and what it remembers.
//!
//! Page's CUSUM over log likelihood ratios, the quickest test there is for a given rate of false alarms (Lorden), for several
//! alternatives side by side: a block may catch nearly every attempt, every second, every fifth. Each probe's part of the
//! sum is capped. While nothing is suspected the test learns how often votes say "blocked" anyway, for the series and for each
//! probe.

use std::ops::RangeInclusive;

use kedergi_wire::Layer;
use serde::{Deserialize, Serialize};

use crate::Resolver;
use crate::alarm::{Accusation, Alarm, Span};
use crate::habits::{Customs, Learned};
use crate::hours::{Hour, Hours};
use crate::newcomers::is_shared;
use crate::people::People;
use crate::sparing;
use crate::streaks::Streaks;
use crate::time::Moment;
use crate::weights::{
    ACTIVE, BEFORE, CAP, END, END_CAP, ENOUGH, FLOORS, FROZEN, MEMORY, OVER, PASSING_SUPPORT, PATIENCE, PATIENCE_EACH,
    PRIOR, PROBE_PRIOR_VOTES, SHARES, SUPPORT, SUSPICION, blocked, clear, ln, rate,
};

/// Accusations remembered of a test under way.
const REMEMBERED: usize = 64;
/// Votes of a probe in an alarm after which it has a say in whether the alarm is contested.
pub(crate) const SAY: u16 = 3;

/// The test on one layer, for names on one layer and one resolver.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Track {
    pub(crate) layer: Layer,
    pub(crate) resolver: Option<Resolver>,
    /// What was learned while nothing was suspected.
    usual: Tally,
    hours: Hours,
    /// Votes of the test under way, by hour.
    doubted: Vec<(Hour, Tally)>,
    stands: Vec<Stand>,
    scores: [i32; SHARES.len()],
    /// When each score rose above zero.
    since: [Option<Start>; SHARES.len()],
    accusations: Vec<Accusation>,
    /// The end that the test may lead to, and the votes since.
    ending: Option<Span>,
    unsettled: Tally,
    /// Alarms in order of time. Only the last may be going on.
    pub(crate) alarms: Vec<Alarm>,
}

/// How many votes, and how many of them blocked.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tally {
    pub(crate) blocked: u16,
    pub(crate) votes: u16,
}

impl Tally {
    fn add(&mut self, other: Self, most: u32) {
        self.blocked = self.blocked.saturating_add(other.blocked);
        self.votes = self.votes.saturating_add(other.votes);
        if u32::from(self.votes) >= most {
            (self.blocked, self.votes) = (self.blocked / 2, self.votes / 2);
        }
    }
}

/// What one probe brings to the test.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Stand {
    witness: u64,
    usual: Tally,
    /// In the test under way, or in the alarm.
    now: Tally,
    /// Its part of each score; the first is its part of the end's while an alarm is confirmed.
    parts: [i32; SHARES.len()],
}

/// Where a test begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Start {
    pub(crate) span: Span,
    /// Votes before it that were not blocked.
    pub(crate) clear: u32,
}

/// Where a track stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Calm,
    Suspected,
    Confirmed,
}

/// One vote as a track sees it.
pub(crate) struct Ballot<'a> {
    pub(crate) at: Moment,
    pub(crate) witness: u64,
    pub(crate) people: &'a People,
    pub(crate) customs: Customs<'a>,
}

impl Ballot<'_> {
    /// The least that the part of who votes may be, where it is `cap` at most. A flood of newcomers must not talk away what those
    /// see who have been there for long, be it that something is blocked or that it is over.
    pub(crate) fn least(&self, cap: i32) -> i32 {
        let talked_away = is_shared(self.witness) && self.people.has_elders(self.at);
        if talked_away { 0 } else { -cap }
    }
}

impl Track {
    /// A track that begins with a first blocked vote after `votes` that were not.
    pub(crate) fn new(layer: Layer, resolver: Option<Resolver>, votes: u32) -> Self {
        Self {
            layer,
            resolver,
            usual: Tally { blocked: 0, votes: u16::try_from(votes.min(MEMORY / 2)).unwrap_or(u16::MAX) },
            hours: Hours::default(),
            doubted: Vec::new(),
            stands: Vec::new(),
            scores: [0; SHARES.len()],
            since: [None; SHARES.len()],
            accusations: Vec::new(),
            ending: None,
            unsettled: Tally::default(),
            alarms: Vec::new(),
        }
    }

    /// What it learned while nothing was suspected.
    pub(crate) fn learned(&self) -> Learned {
        let votes = [self.usual.blocked, self.usual.votes].map(u32::from);
        Learned::new(self.layer, votes, self.hours.times())
    }

    /// Whether no test is under way, and nothing to be told.
    pub(crate) fn is_calm(&self) -> bool {
        self.accusations.is_empty() && self.alarms.is_empty()
    }

    fn state(&self) -> State {
        match self.alarms.last().filter(|alarm| alarm.is_open()) {
            None => State::Calm,
            Some(alarm) if alarm.reached.is_none() => State::Suspected,
            Some(_) => State::Confirmed,
        }
    }

    /// Reads a vote that says "blocked". Whether anything worth telling changed.
    pub(crate) fn accuse(&mut self, ballot: &Ballot<'_>, accusation: Accusation, strength: u16, start: Start) -> bool {
        let state = self.state();
        if state == State::Confirmed {
            return self.go_on(ballot, &accusation);
        }
        let bases = self.bases(ballot);
        for (place, base) in bases.into_iter().enumerate() {
            self.since[place].get_or_insert(start);
            self.weigh(place, ballot.witness, blocked(place, base, strength), -CAP..=CAP);
        }
        self.note(ballot, Tally { blocked: 1, votes: 1 });
        if self.accusations.len() >= REMEMBERED {
            self.accusations.remove(0);
        }
        self.accusations.push(accusation);
        self.ending = None;
        let mut changed = false;
        if let Some(alarm) = self.alarms.last_mut().filter(|alarm| alarm.is_open()) {
            let known = (alarm.witnesses.len(), alarm.manners.len());
            alarm.count(&accusation);
            changed = known != (alarm.witnesses.len(), alarm.manners.len());
        }
        self.conclude(ballot, state) || self.lose_patience(ballot) || changed
    }

    /// Reads a vote that says that this layer works. Whether anything worth telling changed.
    pub(crate) fn acquit(&mut self, ballot: &Ballot<'_>) -> bool {
        match self.state() {
            State::Confirmed => self.relax(ballot),
            State::Calm if self.accusations.is_empty() => {
                self.learn_calm(ballot);
                false
            }
            State::Calm => {
                self.doubt(ballot);
                false
            }
            State::Suspected => {
                self.ending.get_or_insert(Span { earliest: None, latest: ballot.at });
                self.doubt(ballot);
                self.dismiss(ballot.at)
            }
        }
    }

    /// Suspects or confirms, if the votes suffice.
    fn conclude(&mut self, ballot: &Ballot<'_>, state: State) -> bool {
        let Some((place, &score)) = self.scores.iter().enumerate().rev().max_by_key(|(_, score)| **score) else {
            return false;
        };
        let score = score + self.lone_contradiction(place, ballot);
        let Some(start) = self.since[place].filter(|_| score >= SUSPICION) else { return false };
        let supporters = self.supporters(place, SUPPORT, ballot.people);
        let quorum = score >= ENOUGH && ballot.people.is_quorum(&supporters, start.span.latest, ballot.at);
        if state == State::Calm {
            if !quorum && !ballot.people.is_majority(&supporters, start.span.latest, ballot.at) {
                return false;
            }
            let mut alarm = Alarm::starting(start.span, ballot.at, place, start.clear < BEFORE);
            self.accusations.iter().filter(|one| one.at >= start.span.latest).for_each(|one| alarm.count(one));
            sparing::push(&mut self.alarms, alarm);
        }
        if quorum && let Some(alarm) = self.alarms.last_mut() {
            (alarm.reached, alarm.share) = (Some(ballot.at), place);
            self.stands.iter().for_each(|stand| alarm.tally.add(stand.now, MEMORY));
            self.start_anew();
        }
        quorum || state == State::Calm
    }

    /// What the one that contradicts most takes from a score, where that one is a third of all and could hide from them what the
    /// two others see: it is given back. Among more the sum outweighs one by itself.
    fn lone_contradiction(&self, place: usize, ballot: &Ballot<'_>) -> i32 {
        let (_, voices) = ballot.people.voices(&[], ballot.at, ballot.at, false);
        let least = self.stands.iter().map(|stand| stand.parts[place]).min().unwrap_or(0);
        if voices == 3 { -least.min(0) } else { 0 }
    }

    /// Takes what could not be confirmed for so long for what is usual. Whether a suspicion ends by it.
    fn lose_patience(&mut self, ballot: &Ballot<'_>) -> bool {
        let at = ballot.at;
        let voted = self.stands.iter().map(|stand| u32::from(stand.now.votes)).filter(|votes| *votes > 0);
        let (probes, votes) = voted.fold((0, 0), |(probes, sum), votes| (probes + 1, sum + votes));
        let suspected = match self.state() {
            State::Calm if votes < PATIENCE.max(PATIENCE_EACH * probes) => return false,
            State::Calm => false,
            State::Suspected if self.alarms.last().is_none_or(|alarm| alarm.suspected >= at.before(FROZEN)) => {
                return false;
            }
            State::Suspected => true,
            State::Confirmed => return false,
        };
        self.learn(ballot.people);
        self.start_anew();
        if let Some(alarm) = self.alarms.last_mut().filter(|_| suspected) {
            alarm.end = Some(Span { earliest: Some(alarm.last_blocked), latest: at });
            alarm.cleared = Some(at);
        }
        suspected
    }

    /// A vote against a test under way.
    fn doubt(&mut self, ballot: &Ballot<'_>) {
        let bases = self.bases(ballot);
        for (place, base) in bases.into_iter().enumerate() {
            if self.since[place].is_some() {
                self.weigh(place, ballot.witness, clear(place, base), ballot.least(CAP)..=CAP);
            }
        }
        self.note(ballot, Tally { blocked: 0, votes: 1 });
        if self.since.iter().all(Option::is_none) {
            self.learn(ballot.people);
        }
    }

    /// Ends a suspicion of which nothing is left.
    fn dismiss(&mut self, at: Moment) -> bool {
        let Some(alarm) = self.alarms.last_mut() else { return false };
        if self.since[alarm.share].is_some() {
            return false;
        }
        let latest = self.ending.take().map_or(at, |ending| ending.latest);
        alarm.end = Some(Span { earliest: Some(alarm.last_blocked), latest });
        alarm.cleared = Some(at);
        true
    }

    /// A vote for an alarm that is confirmed.
    fn go_on(&mut self, ballot: &Ballot<'_>, accusation: &Accusation) -> bool {
        let witness = ballot.witness;
        let Some(alarm) = self.alarms.last_mut() else { return false };
        let known = (alarm.witnesses.len(), alarm.manners.len());
        alarm.count(accusation);
        let changed = known != (alarm.witnesses.len(), alarm.manners.len());
        alarm.streaks.blocked(witness, accusation.at);
        if self.ending.is_none() {
            alarm.tally.add(Tally { blocked: 1, votes: 1 }, MEMORY);
        }
        let share = alarm.caught();
        self.stand(witness).now.add(Tally { blocked: 1, votes: 1 }, u32::from(u16::MAX));
        if self.ending.is_some() {
            self.weigh(0, witness, ln(OVER) - ln(share), ballot.least(END_CAP)..=END_CAP);
            self.unsettled.add(Tally { blocked: 1, votes: 1 }, MEMORY);
            if self.scores[0] <= 0 {
                self.go_on_after_all();
            }
        }
        changed
    }

    /// What looked like an end was none: its votes tell how many attempts the block catches.
    fn go_on_after_all(&mut self) {
        self.ending = None;
        let votes = std::mem::take(&mut self.unsettled);
        if let Some(alarm) = self.alarms.last_mut() {
            alarm.tally.add(votes, MEMORY);
        }
    }

    /// A vote against an alarm that is confirmed.
    fn relax(&mut self, ballot: &Ballot<'_>) -> bool {
        let Some(alarm) = self.alarms.last() else { return false };
        let (share, last) = (alarm.caught(), alarm.last_blocked);
        let ending = *self.ending.get_or_insert(Span { earliest: Some(last), latest: ballot.at });
        self.stand(ballot.witness).now.add(Tally { blocked: 0, votes: 1 }, u32::from(u16::MAX));
        self.unsettled.add(Tally { blocked: 0, votes: 1 }, MEMORY);
        let weight = ln(1000 - OVER) - ln(1000 - share);
        self.weigh(0, ballot.witness, weight, -END_CAP..=END_CAP);
        let together = self.scores[0] >= END && {
            let supporters = self.supporters(0, 1, ballot.people);
            ballot.people.is_quorum(&supporters, ending.latest, ballot.at)
        };
        let contested = self.is_contested(ballot);
        let Some(alarm) = self.alarms.last_mut() else { return false };
        alarm.streaks.clear(ballot.witness, ballot.at, weight);
        let end = if together { Some(ending) } else { alarm.streaks.end(ballot.people, ballot.at) };
        let changed = end.is_some() || contested != alarm.contested;
        if end.is_some() {
            (alarm.end, alarm.cleared, alarm.streaks) = (end, Some(ballot.at), Streaks::default());
            self.start_anew();
        } else {
            alarm.contested = contested;
        }
        changed
    }

    /// Whether aged probes that never saw it contradict those that do: two voices, and one in four.
    fn is_contested(&self, ballot: &Ballot<'_>) -> bool {
        let never: Vec<_> = self
            .stands
            .iter()
            .filter(|one| one.now.blocked == 0 && one.now.votes >= SAY)
            .map(|one| one.witness)
            .collect();
        let (some, all) = ballot.people.voices(&never, ballot.at.before(ACTIVE), ballot.at, true);
        some >= 2 && 4 * some >= all
    }

    fn supporters(&self, place: usize, least: i32, people: &People) -> Vec<u64> {
        let supports = |stand: &&Stand| {
            let part = stand.parts[place];
            part >= least || (part >= PASSING_SUPPORT && !people.is_lasting(stand.witness))
        };
        self.stands.iter().filter(supports).map(|stand| stand.witness).collect()
    }

    /// Adds to a probe's part of a score, within its caps. Below zero the test starts anew.
    fn weigh(&mut self, place: usize, witness: u64, weight: i32, caps: RangeInclusive<i32>) {
        let part = &mut self.stand(witness).parts[place];
        let before = *part;
        *part = (before + weight).clamp(*caps.start(), *caps.end());
        let added = *part - before;
        self.scores[place] += added;
        if self.scores[place] <= 0 {
            self.scores[place] = 0;
            self.since[place] = None;
            self.stands.iter_mut().for_each(|stand| stand.parts[place] = 0);
        }
    }

    fn stand(&mut self, witness: u64) -> &mut Stand {
        let place = self.stands.iter().position(|stand| stand.witness == witness).unwrap_or_else(|| {
            let [usual, now] = [Tally::default(); 2];
            sparing::push(&mut self.stands, Stand { witness, usual, now, parts: [0; SHARES.len()] });
            self.stands.len() - 1
        });
        &mut self.stands[place]
    }

    /// Counts a vote of the test under way.
    fn note(&mut self, ballot: &Ballot<'_>, vote: Tally) {
        self.stand(ballot.witness).now.add(vote, u32::from(u16::MAX));
        let hour = Hour::of(ballot.at);
        match self.doubted.last_mut().filter(|(last, _)| *last == hour) {
            Some((_, tally)) => tally.add(vote, u32::from(u16::MAX)),
            None => self.doubted.push((hour, vote)),
        }
    }

    /// How often this probe's votes must be expected to say "blocked" anyway at this hour, for each of the questions.
    fn bases(&self, ballot: &Ballot<'_>) -> [u32; SHARES.len()] {
        let usual = |presumed| rate(presumed, PRIOR.votes, self.usual.blocked.into(), self.usual.votes.into());
        if !ballot.people.is_lasting(ballot.witness) {
            // Who is heard for an hour is not heard often enough to be wrong often.
            return [usual(PRIOR.rate); SHARES.len()];
        }
        let hour = Hour::of(ballot.at);
        let presumed = ballot.customs.presumed(self.layer, ballot.at, hour.time());
        let series = self.hours.rate(hour, usual(presumed.usual), presumed.rise);
        let stand = self.stands.iter().find(|stand| stand.witness == ballot.witness);
        // No better than the others: a probe that was lucky so far is as likely to fail as they are.
        let own = stand.map_or(series, |stand| {
            rate(series, PROBE_PRIOR_VOTES, stand.usual.blocked.into(), stand.usual.votes.into()).max(series)
        });
        FLOORS.map(|floor| own.max(floor))
    }

    fn learn_calm(&mut self, ballot: &Ballot<'_>) {
        let vote = Tally { blocked: 0, votes: 1 };
        self.usual.add(vote, MEMORY);
        self.hours.add(Hour::of(ballot.at), vote);
        if let Some(stand) = self.stands.iter_mut().find(|stand| stand.witness == ballot.witness) {
            stand.usual.add(vote, MEMORY / 8);
        }
    }

    /// Takes the votes of a test that came to nothing for what is usual.
    fn learn(&mut self, people: &People) {
        for stand in &mut self.stands {
            self.usual.add(stand.now, MEMORY);
            stand.usual.add(stand.now, MEMORY / 8);
            stand.now = Tally::default();
        }
        for (hour, votes) in std::mem::take(&mut self.doubted) {
            self.hours.add(hour, votes);
        }
        // Who will not come again needs no account of its own.
        self.stands.retain(|stand| stand.usual.blocked > 0 && people.is_lasting(stand.witness));
        self.stands.shrink_to_fit();
        self.accusations = Vec::new();
    }

    fn start_anew(&mut self) {
        for stand in &mut self.stands {
            (stand.now, stand.parts) = (Tally::default(), [0; SHARES.len()]);
        }
        self.stands.retain(|stand| stand.usual.blocked > 0);
        (self.scores, self.since) = ([0; SHARES.len()], [None; SHARES.len()]);
        self.doubted = Vec::new();
        (self.ending, self.unsettled, self.accusations) = (None, Tally::default(), Vec::new());
    }
}
