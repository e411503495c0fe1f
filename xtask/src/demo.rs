//! `cargo xtask demo`: the whole path on one machine.

mod process;
mod story;

use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

use crate::build;
use story::Story;

/// Show the whole path on this machine: collector, two probes, and 9 May 2019 replayed into it
///
/// Starts a collector, a control probe and a probe that measure the bundled targets from this very machine, and replays
/// the scenario into the same collector through its real intake. Prints the events as they open and close, each alert as
/// it is sent, and the address of the page. Runs until Ctrl-C.
///
/// The probes contact the sites of the bundled list. Do not run it where that may harm you.
#[derive(clap::Args)]
pub(crate) struct Demo {
    /// End after the replay, with a non-zero code if it did not yield the expected events
    #[arg(long)]
    exit: bool,
    /// Keep everything in this folder (default: a temporary one, removed at the end)
    #[arg(long, value_name = "DIR")]
    folder: Option<PathBuf>,
    /// Where the collector listens
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    listen: String,
    /// What to replay: the id of a bundled scenario, or a file; without shutdowns, as the collector has its own time
    #[arg(long, value_name = "SCENARIO", default_value = "kz-2019-05-09")]
    scenario: String,
    /// Use the binaries of this folder instead of building them
    #[arg(long, value_name = "DIR")]
    bin_dir: Option<PathBuf>,
}

/// How long the probes' first round may take on a bad line before `--exit` stops waiting for it.
const FIRST_ROUND: Duration = Duration::from_secs(180);

impl Demo {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let interrupted = interrupted()?;
        let binaries = self.binaries()?;
        let temporary = tempfile::tempdir()?;
        let folder = self.folder.as_deref().unwrap_or(temporary.path());
        self.tell(&binaries, folder, &interrupted)
    }

    fn binaries(&self) -> Result<PathBuf> {
        if let Some(folder) = &self.bin_dir {
            return Ok(folder.clone());
        }
        eprintln!("building the probe and the collector ...");
        build::binaries(&["kedergi-probe", "kedergi-collector"], "dev")
    }

    fn tell(&self, binaries: &Path, folder: &Path, interrupted: &AtomicBool) -> Result<ExitCode> {
        let mut story = Story::begin(binaries, folder, &self.listen)?;
        println!("page: {}/", story.url());
        story.start_probe("control")?;
        story.start_probe("probe")?;
        let matched = story.replay(&self.scenario, interrupted)?;
        println!("page of the country: {}/country/KZ", story.url());
        let deadline = Instant::now() + FIRST_ROUND;
        let mut told = false;
        while !interrupted.load(Ordering::Relaxed) {
            story.check()?;
            story.tell_alerts();
            told = told || story.tell_probe()?;
            if self.exit && (told || Instant::now() > deadline) {
                break;
            }
            thread::sleep(Duration::from_millis(200));
        }
        story.end()?;
        Ok(if matched || !self.exit { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

/// A flag that Ctrl-C and SIGTERM raise.
fn interrupted() -> Result<Arc<AtomicBool>> {
    let flag = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&flag);
    ctrlc::set_handler(move || raised.store(true, Ordering::Relaxed)).context("cannot take Ctrl-C")?;
    Ok(flag)
}
