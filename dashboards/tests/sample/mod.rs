//! Sample views after the reports of 9 May 2019, for the tests and the gallery.

#![allow(dead_code, reason = "the tests and the gallery each use a part of it")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "the sample is fixed and looked at")]

use jiff::{SignedDuration, Timestamp};
use kedergi_dashboards::{
    ControlView, CountryNow, CountryView, EventView, EvidenceView, HistoryView, News, NowView, Row,
};
use kedergi_detector::{
    Affected, Bracket, Cell, CellState, Event, EventId, EventState, Extent, Kind, Level, Note, PublicEvent, Reached,
    Reason, Reasoning, Sign, Slowed,
};
use kedergi_verdict::{DnsManner, How, Outcome, RuleId, TlsManner};
use kedergi_wire::{Asn, CountryCode, ServiceId};

const SILENCE: How = How::Tls(TlsManner::Timeout);
/// When each network was cut off, and how many probes it has.
const CUTS: &[(u32, &str, u32)] = &[
    (9198, "05:34", 6),
    (21299, "05:36", 5),
    (29355, "05:38", 5),
    (48503, "05:41", 4),
    (29555, "05:52", 3),
    (41798, "06:08", 3),
    (39824, "06:31", 2),
];
const CUT: [&str; 3] = ["facebook", "instagram", "youtube"];
const FINE: [&str; 7] = ["signal", "telegram", "twitter", "viber", "vk", "whatsapp", "wikipedia"];

pub(crate) fn at(time: &str) -> Timestamp {
    format!("2019-05-09T{time}:00Z").parse().unwrap()
}

fn kz() -> CountryCode {
    "KZ".parse().unwrap()
}

fn service(name: &str) -> ServiceId {
    name.parse().unwrap()
}

fn network(number: u32) -> Asn {
    Asn::new(number).unwrap()
}

fn affected(number: u32, name: &str, cut: &str, probes: u32, end: Option<Timestamp>) -> Affected {
    let latest = at(cut);
    Affected {
        network: network(number),
        kind: Kind::Block,
        service: Some(service(name)),
        onset: Bracket { earliest: Some(latest - SignedDuration::from_mins(7)), latest },
        suspected: latest + SignedDuration::from_mins(4),
        confirmed: Some(latest + SignedDuration::from_mins(4)),
        end: end.map(|end| Bracket { earliest: Some(end - SignedDuration::from_mins(5)), latest: end }),
        cleared: end.map(|end| end + SignedDuration::from_mins(9)),
        probes,
        manners: vec![(SILENCE, probes * 9), (How::Dns(DnsManner::Injected), probes / 4)],
        slowed: None,
        contested: false,
        notes: Vec::new(),
        evidence: Vec::new(),
    }
}

fn event(networks: usize, state: EventState) -> PublicEvent {
    let end = |n: usize| {
        (state == EventState::Closed).then(|| at("14:02") + SignedDuration::from_mins(1) * i32::try_from(n).unwrap())
    };
    let cuts = CUTS.iter().take(networks).enumerate();
    let scope =
        cuts.flat_map(|(n, &(number, cut, probes))| CUT.map(|name| affected(number, name, cut, probes, end(n))));
    let event = Event::of(EventId("KZ-20190509-7f3a".into()), kz(), scope.collect());
    let (count, is_national) = (u32::try_from(networks).unwrap(), networks >= 4);
    let reached = Reached { national: is_national.then(|| at("05:45")), ..event.reached };
    Event {
        state,
        level: if is_national { Level::National } else { Level::Confirmed },
        reached,
        extent: extent(count, 8),
        reasoning: Some(deliberate(count)),
        ..event
    }
    .public()
    .unwrap()
}

fn extent(networks: u32, measured: u32) -> Extent {
    Extent { networks, measured, permille: u16::try_from(1000 * networks / measured).unwrap() }
}

fn reason(sign: Sign, count: u32, of: u32, minutes: Option<u32>, weight: i32) -> Reason {
    Reason { sign, count, of, minutes, weight }
}

fn deliberate(networks: u32) -> Reasoning {
    Reasoning::of(vec![
        reason(Sign::Selective, 9, 12, None, 1000),
        reason(Sign::Simultaneous, networks.min(5), networks, Some(18), 700),
        reason(Sign::OnTheHour, 5, 7, Some(7), 114),
        reason(Sign::ControlsFine, 3, 3, None, 200),
        reason(Sign::SameTechnique, networks, networks, None, 500),
        reason(Sign::Forged, 7, 252, None, 0),
    ])
}

