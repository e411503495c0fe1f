//! Throttling: what pairs tell on ordinary lines, on evenings when they are full, and where somebody slows a service down.
//!
//! The times of pairs are drawn and weighed by the rules of single reports; only what those make of them is voted.

use kedergi_detector::{Detector, Event, EventId, Input, Kind};
use kedergi_verdict::{Weight, weigh};
use kedergi_wire::{Altered, GoodputPair, Transfer};
use std::collections::BTreeSet;

use crate::sim::{DAY, HOUR, Look, MINUTE, Network, Rng, Seen, World, play};
use crate::stats::{at_most, many, met};

/// Kbit/s of a line, and what it gives on a full evening: the spread of either on one side of a pair, in thousandths of a decade.
const LINE: (f64, f64) = (1600.0, 250.0);
const FULL: (f64, f64) = (150.0, 350.0);
/// In the evening, from this hour on for so many, this many of a thousand runs meet a full line.
const EVENING: (u32, u32, u32) = (18, 5, 300);
/// Bytes of a transfer and of a page; milliseconds from which on a page seems slow; a thousand runs' share compared by lot.
const BYTES: u32 = 65_536;
const PAGE: f64 = 60_000.0;
const SEEMS_SLOW_MS: f64 = 1500.0;
const BY_LOT: u32 = 50;
/// Pairs of one kind at most, milliseconds after which no more bytes are waited for.
const SERIES: usize = 5;
const GIVEN_UP_MS: f64 = 6000.0;
/// Of a thousand measurements, how many fail by chance.
const NOISE: u32 = 10;
/// The service that lies far away from everybody: four times slower than a control host, and known to be by the control.
const FAR: u32 = 3;
const BEFORE: u32 = DAY;
const LASTS: u32 = 4 * HOUR;
const GOAL: f64 = 800.0;

/// A slow-down of service 0 on network 0.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Slowdown {
    pub(crate) times: f64,
    pub(crate) from: u32,
    pub(crate) until: u32,
}

/// What a look meets.
pub(crate) fn meets(look: Look, rng: &mut Rng, slowdown: Option<Slowdown>) -> Seen {
    if look.network.is_none() {
        return Seen::Fine;
    }
    if rng.chance(NOISE) {
        return Seen::Failed;
    }
    let hour = look.at % DAY / HOUR;
    let full = (EVENING.0..EVENING.0 + EVENING.1).contains(&hour) && rng.chance(EVENING.2);
    let line = if full { FULL } else { LINE };
    let here =
        slowdown.filter(|one| (look.network, look.service) == (Some(0), 0) && (one.from..one.until).contains(&look.at));
    let far = look.service == FAR;
    let times = here.map_or(if far { 4.0 } else { 1.0 }, |one| one.times);
    let page_ms = PAGE * 8.0 / rate(rng, line, times);
    if !(look.again || page_ms >= SEEMS_SLOW_MS || rng.chance(BY_LOT)) {
        return Seen::Fine;
    }
    let mut pairs = Vec::new();
    while pairs.len() < SERIES && weigh(&pairs) == Weight::Open {
        let (target, control) = (transfer(rate(rng, line, times)), transfer(rate(rng, line, 1.0)));
        pairs.push(GoodputPair { altered: Altered::TargetNameElsewhere, target, control });
    }
    let throttled = weigh(&pairs) == Weight::Slow && !far;
    let slowness = median(&pairs);
    // What the way explains is not told.
    if far && slowness >= 301 {
        return Seen::Fine;
    }
    Seen::Compared { slowness, throttled, by_name: !far, pairs: u8::try_from(pairs.len()).unwrap_or(u8::MAX) }
}

fn rate(rng: &mut Rng, (kbit_s, spread): (f64, f64), times: f64) -> f64 {
    // Four even draws together are nearly normal; of one the variance is a twelfth.
    let normal = (0..4).map(|_| f64::from(rng.below(1_000_000)) / 1_000_000.0 - 0.5).sum::<f64>() * 3f64.sqrt();
    kbit_s / times * 10f64.powf(spread / 1000.0 * normal)
}

fn transfer(kbit_s: f64) -> Transfer {
    let took = f64::from(BYTES) * 8.0 / kbit_s;
    let share = (GIVEN_UP_MS / took).min(1.0);
    let (bytes, took_ms) = (whole(f64::from(BYTES) * share), whole(took * share));
    Transfer { after_ms: 0, handshake_ms: Some(100), bytes, took_ms, early_bytes: None }
}

#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "clamped to what fits")]
fn whole(number: f64) -> u32 {
    number.clamp(0.0, f64::from(u32::MAX)).round() as u32
}

