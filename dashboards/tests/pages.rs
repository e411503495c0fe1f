//! The pages as documents: what they say, and what must never be in them.

mod sample;

use std::collections::BTreeSet;

use jiff::Timestamp;
use kedergi_dashboards as pages;
use kedergi_detector::Cell;

/// Every page there is, each in several states, with the address it is shown at.
fn all() -> Vec<(&'static str, &'static str, String)> {
    vec![
        ("now_during", "/", pages::now(&sample::now_during())),
        ("now_empty", "/", pages::now(&sample::now_empty())),
        ("now_quiet", "/", pages::now(&sample::now_quiet())),
        ("now_too_few", "/", pages::now(&sample::now_too_few())),
        ("country_day", "/country/KZ", pages::country(&sample::country_day())),
        ("country_empty", "/country/VE", pages::country(&sample::country_empty())),
        ("event_open", "/event/KZ-20190509-7f3a", pages::event(&sample::event_open())),
        ("event_closed", "/event/KZ-20190509-7f3a", pages::event(&sample::event_closed())),
        ("event_taken_back", "/event/KZ-20190509-7f3a", pages::event(&sample::event_taken_back())),
        ("event_shutdown", "/event/KZ-20190509-51d0", pages::event(&sample::event_shutdown())),
        ("event_throttled", "/event/KZ-20190509-9a44", pages::event(&sample::event_throttled())),
        ("event_fault", "/event/KZ-20190509-c0de", pages::event(&sample::event_fault())),
        ("not_found", "/event/nothing", pages::not_found("/event/nothing")),
        ("error", "/", pages::error("/", 503)),
        ("methodology", "/methodology", pages::methodology()),
    ]
}

/// Values of an attribute wherever it stands.
fn values<'a>(page: &'a str, attribute: &str) -> Vec<&'a str> {
    let start = format!(" {attribute}=\"");
    page.split(start.as_str()).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

#[test]
fn pages_read_as_reviewed() {
    for (name, _, page) in all().into_iter().filter(|(name, ..)| *name != "methodology") {
        // A line a tag, so that a change shows as a few lines.
        insta::assert_snapshot!(name, page.replace("><", ">\n<"));
    }
}

#[test]
fn nothing_runs_and_nothing_comes_from_elsewhere() {
    for (name, _, page) in all() {
        assert!(!page.contains("<script"), "{name}");
        assert!(values(&page, "style").is_empty(), "{name}: the policy forbids inline styles");
        assert!(!page.contains("<style"), "{name}");
        for attribute in ["onclick", "onload", "onerror", "onmouseover", "srcset", "action"] {
            assert!(values(&page, attribute).is_empty(), "{name}: {attribute}");
        }
        for link in values(&page, "href").into_iter().chain(values(&page, "src")) {
            assert!(!link.contains("//") && !link.starts_with('/'), "{name}: {link} is not relative");
        }
    }
}

#[test]
fn links_lead_to_routes_that_exist() {
    let routes = ["/", "/methodology", "/style.css", "/api/v1/openapi.json"];
    let below = ["/country/", "/event/", "/api/v1/events/", "/api/v1/timeline"];
    for (name, address, page) in all() {
        let links =
            values(&page, "href").into_iter().filter(|link| !link.starts_with("data:") && !link.starts_with('#'));
        for link in links {
            let path = resolve(address, link);
            assert!(
                routes.contains(&path.as_str()) || below.iter().any(|start| path.starts_with(start)),
                "{name}: {path}"
            );
        }
    }
}

/// The path that a relative link leads to.
fn resolve(address: &str, link: &str) -> String {
    let link = link.split(['?', '#']).next().unwrap_or_default();
    let mut path: Vec<_> = address.split('/').collect();
    path.pop();
    for part in link.split('/') {
        match part {
            ".." => assert!(path.pop().is_some_and(|last| !last.is_empty()), "{link} leads above {address}"),
            "." => {}
            part => path.push(part),
        }
    }
    let path = path.join("/");
    if path.is_empty() { "/".to_owned() } else { path }
}

