//! Every scene of the lab, played with the real probe: each way of blocking is named, and a fault is never called blocking.

use std::fs;
use std::path::PathBuf;

use kedergi_lab::{Check, Scene, in_lab, play};

use crate::binaries::{self, repository_file};

#[test]
fn every_scene_ends_as_it_says() {
    in_lab("scenes::every_scene_ends_as_it_says", || {
        let mut different = Vec::new();
        for file in files() {
            let name = file.file_stem().unwrap().to_string_lossy().into_owned();
            let checks = play(&Scene::load(&file).unwrap(), &binaries::folder(), |_| ()).unwrap();
            assert!(!checks.is_empty(), "{name} checks nothing");
            println!("{name}: {} of {} as expected", checks.iter().filter(|check| check.met).count(), checks.len());
            different.extend(checks.iter().filter(|check| !check.met).map(|check| describe(&name, check)));
        }
        assert!(different.is_empty(), "{}", different.join("\n"));
    });
}

fn files() -> Vec<PathBuf> {
    let entries = fs::read_dir(repository_file("tests/lab/scenes")).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<_> = entries.filter(|path| path.extension().is_some_and(|ending| ending == "toml")).collect();
    files.sort();
    assert!(files.len() >= 11, "scenes are missing");
    files
}

fn describe(scene: &str, check: &Check) -> String {
    let Check { vantage, target, expected, seen, evidence, .. } = check;
    format!("{scene}: {vantage}, {target}: expected {expected}, seen {seen}: {}", evidence.join(" "))
}
