//! Every word the pages say, in one place, so that translations can follow.
//!
//! English needs two plural forms and articles; sentences are built here whole, never pieced together in a page.

mod manners;

pub(crate) use manners::{how, layer};

use jiff::{SignedDuration, Timestamp, Zoned};
use kedergi_detector::CellState;
use kedergi_verdict::{Outcome, Why};
use kedergi_wire::Layer;

use crate::clock::{Clock, day_and_time, time, utc};
use crate::runs::Run;
use crate::view::News;

pub(crate) const LANGUAGE: &str = "en";
pub(crate) const SITE: &str = "Kedergi";
pub(crate) const TAGLINE: &str = "What is blocked, where, since when, and how we know";
pub(crate) const SKIP: &str = "Skip to the content";
pub(crate) const NAV_LABEL: &str = "Site";
pub(crate) const NAV_NOW: &str = "Now";
pub(crate) const NAV_METHOD: &str = "How we judge";
pub(crate) const NAV_DATA: &str = "Data";
pub(crate) const FOOTER: &str = "Volunteers’ probes try to reach sites from their own networks; control probes elsewhere try \
    the same at the same time. What fewer than three probes saw is shown nowhere, so that nobody can be found by it. \
    These pages use no cookies and no scripts and load nothing from other places.";

pub(crate) const NOW_TITLE: &str = "What is blocked now";
pub(crate) const ENDED_HEADING: &str = "Ended";
pub(crate) const OPEN_HEADING: &str = "Going on";
pub(crate) const COUNTRIES_HEADING: &str = "Country by country";
pub(crate) const EVIDENCE_LINK: &str = "Evidence";
pub(crate) const TIMELINE_LINK: &str = "Timeline";
pub(crate) const NO_CELLS: &str = "Nothing can be said about any service: too few probes reported.";
pub(crate) const EMPTY_TITLE: &str = "Nothing is known right now";
pub(crate) const EMPTY_TEXT: &str = "No probe has reported lately. That does not mean that everything can be reached: it \
    means that nobody is measuring, or that reports do not arrive.";
pub(crate) const QUIET_TITLE: &str = "No blocking is seen right now";

pub(crate) const EVENTS_HEADING: &str = "Events in this time";
pub(crate) const NO_EVENTS: &str = "No event in this time.";
pub(crate) const TIMELINE_HEADING: &str = "Timeline";
pub(crate) const NO_ROWS: &str =
    "No report from this time. Nothing is known, which is not the same as nothing being wrong.";
pub(crate) const AS_TABLE: &str = "The same as a table";
pub(crate) const AS_JSON: &str = "The same as JSON";
pub(crate) const WINDOW_LABEL: &str = "Time shown";
pub(crate) const EARLIER: &str = "Earlier";
pub(crate) const LATER: &str = "Later";
pub(crate) const LATEST: &str = "Latest";
pub(crate) const LEGEND_LABEL: &str = "What the marks mean";

pub(crate) const BEGAN: &str = "Began";
pub(crate) const ENDED: &str = "Ended";
pub(crate) const LASTED: &str = "Lasted";
pub(crate) const SERVICES: &str = "Services";
pub(crate) const NETWORKS: &str = "Networks";
pub(crate) const HOW: &str = "How";
pub(crate) const CONFIRMED: &str = "Confirmed";
pub(crate) const NETWORK: &str = "Network";
pub(crate) const SERVICE: &str = "Service";
pub(crate) const STATE: &str = "State";
pub(crate) const PROBES: &str = "Probes";
pub(crate) const REPORTS: &str = "Reports";
pub(crate) const FROM: &str = "From";
pub(crate) const UNTIL: &str = "Until";
pub(crate) const RULE: &str = "rule";
pub(crate) const OK_WHERE_KNOWN: &str = "ok where known";
pub(crate) const SILENT_COUNTRY: &str = "Nothing was heard from here lately: what follows is what was last known.";
/// Stretches to choose from, in hours.
pub(crate) const WINDOWS: [(&str, i64); 3] = [("6 hours", 6), ("1 day", 24), ("1 week", 168)];
pub(crate) const NOT_YET: &str = "not yet";
pub(crate) const WHERE_HEADING: &str = "Network by network";
pub(crate) const HOW_HEADING: &str = "How it was done";
pub(crate) const EVIDENCE_HEADING: &str = "Evidence";
pub(crate) const EVIDENCE_INTRO: &str = "Some of the measurements this rests on, as they were judged. The name of the rule \
    leads to what the rule says.";
