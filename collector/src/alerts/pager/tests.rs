use kedergi_detector::Event;

use super::*;
use crate::api::fixtures::{at, ended, event};

/// News of each page, so that a test reads as a story.
fn news(pages: &[Page]) -> Vec<News> {
    pages.iter().map(|page| page.news).collect()
}

fn told_open(now: Timestamp) -> (Pager, Event) {
    let (mut pager, event) = (Pager::default(), event(&[1], &["a"]));
    assert!(pager.note(&Change::Opened(event.clone()), now).is_empty());
    assert_eq!(news(&pager.due(now)), [News::Opened]);
    (pager, event)
}

#[test]
fn what_opens_in_one_step_is_one_alert() {
    let mut pager = Pager::default();
    pager.note(&Change::Opened(event(&[1], &["a"])), at(0));
    pager.note(&Change::Grew(event(&[1], &["a", "b"])), at(0));
    let pages = pager.due(at(0));
    assert_eq!(news(&pages), [News::Opened]);
    assert_eq!(pages[0].event.services.len(), 2);
    assert_eq!(pager.next(), None);
}

#[test]
fn what_is_suspected_or_explained_away_is_told_to_nobody() {
    let mut pager = Pager::default();
    let mut suspected = event(&[1], &["a"]);
    suspected.level = kedergi_detector::Level::Suspected;
    pager.note(&Change::Opened(suspected), at(0));
    let mut standing = event(&[1], &["a"]);
    standing.scope[0].notes = vec![kedergi_detector::Note::Standing];
    pager.note(&Change::Opened(standing), at(0));
    assert!(pager.due(at(60)).is_empty());
}

#[test]
fn only_becoming_national_is_told_of_growth() {
    let (mut pager, _) = told_open(at(0));
    let mut event = event(&[1, 2], &["a", "b"]);
    pager.note(&Change::Grew(event.clone()), at(1));
    assert!(pager.due(at(60)).is_empty());
    event.level = Level::National;
    pager.note(&Change::Raised(event.clone()), at(61));
    assert_eq!(news(&pager.due(at(61))), [News::National]);
    pager.note(&Change::Grew(event), at(62));
    assert!(pager.due(at(600)).is_empty());
}

#[test]
fn becoming_national_within_minutes_wakes_nobody_again() {
    let (mut pager, _) = told_open(at(0));
    let mut event = event(&[1, 2], &["a"]);
    event.level = Level::National;
    (event.reached.confirmed, event.reached.national) = (Some(at(0)), Some(at(14)));
    pager.note(&Change::Raised(event.clone()), at(14));
    pager.note(&Change::Grew(event.clone()), at(40));
    assert!(pager.due(at(600)).is_empty());
    assert_eq!(news(&pager.note(&Change::Closed(ended(event)), at(700))), [News::Closed]);
}

#[test]
fn what_adds_nothing_wakes_nobody() {
    let (mut pager, mut event) = told_open(at(0));
    event.scope[0].probes += 1;
    pager.note(&Change::Updated(event.clone()), at(1));
    pager.note(&Change::Grew(event), at(1));
    assert_eq!((pager.next(), pager.due(at(600))), (None, vec![]));
}

#[test]
fn the_end_takes_growth_with_it() {
    let (mut pager, _) = told_open(at(0));
    pager.note(&Change::Grew(event(&[1, 2], &["a"])), at(1));
    let pages = pager.note(&Change::Closed(ended(event(&[1, 2], &["a"]))), at(2));
    assert_eq!((news(&pages), pages[0].event.networks.len()), (vec![News::Closed], 2));
    assert!(pager.due(at(60)).is_empty());
}

#[test]
fn begin_and_end_in_one_step_are_two_alerts() {
    let (mut pager, event) = (Pager::default(), event(&[1], &["a"]));
    pager.note(&Change::Opened(event.clone()), at(0));
    let pages = pager.note(&Change::Closed(ended(event)), at(0));
    assert_eq!(news(&pages), [News::Opened, News::Closed]);
    assert_eq!(pages[0].event.state, State::Open);
}

