//! The `import` verb as a program: what goes where, and how it ends.

#![expect(clippy::unwrap_used, reason = "a test's own functions may fail the test")]

use std::fs::File;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::Value;

fn run(args: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_kedergi-collector");
    Command::new(program).arg("import").args(args).env_remove("KEDERGI_LOG").output().unwrap()
}

fn source(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/import").join(name)
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Four days of one site on one network, every twenty minutes, cut for the last half day, packed.
fn scores(path: &PathBuf) {
    let mut packed = GzEncoder::new(File::create(path).unwrap(), Compression::fast());
    writeln!(
        packed,
        "time,country,network,target,dns_blocked,dns_down,dns_ok,tcp_blocked,tcp_down,tcp_ok,tls_blocked,tls_down,tls_ok"
    )
    .unwrap();
    for twenty in (0..288).rev() {
        let (day, minute) = (twenty / 72 + 1, twenty % 72 * 20);
        let tls = if twenty >= 252 { "0.9,0.05,0.05" } else { "0,0.05,0.95" };
        let at = format!("2024-03-{day:02}T{:02}:{:02}:00+00:00", minute / 60, minute % 60);
        writeln!(packed, "{at},KZ,64500,https://news.example/,0,0,1,0,0,1,{tls}").unwrap();
    }
    packed.finish().unwrap();
}

#[test]
fn events_go_to_standard_output_and_counts_to_standard_error() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("scores.csv.gz");
    scores(&path);
    let done = run(&["scores", path.to_str().unwrap(), "--json"]);
    assert_eq!(done.status.code(), Some(0));
    let events: Vec<Value> = text(&done.stdout).lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(events.len(), 1, "{events:#?}");
    assert_eq!((&events[0]["level"], &events[0]["state"]), (&"confirmed".into(), &"open".into()));
    assert_eq!(events[0]["services"], serde_json::json!(["news.example"]));
    assert_eq!(events[0]["onset"]["latest"], "2024-03-04T12:00:00Z");
    assert!(text(&done.stderr).ends_with("scores.csv.gz: 288 rows, 288 taken\n"), "{}", text(&done.stderr));
}

/// A packed file that was not copied to the end is taken as far as it goes, and that is said.
#[test]
fn a_file_that_breaks_off_counts_as_far_as_it_goes() {
    let folder = tempfile::tempdir().unwrap();
    let (path, lines) =
        (folder.path().join("broken.jsonl.gz"), std::fs::read(source("ooni/measurements.jsonl")).unwrap());
    let mut packed = GzEncoder::new(Vec::new(), Compression::none());
    packed.write_all(&lines.repeat(40)).unwrap();
    let packed = packed.finish().unwrap();
    std::fs::write(&path, &packed[..packed.len() / 2]).unwrap();
    let done = run(&["ooni", path.to_str().unwrap()]);
    assert_eq!(done.status.code(), Some(0), "{}", text(&done.stderr));
    assert!(text(&done.stderr).contains("it breaks off after line "), "{}", text(&done.stderr));
    // Of a file of which nothing can be read there is nothing to take.
    std::fs::write(&path, &packed[..4]).unwrap();
    let done = run(&["ooni", path.to_str().unwrap()]);
    assert_eq!((done.status.code(), done.stdout.len()), (Some(3), 0));
}

#[test]
fn measurements_without_an_event_are_no_failure() {
    let path = source("ooni/measurements.jsonl");
    let done = run(&["ooni", path.to_str().unwrap(), path.to_str().unwrap()]);
    assert_eq!((done.status.code(), text(&done.stdout).as_str()), (Some(0), "no events\n"));
    assert_eq!(text(&done.stderr).matches("3 measurements, 3 taken").count(), 2, "{}", text(&done.stderr));
}

#[test]
fn a_file_that_cannot_be_used_ends_it_with_3() {
    let missing = run(&["ooni", "no-such-file.jsonl"]);
    assert_eq!((missing.status.code(), missing.stdout.len()), (Some(3), 0));
    assert!(text(&missing.stderr).contains("no-such-file.jsonl: cannot be read"), "{}", text(&missing.stderr));
    let other = run(&["scores", source("ooni/measurements.jsonl").to_str().unwrap()]);
    assert_eq!((other.status.code(), other.stdout.len()), (Some(3), 0));
    assert!(text(&other.stderr).contains("missing in the first line"), "{}", text(&other.stderr));
}

/// A pipe that never ends keeps it reading; told to stop, it does.
#[cfg(unix)]
#[test]
fn told_to_stop_it_stops() {
    let folder = tempfile::tempdir().unwrap();
    let pipe = folder.path().join("endless.csv");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let program = env!("CARGO_BIN_EXE_kedergi-collector");
    let mut command = Command::new(program);
    command.args(["import", "scores"]).arg(&pipe).stdout(Stdio::piped()).stderr(Stdio::piped());
    let child = command.spawn().unwrap();
    // Opening succeeds once the program has opened the other end, so it is reading from here on.
    let writer = File::options().write(true).open(&pipe).unwrap();
    let told = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(told.success());
    let done = child.wait_with_output().unwrap();
    drop(writer);
    assert_eq!((done.status.code(), done.stdout.len()), (Some(1), 0));
    assert!(text(&done.stderr).contains("interrupted"), "{}", text(&done.stderr));
}
