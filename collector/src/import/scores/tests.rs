use kedergi_detector::{Event, Level};
use proptest::prelude::*;

use super::super::print;
use super::*;

const HEADER: &str = "time,country,network,target,probe,resolver_network,dns_blocked,dns_down,dns_ok,\
                      tcp_blocked,tcp_down,tcp_ok,tls_blocked,tls_down,tls_ok\n";
const FINE: &str = "0,0.02,0.98,0,0.05,0.95,0.03,0.04,0.93";
const CUT: &str = "0,0.02,0.98,0,0.05,0.95,0.82,0.1,0.08";
/// Lines of every kind that there are, good and bad.
const ODD: &str = include_str!("odd.csv");

fn imported(text: &str) -> (Told, Tally) {
    let list = crate::targets::load(None).unwrap();
    let mut tally = Tally::of("scores.csv", "row");
    let rows = read(text.as_bytes(), Path::new("scores.csv"), &list, &mut tally).unwrap();
    let mut told = Told::default();
    vote(rows, &mut tally, &mut told).unwrap();
    (told, tally)
}

/// Ten days of two networks and two sites, every half an hour through one resolver; the news site is cut on the sixth day, on one
/// network an hour after the other.
fn ten_days() -> Vec<String> {
    let start: jiff::Timestamp = "2024-03-01T00:07:00Z".parse().unwrap();
    let mut rows = Vec::new();
    for half in 0..480 {
        for (number, network) in (0..).zip(["AS64500", "64510"]) {
            for target in ["https://news.example/", "www.wikipedia.org"] {
                let at = start + jiff::SignedDuration::from_mins(30 * half + 11 * number);
                let cut = target.contains("news") && (250 + 2 * number..282).contains(&half);
                let scores = if cut { CUT } else { FINE };
                rows.push(format!("{at},KZ,{network},{target},,AS64501,{scores}\n"));
            }
        }
    }
    rows
}

