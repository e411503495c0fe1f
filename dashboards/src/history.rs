//! What was known when: of all that became known of an event, what says something new to a reader.

use jiff::Timestamp;
use kedergi_detector::Level;
use maud::{Markup, html};

use crate::clock::{Clock, exact};
use crate::view::{HistoryView, News};
use crate::{story, texts};

pub(crate) fn history(steps: &[HistoryView], clock: &Clock) -> Markup {
    if steps.is_empty() {
        return html! {};
    }
    html! {
        section aria-labelledby="history" {
            h2 #history { (texts::HISTORY_HEADING) }
            ol.history {
                @for step in worth_telling(steps) {
                    li {
                        time datetime=(exact(step.at)) { (texts::moment(clock, step.at)) }
                        " " (step.sentence())
                    }
                }
            }
        }
    }
}

/// A step as it is told.
struct Told<'a> {
    at: Timestamp,
    news: News,
    step: &'a HistoryView,
}

/// Every opening and end, and between them the steps that name another service, network or level than the one before. An event
/// takes in its services one by one within a minute: that is one step to a reader.
fn worth_telling(steps: &[HistoryView]) -> Vec<Told<'_>> {
    let mut told: Vec<Told<'_>> = Vec::new();
    for step in steps {
        let new = Told { at: step.at, news: step.news, step };
        match told.last_mut() {
            Some(last) if new.news == News::Suspected && last.step.event.is_none() => {}
            Some(last) if new.only_refines() && new.names() == last.names() => {}
            Some(last) if new.only_refines() && last.takes_in(&new) => last.step = step,
            _ => told.push(new),
        }
    }
    told
}

impl Told<'_> {
    fn only_refines(&self) -> bool {
        matches!(self.news, News::Grew | News::Raised | News::Updated)
    }

    fn takes_in(&self, next: &Told<'_>) -> bool {
        let minute = |at: Timestamp| at.as_second().div_euclid(60);
        !matches!(self.news, News::Closed | News::Retracted | News::Suspected) && minute(self.at) == minute(next.at)
    }

    /// What the sentence names; nothing where nothing may be told.
    fn names(&self) -> Option<(Vec<String>, Vec<String>, u32, Level)> {
        let event = self.step.event.as_ref()?;
        Some((story::services(event), story::network_names(event), event.unnamed_networks, event.level))
    }

    fn sentence(&self) -> String {
        let Some((names, event)) = self.names().zip(self.step.event.as_ref()) else {
            return texts::news_hidden(self.news).to_owned();
        };
        let (services, networks, unnamed, level) = names;
        let on = texts::on_networks(&networks, unnamed);
        texts::news(self.news, level, &texts::what(event.kind, &services), &on)
    }
}

#[cfg(test)]
mod tests {
    use kedergi_detector::{EventId, EventState, PublicEvent};

    use super::*;

    fn step(second: i64, news: News, services: &[&str]) -> HistoryView {
        let at = Timestamp::from_second(1_557_379_920 + second).unwrap();
        let event = PublicEvent {
            id: EventId("KZ-20190509-7f3a".to_owned()),
            country: "KZ".parse().unwrap(),
            state: EventState::Open,
            onset: kedergi_detector::Bracket { earliest: None, latest: at },
            opened: at,
            end: None,
            closed: None,
            services: services.iter().map(|service| service.parse().unwrap()).collect(),
            scope: Vec::new(),
            unnamed_networks: 1,
            manners: Vec::new(),
            kind: kedergi_detector::Kind::Block,
            level: kedergi_detector::Level::Confirmed,
            reached: kedergi_detector::Reached::default(),
            extent: kedergi_detector::Extent::default(),
            contested: false,
            notes: Vec::new(),
            reasoning: None,
        };
        HistoryView { at, news, event: Some(event) }
    }

    fn told(steps: &[HistoryView]) -> Vec<(News, usize)> {
        worth_telling(steps)
            .iter()
            .map(|told| (told.news, told.names().map_or(0, |(services, ..)| services.len())))
            .collect()
    }

    #[test]
    fn one_step_takes_in_what_came_within_a_minute() {
        let steps = [step(0, News::Opened, &["facebook"]), step(5, News::Grew, &["facebook", "youtube"])];
        assert_eq!(told(&steps), [(News::Opened, 2)]);
    }

    #[test]
    fn what_names_nothing_new_is_not_told() {
        let steps = [
            step(0, News::Opened, &["facebook"]),
            step(300, News::Updated, &["facebook"]),
            step(600, News::Grew, &["facebook", "youtube"]),
            step(900, News::Updated, &["facebook", "youtube"]),
        ];
        assert_eq!(told(&steps), [(News::Opened, 1), (News::Grew, 2)]);
    }

    #[test]
    fn what_is_confirmed_no_longer_and_then_again_is_told() {
        let hidden = |second, news| HistoryView { event: None, ..step(second, news, &[]) };
        let steps = [
            hidden(0, News::Opened),
            hidden(1, News::Suspected),
            step(20, News::Raised, &["facebook"]),
            hidden(22, News::Suspected),
            hidden(23, News::Suspected),
            step(25, News::Raised, &["facebook"]),
        ];
        let told = worth_telling(&steps);
        let shown: Vec<_> = told.iter().map(|told| (told.news, told.step.event.is_some())).collect();
        let raised = (News::Raised, true);
        assert_eq!(shown, [(News::Opened, true), (News::Suspected, false), raised]);
    }

    #[test]
    fn ends_and_new_beginnings_are_always_told() {
        let steps = [
            step(0, News::Opened, &["facebook"]),
            step(10, News::Closed, &["facebook"]),
            step(20, News::Opened, &["facebook"]),
        ];
        assert_eq!(told(&steps).len(), 3);
    }
}
