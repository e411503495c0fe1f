//! The lab itself, without a probe: real curl-like clients of this test's own through real namespaces.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::process::Stdio;
use std::time::{Duration, Instant};

use hickory_proto::op::{Message, Query, ResponseCode};
use hickory_proto::rr::{Name, RData, RecordType};
use kedergi_lab::{Isp, Lab, Rule, Scene, command, in_lab, plan};

const SCENE: &str = r#"
    title = "A lab to be looked at"
    [[sites]]
    name = "news.example"
    addresses = ["45.80.10.10", "2a0e:8f00::10"]
    http = "page"
    [[sites]]
    name = "gone.example"
    addresses = ["45.80.10.20"]
    state = "refusing"
    [[targets]]
    url = "http://news.example/"
    expect = { isp-a = "reachable", isp-b = "reachable" }
"#;

/// Longer than any way through the lab, shorter than anybody's patience.
const PATIENCE: Duration = Duration::from_secs(3);
/// Longer than a true answer takes to arrive.
const SILENCE: Duration = Duration::from_millis(500);

fn rule(text: &str) -> Vec<Rule> {
    vec![toml::from_str(text).unwrap()]
}

/// Every answer to one query for an IPv4 address that comes within [`SILENCE`] of the last one.
fn ask(lab: &Lab, host: &str, resolver: &str, name: &str) -> Vec<Message> {
    let mut query = Message::query();
    query.metadata.id = 7;
    query.metadata.recursion_desired = true;
    query.add_query(Query::query(Name::from_ascii(name).unwrap(), RecordType::A));
    let exchange = || -> io::Result<Vec<Message>> {
        let socket = UdpSocket::bind("0.0.0.0:0")?;
        socket.connect(resolver)?;
        socket.send(&query.to_vec().unwrap())?;
        let mut answers = Vec::new();
        let mut buffer = [0; 1500];
        socket.set_read_timeout(Some(PATIENCE))?;
        while let Ok(length) = socket.recv(&mut buffer) {
            answers.push(Message::from_vec(&buffer[..length]).unwrap());
            socket.set_read_timeout(Some(SILENCE))?;
        }
        Ok(answers)
    };
    lab.inside(host, exchange).unwrap().unwrap()
}

fn addresses(answers: &[Message]) -> Vec<String> {
    let records = answers.iter().flat_map(|answer| &answer.answers);
    records.filter_map(|record| if let RData::A(a) = &record.data { Some(a.to_string()) } else { None }).collect()
}

/// What a plain HTTP server answers.
fn get(lab: &Lab, host: &str, server: &str, name: &str) -> io::Result<String> {
    let server: SocketAddr = server.parse().unwrap();
    let exchange = || -> io::Result<String> {
        let mut stream = TcpStream::connect_timeout(&server, PATIENCE)?;
        stream.set_read_timeout(Some(PATIENCE))?;
        write!(stream, "GET / HTTP/1.1\r\nHost: {name}\r\nConnection: close\r\n\r\n")?;
        let mut text = String::new();
        stream.read_to_string(&mut text)?;
        Ok(text)
    };
    lab.inside(host, exchange).unwrap()
}

#[test]
fn packets_find_their_way_and_the_censor_stands_in_it() {
    in_lab("packets_find_their_way_and_the_censor_stands_in_it", || {
        let lab = Lab::start(&Scene::parse(SCENE).unwrap()).unwrap();
        let (a, b) = (plan::probe(Isp::A, 1), plan::probe(Isp::B, 3));
        names_resolve(&lab, &a);
        pages_are_served(&lab, &a, &b);
        answers_are_injected(&lab, &a, &b);
        resolvers_lie(&lab, &a, &b);
        a_socket_stays_where_it_was_opened(&lab, &a);
        a_cut_is_lifted(&lab, &a, &b);
    });
}

fn names_resolve(lab: &Lab, a: &str) {
    for resolver in ["10.1.0.53:53", "45.90.0.53:53"] {
        assert_eq!(addresses(&ask(lab, a, resolver, "news.example.")), ["45.80.10.10"], "{resolver}");
    }
    let unknown = ask(lab, a, "10.1.0.53:53", "unknown.example.");
    assert_eq!(unknown[0].metadata.response_code, ResponseCode::NXDomain);
}

