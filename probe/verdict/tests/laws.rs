//! What holds of every report, however strange.

#![expect(clippy::unwrap_used, reason = "strategies are test code, though clippy knows only the test functions")]

use std::net::{IpAddr, SocketAddr};

use kedergi_verdict::{Evidence, How, Outcome, Verdict, Why, control_entry, judge};
use kedergi_wire::{
    Answer, Body, Certificate, ControlEntry, Digest, Dns, FORMAT, Failure, Hello, Http, Layer, Line, Observation, Page,
    Query, Quic, QuicAnswer, Rcode, Reached, Report, ResolverClass, Session, Step, StepOutcome, Tally, TargetUrl, Tcp,
    Tls, Vantage, Verification,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use proptest::sample::select;

// Small pools, so that the same names, addresses and pages meet often and every rule gets its turn.

fn target() -> impl Strategy<Value = TargetUrl> {
    select(vec!["https://a.example/", "http://a.example/", "https://45.80.1.1/", "http://[2a00::1]/"])
        .prop_map(|text| text.parse().unwrap())
}

fn address() -> impl Strategy<Value = IpAddr> {
    select(vec!["45.80.1.1", "45.80.1.2", "92.63.88.69", "10.10.34.34", "2a00::1", "::1", "::ffff:45.80.1.1"])
        .prop_map(|text| text.parse().unwrap())
}

fn socket() -> impl Strategy<Value = SocketAddr> {
    (address(), select(vec![80u16, 443])).prop_map(SocketAddr::from)
}

fn failure() -> impl Strategy<Value = Failure> {
    use Failure as F;
    select(vec![
        F::Timeout,
        F::Refused,
        F::Reset,
        F::Closed,
        F::HostUnreachable,
        F::NetworkUnreachable,
        F::NoSuchName,
        F::NoAddress,
        F::ServerFailure,
        F::QueryRefused,
        F::TlsAlert,
        F::TlsProtocol,
        F::Certificate,
        F::HttpProtocol,
        F::DnsProtocol,
        F::TooManyRedirects,
        F::ForbiddenAddress,
        F::OwnMachine,
    ])
}

fn outcome<T: Clone + std::fmt::Debug + 'static>(
    ok: impl Strategy<Value = T> + 'static,
) -> impl Strategy<Value = StepOutcome<T>> {
    prop_oneof![ok.prop_map(StepOutcome::Ok), failure().prop_map(StepOutcome::Failed)]
}

fn answer() -> impl Strategy<Value = Answer> {
    let rcode =
        select(vec![Rcode::NoError, Rcode::NoError, Rcode::NxDomain, Rcode::ServFail, Rcode::Refused, Rcode::Other]);
    (rcode, vec(address(), 0..3)).prop_map(|(rcode, addresses)| Answer {
        after_ms: 5,
        rcode,
        addresses,
        aliases: Vec::new(),
        ttl: None,
    })
}

fn resolver() -> impl Strategy<Value = ResolverClass> {
    select(vec![ResolverClass::System, ResolverClass::Public, ResolverClass::Doh])
}

fn dns() -> impl Strategy<Value = Step> {
    let query = select(vec![Query::A, Query::Aaaa]);
    (resolver(), query, outcome(vec(answer(), 1..3))).prop_map(|(resolver, query, outcome)| {
        Step::Dns(Dns { resolver, server: None, name: "a.example".to_owned(), query, outcome })
    })
}

fn verification() -> impl Strategy<Value = Verification> {
    use Verification as V;
    select(vec![V::Valid, V::Valid, V::Expired, V::NotYetValid, V::WrongName, V::UnknownIssuer, V::Malformed])
}

fn digest() -> impl Strategy<Value = Digest> {
    select(vec!["site", "other"]).prop_map(|text| Digest::of(text.as_bytes()))
}

fn tls() -> impl Strategy<Value = Step> {
    let session = Just(Session { version: "1.3".to_owned(), alpn: None });
    let leaf = digest().prop_map(|sha256| Certificate {
        sha256,
        subject: "CN=a".to_owned(),
        issuer: "CN=b".to_owned(),
        der: None,
    });
    (socket(), vec(leaf, 0..2), option::of(verification()), option::of(digest()), outcome(session)).prop_map(
        |(address, chain, verification, extra_root, outcome)| {
            let (server_name, hello_bytes) = (Some("a.example".to_owned()), None);
            Step::Tls(Tls {
                address,
                server_name,
                hello_bytes,
                hello: Hello::Plain,
                chain,
                verification,
                extra_root,
                outcome,
            })
        },
    )
}

