//! Programs that run on hosts of the lab, and die with it.

use std::ffi::OsStr;
use std::io;
use std::process::{Child, Command, ExitStatus, Output};
use std::thread;
use std::time::{Duration, Instant};

/// How often something that is waited for is looked at.
const LOOK: Duration = Duration::from_millis(10);

/// The program that ties a process's life to the thread that started it, then becomes what it is told.
pub(crate) const TIE: &str = "setpriv";

/// A program on a host. Dropping it kills it.
#[derive(Debug)]
pub struct Process(Option<Child>);

impl Process {
    pub(crate) fn new(child: Child) -> Self {
        Self(Some(child))
    }

    /// The running program, for its pipes and signals.
    pub fn child(&mut self) -> io::Result<&mut Child> {
        self.0.as_mut().ok_or_else(taken)
    }

    /// Its exit status if it has ended.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child()?.try_wait()
    }

    /// Waits until it ends, at most so long; then it is killed and the error is `TimedOut`.
    pub fn wait_within(&mut self, limit: Duration) -> io::Result<ExitStatus> {
        let status = wait_for(limit, || self.try_wait().transpose()).transpose()?;
        status.ok_or_else(|| {
            self.kill();
            io::Error::new(io::ErrorKind::TimedOut, format!("still running after {limit:?}"))
        })
    }

    /// Waits until it ends, and collects what it wrote to its pipes.
    pub fn output(mut self) -> io::Result<Output> {
        self.0.take().ok_or_else(taken)?.wait_with_output()
    }

    /// Ends it at once.
    pub fn kill(&mut self) {
        if let Some(child) = &mut self.0 {
            // It may have ended by itself, which is as good.
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.kill();
    }
}

fn taken() -> io::Error {
    io::Error::other("the process was given away")
}

/// A command for [`crate::Lab::spawn`]: the kernel kills the program as soon as the lab is gone, even if the lab had no time to.
pub fn command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(TIE);
    command.args(["--pdeathsig", "KILL", "--"]).arg(program);
    command
}

/// Looks until `condition` yields something, at most so long.
pub(crate) fn wait_for<T>(limit: Duration, mut condition: impl FnMut() -> Option<T>) -> Option<T> {
    let end = Instant::now() + limit;
    loop {
        if let Some(value) = condition() {
            return Some(value);
        }
        if Instant::now() >= end {
            return None;
        }
        thread::sleep(LOOK);
    }
}
