//! Nobody is accused on a bad line. `cargo xtask bench false-alarms` is the same for longer.

use kedergi_lab::{Check, Scene, in_lab, play};

use crate::binaries::{self, repository_file};

/// Targets measured: the last twenty of the scene, which are the healthy, the slow and the dead.
const TARGETS: usize = 20;

/// Six probes measure at the same time, so this is six rounds.
#[test]
fn healthy_sites_on_a_bad_line_are_not_called_blocked() {
    in_lab("false_alarms::healthy_sites_on_a_bad_line_are_not_called_blocked", || {
        let mut scene = Scene::load(&repository_file("tests/lab/benches/false-alarms.toml")).unwrap();
        scene.targets.drain(..scene.targets.len() - TARGETS);
        let checks = play(&scene, &binaries::folder(), |_| ()).unwrap();
        assert_eq!(checks.len(), 6 * TARGETS);
        let reachable = checks.iter().filter(|check| check.seen == "reachable").count();
        println!("{reachable} of {} reachable", checks.len());
        let wrong: Vec<&Check> = checks.iter().filter(|check| !check.met).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
        // On a line so bad it may often end without a result, but not mostly.
        assert!(reachable > checks.len() / 2, "{reachable}");
    });
}
