//! What became of histories: the bundled scenarios, each with several seeds.

use std::collections::BTreeSet;

use kedergi_detector::{Change, Detector, EventId, Mismatch, Scenario};

use crate::stats::{many, met};

/// Goals: of a hundred expected events, found; of a hundred told, expected; pages that an event begins or rises.
const GOAL: u32 = 95;
const GOAL_PAGES: f64 = 1.2;

#[derive(Debug, Default, Clone, Copy)]
struct Sum {
    expected: u32,
    found: u32,
    told: u32,
    unexpected: u32,
    begun: u32,
    over: u32,
    /// Plays of which nothing was other than expected: delays, onsets and ends too.
    exact: u32,
}

/// How many times as many seeds for a history in which nothing may be told: what goes wrong there is seldom.
const QUIET: u32 = 8;

/// Prints the table; whether every goal was met.
pub(crate) fn table(seeds: u32) -> bool {
    println!(
        "\nHistories, {seeds} seeds each, {} of those in which nothing may be told: events expected, found, told of and not expected;",
        QUIET * seeds
    );
    println!(
        "pages that one begins or rises, and that it is over; plays in which delays, onsets and ends were within what the history"
    );
    println!("allows, too.");
    println!(
        "{:<18} {:>9} {:>7} {:>7} {:>12} {:>8} {:>6} {:>7}",
        "", "expected", "found", "told", "not expected", "begins", "ends", "exact"
    );
    let mut sum = Sum::default();
    for id in Scenario::bundled_ids() {
        let scenario = Scenario::bundled(id).expect("a bundled scenario");
        let seeds = if scenario.expectations.is_empty() { QUIET * seeds } else { seeds };
        let one = history(&scenario, seeds);
        println!(
            "{id:<18} {:>9} {:>7} {:>7} {:>12} {:>8} {:>6} {:>4}/{seeds}",
            one.expected, one.found, one.told, one.unexpected, one.begun, one.over, one.exact
        );
        sum.add(&one);
    }
    let recall = percent(sum.found, sum.expected);
    let precision = percent(sum.told - sum.unexpected, sum.told);
    let pages = f64::from(sum.begun) / f64::from(sum.told.max(1));
    let goals = [recall >= f64::from(GOAL), precision >= f64::from(GOAL), pages <= GOAL_PAGES];
    println!(
        "Recall {recall:.1} %, goal {GOAL}: {}. Precision {precision:.1} %, goal {GOAL}: {}.",
        met(goals[0]),
        met(goals[1])
    );
    println!("Pages that an event begins or rises: {pages:.2} an event, goal {GOAL_PAGES}: {}.", met(goals[2]));
    goals.into_iter().all(|goal| goal)
}

fn percent(some: u32, all: u32) -> f64 {
    100.0 * f64::from(some) / f64::from(all.max(1))
}

fn history(scenario: &Scenario, seeds: u32) -> Sum {
    let mut sum = Sum::default();
    for one in many(seeds, |seed| play(&Scenario { seed: scenario.seed + seed - 1, ..scenario.clone() })) {
        sum.add(&one);
    }
    sum
}

fn play(scenario: &Scenario) -> Sum {
    let (mut detector, mut sum) = (Detector::default(), Sum::default());
    let mut paged = BTreeSet::<EventId>::new();
    for input in scenario.inputs() {
        for change in detector.apply(&input).iter().filter(|change| change.pages()) {
            match change {
                Change::Opened(_) | Change::Raised(_) | Change::Grew(_) | Change::Updated(_) => sum.begun += 1,
                Change::Closed(_) | Change::Retracted(_) => sum.over += 1,
            }
            paged.insert(change.event().id.clone());
        }
    }
    let mismatches = scenario.check(&scenario.play().events);
    let count = |is: fn(&Mismatch) -> bool| {
        u32::try_from(mismatches.iter().filter(|mismatch| is(mismatch)).count()).unwrap_or(u32::MAX)
    };
    sum.expected = u32::try_from(scenario.expectations.len()).unwrap_or(u32::MAX);
    sum.found = sum.expected - count(|mismatch| matches!(mismatch, Mismatch::Missing { .. }));
    sum.told = u32::try_from(paged.len()).unwrap_or(u32::MAX);
    sum.unexpected = count(|mismatch| matches!(mismatch, Mismatch::Unexpected { .. }));
    sum.exact = u32::from(mismatches.is_empty());
    sum
}

impl Sum {
    fn add(&mut self, one: &Self) {
        self.expected += one.expected;
        self.found += one.found;
        self.told += one.told;
        self.unexpected += one.unexpected;
        self.begun += one.begun;
        self.over += one.over;
        self.exact += one.exact;
    }
}
