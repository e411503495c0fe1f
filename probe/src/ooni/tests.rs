use kedergi_verdict::judge;
use kedergi_wire::{
    Asn, Failure, Known, Layer, Page, Query, Rcode, Reached, ResolverClass, Source, StepOutcome, Tally, Verification,
};
use serde_json::Value;

use super::example::{Example, OTHER, SITE, answer, control, page, redirect};
use super::*;

mod schema;

const HTTPS: &str = "https://a.example/";
const HTTP: &str = "http://a.example/";
const SYSTEM: ResolverClass = ResolverClass::System;

/// What is printed of a report.
fn told(example: Example, control: Option<&ControlEntry>) -> Value {
    let report = example.0;
    // Snapshots should not change with every rule.
    let verdict = Verdict { rules_version: 1, ..judge(&report, control) };
    let measurement = Measurement { software_version: "1.0.0", ..measurement(&report, &verdict, control) };
    serde_json::to_value(measurement).unwrap()
}

/// As [`told`], with the target's control at hand.
fn compared(example: Example) -> Value {
    let control = control(example.0.target.as_str());
    told(example, Some(&control))
}

fn conclusion(measurement: &Value) -> (&Value, &Value) {
    (&measurement["test_keys"]["accessible"], &measurement["test_keys"]["blocking"])
}

fn at(address: &str, port: u16) -> String {
    format!("{address}:{port}")
}

fn reachable() -> Example {
    let secure = at(SITE, 443);
    let whole = StepOutcome::Ok(page(200, "News of the country", 39_000));
    let first = Example::named(HTTPS).tls(0, &secure, Ok(Verification::Valid));
    let first = first.http(0, &secure, HTTPS, StepOutcome::Ok(redirect("https://a.example/kk")));
    first.tls(1, &secure, Ok(Verification::Valid)).http(1, &secure, "https://a.example/kk", whole)
}

fn dns_blocked() -> Example {
    let forged = vec![answer(Rcode::NoError, &["10.10.34.36"]), answer(Rcode::NoError, &[SITE])];
    let asked = Example::new(HTTPS).asks(SYSTEM, Query::A, StepOutcome::Ok(forged.clone()));
    let asked = asked.asks(SYSTEM, Query::Aaaa, StepOutcome::Ok(vec![answer(Rcode::NoError, &[])]));
    let asked = asked.asks(ResolverClass::Public, Query::A, StepOutcome::Ok(forged));
    asked.says(ResolverClass::Doh, &[SITE]).tls(0, &at(SITE, 443), Ok(Verification::Valid))
}

fn tcp_blocked() -> Example {
    let tried = Example::named(HTTPS).tcp(0, &at(SITE, 443), Some(Failure::Timeout));
    tried.tcp(0, "[2a00:1450::1]:443", Some(Failure::NetworkUnreachable))
}

fn tls_blocked() -> Example {
    Example::named(HTTPS).tls(0, &at(SITE, 443), Err(Failure::Reset))
}

fn intercepted() -> Example {
    let shown = Example::named(HTTPS).tls(0, &at(SITE, 443), Ok(Verification::UnknownIssuer));
    shown.http(0, &at(SITE, 443), HTTPS, StepOutcome::Ok(page(200, "News of the country", 39_000)))
}

fn block_page() -> Example {
    let shown = Example::named(HTTP).tcp(0, &at(SITE, 80), None);
    let page = Page { server: Some("filter".to_owned()), ..page(451, "This site is blocked by law", 900) };
    shown.http(0, &at(SITE, 80), HTTP, StepOutcome::Ok(page))
}

fn http_reset() -> Example {
    let asked = Example::named(HTTP).tcp(0, &at(SITE, 80), None);
    asked.http(0, &at(SITE, 80), HTTP, StepOutcome::Failed(Failure::Reset))
}

fn cut_line() -> Example {
    let mut example = Example::new(HTTPS).asks(SYSTEM, Query::A, StepOutcome::Failed(Failure::Timeout));
    example.0.line.outside = Tally { tried: 9, answered: 0 };
    example
}

#[test]
fn a_reachable_site() {
    insta::assert_json_snapshot!(compared(reachable()));
}

#[test]
fn a_site_blocked_by_name() {
    insta::assert_json_snapshot!(compared(dns_blocked()));
}

