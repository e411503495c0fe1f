//! What one command costs.

use std::ffi::OsString;
use std::io::Write as _;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::Instant;
use std::{fs, io};

use anyhow::{Context, Result};
use kedergi_wire::{Batch, Kind, Report, seal};
use nix::sys::resource::{UsageWho, getrusage};
use serde::{Deserialize, Serialize};

/// Run `kedergi-probe` and append what it cost to a file, a JSON object a line
///
/// A process of its own, because the system keeps one peak for all the children a process ever waited for; and in the network
/// of the probe, whose counters it reads.
#[derive(clap::Args)]
pub(crate) struct Note {
    /// Where to write
    file: PathBuf,
    /// The command
    #[arg(trailing_var_arg = true, required = true, allow_hyphen_values = true)]
    command: Vec<OsString>,
}

/// What a run cost.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Cost {
    /// The command, as one text.
    pub(crate) command: String,
    pub(crate) wall_ms: u128,
    pub(crate) cpu_ms: i64,
    pub(crate) peak_kb: i64,
    /// Bytes of IP packets that the network devices counted.
    pub(crate) received: u64,
    pub(crate) sent: u64,
    /// Targets measured, and bytes of the signed batch that their reports make.
    pub(crate) targets: usize,
    pub(crate) upload: usize,
}

#[derive(Deserialize)]
struct Line {
    report: Report,
}

impl Note {
    pub(crate) fn run(&self) -> Result<ExitCode> {
        let (program, arguments) = self.command.split_first().context("no command")?;
        let (began, before) = (Instant::now(), traffic()?);
        let ran = Command::new(program).args(arguments).stderr(Stdio::inherit()).output();
        let ran = ran.context("cannot start the command")?;
        let (wall_ms, after) = (began.elapsed().as_millis(), traffic()?);
        io::stdout().write_all(&ran.stdout)?;
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN).context("cannot read the resources used")?;
        let cpu_ms =
            [usage.user_time(), usage.system_time()].iter().map(|t| t.tv_sec() * 1000 + t.tv_usec() / 1000).sum();
        let reports = reports(&String::from_utf8_lossy(&ran.stdout));
        let cost = Cost {
            command: arguments.iter().map(|argument| argument.to_string_lossy()).collect::<Vec<_>>().join(" "),
            wall_ms,
            cpu_ms,
            peak_kb: usage.max_rss(),
            received: after.0 - before.0,
            sent: after.1 - before.1,
            targets: reports.len(),
            upload: upload(reports)?,
        };
        let mut file = fs::File::options().create(true).append(true).open(&self.file)?;
        writeln!(file, "{}", serde_json::to_string(&cost)?)?;
        Ok(ran.status.code().and_then(|code| u8::try_from(code).ok()).map_or(ExitCode::FAILURE, ExitCode::from))
    }
}

/// Bytes received and sent since the network devices were made, the loopback's left out.
fn traffic() -> Result<(u64, u64)> {
    let text = fs::read_to_string("/proc/thread-self/net/dev").context("cannot read the network counters")?;
    let mut sum = (0, 0);
    for line in text.lines().skip(2).filter(|line| !line.trim_start().starts_with("lo:")) {
        let counters: Vec<u64> = line
            .split_once(':')
            .map(|(_, rest)| rest.split_whitespace().flat_map(str::parse).collect())
            .unwrap_or_default();
        sum.0 += counters.first().copied().unwrap_or(0);
        sum.1 += counters.get(8).copied().unwrap_or(0);
    }
    Ok(sum)
}

/// The reports in what `measure --json` printed; a control's snapshot holds none.
fn reports(text: &str) -> Vec<Report> {
    let lines = text.lines().filter_map(|line| serde_json::from_str::<Line>(line).ok());
    lines.map(|line| line.report).collect()
}

/// Bytes of the envelope that a probe would send.
fn upload(reports: Vec<Report>) -> Result<usize> {
    let key = ed25519_dalek::SigningKey::from_bytes(&[1; 32]);
    Ok(seal(Kind::Batch, &key, &Batch { reports })?.len())
}
