//! `cargo xtask lab FILE`: plays one scene.

use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};

use crate::build;

/// Play a scene file in the lab and print, per vantage and target, what was expected and seen
#[derive(clap::Args)]
pub(crate) struct Lab {
    /// The scene; its format is documented in tests/lab/README.md
    file: PathBuf,
    /// One JSON object a line instead of a table
    #[arg(long)]
    json: bool,
}

impl Lab {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let binaries = build::binaries(&["kedergi-probe", "kedergi-lab"], "dev")?;
        let mut play = Command::new(binaries.join("kedergi-lab"));
        play.arg("play").arg(&self.file).arg("--bin-dir").arg(&binaries);
        if self.json {
            play.arg("--json");
        }
        let status = play.status().context("cannot start kedergi-lab")?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}
