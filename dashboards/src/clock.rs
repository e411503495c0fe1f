//! Times as readers see them: UTC first, and the clock on the wall of the country beside it.

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp, Zoned};
use kedergi_wire::CountryCode;

/// The zone most of a country lives by, and others it has or had. A place is named as "in Almaty".
struct Zones {
    country: &'static str,
    place: &'static str,
    zone: &'static str,
    others: &'static [(&'static str, &'static str)],
}

const ZONES: &[Zones] = &[
    zones("AM", "Yerevan", "Asia/Yerevan", &[]),
    zones("AZ", "Baku", "Asia/Baku", &[]),
    zones("BD", "Dhaka", "Asia/Dhaka", &[]),
    zones("BY", "Minsk", "Europe/Minsk", &[]),
    zones("CN", "Beijing", "Asia/Shanghai", &[]),
    zones("DE", "Berlin", "Europe/Berlin", &[]),
    zones("EG", "Cairo", "Africa/Cairo", &[]),
    zones("ET", "Addis Ababa", "Africa/Addis_Ababa", &[]),
    zones("FI", "Helsinki", "Europe/Helsinki", &[]),
    zones("FR", "Paris", "Europe/Paris", &[]),
    zones("GB", "London", "Europe/London", &[]),
    zones("GE", "Tbilisi", "Asia/Tbilisi", &[]),
    zones("IN", "Delhi", "Asia/Kolkata", &[]),
    zones("IQ", "Baghdad", "Asia/Baghdad", &[]),
    zones("IR", "Tehran", "Asia/Tehran", &[]),
    zones("KG", "Bishkek", "Asia/Bishkek", &[]),
    zones("KZ", "Almaty", "Asia/Almaty", &[("the west of the country", "Asia/Aqtau")]),
    zones("MD", "Chișinău", "Europe/Chisinau", &[]),
    zones("MM", "Yangon", "Asia/Yangon", &[]),
    zones("NL", "Amsterdam", "Europe/Amsterdam", &[]),
    zones("PK", "Karachi", "Asia/Karachi", &[]),
    zones("PL", "Warsaw", "Europe/Warsaw", &[]),
    zones(
        "RU",
        "Moscow",
        "Europe/Moscow",
        &[("Yekaterinburg", "Asia/Yekaterinburg"), ("Vladivostok", "Asia/Vladivostok")],
    ),
    zones("SE", "Stockholm", "Europe/Stockholm", &[]),
    zones("SY", "Damascus", "Asia/Damascus", &[]),
    zones("TJ", "Dushanbe", "Asia/Dushanbe", &[]),
    zones("TM", "Ashgabat", "Asia/Ashgabat", &[]),
    zones("TR", "Istanbul", "Europe/Istanbul", &[]),
    zones("UA", "Kyiv", "Europe/Kyiv", &[]),
    zones("UG", "Kampala", "Africa/Kampala", &[]),
    zones(
        "US",
        "New York",
        "America/New_York",
        &[("Chicago", "America/Chicago"), ("Los Angeles", "America/Los_Angeles")],
    ),
    zones("UZ", "Tashkent", "Asia/Tashkent", &[]),
    zones("VE", "Caracas", "America/Caracas", &[]),
    zones("VN", "Hanoi", "Asia/Ho_Chi_Minh", &[]),
];

const fn zones(
    country: &'static str,
    place: &'static str,
    zone: &'static str,
    others: &'static [(&'static str, &'static str)],
) -> Zones {
    Zones { country, place, zone, others }
}

/// The clock of one country.
#[derive(Debug, Clone)]
pub(crate) struct Clock {
    local: Option<Local>,
}

#[derive(Debug, Clone)]
struct Local {
    place: &'static str,
    zone: TimeZone,
    others: &'static [(&'static str, &'static str)],
}

impl Clock {
    /// UTC alone where no zone is known for the country.
    pub(crate) fn of(country: CountryCode) -> Self {
        let code = country.to_string();
        let known = ZONES.iter().find(|zones| zones.country == code);
        let local = known.and_then(|zones| {
            let zone = TimeZone::get(zones.zone).ok()?;
            Some(Local { place: zones.place, zone, others: zones.others })
        });
        Self { local }
    }

