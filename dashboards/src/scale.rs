//! Time along a strip: places as percentages, and the marks of an axis.

use jiff::{SignedDuration, Timestamp, Zoned};
use maud::{Markup, html};

use crate::clock::{Clock, moved, utc};
use crate::marks;

const MINUTE: i64 = 60;
const HOUR: i64 = 60 * MINUTE;
const DAY: i64 = 24 * HOUR;
/// Distances between marks, in seconds: the first that leaves few enough marks is taken.
const STEPS: [i64; 12] = [
    MINUTE,
    5 * MINUTE,
    10 * MINUTE,
    30 * MINUTE,
    HOUR,
    3 * HOUR,
    6 * HOUR,
    12 * HOUR,
    DAY,
    2 * DAY,
    7 * DAY,
    28 * DAY,
];
/// More marks than this do not fit beside each other.
const MARKS: i64 = 9;

/// A stretch of time drawn from left to right.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Scale {
    from: Timestamp,
    until: Timestamp,
}

/// One mark of an axis.
struct Mark {
    at: Timestamp,
    /// Left out where the page is narrow.
    minor: bool,
    /// Whether days are what the axis counts.
    day: bool,
}

impl Scale {
    pub(crate) fn new(from: Timestamp, until: Timestamp) -> Self {
        Self { from, until: until.max(moved(from, SignedDuration::from_secs(1))) }
    }

    /// Thousandths of a percent.
    fn thousandths(&self, at: Timestamp) -> i64 {
        // At the end of the calendar a stretch can be empty all the same.
        let whole = (self.until.as_second() - self.from.as_second()).max(1);
        let part = (at.as_second() - self.from.as_second()).clamp(0, whole);
        i64::try_from(i128::from(part) * 100_000 / i128::from(whole)).unwrap_or(100_000)
    }

    /// Where a moment is, such as `25.5%`.
    pub(crate) fn place(&self, at: Timestamp) -> String {
        percent(self.thousandths(at))
    }

    /// How wide the time between two moments is.
    pub(crate) fn width(&self, from: Timestamp, until: Timestamp) -> String {
        percent(self.thousandths(until) - self.thousandths(from))
    }

    fn marks(&self) -> Vec<Mark> {
        let (from, until) = (self.from.as_second(), self.until.as_second());
        let longest = (until - from) / MARKS / DAY * DAY + DAY;
        let step = STEPS.into_iter().find(|step| (until - from) / step < MARKS).unwrap_or(longest);
        let first = from.div_euclid(step) * step;
        let seconds = (0..).map(|n| first + n * step).skip_while(|&at| at < from).take_while(|&at| at <= until);
        let mark = |at: i64| {
            let minor = at.div_euclid(step) % 2 != 0;
            Some(Mark { at: Timestamp::from_second(at).ok()?, minor, day: step >= DAY })
        };
        seconds.filter_map(mark).collect()
    }

    /// Faint lines behind the marks of a strip.
    pub(crate) fn grid(&self) -> Markup {
        html! {
            @for mark in self.marks() {
                @let x = self.place(mark.at);
                line.grid x1=(x) x2=(x) y1="0" y2=(marks::HEIGHT) {}
            }
        }
    }

    /// An axis in UTC.
    pub(crate) fn utc_axis(&self) -> Markup {
        self.axis(|at| Some(utc(at)))
    }

    /// An axis by the country's clock.
    pub(crate) fn local_axis(&self, clock: &Clock) -> Markup {
        self.axis(|at| clock.local(at))
    }

    fn axis(&self, read: impl Fn(Timestamp) -> Option<Zoned>) -> Markup {
        html! {
            svg.axis height="18" aria-hidden="true" {
                @for mark in self.marks() {
                    @if let Some(shown) = read(mark.at) {
                        text.minor[mark.minor] x=(self.place(mark.at)) y="13" text-anchor=(self.anchor(mark.at)) {
                            (label(&shown, mark.day))
                        }
                    }
                }
            }
        }
    }

    /// Labels at the edges stay inside.
    fn anchor(&self, at: Timestamp) -> &'static str {
        match self.thousandths(at) {
            ..6_000 => "start",
            6_000..=94_000 => "middle",
            _ => "end",
        }
    }
}

fn percent(thousandths: i64) -> String {
    let text = format!("{}.{:03}", thousandths / 1000, thousandths % 1000);
    format!("{}%", text.trim_end_matches('0').trim_end_matches('.'))
}

fn label(at: &Zoned, day: bool) -> String {
    let format = if day || (at.hour() == 0 && at.minute() == 0) { "%-d %b" } else { "%H:%M" };
    at.strftime(format).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(text: &str) -> Timestamp {
        text.parse().unwrap()
    }

    #[test]
    fn places_are_percentages_inside_the_stretch() {
        let scale = Scale::new(at("2019-05-09T00:00:00Z"), at("2019-05-10T00:00:00Z"));
        assert_eq!(scale.place(at("2019-05-09T06:00:00Z")), "25%");
        assert_eq!(scale.place(at("2019-05-09T05:34:00Z")), "23.194%");
        assert_eq!(scale.place(at("2019-05-08T05:34:00Z")), "0%");
        assert_eq!(scale.width(at("2019-05-09T06:00:00Z"), at("2019-05-11T00:00:00Z")), "75%");
    }

    #[test]
    fn an_axis_has_few_marks_at_round_times() {
        for hours in [1, 2, 6, 24, 30, 72, 168, 24 * 90, 24 * 365 * 3000] {
            let from = at("2019-05-09T01:17:00Z");
            let marks = Scale::new(from, from + SignedDuration::from_hours(hours)).marks();
            assert!((2..=10).contains(&marks.len()), "{hours} h: {}", marks.len());
            assert!(marks.iter().all(|mark| mark.at.as_second() % MINUTE == 0));
        }
    }

    #[test]
    fn an_empty_stretch_does_not_divide_by_zero() {
        let from = at("2019-05-09T01:17:00Z");
        assert_eq!(Scale::new(from, from).place(from), "0%");
        assert_eq!(Scale::new(Timestamp::MAX, Timestamp::MAX).place(Timestamp::MAX), "0%");
    }
}
