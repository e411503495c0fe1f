//! `cargo xtask bench false-alarms`: forty sites that nobody blocks, measured again and again on bad lines.

use std::collections::BTreeMap;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;

use anyhow::{Context, Result, ensure};
use serde::Deserialize;

use crate::build;

/// Measure forty healthy targets in the lab, again and again, on lines that lose one packet in twenty: how often are they
/// called blocked? Two of the targets are down, some are slow
#[derive(clap::Args)]
pub(crate) struct FalseAlarms {
    /// Rounds of all probes together; six measure at the same time
    #[arg(long, default_value_t = 200)]
    rounds: u16,
}

/// Probes in the scene, which all measure at the same time.
const PROBES: u16 = 6;

/// What the lab says of one measurement.
#[derive(Deserialize)]
struct Check {
    vantage: String,
    target: String,
    seen: String,
    evidence: Vec<String>,
}

impl FalseAlarms {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let folder = build::binaries(&["kedergi-lab", "kedergi-probe"], "dev")?;
        let rounds = self.rounds.div_ceil(PROBES);
        let started = Instant::now();
        let played = Command::new(folder.join("kedergi-lab"))
            .arg("play")
            .arg(build::root().join("tests/lab/benches/false-alarms.toml"))
            .args(["--json", "--rounds", &rounds.to_string(), "--bin-dir"])
            .arg(&folder)
            .stderr(Stdio::inherit())
            .output()
            .context("cannot start kedergi-lab")?;
        let text = String::from_utf8(played.stdout)?;
        let checks: Vec<Check> = text.lines().map(serde_json::from_str).collect::<Result<_, _>>()?;
        ensure!(!checks.is_empty(), "nothing was measured");
        println!("{:<44} {:>12}", "rounds", rounds * PROBES);
        println!("{:<44} {:>12}", "measurements", checks.len());
        println!("{:<44} {:>12}", "time (s)", started.elapsed().as_secs());
        Ok(verdicts(&checks))
    }
}

/// Prints how many there are of each verdict, and every false alarm.
fn verdicts(checks: &[Check]) -> ExitCode {
    let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
    checks.iter().for_each(|check| *counts.entry(&check.seen).or_default() += 1);
    counts.iter().for_each(|(seen, count)| println!("{seen:<44} {count:>12}"));
    let is_alarm = |check: &&Check| check.seen.starts_with("blocked") || check.seen.starts_with("throttled");
    let alarms: Vec<&Check> = checks.iter().filter(is_alarm).collect();
    println!("{:<44} {:>12} (goal 0)", "false alarms", alarms.len());
    for Check { vantage, target, seen, evidence } in &alarms {
        println!("  {vantage}, {target}: {seen}: {}", evidence.join(" "));
    }
    if alarms.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}
