//! Reports as probes write them.

use std::net::SocketAddr;

use jiff::Timestamp;
use kedergi_wire::{
    Answer, Body, Certificate, Digest, Dns, FORMAT, Failure, Hello, Http, Line, Observation, Page, Query, Rcode,
    Report, ResolverClass, Session, Step, StepOutcome, Tally, Tcp, Tls, Vantage, Verification,
};

pub(super) const TARGET: &str = "https://www.facebook.com/";
const SITE: ([u8; 4], u16) = ([45, 80, 1, 1], 443);

/// The site as it should be.
pub(super) fn reached(sequence: u64) -> Report {
    let session = Session { version: "1.3".to_owned(), alpn: None };
    let mut report = report(sequence, StepOutcome::Ok(session), Some(Verification::Valid));
    let body = Body { bytes: 3, truncated: false, sha256: Digest::of(b"abc"), kept: None };
    let page =
        Page { status: 200, location: None, server: None, title: Some("Site".to_owned()), offers_h3: false, body };
    let http = Http { address: SITE.into(), url: TARGET.to_owned(), outcome: StepOutcome::Ok(page) };
    report.observations.push(observed(Step::Http(http)));
    report
}

/// A handshake that somebody resets.
pub(super) fn reset(sequence: u64) -> Report {
    report(sequence, StepOutcome::Failed(Failure::Reset), None)
}

fn report(sequence: u64, handshake: StepOutcome<Session>, verification: Option<Verification>) -> Report {
    let line = Tally { tried: 9, answered: 9 };
    let address = SocketAddr::from(SITE);
    let shown =
        Certificate { sha256: Digest::of(b"leaf"), subject: "CN=site".into(), issuer: "CN=ca".into(), der: None };
    let tls = Tls {
        address,
        server_name: Some("www.facebook.com".to_owned()),
        chain: verification.map(|_| shown).into_iter().collect(),
        verification,
        extra_root: None,
        hello_bytes: None,
        hello: Hello::Plain,
        outcome: handshake,
    };
    let steps = [
        named(ResolverClass::System),
        named(ResolverClass::Doh),
        Step::Tcp(Tcp { address, outcome: StepOutcome::Ok(()) }),
        Step::Tls(tls),
    ];
    Report {
        format: FORMAT,
        sequence,
        started: Timestamp::now(),
        clock_offset_ms: None,
        target: TARGET.parse().unwrap(),
        vantage: Vantage::default(),
        line: Line { outside: line, resolver: line, ..Line::default() },
        observations: steps.map(observed).into(),
        trials: Vec::new(),
        pairs: Vec::new(),
        instrument: None,
    }
}

fn named(resolver: ResolverClass) -> Step {
    let answer = Answer {
        after_ms: 5,
        rcode: Rcode::NoError,
        addresses: vec![SocketAddr::from(SITE).ip()],
        aliases: Vec::new(),
        ttl: None,
    };
    let name = "www.facebook.com".to_owned();
    Step::Dns(Dns { resolver, server: None, name, query: Query::A, outcome: StepOutcome::Ok(vec![answer]) })
}

fn observed(step: Step) -> Observation {
    Observation { after_ms: 1, took_ms: 20, hop: 0, step }
}
