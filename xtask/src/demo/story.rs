//! The demo, act by act.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use serde::Deserialize;
use serde_json::Value;

use super::process::Process;

/// How long the collector may take until it listens.
const START: Duration = Duration::from_secs(30);
/// Probes that the replay enrols, at most.
const REPLAY_PROBES: u32 = 200;

/// A running demo.
pub(super) struct Story {
    binaries: PathBuf,
    folder: PathBuf,
    url: String,
    collector: Process,
    output: Receiver<String>,
    probes: Vec<Process>,
    events: BTreeMap<String, String>,
}

/// What of an event the demo prints.
#[derive(Deserialize)]
struct Seen {
    id: String,
    country: String,
    state: String,
    scope: Vec<Affected>,
}

#[derive(Deserialize)]
struct Affected {
    network: u32,
    service: String,
    confirmed: String,
    cleared: Option<String>,
}

impl Story {
    /// Starts the collector and waits until it listens.
    pub(super) fn begin(binaries: &Path, folder: &Path, listen: &str) -> Result<Self> {
        fs::create_dir_all(folder).with_context(|| format!("cannot make {}", folder.display()))?;
        let mut serve = Command::new(binaries.join("kedergi-collector"));
        serve.args(["serve", "--listen", listen, "--data-dir"]).arg(folder.join("collector"));
        let (collector, output) = Process::start("collector", &mut serve)?;
        let mut story = Self {
            binaries: binaries.to_owned(),
            folder: folder.to_owned(),
            url: String::new(),
            collector,
            output,
            probes: Vec::new(),
            events: BTreeMap::new(),
        };
        story.url = story.address()?;
        Ok(story)
    }

    /// Where the collector listens.
    pub(super) fn url(&self) -> &str {
        &self.url
    }

    fn address(&mut self) -> Result<String> {
        let deadline = Instant::now() + START;
        while Instant::now() < deadline {
            self.check()?;
            let Ok(line) = self.output.recv_timeout(Duration::from_millis(100)) else { continue };
            if let Some(at) = line.find("http://") {
                return Ok(line[at..].split_whitespace().next().unwrap_or_default().trim_end_matches('/').to_owned());
            }
        }
        bail!("the collector did not say within {} s where it listens", START.as_secs())
    }

    /// Enrols a probe in a role and starts it.
    pub(super) fn start_probe(&mut self, role: &'static str) -> Result<()> {
        let config = self.probe_config(role)?;
        let code = self.invite(role, 1)?;
        let mut enroll = self.probe();
        enroll.args(["enroll", "--accept-risk", "--collector", &self.url, "--invite", &code, "--config"]).arg(&config);
        let enrolled = enroll.output().context("cannot start kedergi-probe")?;
        ensure!(enrolled.status.success(), "enroll failed: {}", String::from_utf8_lossy(&enrolled.stderr));
        let mut run = self.probe();
        run.arg("run").arg("--config").arg(&config).env("KEDERGI_LOG", "error");
        self.probes.push(Process::start(role, &mut run)?.0);
        println!("{role}: enrolled and measuring");
        Ok(())
    }

    fn probe_config(&self, role: &str) -> Result<PathBuf> {
        let folder = self.folder.join(role);
        fs::create_dir_all(&folder)?;
        let path = self.folder.join(format!("{role}.toml"));
        fs::write(&path, format!("data_dir = {:?}\ncollectors = [{:?}]\n", folder.display().to_string(), self.url))?;
        Ok(path)
    }

    fn probe(&self) -> Command {
        Command::new(self.binaries.join("kedergi-probe"))
    }

    fn collector(&self, verb: &str) -> Command {
        let mut command = Command::new(self.binaries.join("kedergi-collector"));
        command.arg(verb).arg("--data-dir").arg(self.folder.join("collector"));
        command
    }

