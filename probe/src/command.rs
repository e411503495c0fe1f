//! From arguments to an exit code.

use std::fmt::Display;
use std::io::{self, Write};
use std::process::ExitCode;

use crate::{Cli, Command, Config, ConfigError, Measurer, daemon, locate, measure_cli};

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

impl From<daemon::Error> for Failed {
    fn from(error: daemon::Error) -> Self {
        Self { code: error.exit_code(), message: error.to_string() }
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
    if let Command::Locate(args) = &cli.command {
        locate::target(&args.url)?;
    }
    let config = Config::load(cli.config.as_deref())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failed::runtime)?;
    let done = match &cli.command {
        Command::Measure(args) => runtime.block_on(until_interrupted(measure_cli::measure(args, &config))),
        Command::Locate(args) => runtime.block_on(until_interrupted(locate::locate(args, &config))),
        Command::CheckConfig => check(&config),
        Command::Enroll(args) => {
            let (collector, invite) = (args.collector.clone(), args.invite.clone());
            runtime.block_on(daemon::enroll(config, collector, invite, args.accept_risk)).map_err(Failed::from)
        }
        Command::Run => runtime.block_on(daemon::run(config)).map_err(Failed::from),
        Command::Status(args) => {
            runtime.block_on(daemon::status(config, args.json, args.targets)).map_err(Failed::from)
        }
    };
    // A name lookup under way on another thread must not hold up the end: a service is given seconds to stop.
    runtime.shutdown_background();
    done
}

/// Tries what measuring would read, and says what is unwise.
fn check(config: &Config) -> Result<(), Failed> {
    Measurer::new(config).map_err(|error| Failed::config(error.to_string()))?;
    let warnings = config.check();
    let lines = warnings.iter().map(|warning| format!("warning: {warning}\n")).collect::<String>();
    print(if warnings.is_empty() { "the configuration is fine\n" } else { &lines })
}

/// Prints at once. A reader that went away (`| head`) is no failure.
pub(crate) fn print(text: &str) -> Result<(), Failed> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(Failed::runtime(error)),
        _ => Ok(()),
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
