use jiff::{SignedDuration, Timestamp};
use kedergi_detector::Counts;
use kedergi_wire::CountryCode;
use rusqlite::{Row, params};

use crate::columns::{country, micros, network, text, timestamp};
use crate::error::Result;
use crate::{BucketRow, CellRow, CountryActivity, Facts, StoreError};

const MINUTE: i64 = 60_000_000;

const COUNTED: &str = "(minute - ?2) / ?4 AS slot, service,
     sum(ok) AS ok, sum(blocked) AS blocked, sum(throttled) AS throttled, sum(down) AS down,
     sum(inconclusive) AS inconclusive, count(DISTINCT probe) AS probes
     FROM bucket WHERE country = ?1 AND minute >= ?2 AND minute < ?3";

const COUNTRIES: &str = "SELECT country, count(DISTINCT network) AS networks, count(DISTINCT probe) AS probes,
     max(minute) AS last FROM bucket WHERE minute >= ? GROUP BY country ORDER BY country";

impl Facts {
    /// Counts per span of `step`, network and service, over the minutes from that of `from` up to all that begin before
    /// `until`. Spans in which nobody measured are missing. `step` is in whole minutes, at least one.
    pub fn buckets(
        &self,
        country: CountryCode,
        from: Timestamp,
        until: Timestamp,
        step: SignedDuration,
    ) -> Result<Vec<BucketRow>> {
        let slots = Slots::new(from, until, step);
        let sql = format!("SELECT network, {COUNTED} GROUP BY slot, service, network ORDER BY slot, service, network");
        let mut select = self.connection.prepare_cached(&sql)?;
        let bounds = params![String::from(country), slots.from, slots.until, slots.step];
        let rows = select.query_and_then(bounds, |row| {
            Ok(BucketRow {
                start: slots.start(row)?,
                network: network(row, "network")?,
                service: text(row, "service")?,
                counts: counts(row)?,
                probes: row.get("probes")?,
            })
        })?;
        rows.collect()
    }

    /// As [`Facts::buckets`], but over all networks of the country together, each probe counted once.
    pub fn cells(
        &self,
        country: CountryCode,
        from: Timestamp,
        until: Timestamp,
        step: SignedDuration,
    ) -> Result<Vec<CellRow>> {
        let slots = Slots::new(from, until, step);
        let sql = format!("SELECT {COUNTED} GROUP BY slot, service ORDER BY slot, service");
        let mut select = self.connection.prepare_cached(&sql)?;
        let bounds = params![String::from(country), slots.from, slots.until, slots.step];
        let rows = select.query_and_then(bounds, |row| {
            Ok(CellRow {
                start: slots.start(row)?,
                service: text(row, "service")?,
                counts: counts(row)?,
                probes: row.get("probes")?,
            })
        })?;
        rows.collect()
    }

    /// The countries measured from since `since`, sorted.
    pub fn countries(&self, since: Timestamp) -> Result<Vec<CountryActivity>> {
        let mut select = self.connection.prepare_cached(COUNTRIES)?;
        let rows = select.query_and_then([minute(since)], |row| {
            let missing = || StoreError::corrupt("country")(&"a bucket has none");
            Ok(CountryActivity {
                country: country(row, "country")?.ok_or_else(missing)?,
                networks: row.get("networks")?,
                probes: row.get("probes")?,
                last: timestamp(row.get::<_, i64>("last")?.saturating_mul(MINUTE))?,
            })
        })?;
        rows.collect()
    }
}

/// Spans of time in minutes since 1970.
struct Slots {
    from: i64,
    until: i64,
    step: i64,
}

impl Slots {
    fn new(from: Timestamp, until: Timestamp, step: SignedDuration) -> Self {
        let until = micros(until).div_euclid(MINUTE) + i64::from(micros(until).rem_euclid(MINUTE) != 0);
        Self { from: minute(from), until, step: step.as_mins().max(1) }
    }

    fn start(&self, row: &Row<'_>) -> Result<Timestamp> {
        let slot: i64 = row.get("slot")?;
        timestamp(self.from.saturating_add(slot.saturating_mul(self.step)).saturating_mul(MINUTE))
    }
}

fn minute(at: Timestamp) -> i64 {
    micros(at).div_euclid(MINUTE)
}

fn counts(row: &Row<'_>) -> Result<Counts> {
    Ok(Counts {
        ok: row.get("ok")?,
        blocked: row.get("blocked")?,
        throttled: row.get("throttled")?,
        down: row.get("down")?,
        inconclusive: row.get("inconclusive")?,
    })
}
