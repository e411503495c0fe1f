//! The binary from outside: what `measure` and `check-config` exit with, and what they say. Nothing here reaches a network:
//! every call ends before anything is measured, or measures an address that a probe never contacts.

#![expect(clippy::unwrap_used, reason = "a test that cannot start the probe has failed")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output};

fn probe(args: &[&str], home: &Path) -> Output {
    Command::new(env!("CARGO_BIN_EXE_kedergi-probe"))
        .args(args)
        .env("HOME", home)
        .env_remove("XDG_CONFIG_HOME")
        .env_remove("STATE_DIRECTORY")
        .output()
        .unwrap()
}

fn said(output: &Output) -> (i32, String) {
    (output.status.code().unwrap(), String::from_utf8(output.stderr.clone()).unwrap())
}

#[test]
fn wrong_arguments_are_one_line_and_2() {
    let home = tempfile::tempdir().unwrap();
    for args in [
        &["measure"][..],
        &["measure", "--no-such-flag", "https://a.example"],
        &["measure", "ftp://a.example"],
        &["measure", "a.example"],
        &["measure", "https://user:secret@a.example"],
        &["no-such-command"],
    ] {
        let output = probe(args, home.path());
        let (code, text) = said(&output);
        assert_eq!((code, text.lines().count()), (2, 1), "{args:?}: {text}");
        assert!(output.stdout.is_empty());
    }
}

#[test]
fn wrong_files_are_one_line_and_3() {
    let home = tempfile::tempdir().unwrap();
    let wrong = home.path().join("wrong.toml");
    fs::write(&wrong, "intervall_s = 5\n").unwrap();
    let wrong = wrong.to_str().unwrap();
    for args in [
        &["measure", "--config", "no/such/file", "http://127.0.0.1/"][..],
        &["measure", "--config", wrong, "http://127.0.0.1/"],
        &["measure", "--control", "no/such/file", "http://127.0.0.1/"],
        &["measure", "--control", wrong, "http://127.0.0.1/"],
        &["check-config", "--config", wrong],
    ] {
        let (code, text) = said(&probe(args, home.path()));
        assert_eq!((code, text.lines().count()), (3, 1), "{args:?}: {text}");
    }
}

#[test]
fn an_unknown_key_is_answered_with_the_nearest() {
    let home = tempfile::tempdir().unwrap();
    let wrong = home.path().join("wrong.toml");
    fs::write(&wrong, "\nintervall_s = 5\n").unwrap();
    let (_, text) = said(&probe(&["check-config", "--config", wrong.to_str().unwrap()], home.path()));
    assert!(text.contains(r#"line 2: there is no key "intervall_s", did you mean "interval_s"?"#), "{text}");
}

#[test]
fn whatever_the_verdict_it_is_0() {
    let home = tempfile::tempdir().unwrap();
    // Nobody listens on port 1.
    let output = probe(&["measure", "--json", "http://127.0.0.1:1/"], home.path());
    assert_eq!(said(&output), (0, String::new()));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(line["target"], "http://127.0.0.1:1/");
    assert_eq!(line["report"]["observations"][0]["tcp"]["outcome"]["failed"], "refused");
}

#[test]
fn a_configuration_in_its_usual_place_is_read() {
    let home = tempfile::tempdir().unwrap();
    fs::create_dir_all(home.path().join(".config/kedergi")).unwrap();
    fs::write(home.path().join(".config/kedergi/probe.toml"), "concurrency = 0\n").unwrap();
    let (code, text) = said(&probe(&["check-config"], home.path()));
    assert_eq!(code, 3);
    assert!(text.contains("concurrency is 0"), "{text}");
}
