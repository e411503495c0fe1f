//! Measures whether targets can be reached from here, and how they are kept from being reached.

use std::process::ExitCode;

use kedergi_probe::{Cli, run, start_logging};

fn main() -> ExitCode {
    let cli = match Cli::from_arguments() {
        Ok(cli) => cli,
        Err(code) => return code,
    };
    start_logging(&cli.command);
    run(&cli)
}
