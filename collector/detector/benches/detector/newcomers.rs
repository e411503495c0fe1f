//! Networks that are new in a country where every evening much fails.

use kedergi_detector::{Change, Detector};

use crate::sim::{DAY, HOUR, MINUTE, Network, Seen, World, asn, play};
use crate::stats::many;

const SERVICES: u32 = 5;
/// The newcomer's place among the networks, how long the others are known before, and how long it is looked at.
const NEW: usize = 3;
const BEFORE: u32 = 10 * DAY;
const FIRST: u32 = 7 * DAY;
/// Of a thousand measurements, how many fail by day.
const BY_DAY: u32 = 10;

/// Prints the table.
pub(crate) fn table(worlds: u32) -> bool {
    println!(
        "\nNewcomers: a network's first week in a country where {} % of all measurements fail, and more in each evening's five hours;",
        BY_DAY / 10
    );
    println!(
        "{SERVICES} services, every ten minutes, {worlds} worlds. False pages about it, where three other networks were there for ten days before,"
    );
    println!("and where it is the country's first.");
    println!("{:>7} {:>9} {:>8} {:>8}", "probes", "evening", "others", "first");
    for probes in [2, 3, 5] {
        for evening in [60, 100, 150] {
            let pages =
                |others: bool| many(worlds, |seed| pages(probes, evening, others, seed)).into_iter().sum::<u32>();
            println!("{probes:>7} {:>7} % {:>8} {:>8}", evening / 10, pages(true), pages(false));
        }
    }
    true
}

fn pages(probes: u32, evening: u32, others: bool, seed: u64) -> u32 {
    let networks = vec![Network::of(probes, 10 * MINUTE); NEW + 1];
    let world = World { networks, services: SERVICES, seconds: BEFORE + FIRST, seed };
    let (mut detector, mut pages) = (Detector::default(), 0);
    play(
        &world,
        |look, rng| {
            let Some(network) = look.network else { return Seen::Fine };
            let there = if network == NEW { look.at >= BEFORE } else { others };
            let noise = if (13 * HOUR..18 * HOUR).contains(&(look.at % DAY)) { evening } else { BY_DAY };
            match (there, rng.chance(noise)) {
                (false, _) => Seen::Off,
                (true, true) => Seen::Failed,
                (true, false) => Seen::Fine,
            }
        },
        |_, input| {
            let begins = |change: &&Change| {
                let event = change.event();
                matches!(change, Change::Opened(_) | Change::Grew(_) | Change::Raised(_))
                    && change.pages()
                    && event.scope.iter().any(|affected| affected.network == asn(NEW))
            };
            let told = detector.apply(input).iter().filter(begins).count();
            pages += u32::try_from(told).unwrap_or(u32::MAX);
            true
        },
    );
    pages
}