    fn invite(&self, role: &str, uses: u32) -> Result<String> {
        let output =
            self.collector("invite").args(["--vouched", "--role", role, "--uses", &uses.to_string()]).output()?;
        ensure!(output.status.success(), "invite failed: {}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    }

    /// Replays the scenario; whether it yielded the expected events.
    pub(super) fn replay(&mut self, scenario: &str, interrupted: &AtomicBool) -> Result<bool> {
        let (probes, control) = (self.invite("probe", REPLAY_PROBES)?, self.invite("control", REPLAY_PROBES)?);
        let mut replay = Command::new(self.binaries.join("kedergi-collector"));
        replay.args(["replay", scenario, "--exit-on-mismatch", "--collector", &self.url]);
        replay.args(["--invite", &probes, "--control-invite", &control]);
        println!("replay: {scenario}, through the collector's own intake");
        let (mut replay, lines) = Process::start("replay", &mut replay)?;
        let status = loop {
            self.check()?;
            self.tell_events()?;
            if interrupted.load(Ordering::Relaxed) {
                replay.end()?;
                return Ok(false);
            }
            if let Some(status) = replay.ended()? {
                break status;
            }
            thread::sleep(Duration::from_millis(300));
        };
        self.tell_events()?;
        lines.iter().for_each(|line| println!("replay: {line}"));
        println!("replay: {}", if status.success() { "the expected events, and no others" } else { "NOT as expected" });
        Ok(status.success())
    }

    /// Prints what became of events since the last call, and the alerts the collector printed meanwhile.
    fn tell_events(&mut self) -> Result<()> {
        let output = self.collector("events").arg("--json").output()?;
        ensure!(output.status.success(), "events failed: {}", String::from_utf8_lossy(&output.stderr));
        for line in String::from_utf8(output.stdout)?.lines() {
            let event: Seen = serde_json::from_str(line).with_context(|| format!("an event: {line}"))?;
            let now = event.sentence();
            if self.events.get(&event.id) != Some(&now) {
                println!("event {}: {now}", event.id);
                self.events.insert(event.id, now);
            }
        }
        self.tell_alerts();
        Ok(())
    }

    /// Prints the alerts the collector printed since the last call.
    pub(super) fn tell_alerts(&self) {
        self.output.try_iter().for_each(|line| println!("{line}"));
    }

    /// Prints, once the local probe finished a round, what it found. Whether it has.
    pub(super) fn tell_probe(&self) -> Result<bool> {
        let config = self.folder.join("probe.toml");
        let output = self.probe().args(["status", "--json", "--config"]).arg(config).output()?;
        ensure!(output.status.success(), "status failed: {}", String::from_utf8_lossy(&output.stderr));
        let status: Value = serde_json::from_slice(&output.stdout).context("the probe's status")?;
        let Some(verdicts) = status["verdicts"].as_object().filter(|verdicts| !verdicts.is_empty()) else {
            return Ok(false);
        };
        let counts: Vec<_> = verdicts.iter().map(|(verdict, count)| format!("{count} {verdict}")).collect();
        println!("probe on this machine: {}", counts.join(", "));
        Ok(true)
    }

    /// An error if something that should run has ended.
    pub(super) fn check(&mut self) -> Result<()> {
        for process in self.probes.iter_mut().chain([&mut self.collector]) {
            if let Some(status) = process.ended()? {
                bail!("the {} ended: {status}", process.name());
            }
        }
        Ok(())
    }

    /// Ends everything, probes first.
    pub(super) fn end(mut self) -> Result<()> {
        self.probes.iter_mut().try_for_each(Process::end)?;
        self.collector.end()?;
        self.tell_alerts();
        Ok(())
    }
}

impl Seen {
    /// The event in one line, networks counted.
    fn sentence(&self) -> String {
        let mut services: Vec<_> = self.scope.iter().map(|affected| affected.service.as_str()).collect();
        services.sort_unstable();
        services.dedup();
        let mut networks: Vec<_> = self.scope.iter().map(|affected| affected.network).collect();
        networks.sort_unstable();
        networks.dedup();
        let opened = self.scope.iter().map(|affected| affected.confirmed.as_str()).min().unwrap_or_default();
        let until = match self.state.as_str() {
            "closed" => self.scope.iter().filter_map(|affected| affected.cleared.as_deref()).max().unwrap_or_default(),
            _ => "now",
        };
        let (country, count) = (&self.country, networks.len());
        format!("{} {country} {} on {count} networks, {opened} to {until}", self.state, services.join(", "))
    }
}
