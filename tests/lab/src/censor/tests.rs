use super::sight::tests::client_hello;
use super::*;
use crate::packet::{Flags, after, datagram, segment};
use hickory_proto::op::{Message, Query};
use hickory_proto::rr::rdata::A;
use hickory_proto::rr::{Name as DnsName, RData, RecordType};
use proptest::prelude::*;

pub(super) const PROBE: &str = "10.1.0.11:40000";
pub(super) const SITE: &str = "45.80.10.10:443";

pub(super) fn censor(rules: &str) -> Censor {
    #[derive(serde::Deserialize)]
    struct Rules {
        rules: Vec<Rule>,
    }
    Censor::new(toml::from_str::<Rules>(&format!("rules = [{rules}]")).unwrap().rules)
}

/// A TCP segment between two `address:port`.
pub(super) fn tcp(from: &str, to: &str, sequence: u32, flags: Flags, payload: &[u8]) -> Vec<u8> {
    let (from, to): (SocketAddr, SocketAddr) = (from.parse().unwrap(), to.parse().unwrap());
    let content = Segment { source: from.port(), destination: to.port(), sequence, acknowledged: 9000, flags, payload };
    segment(from.ip(), to.ip(), &content).unwrap()
}

pub(super) const SYN: Flags = Flags { syn: true, ack: false, fin: false, rst: false };
pub(super) const ACK: Flags = Flags { syn: false, ack: true, fin: false, rst: false };

pub(super) fn opened(censor: &mut Censor) {
    let syn = tcp(PROBE, SITE, 100, SYN, b"");
    assert_eq!(censor.decide(&syn, Direction::Outward, Instant::now()), Decision::PASS);
}

pub(super) fn say(censor: &mut Censor, sequence: u32, payload: &[u8]) -> Decision {
    censor.decide(&tcp(PROBE, SITE, sequence, ACK, payload), Direction::Outward, Instant::now())
}

pub(super) fn reply(censor: &mut Censor) -> Decision {
    censor.decide(&tcp(SITE, PROBE, 9000, ACK, b"reply"), Direction::Inward, Instant::now())
}

pub(super) fn segment_of(bytes: &[u8]) -> (IpAddr, Segment<'_>) {
    let packet = Packet::parse(bytes).unwrap();
    let Transport::Tcp(segment) = packet.transport else { panic!("not TCP") };
    (packet.destination, segment)
}

fn query(name: &str, kind: RecordType) -> Vec<u8> {
    let mut message = Message::query();
    message.metadata.id = 4711;
    message.add_query(Query::query(DnsName::from_ascii(name).unwrap(), kind));
    datagram(PROBE.parse().unwrap(), "45.90.0.53:53".parse().unwrap(), &message.to_vec().unwrap()).unwrap()
}

#[test]
fn a_hello_with_the_name_resets_both_sides() {
    let censor = &mut censor("{ do = 'tls-reset', name = 'news.example' }");
    opened(censor);
    let hello = client_hello("www.news.example");
    let decision = say(censor, 101, &hello);
    assert!(!decision.pass);
    let (to_client, client) = segment_of(&decision.inject[0]);
    let (to_server, server) = segment_of(&decision.inject[1]);
    assert_eq!((to_client.to_string(), client.sequence, client.flags.rst), ("10.1.0.11".to_owned(), 9000, true));
    assert_eq!((to_server.to_string(), server.sequence, server.flags.rst), ("45.80.10.10".to_owned(), 101, true));
    assert!(!reply(censor).pass, "what the server still sends is lost too");
}

#[test]
fn a_hello_in_pieces_is_put_together() {
    let censor = &mut censor("{ do = 'tls-silence', name = 'news.example' }");
    opened(censor);
    let hello = client_hello("news.example");
    let (first, second) = hello.split_at(60);
    assert!(say(censor, 101, first).pass);
    assert!(say(censor, 101, first).pass, "the same piece sent again adds nothing");
    assert!(!say(censor, 161, second).pass);
    assert!(!say(censor, 161, second).pass, "nor does it pass when sent again");
    assert!(!reply(censor).pass);
}

#[test]
fn another_name_passes_and_is_not_looked_at_again() {
    let censor = &mut censor("{ do = 'tls-reset', name = 'news.example' }");
    opened(censor);
    let hello = client_hello("other.example");
    assert_eq!(say(censor, 101, &hello), Decision::PASS);
    assert_eq!(say(censor, 5000, &client_hello("news.example")), Decision::PASS);
    assert_eq!(reply(censor), Decision::PASS);
}

