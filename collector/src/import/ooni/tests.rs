use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::Level;
use serde_json::{Value, json};

use super::super::print;
use super::measurement::Seen;
use super::*;

const SITE: &str = "45.80.1.1";
const URL: &str = "https://news.example/";

/// Judges one measurement.
fn judged(json: &Value) -> Result<Found, OoniRefusal> {
    let list = crate::targets::load(None).unwrap();
    found(json, &Services::of(&list))
}

fn outcome(json: &Value) -> String {
    judged(json).map_or_else(
        |refusal| refusal.to_string(),
        |found| match found.seen {
            Seen::Site { outcome, rule, .. } => format!("{outcome} {rule}"),
            Seen::Endpoints(endpoints) => format!("{} endpoints", endpoints.len()),
        },
    )
}

fn measurement(input: &str, at: &str, keys: Value) -> Value {
    json!({
        "data_format_version": "0.2.0", "input": input, "measurement_start_time": at, "probe_asn": "AS64500",
        "probe_cc": "KZ", "probe_ip": "127.0.0.1", "report_id": "", "resolver_asn": "AS64501",
        "software_name": "invented", "software_version": "0", "test_name": "web_connectivity", "test_keys": keys,
    })
}

fn control() -> Value {
    json!({
        "dns": { "failure": null, "addrs": ["cdn.example", SITE] },
        "tcp_connect": { "45.80.1.1:443": { "status": true, "failure": null } },
        "http_request": {
            "failure": null, "status_code": 200, "body_length": 40_000, "title": "News of the day",
            "headers": { "Server": "front" },
        },
    })
}

fn transaction(url: &str, failure: Option<&str>, code: u16, location: Option<&str>) -> Value {
    let headers = location.map_or(json!({}), |location| json!({ "Location": location }));
    let body =
        if code == 200 { "<title>News of the day</title>".to_owned() + &"x".repeat(39_000) } else { String::new() };
    json!({
        "failure": failure, "request": { "url": url, "method": "GET" },
        "response": { "code": code, "headers": headers, "body": body, "body_is_truncated": false },
    })
}

/// As version 0.4 tells it: one resolver, no addresses of handshakes and requests. The steps go well until one fails.
fn old(url: &str, dns: Option<&str>, tcp: Option<&str>, tls: Option<&str>) -> Value {
    let answers = if dns.is_none() { json!([{ "answer_type": "A", "ipv4": SITE, "ttl": null }]) } else { Value::Null };
    let failed = dns.or(tcp).or(tls);
    let tcp_connect =
        json!([{ "ip": SITE, "port": 443, "status": { "blocked": false, "failure": tcp, "success": tcp.is_none() } }]);
    let handshake =
        json!([{ "failure": tls, "server_name": "news.example", "tls_version": "TLSv1.3", "peer_certificates": [] }]);
    let reached = |steps: Value, above: bool| if above { steps } else { Value::Null };
    json!({
        "queries": [
            { "engine": "system", "failure": dns, "hostname": "news.example", "query_type": "A", "answers": answers },
            { "engine": "system", "failure": dns.or(Some("dns_no_answer")), "hostname": "news.example", "query_type": "AAAA", "answers": null },
        ],
        "tcp_connect": reached(tcp_connect, dns.is_none()),
        "tls_handshakes": reached(handshake, dns.is_none() && tcp.is_none()),
        "requests": [transaction(url, failed, if failed.is_some() { 0 } else { 200 }, None)],
        "control_failure": null, "control": control(),
        // What they concluded plays no part.
        "accessible": true, "blocking": false,
    })
}

fn old_at(dns: Option<&str>, tcp: Option<&str>, tls: Option<&str>) -> String {
    outcome(&measurement(URL, "2024-03-01 12:00:00", old(URL, dns, tcp, tls)))
}

