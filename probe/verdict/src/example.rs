//! Reports and controls for tests, in a few words each.

use std::net::{IpAddr, SocketAddr};

use kedergi_wire::{
    Altered, Answer, Body, Certificate, ControlEntry, Digest, Dns, FORMAT, Failure, Hello, Http, Layer, Line,
    Observation, Page, Query, Quic, QuicAnswer, Rcode, Reached, Report, ResolverClass, Session, Step, StepOutcome,
    Tally, TargetUrl, Tcp, Tls, Trial, Vantage, Verification,
};

pub(crate) const HTTPS: &str = "https://a.example/";
pub(crate) const HTTP: &str = "http://a.example/";
/// The site's addresses.
pub(crate) const SITE: &str = "45.80.1.1";
pub(crate) const SITE2: &str = "45.80.1.2";
/// Somebody else's.
pub(crate) const OTHER: &str = "92.63.88.69";

pub(crate) const SYSTEM: ResolverClass = ResolverClass::System;
pub(crate) const PUBLIC: ResolverClass = ResolverClass::Public;
pub(crate) const DOH: ResolverClass = ResolverClass::Doh;

/// A report that grows step by step.
pub(crate) struct Example {
    report: Report,
    /// Where the next steps are taken, and the URL there.
    hop: u8,
    url: TargetUrl,
}

pub(crate) fn report(target: &str) -> Example {
    let line =
        Line { outside: Tally { tried: 9, answered: 8 }, resolver: Tally { tried: 9, answered: 8 }, ..Line::default() };
    let report = Report {
        format: FORMAT,
        sequence: 1,
        started: "2019-05-09T07:00:00Z".parse().unwrap(),
        clock_offset_ms: None,
        target: url(target),
        vantage: Vantage::default(),
        line,
        observations: Vec::new(),
        trials: Vec::new(),
        pairs: Vec::new(),
        instrument: None,
    };
    Example { report, hop: 0, url: url(target) }
}

/// A report in which every resolver named the site's address.
pub(crate) fn named(target: &str) -> Example {
    report(target).says(SYSTEM, &[SITE]).says(DOH, &[SITE])
}

impl Example {
    pub(crate) fn done(self) -> Report {
        self.report
    }

    /// What follows happens at a redirect's end.
    pub(crate) fn hop(mut self, hop: u8, at: &str) -> Self {
        (self.hop, self.url) = (hop, url(at));
        self
    }

    pub(crate) fn targets(mut self, tried: u16, answered: u16) -> Self {
        self.report.line.targets = Tally { tried, answered };
        self
    }

    pub(crate) fn asked_again(mut self, tried: u16, answered: u16) -> Self {
        self.report.line.asked_again = Tally { tried, answered };
        self
    }

    pub(crate) fn lossless(mut self, tried: u16, answered: u16) -> Self {
        self.report.line.lossless = Tally { tried, answered };
        self
    }

    pub(crate) fn again(mut self, tried: u16, answered: u16) -> Self {
        self.report.line.again = Tally { tried, answered };
        self
    }

    pub(crate) fn proven(mut self, tried: u16, answered: u16) -> Self {
        self.report.line.proven = Tally { tried, answered };
        self
    }

    pub(crate) fn line(mut self, outside: u16, resolver: u16) -> Self {
        self.report.line.outside.answered = outside;
        self.report.line.resolver.answered = resolver;
        self
    }

    pub(crate) fn answered_by_nobody(mut self, named: &str) -> Self {
        let seen = report(HTTPS).says(PUBLIC, &[named]).report.observations;
        self.report.trials.extend(seen.into_iter().map(|seen| Trial { altered: Altered::NoResolver, seen }));
        self
    }

    pub(crate) fn trial_tls(mut self, altered: Altered, failure: Option<Failure>) -> Self {
        let session = Session { version: "1.3".to_owned(), alpn: None };
        let outcome = failure.map_or(StepOutcome::Ok(session), StepOutcome::Failed);
        let mut seen = named(HTTPS).tls_fails(SITE, Failure::Reset).report.observations;
        let Some(Observation { step: Step::Tls(tls), .. }) = seen.last_mut() else { unreachable!("a handshake") };
        tls.verification = failure.is_none().then_some(Verification::Valid);
        tls.outcome = outcome;
        self.report.trials.extend(seen.pop().map(|seen| Trial { altered, seen }));
        self
    }

