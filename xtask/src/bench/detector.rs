//! `cargo xtask bench detector`: what the detector is worth, in tables.

use std::process::ExitCode;

use anyhow::Result;

use crate::build;

/// Print how fast events are told, how often falsely, what liars can do, and what it costs: thousands of simulated runs
#[derive(clap::Args)]
pub(crate) struct Detector {
    /// Only these tables: delay, others, churn, throttling, throttling-weeks, false-pages, newcomers, histories, liars, throughput [default: all]
    tables: Vec<String>,
    /// Fewer runs: a look in passing, with wide intervals
    #[arg(long)]
    quick: bool,
}

impl Detector {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let mut bench = build::cargo();
        bench.args(["bench", "--quiet", "--locked", "--package", "kedergi-detector", "--bench", "detector", "--"]);
        bench.args(&self.tables);
        if self.quick {
            bench.arg("--quick");
        }
        build::run(&mut bench)?;
        Ok(ExitCode::SUCCESS)
    }
}