#[test]
fn rules_named_as_evidence_are_in_the_methodology() {
    let methodology = pages::methodology();
    let ids: Vec<_> = values(&methodology, "id");
    assert_eq!(ids.len(), ids.iter().collect::<BTreeSet<_>>().len(), "an id stands twice");
    for rule in kedergi_verdict::rules() {
        assert!(ids.contains(&rule.id.as_str()), "{}", rule.id);
    }
    for link in values(&pages::event(&sample::event_open()), "href") {
        if let Some((_, rule)) = link.split_once("methodology#") {
            assert!(ids.contains(&rule), "{rule}");
        }
    }
}

#[test]
fn markup_in_evidence_is_shown_not_obeyed() {
    let page = pages::event(&sample::event_open());
    assert!(page.contains("&lt;script&gt;alert(1)&lt;/script&gt; &amp; co."));
    let page = pages::not_found("/\"><img src=x>/../x");
    assert!(!page.contains("<img"));
}

#[test]
fn a_network_with_two_probes_is_nowhere() {
    for page in [pages::event(&sample::event_open()), pages::event(&sample::event_closed())] {
        assert!(!page.contains("39824") && !page.contains("AlmaTV"));
        assert!(page.contains("on 7 networks") && page.contains("and 1 more with too few probes to be named"));
    }
}

#[test]
fn a_country_with_two_probes_shows_nothing_of_them() {
    let page = pages::now(&sample::now_too_few());
    assert!(page.contains("Fewer than three probes report from here"));
    assert!(!page.contains("08:20") && !page.contains("2 probes"));
}

#[test]
fn a_history_alone_is_not_news() {
    let mut view = sample::now_quiet();
    view.now = "2026-11-20T00:00:00Z".parse().unwrap();
    let page = pages::now(&view);
    assert!(page.contains("Nothing is known right now") && page.contains("Nothing was heard from here lately"));
    assert!(!page.contains("No blocking is seen"));
}

#[test]
fn headlines_say_what_where_and_since_when_by_both_clocks() {
    let open = "Facebook, Instagram and YouTube have been blocked in Kazakhstan on 7 networks since 9 May 2019, 05:34 UTC \
                (11:34 in Almaty)";
    assert!(pages::now(&sample::now_during()).contains(open));
    let closed = "Facebook, Instagram and YouTube were blocked in Kazakhstan on 7 networks from 9 May 2019, 05:34 to 14:08 \
                  UTC (11:34 to 20:08 in Almaty)";
    assert!(pages::event(&sample::event_closed()).contains(closed));
}

#[test]
fn a_service_that_some_networks_block_is_not_called_ok() {
    let now = pages::now(&sample::now_during());
    let state = now.split("<span class=\"name\">Telegram</span>").nth(1).unwrap();
    assert!(state.starts_with("<span class=\"word s-blocked\">partly blocked</span>"), "{}", &state[..80]);
    let country = pages::country(&sample::country_day());
    assert!(country.contains("aria-label=\"Telegram: partly blocked\""));
    assert!(country.contains("blocked on some networks, 9 May 2019, 08:05 to 14:02 UTC (14:05 to 20:02 in Almaty)"));
}

#[test]
fn trouble_comes_first() {
    let page = pages::country(&sample::country_day());
    let place = |name: &str| page.find(&format!("<b>{name}</b>")).unwrap();
    assert!(place("YouTube") < place("Azattyq (RFE/RL)"));
    assert!(place("Azattyq (RFE/RL)") < place("Periscope"));
    assert!(place("Telegram") < place("Periscope"));
    assert!(place("Periscope") < place("Signal"));
    assert!(place("Signal") < place("HOLA News"));
}

#[test]
fn readers_may_ask_for_any_stretch_of_time() {
    let mut view = sample::country_day();
    for (from, until) in
        [(Timestamp::MIN, Timestamp::MAX), (Timestamp::MIN, Timestamp::MIN), (Timestamp::MAX, Timestamp::MAX)]
    {
        (view.from, view.until, view.starts) = (from, until, vec![from]);
        view.rows.iter_mut().for_each(|row| row.cells = vec![Cell::INSUFFICIENT]);
        assert!(pages::country(&view).len() < 100_000);
    }
}
