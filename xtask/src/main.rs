//! Chores of the repository: `cargo xtask demo | test | lab | bench`.

mod bench;
mod build;
mod demo;
mod lab;
mod note;
mod test;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Chores of the repository
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Subcommand)]
enum Chore {
    /// Show the whole path on this machine: collector, two probes, and 9 May 2019 replayed into it
    Demo(demo::Demo),
    /// Run every test, the lab's included; the last line says what passed, failed and was skipped
    Test(test::Test),
    /// Play a scene file in the lab and print, per vantage and target, what was expected and seen
    Lab(lab::Lab),
    /// Print measured figures
    #[command(subcommand)]
    Bench(bench::Bench),
    /// Run a command and write what it cost to a file: what `bench` measures with
    #[command(hide = true)]
    Note(note::Note),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().chore {
        Chore::Demo(demo) => demo.run(),
        Chore::Test(test) => test.run(),
        Chore::Lab(lab) => lab.run(),
        Chore::Bench(bench) => bench.run(),
        Chore::Note(note) => note.run(),
    };
    done.unwrap_or_else(|error| {
        eprintln!("cargo xtask: {error:#}");
        ExitCode::FAILURE
    })
}