    /// Where the local clock hangs, such as `Almaty`.
    pub(crate) fn place(&self) -> Option<&'static str> {
        self.local.as_ref().map(|local| local.place)
    }

    /// The time on the local clock.
    pub(crate) fn local(&self, at: Timestamp) -> Option<Zoned> {
        self.local.as_ref().map(|local| at.to_zoned(local.zone.clone()))
    }

    /// The local clock's distance from UTC, such as `UTC+6`.
    pub(crate) fn offset(&self, at: Timestamp) -> Option<String> {
        self.local.as_ref().map(|local| offset(&local.zone, at))
    }

    /// Places whose clocks showed another time than the main one at that moment, each with its distance from UTC.
    pub(crate) fn elsewhere(&self, at: Timestamp) -> Vec<(&'static str, String)> {
        let Some(local) = &self.local else { return Vec::new() };
        let main = offset(&local.zone, at);
        let others =
            local.others.iter().filter_map(|&(place, zone)| Some((place, offset(&TimeZone::get(zone).ok()?, at))));
        others.filter(|(_, offset)| *offset != main).collect()
    }
}

/// The time on the clock on the wall of the country, and where that clock hangs: `None` where no zone is known for it.
pub fn local_time(country: CountryCode, at: Timestamp) -> Option<(&'static str, Zoned)> {
    let clock = Clock::of(country);
    clock.place().zip(clock.local(at))
}

fn offset(zone: &TimeZone, at: Timestamp) -> String {
    let minutes = zone.to_offset(at).seconds() / 60;
    let sign = if minutes < 0 { '\u{2212}' } else { '+' };
    match (minutes.abs() / 60, minutes.abs() % 60) {
        (hours, 0) => format!("UTC{sign}{hours}"),
        (hours, minutes) => format!("UTC{sign}{hours}:{minutes:02}"),
    }
}

/// `9 May 2019, 05:34`
pub(crate) fn day_and_time(at: &Zoned) -> String {
    at.strftime("%-d %B %Y, %H:%M").to_string()
}

/// `05:34`
pub(crate) fn time(at: &Zoned) -> String {
    at.strftime("%H:%M").to_string()
}

/// The moment in UTC.
pub(crate) fn utc(at: Timestamp) -> Zoned {
    at.to_zoned(TimeZone::UTC)
}

/// The moment moved by `by`, as far as the calendar goes: readers write stretches of time into the address.
pub(crate) fn moved(at: Timestamp, by: SignedDuration) -> Timestamp {
    let end = if by.is_negative() { Timestamp::MIN } else { Timestamp::MAX };
    at.checked_add(by).unwrap_or(end)
}

/// The moment to the second, for links and `datetime` attributes: `2019-05-09T05:34:00Z`.
pub(crate) fn exact(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_zone_is_in_the_bundled_database() {
        for zones in ZONES {
            assert!(TimeZone::get(zones.zone).is_ok(), "{}", zones.zone);
            for (place, zone) in zones.others {
                assert!(TimeZone::get(zone).is_ok(), "{place}");
            }
        }
    }

    #[test]
    fn kazakhstan_had_two_clocks_until_2024() {
        let clock = Clock::of("KZ".parse().unwrap());
        let then: Timestamp = "2019-05-09T05:34:00Z".parse().unwrap();
        let now: Timestamp = "2026-05-09T05:34:00Z".parse().unwrap();
        assert_eq!(clock.local(then).map(|at| time(&at)).unwrap(), "11:34");
        assert_eq!(clock.elsewhere(then), [("the west of the country", "UTC+5".to_owned())]);
        assert_eq!(clock.offset(now).unwrap(), "UTC+5");
        assert_eq!(clock.elsewhere(now), []);
    }

    #[test]
    fn half_hours_and_unknown_countries() {
        let at = "2022-09-21T12:00:00Z".parse().unwrap();
        assert_eq!(Clock::of("IR".parse().unwrap()).offset(at).unwrap(), "UTC+4:30");
        assert_eq!(Clock::of("AQ".parse().unwrap()).offset(at), None);
        assert_eq!(Clock::of("VE".parse().unwrap()).offset(at).unwrap(), "UTC\u{2212}4");
    }
}
