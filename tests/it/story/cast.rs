//! Who takes part: the lab, a collector, a control probe, three probes with each ISP, a receiver of webhooks.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use kedergi_lab::{Isp, Lab, ProbeSettings, Process, Scene, plan};
use serde_json::Value;

use super::receiver::{Receiver, SECRET};
use crate::binaries;

const SCENE: &str = r#"
title = "A news site, a weather site and recipes, and nobody interferes yet"

[[sites]]
name = "news.example"
addresses = ["45.80.10.10"]

[[sites]]
name = "weather.example"
addresses = ["45.80.20.10"]

[[sites]]
name = "recipes.example"
addresses = ["45.80.20.20"]

[[targets]]
url = "https://news.example/"
expect = { isp-a = "reachable", isp-b = "reachable" }
"#;

const TARGETS: &str = r#"
[[target]]
url = "https://news.example/"
service = "news"
category = "news"

[[target]]
url = "https://weather.example/"
service = "weather"
category = "everyday"

[[target]]
url = "https://recipes.example/"
service = "recipes"
category = "everyday"
"#;

pub(super) struct Cast {
    // Programs before the lab they run in.
    collector: Process,
    probes: Vec<Process>,
    logs: Vec<PathBuf>,
    receiver: Receiver,
    url: String,
    pub(super) lab: Lab,
}

impl Cast {
    /// Starts everybody; probes measure every `round` seconds.
    pub(super) fn assemble(round: u32) -> Self {
        let lab = Lab::start(&Scene::parse(SCENE).unwrap()).unwrap();
        let receiver = Receiver::start(&lab);
        let url = format!("http://{}:7080", lab.address(plan::COLLECTOR).unwrap());
        let (collector, log) = start_collector(&lab, &receiver);
        let mut cast = Self { collector, probes: Vec::new(), logs: vec![log], receiver, url, lab };
        cast.wait("the collector listens", Duration::from_secs(30), |cast| cast.try_get("/healthz").is_some());
        cast.add_probe(plan::CONTROL, "control", round);
        for isp in Isp::ALL {
            (1..=plan::PROBES).for_each(|number| cast.add_probe(&plan::probe(isp, number), "probe", round));
        }
        cast
    }

    fn add_probe(&mut self, host: &str, role: &str, round: u32) {
        let settings =
            ProbeSettings { collectors: vec![self.url.clone()], interval_s: Some(round), ..Default::default() };
        let config = self.lab.probe_config(host, &settings).unwrap();
        let code = invite(&collector_folder(&self.lab), role);
        let mut enroll = program("kedergi-probe");
        enroll.args(["enroll", "--accept-risk", "--collector", &self.url, "--invite", &code, "--config"]).arg(&config);
        let status = self.lab.spawn(host, enroll).unwrap().wait_within(Duration::from_secs(30)).unwrap();
        assert!(status.success(), "{host} could not enrol");
        let mut run = program("kedergi-probe");
        let (log, file) = log(&self.lab, host);
        run.arg("run").arg("--config").arg(&config).stderr(file);
        self.probes.push(self.lab.spawn(host, run).unwrap());
        self.logs.push(log);
    }

