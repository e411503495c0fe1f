//! What is logged, and where: on standard error, without anything that names a target or a volunteer.

use std::env;
use std::io::{self, IsTerminal};

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

use crate::Command;

/// Libraries that would complain of every broken connection; those are what we measure.
const NOISY: &str = "hickory_net=error,hickory_proto=error,resolv_conf=off";

/// Starts logging. `KEDERGI_LOG` says how much; without it a daemon tells what it does, other commands only what is wrong.
pub fn start_logging(command: &Command) {
    let usual = if matches!(command, Command::Run) { "info" } else { "warn" };
    let wanted = env::var("KEDERGI_LOG").ok().and_then(|level| filter(&level));
    let lines = tracing_subscriber::fmt::layer().with_writer(io::stderr).with_ansi(io::stderr().is_terminal());
    let filter = wanted.or_else(|| filter(usual)).unwrap_or_default();
    // A second call, as in tests, keeps the first subscriber.
    let _ = tracing_subscriber::registry().with(lines).with(filter).try_init();
}

fn filter(level: &str) -> Option<Targets> {
    format!("{level},{NOISY}").parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_and_modules_can_be_asked_for() {
        assert!(filter("debug").is_some());
        assert!(filter("warn,kedergi_probe=debug").is_some());
        assert!(filter("=x=").is_none());
    }
}
