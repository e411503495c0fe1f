//! `cargo xtask demo`, in a network of its own: nothing leaves the machine, and a machine without internet is no blocked one.

use std::process::Command;

use crate::binaries;
use crate::needs;

#[test]
fn the_demo_yields_the_expected_events_and_never_calls_a_cut_line_blocked() {
    let test = "demo::the_demo_yields_the_expected_events_and_never_calls_a_cut_line_blocked";
    if !needs::own_network(test) {
        return;
    }
    let script = r#"ip link set lo up && exec "$0" demo --exit --bin-dir "$1""#;
    let mut demo = needs::in_own_network();
    demo.args(["sh", "-c", script]).arg(binaries::folder().join("xtask")).arg(binaries::folder());
    let output = demo.output().unwrap();
    let (said, logged) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{said}\n{logged}");
    let opened =
        said.lines().filter(|line| line.starts_with("event ") && line.contains("facebook, instagram, youtube"));
    assert!(opened.clone().count() > 0, "{said}");
    for quiet in ["vk", "twitter", "whatsapp"] {
        assert!(!said.lines().any(|line| line.starts_with("event ") && line.contains(quiet)), "{said}");
    }
    let probe =
        said.lines().find_map(|line| line.strip_prefix("probe on this machine: ")).expect("the probe's verdicts");
    assert!(probe.contains("inconclusive") && probe.contains("no-connectivity"), "{probe}");
    assert!(!probe.contains("blocked"), "{probe}");
}

/// A command that sees nothing of the machine's network.
#[test]
fn measuring_without_a_network_says_so() {
    let test = "demo::measuring_without_a_network_says_so";
    if !needs::own_network(test) {
        return;
    }
    let mut measure: Command = needs::in_own_network();
    measure.args(["sh", "-c", r#"ip link set lo up && exec "$0" measure --json https://site.example"#]);
    let output = measure.arg(binaries::folder().join("kedergi-probe")).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let line: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!((&line["outcome"], &line["why"]), (&"inconclusive".into(), &"no-connectivity".into()), "{line}");
    assert!(line["how"].is_null());
}
