//! The command line.

mod args;
mod verbs;

use std::io::{self, IsTerminal};
use std::process::ExitCode;

use clap::Parser;
use tracing_subscriber::EnvFilter;

use crate::app::OpenError;
use crate::config::ConfigError;
use crate::import::ImportError;
use crate::replay::NoScenario;
use crate::serve::ServeError;
use args::Cli;

pub(crate) use args::{EventsArgs, ImportArgs, ImportSource, ReplayArgs};

/// What the environment says of logging.
const LOG: &str = "KEDERGI_LOG";

/// Exit code for a configuration, a file it names, a scenario or a file to import that cannot be used: starting again will not help.
const CONFIG: u8 = 3;

/// Runs the program.
pub fn main() -> ExitCode {
    let cli = Cli::parse();
    start_logging();
    match verbs::run(cli) {
        Ok(code) => code,
        Err(error) => {
            eprintln!("kedergi-collector: {}", sentence(&error));
            exit_code(&error)
        }
    }
}

/// Logs go to standard error: standard output is for results.
fn start_logging() {
    let filter = EnvFilter::builder().with_env_var(LOG).with_default_directive(tracing::Level::INFO.into());
    let colour = io::stderr().is_terminal();
    tracing_subscriber::fmt().with_env_filter(filter.from_env_lossy()).with_ansi(colour).with_writer(io::stderr).init();
}

/// The error and what caused it. Most of our errors say their cause themselves; it is not said twice.
fn sentence(error: &anyhow::Error) -> String {
    let mut said = error.to_string();
    for cause in error.chain().skip(1).map(ToString::to_string) {
        if !said.contains(&cause) {
            said = format!("{said}: {cause}");
        }
    }
    said
}

fn exit_code(error: &anyhow::Error) -> ExitCode {
    let open = match error.downcast_ref::<ServeError>() {
        Some(ServeError::Tls(_)) => return CONFIG.into(),
        Some(ServeError::Open(open)) => Some(open),
        Some(ServeError::Listen { .. } | ServeError::Serve(_) | ServeError::Job { .. }) | None => error.downcast_ref(),
    };
    if error.is::<ConfigError>()
        || error.is::<crate::targets::TargetListError>()
        || error.is::<NoScenario>()
        || error.is::<ImportError>()
        || matches!(open, Some(OpenError::Networks(_) | OpenError::Targets(_)))
    {
        return CONFIG.into();
    }
    ExitCode::FAILURE
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;

    #[test]
    fn a_cause_is_said_once() {
        let io = || std::io::Error::other("no such file");
        let ours = ServeError::Serve(io());
        assert_eq!(sentence(&ours.into()), "the connection to the network ended: no such file");
        let theirs = Err::<(), _>(io()).context("cannot start threads").unwrap_err();
        assert_eq!(sentence(&theirs), "cannot start threads: no such file");
    }
}
