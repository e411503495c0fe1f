//! How fast, and in how much memory.

use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use kedergi_detector::{Detector, Heartbeat, Input};
use kedergi_wire::ProbeId;

use crate::sim::{DAY, Look, MINUTE, Network, Rng, Seen, World, asn, play, time};
use crate::stats::met;

const GOAL_SPEED: f64 = 500_000.0;
const GOAL_BYTES: f64 = 2048.0;
/// Networks and services: the series are their product.
const NETWORKS: u32 = 40;
const SERVICES: u32 = 50;
/// Inputs that are made before the clock starts. Few, because what they take is counted as the detector's.
const BATCH: usize = 500;
/// What the bench is called with for one row.
const ROW: &str = "throughput-row";

/// Prints the table; whether every goal was met.
pub(crate) fn table(quick: bool) -> bool {
    let series = NETWORKS * SERVICES;
    println!(
        "\nThroughput on one core: {series} series, 3 probes each at 30 minutes, 1 % of all measurements fail. Memory: what the process"
    );
    println!("grew by while the detector read all that, without its code, by series.");
    println!("Saved: the same as JSON, as the collector writes it now and then, and how long making that takes.");
    println!(
        "{:>6} {:>10} {:>14} {:>14} {:>14} {:>8}  goal",
        "days", "votes", "votes/s", "bytes/series", "saved/series", "ms"
    );
    let days: &[u32] = if quick { &[1, 4] } else { &[1, 4, 16, 28] };
    // Each in a process of its own: what one run frees would be the room of the next.
    days.iter().fold(true, |all, days| {
        let own = std::env::current_exe().expect("the bench knows where it is");
        all & Command::new(own).args([ROW, &days.to_string()]).status().is_ok_and(|status| status.success())
    })
}

/// One row, where that is what the arguments ask for.
pub(crate) fn row(arguments: &[String]) -> Option<ExitCode> {
    let [name, days] = arguments else { return None };
    let days = days.parse::<u32>().ok().filter(|_| name == ROW)?;
    let networks = (0..NETWORKS).map(|_| Network::of(3, 30 * MINUTE)).collect();
    let world = World { networks, services: SERVICES, seconds: days * DAY, seed: 1 };
    let Run { votes, spent, bytes, saved, saving } = run(&world);
    let series = NETWORKS * SERVICES;
    let speed = f64::from(votes) / spent.as_secs_f64();
    let bytes = f64::from(bytes) / f64::from(series);
    let holds = speed >= GOAL_SPEED && bytes <= GOAL_BYTES;
    let (saved, saving) = (saved / u64::from(series), saving.as_millis());
    println!(
        "{days:>6} {votes:>10} {speed:>14.0} {bytes:>14.0} {saved:>14} {saving:>8}  {GOAL_SPEED:.0}, {GOAL_BYTES:.0} {}",
        met(holds)
    );
    Some(if holds { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One measurement in a hundred fails.
fn meets(look: Look, rng: &mut Rng) -> Seen {
    if look.network.is_some() && rng.chance(10) { Seen::Failed } else { Seen::Fine }
}

struct Run {
    votes: u32,
    /// Reading them.
    spent: Duration,
    bytes: u32,
    saved: u64,
    /// Making that.
    saving: Duration,
}

fn run(world: &World) -> Run {
    let (mut votes, mut spent, mut batch) = (0, Duration::ZERO, touched());
    // What the simulation takes is there before the memory is looked at: it is not the detector's.
    play(world, meets, |_, _| true);
    let before = resident();
    let mut detector = Detector::default();
    let mut read = |batch: &mut Vec<Input>| {
        let started = Instant::now();
        for input in batch.iter() {
            detector.apply(input);
        }
        spent += started.elapsed();
        batch.clear();
    };
    play(world, meets, |_, input| {
        votes += u32::from(matches!(input, Input::Vote(_)));
        batch.push(input.clone());
        if batch.len() == BATCH {
            read(&mut batch);
        }
        true
    });
    read(&mut batch);
    drop(batch);
    let grown = resident().saturating_sub(before);
    let started = Instant::now();
    let saved = serde_json::to_vec(&detector).map_or(0, |json| json.len().try_into().unwrap_or(u64::MAX));
    // The detector lives up to here.
    assert_eq!(detector.too_late(), 0);
    Run { votes, spent, bytes: grown, saved, saving: started.elapsed() }
}

/// Room for a batch that the process already holds: it is not the detector's.
fn touched() -> Vec<Input> {
    let country = "KZ".parse().expect("a country");
    let beat = Heartbeat {
        at: time(0),
        probe: ProbeId([0; 32]),
        country,
        network: asn(0),
        neighbourhood: None,
        enrolled: None,
    };
    let mut batch = vec![Input::Heartbeat(beat); BATCH];
    batch.clear();
    batch
}

/// What of the process is resident and came from no file, in bytes, as Linux tells; 0 elsewhere. Code comes from a file: it is
/// resident from when it first runs on, however many series there are.
fn resident() -> u32 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")?.strip_suffix("kB"));
    line.and_then(|number| number.trim().parse::<u32>().ok()).unwrap_or(0).saturating_mul(1024)
}
