//! Peak memory of one command.

use std::ffi::OsString;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

use anyhow::{Context, Result};
use nix::sys::resource::{UsageWho, getrusage};

/// Run a command and append its peak memory (KB) to a file
///
/// A process of its own, because the system keeps one peak for all the children a process ever waited for.
#[derive(clap::Args)]
pub(crate) struct Peak {
    /// Where to write
    file: PathBuf,
    /// The command
    #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

impl Peak {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        use std::io::Write as _;
        let (program, arguments) = self.command.split_first().context("no command")?;
        let status = Command::new(program).args(arguments).status().context("cannot start the command")?;
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot read the resources used")?;
        let mut file = std::fs::File::options().create(true).append(true).open(&self.file)?;
        writeln!(file, "{}", usage.max_rss())?;
        Ok(status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}