pub(crate) const NO_EVIDENCE: &str =
    "No single measurement can be shown here without pointing at the volunteer who made it.";
pub(crate) const CONTROLS_HEADING: &str = "The same sites from elsewhere, in the same minutes";
pub(crate) const CONTROLS_INTRO: &str = "Control probes stand where the network is not interfered with. If they fail too, the \
    site itself is in trouble.";
pub(crate) const NO_CONTROLS: &str = "No control measurement from these minutes is at hand.";
pub(crate) const HISTORY_HEADING: &str = "What was known when";
pub(crate) const LIMITS_HEADING: &str = "What this does not show";
pub(crate) const LIMITS: &str = "Measurements show that something on the way kept these sites from being reached, and how. \
    They do not show who ordered it, or why. Networks without enough probes are not listed: they may have been affected \
    or not. Sites were measured as a browser opens them; an app of the same service may have worked, or failed, \
    otherwise. The true begin and end lie between the two measurements given for each, not at a known second.";

pub(crate) const METHOD_TITLE: &str = "How we judge";
pub(crate) const METHOD_INTRO: &str = "Every measurement is judged by the first of these rules that fits. The rules are the \
    same on the volunteer’s machine and here, and each verdict keeps the name of its rule and what it rests on.";
pub(crate) const METHOD_SOURCE: &str = "Based on:";

pub(crate) const NOT_FOUND_TITLE: &str = "This page does not exist";
pub(crate) const NOT_FOUND_TEXT: &str = "There is nothing at this address. An event that turned out to be none is taken back \
    and loses its page.";
pub(crate) const ERROR_TITLE: &str = "This page cannot be shown";
pub(crate) const BACK: &str = "What is blocked now";

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

pub(crate) fn verdicts(n: u32) -> String {
    count(n as usize, "measurement", "measurements")
}

/// `on 6 networks`, or the only one by name. `unnamed` are those that may be counted only.
pub(crate) fn on_networks(named: &[String], unnamed: u32) -> String {
    match (named, unnamed) {
        ([only], 0) => format!("on {only}"),
        _ => format!("on {}", networks(named.len() + unnamed as usize)),
    }
}

/// The sentence an event is known by while it goes on.
pub(crate) fn headline_open(services: &[String], country: &str, on: &str, since: &str) -> String {
    let have = if services.len() == 1 { "has" } else { "have" };
    format!("{} {have} been blocked in {country} {on} since {since}", short_list(services))
}

/// The sentence an event is known by once it is over.
pub(crate) fn headline_closed(services: &[String], country: &str, on: &str, during: &str) -> String {
    let were = if services.len() == 1 { "was" } else { "were" };
    format!("{} {were} blocked in {country} {on} from {during}", short_list(services))
}

/// `9 May 2019, 05:34 UTC (11:34 in Almaty)`
pub(crate) fn moment(clock: &Clock, at: Timestamp) -> String {
    let here = utc(at);
    match (clock.local(at), clock.place()) {
        (Some(local), Some(place)) => {
            let local = if local.date() == here.date() { time(&local) } else { day_and_time(&local) };
            format!("{} UTC ({local} in {place})", day_and_time(&here))
        }
        _ => format!("{} UTC", day_and_time(&here)),
    }
}

/// `9 May 2019, 05:34 to 14:02 UTC (11:34 to 20:02 in Almaty)`
pub(crate) fn stretch(clock: &Clock, from: Timestamp, until: Timestamp) -> String {
    two_moments(clock, from, " to ", until)
}

/// When something was seen otherwise last, and when it was first seen so.
pub(crate) fn bracket(clock: &Clock, earliest: Option<Timestamp>, latest: Timestamp) -> String {
    match earliest {
        Some(earliest) if earliest < latest => format!("between {}", two_moments(clock, earliest, " and ", latest)),
        Some(_) => moment(clock, latest),
        None => format!("{} at the latest", moment(clock, latest)),
    }
}

fn two_moments(clock: &Clock, from: Timestamp, word: &str, until: Timestamp) -> String {
    let (here_from, here_until) = (utc(from), utc(until));
    let here = joined(&here_from, word, &here_until);
    let (Some(local_from), Some(local_until), Some(place)) = (clock.local(from), clock.local(until), clock.place())
    else {
        return format!("{here} UTC");
    };
    // The day is said once where all four clock readings share it.
    let one_day = [&here_until, &local_from, &local_until].iter().all(|at| at.date() == here_from.date());
    let local = match one_day {
        true => format!("{}{word}{}", time(&local_from), time(&local_until)),
        false => joined(&local_from, word, &local_until),
    };
    format!("{here} UTC ({local} in {place})")
}

