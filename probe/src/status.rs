//! How this probe is doing: read from its data directory, beside a running daemon or without one.

use std::collections::BTreeMap;
use std::io::{self, Write};

use jiff::Timestamp;
use kedergi_wire::{Asn, CountryCode, Role, TargetUrl};
use serde::Serialize;
use url::Url;

use crate::Config;
use crate::daemon::{Cause, Error};
use crate::enroll;
use crate::identity::{DataDir, Enrolment};
use crate::spool::{Judged, Kept, Spool};
use crate::state::Life;

/// Prints how the probe of `config` is doing; as one JSON object with `json`. Targets are named only with `targets`: a
/// status is easily shown to others.
pub async fn status(config: Config, json: bool, targets: bool) -> Result<(), Error> {
    let status = Status::read(&DataDir::at(&config.data_dir), targets)?;
    let mut output = io::stdout().lock();
    let printed = if json {
        serde_json::to_writer(&mut output, &status).map_err(io::Error::from).and_then(|()| writeln!(output))
    } else {
        status.print(&mut output)
    };
    Ok(printed.map_err(Cause::Terminal)?)
}

/// What `status --json` prints.
#[derive(Debug, Default, Serialize)]
struct Status {
    enrolled: bool,
    /// Whether a daemon works with the data directory now.
    running: bool,
    consent_current: bool,
    role: Option<Role>,
    /// The collector that answered last, else the one enrolled with.
    collector: Option<Url>,
    last_contact: Option<Timestamp>,
    /// As the collector last saw it.
    network: Option<Asn>,
    /// As the collector last saw it.
    country: Option<CountryCode>,
    reports: Reports,
    last_run: Option<LastRun>,
    next_run: Option<Timestamp>,
    /// What measuring waits for.
    measuring: String,
    /// What delivering waits for.
    delivering: String,
    /// Last verdicts, counted: `blocked tls reset`, `inconclusive no-connectivity`.
    verdicts: BTreeMap<String, usize>,
    #[serde(skip_serializing_if = "Option::is_none")]
    targets: Option<Vec<TargetLine>>,
}

#[derive(Debug, Default, Serialize)]
struct Reports {
    /// Wait, in no batch yet.
    spooled: u64,
    /// Wait, in batches.
    sealed: u64,
    dropped: u64,
    refused: u64,
    delivered: u64,
}

#[derive(Debug, Serialize)]
struct LastRun {
    started: Timestamp,
    targets: usize,
}

#[derive(Debug, Serialize)]
struct TargetLine {
    target: TargetUrl,
    at: Timestamp,
    outcome: String,
    rule: String,
}

impl Status {
    fn read(dir: &DataDir, name_targets: bool) -> Result<Self, Cause> {
        let Some(enrolment) = dir.enrolment()? else { return Ok(Self::default()) };
        let status = Self {
            enrolled: true,
            running: dir.is_locked(),
            consent_current: enrolment.consent_is_current(),
            role: Some(enrolment.role),
            ..Self::default()
        };
        if !dir.spool().exists() {
            return Ok(Self { collector: Some(enrolment.collector), ..status });
        }
        status.with_spool(&Spool::look(&dir.spool())?, enrolment, name_targets)
    }

    fn with_spool(self, spool: &Spool, enrolment: Enrolment, name_targets: bool) -> Result<Self, Cause> {
        let life: Life = spool.kept_json(Kept::Life)?.unwrap_or_default();
        let (counts, judged) = (spool.counts()?, spool.verdicts()?);
        Ok(Self {
            collector: Some(life.collector.unwrap_or(enrolment.collector)),
            last_contact: life.last_contact,
            network: life.facts.as_ref().and_then(|facts| facts.network),
            country: life.facts.as_ref().and_then(|facts| facts.country),
            reports: Reports {
                spooled: counts.unsealed,
                sealed: counts.sealed,
                dropped: counts.dropped,
                refused: counts.refused,
                delivered: counts.delivered,
            },
            last_run: life.last_run.map(|(started, targets)| LastRun { started, targets }),
            next_run: life.next_round,
            measuring: life.measuring,
            delivering: life.delivering,
            verdicts: count(&judged),
            targets: name_targets.then(|| judged.into_iter().map(TargetLine::from).collect()),
            ..self
        })
    }

    fn print(&self, out: &mut impl Write) -> io::Result<()> {
        let Some(role) = self.role else {
            return writeln!(out, "Not enrolled. `kedergi-probe enroll` says what that means and asks you.");
        };
        let consent = if self.consent_current { "" } else { "; the text you agreed to has changed, enrol again" };
        let running = if self.running { "running" } else { "not running" };
        writeln!(out, "Enrolled as a {} probe, {running}{consent}", enroll::word(role))?;
        writeln!(out, "Collector     {}", shown(self.collector.as_ref()))?;
        writeln!(out, "Last contact  {}", time(self.last_contact))?;
        writeln!(out, "Network       {} {}", shown(self.network.as_ref()), shown(self.country.as_ref()))?;
        let Reports { spooled, sealed, dropped, refused, delivered } = self.reports;
        writeln!(
            out,
            "Reports       {spooled} spooled, {sealed} sealed, {delivered} delivered, {dropped} dropped, {refused} refused"
        )?;
        self.print_runs(out)
    }

    fn print_runs(&self, out: &mut impl Write) -> io::Result<()> {
        match &self.last_run {
            Some(run) => writeln!(out, "Last run      {} ({} targets)", time(Some(run.started)), run.targets)?,
            None => writeln!(out, "Last run      never")?,
        }
        let verdicts: Vec<_> = self.verdicts.iter().map(|(word, count)| format!("{count} {word}")).collect();
        writeln!(out, "Verdicts      {}", if verdicts.is_empty() { "none".to_owned() } else { verdicts.join(", ") })?;
        writeln!(out, "Next run      {}", time(self.next_run))?;
        if self.running {
            writeln!(out, "Measuring     {}", self.measuring)?;
            writeln!(out, "Delivering    {}", self.delivering)?;
        }
        for line in self.targets.iter().flatten() {
            writeln!(out, "  {}  {:<12}  {} ({})", time(Some(line.at)), line.outcome, line.target, line.rule)?;
        }
        Ok(())
    }
}

fn count(judged: &[Judged]) -> BTreeMap<String, usize> {
    judged.iter().fold(BTreeMap::new(), |mut words, judged| {
        *words.entry(judged.verdict.outcome.to_string()).or_default() += 1;
        words
    })
}

/// To the second, and without the `T` that nobody reads.
fn time(value: Option<Timestamp>) -> String {
    value.map_or_else(|| "unknown".to_owned(), |at| at.strftime("%Y-%m-%d %H:%M:%S UTC").to_string())
}

fn shown(value: Option<&impl ToString>) -> String {
    value.map_or_else(|| "unknown".to_owned(), ToString::to_string)
}

impl From<Judged> for TargetLine {
    fn from(judged: Judged) -> Self {
        let (outcome, rule) = (judged.verdict.outcome.to_string(), judged.verdict.rule.to_string());
        Self { target: judged.target, at: judged.at, outcome, rule }
    }
}

#[cfg(test)]
mod tests;
