//! Every scene of the lab, played with the real probe: each way of blocking is named, and a fault is never called blocking.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Instant;
use std::{fs, iter, thread};

use kedergi_lab::{Check, Scene, in_lab, play};
use kedergi_wire::{ListFile, ServiceId};

use crate::binaries::{self, repository_file};
use crate::matrix::Matrix;

/// Scenes played at a time: they mostly wait, for silence to be long enough.
const AT_A_TIME: usize = 4;

#[test]
fn every_scene_ends_as_it_says() {
    in_lab("scenes::every_scene_ends_as_it_says", || {
        let (files, began) = (Mutex::new(files()), Instant::now());
        let next = || files.lock().unwrap().pop();
        let matrix = Mutex::new(Matrix::default());
        let play_all = || iter::from_fn(next).flat_map(|file| differences(&file, &matrix)).collect::<Vec<_>>();
        let different: Vec<String> = thread::scope(|scope| {
            let players: Vec<_> = (0..AT_A_TIME).map(|_| scope.spawn(play_all)).collect();
            players.into_iter().flat_map(|player| player.join().unwrap()).collect()
        });
        let matrix = matrix.into_inner().unwrap();
        // Past the test's capture: whoever reads a log of the tests sees it, though they passed.
        let shown = format!("{matrix}\nplayed in {} s\n", began.elapsed().as_secs());
        io::stderr().write_all(shown.as_bytes()).unwrap();
        assert!(different.is_empty(), "{}", different.join("\n"));
    });
}

/// The scenes of the services are of those that probes measure, endpoint by endpoint, with the number that makes them blocked.
#[test]
fn the_services_of_scenes_are_those_of_the_target_list() {
    let list: ListFile =
        toml::from_str(&fs::read_to_string(repository_file("collector/data/targets.toml")).unwrap()).unwrap();
    let endpoints = |list: &ListFile, name: &ServiceId| {
        let own = list.target.iter().filter(|target| target.service == *name);
        own.map(|target| target.url.clone()).collect::<BTreeSet<_>>()
    };
    let needed = |list: &ListFile, name: &ServiceId| {
        list.service.iter().find(|rule| rule.name == *name).map_or(1, |rule| rule.blocked_when)
    };
    for scene in ["services-blocked", "services-down-for-the-world"] {
        let scene = Scene::load(&repository_file("tests/lab/scenes").join(scene).with_extension("toml")).unwrap();
        let played = scene.list();
        for name in ["telegram", "telegram-web", "whatsapp-web", "signal", "messenger", "youtube"] {
            let name: ServiceId = name.parse().unwrap();
            assert_eq!(endpoints(&played, &name), endpoints(&list, &name), "{name}");
            assert_eq!(needed(&played, &name), needed(&list, &name), "{name}");
        }
        // A service of one endpoint is judged as that.
        for name in ["whatsapp", "signal-web", "google"] {
            let own = endpoints(&list, &name.parse().unwrap());
            assert!(
                own.len() == 1 && own.iter().all(|url| scene.targets.iter().any(|target| target.url == *url)),
                "{name}"
            );
        }
    }
}

/// Plays a scene; what was seen that it does not expect. The matrix counts all that was seen.
fn differences(file: &Path, matrix: &Mutex<Matrix>) -> Vec<String> {
    let name = file.file_stem().unwrap().to_string_lossy().into_owned();
    let checks = play(&Scene::load(file).unwrap(), &binaries::folder(), |_| ()).unwrap();
    assert!(!checks.is_empty(), "{name} checks nothing");
    println!("{name}: {} of {} as expected", checks.iter().filter(|check| check.met).count(), checks.len());
    checks.iter().for_each(|check| matrix.lock().unwrap().count(check));
    checks.iter().filter(|check| !check.met).map(|check| describe(&name, check)).collect()
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