/// Networks off, one of them before for some of its subscribers.
pub(crate) fn event_shutdown() -> EventView {
    let off = |number, from, kind, end: &str| Affected {
        kind,
        service: None,
        manners: Vec::new(),
        ..affected(number, "vk", from, 5, Some(at(end)))
    };
    let scope = vec![
        off(29355, "04:01", Kind::PartialShutdown, "05:02"),
        off(29355, "05:02", Kind::Shutdown, "09:06"),
        off(48503, "05:03", Kind::Shutdown, "09:02"),
        off(9198, "05:04", Kind::Shutdown, "09:05"),
    ];
    let event = Event::of(EventId("KZ-20190509-51d0".into()), kz(), scope);
    let reasons = vec![reason(Sign::Simultaneous, 2, 3, Some(2), 300), reason(Sign::OnTheHour, 6, 6, Some(7), 508)];
    let event = Event { extent: extent(3, 8), reasoning: Some(Reasoning::of(reasons)), ..event }.public().unwrap();
    let history = vec![HistoryView { at: at("04:12"), news: News::Opened, event: Some(event.clone()) }];
    EventView { event, taken_back: None, now: at("12:00"), evidence: Vec::new(), controls: Vec::new(), history }
}

/// Slowed down for longer than anybody measured, and doubted by some.
pub(crate) fn event_throttled() -> EventView {
    let slow = |number| Affected {
        kind: Kind::Throttling,
        contested: number == 9198,
        notes: vec![Note::Standing],
        slowed: Some(Slowed { slowness: 903, policed: 31, shaped: 0, by_name: 28, by_address: 0 }),
        manners: Vec::new(),
        ..affected(number, "azattyq", "01:10", 4, None)
    };
    let event = Event::of(EventId("KZ-20190509-9a44".into()), kz(), [9198, 21299].map(slow).into());
    let reasons = vec![
        reason(Sign::Selective, 11, 12, None, 1000),
        reason(Sign::ControlsFine, 1, 1, None, 200),
        reason(Sign::ByName, 56, 56, None, 1000),
    ];
    let event = Event { extent: extent(2, 8), reasoning: Some(Reasoning::of(reasons)), ..event }.public().unwrap();
    EventView {
        event,
        taken_back: None,
        now: at("08:30"),
        evidence: Vec::new(),
        controls: controls(),
        history: Vec::new(),
    }
}

/// A line that was cut, with everything on it.
pub(crate) fn event_fault() -> EventView {
    let scope = ["telegram", "vk", "wikipedia"].map(|name| affected(29355, name, "11:14", 5, Some(at("12:41"))));
    let event = Event::of(EventId("KZ-20190509-c0de".into()), kz(), scope.into());
    let reasons = vec![
        reason(Sign::Selective, 0, 3, None, -1000),
        reason(Sign::Alone, 1, 8, None, -300),
        reason(Sign::OnTheHour, 0, 2, Some(7), -400),
        reason(Sign::ControlsFine, 3, 3, None, 200),
    ];
    let event = Event { extent: extent(1, 8), reasoning: Some(Reasoning::of(reasons)), ..event }.public().unwrap();
    EventView {
        event,
        taken_back: None,
        now: at("23:00"),
        evidence: Vec::new(),
        controls: Vec::new(),
        history: Vec::new(),
    }
}

fn news_event() -> PublicEvent {
    let scope = ["azattyq", "vlast"].map(|name| affected(9198, name, "01:12", 6, Some(at("03:40"))));
    let id = EventId("KZ-20190509-02c1".into());
    Event { state: EventState::Closed, ..Event::of(id, kz(), scope.into()) }.public().unwrap()
}

/// A service that two networks block and most probes of the country reach.
fn partial_event(state: EventState) -> PublicEvent {
    let end = (state == EventState::Closed).then(|| at("14:02"));
    let scope = [9198, 29355].map(|number| affected(number, "telegram", "08:05", 5, end));
    Event { state, ..Event::of(EventId("KZ-20190509-2842".into()), kz(), scope.into()) }.public().unwrap()
}

fn cell(state: CellState, probes: u32) -> Cell {
    Cell { state, probes, reports: probes * 3 / 2 }
}

fn cells_now() -> Vec<(ServiceId, Cell)> {
    let mut cells: Vec<_> = FINE.iter().map(|name| (service(name), cell(CellState::Ok, 28))).collect();
    cells.extend(CUT.iter().map(|name| (service(name), cell(CellState::Blocked, 28))));
    cells.push((service("azattyq"), cell(CellState::Throttled, 11)));
    cells.push((service("periscope"), cell(CellState::Down, 26)));
    cells.push((service("uralskweek"), Cell::INSUFFICIENT));
    cells
}

pub(crate) fn now_during() -> NowView {
    let kg = CountryNow {
        country: "KG".parse().unwrap(),
        networks: 2,
        probes: 4,
        last: at("07:48"),
        cells: vec![(service("facebook"), cell(CellState::Ok, 4)), (service("vk"), cell(CellState::Ok, 4))],
    };
    let kz = CountryNow { country: kz(), networks: 7, probes: 28, last: at("08:29"), cells: cells_now() };
    let events = vec![news_event(), event(7, EventState::Open), partial_event(EventState::Open)];
    NowView { now: at("08:30"), countries: vec![kg, kz], events }
}

pub(crate) fn now_empty() -> NowView {
    NowView { now: at("08:30"), countries: Vec::new(), events: Vec::new() }
}

pub(crate) fn now_quiet() -> NowView {
    let mut view = now_during();
    view.events.truncate(1);
    view.countries[1].cells.retain(|(_, cell)| cell.state == CellState::Ok);
    view
}

