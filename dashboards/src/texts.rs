//! Every word the pages say, in one place, so that translations can follow.
//!
//! English needs two plural forms and articles; sentences are built here whole, never pieced together in a page.

mod causes;
pub(crate) use causes::*;

mod kinds;
pub(crate) use kinds::*;
pub use kinds::{extent_in_words, kind_name, slower_in_words};

mod manners;
pub(crate) use manners::{how, layer};

mod times;
pub use times::bracket_in_words;
use times::joined;
pub(crate) use times::{
    at_least, bracket, clocks, duration, elsewhere, first_seen, moment, short_bracket, short_moment, stretch,
};

mod words;
pub(crate) use words::*;

use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{CellState, Level, PUBLIC_PROBES};
use kedergi_verdict::{Outcome, Why};
use kedergi_wire::Layer;

use crate::clock::{Clock, day_and_time, time, utc};
use crate::runs::Run;
use crate::view::News;

/// A cell's state in one word.
pub(crate) fn state(state: CellState) -> &'static str {
    match state {
        CellState::Ok => "ok",
        CellState::Blocked => "blocked",
        CellState::Throttled => "throttled",
        CellState::Down => "down",
        CellState::Insufficient => "insufficient",
    }
}

/// What the word means.
pub(crate) fn state_meaning(state: CellState) -> &'static str {
    match state {
        CellState::Ok => "can be reached",
        CellState::Blocked => "kept from being reached by something on the way",
        CellState::Throttled => "slowed down by something on the way",
        CellState::Down => "out of order for everybody, controls included",
        CellState::Insufficient => "too few probes, or too little agreement, to say anything",
    }
}

/// `A, B and C`
pub(crate) fn list(items: &[String]) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [rest @ .., last] => format!("{} and {last}", rest.join(", ")),
    }
}

/// As [`list`], but the fifth and later ones are only counted.
pub(crate) fn short_list(items: &[String]) -> String {
    if items.len() <= 4 {
        return list(items);
    }
    format!("{} and {} other services", items[..3].join(", "), items.len() - 3)
}

fn count(n: usize, one: &str, many: &str) -> String {
    if n == 1 { format!("1 {one}") } else { format!("{n} {many}") }
}

pub(crate) fn networks(n: usize) -> String {
    count(n, "network", "networks")
}

pub(crate) fn probes(n: u32) -> String {
    count(n as usize, "probe", "probes")
}

/// `11 of 20 measurements, 55 %`
pub(crate) fn share(part: u32, all: u32, permille: u16) -> String {
    format!("{part} of {}, {}", count(all as usize, "measurement", "measurements"), percent(permille))
}

/// `on 6 networks`, or the only one by name. `unnamed` are those that may be counted only.
pub(crate) fn on_networks(named: &[String], unnamed: u32) -> String {
    match (named, unnamed) {
        ([only], 0) => format!("on {only}"),
        _ => format!("on {}", networks(named.len() + unnamed as usize)),
    }
}

/// When the page was made.
pub(crate) fn as_of(now: Timestamp) -> String {
    format!("As of {} UTC. Reload for news.", day_and_time(&utc(now)))
}

/// Nobody finds anything blocked, and who looked.
pub(crate) fn quiet(probes_now: u32, countries: usize) -> String {
    let countries = count(countries, "country", "countries");
    format!(
        "{} in {countries} reported lately. Networks without enough probes are not covered by this.",
        probes(probes_now)
    )
}

/// `How: the handshake got silence …`
pub(crate) fn how_sentence(manner: &str) -> String {
    format!("{}.", capital(manner))
}

/// The text with a capital first letter.
pub(crate) fn capital(text: &str) -> String {
    let mut letters = text.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

pub(crate) fn confirmed_at(at: Timestamp) -> String {
    format!("Confirmed {} UTC", time(&utc(at)))
}

pub(crate) fn lasted(open: bool, length: SignedDuration) -> String {
    let length = duration(length);
    if open { format!("Lasting {length} so far") } else { format!("Lasted {length}") }
}

/// Nothing is heard from a country in which an event goes on.
pub(crate) fn silent(country: &str, last: Option<String>) -> String {
    match last {
        Some(last) => format!("No report has come from {country} since {last}: whether this goes on is not known."),
        None => format!("No report comes from {country} now: whether this goes on is not known."),
    }
}

/// Who reports from a country.
pub(crate) fn activity(networks_now: u32, probes_now: u32, last: &str) -> String {
    format!("{} on {}; last report {last}", probes(probes_now), networks(networks_now as usize))
}

/// A stretch of one state, for who points at it.
pub(crate) fn run(clock: &Clock, run: &Run) -> String {
    let stretch = stretch(clock, run.from, run.until);
    match run.probes {
        (0, 0) => format!("{}, {stretch}", state(run.state)),
        (_, most) => format!("{}, {stretch}, up to {}", state(run.state), probes(most)),
    }
}

/// When some networks blocked a service, for who points at it.
pub(crate) fn partly_during(clock: &Clock, from: Timestamp, until: Timestamp) -> String {
    format!("blocked on some networks, {}", stretch(clock, from, until))
}

/// Further measurements that say the same as the one shown.
pub(crate) fn more_alike(count: usize, last: Timestamp) -> String {
    format!("and {count} more judged alike, the last at {} UTC", time(&utc(last)))
}

/// `blocked 8 h 30 min`
pub(crate) fn state_for(of: CellState, length: SignedDuration) -> String {
    format!("{} {}", state(of), duration(length))
}

/// `12` or `9–12`, where it may be told.
pub(crate) fn span(least_and_most: (u32, u32)) -> String {
    match least_and_most {
        (0, 0) => format!("under {PUBLIC_PROBES}"),
        (0, most) => format!("up to {most}"),
        (least, most) if least == most => least.to_string(),
        (least, most) => format!("{least}–{most}"),
    }
}

/// Whether an event goes on.
pub(crate) fn going(open: bool) -> &'static str {
    if open { "Going on" } else { "Over" }
}

