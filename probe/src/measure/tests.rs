use std::net::Ipv4Addr;

use kedergi_wire::{Failure, Query, ResolverClass, Step, StepOutcome, SystemResolver, Tally, Verification};

use super::loopback::{self, Authority, Dates, reply, resolver, response, self_signed};
use super::*;

const NAME: &str = "site.example";
const HERE: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// A system resolver that names this machine for everything.
async fn names_here() -> SocketAddr {
    resolver(|question| vec![reply(question, &[HERE]).to_vec().unwrap()]).await
}

fn quiet() -> Config {
    Config { public_resolvers: vec![], doh_resolvers: vec![], ..Config::default() }
}

async fn run(tools: &Measurer, urls: &[String]) -> Vec<Report> {
    let targets: Vec<TargetUrl> = urls.iter().map(|url| url.parse().unwrap()).collect();
    measure_run(tools, &targets, None, &BTreeSet::new(), Vantage::default(), Some(-5), 40).await
}

/// The way of a report in words: layer, hop, and how it went.
fn way(report: &Report) -> Vec<String> {
    let outcome = |seen: &Observation| match &seen.step {
        Step::Dns(dns) => match dns.outcome.ok() {
            Some(answers) => format!("{:?} {:?} {}", dns.resolver, dns.query, answers.len()),
            None => format!("{:?} {:?} {:?}", dns.resolver, dns.query, dns.outcome.failure().unwrap()),
        },
        Step::Tcp(tcp) => tcp.outcome.failure().map_or("connected".into(), |failure| format!("{failure:?}")),
        Step::Tls(tls) => format!("{:?} {:?}", tls.verification, tls.outcome.failure()),
        Step::Quic(quic) => format!("quic {:?} {:?}", quic.verification, quic.outcome),
        Step::Http(http) => match &http.outcome {
            StepOutcome::Ok(page) => page.status.to_string(),
            StepOutcome::Failed(failure) => format!("{failure:?}"),
        },
    };
    report.observations.iter().map(|seen| format!("{} {} {}", seen.hop, seen.step.layer(), outcome(seen))).collect()
}

#[tokio::test]
async fn a_site_behind_a_redirect() {
    let authority = Authority::new();
    let site = loopback::https(authority.issue(NAME, Dates::Now), |path| match path {
        "/" => response("301 Moved", "location: /home\r\n", ""),
        _ => response("200 OK", "", "<title>Home</title>"),
    })
    .await;
    let dns = names_here().await;
    let tools = Measurer::loopback(&quiet(), vec![dns], authority.roots());
    let reports = run(&tools, &[format!("https://{NAME}:{}/", site.port())]).await;
    assert_eq!(
        way(&reports[0]),
        [
            "0 dns System A 1",
            "0 dns System Aaaa 1",
            "0 tcp connected",
            "0 tls Some(Valid) None",
            "0 http 301",
            "1 tcp connected",
            "1 tls Some(Valid) None",
            "1 http 200",
        ]
    );
    assert_eq!(reports[0].line.resolver, Tally { tried: 2, answered: 2 });
    assert_eq!(reports[0].line.outside, Tally { tried: 2, answered: 2 });
    assert_eq!(reports[0].vantage.resolver.unwrap().value, SystemResolver::Local);
    assert!(bytes_received(&reports) > 0);
}

#[tokio::test]
async fn where_a_redirect_fails_others_are_asked_where_it_leads() {
    let authority = Authority::new();
    let www = format!("www.{NAME}");
    let site = loopback::https(authority.issue(&www, Dates::Now), |_| response("200 OK", "", "")).await;
    let start = loopback::https(authority.issue(NAME, Dates::Now), {
        let location = format!("location: https://{www}:{}/home\r\n", site.port());
        move |_| response("301 Moved", &location, "")
    })
    .await;
    // Nobody is at the other address.
    let dns = resolver(|question| {
        let is_www = question.queries[0].name().to_ascii().starts_with("www.");
        vec![reply(question, &[if is_www { THERE } else { HERE }]).to_vec().unwrap()]
    })
    .await;
    let bootstrap = loopback::doh(authority.issue("dns.example", Dates::Now), 200, &[HERE]).await;
    let doh = DohResolver { url: "https://dns.example/dns-query".parse().unwrap(), bootstrap };
    let tools = Measurer::loopback(&Config { doh_resolvers: vec![doh], ..quiet() }, vec![dns], authority.roots());

    let reports = run(&tools, &[format!("https://{NAME}:{}/", start.port())]).await;
    let steps = way(&reports[0]);
    let at = |step: &str| steps.iter().position(|seen| seen == step).unwrap_or_else(|| panic!("{step}: {steps:?}"));
    assert!(at("1 tcp Refused") < at("1 dns Doh A 1") && at("1 dns Doh A 1") < at("1 http 200"));
    let doh = steps.iter().filter(|step| step.starts_with("1 dns Doh")).count();
    assert_eq!(doh, 1, "asked once, for the family that every home has");
}