#[test]
fn version_0_4_is_judged_layer_by_layer() {
    assert_eq!(old_at(None, None, None), "reachable answered-over-tls");
    assert_eq!(old_at(Some("dns_nxdomain_error"), None, None), "blocked dns nxdomain dns-nxdomain");
    assert_eq!(old_at(Some("dns_bogon_error"), None, None), "blocked dns bogon dns-bogon");
    assert_eq!(old_at(Some("generic_timeout_error"), None, None), "blocked dns no-answer dns-no-answer");
    assert_eq!(old_at(None, Some("generic_timeout_error"), None), "blocked tcp timeout tcp-timeout");
    assert_eq!(old_at(None, Some("connection_refused"), None), "blocked tcp refused tcp-refused");
    assert_eq!(old_at(None, None, Some("connection_reset")), "blocked tls reset tls-reset");
    assert_eq!(old_at(None, None, Some("generic_timeout_error")), "blocked tls timeout tls-timeout");
    assert_eq!(old_at(None, None, Some("eof_error")), "blocked tls closed tls-closed");
    assert_eq!(old_at(None, None, Some("ssl_unknown_authority")), "blocked tls intercepted tls-intercepted");
    assert_eq!(old_at(None, None, Some("ssl_invalid_certificate")), "inconclusive ambiguous ambiguous");
    assert_eq!(old_at(None, None, Some("unknown_failure: something new")), "inconclusive ambiguous ambiguous");
}

#[test]
fn their_control_decides_between_blocked_and_down() {
    let with = |control: Value, failure: Value| {
        let mut keys = old(URL, None, Some("generic_timeout_error"), None);
        (keys["control"], keys["control_failure"]) = (control, failure);
        outcome(&measurement(URL, "2024-03-01 12:00:00", keys))
    };
    let down = json!({
        "dns": { "failure": null, "addrs": [SITE] }, "tcp_connect": { "45.80.1.1:443": { "status": false, "failure": "generic_timeout_error" } },
        "http_request": { "failure": "generic_timeout_error", "status_code": -1, "body_length": -1, "title": "", "headers": {} },
    });
    assert_eq!(with(control(), Value::Null), "blocked tcp timeout tcp-timeout");
    assert_eq!(with(down, Value::Null), "down down");
    // Nobody abroad answered at all: the line.
    assert_eq!(with(Value::Null, json!("generic_timeout_error")), "inconclusive no-connectivity no-connectivity");
}

/// As version 0.5 tells it: several resolvers, addresses everywhere, tags.
fn new(requests: Value, handshakes: Value) -> Value {
    let query = |engine: &str, address: &str| {
        json!({
            "engine": engine, "failure": null, "hostname": "news.example", "query_type": if engine == "getaddrinfo" { "ANY" } else { "A" },
            "resolver_address": address, "answers": [{ "answer_type": "A", "ipv4": SITE }], "tags": ["depth=0"], "t0": 0.001, "t": 0.02,
        })
    };
    let connect = |port: u16| {
        json!({
            "ip": SITE, "port": port, "status": { "failure": null, "success": true }, "tags": ["depth=0", "fetch_body=true"],
        })
    };
    json!({
        "queries": [query("getaddrinfo", ""), query("udp", "8.8.8.8:53"), query("doh", "https://dns.example/dns-query")],
        "tcp_connect": [connect(80), connect(443)], "tls_handshakes": handshakes, "requests": requests,
        "control_failure": null, "control": control(), "x_blocking_flags": 4, "x_null_null_flags": 0,
    })
}

#[test]
fn version_0_5_is_judged_by_its_own_addresses() {
    let handshake = |failure: Value| {
        json!([{
            "address": "45.80.1.1:443", "failure": failure, "server_name": "news.example", "tls_version": "TLSv1.3",
            "negotiated_protocol": "h2", "no_tls_verify": false, "peer_certificates": [{ "data": "MIIB", "format": "base64" }],
            "tags": ["classic", "depth=0", "fetch_body=true"], "t0": 0.05, "t": 0.1,
        }])
    };
    let judged =
        |url: &str, requests, handshakes| outcome(&measurement(url, "2024-03-01 12:00:00", new(requests, handshakes)));
    assert_eq!(judged(URL, json!([]), handshake(json!("connection_reset"))), "blocked tls reset tls-reset");
    let mut page = transaction(URL, None, 200, None);
    page["address"] = json!("45.80.1.1:443");
    assert_eq!(judged(URL, json!([page]), handshake(Value::Null)), "reachable answered-over-tls");
    // A target in the clear, whose handshakes are only to find out whose its addresses are.
    let plain = "http://news.example/";
    let mut page = transaction(plain, None, 200, None);
    page["address"] = json!("45.80.1.1:80");
    assert_eq!(judged(plain, json!([page]), handshake(json!("connection_reset"))), "reachable answered-as-control");
    page["failure"] = json!("connection_reset");
    assert_eq!(judged(plain, json!([page]), handshake(Value::Null)), "blocked http reset http-reset");
}