    pub(crate) fn trial_page(mut self, altered: Altered, page: Page) -> Self {
        let seen = named(HTTP).page(SITE, page).report.observations.pop();
        self.report.trials.extend(seen.map(|seen| Trial { altered, seen }));
        self
    }

    pub(crate) fn trial_quic(mut self, altered: Altered, answer: Result<u16, Failure>) -> Self {
        let seen = named(HTTPS).quic(SITE, answer).report.observations.pop();
        self.report.trials.extend(seen.map(|seen| Trial { altered, seen }));
        self
    }

    fn step(mut self, hop: u8, step: Step) -> Self {
        self.report.observations.push(Observation { after_ms: 10, took_ms: 20, hop, step });
        self
    }

    pub(crate) fn dns(self, resolver: ResolverClass, query: Query, outcome: StepOutcome<Vec<Answer>>) -> Self {
        let (name, hop) = (self.url.host().to_owned(), self.hop);
        self.step(hop, Step::Dns(Dns { resolver, server: None, name, query, outcome }))
    }

    pub(crate) fn says(self, resolver: ResolverClass, addresses: &[&str]) -> Self {
        self.dns(resolver, Query::A, StepOutcome::Ok(vec![answer(addresses)]))
    }

    pub(crate) fn says_code(self, resolver: ResolverClass, rcode: Rcode) -> Self {
        self.dns(resolver, Query::A, StepOutcome::Ok(vec![Answer { rcode, ..answer(&[]) }]))
    }

    pub(crate) fn silent(self, resolver: ResolverClass) -> Self {
        self.dns(resolver, Query::A, StepOutcome::Failed(Failure::Timeout))
    }

    pub(crate) fn tcp(self, address: &str, failure: Option<Failure>) -> Self {
        let (address, hop) = (self.socket(address), self.hop);
        self.step(hop, Step::Tcp(Tcp { address, outcome: failure.map_or(StepOutcome::Ok(()), StepOutcome::Failed) }))
    }

    /// A finished handshake, after a connection.
    pub(crate) fn tls(self, address: &str, verification: Verification, leaf: &str) -> Self {
        let session = Session { version: "1.3".to_owned(), alpn: None };
        let hop = self.hop;
        self.handshake(hop, address, Some((verification, leaf)), StepOutcome::Ok(session))
    }

    /// The handshake last seen was vouched for only by a root added on this machine.
    pub(crate) fn by_extra_root(mut self, root: &str) -> Self {
        for seen in self.report.observations.iter_mut().rev().take(1) {
            if let Step::Tls(tls) = &mut seen.step {
                tls.extra_root = Some(Digest::of(root.as_bytes()));
            }
        }
        self
    }

    /// A failed handshake, after a connection.
    pub(crate) fn tls_fails(self, address: &str, failure: Failure) -> Self {
        let hop = self.hop;
        self.handshake(hop, address, None, StepOutcome::Failed(failure))
    }

    fn handshake(
        self,
        hop: u8,
        address: &str,
        shown: Option<(Verification, &str)>,
        outcome: StepOutcome<Session>,
    ) -> Self {
        let server_name = Some(self.url.host().to_owned());
        let chain = shown.map(|(_, leaf)| certificate(leaf)).into_iter().collect();
        let verification = shown.map(|(verification, _)| verification);
        let address: SocketAddr = SocketAddr::new(address.parse().unwrap(), 443);
        let connected = self.step(hop, Step::Tcp(Tcp { address, outcome: StepOutcome::Ok(()) }));
        let (hello_bytes, extra_root) = (None, None);
        let tls =
            Tls { address, server_name, hello_bytes, hello: Hello::Plain, chain, verification, extra_root, outcome };
        connected.step(hop, Step::Tls(tls))
    }

    pub(crate) fn http(self, address: &str, outcome: StepOutcome<Page>) -> Self {
        let (address, url, hop) = (self.socket(address), self.url.to_string(), self.hop);
        self.step(hop, Step::Http(Http { address, url, outcome }))
    }

    pub(crate) fn page(self, address: &str, page: Page) -> Self {
        self.http(address, StepOutcome::Ok(page))
    }

    /// An attempt over HTTP/3: the status of a proven answer, or a failure.
    pub(crate) fn quic(self, address: &str, answer: Result<u16, Failure>) -> Self {
        let (address, server_name) = (self.socket(address), self.url.host().to_owned());
        let verification = answer.is_ok().then_some(Verification::Valid);
        let outcome = answer.map_or_else(StepOutcome::Failed, |status| StepOutcome::Ok(QuicAnswer { status }));
        self.step(0, Step::Quic(Quic { address, server_name, certificate: None, verification, outcome }))
    }

