//! Reports for the tests, grown step by step.

use std::net::SocketAddr;

use kedergi_wire::{
    Answer, Body, Certificate, ControlEntry, Digest, Dns, FORMAT, Failure, Hello, Http, Line, Observation, Page, Query,
    Rcode, Reached, Report, ResolverClass, Session, Step, StepOutcome, Tally, Tcp, Tls, Vantage, Verification,
};

pub(super) const SITE: &str = "45.80.1.1";
pub(super) const OTHER: &str = "92.63.88.69";

/// A report that grows.
pub(super) struct Example(pub(super) Report);

impl Example {
    pub(super) fn new(target: &str) -> Self {
        let tally = Tally { tried: 9, answered: 8 };
        Self(Report {
            format: FORMAT,
            sequence: 1,
            started: "2019-05-09T07:00:00.9Z".parse().unwrap(),
            clock_offset_ms: None,
            target: target.parse().unwrap(),
            vantage: Vantage::default(),
            line: Line { outside: tally, resolver: tally, ..Line::default() },
            observations: Vec::new(),
            trials: Vec::new(),
            pairs: Vec::new(),
            instrument: None,
        })
    }

    /// Both the line's resolver and one over HTTPS name the site.
    pub(super) fn named(target: &str) -> Self {
        Self::new(target).says(ResolverClass::System, &[SITE]).says(ResolverClass::Doh, &[SITE])
    }

    /// Steps follow each other every 10 ms and take 20.
    pub(super) fn step(mut self, hop: u8, step: Step) -> Self {
        let after_ms = u32::try_from(self.0.observations.len()).unwrap() * 10;
        self.0.observations.push(Observation { after_ms, took_ms: 20, hop, step });
        self
    }

    pub(super) fn asks(self, resolver: ResolverClass, query: Query, outcome: StepOutcome<Vec<Answer>>) -> Self {
        let server = match resolver {
            ResolverClass::System => None,
            ResolverClass::Public => Some("9.9.9.9:53".to_owned()),
            ResolverClass::Doh => Some("https://dns.example/dns-query".to_owned()),
        };
        let name = self.0.target.host().to_owned();
        self.step(0, Step::Dns(Dns { resolver, server, name, query, outcome }))
    }

    pub(super) fn says(self, resolver: ResolverClass, addresses: &[&str]) -> Self {
        self.asks(resolver, Query::A, StepOutcome::Ok(vec![answer(Rcode::NoError, addresses)]))
    }

    pub(super) fn tcp(self, hop: u8, address: &str, failure: Option<Failure>) -> Self {
        let address = address.parse().unwrap();
        self.step(hop, Step::Tcp(Tcp { address, outcome: failure.map_or(StepOutcome::Ok(()), StepOutcome::Failed) }))
    }

    pub(super) fn tls(self, hop: u8, address: &str, shown: Result<Verification, Failure>) -> Self {
        let session = Session { version: "1.3".to_owned(), alpn: Some("h2".to_owned()) };
        let tls = Tls {
            address: address.parse().unwrap(),
            server_name: Some(self.0.target.host().to_owned()),
            chain: shown.iter().map(|verification| certificate(*verification)).collect(),
            verification: shown.ok(),
            extra_root: None,
            hello_bytes: None,
            hello: Hello::Plain,
            outcome: shown.map_or_else(StepOutcome::Failed, |_| StepOutcome::Ok(session)),
        };
        self.tcp(hop, address, None).step(hop, Step::Tls(tls))
    }

    pub(super) fn http(self, hop: u8, address: &str, url: &str, outcome: StepOutcome<Page>) -> Self {
        let address: SocketAddr = address.parse().unwrap();
        self.step(hop, Step::Http(Http { address, url: url.to_owned(), outcome }))
    }
}

pub(super) fn answer(rcode: Rcode, addresses: &[&str]) -> Answer {
    let addresses = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Answer { after_ms: 5, rcode, addresses, aliases: Vec::new(), ttl: None }
}

fn certificate(verification: Verification) -> Certificate {
    let valid = verification == Verification::Valid;
    let der = (!valid).then(|| b"a certificate".to_vec());
    let sha256 = Digest::of(if valid { b"leaf" } else { b"else" });
    Certificate { sha256, subject: "CN=a".to_owned(), issuer: "CN=b".to_owned(), der }
}

pub(super) fn page(status: u16, title: &str, bytes: u64) -> Page {
    let body = Body { bytes, truncated: false, sha256: Digest::of(title.as_bytes()), kept: None };
    Page {
        status,
        location: None,
        server: Some("nginx".to_owned()),
        title: Some(title.to_owned()),
        offers_h3: false,
        body,
    }
}

pub(super) fn redirect(location: &str) -> Page {
    Page { location: Some(location.to_owned()), title: None, ..page(302, "", 0) }
}

/// A control that got the site's page.
pub(super) fn control(target: &str) -> ControlEntry {
    let page = page(200, "News of the country", 40_000);
    ControlEntry {
        target: target.parse().unwrap(),
        at: "2019-05-09T06:58:00Z".parse().unwrap(),
        addresses: vec![SITE.parse().unwrap()],
        connected: vec![SITE.parse().unwrap()],
        certificate: Some(Digest::of(b"leaf")),
        verification: Some(Verification::Valid),
        extra_root: None,
        first_page: Some(page.clone()),
        last_page: Some(page),
        h3: None,
        took_ms: 300,
        handshake_ms: None,
        page_ms: None,
        reached: Reached::Yes,
    }
}
