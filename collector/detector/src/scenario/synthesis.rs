//! What a probe would have seen: observations such as the real one records, so that the real rules judge them.

use std::net::{IpAddr, SocketAddr};

use kedergi_verdict::{DnsManner, How, HttpManner, TcpManner, TlsManner};
use kedergi_wire::{
    Answer, Certificate, Dns, Failure, Hello, Http, Observation, Page, Query, Rcode, ResolverClass, Session, Step,
    StepOutcome, Tcp, Tls, Verification,
};

use super::pace::Paced;
use super::site::{STRANGER, Site, certificate, page};

/// Milliseconds that a page may take.
const PATIENCE_MS: u32 = 8000;

/// What a measurement meets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Fate {
    /// Nothing.
    Works,
    /// A block.
    Met(How),
    /// A target that nobody can connect to, or a line that lost the packets.
    Lost,
    /// A line that carries nothing.
    Cut,
    /// A page that wants a click before anything else.
    Portal,
    /// A store of authorities that lacks the one that certifies the target.
    OldStore,
    /// Other addresses than the controls', of the same site.
    Elsewhere,
    /// An address of IPv6 that nothing comes back from, and others that work.
    BrokenIpv6,
    /// Nothing that would keep bytes from coming, but they take their time, or were compared.
    Paced(Paced),
}

/// What is seen of a site.
pub(crate) fn observations(site: &Site, fate: Fate) -> Vec<Observation> {
    let seen = Seen { site, now_ms: 0, list: Vec::new() };
    let seen = match fate {
        // What is kept from passing over UDP is reached over TCP.
        Fate::Paced(paced) => seen.names_truly().connects().takes_its_time(paced),
        Fate::Works | Fate::Met(How::Quic(_)) => seen.names_truly().connects().arrives(),
        Fate::Met(How::Dns(manner)) => seen.hears_lies(manner).connects().arrives(),
        Fate::Met(How::Tcp(manner)) => seen.names_truly().fails_to_connect(tcp_failure(manner)),
        Fate::Met(How::Tls(manner)) => seen.names_truly().connects().shakes_hands_badly(manner),
        Fate::Met(How::Http(manner)) => seen.names_truly().connects().gets_answered_badly(manner),
        Fate::Lost => seen.names_truly().fails_to_connect(Failure::Timeout),
        Fate::Cut => seen.hears_nothing(),
        Fate::Portal if site.url.is_https() => seen.names_truly().connects().shakes_a_strangers_hand(),
        Fate::Portal => seen.names_truly().connects().asks_for_page(StepOutcome::Ok(page("Welcome to our Wi-Fi", 700))),
        Fate::OldStore if site.url.is_https() => seen.names_truly().connects().distrusts(),
        Fate::OldStore => seen.names_truly().connects().arrives(),
        Fate::Elsewhere => seen.finds_it_elsewhere(),
        Fate::BrokenIpv6 => seen.names_truly().tries_ipv6().connects().arrives(),
    };
    seen.list
}

struct Seen<'a> {
    site: &'a Site,
    now_ms: u32,
    list: Vec<Observation>,
}

