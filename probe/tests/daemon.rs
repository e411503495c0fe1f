//! The real binary against a small collector on loopback: enrolled, killed, started again, told to stop.

#![expect(clippy::unwrap_used, reason = "a test")]

use std::fs::{self, OpenOptions};
use std::path::Path;
use std::process::{Child, Command, Output, Stdio};
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::Value;
use tempfile::TempDir;
use tokio::runtime::Runtime;

#[expect(dead_code, reason = "the library's own tests use the rest")]
#[path = "../src/fake_collector.rs"]
mod fake_collector;

use fake_collector::{FakeCollector, INVITE};

/// No step here takes longer when all is well.
const DEADLINE: Duration = Duration::from_secs(30);

/// A home with a configuration that measures only what this machine itself offers: nothing. Targets on loopback are reported as
/// forbidden addresses, which is a report like any other.
struct Home(TempDir);

impl Home {
    fn new() -> Self {
        let home = Self(tempfile::tempdir().unwrap());
        let config = format!(
            "data_dir = {:?}\nresolv_conf = {:?}\ninterval_s = 1\npublic_resolvers = []\ndoh_resolvers = []\n",
            home.path("data"),
            home.path("resolv.conf"),
        );
        fs::write(home.path("probe.toml"), config).unwrap();
        fs::write(home.path("resolv.conf"), "nameserver 127.0.0.1\n").unwrap();
        home
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path().join(name)
    }

    fn probe(&self, args: &[&str]) -> Command {
        let mut command = Command::new(Path::new(env!("CARGO_BIN_EXE_kedergi-probe")));
        command.arg("--config").arg(self.path("probe.toml")).args(args);
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn output(&self, args: &[&str]) -> Output {
        self.probe(args).output().unwrap()
    }

    fn enroll(&self, collector: &FakeCollector, invite: &str) -> Output {
        self.output(&["enroll", "--collector", collector.url.as_str(), "--invite", invite, "--accept-risk"])
    }

    fn run(&self) -> Child {
        let log = OpenOptions::new().create(true).append(true).open(self.path("log")).unwrap();
        self.probe(&["run"]).stdout(Stdio::null()).stderr(log).spawn().unwrap()
    }

    fn status(&self) -> Value {
        serde_json::from_slice(&self.output(&["status", "--json"]).stdout).unwrap()
    }
}

fn collector(runtime: &Runtime) -> FakeCollector {
    let collector = runtime.block_on(FakeCollector::start());
    let targets = ["http://127.0.0.1:9/a", "http://127.0.0.1:9/b"].map(|url| url.parse().unwrap());
    collector.books(|books| books.list = Some((1, targets.to_vec())));
    collector
}

fn runtime() -> Runtime {
    tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap()
}

fn wait_until(what: &str, done: impl Fn() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < DEADLINE, "{what} did not happen");
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn signal(child: &Child, signal: Signal) {
    kill(Pid::from_raw(child.id().try_into().unwrap()), signal).unwrap();
}

fn line(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned())
}

#[test]
fn nothing_is_measured_before_somebody_agreed() {
    let home = Home::new();
    let (code, said) = line(&home.output(&["run"]));
    assert!(code == Some(4) && said.contains("run `kedergi-probe enroll` first"), "{code:?} {said}");
    let (code, said) = line(&home.output(&["enroll", "--collector", "https://c.example", "--invite", "x"]));
    assert!(code == Some(4) && said.contains("no terminal to ask at"), "{code:?} {said}");
    assert!(!home.path("data").exists());
    assert_eq!(home.status()["enrolled"], Value::Bool(false));
}

#[test]
fn enrolment_says_what_went_wrong() {
    let (home, runtime) = (Home::new(), runtime());
    let collector = collector(&runtime);
    let (code, said) = line(&home.enroll(&collector, "guessed"));
    assert!(code == Some(1) && said.contains("unknown-invite"), "{code:?} {said}");
    drop(runtime);
    let (code, said) = line(&home.enroll(&collector, INVITE));
    assert!(code == Some(75) && said.contains("no connection to the collector"), "{code:?} {said}");
}

#[test]
fn killed_at_any_moment_it_goes_on_and_told_to_stop_it_stops() {
    let (home, runtime) = (Home::new(), runtime());
    let collector = collector(&runtime);
    let (code, said) = line(&home.enroll(&collector, INVITE));
    assert_eq!(code, Some(0), "{said}");

    for round in 1..=3 {
        let mut child = home.run();
        let before = collector.sequences().len();
        wait_until("a delivery", || collector.sequences().len() > before);
        // Not at the same point of a run each time.
        std::thread::sleep(Duration::from_millis(130 * round));
        signal(&child, Signal::SIGKILL);
        child.wait().unwrap();
    }

    let mut child = home.run();
    let before = collector.sequences().len();
    wait_until("a delivery after being killed", || collector.sequences().len() > before);
    assert_eq!(home.status()["running"], Value::Bool(true));
    let told = Instant::now();
    signal(&child, Signal::SIGTERM);
    assert_eq!(child.wait().unwrap().code(), Some(0));
    assert!(told.elapsed() < Duration::from_secs(2), "it took {:?} to stop", told.elapsed());

    let mut seen = collector.sequences();
    let count = seen.len();
    seen.sort_unstable();
    seen.dedup();
    assert_eq!(seen.len(), count, "a sequence number was used twice");
    let status = home.status();
    assert_eq!((&status["running"], &status["network"]), (&Value::Bool(false), &Value::from(9198)));
    assert_eq!(status["verdicts"], serde_json::json!({ "inconclusive no-connectivity": 2 }));
    let log = fs::read_to_string(home.path("log")).unwrap();
    assert!(log.contains("a run is over: 2 targets") && log.contains("stopped"), "{log}");
    assert!(!log.contains("127.0.0.1") && !log.contains("ERROR"), "a target or an address is in the log:\n{log}");
    assert!(status.get("targets").is_none(), "no target is named unless asked for");
}
