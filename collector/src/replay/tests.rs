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

async fn play(text: &str) -> comparison::Comparison {
    let scenario = Scenario::parse(text).unwrap();
    let collector = Collector::own(&scenario).await.unwrap();
    let mut crowd = Crowd::enroll(&scenario, &collector).await.unwrap();
    let reports = crowd.send(&scenario).await.unwrap();
    collector.caught_up().await.unwrap();
    let events = collector.events(&scenario).await.unwrap();
    comparison::Comparison::new(&scenario, events, reports)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_history_comes_out_as_the_event_it_was() {
    let comparison = play(SMALL).await;
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
    let print = |comparison: Comparison| {
        let mut out = Vec::new();
        comparison.print(false, &mut out).unwrap();
        let out = String::from_utf8(out).unwrap();
        out.lines().map(|line| line.split_once("  ").map_or(line, |(_, rest)| rest).to_owned()).collect::<Vec<_>>()
    };
    let direct = directly(&Scenario::parse(SMALL).unwrap());
    assert_eq!(print(direct), print(play(SMALL).await));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_does_not_come_out_is_named() {
    let comparison = play(&SMALL.replace("opens_within = \"15m\"", "opens_within = \"1s\"")).await;
    assert!(!comparison.as_expected());
    let mut out = Vec::new();
    comparison.print(false, &mut out).unwrap();
    assert!(String::from_utf8(out).unwrap().contains("not as expected: facebook: "));
}
