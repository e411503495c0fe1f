//! The collector: takes signed reports, judges them, keeps them, turns them into events, shows those and sends alerts.

mod alerts;
mod api;
mod app;
mod asn;
mod cli;
mod clock;
mod config;
mod events_cli;
mod import;
mod intake;
mod jobs;
mod keys;
mod metrics;
mod outgoing;
mod pages;
mod problem;
mod replay;
mod serve;
mod targets;
mod tls;

pub use cli::main;
pub use import::{count_ooni, count_scores};