#[test]
fn a_new_connection_on_old_ports_is_a_new_one() {
    let censor = &mut censor("{ do = 'tls-silence', name = 'news.example' }");
    opened(censor);
    assert!(!say(censor, 101, &client_hello("news.example")).pass);
    opened(censor);
    assert_eq!(reply(censor), Decision::PASS);
}

#[test]
fn an_address_is_dropped_or_refused() {
    let dropping = &mut censor("{ do = 'drop-address', address = '45.80.10.10' }");
    let syn = tcp(PROBE, SITE, 100, SYN, b"");
    assert_eq!(dropping.decide(&syn, Direction::Outward, Instant::now()), Decision::DROP);
    assert_eq!(reply(dropping), Decision::DROP);
    let refusing = &mut censor("{ do = 'rst-syn', address = '45.80.10.10' }");
    let decision = refusing.decide(&syn, Direction::Outward, Instant::now());
    let (to, reset) = segment_of(&decision.inject[0]);
    assert_eq!((decision.pass, to.to_string(), reset.acknowledged), (false, "10.1.0.11".to_owned(), 101));
}

#[test]
fn a_request_for_the_host_gets_the_censors_page() {
    let censor = &mut censor("{ do = 'http-block-page', host = 'news.example', status = 403, body = '<p>no</p>' }");
    opened(censor);
    let request = b"GET / HTTP/1.1\r\nHost: news.example\r\n\r\n";
    let decision = say(censor, 101, request);
    let (_, page) = segment_of(&decision.inject[0]);
    let text = String::from_utf8_lossy(page.payload);
    assert!(text.starts_with("HTTP/1.1 403 ") && text.ends_with("\r\n\r\n<p>no</p>"), "{text}");
    assert!(page.flags.fin && page.sequence == 9000);
    let sent = tcp(PROBE, SITE, 101, ACK, request);
    assert_eq!(page.acknowledged, after(&segment_of(&sent).1));
    let (to, reset) = segment_of(&decision.inject[1]);
    assert_eq!((to.to_string(), reset.flags.rst), ("45.80.10.10".to_owned(), true));
    assert!(!reply(censor).pass);
}

#[test]
fn a_request_for_the_host_is_met_with_resets_or_silence() {
    let request = b"GET / HTTP/1.1\r\nHost: news.example\r\n\r\n";
    for (rule, injected) in [("http-reset", 2), ("http-silence", 0)] {
        let censor = &mut censor(&format!("{{ do = '{rule}', host = 'news.example' }}"));
        opened(censor);
        let decision = say(censor, 101, request);
        assert_eq!((decision.pass, decision.inject.len()), (false, injected), "{rule}");
        assert!(!reply(censor).pass);
        opened(censor);
        assert!(say(censor, 101, b"GET / HTTP/1.1\r\nHost: new.example\r\n\r\n").pass);
    }
}

#[test]
fn a_query_is_answered_at_once_and_still_passes() {
    let censor = &mut censor("{ do = 'dns-inject', name = 'news.example', address = '45.80.66.66' }");
    let decision = censor.decide(&query("WWW.news.Example.", RecordType::A), Direction::Outward, Instant::now());
    assert!(decision.pass);
    let forged = Packet::parse(&decision.inject[0]).unwrap();
    let Transport::Udp { source: 53, destination: 40000, payload } = forged.transport else { panic!("{forged:?}") };
    let answer = Message::from_vec(payload).unwrap();
    assert_eq!((forged.source.to_string(), answer.metadata.id), ("45.90.0.53".to_owned(), 4711));
    assert_eq!(answer.queries[0].name().to_ascii(), "WWW.news.Example.");
    assert_eq!(answer.answers[0].data, RData::A(A("45.80.66.66".parse().unwrap())));
    for other in [query("news.example.", RecordType::AAAA), query("new.example.", RecordType::A)] {
        assert_eq!(censor.decide(&other, Direction::Outward, Instant::now()), Decision::PASS);
    }
}

#[test]
fn a_query_for_the_other_kind_of_address_is_answered_if_that_is_forged() {
    let censor = &mut censor("{ do = 'dns-inject', name = 'news.example', address = '2a0e:8f00::66' }");
    let injected = |censor: &mut Censor, kind| {
        censor.decide(&query("news.example.", kind), Direction::Outward, Instant::now()).inject.len()
    };
    assert_eq!((injected(censor, RecordType::AAAA), injected(censor, RecordType::A)), (1, 0));
}

