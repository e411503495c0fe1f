//! Plays a scene: builds its lab, lets the real probe measure from the control's host and with each ISP, and compares.

use std::fs::{self, File};
use std::io;
use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use kedergi_wire::{Observation, Step};
use serde::{Deserialize, Serialize};

use crate::scene::SceneTarget;
use crate::space::find;
use crate::{Expected, Isp, Lab, LabError, ProbeSettings, Scene, command, plan};

/// Time a probe has for all targets of a scene. Each step has its own timeout of seconds; this is for a probe that hangs.
const MEASURE: Duration = Duration::from_secs(180);
/// The program that shows another time to the one it runs. A kernel has one clock of the day for all its namespaces.
const FAKETIME: &str = "faketime";
/// Bytes of a probe's log shown when it failed.
const LAST_WORDS: usize = 1000;

/// What one probe found about one target, beside what was expected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Check {
    /// The probe's host.
    pub vantage: String,
    /// Its ISP.
    pub isp: Isp,
    /// What was measured: a target's URL, or a service's name.
    pub target: String,
    /// What the scene expects.
    pub expected: Expected,
    /// What the probe said, as words.
    pub seen: String,
    /// Whether that is what was expected.
    pub met: bool,
    /// What the verdict rests on.
    pub evidence: Vec<String>,
}

/// Why a scene could not be played to its end.
#[derive(Debug, thiserror::Error)]
pub enum PlayError {
    /// The lab failed.
    #[error(transparent)]
    Lab(#[from] LabError),
    /// A probe failed, which is not the same as a verdict that was not expected.
    #[error("the probe on {host} {what}; its log ends: {log}")]
    Probe {
        /// Where it ran.
        host: String,
        /// What went wrong.
        what: String,
        /// The end of its log.
        log: String,
    },
}

/// One line of `kedergi-probe measure --json`.
#[derive(Debug, Deserialize)]
struct Line {
    #[serde(alias = "service")]
    target: String,
    outcome: String,
    how: Option<HowWords>,
    why: Option<String>,
    #[serde(default)]
    trigger: Option<String>,
    #[serde(default)]
    hindered: Vec<HowWords>,
    #[serde(default)]
    quic_trigger: Option<String>,
    evidence: Vec<Says>,
    /// A service's line has none.
    #[serde(default)]
    report: ReportWords,
}

#[derive(Debug, Default, Deserialize)]
struct ReportWords {
    #[serde(default)]
    vantage: VantageWords,
    #[serde(default)]
    observations: Vec<Observation>,
}

#[derive(Debug, Default, Deserialize)]
struct VantageWords {
    #[serde(default)]
    tunnel: bool,
}

#[derive(Debug, Deserialize)]
struct HowWords {
    layer: String,
    manner: String,
}

#[derive(Debug, Deserialize)]
struct Says {
    says: String,
}

impl Line {
    fn words(&self) -> String {
        let how = self.how.as_ref().map(|how| format!(" {} {}", how.layer, how.manner)).unwrap_or_default();
        let why = self.why.as_ref().map(|why| format!(" {why}")).unwrap_or_default();
        let trigger = self.trigger.as_ref().map(|trigger| format!(" by {trigger}")).unwrap_or_default();
        let hindered = self.hindered.iter().map(|how| {
            let trigger = self.quic_trigger.as_ref().filter(|_| how.layer == "quic");
            let trigger = trigger.map(|trigger| format!(" by {trigger}")).unwrap_or_default();
            format!(", hindered {} {}{trigger}", how.layer, how.manner)
        });
        let tunnel = if self.report.vantage.tunnel { " tunnel" } else { "" };
        format!("{}{how}{trigger}{why}{tunnel}{}", self.outcome, hindered.collect::<String>())
    }

