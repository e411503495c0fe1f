//! From cut to page.

use kedergi_detector::{Detector, EventState, Input, Kind, Level};

use crate::cusum::HourlyCusum;
use crate::sim::{DAY, HOUR, Look, MINUTE, Network, Rng, Seen, World, play};
use crate::stats::{Delays, at_most, many, met, minutes};
use crate::throttling::{Slowdown, meets};

/// Of a thousand measurements, how many fail by chance.
const NOISE: u32 = 20;
/// What is known before the cut, and how long after it a page still counts.
const BEFORE: u32 = 12 * HOUR;
const LONGEST: u32 = DAY;

const PROBES: [u32; 6] = [1, 2, 3, 5, 10, 30];
const PERIODS: [u32; 4] = [5, 10, 15, 30];
const SHARES: [u32; 3] = [1000, 500, 200];

/// Goals: probes, period, share; minutes in the median, and of 95 in 100.
const GOALS: [(u32, u32, u32, u32, u32); 3] = [(5, 10, 1000, 3, 7), (5, 10, 500, 6, 16), (2, 30, 1000, 20, 50)];

struct Cell {
    probes: u32,
    period: u32,
    share: u32,
}

#[derive(Default)]
struct One {
    delay: Option<u32>,
    votes: u32,
    cusum: Option<u32>,
}

/// Prints the tables; whether every goal was met.
pub(crate) fn table(runs: u32) -> bool {
    println!(
        "\nDelay from cut to page, minutes: median and 95 % [interval], {runs} runs each, {NOISE} in 1000 fail by chance."
    );
    println!(
        "One probe: on each of three networks that are cut together. Votes: from the cut to the page, median. Bound: ln A / KL,"
    );
    println!(
        "A one false alarm in 800 weeks. Hourly CUSUM: median of the hour's scores, median delay. -: not within a day."
    );
    println!(
        "{:>6} {:>7} {:>7} {:>22} {:>24} {:>7} {:>6} {:>6} {:>7}  goal",
        "share", "probes", "period", "median", "95 %", "missed", "votes", "bound", "CUSUM"
    );
    let mut all = true;
    for share in SHARES {
        for probes in PROBES {
            for period in PERIODS {
                all &= row(runs, &Cell { probes, period, share });
            }
        }
    }
    all
}

fn row(runs: u32, cell: &Cell) -> bool {
    let done = many(runs, |seed| onset(cell, seed));
    let delays = Delays::new(done.iter().map(|one| one.delay).collect());
    let mut votes: Vec<_> = done.iter().map(|one| one.votes).collect();
    votes.sort_unstable();
    let cusum = Delays::new(done.iter().map(|one| one.cusum).collect());
    let (median, most) = (delays.quantile(50), delays.quantile(95));
    let goal = GOALS.iter().find(|goal| (goal.0, goal.1, goal.2) == (cell.probes, cell.period, cell.share));
    let within = |value: Option<u32>, goal: u32| value.is_some_and(|value| value <= goal * MINUTE);
    let holds = goal.is_none_or(|goal| within(median.value, goal.3) && within(most.value, goal.4));
    let goal = goal.map_or(String::new(), |goal| format!("{} / {} {}", goal.3, goal.4, met(holds)));
    println!(
        "{:>5}% {:>7} {:>7} {median:>22} {most:>24} {:>7} {:>6} {:>6.1} {:>7}  {goal}",
        cell.share / 10,
        cell.probes,
        cell.period,
        delays.missed(),
        votes[votes.len() / 2],
        bound(cell),
        minutes(cusum.quantile(50).value),
    );
    holds
}

/// Lorden's bound, in votes.
fn bound(cell: &Cell) -> f64 {
    let (p0, p1) = (f64::from(NOISE) / 1000.0, (f64::from(cell.share) / 1000.0).min(0.98));
    let divergence = p1 * (p1 / p0).ln() + (1.0 - p1) * ((1.0 - p1) / (1.0 - p0)).ln();
    let votes_between = 800.0 * 7.0 * 1440.0 * f64::from(cell.probes) / f64::from(cell.period);
    votes_between.ln() / divergence
}

