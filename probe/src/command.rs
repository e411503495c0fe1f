//! From arguments to an exit code.

use std::fmt::Display;
use std::io;
use std::process::ExitCode;

use crate::measure_cli;
use crate::{Cli, Command, Config, ConfigError};

/// Why a command failed: what it says and the code it exits with.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Failed {
    pub(crate) code: u8,
    pub(crate) message: String,
}

impl Failed {
    pub(crate) fn runtime(error: impl Display) -> Self {
        Self { code: 1, message: error.to_string() }
    }

    pub(crate) fn usage(message: String) -> Self {
        Self { code: 2, message }
    }

    pub(crate) fn config(message: String) -> Self {
        Self { code: 3, message }
    }
}

impl From<ConfigError> for Failed {
    fn from(error: ConfigError) -> Self {
        Self::config(error.to_string())
    }
}

/// Does what the arguments say. A failure is one line on standard error.
pub fn run(cli: &Cli) -> ExitCode {
    match execute(cli) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failed) => {
            eprintln!("kedergi-probe: {}", failed.message);
            ExitCode::from(failed.code)
        }
    }
}

fn execute(cli: &Cli) -> Result<(), Failed> {
    if let Command::Measure(args) = &cli.command {
        // Before the configuration: a mistyped URL should not have to wait for it.
        measure_cli::targets(&args.urls)?;
    }
    let config = Config::load(cli.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failed::runtime)?;
    match &cli.command {
        Command::Measure(args) => runtime.block_on(until_interrupted(measure_cli::measure(args, &config))),
        Command::CheckConfig => {
            check(&config);
            Ok(())
        }
        Command::Enroll(_) | Command::Run | Command::Status(_) => Err(Failed::runtime("this command is not wired yet")),
    }
}

fn check(config: &Config) {
    let warnings = config.check();
    for warning in &warnings {
        println!("warning: {warning}");
    }
    if warnings.is_empty() {
        println!("the configuration is fine");
    }
}

/// Runs `work` unless Ctrl-C comes first.
async fn until_interrupted(work: impl Future<Output = Result<(), Failed>>) -> Result<(), Failed> {
    let interrupted = |result: io::Result<()>| match result {
        Ok(()) => Failed { code: 130, message: "interrupted, nothing is printed of the run that was under way".into() },
        Err(error) => Failed::runtime(error),
    };
    tokio::select! {
        done = work => done,
        signal = tokio::signal::ctrl_c() => Err(interrupted(signal)),
    }
}
