//! What the rules read: one report, beside its control.

use std::net::IpAddr;

use kedergi_wire::{
    Answer, ControlEntry, Dns, Http, Page, Query, Quic, Rcode, Report, ResolverClass, Step, Tcp, Tls, Verification,
};

use crate::{chain, is_bogon, page};

/// One observation and its place in the report.
#[derive(Debug)]
pub(crate) struct Seen<'a, T> {
    pub(crate) index: usize,
    pub(crate) what: &'a T,
}

// Derived, these would ask that T be Copy, though only a reference to it is held.
impl<T> Clone for Seen<'_, T> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<T> Copy for Seen<'_, T> {}

/// A report to be judged.
pub(crate) struct Case<'a> {
    pub(crate) report: &'a Report,
    /// What the control saw of the same target.
    pub(crate) control: Option<&'a ControlEntry>,
    /// The hop under judgement. 0, unless the site itself sends its readers on and what it sends them to is amiss.
    hop: u8,
    /// The hop whose questions named the addresses: an earlier one where the redirect stayed on its host.
    asked_at: u8,
    /// Addresses that an ordinary program on this line would have used, bogons left out.
    named: Vec<IpAddr>,
    /// Addresses that somebody out of the censor's reach named.
    trusted: Vec<IpAddr>,
}

impl<'a> Case<'a> {
    pub(crate) fn new(report: &'a Report, control: Option<&'a ControlEntry>) -> Self {
        let first = Self::of_target(report, control);
        match chain::broken_hop(&first) {
            Some(hop) => Self::at_hop(report, first.control, hop),
            None => first,
        }
    }

    /// A report, judged by the target's own URL alone.
    pub(crate) fn of_target(report: &'a Report, control: Option<&'a ControlEntry>) -> Self {
        Self::at_hop(report, control.filter(|entry| entry.target == report.target), 0)
    }

    /// The same report, judged by the target's own URL alone; `None` if it was already.
    pub(crate) fn at_first_hop(&self) -> Option<Self> {
        (self.hop > 0).then(|| Self::at_hop(self.report, self.control, 0))
    }

    /// The hop under judgement.
    pub(crate) fn hop(&self) -> u8 {
        self.hop
    }

    fn at_hop(report: &'a Report, control: Option<&'a ControlEntry>, hop: u8) -> Self {
        let asked_at = asked_at(report, hop);
        let mut case = Self { report, control, hop, asked_at, named: Vec::new(), trusted: Vec::new() };
        case.named = case.find_named();
        case.trusted = case.find_trusted();
        case
    }

    fn find_named(&self) -> Vec<IpAddr> {
        let mut addresses: Vec<IpAddr> = if self.dns().next().is_none() {
            // The URL names an address itself.
            self.steps(self.hop, Some).filter_map(|seen| contacted(seen.what)).collect()
        } else {
            self.asked(ResolverClass::System).filter_map(first_answer).flat_map(given).collect()
        };
        addresses.retain(|&address| self.may_be_the_site(address));
        addresses
    }

    fn find_trusted(&self) -> Vec<IpAddr> {
        let by_doh = self.asked(ResolverClass::Doh).filter_map(first_answer).flat_map(given);
        let by_control = self.control.filter(|_| self.asked_at == 0).into_iter().flat_map(|entry| &entry.addresses);
        let mut addresses: Vec<IpAddr> = by_doh.chain(by_control.map(IpAddr::to_canonical)).collect();
        if self.dns().next().is_none() {
            addresses.extend(&self.named);
        }
        addresses
    }

    /// Whether the target may be at the address: not at one that can be nobody's, unless the URL itself says so.
    fn may_be_the_site(&self, address: IpAddr) -> bool {
        let written = self.host().trim_matches(['[', ']']).parse() == Ok(address);
        !is_bogon(address) || self.hop == 0 && written
    }

