//! `kedergi-collector import`: what others measured, through our detector.
//!
//! Files are read once, in whatever order their lines are; what is taken is sorted by the time of measurement, turned into
//! votes, and the detector reads these as it reads those of probes. Nothing is kept: the store and the ledger have no part in it.

mod contrast;
mod file;
mod ooni;
mod print;
mod progress;
mod scores;
mod services;
mod sorted;
mod tally;
mod told;

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::LazyLock;

use anyhow::{Context, Result, bail};
use kedergi_wire::TargetList;
use tokio::signal::unix::{SignalKind, signal};

use crate::cli::{ImportArgs, ImportSource};
use crate::config::Config;
use crate::targets;
use told::Told;

/// Why a file cannot be imported at all. What is wrong with single lines is counted instead.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ImportError {
    #[error("{}: cannot be read: {source}", path.display())]
    Unreadable { path: PathBuf, source: std::io::Error },
    #[error("{}: {missing} missing in the first line; it must name the columns {columns}", path.display())]
    Columns { path: PathBuf, missing: String, columns: String },
}

/// Imports, and prints the events. Told to stop it stops at once: what it wrote aside has no name and goes with the process.
pub(crate) fn run(config: &Config, args: ImportArgs) -> Result<ExitCode> {
    let list = targets::load(config.targets.as_deref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().context("cannot start threads")?;
    let done = runtime.block_on(async {
        // Listened for before the work begins, so that it is heard from the first moment on.
        let mut interrupt = signal(SignalKind::interrupt())?;
        let work = tokio::task::spawn_blocking(move || {
            let told = match &args.source {
                ImportSource::Ooni(ooni) => ooni::import(&ooni.files, &list)?,
                ImportSource::Scores(scores) => scores::import(&scores.file, &list)?,
            };
            show(&told, &args)
        });
        tokio::select! {
            done = work => done?,
            _ = interrupt.recv() => bail!("interrupted; nothing was kept"),
        }
    });
    runtime.shutdown_background();
    done.map(|()| ExitCode::SUCCESS)
}

fn show(told: &Told, args: &ImportArgs) -> Result<()> {
    let events: Vec<_> = told.events(args.suspected).collect();
    print::events(&events, args.json, &mut std::io::stdout().lock())
}

/// Reads measurements in OONI's format as `import ooni` does, with the bundled list of targets, and says how many it took and how
/// many not. For tests that feed it anything.
pub fn count_ooni(file: &[u8]) -> Option<(u64, u64)> {
    static LIST: LazyLock<Option<TargetList>> = LazyLock::new(|| targets::load(None).ok());
    ooni::count(file, LIST.as_ref()?)
}

/// Reads a table of scores as `import scores` does, with the bundled list of targets, and says how many rows it took and how
/// many not; `None` if it is no such table. For tests that feed it anything.
pub fn count_scores(table: &[u8]) -> Option<(u64, u64)> {
    static LIST: LazyLock<Option<TargetList>> = LazyLock::new(|| targets::load(None).ok());
    scores::count(table, LIST.as_ref()?)
}