fn printed(told: &Told, json: bool) -> String {
    let (mut out, events) = (Vec::new(), told.events(false).collect::<Vec<_>>());
    print::events(&events, json, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

#[test]
fn a_block_among_ten_quiet_days_is_told() {
    let (told, tally) = imported(&(HEADER.to_owned() + &ten_days().concat()));
    assert_eq!((tally.taken(), tally.refused()), (1920, 0));
    insta::assert_snapshot!("events", printed(&told, false));
    insta::assert_snapshot!("events-json", printed(&told, true));
}

#[test]
fn the_order_of_lines_plays_no_part() {
    let rows = ten_days();
    let backwards: Vec<_> = rows.iter().rev().cloned().collect();
    let by_site: Vec<_> = ["news", "wikipedia"]
        .iter()
        .flat_map(|site| rows.iter().filter(move |row| row.contains(*site)).cloned())
        .collect();
    let of = |rows: Vec<String>| printed(&imported(&(HEADER.to_owned() + &rows.concat())).0, true);
    let expected = of(rows);
    assert_eq!(of(backwards), expected);
    assert_eq!(of(by_site), expected);
}

#[test]
fn what_is_down_for_the_world_is_no_event() {
    let outage = |rows: Vec<String>| rows.iter().map(|row| row.replace(CUT, "0,0.02,0.98,0.1,0.8,0.1,0,0,0")).collect();
    let rows: Vec<String> = outage(ten_days());
    assert_eq!(imported(&(HEADER.to_owned() + &rows.concat())).0.events(true).count(), 0);
}

/// Where neither the scorer nor another network says that it is up, nothing is told.
#[test]
fn a_block_that_may_be_an_outage_needs_another_network() {
    let unsure = |row: &String| row.replace(CUT, "0,0.02,0.98,0,0.05,0.95,0.5,0.45,0.05");
    let rows: Vec<_> = ten_days().iter().map(unsure).collect();
    let level = |rows: &[String]| {
        let (told, _) = imported(&(HEADER.to_owned() + &rows.concat()));
        told.events(true).map(|event: &Event| event.level).max()
    };
    let alone: Vec<_> = rows.iter().filter(|row| row.contains("AS64500")).cloned().collect();
    assert_eq!(level(&alone), None);
    let spared = |row: &String| row.replace("0.5,0.45,0.05", "0.03,0.04,0.93");
    let other: Vec<_> = rows.iter().map(|row| if row.contains("64510") { spared(row) } else { row.clone() }).collect();
    assert_eq!(level(&other), Some(Level::Confirmed));
}

#[test]
fn odd_lines_are_counted_by_reason() {
    let (_, tally) = imported(ODD);
    insta::assert_snapshot!("odd", tally);
}

/// A row that does not end, as after a quote that is never closed, is not waited for: what stands before it counts.
#[test]
fn a_row_that_never_ends_is_where_the_file_breaks_off() {
    let rows = ten_days().concat();
    let endless = HEADER.to_owned() + &rows + "\"2024" + &rows.repeat(40);
    let (told, tally) = imported(&endless);
    assert_eq!((tally.taken(), tally.refused()), (1920, 0));
    let remark = "it breaks off after line 1921: the next row does not end within 4 MB; is a quote not closed?";
    assert!(tally.to_string().contains(remark), "{tally}");
    assert_eq!(told.events(false).count(), 1);
}

#[test]
fn a_file_that_is_no_such_table_is_refused() {
    let list = crate::targets::load(None).unwrap();
    let refused = |text: &str| {
        let mut tally = Tally::of("a.csv", "row");
        read(text.as_bytes(), Path::new("a.csv"), &list, &mut tally).err().unwrap().to_string()
    };
    insta::assert_snapshot!(refused("date,country,network,target\n2024-03-01,KZ,AS64500,a.example\n"));
    assert!(refused("").starts_with("a.csv: time, country, network, target, dns_blocked"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn nothing_is_half_taken(
        fields in proptest::collection::vec(proptest::collection::vec("[-+0-9A-Za-z.:/ \"\u{0}é]{0,12}", 0..18), 0..8),
        noise in proptest::collection::vec(any::<u8>(), 0..200),
    ) {
        let rows: String = fields.iter().map(|fields| fields.join(",") + "\n").collect();
        let text = [HEADER.as_bytes(), rows.as_bytes(), &noise, b"\n", ten_days()[0].as_bytes()].concat();
        let list = crate::targets::load(None).unwrap();
        let mut tally = Tally::of("scores.csv", "row");
        let rows = read(&text[..], Path::new("scores.csv"), &list, &mut tally).unwrap();
        let kept = rows.sorted().unwrap().map(Result::unwrap).count();
        prop_assert_eq!(kept as u64, tally.taken());
    }
}

/// The same in several countries at once is an outage, whatever the scorer called it; where somebody still reaches it, it is told as
/// one.
#[test]
fn what_fails_in_three_countries_at_once_is_down() {
    let rows = |spared: bool| -> String {
        let countries = [("KZ", "64510"), ("RU", "64520"), ("UA", "64530"), ("DE", "64540")];
        let elsewhere = countries.iter().flat_map(|&(country, network)| {
            let moved = move |row: &String| {
                let row = row.replace(",KZ,", &format!(",{country},")).replace("64510", network);
                if spared && country == "DE" { row.replace(CUT, FINE) } else { row }
            };
            ten_days().into_iter().filter(|row| row.contains(",64510,")).map(move |row| moved(&row)).collect::<Vec<_>>()
        });
        elsewhere.collect()
    };
    let events = |spared: bool| {
        let (told, _) = imported(&(HEADER.to_owned() + &rows(spared)));
        told.events(true).map(|event| (event.country.to_string(), event.notes())).collect::<Vec<_>>()
    };
    assert_eq!(events(false), []);
    let down = ["KZ", "RU", "UA"].map(|country| (country.to_owned(), vec![kedergi_detector::Note::Down]));
    let mut spared = events(true);
    spared.sort();
    assert_eq!(spared, down);
}