    pub(crate) fn encrypted_hellos(mut self, tried: u16, answered: u16) -> Self {
        self.report.line.encrypted_hellos = Tally { tried, answered };
        self
    }

    pub(crate) fn over_quic(mut self, tried: u16, answered: u16) -> Self {
        self.report.line.quic = Tally { tried, answered };
        self
    }

    /// The next hop: the site's own name over TLS, well or with a failure.
    pub(crate) fn then_https(self, failure: Option<Failure>, page: Page) -> Self {
        let address = SocketAddr::new(SITE.parse().unwrap(), 443);
        match failure {
            Some(failure) => self.handshake(1, SITE, None, StepOutcome::Failed(failure)),
            None => {
                let session = StepOutcome::Ok(Session { version: "1.3".to_owned(), alpn: None });
                let secure = self.handshake(1, SITE, Some((Verification::Valid, "site")), session);
                let url = HTTPS.to_owned();
                secure.step(1, Step::Http(Http { address, url, outcome: StepOutcome::Ok(page) }))
            }
        }
    }

    /// The next hop: another site in the clear.
    pub(crate) fn then_http(self, address: &str, url: &str, page: Page) -> Self {
        let address = SocketAddr::new(address.parse().unwrap(), 80);
        self.step(1, Step::Http(Http { address, url: url.to_owned(), outcome: StepOutcome::Ok(page) }))
    }

    /// All that a page over TLS takes.
    pub(crate) fn works(self, address: &str) -> Self {
        self.tls(address, Verification::Valid, "site").page(address, site_page())
    }

    fn socket(&self, address: &str) -> SocketAddr {
        SocketAddr::new(address.parse().unwrap(), self.url.port())
    }
}

pub(crate) fn url(text: &str) -> TargetUrl {
    text.parse().unwrap()
}

pub(crate) fn answer(addresses: &[&str]) -> Answer {
    let addresses: Vec<IpAddr> = addresses.iter().map(|text| text.parse().unwrap()).collect();
    Answer { after_ms: 5, rcode: Rcode::NoError, addresses, aliases: Vec::new(), ttl: None }
}

pub(crate) fn certificate(leaf: &str) -> Certificate {
    let issuer = format!("CN=Issuer of {leaf}");
    Certificate { sha256: Digest::of(leaf.as_bytes()), subject: format!("CN={leaf}"), issuer, der: None }
}

pub(crate) fn page(status: u16, title: &str, bytes: u64) -> Page {
    let body = Body { bytes, truncated: false, sha256: Digest::of(format!("{title}{bytes}").as_bytes()), kept: None };
    Page { status, location: None, server: None, title: Some(title.to_owned()), offers_h3: false, body }
}

pub(crate) fn site_page() -> Page {
    page(200, "News of the day", 40_000)
}

pub(crate) fn redirect(location: &str) -> Page {
    let body = Body { bytes: 0, truncated: false, sha256: Digest::of(b""), kept: None };
    Page { status: 302, location: Some(location.to_owned()), server: None, title: None, offers_h3: false, body }
}

/// A control that got the site's page.
pub(crate) fn control(target: &str) -> ControlEntry {
    let https = target.starts_with("https");
    ControlEntry {
        target: url(target),
        at: "2019-05-09T06:58:00Z".parse().unwrap(),
        addresses: vec![SITE.parse().unwrap(), SITE2.parse().unwrap()],
        connected: vec![SITE.parse().unwrap()],
        certificate: https.then(|| Digest::of(b"site")),
        verification: https.then_some(Verification::Valid),
        extra_root: None,
        first_page: Some(site_page()),
        last_page: Some(site_page()),
        h3: None,
        took_ms: 300,
        handshake_ms: None,
        page_ms: None,
        reached: Reached::Yes,
    }
}

/// A control that did not get through.
pub(crate) fn control_failed(target: &str) -> ControlEntry {
    let reached = Reached::No { layer: Layer::Tcp, failure: Failure::Timeout };
    ControlEntry {
        first_page: None,
        last_page: None,
        certificate: None,
        verification: None,
        reached,
        ..control(target)
    }
}

/// The name of the rule that fires.
pub(crate) fn rule(example: Example, control: Option<&ControlEntry>) -> String {
    crate::judge(&example.done(), control).rule.to_string()
}
