//! `cargo xtask bench`: figures, measured, each with the command that prints it.

mod detector;
mod false_alarms;
mod probe;

use std::process::ExitCode;

use anyhow::Result;

/// Print measured figures
#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    Probe(probe::Probe),
    FalseAlarms(false_alarms::FalseAlarms),
    Detector(detector::Detector),
}

impl Bench {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        match self {
            Self::Probe(bench) => bench.run(),
            Self::FalseAlarms(bench) => bench.run(),
            Self::Detector(bench) => bench.run(),
        }
    }
}
