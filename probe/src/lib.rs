//! Measures targets, signs what it saw, delivers it.

mod cli;
pub use cli::{Cli, Command, EnrollArgs, LocateArgs, MeasureArgs, StatusArgs};

mod command;
pub use command::run;

mod config;
pub use config::{Config, ConfigError, ControlHost, DohResolver};

mod bundle;
mod consent;
pub mod daemon;
mod doors;
mod enroll;
#[cfg(test)]
mod fake_collector;
mod identity;
mod locate;
mod outbox;
mod pulse;
mod schedule;
mod spool;
mod state;
mod status;
mod upload;

mod log;
pub use log::start_logging;

mod measure;
pub use measure::{Measurer, bytes_received, decode_answer, fetch_page, measure_run, page_title, redirect_target};

mod measure_cli;

mod ooni;

mod trust;
pub use trust::{TrustError, roots, verifying_client};