    pub(crate) fn host(&self) -> &'a str {
        self.report.target.host()
    }

    /// The control, if it reached the target.
    pub(crate) fn reached_control(&self) -> Option<&'a ControlEntry> {
        self.control.filter(|entry| entry.reached.is_yes())
    }

    fn steps<T: 'a>(&self, hop: u8, pick: impl Fn(&'a Step) -> Option<&'a T>) -> impl Iterator<Item = Seen<'a, T>> {
        let observations = self.report.observations.iter().enumerate().filter(move |(_, seen)| seen.hop == hop);
        observations.filter_map(move |(index, seen)| pick(&seen.step).map(|what| Seen { index, what }))
    }

    pub(crate) fn dns(&self) -> impl Iterator<Item = Seen<'a, Dns>> {
        self.steps(self.asked_at, as_dns)
    }

    pub(crate) fn tcp(&self) -> impl Iterator<Item = Seen<'a, Tcp>> {
        self.steps(self.hop, as_tcp)
    }

    pub(crate) fn tls(&self) -> impl Iterator<Item = Seen<'a, Tls>> {
        self.steps(self.hop, as_tls)
    }

    pub(crate) fn http(&self) -> impl Iterator<Item = Seen<'a, Http>> {
        self.steps(self.hop, as_http)
    }

    /// Attempts over HTTP/3.
    pub(crate) fn quic(&self) -> impl Iterator<Item = Seen<'a, Quic>> {
        self.steps(self.hop, as_quic)
    }

    /// Questions put to one class of resolver.
    pub(crate) fn asked(&self, resolver: ResolverClass) -> impl Iterator<Item = Seen<'a, Dns>> {
        self.dns().filter(move |seen| seen.what.resolver == resolver)
    }

    /// Questions put over HTTPS during the whole report.
    pub(crate) fn doh_of_all_hops(&self) -> impl Iterator<Item = &'a Dns> {
        let all = self.report.observations.iter().filter_map(|seen| as_dns(&seen.step));
        all.filter(|dns| dns.resolver == ResolverClass::Doh)
    }

    /// Whether an ordinary program on this line would have used the address.
    pub(crate) fn is_named(&self, address: IpAddr) -> bool {
        self.named.contains(&address.to_canonical())
    }

    /// Whether the system's resolver named an address of the site.
    pub(crate) fn names_a_trusted_address(&self) -> bool {
        self.named.iter().any(|address| self.trusted.contains(address))
    }

    pub(crate) fn is_trusted(&self, address: IpAddr) -> bool {
        self.trusted.contains(&address.to_canonical())
    }

    /// Whether what happened at the address says anything of the target.
    pub(crate) fn counts(&self, address: IpAddr) -> bool {
        self.may_be_the_site(address) && (self.is_named(address) || self.is_trusted(address))
    }

    /// How many trusted addresses of a family there are.
    pub(crate) fn trusted_of(&self, query: Query) -> usize {
        self.trusted.iter().filter(|address| address.is_ipv4() == (query == Query::A) && !is_bogon(**address)).count()
    }

    /// Whether a certificate valid for the target's name was shown at the address.
    pub(crate) fn is_proven(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.tls().any(|seen| seen.what.address.ip().to_canonical() == address && self.is_genuine(seen.what))
    }

    /// Whether the hop under judgement speaks TLS.
    pub(crate) fn is_https(&self) -> bool {
        if self.hop == 0 { self.report.target.is_https() } else { self.tls().next().is_some() }
    }

    /// Pages got at the hop from addresses that an ordinary program would have used.
    pub(crate) fn named_pages(&self) -> impl Iterator<Item = (Seen<'a, Http>, &'a Page)> {
        let pages = self.http().filter_map(|seen| seen.what.outcome.ok().map(|page| (seen, page)));
        pages.filter(|(seen, _)| self.is_named(seen.what.address.ip()))
    }

    /// The last hop of the report.
    pub(crate) fn last_hop(&self) -> u8 {
        self.report.observations.iter().map(|seen| seen.hop).max().unwrap_or(0)
    }

    /// The page that an ordinary program on this line gets at any hop.
    pub(crate) fn page_at(&self, hop: u8) -> Option<(Seen<'a, Http>, &'a Page)> {
        Self::at_hop(self.report, self.control, hop).named_pages().next()
    }

    /// The page a reader on this line ends at: the last redirect's, begun from an address an ordinary program uses.
    pub(crate) fn landing(&self) -> Option<(Seen<'a, Http>, &'a Page)> {
        let first = self.named_pages().next()?;
        match self.last_hop() {
            0 => Some(first),
            last => self.page_at(last),
        }
    }

    /// Whether a host is the target's, or one that the control was sent to.
    pub(crate) fn knows_host(&self, host: &str) -> bool {
        let pages = self.control.into_iter().flat_map(|entry| entry.first_page.iter().chain(&entry.last_page));
        let mut hosts = pages.filter_map(|page| page::redirect_host(page, self.host()));
        page::are_kin(host, self.host()) || hosts.any(|known| page::are_kin(&known, host))
    }

    /// Whether a page is the control's, first or last.
    pub(crate) fn is_controls(&self, http: &Http, page: &Page) -> bool {
        let pages =
            self.reached_control().into_iter().flat_map(|entry| entry.last_page.iter().chain(&entry.first_page));
        let known = page::host_of(&http.url).is_none_or(|host| self.knows_host(&host));
        let alike =
            |control: &Page| if known { page::alike(page, control, self.host()) } else { page::is_same(page, control) };
        pages.into_iter().any(alike)
    }

    /// Whether the control saw a valid certificate for the hop under judgement. Its last page counts only if it did.
    pub(crate) fn control_saw_valid(&self) -> bool {
        self.reached_control().is_some_and(|entry| match self.hop {
            0 => entry.verification == Some(Verification::Valid),
            _ => entry.last_page.is_some(),
        })
    }

    /// Whether a page came in the clear, or over a connection that proved the name in its URL.
    pub(crate) fn is_clear_or_proven(&self, http: &Http) -> bool {
        is_in_clear(http) || self.is_proven_at_any_hop(http)
    }

    /// A page got at the hop under judgement from an address that trusted resolvers name, and that is the control's.
    pub(crate) fn true_page(&self) -> Option<(Seen<'a, Http>, &'a Page)> {
        let control = self.reached_control()?;
        let control = if self.hop == 0 { control.first_page.as_ref() } else { control.last_page.as_ref() }?;
        let pages = self.http().filter_map(|seen| seen.what.outcome.ok().map(|page| (seen, page)));
        let mut trusted = pages.filter(|(seen, _)| self.is_trusted(seen.what.address.ip()));
        trusted.find(|(_, page)| page::alike(page, control, self.host()))
    }

    /// Whether a page got at the hop under judgement is another than the one that a trusted address gives at the same time.
    pub(crate) fn is_belied(&self, http: Seen<'_, Http>, page: &Page) -> bool {
        let here = self.http().any(|seen| seen.index == http.index);
        here && !self.is_trusted(http.what.address.ip())
            && self.true_page().is_some_and(|(_, truth)| !page::agree(page, truth, self.host()))
    }

    /// Whether the handshake at a page's hop and address proved the name in its URL.
    pub(crate) fn is_proven_at_any_hop(&self, http: &Http) -> bool {
        let host = page::host_of(&http.url).filter(|_| http.url.starts_with("https:"));
        let all = self.report.observations.iter().filter_map(|seen| as_tls(&seen.step));
        let mut proofs = all.filter(|tls| tls.address == http.address && self.is_genuine(tls));
        host.is_some() && proofs.any(|tls| tls.server_name == host)
    }

    /// Whether anything went over this line that nobody on it can read or forge. Behind a Wi-Fi log-in page nothing does.
    pub(crate) fn has_encrypted_exchange(&self) -> bool {
        let handshakes = self.report.observations.iter().filter_map(|seen| as_tls(&seen.step));
        self.doh_of_all_hops().any(|dns| dns.outcome.ok().is_some())
            || handshakes.into_iter().any(|tls| self.is_genuine(tls))
    }
}

