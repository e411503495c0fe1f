//! Whole histories, from what probes saw to events: simulated reports, the real rules, the detector.

use std::collections::{BTreeMap, BTreeSet};

use jiff::{SignedDuration, Timestamp};
use kedergi_verdict::{Outcome, Verdict, control_entry, judge};
use kedergi_wire::{BatchId, ControlEntry, Digest, Report, ReportRef, Role, ServiceId, TargetUrl};

use super::noise::below;
use super::*;
use crate::{ControlVote, Detector, Event, EventState, Input, Instrument, Source, Vote};

/// What the collector would make of the rounds of a scenario, in order of time.
fn inputs(scenario: &Scenario) -> Vec<Input> {
    let mut controls = BTreeMap::<TargetUrl, ControlEntry>::new();
    let mut inputs = Vec::new();
    for round in scenario.rounds() {
        for (index, report) in (0..).zip(&round.reports) {
            if round.probe.role == Role::Control {
                controls.insert(report.target.clone(), control_entry(report));
            }
            let verdict = judge(report, controls.get(&report.target));
            inputs.push(input(scenario, &round, report, index, verdict));
        }
    }
    inputs
}

fn input(scenario: &Scenario, round: &Round, report: &Report, index: u16, verdict: Verdict) -> Input {
    let service = service_of(scenario, &report.target);
    let Some(network) = round.probe.network else {
        return Input::Control(ControlVote {
            at: report.at(),
            service,
            reachable: verdict.outcome == Outcome::Reachable,
            control: None,
            country: None,
        });
    };
    let name = format!("{} {}", round.probe.index, round.at);
    Input::Vote(Vote {
        at: report.at(),
        country: scenario.country,
        network,
        service,
        source: Source::probe(round.probe.id()),
        outcome: verdict.outcome,
        rule: verdict.rule,
        trigger: verdict.trigger,
        resolver: None,
        sureness: None,
        slowness: verdict.pace,
        instrument: Instrument::default(),
        report: Some(ReportRef { batch: BatchId(Digest::of(name.as_bytes()).0), index }),
    })
}

fn service_of(scenario: &Scenario, target: &TargetUrl) -> ServiceId {
    let service = scenario.services.iter().find(|service| service.targets.contains(target));
    service.expect("rounds measure targets of the scenario").id.clone()
}

fn detect<'a>(inputs: impl IntoIterator<Item = &'a Input>) -> Vec<Event> {
    let mut detector = Detector::default();
    for input in inputs {
        detector.apply(input);
    }
    assert_eq!(detector.too_late(), 0);
    detector.events()
}

fn sentences(scenario: &Scenario, events: &[Event]) -> Vec<String> {
    scenario.check(events).iter().map(ToString::to_string).collect()
}

/// One line for each thing affected: what, where, how long after the cut it was told, between when it began and ended.
fn table(scenario: &Scenario, events: &[Event]) -> String {
    let mut lines = Vec::new();
    for event in events.iter().filter(|event| event.is_news()) {
        let names: Vec<_> = event.services().into_iter().map(ServiceId::as_str).collect();
        lines.push(format!("{:?} {} networks, {}", event.state, event.networks().len(), names.join(" ")));
        lines.extend(event.scope.iter().map(|affected| row(scenario, affected)));
    }
    lines.join("\n")
}

fn row(scenario: &Scenario, affected: &crate::Affected) -> String {
    let steps = scenario.steps.iter().filter(|step| {
        step.networks.contains(&affected.network)
            && affected.service.as_ref().is_some_and(|service| step.services.contains(service))
    });
    let cut = steps.map(|step| step.from).next().unwrap_or_default();
    let minutes = |span: SignedDuration| format!("{}:{:02}", span.as_mins(), span.as_secs() % 60);
    let told = minutes(affected.told().duration_since(cut));
    let end = scenario.expectations.iter().filter_map(|one| one.closes_at).next().unwrap_or_default();
    let cleared = affected.cleared.map_or("-".to_owned(), |cleared| minutes(cleared.duration_since(end)));
    let manners: Vec<_> = affected.manners.iter().map(|(how, _)| how.to_string()).collect();
    let (network, service, probes) =
        (affected.network, affected.service.as_ref().map_or("-", ServiceId::as_str), affected.probes);
    format!(
        "  {network} {service}: told after {told}, cleared after {cleared}, {probes} probes, {}",
        manners.join(", ")
    )
}

#[test]
fn kazakhstan_9_may_2019() {
    let scenario = Scenario::bundled("kz-2019-05-09").unwrap();
    let events = detect(&inputs(&scenario));
    insta::assert_snapshot!(table(&scenario, &events));
    assert_eq!(sentences(&scenario, &events), [""; 0]);
}

