//! What is done to addresses and to handshakes, beyond the reset and the silence that `tests` looks at.

use std::time::Duration;

use super::certificate::tests::server_flight;
use super::sight::tests::client_hello;
use super::tests::{ACK, PROBE, SITE, SYN, censor, opened, reply, say, segment_of, tcp};
use super::*;
use crate::packet::{Flags, endpoints};

const NAMED: &str = "name = 'news.example'";

fn told(rule: &str) -> Vec<Vec<u8>> {
    let censor = &mut censor(rule);
    opened(censor);
    let decision = say(censor, 101, &client_hello("news.example"));
    assert!(!decision.pass && !reply(censor).pass);
    let (to, reset) = segment_of(decision.inject.last().unwrap());
    assert_eq!((to.to_string(), reset.flags.rst), ("45.80.10.10".to_owned(), true));
    decision.inject
}

#[test]
fn a_port_is_dropped_and_the_others_pass() {
    let censor = &mut censor("{ do = 'drop-address', address = '45.80.10.10', port = 443 }");
    let now = Instant::now();
    assert_eq!(censor.decide(&tcp(PROBE, SITE, 1, SYN, b""), Direction::Outward, now), Decision::DROP);
    assert_eq!(reply(censor), Decision::DROP);
    let plain = tcp(PROBE, "45.80.10.10:80", 1, SYN, b"");
    assert_eq!(censor.decide(&plain, Direction::Outward, now), Decision::PASS);
}

#[test]
fn a_router_says_that_an_address_cannot_be_reached() {
    let censor = &mut censor("{ do = 'icmp-unreachable', address = '45.80.10.10' }");
    let decision = censor.decide(&tcp(PROBE, SITE, 1, SYN, b""), Direction::Outward, Instant::now());
    assert!(!decision.pass);
    let (router, customer) = endpoints(&decision.inject[0]).unwrap();
    assert_eq!((router.to_string(), customer.to_string()), ("10.1.0.1".to_owned(), "10.1.0.11".to_owned()));
}

#[test]
fn broken_ipv6_loses_ipv6_alone() {
    let censor = &mut censor("{ do = 'broken-ipv6' }");
    let six = tcp("[2a0e:97c0:1::b]:40000", "[2a0e:8f00::10]:443", 1, SYN, b"");
    assert_eq!(censor.decide(&six, Direction::Outward, Instant::now()), Decision::DROP);
    opened(censor);
}

#[test]
fn an_end_and_an_alert_come_in_the_sites_name() {
    let ended = told(&format!("{{ do = 'tls-close', {NAMED} }}"));
    let (_, end) = segment_of(&ended[0]);
    assert_eq!((end.flags.fin, end.flags.rst, end.sequence, end.source), (true, false, 9000, 443));
    let alerted = told(&format!("{{ do = 'tls-alert', {NAMED} }}"));
    let (_, alert) = segment_of(&alerted[0]);
    assert_eq!((alert.payload[0], alert.sequence), (21, 9000));
}

#[test]
fn a_hello_in_pieces_escapes_who_looks_at_one_segment() {
    let rule = format!("{{ do = 'tls-reset', {NAMED}, one_segment = true }}");
    let hello = client_hello("news.example");
    let looking = &mut censor(&rule);
    opened(looking);
    assert!(!say(looking, 101, &hello).pass);
    let escaped = &mut censor(&rule);
    opened(escaped);
    assert_eq!((say(escaped, 101, &hello[..60]), say(escaped, 161, &hello[60..])), (Decision::PASS, Decision::PASS));
}

#[test]
fn for_a_while_nothing_passes_between_the_two() {
    let censor = &mut censor(&format!("{{ do = 'tls-reset', {NAMED}, residual_s = 60 }}"));
    opened(censor);
    assert!(!say(censor, 101, &client_hello("news.example")).pass);
    let other = |port: u16| tcp(&format!("10.1.0.11:{port}"), "45.80.10.10:80", 1, SYN, b"");
    let neighbour = tcp("10.1.0.12:40000", SITE, 1, SYN, b"");
    let now = Instant::now();
    assert_eq!(censor.decide(&other(40001), Direction::Outward, now), Decision::DROP);
    assert_eq!(censor.decide(&neighbour, Direction::Outward, now), Decision::PASS);
    let later = now + Duration::from_secs(61);
    assert_eq!(censor.decide(&other(40002), Direction::Outward, later), Decision::PASS);
}

#[test]
fn a_certificate_with_the_name_is_swallowed() {
    let censor = &mut censor(&format!("{{ do = 'tls-certificate-reset', {NAMED} }}"));
    let answer = |censor: &mut Censor, flight: &[u8]| {
        opened(censor);
        censor.decide(&tcp(SITE, PROBE, 8999, Flags { syn: true, ..ACK }, b""), Direction::Inward, Instant::now());
        censor.decide(&tcp(SITE, PROBE, 9000, ACK, flight), Direction::Inward, Instant::now())
    };
    assert_eq!(answer(censor, &server_flight("weather.example")), Decision::PASS);
    let decision = answer(censor, &server_flight("news.example"));
    assert!(!decision.pass);
    let ends: Vec<_> = decision.inject.iter().map(|bytes| segment_of(bytes).0.to_string()).collect();
    assert_eq!(ends, ["45.80.10.10", "10.1.0.11"]);
    assert!(decision.inject.iter().all(|bytes| segment_of(bytes).1.flags.rst));
}

#[test]
fn an_intercepted_connection_is_taken_aside() {
    let censor = &mut censor("{ do = 'tls-intercept', address = '45.80.10.10', root = 'unknown' }");
    let now = Instant::now();
    let decision = censor.decide(&tcp(PROBE, SITE, 1, SYN, b""), Direction::Outward, now);
    assert!(decision.divert && !decision.pass);
    let plain = tcp(PROBE, "45.80.10.10:80", 1, SYN, b"");
    assert_eq!(censor.decide(&plain, Direction::Outward, now), Decision::PASS);
}