fn pages_are_served(lab: &Lab, a: &str, b: &str) {
    let begun = Instant::now();
    assert!(get(lab, a, "45.80.10.10:80", "news.example").unwrap().contains("Welcome to news.example"));
    assert!(begun.elapsed() >= Duration::from_millis(100), "two round trips of 50 ms");
    assert!(get(lab, b, "[2a0e:8f00::10]:80", "news.example").unwrap().contains("Welcome to news.example"));
    let refused = get(lab, a, "45.80.10.20:80", "gone.example").unwrap_err();
    assert_eq!(refused.kind(), io::ErrorKind::ConnectionRefused);
    lab.set_rules(Isp::A, rule("do = 'http-block-page'\nhost = 'news.example'\nstatus = 403\nbody = 'no'")).unwrap();
    assert!(get(lab, a, "45.80.10.10:80", "news.example").unwrap().ends_with("\r\n\r\nno"));
    assert!(get(lab, b, "45.80.10.10:80", "news.example").unwrap().contains("Welcome"));
}

fn answers_are_injected(lab: &Lab, a: &str, b: &str) {
    lab.set_rules(Isp::A, rule("do = 'dns-inject'\nname = 'news.example'\naddress = '45.80.66.66'")).unwrap();
    let seen = addresses(&ask(lab, a, "45.90.0.53:53", "news.example."));
    assert_eq!(seen, ["45.80.66.66", "45.80.10.10"], "the forged answer first, the true one after it");
    assert_eq!(addresses(&ask(lab, b, "45.90.0.53:53", "news.example.")), ["45.80.10.10"]);
}

fn resolvers_lie(lab: &Lab, a: &str, b: &str) {
    for (answer, code) in [
        ("nxdomain", ResponseCode::NXDomain),
        ("nodata", ResponseCode::NoError),
        ("refused", ResponseCode::Refused),
        ("servfail", ResponseCode::ServFail),
    ] {
        let lie = format!("do = 'resolver'\nname = 'news.example'\nanswer = '{answer}'");
        lab.set_rules(Isp::A, rule(&lie)).unwrap();
        let answers = ask(lab, a, "10.1.0.53:53", "www.news.example.");
        assert_eq!((answers[0].metadata.response_code, answers[0].answers.len()), (code, 0), "{answer}");
    }
    lab.set_rules(Isp::A, rule("do = 'resolver'\nname = 'news.example'\nanswer = 'silent'")).unwrap();
    assert_eq!(ask(lab, a, "10.1.0.53:53", "news.example.").len(), 0);
    assert_eq!(addresses(&ask(lab, b, "10.2.0.53:53", "news.example.")), ["45.80.10.10"]);
}

fn a_socket_stays_where_it_was_opened(lab: &Lab, a: &str) {
    let listener = lab.inside(plan::COLLECTOR, || TcpListener::bind("0.0.0.0:8080")).unwrap().unwrap();
    let server = SocketAddr::new(lab.address(plan::COLLECTOR).unwrap(), 8080);
    let mut sent = lab.inside(a, || TcpStream::connect_timeout(&server, PATIENCE)).unwrap().unwrap();
    let (mut received, from) = listener.accept().unwrap();
    assert_eq!(from.ip(), lab.address(a).unwrap());
    sent.write_all(b"from A").unwrap();
    drop(sent);
    let mut text = String::new();
    received.read_to_string(&mut text).unwrap();
    assert_eq!(text, "from A");
}

fn a_cut_is_lifted(lab: &Lab, a: &str, b: &str) {
    lab.set_rules(Isp::A, rule("do = 'cut'")).unwrap();
    assert!(get(lab, a, "45.80.10.10:80", "news.example").is_err());
    assert!(get(lab, b, "45.80.10.10:80", "news.example").is_ok());
    lab.set_rules(Isp::A, Vec::new()).unwrap();
    assert!(get(lab, a, "45.80.10.10:80", "news.example").is_ok());
    assert_eq!(addresses(&ask(lab, a, "10.1.0.53:53", "news.example.")), ["45.80.10.10"]);
}

#[test]
fn nothing_is_left_when_a_lab_ends() {
    in_lab("nothing_is_left_when_a_lab_ends", || {
        let lab = Lab::start(&Scene::parse(SCENE).unwrap()).unwrap();
        let folder = lab.folder().to_owned();
        let mut sleeper = command("sleep");
        sleeper.arg("600").stdin(Stdio::null());
        let mut process = lab.spawn(&plan::probe(Isp::A, 2), sleeper).unwrap();
        drop(lab);
        assert!(!folder.exists());
        // The host it ran on is gone, so the kernel ends it.
        process.wait_within(PATIENCE).unwrap();
    });
}
