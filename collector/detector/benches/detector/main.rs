//! What the detector is worth, in tables: `cargo xtask bench detector`.
//!
//! Seeds are fixed: the same code prints the same figures, but for those of time.

mod cusum;
mod delay;
mod false_pages;
mod histories;
mod liars;
mod newcomers;
mod sim;
mod stats;
mod throttling;
mod throughput;

use std::process::ExitCode;

/// Prints a table, or with fewer runs; whether every goal was met.
type Table = fn(quick: bool) -> bool;

/// Tables, by name.
const TABLES: [(&str, Table); 10] = [
    ("delay", |quick| delay::table(if quick { 60 } else { 400 })),
    ("others", |quick| delay::others(if quick { 60 } else { 400 })),
    ("churn", |quick| delay::churn(if quick { 20 } else { 200 })),
    ("throttling", |quick| throttling::table(if quick { 40 } else { 400 })),
    ("throttling-weeks", |quick| throttling::weeks(if quick { 4 } else { 400 })),
    ("false-pages", |quick| false_pages::table(if quick { 4 } else { 100 })),
    ("newcomers", |quick| newcomers::table(if quick { 8 } else { 40 })),
    ("histories", |quick| histories::table(if quick { 1 } else { 5 })),
    ("liars", |quick| liars::table(if quick { 20 } else { 200 })),
    ("throughput", throughput::table),
];

fn main() -> ExitCode {
    // What cargo adds begins with a dash.
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    if let Some(code) = throughput::row(&arguments) {
        return code;
    }
    let quick = arguments.iter().any(|argument| argument == "--quick");
    let wanted: Vec<_> = arguments.iter().filter(|argument| !argument.starts_with('-')).collect();
    if let Some(unknown) = wanted.iter().find(|name| TABLES.iter().all(|(table, _)| *table != name.as_str())) {
        let names: Vec<_> = TABLES.iter().map(|(name, _)| *name).collect();
        eprintln!("there is no table {unknown}; there are {}", names.join(", "));
        return ExitCode::from(2);
    }
    let mut met = true;
    for (name, table) in TABLES {
        if wanted.is_empty() || wanted.iter().any(|wanted| wanted.as_str() == name) {
            let started = std::time::Instant::now();
            met &= table(quick);
            eprintln!("{name}: {:.0} s", started.elapsed().as_secs_f32());
        }
    }
    println!("\n{}", if met { "Every goal was met." } else { "Some goals were missed." });
    ExitCode::SUCCESS
}
