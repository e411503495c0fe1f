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
use crate::sparing::Few;
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
    /// The same for each probe that was wrong by itself.
    accounts: Few<Account>,
    /// The test under way. Boxed, because most of the time there is none.
    test: Option<Box<Test>>,
    /// Alarms in order of time. Only the last may be going on.
    pub(crate) alarms: Few<Alarm>,
}

/// What one probe said while nothing was suspected.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
struct Account {
    witness: u64,
    usual: Tally,
}

/// A test whether something is blocked, or whether an alarm is over.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Test {
    /// Its votes, by hour.
    doubted: Few<(Hour, Tally)>,
    stands: Few<Stand>,
    scores: [i32; SHARES.len()],
    /// When each score rose above zero.
    since: [Option<Start>; SHARES.len()],
    accusations: Few<Accusation>,
    /// The end that it may lead to, and the votes since.
    ending: Option<Span>,
    unsettled: Tally,
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
    /// Its votes in the test, or in the alarm.
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
            accounts: Few::default(),
            test: None,
            alarms: Few::default(),
        }
    }

    /// What it learned while nothing was suspected.
    pub(crate) fn learned(&self) -> Learned {
        let votes = [self.usual.blocked, self.usual.votes].map(u32::from);
        Learned::new(self.layer, votes, self.hours.times())
    }

    /// Whether no test is under way, and nothing to be told.
    pub(crate) fn is_calm(&self) -> bool {
        self.test.is_none() && self.alarms.is_empty()
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
        let test = self.test.get_or_insert_default();
        for (place, base) in bases.into_iter().enumerate() {
            test.since[place].get_or_insert(start);
            test.weigh(place, ballot.witness, blocked(place, base, strength), -CAP..=CAP);
        }
        test.note(ballot, Tally { blocked: 1, votes: 1 });
        if test.accusations.len() >= REMEMBERED {
            test.accusations.remove(0);
        }
        test.accusations.push(accusation);
        test.ending = None;
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
            State::Calm => {
                self.doubt(ballot);
                false
            }
            State::Suspected => {
                let ending = Span { earliest: None, latest: ballot.at };
                let ending = self.test.as_mut().map_or(ending, |test| *test.ending.get_or_insert(ending));
                self.doubt(ballot);
                self.dismiss(ballot.at, ending)
            }
        }
    }

    /// Suspects or confirms, if the votes suffice.
    fn conclude(&mut self, ballot: &Ballot<'_>, state: State) -> bool {
        let Some(test) = &self.test else { return false };
        let Some((place, &score)) = test.scores.iter().enumerate().rev().max_by_key(|(_, score)| **score) else {
            return false;
        };
        let score = score + test.lone_contradiction(place, ballot);
        let Some(start) = test.since[place].filter(|_| score >= SUSPICION) else { return false };
        let supporters = test.supporters(place, SUPPORT, ballot.people);
        let quorum = score >= ENOUGH && ballot.people.is_quorum(&supporters, start.span.latest, ballot.at);
        if state == State::Calm {
            if !quorum && !ballot.people.is_majority(&supporters, start.span.latest, ballot.at) {
                return false;
            }
            let mut alarm = Alarm::starting(start.span, ballot.at, place, start.clear < BEFORE);
            test.accusations.iter().filter(|one| one.at >= start.span.latest).for_each(|one| alarm.count(one));
            self.alarms.push(alarm);
        }
        if quorum && let Some(alarm) = self.alarms.last_mut() {
            (alarm.reached, alarm.share) = (Some(ballot.at), place);
            test.stands.iter().for_each(|stand| alarm.tally.add(stand.now, MEMORY));
            self.test = None;
        }
        quorum || state == State::Calm
    }

    /// Takes what could not be confirmed for so long for what is usual. Whether a suspicion ends by it.
    fn lose_patience(&mut self, ballot: &Ballot<'_>) -> bool {
        let at = ballot.at;
        let stands = self.test.iter().flat_map(|test| test.stands.iter());
        let (probes, votes) =
            stands.fold((0, 0), |(probes, sum), stand| (probes + 1, sum + u32::from(stand.now.votes)));
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
        if let Some(alarm) = self.alarms.last_mut().filter(|_| suspected) {
            alarm.end = Some(Span { earliest: Some(alarm.last_blocked), latest: at });
            alarm.cleared = Some(at);
        }
        suspected
    }

    /// A vote against a test under way, or one more of those that say what is usual.
    fn doubt(&mut self, ballot: &Ballot<'_>) {
        if self.test.is_none() {
            return self.learn_calm(ballot);
        }
        let bases = self.bases(ballot);
        let Some(test) = &mut self.test else { return };
        for (place, base) in bases.into_iter().enumerate() {
            if test.since[place].is_some() {
                test.weigh(place, ballot.witness, clear(place, base), ballot.least(CAP)..=CAP);
            }
        }
        test.note(ballot, Tally { blocked: 0, votes: 1 });
        if test.since.iter().all(Option::is_none) {
            self.learn(ballot.people);
        }
    }

    /// Ends a suspicion of which nothing is left.
    fn dismiss(&mut self, at: Moment, ending: Span) -> bool {
        let Some(alarm) = self.alarms.last_mut() else { return false };
        if let Some(test) = &mut self.test {
            if test.since[alarm.share].is_some() {
                return false;
            }
            test.ending = None;
        }
        alarm.end = Some(Span { earliest: Some(alarm.last_blocked), latest: ending.latest });
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
        let test = self.test.get_or_insert_default();
        if test.ending.is_none() {
            alarm.tally.add(Tally { blocked: 1, votes: 1 }, MEMORY);
        }
        let share = alarm.caught();
        test.stand(witness).now.add(Tally { blocked: 1, votes: 1 }, u32::from(u16::MAX));
        if test.ending.is_some() {
            test.weigh(0, witness, ln(OVER) - ln(share), ballot.least(END_CAP)..=END_CAP);
            test.unsettled.add(Tally { blocked: 1, votes: 1 }, MEMORY);
            if test.scores[0] <= 0 {
                // What looked like an end was none: its votes tell how many attempts the block catches.
                test.ending = None;
                alarm.tally.add(std::mem::take(&mut test.unsettled), MEMORY);
            }
        }
        changed
    }

    /// A vote against an alarm that is confirmed.
    fn relax(&mut self, ballot: &Ballot<'_>) -> bool {
        let Some(alarm) = self.alarms.last() else { return false };
        let (share, last) = (alarm.caught(), alarm.last_blocked);
        let test = self.test.get_or_insert_default();
        let ending = *test.ending.get_or_insert(Span { earliest: Some(last), latest: ballot.at });
        test.stand(ballot.witness).now.add(Tally { blocked: 0, votes: 1 }, u32::from(u16::MAX));
        test.unsettled.add(Tally { blocked: 0, votes: 1 }, MEMORY);
        let weight = ln(1000 - OVER) - ln(1000 - share);
        test.weigh(0, ballot.witness, weight, -END_CAP..=END_CAP);
        let together = test.scores[0] >= END && {
            let supporters = test.supporters(0, 1, ballot.people);
            ballot.people.is_quorum(&supporters, ending.latest, ballot.at)
        };
        let contested = test.is_contested(ballot);
        let Some(alarm) = self.alarms.last_mut() else { return false };
        alarm.streaks.clear(ballot.witness, ballot.at, weight);
        let end = if together { Some(ending) } else { alarm.streaks.end(ballot.people, ballot.at) };
        let changed = end.is_some() || contested != alarm.contested;
        if end.is_some() {
            (alarm.end, alarm.cleared, alarm.streaks) = (end, Some(ballot.at), Streaks::default());
            self.test = None;
        } else {
            alarm.contested = contested;
        }
        changed
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
        let account = self.accounts.iter().find(|account| account.witness == ballot.witness);
        // No better than the others: a probe that was lucky so far is as likely to fail as they are.
        let own = account.map_or(series, |Account { usual, .. }| {
            rate(series, PROBE_PRIOR_VOTES, usual.blocked.into(), usual.votes.into()).max(series)
        });
        FLOORS.map(|floor| own.max(floor))
    }

    fn learn_calm(&mut self, ballot: &Ballot<'_>) {
        let vote = Tally { blocked: 0, votes: 1 };
        self.usual.add(vote, MEMORY);
        self.hours.add(Hour::of(ballot.at), vote);
        if let Some(account) = self.accounts.iter_mut().find(|account| account.witness == ballot.witness) {
            account.usual.add(vote, MEMORY / 8);
        }
    }

    /// Takes the votes of a test that came to nothing for what is usual.
    fn learn(&mut self, people: &People) {
        let Some(test) = self.test.take() else { return };
        for stand in test.stands.iter() {
            self.usual.add(stand.now, MEMORY);
            match self.accounts.iter_mut().find(|account| account.witness == stand.witness) {
                Some(account) => account.usual.add(stand.now, MEMORY / 8),
                None if stand.now.blocked == 0 => {}
                None => {
                    let mut usual = Tally::default();
                    usual.add(stand.now, MEMORY / 8);
                    self.accounts.push(Account { witness: stand.witness, usual });
                }
            }
        }
        for &(hour, votes) in test.doubted.iter() {
            self.hours.add(hour, votes);
        }
        // Who will not come again needs no account of its own.
        self.accounts.retain(|account| account.usual.blocked > 0 && people.is_lasting(account.witness));
    }
}

impl Test {
    /// What the one that contradicts most takes from a score, where that one is a third of all and could hide from them what the
    /// two others see: it is given back. Among more the sum outweighs one by itself.
    fn lone_contradiction(&self, place: usize, ballot: &Ballot<'_>) -> i32 {
        let (_, voices) = ballot.people.voices(&[], ballot.at, ballot.at, false);
        let least = self.stands.iter().map(|stand| stand.parts[place]).min().unwrap_or(0);
        if voices == 3 { -least.min(0) } else { 0 }
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
            self.stands.push(Stand { witness, now: Tally::default(), parts: [0; SHARES.len()] });
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
}
