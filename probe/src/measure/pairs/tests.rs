use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr};

use kedergi_verdict::control_entry;
use kedergi_wire::{Body, Digest, Http, Page, Report, Session, StepOutcome, Tls, Vantage};

use super::*;
use crate::Config;
use crate::measure::loopback::{self, Authority, Dates, reply, resolver, response};
use crate::measure::{bytes_received, measure_run};

const NAME: &str = "site.example";
const HOST: &str = "control.example";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

/// A measurement of a site with a page of so many bytes, beside a control host.
async fn measured(page: usize, wanted: bool) -> Vec<Report> {
    let authority = Authority::new();
    let body = "x".repeat(page);
    let site = loopback::https(authority.issue(NAME, Dates::Now), move |_| response("200 OK", "", &body)).await;
    let bytes = "x".repeat(BYTES);
    let host = loopback::https(authority.issue(HOST, Dates::Now), move |path| {
        assert_eq!(path, PATH);
        response("200 OK", "", &bytes)
    })
    .await;
    let dns = resolver(|question| vec![reply(question, &[HERE]).to_vec().unwrap()]).await;
    let control_hosts = vec![ControlHost { name: HOST.to_owned(), address: host }];
    let config = Config { public_resolvers: vec![], doh_resolvers: vec![], control_hosts, ..Config::default() };
    let tools = Measurer::loopback(&config, vec![dns], authority.roots());
    let target: TargetUrl = format!("https://{NAME}:{}/", site.port()).parse().unwrap();
    let compared = if wanted { BTreeSet::from([target.clone()]) } else { BTreeSet::new() };
    measure_run(&tools, &[target], None, &compared, Vantage::default(), None, 1).await
}

#[tokio::test]
async fn what_is_as_fast_as_a_control_host_takes_one_pair_of_a_kind() {
    let reports = measured(40_000, true).await;
    let pairs = &reports[0].pairs;
    let kinds: Vec<_> = pairs.iter().map(|pair| pair.altered).collect();
    assert_eq!(kinds, [Altered::TargetNameElsewhere, Altered::ControlHost]);
    assert!(pairs[0].target.bytes > 65_536 && pairs[0].control.bytes > 65_536, "{pairs:?}");
    assert!((40_000..65_536).contains(&pairs[1].target.bytes), "{pairs:?}");
    assert!(pairs.iter().all(|pair| pair.target.handshake_ms.is_some() && pair.target.after_ms > 0));
    assert!(reports[0].line.rate_kbit_s.is_some());
    assert!(bytes_received(&reports) > 4 * 65_536, "what is compared counts in the budget");
    assert_eq!(measured(900, true).await[0].pairs.len(), 1, "a small page has nothing to compare");
}

#[tokio::test]
async fn what_does_not_seem_slow_costs_nothing() {
    let reports = measured(40_000, false).await;
    assert_eq!((reports[0].pairs.len(), reports[0].line.rate_kbit_s), (0, None));
}

const TARGET: &str = "https://site.example/";

/// A handshake and a page that took so long; no page where its time is `None`.
fn took(handshake_ms: u32, page_ms: Option<u32>) -> Report {
    let address = "45.80.1.1:443".parse().unwrap();
    let session = Session { version: "1.3".to_owned(), alpn: None };
    let tls = Tls {
        address,
        server_name: Some(NAME.to_owned()),
        hello_bytes: None,
        hello: kedergi_wire::Hello::Plain,
        chain: Vec::new(),
        verification: Some(Verification::Valid),
        extra_root: None,
        outcome: StepOutcome::Ok(session),
    };
    let body = Body { bytes: 40_000, truncated: false, sha256: Digest::of(b""), kept: None };
    let page = Page { status: 200, location: None, server: None, title: None, offers_h3: false, body };
    let outcome = page_ms.map_or(StepOutcome::Failed(Failure::Timeout), |_| StepOutcome::Ok(page));
    let http = Http { address, url: TARGET.to_owned(), outcome };
    let step = |took_ms, step| Observation { after_ms: 0, took_ms, hop: 0, step };
    Report {
        format: kedergi_wire::FORMAT,
        sequence: 1,
        started: jiff::Timestamp::UNIX_EPOCH,
        clock_offset_ms: None,
        target: TARGET.parse().unwrap(),
        vantage: Vantage::default(),
        line: kedergi_wire::Line::default(),
        observations: vec![step(handshake_ms, Step::Tls(tls)), step(page_ms.unwrap_or(8000), Step::Http(http))],
        trials: Vec::new(),
        pairs: Vec::new(),
        instrument: None,
    }
}

fn seems_slow(here: &Report, control: Option<&Report>) -> bool {
    let control = control.map(control_entry);
    course_of(here, control.as_ref(), false).is_to_compare()
}

fn course_of<'a>(here: &'a Report, control: Option<&'a ControlEntry>, strange: bool) -> Course<'a> {
    Course { target: &here.target, watch: Watch::start(), seen: &here.observations, control, wanted: false, strange }
}

#[test]
fn in_the_clear_a_page_in_the_sites_place_is_not_timed() {
    let mut slow = took(60, Some(5_000));
    slow.target = "http://site.example/".parse().unwrap();
    let course = |strange| course_of(&slow, None, strange);
    assert!(course(false).is_to_compare() && !course(true).is_to_compare());
    assert_eq!(course(false).address(), Some("45.80.1.1:443".parse().unwrap()), "where the page was asked for");
}

#[test]
fn slow_is_what_takes_long_and_longer_than_for_the_control() {
    let quick = took(60, Some(200));
    assert!(!seems_slow(&quick, None) && !seems_slow(&took(1_400, Some(1_400)), Some(&quick)));
    assert!(seems_slow(&took(1_600, Some(200)), Some(&quick)), "the handshake");
    assert!(seems_slow(&took(60, Some(5_000)), Some(&quick)), "the page");
    assert!(seems_slow(&took(60, Some(5_000)), None), "nobody knows better");
    assert!(seems_slow(&took(60, None), Some(&quick)), "given up");
    assert!(!seems_slow(&took(60, Some(5_000)), Some(&took(60, Some(3_000)))), "slow for the control as well");
    assert!(!seems_slow(&took(60, None), Some(&took(60, None))), "down");
}