/// 1000 * log10 of how many times as long the target took, the lower median.
fn median(pairs: &[GoodputPair]) -> i32 {
    let pace = |transfer: &Transfer| f64::from(transfer.took_ms.max(100)) / f64::from(transfer.bytes.max(1));
    let mut values: Vec<f64> = pairs.iter().map(|pair| (pace(&pair.target) / pace(&pair.control)).log10()).collect();
    values.sort_by(f64::total_cmp);
    let middle = values.get(values.len().saturating_sub(1) / 2).copied().unwrap_or(0.0);
    #[expect(clippy::cast_possible_truncation, reason = "decades of times of 32 bits")]
    let thousandths = (middle * 1000.0).round() as i32;
    thousandths
}

/// What came of one world.
#[derive(Default)]
struct One {
    delay: Option<u32>,
    /// Pages of throttling for nothing.
    wrong: u32,
}

fn run(probes: u32, times: f64, seed: u64) -> One {
    let from = BEFORE + Rng::new(seed ^ 0xc0_ffee).below(DAY);
    let slowdown = Slowdown { times, from, until: from + LASTS };
    let world = World { networks: vec![Network::of(probes, 10 * MINUTE); 2], services: 4, seconds: from + LASTS, seed };
    let mut one = One::default();
    let mut known = BTreeSet::new();
    watch(&world, Some(slowdown), |at, event| {
        let right = at >= from && is_of(event);
        if right {
            one.delay.get_or_insert(at - from);
        } else if known.insert(event.id.clone()) {
            one.wrong += 1;
        }
    });
    one
}

fn is_of(event: &Event) -> bool {
    event.services().iter().any(|service| service.as_str() == "service-0")
        && event.networks().contains(&crate::sim::asn(0))
}

/// Shows each page about throttling.
fn watch(world: &World, slowdown: Option<Slowdown>, mut page: impl FnMut(u32, &Event)) {
    let mut detector = Detector::default();
    play(
        world,
        |look, rng| meets(look, rng, slowdown),
        |at, input: &Input| {
            for change in detector.apply(input) {
                let event = change.event();
                if change.pages() && event.scope.iter().any(|affected| affected.kind == Kind::Throttling) {
                    page(at, event);
                }
            }
            true
        },
    );
}

/// Prints how many slow-downs are found and how many are none; whether the goals were met.
pub(crate) fn table(runs: u32) -> bool {
    println!(
        "\nThrottling of one service on one of two networks for four hours, probes every 10 minutes, {runs} runs each, with evenings"
    );
    println!(
        "on which lines are full. Precision: of the pages about throttling, those that were right; 0.9 and 0.9 are the goal at 8x."
    );
    println!("{:>6} {:>7} {:>8} {:>10} {:>14}", "slower", "probes", "recall", "precision", "median, min");
    let mut all = true;
    for times in [2.0, 4.0, 8.0, 16.0] {
        for probes in [2, 5] {
            let done = many(runs, |seed| run(probes, times, seed));
            let mut delays: Vec<_> = done.iter().filter_map(|one| one.delay).collect();
            delays.sort_unstable();
            let found = u32::try_from(delays.len()).unwrap_or(u32::MAX);
            let wrong: u32 = done.iter().map(|one| one.wrong).sum();
            let recall = f64::from(found) / f64::from(runs);
            let precision = f64::from(found) / f64::from((found + wrong).max(1));
            let median = delays.get(delays.len() / 2).map_or(f64::NAN, |delay| f64::from(*delay) / 60.0);
            let asked = (times - 8.0).abs() < 0.1 && probes == 2;
            let holds = !asked || recall >= 0.9 && precision >= 0.9;
            let goal = if asked { met(holds) } else { "" };
            println!("{times:>5}x {probes:>7} {recall:>8.2} {precision:>10.2} {median:>14.1}  {goal}");
            all &= holds;
        }
    }
    all
}

/// Prints how many pages come of weeks in which nobody slows anything down; whether there was at most one in 800 series-weeks.
pub(crate) fn weeks(worlds: u32) -> bool {
    println!("False pages about throttling, {worlds} worlds of a week, 2 networks, 4 services:");
    let mut all = true;
    for probes in [2, 3, 5] {
        let pages = many(worlds, |seed| {
            let world =
                World { networks: vec![Network::of(probes, 10 * MINUTE); 2], services: 4, seconds: 7 * DAY, seed };
            let mut ids = BTreeSet::<EventId>::new();
            watch(&world, None, |_, event| _ = ids.insert(event.id.clone()));
            u32::try_from(ids.len()).unwrap_or(u32::MAX)
        });
        let (wrong, weeks) = (pages.iter().sum::<u32>(), f64::from(worlds * 8));
        let holds = f64::from(wrong) * GOAL <= weeks;
        println!(
            "{probes:>2} probes: {wrong} in {weeks} series-weeks; no more than one in {:.0}, by 19 in 20  {}",
            1.0 / at_most(wrong, weeks),
            met(holds)
        );
        all &= holds;
    }
    all
}