#[test]
fn a_block_that_flaps_is_told_once_in_half_an_hour() {
    let (mut pager, event) = told_open(at(0));
    assert_eq!(news(&pager.note(&Change::Closed(ended(event.clone())), at(10))), [News::Closed]);
    for minute in [12, 20] {
        pager.note(&Change::Opened(event.clone()), at(minute));
        assert!(pager.due(at(minute)).is_empty());
        assert!(pager.note(&Change::Closed(ended(event.clone())), at(minute + 2)).is_empty());
    }
    pager.note(&Change::Opened(event), at(30));
    assert!(pager.due(at(39)).is_empty());
    assert_eq!(news(&pager.due(at(40))), [News::Opened]);
}

#[test]
fn a_retraction_is_told_to_those_who_were_told() {
    let (mut pager, event) = told_open(at(0));
    assert_eq!(news(&pager.note(&Change::Retracted(event.clone()), at(1))), [News::Retracted]);
    assert!(pager.note(&Change::Retracted(event.clone()), at(2)).is_empty());
    let mut pager = Pager::default();
    pager.note(&Change::Opened(event.clone()), at(0));
    assert!(pager.note(&Change::Retracted(event), at(0)).is_empty());
    assert!(pager.due(at(60)).is_empty());
}

/// The event as it is while a late report keeps it from being confirmed.
fn doubted(event: &Event) -> Change {
    Change::Updated(Event { level: Level::Suspected, ..event.clone() })
}

#[test]
fn what_is_confirmed_no_longer_is_taken_back_to_those_who_were_told() {
    let (mut pager, event) = told_open(at(0));
    assert!(pager.note(&doubted(&event), at(1)).is_empty());
    pager.note(&doubted(&event), at(4));
    assert_eq!((pager.next(), pager.due(at(10))), (Some(at(11)), vec![]));
    let pages = pager.due(at(11));
    assert_eq!((news(&pages), pages[0].event.id.clone()), (vec![News::Retracted], event.id.clone()));
    pager.note(&doubted(&event), at(12));
    assert!(pager.due(at(600)).is_empty(), "told once");
}

#[test]
fn what_is_gone_after_it_was_doubted_is_taken_back_at_once() {
    let (mut pager, event) = told_open(at(0));
    pager.note(&doubted(&event), at(1));
    let suspected = Event { level: Level::Suspected, ..event };
    assert_eq!(news(&pager.note(&Change::Retracted(suspected), at(2))), [News::Retracted]);
    assert!(pager.due(at(600)).is_empty());
}

#[test]
fn what_is_confirmed_again_at_once_wakes_nobody() {
    let (mut pager, event) = told_open(at(0));
    pager.note(&doubted(&event), at(1));
    pager.note(&Change::Raised(event.clone()), at(2));
    assert!(pager.due(at(600)).is_empty());
    assert_eq!(news(&pager.note(&Change::Closed(ended(event)), at(601))), [News::Closed]);
}

#[test]
fn what_is_doubted_before_anybody_was_told_is_told_to_nobody() {
    let (mut pager, event) = (Pager::default(), event(&[1], &["a"]));
    pager.note(&Change::Opened(event.clone()), at(0));
    pager.note(&doubted(&event), at(0));
    assert!(pager.due(at(600)).is_empty());
    assert_eq!(pager, Pager::default());
}

#[test]
fn a_closed_event_is_forgotten_after_a_week() {
    let (mut pager, event) = told_open(at(0));
    pager.note(&Change::Closed(ended(event)), at(1));
    pager.due(at(60));
    assert_ne!(pager, Pager::default());
    pager.due(at(8 * 24 * 60));
    assert_eq!(pager, Pager::default());
}