#[test]
fn a_site_blocked_by_address() {
    insta::assert_json_snapshot!(compared(tcp_blocked()));
}

#[test]
fn a_site_blocked_in_the_handshake() {
    insta::assert_json_snapshot!(compared(tls_blocked()));
}

#[test]
fn a_site_behind_a_block_page() {
    insta::assert_json_snapshot!(compared(block_page()));
}

#[test]
fn our_verdict_in_their_two_words() {
    let cases = [
        (compared(reachable()), true, "false"),
        (compared(dns_blocked()), false, "\"dns\""),
        (compared(tcp_blocked()), false, "\"tcp_ip\""),
        (compared(tls_blocked()), false, "\"http-failure\""),
        (compared(intercepted()), false, "\"http-failure\""),
        (compared(http_reset()), false, "\"http-failure\""),
        (compared(block_page()), false, "\"http-diff\""),
    ];
    for (measurement, accessible, blocking) in cases {
        let (said, why) = conclusion(&measurement);
        assert_eq!((said, why.to_string().as_str()), (&accessible.into(), blocking), "{measurement:#}");
    }
}

#[test]
fn an_outage_is_a_finding_and_no_failed_measurement() {
    let down = ControlEntry {
        reached: Reached::No { layer: Layer::Tcp, failure: Failure::Timeout },
        last_page: None,
        first_page: None,
        ..control(HTTPS)
    };
    for outage in [told(cut_line(), None), compared(cut_line()), told(tcp_blocked(), Some(&down))] {
        assert_eq!(conclusion(&outage), (&false.into(), &false.into()), "{outage:#}");
    }
}

#[test]
fn without_a_control_nothing_is_claimed() {
    let measurement = told(tls_blocked(), None);
    assert_eq!(conclusion(&measurement), (&Value::Null, &Value::Null));
    assert_eq!(measurement["test_keys"]["control"], Value::Null);
    assert!(measurement["test_keys"]["control_failure"].is_string());
}

#[test]
fn a_chain_that_is_not_valid_is_a_failure_for_them() {
    let measurement = compared(intercepted());
    let handshake = &measurement["test_keys"]["tls_handshakes"][0];
    assert_eq!(handshake["failure"], "ssl_unknown_authority");
    assert_eq!(handshake["peer_certificates"][0]["format"], "base64");
}

#[test]
fn redirects_come_last_first() {
    let measurement = compared(reachable());
    let requests = measurement["test_keys"]["requests"].as_array().unwrap();
    let urls: Vec<_> = requests.iter().map(|entry| entry["request"]["url"].as_str().unwrap()).collect();
    assert_eq!(urls, ["https://a.example/kk", HTTPS]);
}

#[test]
fn what_only_others_named_is_not_classic() {
    let asked = Example::new(HTTPS).says(SYSTEM, &[OTHER]).says(ResolverClass::Doh, &[SITE]);
    let measurement = told(asked.tcp(0, &at(OTHER, 443), None).tcp(0, &at(SITE, 443), None), None);
    let classic = |entry: &Value| entry["tags"].as_array().unwrap().contains(&"classic".into());
    let list = |key: &str| measurement["test_keys"][key].as_array().unwrap().iter().map(classic).collect::<Vec<_>>();
    assert_eq!((list("queries"), list("tcp_connect")), (vec![true, false], vec![true, false]));
}

#[test]
fn unknown_is_theirs_at_this_edge_and_nothing_points_at_the_volunteer() {
    let measurement = told(cut_line(), None);
    assert_eq!((&measurement["probe_asn"], &measurement["probe_cc"]), (&"AS0".into(), &"ZZ".into()));
    assert_eq!((&measurement["probe_ip"], &measurement["annotations"]), (&"127.0.0.1".into(), &serde_json::json!({})));

    let mut known = cut_line();
    known.0.vantage.network = Some(Known { value: Asn::new(9198).unwrap(), source: Source::Config });
    known.0.vantage.country = Some(Known { value: "KZ".parse().unwrap(), source: Source::Config });
    let measurement = told(known, None);
    assert_eq!((&measurement["probe_asn"], &measurement["probe_cc"]), (&"AS9198".into(), &"KZ".into()));
}