fn joined(from: &Zoned, word: &str, until: &Zoned) -> String {
    let until_text = if from.date() == until.date() { time(until) } else { day_and_time(until) };
    format!("{}{word}{until_text}", day_and_time(from))
}

/// `8 h 28 min`
pub(crate) fn duration(length: SignedDuration) -> String {
    let minutes = (length.as_secs() + 30) / 60;
    match (minutes / 1440, minutes / 60 % 24, minutes % 60) {
        (0, 0, minutes) => format!("{minutes} min"),
        (0, hours, 0) => format!("{hours} h"),
        (0, hours, minutes) => format!("{hours} h {minutes} min"),
        (1, 0, _) => "1 day".to_owned(),
        (days, 0, _) => format!("{days} days"),
        (1, hours, _) => format!("1 day {hours} h"),
        (days, hours, _) => format!("{days} days {hours} h"),
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
    if open { format!("for {length} so far") } else { format!("for {length}") }
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

/// Clocks elsewhere in the country that show another time.
pub(crate) fn elsewhere(clock: &Clock, at: Timestamp) -> Option<String> {
    let others = clock.elsewhere(at);
    let parts: Vec<_> = others.into_iter().map(|(place, offset)| format!("{place} used {offset}")).collect();
    (!parts.is_empty()).then(|| format!("{}.", capital(&list(&parts))))
}

/// A stretch of one state, for who points at it.
pub(crate) fn run(clock: &Clock, run: &Run) -> String {
    let stretch = stretch(clock, run.from, run.until);
    match run.probes {
        (0, 0) => format!("{}, {stretch}", state(run.state)),
        (_, most) => format!("{}, {stretch}, up to {}", state(run.state), probes(most)),
    }
}

/// `blocked 8 h 30 min`
pub(crate) fn state_for(of: CellState, length: SignedDuration) -> String {
    format!("{} {}", state(of), duration(length))
}

/// `12` or `9–12`
pub(crate) fn span((least, most): (u32, u32)) -> String {
    if least == most { least.to_string() } else { format!("{least}–{most}") }
}

/// Whether an event goes on.
pub(crate) fn going(open: bool) -> &'static str {
    if open { "Going on" } else { "Over" }
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

pub(crate) fn services(n: usize) -> String {
    count(n, "service", "services")
}

/// `9 May, 05:34 (11:34)`: for tables, whose head or caption says which clocks are meant.
pub(crate) fn short_moment(clock: &Clock, at: Timestamp) -> String {
    let here = utc(at);
    match clock.local(at) {
        None => short(&here),
        Some(local) if local.date() == here.date() => format!("{} ({})", short(&here), time(&local)),
        Some(local) => format!("{} ({})", short(&here), short(&local)),
    }
}

fn short(at: &Zoned) -> String {
    at.strftime("%-d %b, %H:%M").to_string()
}

/// Which clocks a table's times are read from.
pub(crate) fn clocks(clock: &Clock) -> String {
    match clock.place() {
        Some(place) => format!("Times in UTC (in brackets: in {place})."),
        None => "Times in UTC.".to_owned(),
    }
}

/// On which step of opening a page.
pub(crate) fn step(at: Layer) -> String {
    format!("At: {}", layer(at))
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
pub(crate) fn news(news: News, services: &str, on: &str) -> String {
    match news {
        News::Opened => format!("Opened: {services} {on}."),
        News::Grew => format!("Grew: {services} {on}."),
        News::Updated => format!("Known better: {services} {on}."),
        News::Closed => "Closed: the services can be reached again.".to_owned(),
        News::Retracted => "Taken back: later reports showed that it was no such event.".to_owned(),
    }
}

/// What became known while nothing of it may be told.
pub(crate) fn news_hidden(news: News) -> &'static str {
    match news {
        News::Opened => "Opened.",
        News::Grew => "Grew.",
        News::Updated => "Known better.",
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
        Why::NoConnectivity => "the line was cut, for everything",
        Why::NoControl => "no control says how the site should look",
        Why::ResolverDead => "the name server answered about nothing",
        Why::OwnMachine => "the probe’s own machine failed",
        Why::Ambiguous => "the signs contradict each other or are too weak",
    }
}
