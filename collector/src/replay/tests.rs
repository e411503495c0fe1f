use super::*;

/// An hour on one network: half an hour in, a service goes.
const SMALL: &str = r#"
id = "small"
title = "One service on one network"
country = "KZ"
start = "2019-05-09T06:00:00Z"
end = "2019-05-09T08:30:00Z"
control = { probes = 1, period = "10m" }
expect_quiet = ["vk"]

[[network]]
asn = 9198
name = "Kazakhtelecom"
probes = 4
period = "10m"

[[service]]
id = "facebook"
category = "social"
targets = ["https://www.facebook.com/"]

[[service]]
id = "vk"
category = "social"
targets = ["https://vk.com/"]

[[step]]
services = ["facebook"]
from = "2019-05-09T06:30:00Z"
until = "2019-05-09T07:30:00Z"
technique = "tls-timeout"

[[expect]]
name = "facebook"
services = ["facebook"]
opens_within = "15m"
closes_within = "20m"
"#;

/// Arguments that ask for nothing but a replay through a collector of its own.
fn args() -> ReplayArgs {
    let scenario = "(of a test)".to_owned();
    ReplayArgs {
        scenario,
        collector: None,
        invite: None,
        control_invite: None,
        direct: false,
        json: false,
        exit_on_mismatch: true,
    }
}

async fn play(scenario: &Scenario) -> Comparison {
    through_the_front_door(scenario, &args()).await.unwrap()
}

fn small() -> Scenario {
    Scenario::parse(SMALL).unwrap()
}

/// What is printed, but for the names of events.
fn lines(comparison: &Comparison) -> Vec<String> {
    let mut out = Vec::new();
    comparison.print(false, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    out.lines().map(|line| line.split_once("  ").map_or(line, |(_, rest)| rest).to_owned()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_comes_out_as_the_event_it_was() {
    let comparison = play(&small()).await;
    let mut out = Vec::new();
    comparison.print(true, &mut out).unwrap();
    let out = String::from_utf8(out).unwrap();
    assert!(comparison.as_expected(), "{out}");
    let lines: Vec<serde_json::Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["services"], serde_json::json!(["facebook"]));
    assert_eq!((&lines[1]["as_expected"], &lines[1]["events"]), (&true.into(), &1.into()));
}

/// Names of events apart, `--direct` says what the whole way says.
#[tokio::test(flavor = "multi_thread")]
async fn the_direct_way_says_the_same() {
    assert_eq!(lines(&directly(&small())), lines(&play(&small()).await));
}

/// Whole networks go, and the collector hears it: probes poll it by the time of the history.
#[tokio::test(flavor = "multi_thread")]
async fn shutdowns_are_heard() {
    let history = Scenario::bundled("kz-2019-06-09").unwrap();
    let (front, direct) = (play(&history).await, directly(&history));
    assert!(front.as_expected(), "{:#?}", lines(&front));
    assert!(lines(&front).iter().any(|line| line.contains("national shutdown")));
    assert_eq!(lines(&front), lines(&direct));
}

#[tokio::test]
async fn a_collector_with_its_own_time_hears_no_shutdown_of_the_past() {
    let url = "http://127.0.0.1:9/".parse().unwrap();
    let code = Some(String::new());
    let args = ReplayArgs { collector: Some(url), invite: code.clone(), control_invite: code, ..args() };
    let history = Scenario::bundled("kz-2019-06-09").unwrap();
    let refused = through_the_front_door(&history, &args).await.err().unwrap();
    assert!(refused.to_string().ends_with("leave out --collector"), "{refused}");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_out_is_named() {
    let comparison =
        play(&Scenario::parse(&SMALL.replace("opens_within = \"15m\"", "opens_within = \"1s\"")).unwrap()).await;
    assert!(!comparison.as_expected());
    assert!(lines(&comparison).iter().any(|line| line.contains("facebook: ")), "{:#?}", lines(&comparison));
}