#[tokio::test]
async fn a_false_address_and_the_true_one_are_both_asked_for_the_page() {
    let authority = Authority::new();
    let truth =
        loopback::https(authority.issue(NAME, Dates::Now), |_| response("200 OK", "", "<title>Site</title>")).await;
    // The same port on another address of this machine, so that one URL leads to both.
    let listener = tokio::net::TcpListener::bind((THERE, truth.port())).await.unwrap();
    let acceptor = loopback::acceptor(self_signed(NAME, Dates::Now), &["http/1.1"]);
    tokio::spawn(async move {
        let (stream, _) = listener.accept().await.unwrap();
        let stream = acceptor.accept(stream).await.unwrap();
        loopback::answer(stream, |_| response("403 Forbidden", "", "<title>Blocked</title>")).await;
    });
    let dns = resolver(|question| vec![reply(question, &[THERE]).to_vec().unwrap()]).await;
    let bootstrap = loopback::doh(authority.issue("dns.example", Dates::Now), 200, &[HERE]).await;
    let doh = DohResolver { url: "https://dns.example/dns-query".parse().unwrap(), bootstrap };
    let config = Config { doh_resolvers: vec![doh], ..quiet() };
    let tools = Measurer::loopback(&config, vec![dns], authority.roots());

    let reports = run(&tools, &[format!("https://{NAME}:{}/", truth.port())]).await;
    let steps = || reports[0].observations.iter().map(|seen| &seen.step);
    let mut titles: Vec<_> = steps()
        .filter_map(|step| match step {
            Step::Http(http) => http.outcome.ok()?.title.clone(),
            Step::Dns(_) | Step::Tcp(_) | Step::Tls(_) | Step::Quic(_) => None,
        })
        .collect();
    titles.sort();
    assert_eq!(titles, ["Blocked", "Site"]);
    let shown =
        |verification| steps().any(|step| matches!(step, Step::Tls(tls) if tls.verification == Some(verification)));
    assert!(shown(Verification::Valid) && shown(Verification::UnknownIssuer));
}

#[tokio::test]
async fn where_no_chosen_address_connects_the_others_are_tried() {
    let authority = Authority::new();
    let site = loopback::https(authority.issue(NAME, Dates::Now), |_| response("200 OK", "", "")).await;
    let dead = [3, 4].map(|last| IpAddr::from([127, 0, 0, last]));
    let dns = resolver(move |question| vec![reply(question, &[dead[0], dead[1], HERE]).to_vec().unwrap()]).await;
    let tools = Measurer::loopback(&quiet(), vec![dns], authority.roots());
    let reports = run(&tools, &[format!("https://{NAME}:{}/", site.port())]).await;
    let steps = way(&reports[0]);
    let count = |step: &str| steps.iter().filter(|seen| *seen == step).count();
    assert_eq!((count("0 tcp Refused"), count("0 tcp connected"), count("0 http 200")), (4, 1, 1), "{steps:?}");
}

