//! `cargo xtask bench`: figures, measured, each with the command that prints it.

mod detector;
mod false_alarms;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result, ensure};

use crate::build;

/// Print measured figures
#[derive(clap::Subcommand)]
pub(crate) enum Bench {
    /// Size of the probe's binary, and its peak memory over a run of 40 targets in the lab
    Probe,
    FalseAlarms(false_alarms::FalseAlarms),
    Detector(detector::Detector),
}

/// Goals of the probe: bytes of the stripped binary, peak memory in KB.
const SIZE_GOAL: u64 = 10_000_000;
const MEMORY_GOAL: u64 = 25_000;

impl Bench {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        match self {
            Self::Probe => probe(),
            Self::FalseAlarms(bench) => bench.run(),
            Self::Detector(bench) => bench.run(),
        }
    }
}

fn probe() -> Result<ExitCode> {
    let lab = build::binaries(&["kedergi-lab"], "dev")?;
    println!("{:<44} {:>12} {:>12}", "kedergi-probe", "measured", "goal");
    for profile in ["release", "small"] {
        let binaries = build::binaries(&["kedergi-probe"], profile)?;
        let size = fs::metadata(binaries.join("kedergi-probe"))?.len();
        println!("{:<44} {size:>12} {SIZE_GOAL:>12}", format!("size stripped, profile {profile} (bytes)"));
        let mut peaks = peaks(&binaries.join("kedergi-probe"), &lab.join("kedergi-lab"))?;
        peaks.sort_unstable();
        let (median, most) = (peaks[peaks.len() / 2], peaks[peaks.len() - 1]);
        println!("{:<44} {median:>12} {MEMORY_GOAL:>12}", format!("peak memory, 40 targets, {profile}, median (KB)"));
        println!("{:<44} {most:>12} {MEMORY_GOAL:>12}", format!("peak memory, 40 targets, {profile}, most (KB)"));
    }
    Ok(ExitCode::SUCCESS)
}

/// Plays the scene of forty targets with a probe that is wrapped to note its peak memory.
fn peaks(probe: &Path, lab: &Path) -> Result<Vec<u64>> {
    let folder = tempfile::tempdir()?;
    let notes = folder.path().join("peaks");
    let wrapper = folder.path().join("kedergi-probe");
    let own = std::env::current_exe().context("where this program lies")?;
    let script =
        format!("#!/bin/sh\nexec '{}' peak '{}' '{}' \"$@\"\n", own.display(), notes.display(), probe.display());
    fs::write(&wrapper, script)?;
    fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755))?;
    let scene = build::root().join("tests/lab/scenes/forty-targets.toml");
    let played = Command::new(lab).arg("play").arg(scene).arg("--bin-dir").arg(folder.path()).output()?;
    ensure!(played.status.success(), "the scene failed:\n{}", String::from_utf8_lossy(&played.stderr));
    let peaks: Vec<u64> = fs::read_to_string(&notes)?.lines().filter_map(|line| line.parse().ok()).collect();
    ensure!(!peaks.is_empty(), "no run noted its peak memory");
    Ok(peaks)
}