pub(crate) fn now_too_few() -> NowView {
    let mut view = now_during();
    view.events.clear();
    view.countries.truncate(1);
    view.countries[0].probes = 2;
    view.countries[0].last = at("08:20");
    view
}

/// The state of a service that was cut off, over the day.
fn during_cut(start: Timestamp) -> Cell {
    match start {
        start if start < at("05:30") => cell(CellState::Ok, 26),
        start if start < at("14:00") => cell(CellState::Blocked, 28),
        _ => cell(CellState::Ok, 27),
    }
}

fn news(start: Timestamp) -> Cell {
    match start {
        start if start < at("01:10") => cell(CellState::Ok, 9),
        start if start < at("03:40") => cell(CellState::Blocked, 8),
        start if start < at("13:00") => cell(CellState::Throttled, 8),
        _ => cell(CellState::Ok, 9),
    }
}

fn lonely(start: Timestamp) -> Cell {
    if start < at("18:20") { cell(CellState::Ok, 3) } else { Cell::INSUFFICIENT }
}

fn broken(start: Timestamp) -> Cell {
    if start < at("16:40") || start > at("17:50") { cell(CellState::Ok, 25) } else { cell(CellState::Down, 25) }
}

pub(crate) fn country_day() -> CountryView {
    let step = SignedDuration::from_mins(10);
    let starts: Vec<_> = (0..144).map(|n| at("00:00") + step * n).collect();
    let row = |name: &str, state: fn(Timestamp) -> Cell| Row {
        service: service(name),
        cells: starts.iter().map(|&start| state(start)).collect(),
    };
    let mut rows: Vec<_> = FINE.iter().map(|name| row(name, |_| cell(CellState::Ok, 28))).collect();
    rows.extend(CUT.iter().map(|name| row(name, during_cut)));
    rows.push(row("azattyq", news));
    rows.push(row("uralskweek", lonely));
    rows.push(row("periscope", broken));
    rows.push(row("holanews", |_| Cell::INSUFFICIENT));
    let events = vec![news_event(), event(7, EventState::Closed), partial_event(EventState::Closed)];
    let (now, until) = (at("23:59") + SignedDuration::from_hours(30), at("00:00") + step * 144);
    CountryView { country: kz(), now, from: at("00:00"), until, step, starts, rows, events }
}

pub(crate) fn country_empty() -> CountryView {
    let step = SignedDuration::from_mins(10);
    CountryView {
        country: "VE".parse().unwrap(),
        now: at("08:30"),
        from: at("02:30"),
        until: at("08:30"),
        step,
        starts: Vec::new(),
        rows: Vec::new(),
        events: Vec::new(),
    }
}

fn evidence() -> Vec<EvidenceView> {
    let one = |time: &str, number: u32, name: &str, says: &[&str]| EvidenceView {
        at: at(time),
        network: network(number),
        service: service(name),
        outcome: Outcome::Blocked { how: SILENCE },
        rule: RuleId("tls-timeout".into()),
        says: says.iter().map(|&text| text.to_owned()).collect(),
    };
    let silent = "2 of 2 connections were made in 61 ms and 64 ms; after the name was sent nothing came back for 6 s.";
    let control = "The control finished the handshake with the same addresses 40 s earlier, with a valid certificate.";
    vec![
        one(
            "05:34",
            9198,
            "facebook",
            &[silent, control, "5 of 6 parties outside the network answered during the run."],
        ),
        one("05:36", 21299, "youtube", &[silent, control]),
        one("05:38", 29355, "instagram", &[silent, "A page titled <script>alert(1)</script> & co. was not seen."]),
        one("06:33", 39824, "facebook", &["This network has two probes and must not be named."]),
    ]
}

fn controls() -> Vec<ControlView> {
    let one = |name: &str, time: &str, reachable| ControlView { service: service(name), at: at(time), reachable };
    let times = ["05:30", "05:35", "05:40", "05:45", "05:50"];
    CUT.iter().flat_map(|name| times.map(|time| one(name, time, !(*name == "youtube" && time == "05:45")))).collect()
}

pub(crate) fn event_open() -> EventView {
    let step =
        |time, news, networks| HistoryView { at: at(time), news, event: Some(event(networks, EventState::Open)) };
    let history = vec![
        step("05:38", News::Opened, 1),
        step("05:40", News::Grew, 2),
        step("05:42", News::Grew, 3),
        step("06:12", News::Grew, 6),
        HistoryView { at: at("06:20"), news: News::Updated, event: None },
    ];
    EventView {
        event: event(7, EventState::Open),
        taken_back: None,
        now: at("08:30"),
        evidence: evidence(),
        controls: controls(),
        history,
    }
}

pub(crate) fn event_taken_back() -> EventView {
    let mut view = event_open();
    view.taken_back = Some(at("06:40"));
    view.history.push(HistoryView { at: at("06:40"), news: News::Retracted, event: Some(view.event.clone()) });
    view
}

pub(crate) fn event_closed() -> EventView {
    let mut view = event_open();
    view.event = event(7, EventState::Closed);
    view.now = at("23:00");
    view.history.push(HistoryView { at: at("14:17"), news: News::Closed, event: Some(view.event.clone()) });
    view
}