#[test]
fn a_redirect_is_worth_what_it_leads_to() {
    let plain = "http://news.example/";
    let first = transaction(plain, None, 301, Some(URL));
    let judged = |last: Value, handshakes: Value| {
        let mut keys = old(plain, None, None, None);
        keys["tcp_connect"] = json!([{ "ip": SITE, "port": 80, "status": { "failure": null, "success": true } }]);
        (keys["requests"], keys["tls_handshakes"]) = (json!([last, first]), handshakes);
        outcome(&measurement(plain, "2024-03-01 12:00:00", keys))
    };
    let handshake =
        |failure: Value| json!([{ "failure": failure, "server_name": "news.example", "tags": ["depth=1"] }]);
    assert_eq!(judged(transaction(URL, None, 200, None), json!([])), "reachable answered-as-control");
    let reset = transaction(URL, Some("connection_reset"), 0, None);
    assert_eq!(judged(reset.clone(), handshake(json!("connection_reset"))), "blocked tls reset tls-reset");
    // Which layer it was is not told.
    assert!(judged(reset, json!([])).starts_with("inconclusive"));
}

/// What our probe writes is judged as it judged it.
#[test]
fn what_our_own_probe_writes_is_judged_alike() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../probe/src/ooni/snapshots");
    let mut seen = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let text = fs::read_to_string(file.unwrap().path()).unwrap();
        let mut json: Value = serde_json::from_str(text.splitn(3, "---\n").nth(2).unwrap()).unwrap();
        let own = json["test_keys"]["x_kedergi"].clone();
        (json["probe_asn"], json["probe_cc"]) = ("AS64500".into(), "KZ".into());
        let found = judged(&json).unwrap();
        let Seen::Site { outcome, rule, .. } = found.seen else { panic!("a site") };
        let how = serde_json::to_value(outcome.how()).unwrap();
        assert_eq!((outcome.word(), &how), (own["outcome"].as_str().unwrap(), &own["how"]), "{own:#}");
        assert_eq!(rule.as_str(), own["rule"]);
        seen.push(outcome.how().map(|how| how.layer()));
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 5, "reachable, and blocked on each layer: {seen:?}");
}

#[test]
fn odd_measurements_are_counted_by_reason() {
    let good = measurement(URL, "2024-03-01 12:00:00", old(URL, None, None, None));
    let with = |key: &str, value: Value| {
        let mut json = good.clone();
        json[key] = value;
        outcome(&json)
    };
    let odd = [
        ("test_name", json!("ndt")),
        ("test_name", Value::Null),
        ("test_keys", Value::Null),
        ("test_keys", json!({})),
        ("measurement_start_time", json!("yesterday")),
        ("measurement_start_time", json!("1900-01-01 00:00:00")),
        ("probe_cc", json!("ZZ")),
        ("probe_asn", json!("AS0")),
        ("input", Value::Null),
        ("input", json!("stun://a.example")),
    ];
    let refused: Vec<_> =
        odd.into_iter().map(|(key, value)| format!("{key} {value}: {}", with(key, value.clone()))).collect();
    insta::assert_snapshot!(refused.join("\n"));
    assert_eq!(with("resolver_asn", json!("AS0")), "reachable answered-over-tls");
}