fn page() -> impl Strategy<Value = Page> {
    let status = select(vec![200u16, 200, 302, 403, 451, 0, 999]);
    let location =
        option::of(select(vec!["https://a.example/", "/x", "//stop.example/", "http://blocked.example/", "::"]));
    let title = option::of(select(vec!["News", "Доступ ограничен", ""]));
    let bytes = select(vec![0u64, 300, 40_000, u64::MAX]);
    (status, location, title, bytes, digest()).prop_map(|(status, location, title, bytes, sha256)| Page {
        status,
        location: location.map(str::to_owned),
        server: None,
        title: title.map(str::to_owned),
        offers_h3: false,
        body: Body { bytes, truncated: false, sha256, kept: None },
    })
}

fn http() -> impl Strategy<Value = Step> {
    let url = select(vec!["http://a.example/", "https://a.example/", "http://stop.example/", "no url"]);
    (socket(), url, outcome(page()))
        .prop_map(|(address, url, outcome)| Step::Http(Http { address, url: url.to_owned(), outcome }))
}

fn tcp() -> impl Strategy<Value = Step> {
    (socket(), outcome(Just(()))).prop_map(|(address, outcome)| Step::Tcp(Tcp { address, outcome }))
}

fn quic() -> impl Strategy<Value = Step> {
    let answer = Just(QuicAnswer { status: 200 });
    (socket(), option::of(verification()), outcome(answer)).prop_map(|(address, verification, outcome)| {
        let (server_name, certificate) = ("a.example".to_owned(), None);
        Step::Quic(Quic { address, server_name, certificate, verification, outcome })
    })
}

fn observation() -> impl Strategy<Value = Observation> {
    let step = prop_oneof![dns(), tcp(), tls(), http(), quic()];
    let hop = prop_oneof![4 => Just(0u8), 1 => Just(1u8), 1 => any::<u8>()];
    (any::<u32>(), any::<u32>(), hop, step).prop_map(|(after_ms, took_ms, hop, step)| Observation {
        after_ms,
        took_ms,
        hop,
        step,
    })
}

fn tally() -> impl Strategy<Value = Tally> {
    (0u16..4, 0u16..4).prop_map(|(tried, answered)| Tally { tried, answered })
}

fn report() -> impl Strategy<Value = Report> {
    (target(), tally(), tally(), vec(observation(), 0..14)).prop_map(|(target, outside, resolver, observations)| {
        Report {
            format: FORMAT,
            sequence: 1,
            started: "2019-05-09T07:00:00Z".parse().unwrap(),
            clock_offset_ms: Some(i64::MAX),
            target,
            vantage: Vantage::default(),
            line: Line { outside, resolver, ..Line::default() },
            observations,
            trials: Vec::new(),
            pairs: Vec::new(),
            instrument: None,
        }
    })
}

fn control() -> impl Strategy<Value = ControlEntry> {
    let reached =
        prop_oneof![3 => Just(Reached::Yes), 1 => Just(Reached::No { layer: Layer::Tcp, failure: Failure::Timeout })];
    let shown = (option::of(digest()), option::of(verification()));
    let pages = (option::of(page()), option::of(page()));
    let reached = (reached, option::of(any::<bool>()));
    (target(), vec(address(), 0..3), shown, pages, reached).prop_map(
        |(target, addresses, shown, pages, (reached, h3))| ControlEntry {
            target,
            at: "2019-05-09T06:58:00Z".parse().unwrap(),
            connected: addresses.iter().skip(1).copied().collect(),
            addresses,
            certificate: shown.0,
            verification: shown.1,
            extra_root: None,
            first_page: pages.0,
            last_page: pages.1,
            h3,
            took_ms: 300,
            handshake_ms: None,
            page_ms: None,
            reached,
        },
    )
}

/// Reports with a control for the same target.
fn controlled() -> impl Strategy<Value = (Report, ControlEntry)> {
    (report(), control()).prop_map(|(report, mut control)| {
        control.target = report.target.clone();
        (report, control)
    })
}

fn blocked(verdict: &Verdict) -> Option<How> {
    verdict.outcome.how()
}