/// Of every bundled history exactly the events come out that it expects.
#[test]
fn every_history_comes_out_as_it_was() {
    let play = |id: &str| {
        let scenario = Scenario::bundled(id).unwrap_or_else(|error| panic!("{id}: {error}"));
        let mismatches = sentences(&scenario, &scenario.play().events);
        (!mismatches.is_empty()).then(|| format!("{id}: {mismatches:#?}"))
    };
    // Each takes seconds, and none needs another.
    let wrong: Vec<_> = std::thread::scope(|scope| {
        let playing: Vec<_> = Scenario::bundled_ids().map(|id| scope.spawn(move || play(id))).collect();
        playing.into_iter().filter_map(|one| one.join().unwrap()).collect()
    });
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// Played directly, a scenario says the same as through reports that are judged one by one.
#[test]
fn the_direct_way_is_the_same() {
    for id in ["kz-2019-05-09", "must-not-fire", "odd-lines", "ru-2021-03"] {
        let mut scenario = Scenario::bundled(id).unwrap();
        // Some hours will do: reports take their time.
        scenario.end = scenario.end.min(scenario.start + SignedDuration::from_hours(13));
        let (slow, direct) = (inputs(&scenario), scenario.inputs().collect::<Vec<_>>());
        assert_eq!(slow.len(), direct.len(), "{id}");
        for (one, other) in slow.iter().zip(&direct) {
            assert_eq!(gist(one), gist(other), "{id}");
        }
    }
}

/// What an input says, but for what it is called by.
fn gist(input: &Input) -> String {
    match input {
        Input::Vote(vote) => {
            let pace = vote.slowness.map(|pace| pace.slowness);
            format!("{} {} {} {} {} {pace:?}", vote.at, vote.service, vote.network, vote.outcome, vote.rule.as_str())
        }
        Input::Control(vote) => format!("{} {} {}", vote.at, vote.service, vote.reachable),
        Input::Heartbeat(_) | Input::Listening(_) => unreachable!("scenarios have none here"),
    }
}

/// Without retests the controls take minutes to notice that a service is down, and votes against it abound.
#[test]
fn faults_are_no_events() {
    let mut scenario = Scenario::bundled("must-not-fire").unwrap();
    for burst in [true, false] {
        scenario.burst = burst;
        let inputs = inputs(&scenario);
        let blocked = inputs.iter().filter(|input| matches!(input, Input::Vote(vote) if vote.outcome.how().is_some()));
        assert!(blocked.count() > 50, "the scenario does try");
        assert_eq!(sentences(&scenario, &detect(&inputs)), [""; 0]);
    }
}

/// Facts arrive up to a day late, in no order.
#[test]
fn late_and_shuffled_facts_give_the_same_events() {
    let scenario = Scenario::bundled("kz-2019-05-09").unwrap();
    let mut inputs = inputs(&scenario);
    // Some services will do: reading votes that come in between others takes its time.
    inputs.retain(|input| ["azattyq", "facebook"].contains(&service(input).as_str()));
    let mut arriving: Vec<_> = (0u64..).zip(&inputs).map(|(number, input)| (arrival(input, number), input)).collect();
    arriving.sort_by_key(|(arrival, _)| *arrival);
    let shuffled = detect(arriving.into_iter().map(|(_, input)| input));
    let nameless = |events: Vec<Event>| events.into_iter().map(|event| (event.state, event.scope)).collect::<Vec<_>>();
    assert!(nameless(shuffled) == nameless(detect(&inputs)));
}

fn service(input: &Input) -> &ServiceId {
    match input {
        Input::Vote(vote) => &vote.service,
        Input::Control(vote) => &vote.service,
        Input::Heartbeat(_) | Input::Listening(_) => unreachable!("scenarios have none here"),
    }
}

fn arrival(input: &Input, number: u64) -> Timestamp {
    let (at, latest) = match input {
        Input::Vote(vote) => (vote.at, 20 * 3600),
        Input::Control(vote) => (vote.at, 3600),
        Input::Heartbeat(beat) => (beat.at, 0),
        Input::Listening(listening) => (listening.at, 0),
    };
    at + SignedDuration::from_secs(i64::try_from(below(latest, 5, &[number])).unwrap())
}

#[test]
fn every_technique_is_judged_as_what_it_is() {
    for technique in Technique::all() {
        let url = if technique.fits(true) { "https://b.example/" } else { "http://b.example/" };
        let scenario = Scenario::parse(&small(technique, url)).unwrap_or_else(|error| panic!("{technique:?}: {error}"));
        let wanted = match technique {
            Technique::Block(how) => Outcome::Blocked { how },
            Technique::Throttle(_) => Outcome::Throttled,
            Technique::Slow => Outcome::Reachable,
            Technique::Down => Outcome::Down,
            Technique::Silence => continue,
        };
        let mut controls = BTreeMap::new();
        let mut met = 0;
        for round in scenario.rounds() {
            let report = &round.reports[0];
            let hit = scenario.steps[0].concerns(round.probe.network, &scenario.services[0].id, round.at);
            if round.probe.role == Role::Control {
                controls.insert(round.probe.role, control_entry(report));
            } else if round.at >= scenario.steps[0].from + SignedDuration::from_mins(11) {
                let outcome = judge(report, controls.get(&Role::Control)).outcome;
                // Pairs on an uneven line do not always suffice.
                let unsure = wanted == Outcome::Throttled && outcome == Outcome::Reachable;
                assert!(unsure || outcome == if hit { wanted } else { Outcome::Reachable }, "{}", technique.word());
                met += usize::from(hit && outcome == wanted);
            }
        }
        assert!(met > 5, "{technique:?}");
    }
}

fn small(technique: Technique, url: &str) -> String {
    let word = technique.word();
    format!(
        r#"
        id = "small"
        title = "One technique"
        country = "KZ"
        start = "2026-01-01T00:00:00Z"
        end = "2026-01-01T03:00:00Z"
        control = {{ probes = 1, period = "10m" }}
        network = [{{ asn = 64501, name = "A", probes = 2, period = "10m" }}]
        service = [{{ id = "a", category = "news", targets = ["{url}"] }}]
        [[step]]
        from = "2026-01-01T01:00:00Z"
        until = "2026-01-01T02:00:00Z"
        technique = "{word}"
        "#
    )
}

#[test]
fn rounds_are_in_order_and_always_the_same() {
    let scenario = Scenario::bundled("must-not-fire").unwrap();
    let rounds: Vec<_> = scenario.rounds().collect();
    assert!(rounds.is_sorted_by_key(|round| round.at));
    assert!(
        rounds.iter().all(|round| !round.reports.is_empty() && round.at >= scenario.start && round.at < scenario.end)
    );
    assert!(scenario.rounds().eq(rounds));
}

#[test]
fn silence_is_silent() {
    let scenario = Scenario::bundled("must-not-fire").unwrap();
    let silence = scenario.steps.iter().find(|step| step.technique == Technique::Silence).unwrap();
    let told = scenario.rounds().filter(|round| {
        round.probe.network == Some(silence.networks[0]) && (silence.from..silence.until).contains(&round.at)
    });
    assert_eq!(told.count(), 0);
}

/// Probes that come and go do so: laptops sleep, phones are elsewhere, nobody listens while the collector is down.
#[test]
fn come_and_go_is_no_idle_scenario() {
    let scenario = Scenario::bundled("come-and-go").unwrap();
    let heard = |at: &str| {
        let at: Timestamp = at.parse().unwrap();
        let minutes = scenario.minutes().filter(|minute| (at..at + SignedDuration::from_mins(10)).contains(&minute.at));
        let probes: BTreeSet<_> =
            minutes.flat_map(|minute| minute.heard).filter_map(|probe| Some((probe.index, probe.network?))).collect();
        let on = |asn| probes.iter().filter(|(_, network)| *network == Asn::new(asn).unwrap()).count();
        [9198, 29355, 21299].map(on)
    };
    assert_eq!(heard("2024-02-26T08:00:00Z"), [5, 4, 4], "by day");
    assert_eq!(heard("2024-02-26T18:30:00Z"), [5, 1, 2], "three laptops closed, three phones come home");
    assert_eq!(heard("2024-02-29T18:00:00Z"), [6, 1, 2]);
    assert_eq!(heard("2024-03-01T18:00:00Z"), [7, 1, 3], "the same time an hour later");
    assert_eq!(heard("2024-02-29T09:12:00Z"), [0, 0, 0]);
    let softwares = |input: &Input| match input {
        Input::Vote(vote) => Some(vote.instrument.software),
        Input::Control(_) | Input::Heartbeat(_) | Input::Listening(_) => None,
    };
    assert_eq!(scenario.inputs().filter_map(|input| softwares(&input)).collect::<BTreeSet<_>>().len(), 2);
}

#[test]
fn what_is_wrong_with_a_scenario_is_said() {
    let good = small(Technique::Silence, "https://a.example/");
    let error = |from: &str, to: &str| {
        assert!(good.contains(from), "{from}");
        Scenario::parse(&good.replace(from, to)).unwrap_err().to_string()
    };
    assert!(error("title", "titel").contains("unknown field `titel`"));
    assert!(error("silence", "gossip").contains("\"gossip\" is no technique; there are dns-nxdomain, "));
    assert_eq!(
        error("T03:00", "T00:00"),
        "from 2026-01-01T00:00:00Z until 2026-01-01T00:00:00Z is no time span of at most 31 days"
    );
    assert_eq!(error("\"10m\" }\n", "\"10s\" }\n"), "the control: a period of 10s is shorter than a minute");
    assert_eq!(error("probes = 2", "probes = 0"), "probes of A: 0 is not between 1 and 100");
    assert_eq!(error("[[step]]", "[[step]]\nservices = [\"b\"]"), "b is not one of the services of the scenario");
    assert_eq!(error("[[step]]", "[[step]]\nnetworks = [7]"), "AS7 is not one of the networks of the scenario");
    assert_eq!(error("[[step]]", "[[step]]\nshare = 0.0"), "a share of 0 is not above 0 and at most 1");
    assert!(error("silence", "http-block-page").starts_with("http-block-page cannot be done to https://a.example/"));
    let fault = |text: &str| error("[[step]]", &format!("[[fault]]\n{text}\n[[step]]"));
    assert_eq!(
        fault("kind = \"away\""),
        "fault number 1: a probe that is away needs `to`, the network where it is, and no other fault has it"
    );
    assert_eq!(fault("kind = \"away\"\nto = 7"), "AS7 is not one of the networks of the scenario");
    assert!(fault("kind = \"update\"\nshare = 0.5").ends_with("leave out the share"));
    assert!(fault("kind = \"cut\"\nevery = \"1h\"").contains("needs `from` and `until`"));
    assert!(fault("kind = \"cut\"\ntimes = 2").starts_with("fault number 1: `times`"));
    let expecting =
        "[[expect]]\nname = \"x\"\nservices = [\"a\"]\nopens_within = \"10m\"\ncloses_within = \"15m\"\n[[step]]";
    assert_eq!(error("[[step]]", expecting), "the event \"x\" is expected, but no step blocks a");
    let good = good.replace("silence", "tls-timeout").replace("[[step]]", expecting);
    let level = |word| {
        Scenario::parse(&good.replace("services = [\"a\"]\no", &format!("services = [\"a\"]\nlevel = \"{word}\"\no")))
    };
    assert!(level("national").is_ok());
    assert_eq!(
        level("suspected").unwrap_err().to_string(),
        "the event \"x\" is expected to be suspected, which is never told: say confirmed or national, or leave the level out"
    );
    let typo = level("regional").unwrap_err().to_string();
    assert!(typo.contains("level = \"regional\"") && typo.contains("unknown variant `regional`"), "{typo}");
    assert!(Scenario::bundled("nowhere").unwrap_err().to_string().contains("kz-2019-05-09"));
}

#[test]
fn what_is_other_than_expected_is_said() {
    let scenario = Scenario::bundled("kz-2019-05-09").unwrap();
    assert_eq!(scenario.check(&[]).len(), 3);
    let found = detect(&inputs(&scenario));
    let mut events = found.clone();
    let social = events.iter().position(|event| event.services()[0].as_str() == "facebook").unwrap();
    let first = &mut events[social].scope[0];
    first.confirmed = first.confirmed.map(|at| at + SignedDuration::from_mins(30));
    let last = events[social].scope.last_mut().unwrap();
    (last.end, last.cleared) = (None, None);
    events[social].state = EventState::Open;
    events.push(Event { id: crate::EventId("KZ-1".into()), ..events[social].clone() });
    let split = sentences(&scenario, &events);
    assert!(split[0].starts_with("social networks: 2 events instead of one: KZ-20190509-"), "{split:#?}");
    events.pop();
    let told = sentences(&scenario, &events);
    assert_eq!(told.len(), 2, "{told:#?}");
    assert!(told[0].contains("10m are allowed") && told[1].contains("is still open"), "{told:#?}");
    let mut other = scenario.clone();
    other.expectations[1].level = Some(Level::Confirmed);
    let told = sentences(&other, &found);
    assert!(told.len() == 1 && told[0].ends_with(" is national; it should be confirmed"), "{told:#?}");
    other.expectations[1] = Expectation { note: Some(Note::Standing), ..scenario.expectations[1].clone() };
    let told = sentences(&other, &found);
    assert_eq!(told[0], "social networks: no event noted as standing tells of facebook, instagram, youtube");
    assert!(told[1].contains("was not expected") && told.len() == 2, "{told:#?}");
}

/// The manual's example is one that works, and the words it lists are all there are.
#[test]
fn the_manual_is_right() {
    let manual = include_str!("../../README.md");
    let example = manual.split("```toml").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let scenario = Scenario::parse(example).unwrap();
    assert_eq!(sentences(&scenario, &detect(&inputs(&scenario))), [""; 0]);
    for word in Technique::all().map(Technique::word).chain(Scenario::bundled_ids().map(str::to_owned)) {
        assert!(manual.contains(&format!("`{word}`")), "{word}");
    }
}