fn networks(cell: &Cell) -> Vec<Network> {
    let count = if cell.probes == 1 { 3 } else { 1 };
    vec![Network::of(cell.probes, cell.period * MINUTE); count]
}

fn onset(cell: &Cell, seed: u64) -> One {
    let cut = BEFORE + Rng::new(seed ^ 0xc0_ffee).below(HOUR);
    let world = World { networks: networks(cell), services: 1, seconds: cut + LONGEST, seed };
    let (mut detector, mut one, mut cusum) = (Detector::default(), One::default(), HourlyCusum::default());
    play(
        &world,
        |look, rng| blocked(look, rng, cell.share, cut, u32::MAX),
        |at, input| {
            if let Input::Vote(vote) = input {
                cusum.vote(at, vote.outcome.how().is_some());
                one.votes += u32::from(at >= cut && one.delay.is_none());
            }
            if one.delay.is_none() {
                let told = detector.apply(input).iter().any(|change| change.pages());
                one.delay = (told && at >= cut).then(|| at - cut);
            }
            one.delay.is_none() || cusum.alarm.is_none()
        },
    );
    one.cusum = cusum.alarm.and_then(|alarm| alarm.checked_sub(cut));
    one
}

fn blocked(look: Look, rng: &mut Rng, share: u32, cut: u32, over: u32) -> Seen {
    if look.network.is_none() {
        Seen::Fine
    } else if (cut..over).contains(&look.at) && rng.chance(share) {
        Seen::Blocked
    } else if rng.chance(NOISE) {
        Seen::Failed
    } else {
        Seen::Fine
    }
}

/// Prints how long ends, shutdowns and throttling take; whether every goal was met.
pub(crate) fn others(runs: u32) -> bool {
    println!("\nOther delays, minutes: median and 95 % [interval], {runs} runs each.");
    println!("{:<42} {:>22} {:>24} {:>7}  goal (95 %)", "", "median", "95 %", "missed");
    let five = Cell { probes: 5, period: 10, share: 1000 };
    let end = line("end of a full block, 5 probes at 10", runs, 15, |seed| ending(&five, seed));
    let shutdown = line("shutdown of 1 of 3 networks, 5 probes", runs, 12, off);
    let slow = line("throttling 8x, 2 probes at 10, with bursts", runs, 15, slowed);
    end & shutdown & slow
}

fn line(name: &str, runs: u32, goal: u32, one: impl Fn(u64) -> Option<u32> + Sync) -> bool {
    let delays = Delays::new(many(runs, one));
    let (median, most) = (delays.quantile(50), delays.quantile(95));
    let holds = most.value.is_some_and(|value| value <= goal * MINUTE);
    println!("{name:<42} {median:>22} {most:>24} {:>7}  {goal} {}", delays.missed(), met(holds));
    holds
}

fn ending(cell: &Cell, seed: u64) -> Option<u32> {
    let cut = BEFORE + Rng::new(seed ^ 0xc0_ffee).below(HOUR);
    let over = cut + 4 * HOUR;
    let world = World { networks: networks(cell), services: 1, seconds: over + LONGEST, seed };
    let (mut detector, mut closed) = (Detector::default(), None);
    play(
        &world,
        |look, rng| blocked(look, rng, cell.share, cut, over),
        |at, input| {
            let changes = detector.apply(input);
            let ends = changes.iter().any(|change| change.event().state == EventState::Closed && change.pages());
            closed = (ends && at >= over).then(|| at - over);
            closed.is_none()
        },
    );
    closed
}

/// The first page about an event of one of these kinds.
fn first(world: &World, cut: u32, kinds: &[Kind], meets: impl FnMut(Look, &mut Rng) -> Seen) -> Option<u32> {
    let (mut detector, mut found) = (Detector::default(), None);
    play(world, meets, |at, input| {
        let told = detector.apply(input).iter().any(|change| {
            change.pages() && change.event().level != Level::Suspected && kinds.contains(&change.event().kind)
        });
        found = (told && at >= cut).then(|| at - cut);
        found.is_none()
    });
    found
}