fn is_doh_answer(observation: &Observation) -> bool {
    match &observation.step {
        Step::Dns(dns) => dns.resolver == ResolverClass::Doh && dns.outcome.ok().is_some(),
        Step::Tcp(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => false,
    }
}

/// The line's resolver names an address, which shows a valid certificate and answers.
fn proven(address: SocketAddr, page: Page) -> [Observation; 3] {
    let name = "a.example".to_owned();
    let session = Session { version: "1.3".to_owned(), alpn: None };
    let answer =
        Answer { after_ms: 5, rcode: Rcode::NoError, addresses: vec![address.ip()], aliases: Vec::new(), ttl: None };
    let (resolver, query) = (ResolverClass::System, Query::A);
    let steps = [
        Step::Dns(Dns { resolver, server: None, name: name.clone(), query, outcome: StepOutcome::Ok(vec![answer]) }),
        Step::Tls(Tls {
            address,
            server_name: Some(name),
            hello_bytes: None,
            hello: Hello::Plain,
            chain: Vec::new(),
            verification: Some(Verification::Valid),
            extra_root: None,
            outcome: StepOutcome::Ok(session),
        }),
        Step::Http(Http { address, url: "https://a.example/".to_owned(), outcome: StepOutcome::Ok(page) }),
    ];
    steps.map(|step| Observation { after_ms: 0, took_ms: 1, hop: 0, step })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1024, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn evidence_lies_inside_the_report_and_a_verdict_survives_its_json((report, control) in controlled()) {
        for control in [None, Some(&control)] {
            let verdict = judge(&report, control);
            prop_assert!(!verdict.evidence.is_empty());
            let inside = |index: u16| usize::from(index) < report.observations.len();
            prop_assert!(verdict.evidence.iter().filter_map(|evidence| evidence.observation).all(inside));
            let json = serde_json::to_string(&verdict).unwrap();
            prop_assert_eq!(serde_json::from_str::<Verdict>(&json).unwrap(), verdict);
        }
    }

    #[test]
    fn without_a_control_only_a_resolver_is_accused_and_only_by_doh(report in report()) {
        if let Some(how) = blocked(&judge(&report, None)) {
            prop_assert_eq!(how.layer(), Layer::Dns);
            prop_assert!(report.observations.iter().any(is_doh_answer));
        }
    }

    #[test]
    fn a_line_that_reaches_nobody_accuses_nobody((mut report, control) in controlled()) {
        report.line.outside.answered = 0;
        let verdict = judge(&report, Some(&control));
        let no_connectivity = Outcome::Inconclusive { why: Why::NoConnectivity };
        prop_assert!([Outcome::Reachable, no_connectivity].contains(&verdict.outcome), "{:?}", verdict);
    }

    #[test]
    fn a_control_that_did_not_get_through_accuses_only_where_doh_does((report, mut control) in controlled()) {
        control.reached = Reached::No { layer: Layer::Tcp, failure: Failure::Timeout };
        if let Some(how) = blocked(&judge(&report, Some(&control))) {
            prop_assert_eq!(how.layer(), Layer::Dns);
        }
    }

    #[test]
    fn anothers_control_changes_nothing(report in report(), mut control in control()) {
        control.target = "https://another.example/".parse().unwrap();
        prop_assert_eq!(judge(&report, Some(&control)), judge(&report, None));
    }

    #[test]
    fn a_proven_page_is_reachable_whatever_else_was_seen((mut report, control) in controlled(), mut page in page()) {
        report.target = "https://a.example/".parse().unwrap();
        page.location = None;
        report.observations.extend(proven("45.80.7.7:443".parse().unwrap(), page));
        prop_assert_eq!(judge(&report, Some(&control)).outcome, Outcome::Reachable);
        prop_assert_eq!(judge(&report, Some(&control_entry(&report))).outcome, Outcome::Reachable);
    }

    #[test]
    fn a_proven_redirect_is_reachable_unless_its_readers_are_kept_from_where_it_leads(
        (mut report, control) in controlled(), page in page(),
    ) {
        report.target = "https://a.example/".parse().unwrap();
        report.observations.extend(proven("45.80.7.7:443".parse().unwrap(), page));
        let verdict = judge(&report, Some(&control));
        let first = |evidence: &Evidence| evidence.says.starts_with("The site itself sends its readers on to ");
        let kept = verdict.outcome.how().is_some() && verdict.evidence.first().is_some_and(first);
        prop_assert!(kept || verdict.outcome == Outcome::Reachable, "{:?}", verdict);
    }

    #[test]
    fn evidence_names_no_address_that_may_be_a_volunteers((report, control) in controlled()) {
        let verdict = judge(&report, Some(&control));
        prop_assert!(verdict.evidence.iter().all(|evidence| !evidence.says.contains("10.10.34.34")), "{:?}", verdict);
    }
}
