//! `cargo xtask test`: every test, and an honest last line.

use std::fs;
use std::io::{BufRead, BufReader};
use std::process::{ExitCode, Stdio};

use anyhow::{Context, Result};

use crate::build;

/// Run every test, the lab's included; the last line says what passed, failed and was skipped
///
/// A test of the lab needs root or user namespaces, nginx and unbound; one of the pages needs chromium and npm. Where
/// something is missing the test says SKIPPED and why; with KEDERGI_TEST_ALL=1 that is a failure.
#[derive(clap::Args)]
pub(crate) struct Test {
    /// Passed on to `cargo test`, such as a filter
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

#[derive(Default)]
struct Count {
    passed: usize,
    failed: usize,
}

impl Test {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        build::run(build::cargo().args(["build", "--locked", "--workspace", "--bins"]))?;
        let folder = tempfile::tempdir()?;
        let notes = folder.path().join("skipped");
        let mut tests = build::cargo()
            .args(["test", "--locked", "--workspace", "--no-fail-fast"])
            .args(&self.arguments)
            .env("KEDERGI_SKIPPED", &notes)
            .stdout(Stdio::piped())
            .spawn()
            .context("cannot start cargo test")?;
        let mut count = Count::default();
        if let Some(output) = tests.stdout.take() {
            for line in BufReader::new(output).lines() {
                let line = line?;
                println!("{line}");
                count.add(&line);
            }
        }
        let status = tests.wait()?;
        let skipped = fs::read_to_string(&notes).unwrap_or_default();
        skipped.lines().for_each(|line| println!("SKIPPED {line}"));
        // To cargo a test that skipped itself has passed; to a reader it has not.
        let skips = skipped.lines().count();
        println!("tests: {} passed, {} failed, {skips} skipped", count.passed.saturating_sub(skips), count.failed);
        Ok(if status.success() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

impl Count {
    /// Adds a line such as `test result: ok. 12 passed; 0 failed; 0 ignored; ...`.
    fn add(&mut self, line: &str) {
        let Some((_, figures)) = line.strip_prefix("test result: ").and_then(|rest| rest.split_once(". ")) else {
            return;
        };
        for figure in figures.split("; ") {
            match figure.split_once(' ') {
                Some((number, "passed")) => self.passed += number.parse::<usize>().unwrap_or(0),
                Some((number, "failed")) => self.failed += number.parse::<usize>().unwrap_or(0),
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn results_are_added_up() {
        let mut count = Count::default();
        count.add("test result: ok. 12 passed; 0 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s");
        count.add("test result: FAILED. 3 passed; 2 failed; 0 ignored; 0 measured; 0 filtered out; finished in 0.10s");
        count.add("running 12 tests");
        assert_eq!((count.passed, count.failed), (15, 2));
    }
}