    /// The pages that the report keeps.
    fn pages(&self) -> Vec<String> {
        let pages = self.report.observations.iter().filter_map(|seen| match &seen.step {
            Step::Http(http) => http.outcome.ok()?.body.kept.as_deref(),
            Step::Dns(_) | Step::Tcp(_) | Step::Tls(_) | Step::Quic(_) => None,
        });
        pages.map(|page| String::from_utf8_lossy(page).into_owned()).collect()
    }
}

/// What a line lacks beside the verdict that the scene wants of its target, if anything.
fn objection(target: &SceneTarget, isp: Isp, line: &Line) -> Option<String> {
    let evidence = line.evidence.iter().map(|evidence| evidence.says.as_str()).collect::<Vec<_>>().join(" ");
    if let Some(text) = target.says.get(&isp).filter(|text| !evidence.contains(text.as_str())) {
        return Some(format!("its evidence does not say {text:?}"));
    }
    let pages = line.pages();
    let kept = match target.keeps.as_ref()?.get(&isp) {
        None => pages.is_empty(),
        Some(text) => pages.iter().any(|page| page.contains(text)),
    };
    (!kept).then(|| format!("pages kept: {pages:?}"))
}

/// Plays a scene with the `kedergi-probe` in `bin_dir`. `progress` is told what is going on.
pub fn play(scene: &Scene, bin_dir: &Path, progress: impl Fn(&str)) -> Result<Vec<Check>, PlayError> {
    play_rounds(scene, bin_dir, 1, progress)
}

/// As [`play`], but every probe measures everything so many times, one round after the other.
pub fn play_rounds(
    scene: &Scene,
    bin_dir: &Path,
    rounds: u16,
    progress: impl Fn(&str),
) -> Result<Vec<Check>, PlayError> {
    progress("building the lab");
    let lab = Lab::start(scene)?;
    let player = Player { lab: &lab, scene, program: bin_dir.join("kedergi-probe") };
    progress("the control measures");
    let control = player.control()?;
    progress("the probes measure");
    player.probes(&control, rounds)
}

struct Player<'a> {
    lab: &'a Lab,
    scene: &'a Scene,
    program: PathBuf,
}

impl Player<'_> {
    /// The control's snapshot, as a file.
    fn control(&self) -> Result<PathBuf, PlayError> {
        self.measure(plan::CONTROL, &["--as-control".as_ref()])
    }

    fn probes(&self, control: &Path, rounds: u16) -> Result<Vec<Check>, PlayError> {
        let vantages = Isp::ALL.iter().flat_map(|isp| (1..=self.scene.probes).map(|number| (*isp, number)));
        let checks = std::thread::scope(|scope| {
            let threads: Vec<_> =
                vantages.map(|(isp, number)| scope.spawn(move || self.rounds(isp, number, control, rounds))).collect();
            let joined = threads
                .into_iter()
                .map(|thread| thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)));
            joined.collect::<Result<Vec<_>, _>>()
        });
        Ok(checks?.into_iter().flatten().collect())
    }

    fn rounds(&self, isp: Isp, number: u8, control: &Path, rounds: u16) -> Result<Vec<Check>, PlayError> {
        let checks: Result<Vec<_>, _> = (0..rounds).map(|_| self.probe(isp, number, control)).collect();
        Ok(checks?.concat())
    }

    fn probe(&self, isp: Isp, number: u8, control: &Path) -> Result<Vec<Check>, PlayError> {
        let vantage = plan::probe(isp, number);
        let output = self.measure(&vantage, &["--json".as_ref(), "--control".as_ref(), control])?;
        let text = fs::read_to_string(&output).map_err(LabError::file(&output))?;
        if let Some(own) = self.lab.host(&vantage)?.addresses().iter().find(|own| stands_in(**own, &text)) {
            return Err(self.failed(&vantage, format!("wrote down its own address, {own}")));
        }
        let lines: Result<Vec<Line>, _> = text.lines().map(serde_json::from_str).collect();
        let lines = lines.map_err(|error| self.failed(&vantage, format!("wrote what is no measurement: {error}")))?;
        let targets = self.scene.targets.iter().map(|target| (target.url.as_str(), &target.expect, Some(target)));
        let services = self.scene.services.iter().map(|service| (service.name.as_str(), &service.expect, None));
        targets
            .chain(services)
            .map(|(name, expect, target)| {
                let line = lines.iter().find(|line| line.target == name);
                let line = line.ok_or_else(|| self.failed(&vantage, format!("said nothing about {name}")))?;
                let check = check(&vantage, isp, expect[&isp].clone(), line);
                let Some(objection) = target.and_then(|target| objection(target, isp, line)) else { return Ok(check) };
                let seen = format!("{}, but {objection}", check.seen);
                Ok(Check { met: false, seen, ..check })
            })
            .collect()
    }

    /// The target list of the scene's services, as a file; `None` if it has none.
    fn list(&self, host: &str) -> Result<Option<PathBuf>, PlayError> {
        if self.scene.services.is_empty() {
            return Ok(None);
        }
        let path = self.lab.host_folder(host)?.join("list.toml");
        let text = toml::to_string(&self.scene.list()).map_err(io::Error::other).map_err(LabError::file(&path))?;
        fs::write(&path, text).map_err(LabError::file(&path))?;
        Ok(Some(path))
    }

    /// Runs the probe on a host over all targets; returns the file with what it wrote.
    fn measure(&self, host: &str, options: &[&Path]) -> Result<PathBuf, PlayError> {
        let config = self.lab.probe_config(host, &ProbeSettings::default())?;
        let output = self.lab.host_folder(host)?.join("measured.json");
        let create = |path: &Path| File::create(path).map_err(LabError::file(path));
        let mut command = self.probe_at(host)?;
        command.arg("measure").args(options).arg("--config").arg(config);
        if let Some(list) = self.list(host)? {
            command.arg("--list").arg(list);
        }
        command.args(self.scene.targets.iter().map(|target| target.url.as_str()));
        command.stdin(Stdio::null()).stdout(create(&output)?).stderr(create(&self.log(host)?)?);
        let mut process = self.lab.spawn(host, command)?;
        match process.wait_within(MEASURE) {
            Ok(status) if status.success() => Ok(output),
            Ok(status) => Err(self.failed(host, format!("ended with {status}"))),
            Err(error) => Err(self.failed(host, format!("had to be ended: {error}"))),
        }
    }

    /// The probe as a command, at the time that the host's clock shows.
    fn probe_at(&self, host: &str) -> Result<Command, LabError> {
        let isp = Isp::ALL.into_iter().find(|isp| host.starts_with(isp.as_str()));
        let days = isp.map_or(0, |isp| self.scene.practice(isp).clock_days);
        if days == 0 {
            return Ok(command(&self.program));
        }
        let faketime = find(FAKETIME).ok_or_else(|| LabError::Unavailable(format!("{FAKETIME} is not installed")))?;
        let mut wrong = command(faketime);
        wrong.args(["--exclude-monotonic", "-f", &format!("{days:+}d")]).arg(&self.program);
        Ok(wrong)
    }

    fn log(&self, host: &str) -> Result<PathBuf, LabError> {
        Ok(self.lab.host_folder(host)?.join("measure.log"))
    }

    fn failed(&self, host: &str, what: String) -> PlayError {
        let log = self.log(host).map_err(io::Error::other).and_then(fs::read).unwrap_or_default();
        let tail = &log[log.len().saturating_sub(LAST_WORDS)..];
        PlayError::Probe { host: host.to_owned(), what, log: String::from_utf8_lossy(tail).trim().to_owned() }
    }
}