/// The hop whose questions named the addresses of `hop`: its own, or else the last one before that named any of them. A
/// redirect to an address has none.
fn asked_at(report: &Report, hop: u8) -> u8 {
    let at = |hop: u8| report.observations.iter().filter(move |seen| seen.hop == hop);
    let tried: Vec<IpAddr> = at(hop).filter_map(|seen| contacted(&seen.step)).collect();
    let names = |earlier: u8| {
        let answers = at(earlier).filter_map(|seen| as_dns(&seen.step)?.outcome.ok()).flatten();
        answers.flat_map(|answer| &answer.addresses).any(|address| tried.contains(&address.to_canonical()))
    };
    let asked = |hop: u8| at(hop).any(|seen| as_dns(&seen.step).is_some());
    let found = if asked(hop) { None } else { (0..hop).rev().find(|&earlier| asked(earlier)) };
    found.filter(|&earlier| names(earlier)).unwrap_or(hop)
}

/// Whether a request was made without encryption.
pub(crate) fn is_in_clear(http: &Http) -> bool {
    http.url.starts_with("http:")
}

/// Whether a handshake finished with a certificate valid for the name.
pub(crate) fn is_valid(tls: &Tls) -> bool {
    tls.verification == Some(Verification::Valid) && tls.outcome.ok().is_some()
}

/// The answer that an ordinary program would have used.
pub(crate) fn first_answer<'a>(seen: Seen<'a, Dns>) -> Option<&'a Answer> {
    seen.what.outcome.ok()?.first()
}

/// The addresses of a good answer, each in its one form.
pub(crate) fn given(answer: &Answer) -> impl Iterator<Item = IpAddr> {
    let good = answer.rcode == Rcode::NoError;
    answer.addresses.iter().filter(move |_| good).map(IpAddr::to_canonical)
}

pub(crate) fn as_dns(step: &Step) -> Option<&Dns> {
    if let Step::Dns(dns) = step { Some(dns) } else { None }
}

/// The address that a step went to, in its one form.
fn contacted(step: &Step) -> Option<IpAddr> {
    let address = match step {
        Step::Dns(_) => return None,
        Step::Tcp(tcp) => tcp.address,
        Step::Tls(tls) => tls.address,
        Step::Http(http) => http.address,
        Step::Quic(quic) => quic.address,
    };
    Some(address.ip().to_canonical())
}

pub(crate) fn as_tcp(step: &Step) -> Option<&Tcp> {
    if let Step::Tcp(tcp) = step { Some(tcp) } else { None }
}

pub(crate) fn as_tls(step: &Step) -> Option<&Tls> {
    if let Step::Tls(tls) = step { Some(tls) } else { None }
}

pub(crate) fn as_quic(step: &Step) -> Option<&Quic> {
    if let Step::Quic(quic) = step { Some(quic) } else { None }
}

pub(crate) fn as_http(step: &Step) -> Option<&Http> {
    if let Step::Http(http) = step { Some(http) } else { None }
}