#[tokio::test]
async fn an_injected_answer_and_the_true_one() {
    let dns =
        resolver(|question| [THERE, HERE].iter().map(|ip| reply(question, &[*ip]).to_vec().unwrap()).collect()).await;
    let config = Config { public_resolvers: vec![dns], ..quiet() };
    let tools = Measurer::loopback(&config, vec![dns], Authority::new().roots());
    let reports = run(&tools, &[format!("http://{NAME}:9/")]).await;
    let two = |class| {
        reports[0].observations.iter().any(|seen| match &seen.step {
            Step::Dns(dns) => {
                dns.resolver == class
                    && dns.query == Query::A
                    && dns.outcome.ok().is_some_and(|answers| answers.len() == 2)
            }
            Step::Tcp(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => false,
        })
    };
    assert!(two(ResolverClass::System) && two(ResolverClass::Public));
}

#[tokio::test]
async fn the_second_resolver_is_asked_where_the_first_is_silent_and_neither_is_named() {
    let silent = tokio::net::UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let second = names_here().await;
    let servers = vec![silent.local_addr().unwrap(), second];
    let tools = Measurer::loopback(&quiet(), servers, Authority::new().roots());
    let reports = run(&tools, &[format!("http://{NAME}:9/")]).await;
    let dns: Vec<String> = way(&reports[0]).into_iter().filter(|step| step.contains("dns")).collect();
    assert_eq!(dns, ["0 dns System A Timeout", "0 dns System Aaaa Timeout", "0 dns System A 1", "0 dns System Aaaa 1"]);
    assert!(!serde_json::to_string(&reports[0]).unwrap().contains(&second.port().to_string()));
}

#[tokio::test]
async fn redirects_without_end_are_followed_five_times() {
    let site =
        loopback::server(|stream| loopback::answer(stream, |_| response("302 Found", "location: /\r\n", ""))).await;
    let tools = Measurer::loopback(&quiet(), vec![names_here().await], Authority::new().roots());
    let reports = run(&tools, &[format!("http://{NAME}:{}/", site.port())]).await;
    let way = way(&reports[0]);
    assert_eq!(way.iter().filter(|step| step.ends_with("http 302")).count(), 6);
    assert_eq!(way.last().unwrap(), "6 http TooManyRedirects");
}

#[tokio::test]
async fn a_redirect_to_another_name_asks_for_it() {
    let authority = Authority::new();
    let other = loopback::https(authority.issue("other.example", Dates::Now), |_| response("200 OK", "", "")).await;
    let site = loopback::server(move |stream| {
        let location = format!("location: https://other.example:{}/\r\n", other.port());
        async move { loopback::answer(stream, |_| response("302 Found", &location, "")).await }
    })
    .await;
    let tools = Measurer::loopback(&quiet(), vec![names_here().await], authority.roots());
    let reports = run(&tools, &[format!("http://{NAME}:{}/", site.port())]).await;
    assert_eq!(
        way(&reports[0])[4..],
        ["1 dns System A 1", "1 dns System Aaaa 1", "1 tcp connected", "1 tls Some(Valid) None", "1 http 200"]
    );
}

#[tokio::test]
async fn reports_come_in_the_order_of_the_targets_and_count_on() {
    let slow = loopback::server(loopback::silence).await;
    let quick = loopback::server(loopback::reset_after_request).await;
    let tools = Measurer::loopback(&quiet(), vec![], Authority::new().roots());
    let urls = [slow, quick].map(|address| format!("http://{address}/"));
    let reports = run(&tools, &urls).await;
    let named: Vec<_> = reports.iter().map(|report| (report.sequence, report.target.as_str())).collect();
    assert_eq!(named, [(40, urls[0].as_str()), (41, urls[1].as_str())]);
    // What fails is tried again, on a connection of its own.
    let [silence, reset] = ["0 http Timeout", "0 http Reset"].map(|failed| ["0 tcp connected", failed].repeat(2));
    assert_eq!(way(&reports[0]), silence);
    assert_eq!(way(&reports[1]), reset);
    assert_eq!(reports[1].clock_offset_ms, Some(-5));
}

#[tokio::test]
async fn a_probe_never_contacts_this_machine_or_the_home() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let port = listener.local_addr().unwrap().port();
    let loopback = Measurer::loopback(&quiet(), vec![names_here().await], Authority::new().roots());
    let tools = Measurer { forbidden: is_bogon, ..loopback };
    let reports = run(&tools, &[format!("http://{NAME}:{port}/"), format!("http://127.0.0.1:{port}/")]).await;
    assert_eq!(way(&reports[0]), ["0 dns System A 1", "0 dns System Aaaa 1"]);
    assert_eq!(reports[1].observations.len(), 1);
    assert!(matches!(&reports[1].observations[0].step,
        Step::Tcp(tcp) if tcp.outcome == StepOutcome::Failed(Failure::ForbiddenAddress)));
    assert_eq!(listener.accept().unwrap_err().kind(), std::io::ErrorKind::WouldBlock);
    // A person who writes the address means it; a name that leads there is still an answer nobody asked for.
    let reports = run(&tools.by_hand(), &[format!("http://{NAME}:{port}/"), format!("http://127.0.0.1:{port}/")]).await;
    assert_eq!(way(&reports[0]), ["0 dns System A 1", "0 dns System Aaaa 1"]);
    assert!(matches!(&reports[1].observations[0].step, Step::Tcp(tcp) if tcp.outcome == StepOutcome::Ok(())));
}

#[tokio::test]
async fn a_report_survives_the_limits_of_the_format() {
    let authority = Authority::new();
    let huge = "я".repeat(5000);
    let page =
        response("200 OK", &format!("server: {huge}\r\nlocation: {huge}\r\n"), &format!("<title>{huge}</title>"));
    let site = loopback::https(authority.issue(NAME, Dates::Now), move |_| page.clone()).await;
    let tools = Measurer::loopback(&quiet(), vec![names_here().await], authority.roots());
    let reports = run(&tools, &[format!("https://{NAME}:{}/", site.port())]).await;
    let text = serde_json::to_string(&reports[0]).unwrap();
    assert_eq!(serde_json::from_str::<Report>(&text).unwrap(), reports[0]);
}
