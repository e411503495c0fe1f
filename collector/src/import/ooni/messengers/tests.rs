use kedergi_detector::{Event, Level};
use serde_json::json;

use super::super::super::services::Services;
use super::super::super::told::Told;
use super::super::measurement::found;
use super::super::votes::Votes;
use super::*;

const DATA_CENTRES: [&str; 5] =
    ["149.154.175.50", "149.154.167.51", "149.154.175.100", "149.154.167.91", "149.154.171.5"];

/// An endpoint by name: asked for, connected to, shaken hands with and asked; it goes well until it fails.
#[derive(Clone, Copy, Default)]
struct Site {
    dns: Option<&'static str>,
    tcp: Option<&'static str>,
    tls: Option<&'static str>,
    /// Nothing is tried beyond connecting.
    bare: bool,
}

const GOOD: Site = Site { dns: None, tcp: None, tls: None, bare: false };

fn connect(ip: &str, port: u16, failure: Option<&str>) -> Value {
    json!({ "ip": ip, "port": port, "status": { "blocked": failure.is_some(), "failure": failure, "success": failure.is_none() } })
}

/// The test keys of a test of these hosts and, if it is telegram's, of the data centres of which so many fail.
fn keys(hosts: &[(&str, &str, Site)], cut: Option<usize>) -> Value {
    let (mut queries, mut connects, mut shaken, mut requests) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for &(host, ip, site) in hosts {
        let answers = if site.dns.is_none() { json!([{ "answer_type": "A", "ipv4": ip }]) } else { Value::Null };
        queries.push(
            json!({ "engine": "system", "failure": site.dns, "hostname": host, "query_type": "A", "answers": answers }),
        );
        if site.dns.is_none() {
            connects.push(connect(ip, 443, site.tcp));
        }
        if site.dns.or(site.tcp).is_none() && !site.bare {
            shaken.push(json!({ "failure": site.tls, "server_name": host, "address": format!("{ip}:443"), "peer_certificates": [] }));
        }
        let failed = site.dns.or(site.tcp).or(site.tls);
        if !site.bare {
            requests.push(json!({
                "failure": failed, "request": { "url": format!("https://{host}/") },
                "response": { "code": if failed.is_some() { 0 } else { 200 }, "headers": {}, "body": "ok" },
            }));
        }
    }
    for (place, ip) in DATA_CENTRES.iter().enumerate().filter(|_| cut.is_some()) {
        let failure = (Some(place) < cut).then_some("generic_timeout_error");
        connects.extend([connect(ip, 80, failure), connect(ip, 443, failure)]);
    }
    json!({ "queries": queries, "tcp_connect": connects, "tls_handshakes": shaken, "requests": requests })
}

fn measurement(test: &str, (country, network): (&str, &str), hour: i64, keys: &Value) -> Value {
    let at = "2024-03-01T00:10:00Z".parse::<Timestamp>().unwrap() + SignedDuration::from_hours(hour);
    json!({
        "input": null, "measurement_start_time": at.strftime("%Y-%m-%d %H:%M:%S").to_string(), "probe_cc": country,
        "probe_asn": network, "resolver_asn": network, "test_name": test, "test_keys": keys,
    })
}

/// What is told of three days, hour by hour on two networks of two countries: here and elsewhere.
fn told(test: &str, keys: impl Fn(i64, bool) -> Value) -> Vec<Event> {
    let list = crate::targets::load(None).unwrap();
    let services = Services::of(&list);
    let (mut votes, mut told) = (Votes::by(&list), Told::default());
    for hour in 0..72 {
        for (here, place) in [(false, ("DE", "AS64510")), (true, ("KZ", "AS64500"))] {
            let found = found(&measurement(test, place, hour, &keys(hour, here)), &services).unwrap();
            votes.take(&found, &mut |input| told.apply(&input));
        }
    }
    told.events(false).cloned().collect()
}

fn names(events: &[Event]) -> Vec<String> {
    let name = |event: &Event| {
        let (country, services) = (event.country, event.services());
        let manners: Vec<_> = event.manners().iter().map(|(how, _)| how.to_string()).collect();
        format!(
            "{country} {} {}",
            services.iter().map(|one| one.as_str()).collect::<Vec<_>>().join(" "),
            manners.join(", ")
        )
    };
    events.iter().filter(|event| event.level >= Level::Confirmed).map(name).collect()
}

fn cut(hour: i64) -> bool {
    (40..52).contains(&hour)
}

#[test]
fn telegram_is_blocked_when_most_of_its_data_centres_are() {
    let days = |fail: usize, everywhere: bool| {
        told("telegram", move |hour, here| {
            let cut = cut(hour) && (here || everywhere);
            keys(&[("web.telegram.org", "149.154.167.99", GOOD)], Some(if cut { fail } else { 0 }))
        })
    };
    assert_eq!(names(&days(5, false)), ["KZ telegram tcp timeout"]);
    assert_eq!(names(&days(3, false)), ["KZ telegram tcp timeout"]);
    assert_eq!(names(&days(2, false)), [""; 0]);
    assert_eq!(names(&days(5, true)), [""; 0], "out of order for the world");
}

#[test]
fn telegrams_web_client_is_a_service_of_its_own() {
    let events = told("telegram", |hour, here| {
        let tls = (cut(hour) && here).then_some("connection_reset");
        keys(&[("web.telegram.org", "149.154.167.99", Site { tls, ..GOOD })], Some(0))
    });
    assert_eq!(names(&events), ["KZ telegram-web tls reset"]);
}

#[test]
fn whatsapp_and_signal_are_judged_by_their_servers() {
    let events = told("whatsapp", |hour, here| {
        let dns = (cut(hour) && here).then_some("dns_nxdomain_error");
        let hosts =
            [("v.whatsapp.net", "157.240.1.60", Site { dns, ..GOOD }), ("web.whatsapp.com", "157.240.1.61", GOOD)];
        keys(&hosts, None)
    });
    assert_eq!(names(&events), ["KZ whatsapp dns nxdomain"]);
    let signal = |fail: usize| {
        told("signal", move |hour, here| {
            let site = |place: usize| {
                let tls = (cut(hour) && here && place < fail).then_some("generic_timeout_error");
                Site { tls, ..GOOD }
            };
            let hosts = [("storage.signal.org", "142.250.1.1", site(0)), ("cdn2.signal.org", "104.18.1.1", site(1))];
            keys(&hosts, None)
        })
    };
    assert_eq!(names(&signal(2)), ["KZ signal tls timeout"]);
    assert_eq!(names(&signal(1)), [""; 0]);
}

/// Facebook's test connects and no more.
#[test]
fn messenger_is_judged_by_connecting() {
    let days = |dns: Option<&'static str>, tcp: Option<&'static str>, everywhere: bool| {
        told("facebook_messenger", move |hour, here| {
            let cut = cut(hour) && (here || everywhere);
            let site = Site { dns: dns.filter(|_| cut), tcp: tcp.filter(|_| cut), bare: true, ..GOOD };
            keys(&[("b-api.facebook.com", "157.240.2.1", site), ("b-graph.facebook.com", "157.240.2.2", site)], None)
        })
    };
    assert_eq!(names(&days(None, Some("connection_refused"), false)), ["KZ messenger tcp refused"]);
    assert_eq!(names(&days(Some("dns_nxdomain_error"), None, false)), ["KZ messenger dns nxdomain"]);
    assert_eq!(names(&days(None, Some("generic_timeout_error"), true)), [""; 0], "out of order for the world");
    assert_eq!(names(&days(None, None, false)), [""; 0]);
}
