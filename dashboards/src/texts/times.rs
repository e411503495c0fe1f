//! Times in words: UTC first, the country's clock beside it.

use jiff::{SignedDuration, Timestamp, Zoned};
use kedergi_detector::Bracket;
use kedergi_wire::CountryCode;

use super::{capital, list};
use crate::clock::{Clock, day_and_time, time, utc};

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

/// A moment before which nobody looked.
pub(crate) fn at_least(since: &str) -> String {
    format!("at least {since}")
}

/// The same, where it stands by itself.
pub(crate) fn first_seen(at: &str) -> String {
    format!("not known; first seen {at}")
}

/// When something was seen otherwise last, and when it was first seen so.
pub(crate) fn bracket(clock: &Clock, earliest: Option<Timestamp>, latest: Timestamp) -> String {
    match earliest {
        Some(earliest) if earliest < latest => format!("between {}", two_moments(clock, earliest, " and ", latest)),
        Some(_) => moment(clock, latest),
        None => format!("{} at the latest", moment(clock, latest)),
    }
}

/// Between which moments something happened, in UTC and by the clock on the wall of the country.
pub fn bracket_in_words(country: CountryCode, at: Bracket) -> String {
    bracket(&Clock::of(country), at.earliest, at.latest)
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

pub(super) fn joined(from: &Zoned, word: &str, until: &Zoned) -> String {
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

/// `05:34 (11:34)`, with the day where it is another than `day`'s; [`clocks`] says above the table what is meant.
pub(crate) fn short_moment(clock: &Clock, at: Timestamp, day: Timestamp) -> String {
    let (here, day) = (utc(at), utc(day).date());
    let local = clock.local(at);
    let same = here.date() == day && local.as_ref().is_none_or(|local| local.date() == day);
    let read = |at: &Zoned| if same { time(at) } else { at.strftime("%-d %b, %H:%M").to_string() };
    match local {
        None => read(&here),
        Some(local) if local.date() == here.date() => format!("{} ({})", read(&here), time(&local)),
        Some(local) => format!("{} ({})", read(&here), read(&local)),
    }
}

/// `05:27–05:34 (11:27–11:34)`: not before, not after, as in [`short_moment`].
pub(crate) fn short_bracket(clock: &Clock, bracket: Bracket, day: Timestamp) -> String {
    let Some(earliest) = bracket.earliest.filter(|earliest| *earliest < bracket.latest) else {
        return short_moment(clock, bracket.latest, day);
    };
    let (from, until) = (utc(earliest), utc(bracket.latest));
    let local = clock.local(earliest).zip(clock.local(bracket.latest));
    let over_midnight = |(from, until): (&Zoned, &Zoned)| from.date() != until.date();
    if over_midnight((&from, &until)) || local.as_ref().is_some_and(|(from, until)| over_midnight((from, until))) {
        return format!("{} – {}", short_moment(clock, earliest, day), short_moment(clock, bracket.latest, day));
    }
    // As the earlier moment is read, with the later one's time behind it on each clock.
    let begin = short_moment(clock, earliest, day);
    match (local, begin.strip_suffix(')').and_then(|begin| begin.split_once(" ("))) {
        (Some((_, local)), Some((here, there))) => format!("{here}–{} ({there}–{})", time(&until), time(&local)),
        _ => format!("{begin}–{}", time(&until)),
    }
}

/// Which clocks a table's times are read from, and which day is meant where none is said.
pub(crate) fn clocks(clock: &Clock, day: Timestamp) -> String {
    let day = utc(day).strftime("%-d %B %Y").to_string();
    match clock.place() {
        Some(place) => format!("Times of {day} in UTC, in brackets the clock in {place}."),
        None => format!("Times of {day} in UTC."),
    }
}

/// Clocks elsewhere in the country that show another time.
pub(crate) fn elsewhere(clock: &Clock, at: Timestamp) -> Option<String> {
    let others = clock.elsewhere(at);
    let parts: Vec<_> = others.into_iter().map(|(place, offset)| format!("{place} used {offset}")).collect();
    (!parts.is_empty()).then(|| format!("{}.", capital(&list(&parts))))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    fn almaty() -> Clock {
        Clock::of("KZ".parse().unwrap())
    }

    #[test]
    fn the_day_is_said_again_where_the_clocks_disagree_about_it() {
        let (evening, night) = (at("2019-05-08T17:00:00Z"), at("2019-05-08T21:10:00Z"));
        assert_eq!(moment(&almaty(), night), "8 May 2019, 21:10 UTC (9 May 2019, 03:10 in Almaty)");
        assert_eq!(
            stretch(&almaty(), evening, night),
            "8 May 2019, 17:00 to 21:10 UTC (8 May 2019, 23:00 to 9 May 2019, 03:10 in Almaty)"
        );
        assert_eq!(short_moment(&almaty(), night, evening), "8 May, 21:10 (9 May, 03:10)");
        assert_eq!(short_moment(&almaty(), at("2019-05-08T05:00:00Z"), evening), "05:00 (11:00)");
    }

    #[test]
    fn without_a_known_zone_utc_stands_alone() {
        let clock = Clock::of("AQ".parse().unwrap());
        assert_eq!(moment(&clock, at("2019-05-09T05:34:00Z")), "9 May 2019, 05:34 UTC");
        assert_eq!(clocks(&clock, at("2019-05-09T05:34:00Z")), "Times of 9 May 2019 in UTC.");
    }

    #[test]
    fn a_bracket_tells_what_is_known() {
        let latest = at("2019-05-09T05:34:00Z");
        let earliest = Some(at("2019-05-09T05:27:00Z"));
        assert_eq!(bracket(&almaty(), None, latest), "9 May 2019, 05:34 UTC (11:34 in Almaty) at the latest");
        let both = "between 9 May 2019, 05:27 and 05:34 UTC (11:27 and 11:34 in Almaty)";
        assert_eq!(bracket(&almaty(), earliest, latest), both);
    }

    #[test]
    fn a_short_bracket_says_each_day_once() {
        let short = |from, until, day| {
            let bracket = Bracket { earliest: Some(at(from)), latest: at(until) };
            (
                short_bracket(&almaty(), bracket, at(day)),
                short_bracket(&Clock::of("AQ".parse().unwrap()), bracket, at(day)),
            )
        };
        let (day, evening) = ("2019-05-08T05:00:00Z", "2019-05-08T18:08:00Z");
        let same = short(day, "2019-05-08T05:07:00Z", day);
        assert_eq!(same, ("05:00–05:07 (11:00–11:07)".to_owned(), "05:00–05:07".to_owned()));
        let other = short(evening, "2019-05-08T18:12:00Z", day);
        assert_eq!(other, ("8 May, 18:08–18:12 (9 May, 00:08–00:12)".to_owned(), "18:08–18:12".to_owned()));
        let midnight = short("2019-05-08T17:58:00Z", "2019-05-08T18:02:00Z", day);
        assert_eq!(midnight.0, "17:58 (23:58) – 8 May, 18:02 (9 May, 00:02)");
    }

    #[test]
    fn durations_keep_two_units() {
        let minutes = |minutes| duration(SignedDuration::from_mins(minutes));
        assert_eq!(minutes(7), "7 min");
        assert_eq!(minutes(508), "8 h 28 min");
        assert_eq!(minutes(24 * 60 + 125), "1 day 2 h");
        assert_eq!(minutes(3 * 24 * 60), "3 days");
    }
}