    /// Looks until `condition` holds, at most so long.
    pub(super) fn wait(&mut self, what: &str, patience: Duration, condition: impl Fn(&Self) -> bool) {
        let end = Instant::now() + patience;
        while !condition(self) {
            assert!(self.collector.try_wait().unwrap().is_none(), "the collector ended; {}", self.all_logs());
            assert!(Instant::now() < end, "not within {patience:?}: {what}; {}", self.all_logs());
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// The body of a page or reply.
    pub(super) fn get(&self, path: &str) -> String {
        self.try_get(path).unwrap_or_else(|| panic!("{path} does not answer 200; {}", self.all_logs()))
    }

    fn try_get(&self, path: &str) -> Option<String> {
        let url = format!("{}{path}", self.url);
        self.lab.inside(plan::COLLECTOR, || fetch(&url)).unwrap()
    }

    /// Every event the API shows.
    pub(super) fn events(&self) -> Vec<Value> {
        let mut reply: Value = serde_json::from_str(&self.get("/api/v1/events")).unwrap();
        serde_json::from_value(reply["events"].take()).unwrap()
    }

    /// State of a service in the newest cell of the country's timeline.
    pub(super) fn state_of(&self, service: &str) -> Option<String> {
        let from = Timestamp::now() - SignedDuration::from_mins(10);
        let timeline = self.get(&format!("/api/v1/timeline?country=KZ&step=PT1M&from={from:.0}"));
        let timeline: Value = serde_json::from_str(&timeline).unwrap();
        let rows = timeline["rows"].as_array()?;
        let row = rows.iter().find(|row| row["service"] == service && row["network"].is_null())?;
        Some(row["cells"].as_array()?.last()?["state"].as_str()?.to_owned())
    }

    /// How many reports wait at the probes of an ISP to be taken by a collector: at the one with the fewest.
    pub(super) fn waiting(&self, isp: Isp) -> u64 {
        let waiting = |number| {
            let config = self.lab.host_folder(&plan::probe(isp, number)).unwrap().join("probe.toml");
            let mut status = binaries::command("kedergi-probe");
            let output = status.args(["status", "--json", "--config"]).arg(config).output().unwrap();
            let status: Value = serde_json::from_slice(&output.stdout).unwrap();
            ["spooled", "sealed"].iter().filter_map(|count| status["reports"][count].as_u64()).sum()
        };
        (1..=plan::PROBES).map(waiting).min().unwrap_or_default()
    }

    /// How many alerts of a kind the webhook got for an event.
    pub(super) fn received(&self, kind: &str, event: &str) -> usize {
        self.receiver.count(kind, event)
    }

    fn all_logs(&self) -> String {
        let logs = self.logs.iter().map(|log| fs::read_to_string(log).unwrap_or_default());
        format!("logs:\n{}", logs.collect::<Vec<_>>().join("\n"))
    }

    /// Ends everybody; nobody may have logged an error, and no address of a probe may have been kept.
    pub(super) fn end(mut self) {
        self.probes.iter_mut().for_each(Process::kill);
        self.collector.kill();
        let logs = self.all_logs();
        assert!(!logs.contains(" ERROR "), "{logs}");
        for isp in Isp::ALL {
            for number in 1..=plan::PROBES {
                let address = self.lab.address(&plan::probe(isp, number)).unwrap().to_string();
                assert!(!logs.contains(&address), "an address was logged");
                assert!(!holds(&collector_folder(&self.lab), &address), "an address was stored");
            }
        }
    }
}

/// Whether any file of a folder holds a text.
fn holds(folder: &Path, text: &str) -> bool {
    let files = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    files.filter(|file| file.is_file()).any(|file| {
        let bytes = fs::read(file).unwrap();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    })
}

fn program(name: &str) -> Command {
    kedergi_lab::command(binaries::folder().join(name))
}

fn collector_folder(lab: &Lab) -> PathBuf {
    lab.host_folder(plan::COLLECTOR).unwrap().join("data")
}

fn log(lab: &Lab, host: &str) -> (PathBuf, File) {
    let path = lab.host_folder(host).unwrap().join("log");
    let file = File::create(&path).unwrap();
    (path, file)
}

fn start_collector(lab: &Lab, receiver: &Receiver) -> (Process, PathBuf) {
    let folder = lab.host_folder(plan::COLLECTOR).unwrap();
    let (targets, config) = (folder.join("targets.toml"), folder.join("collector.toml"));
    fs::write(&targets, TARGETS).unwrap();
    let address = lab.address(plan::COLLECTOR).unwrap();
    let text = format!(
        "listen = '{address}:7080'\ndata_dir = '{}'\ntargets = '{}'\n\
         [[alerts.webhooks]]\nurl = '{}'\nsecret = '{SECRET}'\n",
        collector_folder(lab).display(),
        targets.display(),
        receiver.url(),
    );
    fs::write(&config, text).unwrap();
    let (log, file) = log(lab, plan::COLLECTOR);
    let mut serve = program("kedergi-collector");
    serve.arg("serve").arg("--config").arg(config).stderr(file).stdout(std::process::Stdio::null());
    (lab.spawn(plan::COLLECTOR, serve).unwrap(), log)
}

fn invite(data_dir: &Path, role: &str) -> String {
    let mut invite = binaries::command("kedergi-collector");
    let output = invite.args(["invite", "--vouched", "--role", role, "--data-dir"]).arg(data_dir).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

/// GET with a client whose runtime lives on this thread, which stands in the host's network. `None` unless it answers 200.
fn fetch(url: &str) -> Option<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let response = crate::http::client().get(url).send().await.ok()?;
        if !response.status().is_success() {
            return None;
        }
        response.text().await.ok()
    })
}
