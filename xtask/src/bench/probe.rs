//! `cargo xtask bench probe`: what a run of forty targets costs a volunteer.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::build;
use crate::note::Cost;

/// Measure what a run of forty targets in the lab costs, healthy and with a quarter timing out, medians over several runs; and
/// the size of the binary
#[derive(clap::Args)]
pub(crate) struct Probe {
    /// Runs of each kind
    #[arg(long, default_value_t = 5)]
    runs: u8,
    /// The profile that the probe is built with; `small` is what volunteers install
    #[arg(long, default_value = "small")]
    profile: String,
}

/// Targets of the scene.
const TARGETS: f64 = 40.0;

impl Probe {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let lab = build::binaries(&["kedergi-lab"], "dev")?;
        let probe = build::binaries(&["kedergi-probe"], &self.profile)?.join("kedergi-probe");
        println!("{:<56} {:>12} {:>12}", format!("kedergi-probe, profile {}", self.profile), "measured", "goal");
        row("size of the binary (bytes)", precise(fs::metadata(&probe)?.len())?, Some(10_000_000.0));
        let mut costs = Vec::new();
        for _ in 0..self.runs.max(1) {
            costs.extend(played(&probe, &lab.join("kedergi-lab"))?);
        }
        // ISP A is silent on a quarter of the targets, ISP B carries all.
        table("a quarter timing out", &costs, "isp-a-", &[Some(15_000.0), None, None, None, None, Some(25_000.0)])?;
        let healthy = [None, Some(15.0), None, Some(20_000.0), Some(1_000.0), Some(25_000.0)];
        table("healthy", &costs, "isp-b-", &healthy)?;
        Ok(ExitCode::SUCCESS)
    }
}

fn table(kind: &str, costs: &[Cost], vantage: &str, goals: &[Option<f64>; 6]) -> Result<()> {
    let of_kind: Vec<&Cost> = costs.iter().filter(|cost| cost.targets > 0 && cost.command.contains(vantage)).collect();
    ensure!(!of_kind.is_empty(), "no run noted what it cost");
    let median = |figure: &dyn Fn(&Cost) -> Result<f64>| -> Result<f64> {
        let mut figures: Vec<f64> = of_kind.iter().map(|cost| figure(cost)).collect::<Result<_>>()?;
        figures.sort_by(f64::total_cmp);
        Ok(figures[figures.len() / 2])
    };
    let rows: [(&str, f64); 6] = [
        ("wall time of the run (ms)", median(&|cost| precise(cost.wall_ms))?),
        ("CPU time a target (ms)", median(&|cost| Ok(precise(cost.cpu_ms)? / TARGETS))?),
        ("bytes sent a target", median(&|cost| Ok(precise(cost.sent)? / TARGETS))?),
        ("bytes sent and received a target", median(&|cost| Ok(precise(cost.sent + cost.received)? / TARGETS))?),
        ("bytes uploaded a target", median(&|cost| Ok(precise(cost.upload)? / TARGETS))?),
        ("peak memory (KB)", median(&|cost| precise(cost.peak_kb))?),
    ];
    for ((what, figure), goal) in rows.iter().zip(goals) {
        row(&format!("{kind}: {what}"), *figure, *goal);
    }
    Ok(())
}

fn row(what: &str, figure: f64, goal: Option<f64>) {
    let goal = goal.map_or_else(|| "-".to_owned(), |goal| format!("{goal:.0}"));
    println!("{what:<56} {figure:>12.1} {goal:>12}");
}

/// A count as a figure; none here comes near what would lose digits.
fn precise<T: TryInto<u32>>(count: T) -> Result<f64> {
    count.try_into().map(f64::from).ok().context("a figure beyond 4 billion")
}

/// Plays the scene of forty targets with a probe that is wrapped to note what it costs.
fn played(probe: &Path, lab: &Path) -> Result<Vec<Cost>> {
    let folder = tempfile::tempdir()?;
    let notes = folder.path().join("notes");
    let wrapper = folder.path().join("kedergi-probe");
    let own = std::env::current_exe().context("where this program lies")?;
    let script =
        format!("#!/bin/sh\nexec '{}' note '{}' '{}' \"$@\"\n", own.display(), notes.display(), probe.display());
    fs::write(&wrapper, script)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    let scene = build::root().join("tests/lab/scenes/forty-targets.toml");
    let played = Command::new(lab).arg("play").arg(scene).arg("--bin-dir").arg(folder.path()).output()?;
    ensure!(played.status.success(), "the scene failed:\n{}", String::from_utf8_lossy(&played.stderr));
    fs::read_to_string(&notes)?.lines().map(|line| Ok(serde_json::from_str(line)?)).collect()
}
