//! The whole story, on real sockets: an ISP begins to block a name, the event is on the page, in the API and in the webhook's
//! hands within two rounds; the ISP stops, the event closes; the other ISP never appears.

mod cast;
mod receiver;

use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};
use kedergi_lab::{Isp, Rule, in_lab, plan};
use serde_json::Value;

use cast::Cast;

/// Seconds from one run of a probe to the next.
const ROUND: u32 = 10;
/// A block is known by event time when three probes failed twice each. A probe has one vote a minute, so that is a minute and a
/// round later at most; a round is up to a tenth longer than it should be, and as long as a handshake may take.
const KNOWN_WITHIN: SignedDuration = SignedDuration::from_secs(60 + 11 + 8);
/// What a slow machine may add before the same is on the page.
const PATIENCE: Duration = Duration::from_secs(90);

#[test]
fn a_block_is_told_while_it_lasts_and_only_where_it_is() {
    in_lab("story::a_block_is_told_while_it_lasts_and_only_where_it_is", tell);
}

fn tell() {
    let mut cast = Cast::assemble(ROUND);
    cast.wait("the first rounds are on the timeline", PATIENCE, |cast| cast.state_of("news").as_deref() == Some("ok"));
    assert_eq!(cast.events(), Vec::<Value>::new(), "an event before anything happened");
    // A probe has one vote a minute, and what is blocked from the first minute on is taken for standing, which wakes nobody.
    let since = Instant::now();
    cast.wait("a minute lies before the cut", PATIENCE, |_| since.elapsed() > Duration::from_secs(61));

    let cut = Timestamp::now();
    cast.lab.set_rules(Isp::A, vec![reset()]).unwrap();
    cast.wait("the event is in the API", PATIENCE, |cast| cast.events().iter().any(names_isp_a));
    let told = Instant::now();
    let event = cast.events().remove(0);
    let opened: Timestamp = event["opened"].as_str().unwrap().parse().unwrap();
    let delay = opened.duration_since(cut);
    println!("opened {} s after the cut", delay.as_secs());
    assert!(delay <= KNOWN_WITHIN, "opened {delay:?} after the cut");
    assert_eq!(event["services"], serde_json::json!(["news"]));
    assert_eq!(event["manners"][0]["layer"], "tls");
    assert_eq!(event["manners"][0]["manner"], "reset");

    let id = event["id"].as_str().unwrap().to_owned();
    let path = format!("/event/{id}");
    assert!(cast.get("/").contains(&id), "the event is not on the first page");
    assert!(cast.get(&path).contains("AS64501"), "the event's page does not name the network");
    cast.wait("the webhook has the event", PATIENCE, |cast| cast.received("event.opened", &id) == 1);

    // What a probe began to measure before the event was known may say that all is well, if the block ended meanwhile, and then
    // there would not have been enough to confirm it. So each probe measures once more.
    cast.wait("another round", PATIENCE, |_| told.elapsed() > Duration::from_secs(u64::from(2 * ROUND)));
    cast.lab.set_rules(Isp::A, Vec::new()).unwrap();
    // A block of which so few votes are known may catch every second attempt only: its end takes ten clear votes, of three
    // probes with one a minute each.
    cast.wait("the event is closed", PATIENCE * 4, |cast| cast.events()[0]["state"] == "closed");
    cast.wait("the webhook has the end", PATIENCE, |cast| cast.received("event.closed", &id) == 1);

    assert_eq!(cast.events().len(), 1, "one cause, one event");
    let [api, page] = ["/api/v1/events", &path].map(|path| cast.get(path));
    assert!(!api.contains("64502") && !page.contains("AS64502"), "the other ISP appears");
    assert_eq!(cast.received("event.opened", &id), 1, "told once");
    cast.end();
}

#[test]
fn what_is_measured_while_the_collector_is_blocked_is_told_later() {
    in_lab("story::what_is_measured_while_the_collector_is_blocked_is_told_later", tell_later);
}

fn tell_later() {
    let mut cast = Cast::assemble(ROUND);
    cast.wait("the first rounds are on the timeline", PATIENCE, |cast| cast.state_of("news").as_deref() == Some("ok"));

    let cut = Timestamp::now();
    let collector = cast.lab.address(plan::COLLECTOR).unwrap();
    cast.lab.set_rules(Isp::A, vec![reset(), Rule::DropAddress { address: collector, port: None }]).unwrap();
    // More than a minute and a round, of three targets each ten seconds.
    cast.wait("the probes keep what they measure", PATIENCE * 2, |cast| cast.waiting(Isp::A) > 24);
    assert_eq!(cast.events(), Vec::<Value>::new(), "an event of which nobody can have told");

    let free = Timestamp::now();
    cast.lab.set_rules(Isp::A, vec![reset()]).unwrap();
    cast.wait("the event is in the API", PATIENCE * 2, |cast| cast.events().iter().any(names_isp_a));
    let event = cast.events().remove(0);
    let opened: Timestamp = event["opened"].as_str().unwrap().parse().unwrap();
    assert!(cut < opened && opened < free, "opened at {opened}, blocked from {cut}, the collector to {free}");
    assert_eq!(event["services"], serde_json::json!(["news"]));
    cast.wait("everything is delivered", PATIENCE, |cast| cast.waiting(Isp::A) == 0);
    cast.end();
}

fn reset() -> Rule {
    toml::from_str("do = 'tls-reset'\nname = 'news.example'").unwrap()
}

fn names_isp_a(event: &Value) -> bool {
    event["networks"] == serde_json::json!([64501])
}