/// Whether a text holds an address, and not only as a part of a longer one.
fn stands_in(address: IpAddr, text: &str) -> bool {
    let ends = |c: char| !(c.is_ascii_hexdigit() || c == '.' || c == ':');
    let own = address.to_string();
    text.split(ends).any(|word| word.trim_end_matches(['.', ':']) == own)
}

fn check(vantage: &str, isp: Isp, expected: Expected, line: &Line) -> Check {
    let seen = line.words();
    Check {
        vantage: vantage.to_owned(),
        isp,
        target: line.target.clone(),
        met: expected.is_met_by(&seen),
        expected,
        seen,
        evidence: line.evidence.iter().map(|evidence| evidence.says.clone()).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_of_the_probe_becomes_words() {
        let words = |text: &str| serde_json::from_str::<Line>(text).unwrap().words();
        let line = |rest: &str| format!(r#"{{"target":"https://news.example/","rule":"x","report":{{}},{rest}}}"#);
        let blocked = line(
            r#""outcome":"blocked","how":{"layer":"tls","manner":"reset"},"why":null,
               "evidence":[{"observation":3,"says":"a reset answered the name"}]"#,
        );
        assert_eq!(words(&blocked), "blocked tls reset");
        let cut = line(r#""outcome":"inconclusive","how":null,"why":"no-connectivity","evidence":[]"#);
        assert_eq!(words(&cut), "inconclusive no-connectivity");
        assert_eq!(words(&line(r#""outcome":"reachable","how":null,"why":null,"evidence":[]"#)), "reachable");
    }

    #[test]
    fn a_probes_own_address_is_found_in_what_it_wrote() {
        let own = "10.1.0.11".parse().unwrap();
        assert!(stands_in(own, r#"{"title":"You are 10.1.0.11."}"#));
        assert!(!stands_in(own, "10.1.0.110 and 110.1.0.11 and 10.1.0.1"));
        assert!(stands_in("2a0e:97c0::11".parse().unwrap(), "?ip=2a0e:97c0::11&x"));
    }
}