#[test]
fn the_isps_own_resolver_can_be_spared() {
    let text = "{ do = 'dns-inject', name = 'news.example', address = '45.80.66.66', customers = true }";
    let censor = &mut censor(text);
    let from = |source: &str| {
        let asked = query("news.example.", RecordType::A);
        let Transport::Udp { payload, .. } = Packet::parse(&asked).unwrap().transport else { panic!("no query") };
        datagram(source.parse().unwrap(), "45.90.0.53:53".parse().unwrap(), payload).unwrap()
    };
    let mut injected = |source| censor.decide(&from(source), Direction::Outward, Instant::now()).inject.len();
    assert_eq!((injected("10.1.0.53:4000"), injected("10.1.0.11:4000")), (0, 1));
}

#[test]
fn a_question_can_be_kept_from_going_on() {
    let text = "{ do = 'dns-inject', name = 'news.example', address = '45.80.66.66', swallow = true }";
    let decide = |name| censor(text).decide(&query(name, RecordType::A), Direction::Outward, Instant::now());
    let swallowed = decide("news.example.");
    assert_eq!((swallowed.pass, swallowed.inject.len()), (false, 1));
    assert_eq!(decide("weather.example."), Decision::PASS);
}

fn every_rule() -> Censor {
    censor(
        "{ do = 'dns-inject', name = 'news.example', address = '45.80.66.66' }, \
         { do = 'drop-address', address = '45.80.10.99' }, { do = 'icmp-unreachable', address = '45.80.10.97' }, \
         { do = 'tls-certificate-reset', name = 'news.example' }, { do = 'rst-syn', address = '45.80.10.98' }, \
         { do = 'tls-reset', name = 'news.example' }, { do = 'tls-silence', name = 'quiet.example' }, \
         { do = 'http-block-page', host = 'page.example', body = 'no' }, \
         { do = 'http-reset', host = 'cut.example' }, { do = 'http-silence', host = 'mute.example' }, \
         { do = 'resolver', name = 'news.example', answer = 'nxdomain' }, \
         { do = 'police', name = 'slow.example', kbit_s = 100 }, \
         { do = 'delay', name = 'late.example', delay_ms = 9 }, \
         { do = 'shape', address = '45.80.10.96', kbit_s = 100 }",
    )
}

proptest! {
    #[test]
    fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300), outward: bool) {
        let direction = if outward { Direction::Outward } else { Direction::Inward };
        let _ = every_rule().decide(&bytes, direction, Instant::now());
    }

    #[test]
    fn a_damaged_packet_does_not_make_it_panic(place in 0usize..300, byte: u8, dns: bool) {
        let mut bytes = if dns {
            query("news.example.", RecordType::A)
        } else {
            tcp(PROBE, SITE, 1, ACK, &client_hello("news.example"))
        };
        let place = place % bytes.len();
        bytes[place] = byte;
        let _ = every_rule().decide(&bytes, Direction::Outward, Instant::now());
    }

    #[test]
    fn what_no_rule_means_passes_unchanged(
        port: u16, sequence: u32, syn: bool, fin: bool, payload in proptest::collection::vec(any::<u8>(), 0..600),
    ) {
        let flags = Flags { syn, ack: !syn, fin, rst: false };
        let packet = tcp(PROBE, &format!("45.80.20.20:{port}"), sequence, flags, &payload);
        prop_assert_eq!(every_rule().decide(&packet, Direction::Outward, Instant::now()), Decision::PASS);
    }

    #[test]
    fn a_name_is_seen_wherever_the_hello_is_cut(cuts in proptest::collection::vec(0usize..200, 0..5)) {
        let censor = &mut every_rule();
        opened(censor);
        let hello = client_hello("news.example");
        let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut % hello.len()).collect();
        cuts.extend([0, hello.len()]);
        cuts.sort_unstable();
        let mut last = Decision::PASS;
        for piece in cuts.windows(2).filter(|piece| piece[0] < piece[1]) {
            last = say(censor, 101 + u32::try_from(piece[0]).unwrap(), &hello[piece[0]..piece[1]]);
        }
        prop_assert_eq!(last.inject.len(), 2);
    }
}