/// What an event's length is called.
pub(crate) fn lasting(open: bool) -> &'static str {
    if open { "Lasting" } else { "Lasted" }
}

pub(crate) fn timeline_of(country: &str) -> String {
    format!("Timeline of {country}")
}

/// The networks by name, and how many more there are.
pub(crate) fn named_networks(named: &[String], unnamed: u32) -> String {
    let unnamed = unnamed as usize;
    match (named.is_empty(), unnamed) {
        (_, 0) => list(named),
        (true, _) => format!("{} with too few probes to be named", networks(unnamed)),
        (false, _) => format!("{}; and {unnamed} more with too few probes to be named", list(named)),
    }
}

/// On which step of opening a page.
pub(crate) fn step(at: Layer) -> String {
    format!("Step: {}", layer(at))
}

/// What one measurement found.
pub(crate) fn outcome(outcome: Outcome) -> String {
    match outcome {
        Outcome::Reachable => "reachable".to_owned(),
        Outcome::Blocked { how: manner } => format!("blocked: {}", how(manner).short),
        Outcome::Throttled => "throttled: slowed down by something on the way".to_owned(),
        Outcome::Down => "down: out of order for everybody".to_owned(),
        Outcome::Inconclusive { why } => format!("inconclusive: {}", self::why(why)),
    }
}

/// How often controls reached a service, and between when.
pub(crate) fn control_sentence(
    service: &str,
    reached: usize,
    tried: usize,
    between: Option<(Timestamp, Timestamp)>,
) -> String {
    let when = between.map_or_else(String::new, |(first, last)| match first == last {
        true => format!(" at {} UTC", day_and_time(&utc(first))),
        false => format!(", {} UTC", joined(&utc(first), " to ", &utc(last))),
    });
    match reached {
        0 => format!("{service}: not reached in any of {tried} control measurements{when}."),
        _ if reached == tried && tried == 1 => format!("{service}: reached by the control{when}."),
        _ if reached == tried => format!("{service}: reached in all {tried} control measurements{when}."),
        _ => format!("{service}: reached in {reached} of {tried} control measurements{when}."),
    }
}

/// What became known, and what of it may be told.
pub(crate) fn news(news: News, reached: Level, services: &str, on: &str) -> String {
    match news {
        News::Opened => format!("Opened, {}: {services} {on}.", level(reached)),
        News::Grew => format!("Grew: {services} {on}."),
        News::Raised => format!("Now {}: {services} {on}.", level(reached)),
        News::Updated => format!("Known better: {services} {on}."),
        News::Suspected => news_hidden(news).to_owned(),
        News::Closed => "Closed: it is over.".to_owned(),
        News::Retracted => "Taken back: later reports showed that it was no such event.".to_owned(),
    }
}

/// Why an event is shown that was taken back.
pub(crate) fn taken_back(at: &str) -> String {
    format!(
        "Taken back {at}: measurements that came later do not bear it out. The page stays because alerts may have told of it; \
         below is what was known before."
    )
}

/// What became known while nothing of it may be told.
pub(crate) fn news_hidden(news: News) -> &'static str {
    match news {
        News::Opened => "Opened.",
        News::Grew => "Grew.",
        News::Raised => "Surer, or further.",
        News::Updated => "Known better.",
        News::Suspected => "Not confirmed any more: with a report that came late it is suspected only.",
        News::Closed => "Closed.",
        News::Retracted => "Taken back.",
    }
}

/// Why a page cannot be shown.
pub(crate) fn error(status: u16) -> String {
    match status {
        400 => {
            "The address is not understood: times are written like 2019-05-09T06:00:00Z, countries like KZ.".to_owned()
        }
        503 => "The collector is busy or restarting. Try again in a minute.".to_owned(),
        _ => format!("Something went wrong here (error {status}). It has been counted. Try again in a minute."),
    }
}

pub(crate) fn rules_version(version: u16) -> String {
    format!("Version {version} of the rules, in the order in which they are tried.")
}

fn why(why: Why) -> &'static str {
    match why {
        Why::CaptivePortal => "a log-in page answered in place of everybody",
        Why::NoConnectivity => "the line was cut, for everything",
        Why::NoControl => "no control says how the site should look",
        Why::ResolverDead => "the name server answered about nothing",
        Why::OwnMachine => "the probe’s own machine failed",
        Why::Ambiguous => "the signs contradict each other or are too weak",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_read_as_spoken() {
        let names = ["A", "B", "C", "D", "E"].map(str::to_owned);
        assert_eq!(list(&names[..1]), "A");
        assert_eq!(list(&names[..2]), "A and B");
        assert_eq!(short_list(&names[..4]), "A, B, C and D");
        assert_eq!(short_list(&names), "A, B, C and 2 other services");
    }

    #[test]
    fn one_is_not_many() {
        assert_eq!(on_networks(&["Kcell (AS29355)".to_owned()], 0), "on Kcell (AS29355)");
        assert_eq!(on_networks(&["Kcell (AS29355)".to_owned()], 1), "on 2 networks");
        assert_eq!((probes(1), probes(2)), ("1 probe".to_owned(), "2 probes".to_owned()));
    }
}