fn off(seed: u64) -> Option<u32> {
    let cut = BEFORE + Rng::new(seed ^ 0xc0_ffee).below(HOUR);
    let world = World { networks: vec![Network::of(5, 10 * MINUTE); 3], services: 2, seconds: cut + 6 * HOUR, seed };
    first(&world, cut, &[Kind::Shutdown, Kind::PartialShutdown], |look, rng| {
        if look.network == Some(0) && look.at >= cut { Seen::Off } else { blocked(look, rng, 0, cut, cut) }
    })
}

/// Pages about shutdowns that were none, in weeks in which probes come and go; whether there was at most one in 800 network-weeks.
pub(crate) fn churn(runs: u32) -> bool {
    const WEEKS: u32 = 2;
    const NETWORKS: u32 = 4;
    println!(
        "\nShutdowns told where there is none: {runs} worlds of {NETWORKS} networks for {WEEKS} weeks. Half of the probes are laptops, closed every night"
    );
    println!("within an hour of each other; every probe is off for one to twelve hours on 3 days of 10.");
    println!("{:>7} {:>7} {:>18} {:>18}  goal", "probes", "pages", "per 800 weeks", "95 % sure: at most");
    let mut all = true;
    for probes in [2, 3, 5, 10] {
        let pages: u32 = many(runs, |seed| {
            let networks = (0..NETWORKS).map(|_| Network::of(probes, 30 * MINUTE)).collect();
            let world = World { networks, services: 1, seconds: WEEKS * 7 * DAY, seed };
            let (mut detector, mut pages) = (Detector::default(), 0);
            play(
                &world,
                |look, rng| if is_away(look, seed) { Seen::Off } else { blocked(look, rng, 0, 0, 0) },
                |_, input| {
                    let shutdowns = |change: &&kedergi_detector::Change| {
                        change.pages()
                            && change.event().kind >= Kind::PartialShutdown
                            && change.event().state == EventState::Open
                    };
                    pages += u32::try_from(detector.apply(input).iter().filter(shutdowns).count()).unwrap_or(u32::MAX);
                    true
                },
            );
            pages
        })
        .into_iter()
        .sum();
        let weeks = f64::from(runs * WEEKS * NETWORKS) / 800.0;
        let rate = f64::from(pages) / weeks;
        all &= rate <= 1.0;
        println!("{probes:>7} {pages:>7} {rate:>18.2} {:>18.2}  1 {}", at_most(pages, weeks), met(rate <= 1.0));
    }
    all
}

/// Whether a probe is away: a laptop at night, any now and then.
fn is_away(look: Look, seed: u64) -> bool {
    let Some(network) = look.network else { return false };
    let probe = u64::from(look.probe) << 8 | u64::try_from(network).unwrap_or(0);
    let of_day = |day: u32, what: u64| Rng::new(seed ^ probe << 20 ^ u64::from(day) << 4 ^ what);
    let (day, time) = (look.at / DAY, look.at % DAY);
    let (evening, morning) = (17 * HOUR + of_day(day, 1).below(HOUR), HOUR + of_day(day, 2).below(HOUR));
    let off = |day: u32| {
        let mut chance = of_day(day, 3);
        let (is_off, from) = (chance.chance(300), day * DAY + chance.below(DAY));
        is_off && (from..from + HOUR + chance.below(11 * HOUR)).contains(&look.at)
    };
    (look.probe % 2 == 1 && (time >= evening || time < morning)) || off(day) || day.checked_sub(1).is_some_and(off)
}

fn slowed(seed: u64) -> Option<u32> {
    let cut = BEFORE + Rng::new(seed ^ 0xc0_ffee).below(HOUR);
    let world = World { networks: vec![Network::of(2, 10 * MINUTE); 2], services: 2, seconds: cut + 6 * HOUR, seed };
    let slowdown = Slowdown { times: 8.0, from: cut, until: u32::MAX };
    first(&world, cut, &[Kind::Throttling], |look, rng| meets(look, rng, Some(slowdown)))
}