/// Five days of two networks, a site every hour; on the fourth day it is reset on one of them for half a day.
fn five_days() -> String {
    let start: Timestamp = "2024-03-01T00:10:00Z".parse().unwrap();
    let mut lines = Vec::new();
    for hour in 0..120 {
        for network in ["AS64500", "AS64510"] {
            let at = start + SignedDuration::from_hours(hour);
            let cut = network == "AS64500" && (72..84).contains(&hour);
            let keys = old(URL, None, None, cut.then_some("connection_reset"));
            let mut json = measurement(URL, &at.strftime("%Y-%m-%d %H:%M:%S").to_string(), keys);
            json["probe_asn"] = network.into();
            lines.push(json.to_string());
        }
    }
    lines.reverse();
    lines.join("\n")
}

#[test]
fn a_block_among_quiet_days_is_told() {
    let list = crate::targets::load(None).unwrap();
    let (mut sorter, mut progress) = (Sorter::new(), Progress::of("measurements"));
    let mut tally = Tally::of("days.jsonl", "measurement");
    let documents = Documents::of(Box::new(Cursor::new(five_days() + "\nnonsense\n")));
    read(documents, &Services::of(&list), &mut sorter, &mut tally, &mut progress).unwrap();
    assert_eq!((tally.taken(), tally.refused()), (240, 1));
    let mut told = Told::default();
    vote(sorter, &list, &mut told).unwrap();
    let (mut out, events) = (Vec::new(), told.events(false).collect::<Vec<_>>());
    assert_eq!((events.len(), events[0].level), (1, Level::Confirmed));
    print::events(&events, false, &mut out).unwrap();
    print::events(&events, true, &mut out).unwrap();
    insta::assert_snapshot!(String::from_utf8(out).unwrap());
}

/// Which file a measurement is in, in what order files are read, and whether one is read twice plays no part.
#[test]
fn files_in_any_order_give_the_same_events() {
    let (list, folder) = (crate::targets::load(None).unwrap(), tempfile::tempdir().unwrap());
    let file = |name: &str, take: fn(usize) -> bool| {
        let days = five_days();
        let lines: Vec<_> =
            days.lines().enumerate().filter(|(number, _)| take(*number)).map(|(_, line)| line).collect();
        let path = folder.path().join(name);
        fs::write(&path, lines.join("\r\n")).unwrap();
        path
    };
    let (even, odd) = (file("even", |number| number % 2 == 0), file("odd", |number| number % 2 == 1));
    let (early, all) = (file("early", |number| number >= 100), file("all", |_| true));
    let events = |files: &[&std::path::PathBuf]| {
        let files: Vec<_> = files.iter().map(|path| (*path).clone()).collect();
        let (mut out, told) = (Vec::new(), import(&files, &list).unwrap());
        print::events(&told.events(true).collect::<Vec<_>>(), true, &mut out).unwrap();
        String::from_utf8(out).unwrap()
    };
    let expected = events(&[&all]);
    assert!(expected.contains("confirmed"), "{expected}");
    for files in [vec![&even, &odd], vec![&odd, &even], vec![&all, &early], vec![&early, &odd, &all]] {
        assert_eq!(events(&files), expected, "{files:?}");
    }
}

#[test]
fn what_is_down_for_their_control_too_is_no_event() {
    let down = |line: &str| {
        let mut json: Value = serde_json::from_str(line).unwrap();
        if json["test_keys"]["requests"][0]["failure"].is_string() {
            json["test_keys"]["control"]["http_request"] = json!({ "failure": "connection_reset", "status_code": -1 });
        }
        outcome(&json)
    };
    let mut outcomes: Vec<_> = five_days().lines().map(down).collect();
    outcomes.sort();
    outcomes.dedup();
    assert_eq!(outcomes, ["down down", "reachable answered-over-tls"]);
}

#[test]
fn measurements_of_all_kinds_are_taken() {
    let list = crate::targets::load(None).unwrap();
    let judged = |line: &str| outcome(&serde_json::from_str(line).unwrap());
    let outcomes: Vec<_> = include_str!("measurements.jsonl").lines().map(judged).collect();
    assert_eq!(outcomes, ["blocked tls reset tls-reset", "reachable answered-over-tls", "6 endpoints"]);
    assert_eq!(count(include_bytes!("measurements.jsonl"), &list), Some((3, 0)));
}
