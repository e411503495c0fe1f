//! Tidiness as a test: what a reviewer should not have to look for.

use std::path::PathBuf;
use std::process::Command;

/// A file of Rust over this many lines holds more than one thing.
const LONGEST: usize = 500;

/// Names that say nothing.
const EMPTY_NAMES: &[&str] = &["utils", "util", "helpers", "helper", "common", "manager", "misc", "handler2"];

fn tracked() -> Vec<PathBuf> {
    let output =
        Command::new("git").args(["ls-files", "-z"]).current_dir(super::root()).output().expect("git ls-files");
    assert!(output.status.success(), "git ls-files: {}", String::from_utf8_lossy(&output.stderr));
    let names = String::from_utf8(output.stdout).expect("file names are UTF-8");
    names
        .split('\0')
        .filter(|name| !name.is_empty())
        .map(|name| super::root().join(name))
        .filter(|p| p.exists())
        .collect()
}

/// Every text file with its path from the root.
fn texts() -> Vec<(String, String)> {
    let root = super::root();
    let name = |path: &PathBuf| path.strip_prefix(&root).unwrap_or(path).display().to_string();
    tracked().iter().filter_map(|path| Some((name(path), std::fs::read_to_string(path).ok()?))).collect()
}

fn ends_with_any(name: &str, endings: &[&str]) -> bool {
    endings.iter().any(|ending| name.ends_with(ending))
}

#[test]
fn files_end_with_one_newline_and_lines_without_space() {
    for (name, text) in texts().iter().filter(|(name, _)| ends_with_any(name, &[".rs", ".toml", ".md", ".sh", ".mjs"]))
    {
        assert!(text.is_empty() || (text.ends_with('\n') && !text.ends_with("\n\n")), "{name}: end of file");
        for (number, line) in text.lines().enumerate() {
            assert_eq!(line.trim_end(), line, "{name}:{}: space at the end of the line", number + 1);
            assert!(!line.contains('\t') || !name.ends_with(".rs"), "{name}:{}: a tab", number + 1);
        }
    }
}

#[test]
fn rust_files_hold_one_thing() {
    for (name, text) in texts().iter().filter(|(name, _)| name.ends_with(".rs")) {
        let lines = text.lines().count();
        assert!(lines <= LONGEST, "{name} has {lines} lines, over {LONGEST}: split it by what it does");
    }
}

#[test]
fn names_say_what_a_file_holds() {
    for (name, _) in texts() {
        let stem = name.rsplit('/').next().and_then(|file| file.split('.').next()).unwrap_or_default();
        assert!(!EMPTY_NAMES.contains(&stem), "{name}: a name that says nothing");
    }
}

#[test]
fn nothing_is_left_for_later_in_silence() {
    let stubs = [
        "to".to_owned() + "do!(",
        "unimpl".to_owned() + "emented!(",
        "FIX".to_owned() + "ME",
        "#[ign".to_owned() + "ore]",
    ];
    for (name, text) in texts().iter().filter(|(name, _)| name.ends_with(".rs") && !name.ends_with("tidy.rs")) {
        for stub in &stubs {
            assert!(!text.contains(stub), "{name}: {stub}");
        }
    }
}

#[test]
fn no_path_of_one_machine_and_no_host_that_serves_packages() {
    let forbidden = ["/wo", "/ho", "/ro"].map(String::from);
    let forbidden: Vec<_> = forbidden.iter().zip(["rk/", "me/", "ot/"]).map(|(a, b)| format!("{a}{b}")).collect();
    for (name, text) in texts().iter().filter(|(name, _)| name != "Cargo.lock") {
        for path in &forbidden {
            let found = text.match_indices(path.as_str()).any(|(at, _)| {
                !text[..at]
                    .ends_with(|before: char| before.is_alphanumeric() || matches!(before, '.' | '-' | '_' | '}'))
            });
            assert!(!found, "{name} names a path of one machine ({path})");
        }
        assert!(!text.contains(&["registry", "npm"].join(".")), "{name} names a registry host");
    }
}

#[test]
fn every_package_takes_the_workspace_lints() {
    for package in super::metadata().workspace_packages() {
        let text = std::fs::read_to_string(&package.manifest_path).expect("a manifest");
        assert!(text.contains("[lints]\nworkspace = true"), "{}: [lints] workspace = true is missing", package.name);
    }
}

#[test]
fn the_map_in_the_readme_names_every_room() {
    let readme = std::fs::read_to_string(super::root().join("README.md")).expect("README.md");
    for package in super::metadata().workspace_packages() {
        let folder = package.manifest_path.parent().expect("a folder");
        let room = folder.strip_prefix(super::root()).expect("below the root").file_name().expect("a name");
        assert!(readme.contains(&format!("{room}/")), "README.md does not name {room}/");
    }
}