impl Seen<'_> {
    fn step(mut self, took_ms: u32, step: Step) -> Self {
        self.list.push(Observation { after_ms: self.now_ms, took_ms, hop: 0, step });
        self.now_ms += took_ms;
        self
    }

    fn asks(self, resolver: ResolverClass, took_ms: u32, outcome: StepOutcome<Vec<Answer>>) -> Self {
        let server = match resolver {
            ResolverClass::System => None,
            ResolverClass::Public => Some("8.8.8.8".to_owned()),
            ResolverClass::Doh => Some("https://dns.google/dns-query".to_owned()),
        };
        let name = self.site.url.host().to_owned();
        self.step(took_ms, Step::Dns(Dns { resolver, server, name, query: Query::A, outcome }))
    }

    fn truth(&self, after_ms: u32) -> Answer {
        answer(after_ms, Rcode::NoError, &self.site.addresses)
    }

    fn names_truly(self) -> Self {
        let truth = self.truth(18);
        self.system_says(vec![truth])
    }

    /// What the line's resolver says, and the truth from elsewhere.
    fn system_says(self, answers: Vec<Answer>) -> Self {
        let (by_public, by_doh) = (self.truth(45), self.truth(80));
        self.asks(ResolverClass::System, 20, StepOutcome::Ok(answers))
            .asks(ResolverClass::Public, 50, StepOutcome::Ok(vec![by_public]))
            .asks(ResolverClass::Doh, 90, StepOutcome::Ok(vec![by_doh]))
    }

    fn hears_lies(self, manner: DnsManner) -> Self {
        let truth = self.truth(40);
        let one = |rcode, addresses: &[IpAddr]| vec![answer(8, rcode, addresses)];
        match manner {
            DnsManner::NxDomain => self.system_says(one(Rcode::NxDomain, &[])),
            DnsManner::Refused => self.system_says(one(Rcode::Refused, &[])),
            DnsManner::NoAnswer => self.system_says(one(Rcode::NoError, &[])),
            DnsManner::Bogon => self.system_says(one(Rcode::NoError, &[IpAddr::from([127, 0, 0, 1])])),
            DnsManner::WrongAddress => self.system_says(one(Rcode::NoError, &[STRANGER])).meets_a_stranger(),
            DnsManner::Injected => {
                let false_one = answer(4, Rcode::NoError, &[STRANGER]);
                self.system_says(vec![false_one, truth]).meets_a_stranger()
            }
        }
    }

    fn meets_a_stranger(self) -> Self {
        let address = SocketAddr::new(STRANGER, self.site.url.port());
        self.connect(address, Some(Failure::Timeout))
    }

    fn connect(self, address: SocketAddr, failure: Option<Failure>) -> Self {
        let took_ms = if failure == Some(Failure::Timeout) { 5000 } else { 60 };
        let outcome = failure.map_or(StepOutcome::Ok(()), StepOutcome::Failed);
        self.step(took_ms, Step::Tcp(Tcp { address, outcome }))
    }

    fn connects(self) -> Self {
        let addresses = self.site.sockets();
        addresses.into_iter().fold(self, |seen, address| seen.connect(address, None))
    }

    fn tries_ipv6(self) -> Self {
        let (name, address) = (self.site.url.host().to_owned(), self.site.ipv6);
        let outcome = StepOutcome::Ok(vec![answer(20, Rcode::NoError, &[address])]);
        let (resolver, query) = (ResolverClass::System, Query::Aaaa);
        let asked = self.step(25, Step::Dns(Dns { resolver, server: None, name, query, outcome }));
        let socket = SocketAddr::new(address, asked.site.url.port());
        asked.connect(socket, Some(Failure::Timeout))
    }

    fn fails_to_connect(self, failure: Failure) -> Self {
        let addresses = self.site.sockets();
        addresses.into_iter().fold(self, |seen, address| seen.connect(address, Some(failure)))
    }

    fn arrives(self) -> Self {
        let page = self.site.page.clone();
        self.secures().asks_for_page(StepOutcome::Ok(page))
    }

    fn takes_its_time(self, paced: Paced) -> Self {
        let (address, url, page) = (self.site.sockets()[0], self.site.url.to_string(), self.site.page.clone());
        let took_ms = paced.page_ms(self.site);
        let late = took_ms > PATIENCE_MS;
        let outcome = if late { StepOutcome::Failed(Failure::Timeout) } else { StepOutcome::Ok(page) };
        let seen = if self.site.url.is_https() {
            let session = Session { version: "1.3".to_owned(), alpn: Some("h2".to_owned()) };
            let shown = vec![self.site.certificate.clone()];
            self.handshake(address, paced.handshake_ms(), shown, Some(Verification::Valid), StepOutcome::Ok(session))
        } else {
            self
        };
        seen.step(took_ms.min(PATIENCE_MS), Step::Http(Http { address, url, outcome }))
    }

    fn secures(self) -> Self {
        let shown = self.site.certificate.clone();
        if self.site.url.is_https() { self.shakes_hands(shown, Verification::Valid) } else { self }
    }

    fn shakes_hands(self, shown: Certificate, verification: Verification) -> Self {
        let session = Session { version: "1.3".to_owned(), alpn: Some("h2".to_owned()) };
        let address = self.site.sockets()[0];
        self.handshake(address, 130, vec![shown], Some(verification), StepOutcome::Ok(session))
    }

    fn handshake(
        self,
        address: SocketAddr,
        took_ms: u32,
        chain: Vec<Certificate>,
        verification: Option<Verification>,
        outcome: StepOutcome<Session>,
    ) -> Self {
        let server_name = Some(self.site.url.host().to_owned());
        let (hello_bytes, extra_root) = (None, None);
        let tls =
            Tls { address, server_name, hello_bytes, hello: Hello::Plain, chain, verification, extra_root, outcome };
        self.step(took_ms, Step::Tls(tls))
    }

    fn shakes_hands_badly(self, manner: TlsManner) -> Self {
        let failure = match manner {
            TlsManner::Intercepted => return self.shakes_a_strangers_hand(),
            TlsManner::Reset => Failure::Reset,
            TlsManner::Timeout => Failure::Timeout,
            TlsManner::Closed => Failure::Closed,
            TlsManner::Alert => Failure::TlsAlert,
        };
        let took_ms = if failure == Failure::Timeout { 6000 } else { 70 };
        let addresses = self.site.sockets();
        addresses.into_iter().fold(self, |seen, address| {
            seen.handshake(address, took_ms, Vec::new(), None, StepOutcome::Failed(failure))
        })
    }

    fn shakes_a_strangers_hand(self) -> Self {
        let (shown, page) = (certificate(self.site.url.host(), "An authority of the state"), self.site.page.clone());
        self.shakes_hands(shown, Verification::UnknownIssuer).asks_for_page(StepOutcome::Ok(page))
    }

    fn distrusts(self) -> Self {
        let (shown, page) = (self.site.certificate.clone(), self.site.page.clone());
        self.shakes_hands(shown, Verification::UnknownIssuer).asks_for_page(StepOutcome::Ok(page))
    }

    fn finds_it_elsewhere(self) -> Self {
        let address = SocketAddr::new(STRANGER, self.site.url.port());
        let (shown, page, url) = (self.site.certificate.clone(), self.site.page.clone(), self.site.url.to_string());
        let https = self.site.url.is_https();
        let seen = self.system_says(vec![answer(18, Rcode::NoError, &[STRANGER])]).connect(address, None);
        let session = Session { version: "1.3".to_owned(), alpn: Some("h2".to_owned()) };
        let valid = Some(Verification::Valid);
        let seen =
            if https { seen.handshake(address, 130, vec![shown], valid, StepOutcome::Ok(session)) } else { seen };
        seen.step(150, Step::Http(Http { address, url, outcome: StepOutcome::Ok(page) }))
    }

    fn asks_for_page(self, outcome: StepOutcome<Page>) -> Self {
        let (address, url) = (self.site.sockets()[0], self.site.url.to_string());
        let took_ms = if outcome.failure() == Some(Failure::Timeout) { PATIENCE_MS } else { 150 };
        self.step(took_ms, Step::Http(Http { address, url, outcome }))
    }

    fn gets_answered_badly(self, manner: HttpManner) -> Self {
        let outcome = match manner {
            HttpManner::BlockPage => StepOutcome::Ok(page("Доступ ограничен", 900)),
            HttpManner::Different => StepOutcome::Ok(page("Welcome", 300)),
            HttpManner::Reset => StepOutcome::Failed(Failure::Reset),
            HttpManner::Timeout => StepOutcome::Failed(Failure::Timeout),
        };
        self.secures().asks_for_page(outcome)
    }

    fn hears_nothing(self) -> Self {
        let all = [ResolverClass::System, ResolverClass::Public, ResolverClass::Doh];
        all.into_iter().fold(self, |seen, resolver| seen.asks(resolver, 3000, StepOutcome::Failed(Failure::Timeout)))
    }
}

fn answer(after_ms: u32, rcode: Rcode, addresses: &[IpAddr]) -> Answer {
    Answer { after_ms, rcode, addresses: addresses.to_vec(), aliases: Vec::new(), ttl: None }
}

fn tcp_failure(manner: TcpManner) -> Failure {
    match manner {
        TcpManner::Timeout => Failure::Timeout,
        TcpManner::Refused => Failure::Refused,
        TcpManner::Reset => Failure::Reset,
        TcpManner::Unreachable => Failure::HostUnreachable,
    }
}
