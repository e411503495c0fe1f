//! Probes that lie.

use kedergi_detector::{Detector, Level};

use crate::sim::{DAY, HOUR, MINUTE, Network, Rng, Seen, World, play};
use crate::stats::{many, met};

const PERIOD: u32 = 10 * MINUTE;
/// The block that is to be hidden, and how long it may take to be seen all the same.
const CUT: u32 = DAY;
const SEEN_WITHIN: u32 = 2 * HOUR;
const NOISE: u32 = 10;

#[derive(Debug, Clone, Copy)]
enum Lie {
    Blocked,
    Fine,
    Mixed,
}

impl Lie {
    fn word(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Fine => "fine",
            Self::Mixed => "mixed",
        }
    }

    fn told(self, rng: &mut Rng) -> Seen {
        match self {
            Self::Blocked => Seen::Blocked,
            Self::Fine => Seen::Fine,
            Self::Mixed => {
                if rng.chance(500) {
                    Seen::Blocked
                } else {
                    Seen::Fine
                }
            }
        }
    }
}

/// So many probes of one network, the last of which lie; some of those are new.
#[derive(Debug, Clone, Copy)]
struct Case {
    probes: u32,
    liars: u32,
    new: u32,
    lie: Lie,
}

/// Prints the table; whether every goal was met.
pub(crate) fn table(runs: u32) -> bool {
    println!(
        "\nLiars on one network of two, in {runs} runs each: days on which they created an event where nothing was blocked, and blocks"
    );
    println!(
        "not told within {} h because of them. Goal: 0 for one liar and up to a fifth, and for a flood of new probes.",
        SEEN_WITHIN / HOUR
    );
    println!("{:>7} {:>7} {:>6} {:>8} {:>9} {:>8}  goal", "probes", "liars", "new", "say", "created", "hidden");
    let mut all = true;
    let shares = [(10, 1), (10, 2), (10, 3), (10, 4), (20, 4), (5, 1), (3, 1), (2, 1)];
    let cases = shares.map(|(probes, liars)| (probes, liars, 0)).into_iter().chain([(105, 100, 100), (102, 100, 100)]);
    for (probes, liars, new) in cases {
        for lie in [Lie::Blocked, Lie::Fine, Lie::Mixed] {
            all &= row(runs, Case { probes, liars, new, lie });
        }
    }
    all
}

fn row(runs: u32, case: Case) -> bool {
    let done = many(runs, |seed| (pages(case, seed, false), !pages(case, seed, true)));
    let created = done.iter().filter(|one| one.0).count();
    let hidden = done.iter().filter(|one| one.1).count();
    // A liar among two is half of what is known there: what it hides, nobody can know.
    let bound = case.new > 0 || case.liars == 1 && case.probes > 2 || 5 * case.liars <= case.probes;
    let holds = created + hidden == 0;
    let word = if bound { met(holds) } else { "-" };
    println!(
        "{:>7} {:>7} {:>6} {:>8} {created:>9} {hidden:>8}  {word}",
        case.probes,
        case.liars,
        case.new,
        case.lie.word()
    );
    holds || !bound
}

/// Whether anybody is told of an event after the liars begin: with a block, within the time allowed; without, ever.
fn pages(case: Case, seed: u64, block: bool) -> bool {
    let liars = case.probes - case.liars;
    let network = Network { probes: case.probes, new: case.new, period: PERIOD };
    let networks = vec![network, Network::of(5, PERIOD)];
    let world = World { networks, services: 1, seconds: CUT + if block { SEEN_WITHIN } else { DAY }, seed };
    let (mut detector, mut told) = (Detector::default(), false);
    play(
        &world,
        |look, rng| match look.network {
            // New probes were not there before.
            Some(0) if look.probe >= liars && look.at < CUT && case.new > 0 => Seen::Off,
            Some(0) if look.probe >= liars && look.at >= CUT => case.lie.told(rng),
            Some(0) if block && look.at >= CUT => Seen::Blocked,
            Some(_) => {
                if rng.chance(NOISE) {
                    Seen::Failed
                } else {
                    Seen::Fine
                }
            }
            None => Seen::Fine,
        },
        |at, input| {
            let changes = detector.apply(input);
            told |=
                at >= CUT && changes.iter().any(|change| change.pages() && change.event().level != Level::Suspected);
            !told
        },
    );
    told
}
