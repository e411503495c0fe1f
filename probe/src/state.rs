//! What the daemon remembers between two starts, beside reports: small, kept in the spool as JSON.

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{Agenda, Asn, CountryCode, Known, Source, Vantage};
use serde::{Deserialize, Serialize};
use url::Url;

use crate::Config;

/// How long what a collector said is believed without hearing from one: machines travel, and clocks are set.
const FRESH: SignedDuration = SignedDuration::from_hours(24);

/// What a collector last said of this probe's vantage and clock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Facts {
    /// When, by the probe's clock.
    pub(crate) at: Timestamp,
    /// The network it saw the connection come from.
    pub(crate) network: Option<Asn>,
    /// The country.
    pub(crate) country: Option<CountryCode>,
    /// Its clock minus the probe's.
    pub(crate) clock_offset_ms: i64,
}

impl Facts {
    /// From an agenda received at `at`. It was written as the last thing before it was sent, so the offset is wrong by the
    /// way back only: a fraction of a second, where minutes matter.
    pub(crate) fn from_agenda(agenda: &Agenda, at: Timestamp) -> Self {
        let offset = agenda.server_time.duration_since(at).as_millis();
        Self {
            at,
            network: agenda.network,
            country: agenda.country,
            clock_offset_ms: i64::try_from(offset).unwrap_or(0),
        }
    }

    /// Whether it still says something at `now`.
    pub(crate) fn is_fresh(&self, now: Timestamp) -> bool {
        now >= self.at && now.duration_since(self.at) <= FRESH
    }

    /// Whether it says the same but for the time it was said.
    fn says_the_same(&self, other: &Self) -> bool {
        let drift = self.clock_offset_ms.abs_diff(other.clock_offset_ms);
        self.network == other.network && self.country == other.country && drift < 1000
    }
}

/// Where this probe measures from: what a collector saw, else what the volunteer wrote.
pub(crate) fn vantage(facts: Option<&Facts>, config: &Config) -> Vantage {
    fn known<T: Copy>(seen: Option<T>, written: Option<T>) -> Option<Known<T>> {
        let seen = seen.map(|value| Known { value, source: Source::Collector });
        seen.or(written.map(|value| Known { value, source: Source::Config }))
    }
    Vantage {
        network: known(facts.and_then(|facts| facts.network), config.network),
        country: known(facts.and_then(|facts| facts.country), config.country),
        resolver: None,
        tunnel: false,
    }
}

/// How the daemon is doing, for `status` and for its next start.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub(crate) struct Life {
    /// The collector that answered last.
    pub(crate) collector: Option<Url>,
    /// When it did.
    pub(crate) last_contact: Option<Timestamp>,
    /// What it said of this probe's vantage and clock.
    pub(crate) facts: Option<Facts>,
    /// When the last run began, and how many targets it measured.
    pub(crate) last_run: Option<(Timestamp, usize)>,
    /// When the next round begins.
    pub(crate) next_round: Option<Timestamp>,
    /// What measuring waits for.
    pub(crate) measuring: String,
    /// What delivering waits for.
    pub(crate) delivering: String,
}

impl Life {
    /// Whether `written` no longer tells how things are. A contact a few minutes old is no news: writing wears a card.
    pub(crate) fn differs(&self, written: &Self) -> bool {
        const OLD_NEWS: SignedDuration = SignedDuration::from_mins(5);
        let recent = match (self.last_contact, written.last_contact) {
            (Some(now), Some(then)) => now.duration_since(then).abs() < OLD_NEWS,
            (now, then) => now == then,
        };
        let same_facts = match (&self.facts, &written.facts) {
            (Some(now), Some(then)) => now.says_the_same(then),
            (now, then) => now == then,
        };
        !recent || !same_facts || self.rest() != written.rest()
    }

    fn rest(&self) -> Self {
        Self { last_contact: None, facts: None, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::constant(1_557_378_000, 0);

    fn facts() -> Facts {
        Facts { at: NOW, network: Asn::new(9198), country: "KZ".parse().ok(), clock_offset_ms: 250 }
    }

    #[test]
    fn the_collectors_word_goes_before_the_volunteers() {
        let config = Config { network: Asn::new(1), country: "KG".parse().ok(), ..Config::default() };
        let seen = vantage(Some(&facts()), &config);
        assert_eq!(seen.network.map(|known| (known.value.get(), known.source)), Some((9198, Source::Collector)));
        let written = vantage(None, &config);
        assert_eq!(written.country.map(|known| known.source), Some(Source::Config));
        assert_eq!(vantage(None, &Config::default()), Vantage::default());
    }

    #[test]
    fn facts_grow_old_and_do_not_come_from_the_future() {
        let hours = |hours| NOW.checked_add(SignedDuration::from_hours(hours)).unwrap();
        assert!(facts().is_fresh(hours(23)));
        assert!(!facts().is_fresh(hours(25)));
        assert!(!facts().is_fresh(hours(-1)));
    }

    #[test]
    fn only_news_is_written() {
        let then = Life { last_contact: Some(NOW), ..Life::default() };
        let minutes = |m| Life { last_contact: NOW.checked_add(SignedDuration::from_mins(m)).ok(), ..Life::default() };
        assert!(!minutes(4).differs(&then));
        assert!(minutes(5).differs(&then));
        assert!(Life { measuring: "a run".to_owned(), ..then.clone() }.differs(&then));
        assert!(then.differs(&Life::default()));
        let seen = |facts| Life { facts: Some(facts), ..then.clone() };
        assert!(!seen(facts()).differs(&seen(Facts { at: minutes(1).last_contact.unwrap(), ..facts() })));
        assert!(seen(facts()).differs(&seen(Facts { network: None, ..facts() })));
    }
}
