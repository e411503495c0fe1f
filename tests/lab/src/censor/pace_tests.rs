use proptest::prelude::*;

use super::sight::tests::client_hello;
use super::tests::{ACK, PROBE, SITE, censor, opened, say, tcp};
use super::*;

const OTHER_SITE: &str = "45.80.20.20:443";
const OTHER_PROBE: &str = "10.1.0.12:40000";
/// An IPv4 and a TCP header.
const HEADERS: usize = 40;

/// What becomes of packets of `bytes` that reach the border as often as `every`.
fn stream(censor: &mut Censor, from: &str, to: &str, every: Duration, bytes: usize, count: u32) -> Vec<Decision> {
    let (start, payload) = (Instant::now(), vec![0; bytes - HEADERS]);
    let direction = if from.starts_with("10.") { Direction::Outward } else { Direction::Inward };
    let packet = tcp(from, to, 500, ACK, &payload);
    (0..count).map(|number| censor.decide(&packet, direction, start + every * number)).collect()
}

/// Kbit/s that get through of 1000 bytes every 10 ms (800 kbit/s) within 20 s.
fn rate(censor: &mut Censor, from: &str, to: &str) -> usize {
    let sent = stream(censor, from, to, Duration::from_millis(10), 1000, 2000);
    sent.iter().filter(|decision| decision.pass).count() * 8 / 20
}

#[test]
fn a_policed_rate_drops_what_is_more_each_way_by_itself() {
    let censor = &mut censor("{ do = 'police', address = '45.80.10.10', kbit_s = 100 }");
    let back = stream(censor, SITE, PROBE, Duration::ZERO, 1000, 12);
    assert_eq!(back.iter().filter(|decision| **decision == Decision::PASS).count(), 10, "10 KB at once");
    assert_eq!(back[11], Decision::DROP);
    assert_eq!(stream(censor, PROBE, SITE, Duration::ZERO, 1000, 1), [Decision::PASS]);
    assert_eq!(stream(censor, SITE, OTHER_PROBE, Duration::ZERO, 1000, 1), [Decision::PASS], "another customer");
    assert_eq!(stream(censor, OTHER_SITE, PROBE, Duration::ZERO, 1000, 100).pop(), Some(Decision::PASS));
}

#[test]
fn a_shaped_rate_lets_what_is_more_wait_and_loses_what_does_not_fit() {
    let censor = &mut censor("{ do = 'shape', address = '45.80.10.10', kbit_s = 80 }");
    let sent = stream(censor, SITE, PROBE, Duration::ZERO, 1000, 65);
    let late: Vec<_> = sent.iter().map(|decision| decision.late.as_millis()).collect();
    assert_eq!(late[..3], [100, 200, 300]);
    assert!(sent[..64].iter().all(|decision| decision.pass) && !sent[64].pass);
}

#[test]
fn a_rate_by_name_is_the_connections_own() {
    for rule in ["police", "shape"] {
        let censor = &mut censor(&format!("{{ do = '{rule}', name = 'news.example', kbit_s = 100 }}"));
        opened(censor);
        assert!(say(censor, 101, &client_hello("www.news.example")).pass, "{rule}");
        // In 20 s a queue of 64 KB adds 26 kbit/s.
        assert!((95..130).contains(&rate(censor, SITE, PROBE)), "{rule}");
        assert_eq!(rate(censor, SITE, OTHER_PROBE), 800);
        // The same ports again, another name.
        opened(censor);
        assert!(say(censor, 101, &client_hello("weather.example")).pass);
        assert_eq!(rate(censor, SITE, PROBE), 800);
    }
}

#[test]
fn a_rate_may_change_with_time() {
    let censor = &mut censor("{ do = 'shape', kbit_s = [{ is = 80, for_s = 2 }, { is = 8000, for_s = 1 }] }");
    let sent = stream(censor, SITE, PROBE, Duration::from_millis(50), 1000, 80);
    let late: Vec<_> = sent.iter().map(|decision| decision.late.as_millis()).collect();
    assert_eq!([late[0], late[39], late[40], late[59], late[60]], [100, 2050, 1, 1, 100]);
}

#[test]
fn a_rate_by_name_knows_plain_requests_too() {
    let censor = &mut censor("{ do = 'police', name = 'news.example', kbit_s = 100 }");
    opened(censor);
    assert!(say(censor, 101, b"GET / HTTP/1.1\r\nHost: www.news.example\r\n\r\n").pass);
    assert!((95..110).contains(&rate(censor, SITE, PROBE)));
    opened(censor);
    assert!(say(censor, 101, b"GET / HTTP/1.1\r\nHost: weather.example\r\n\r\n").pass);
    assert_eq!(rate(censor, SITE, PROBE), 800);
}

#[test]
fn a_rate_for_everything_is_one_customers() {
    let censor = &mut censor("{ do = 'police', kbit_s = 64 }");
    assert!((60..75).contains(&rate(censor, SITE, PROBE)));
    assert!(rate(censor, OTHER_SITE, PROBE) < 75);
    assert!((60..75).contains(&rate(censor, SITE, OTHER_PROBE)));
}

#[test]
fn what_comes_back_after_a_name_is_kept_for_a_while() {
    let censor = &mut censor("{ do = 'delay', name = 'news.example', delay_ms = 5000 }");
    opened(censor);
    assert_eq!(stream(censor, SITE, PROBE, Duration::ZERO, 60, 1), [Decision::PASS]);
    assert_eq!(say(censor, 101, &client_hello("news.example")), Decision::PASS);
    let late = Decision { late: Duration::from_secs(5), ..Decision::PASS };
    assert_eq!(stream(censor, SITE, PROBE, Duration::from_secs(1), 1000, 2), [late.clone(), late]);
}

proptest! {
    #[test]
    fn no_more_than_the_rate_gets_through(kbit_s in 20u32..500, every_ms in 1u64..50, bytes in 60usize..1500, queue: bool) {
        let rule = if queue { "shape" } else { "police" };
        let censor = &mut censor(&format!("{{ do = '{rule}', kbit_s = {kbit_s} }}"));
        let every = Duration::from_millis(every_ms);
        let sent = stream(censor, SITE, PROBE, every, bytes, 400);
        let passed: Vec<_> = (0u32..).zip(&sent).filter(|(_, decision)| decision.pass).collect();
        let (last, end) = (passed[passed.len() - 1], sent.len());
        // When the last of them leaves, counted from when the first came.
        let left = every * last.0 + last.1.late;
        let most = u128::from(kbit_s) * left.as_millis() / 8 + 10_000 + 1500;
        prop_assert!((passed.len() * bytes) as u128 <= most, "{} of {end}", passed.len());
        // Whoever keeps to the rate loses nothing and waits for no more than a packet's own time.
        if u128::from(kbit_s) * u128::from(every_ms) / 8 > bytes as u128 {
            prop_assert_eq!(passed.len(), end);
        }
    }
}
