//! Measures targets, signs what it saw, delivers it.

mod cli;
pub use cli::{Cli, Command, EnrollArgs, MeasureArgs, StatusArgs, one_line};

mod config;
pub use config::{Config, ConfigError, DohResolver};
