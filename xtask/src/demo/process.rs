//! A child process that does not outlive the demo.

use std::io::{BufRead, BufReader};
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

/// How long a process may take to end after SIGTERM.
const GRACE: Duration = Duration::from_secs(10);

/// A running child. Ctrl-C reaches only the demo, which then ends its children in order.
pub(super) struct Process {
    name: &'static str,
    child: Child,
}

impl Process {
    /// Starts it and hands over the lines it prints.
    pub(super) fn start(name: &'static str, command: &mut Command) -> Result<(Self, Receiver<String>)> {
        let mut child = command
            .process_group(0)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| format!("cannot start the {name}"))?;
        let (sender, lines) = channel();
        let output = child.stdout.take().context("its output is piped")?;
        thread::spawn(move || {
            // Ends with the process, or when nobody reads any more.
            let _ = BufReader::new(output).lines().map_while(Result::ok).try_for_each(|line| sender.send(line));
        });
        Ok((Self { name, child }, lines))
    }

    /// What it is.
    pub(super) fn name(&self) -> &'static str {
        self.name
    }

    /// How it ended, if it has.
    pub(super) fn ended(&mut self) -> Result<Option<ExitStatus>> {
        Ok(self.child.try_wait()?)
    }

    /// Asks it to end and waits until it has.
    pub(super) fn end(&mut self) -> Result<()> {
        if self.ended()?.is_some() {
            return Ok(());
        }
        if let Ok(id) = i32::try_from(self.child.id()) {
            kill(Pid::from_raw(id), Signal::SIGTERM).with_context(|| format!("cannot end the {}", self.name))?;
        }
        let deadline = Instant::now() + GRACE;
        while self.ended()?.is_none() {
            if Instant::now() > deadline {
                eprintln!("the {} did not end within {} s and is killed", self.name, GRACE.as_secs());
                self.child.kill()?;
            }
            thread::sleep(Duration::from_millis(20));
        }
        Ok(())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // Only what `end` did not reach: an error on the way, a panic.
        if !matches!(self.child.try_wait(), Ok(Some(_))) {
            let _ = self.child.kill();
            let _ = self.child.wait();
        }
    }
}
