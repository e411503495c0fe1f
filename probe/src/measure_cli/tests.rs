use kedergi_wire::{Altered, FORMAT, Failure, GoodputPair, Line, Observation, Step, StepOutcome, Tally, Tcp, Transfer};

use super::*;

fn report(target: &str, outside: Tally) -> Report {
    let tcp = Tcp { address: "45.80.0.1:443".parse().unwrap(), outcome: StepOutcome::Failed(Failure::Timeout) };
    Report {
        format: FORMAT,
        sequence: 1,
        started: "2026-11-20T12:00:00Z".parse().unwrap(),
        clock_offset_ms: None,
        target: target.parse().unwrap(),
        vantage: Vantage::default(),
        line: Line { outside, ..Line::default() },
        observations: vec![Observation { after_ms: 0, took_ms: 5000, hop: 0, step: Step::Tcp(tcp) }],
        trials: Vec::new(),
        pairs: Vec::new(),
        instrument: None,
    }
}

fn judged(reports: &[Report]) -> Vec<Judged<'_>> {
    reports.iter().map(|report| Judged { report, verdict: judge(report, None), control: None }).collect()
}

fn cut_line() -> Report {
    report("https://45.80.0.1/", Tally { tried: 3, answered: 0 })
}

#[test]
fn the_table_for_people() {
    let reports = [cut_line(), report("https://a.example/longer", Tally { tried: 3, answered: 2 })];
    insta::assert_snapshot!(table(&judged(&reports)));
}

#[test]
fn what_was_compared_is_told() {
    let took = |took_ms| Transfer { after_ms: 9, handshake_ms: Some(60), bytes: 65_536, took_ms, early_bytes: None };
    let altered = Altered::TargetNameElsewhere;
    let pair = GoodputPair { altered, target: took(5_100), control: took(200) };
    let report = Report { pairs: vec![pair; 3], ..cut_line() };
    let text = table(&judged(&[report]));
    assert!(text.ends_with("\n    It took 25.5 times as long as what it was compared with (pairs: 3).\n"), "{text}");
}

#[test]
fn one_json_object_a_line_with_exactly_these_keys() {
    let text = json_lines(&judged(&[cut_line(), cut_line()])).unwrap();
    assert_eq!(text.lines().count(), 2);
    let line: serde_json::Map<String, serde_json::Value> = serde_json::from_str(text.lines().next().unwrap()).unwrap();
    let mut keys: Vec<_> = line.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(
        keys,
        ["evidence", "experiments", "hindered", "how", "outcome", "report", "rule", "target", "trigger", "why"]
    );
    assert_eq!((&line["outcome"], &line["why"]), (&"inconclusive".into(), &"no-connectivity".into()));
    assert!(line["how"].is_null());
}

#[test]
fn one_measurement_of_oonis_a_line() {
    let text = ooni_lines(&judged(&[cut_line(), cut_line()])).unwrap();
    let inputs: Vec<serde_json::Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(inputs.len(), 2);
    assert!(inputs.iter().all(|line| line["input"] == "https://45.80.0.1/"));
}

#[test]
fn a_snapshot_can_be_read_as_a_control() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.json");
    std::fs::write(&path, snapshot(&[cut_line(), cut_line()]).unwrap()).unwrap();
    let read = control(&path).unwrap();
    assert_eq!(read.entries.len(), 1);
    assert!(read.entry(&cut_line().target).is_some());
}

#[test]
fn what_is_wrong_has_its_code() {
    assert_eq!(targets(&["ftp://a.example".into()]).unwrap_err().code, 2);
    assert_eq!(targets(&["https://a.example".into()]).unwrap().len(), 1);
    let missing = control(Path::new("no/such/file")).unwrap_err();
    assert_eq!((missing.code, missing.message.contains("no/such/file")), (3, true));
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("control.json");
    std::fs::write(&path, "{}").unwrap();
    assert_eq!(control(&path).unwrap_err().code, 3);
}

#[test]
fn the_volunteers_word_on_the_vantage_is_marked_as_such() {
    let config = Config { country: "KZ".parse().ok(), ..Config::default() };
    let said = vantage(&config);
    assert_eq!((said.country.unwrap().source, said.network), (Source::Config, None));
}

#[test]
fn a_service_of_several_endpoints_has_a_line() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("list.toml");
    let endpoint =
        |n: u8| format!("[[target]]\nurl = \"tcp://45.80.0.{n}:443\"\nservice = \"m\"\ncategory = \"messenger\"\n");
    let rule = "[[service]]\nname = \"m\"\nblocked_when = 2\n";
    std::fs::write(&path, endpoint(1) + &endpoint(2) + rule).unwrap();
    let list = services::list(&path).unwrap();
    let reports = list.all().iter().map(|target| report(target.url.as_str(), Tally { tried: 3, answered: 0 }));
    let reports: Vec<_> = reports.collect();
    let found = services::judged(&list, &judged(&reports));
    insta::assert_snapshot!(services::table(&found));
    insta::assert_snapshot!(services::json_lines(&found).unwrap());
    std::fs::write(&path, rule).unwrap();
    let error = services::list(&path).unwrap_err();
    assert_eq!((error.code, error.message.contains("0 targets")), (3, true));
}
