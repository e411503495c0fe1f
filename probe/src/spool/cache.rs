//! What the probe remembers beside reports: the last target list, what a collector said of its network, verdicts, traffic.

use jiff::Timestamp;
use jiff::civil::Date;
use kedergi_verdict::Verdict;
use kedergi_wire::TargetUrl;
use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Counter, Spool, SpoolError, read_counter, signed, unsigned};
use crate::outbox::{Waiting, day};

/// Days of traffic kept for whoever asks where the bytes went.
const TRAFFIC_DAYS: i64 = 8;

/// What is kept under a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kept {
    /// The last target bundle: the envelope as the collector signed it.
    Bundle,
    /// How the daemon is doing, for `status` and for its next start.
    Life,
}

impl Kept {
    fn name(self) -> &'static str {
        match self {
            Self::Bundle => "bundle",
            Self::Life => "life",
        }
    }
}

/// The last verdict on a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Judged {
    /// The target.
    pub(crate) target: TargetUrl,
    /// When it was measured.
    pub(crate) at: Timestamp,
    /// The verdict.
    pub(crate) verdict: Verdict,
}

/// How many reports are where.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Counts {
    /// In no batch yet.
    pub(crate) unsealed: u64,
    /// In batches that wait for a collector.
    pub(crate) sealed: u64,
    /// Dropped for lack of space, ever.
    pub(crate) dropped: u64,
    /// Refused by a collector for good, ever.
    pub(crate) refused: u64,
    /// Acknowledged by a collector, ever.
    pub(crate) delivered: u64,
}

impl Spool {
    /// Keeps bytes under a name, in place of what was kept there.
    pub(crate) fn keep(&mut self, name: Kept, value: &[u8]) -> Result<(), SpoolError> {
        let row = params![name.name(), value];
        self.db.execute("INSERT OR REPLACE INTO kept (name, value) VALUES (?1, ?2)", row)?;
        Ok(())
    }

    /// What is kept under a name.
    pub(crate) fn kept(&self, name: Kept) -> Result<Option<Vec<u8>>, SpoolError> {
        let read = "SELECT value FROM kept WHERE name = ?1";
        Ok(self.db.query_row(read, [name.name()], |row| row.get(0)).optional()?)
    }

    /// As [`Spool::keep`], as JSON.
    pub(crate) fn keep_json(&mut self, name: Kept, value: &impl Serialize) -> Result<(), SpoolError> {
        self.keep(name, &serde_json::to_vec(value)?)
    }

    /// As [`Spool::kept`], from JSON. What another version wrote and this one cannot read counts as absent: it is a cache.
    pub(crate) fn kept_json<T: DeserializeOwned>(&self, name: Kept) -> Result<Option<T>, SpoolError> {
        Ok(self.kept(name)?.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// How many reports are where.
    pub(crate) fn counts(&self) -> Result<Counts, SpoolError> {
        let one = |sql: &str| self.db.query_row(sql, [], |row| row.get(0)).map(unsigned);
        Ok(Counts {
            unsealed: one("SELECT count(*) FROM report")?,
            sealed: one("SELECT coalesce(sum(reports), 0) FROM batch WHERE refused IS NULL")?,
            dropped: read_counter(&self.db, Counter::Dropped)?,
            refused: read_counter(&self.db, Counter::Refused)?,
            delivered: read_counter(&self.db, Counter::Delivered)?,
        })
    }

    /// What waits for the outbox.
    pub(crate) fn waiting(&self, now: Timestamp) -> Result<Waiting, SpoolError> {
        let oldest = "SELECT length(bytes) FROM batch WHERE refused IS NULL ORDER BY number LIMIT 1";
        let batch: Option<i64> = self.db.query_row(oldest, [], |row| row.get(0)).optional()?;
        let (sent_today, _) = self.traffic(day(now))?;
        Ok(Waiting { reports: self.counts()?.unsealed, batch: batch.map(unsigned), sent_today })
    }

    /// Counts bytes sent and received.
    pub(crate) fn add_traffic(&mut self, day: Date, up: u64, down: u64) -> Result<(), SpoolError> {
        let tx = self.db.transaction()?;
        add_traffic(&tx, day, up, down)?;
        Ok(tx.commit()?)
    }

    /// Bytes sent and received on a day.
    pub(crate) fn traffic(&self, day: Date) -> Result<(u64, u64), SpoolError> {
        let read = "SELECT up, down FROM traffic WHERE day = ?1";
        let row = self.db.query_row(read, [day.to_string()], |row| Ok((row.get(0)?, row.get(1)?)));
        Ok(row.optional()?.map_or((0, 0), |(up, down)| (unsigned(up), unsigned(down))))
    }

    /// The last verdict on every target. One that another version wrote and this one cannot read is left out.
    pub(crate) fn verdicts(&self) -> Result<Vec<Judged>, SpoolError> {
        let mut statement = self.db.prepare("SELECT target, at, json FROM verdict ORDER BY target")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)))?;
        let read = |(target, at, json): (String, String, String)| {
            Some(Judged {
                target: target.parse().ok()?,
                at: at.parse().ok()?,
                verdict: serde_json::from_str(&json).ok()?,
            })
        };
        Ok(rows.collect::<Result<Vec<_>, _>>()?.into_iter().filter_map(read).collect())
    }

    /// Forgets verdicts on targets that are measured no longer.
    pub(crate) fn forget_other_verdicts(&mut self, wanted: &[TargetUrl]) -> Result<(), SpoolError> {
        let tx = self.db.transaction()?;
        let known: Vec<String> =
            tx.prepare("SELECT target FROM verdict")?.query_map([], |row| row.get(0))?.collect::<Result<_, _>>()?;
        for target in known.iter().filter(|known| !wanted.iter().any(|target| target.as_str() == known.as_str())) {
            tx.execute("DELETE FROM verdict WHERE target = ?1", [target])?;
        }
        Ok(tx.commit()?)
    }
}

pub(super) fn replace_verdicts(tx: &Transaction<'_>, verdicts: &[Judged]) -> Result<(), SpoolError> {
    let mut statement = tx.prepare("INSERT OR REPLACE INTO verdict (target, at, json) VALUES (?1, ?2, ?3)")?;
    for judged in verdicts {
        let json = serde_json::to_string(&judged.verdict)?;
        statement.execute(params![judged.target.as_str(), judged.at.to_string(), json])?;
    }
    Ok(())
}

pub(super) fn add_traffic(tx: &Transaction<'_>, day: Date, up: u64, down: u64) -> rusqlite::Result<()> {
    const ADD: &str = "INSERT INTO traffic (day, up, down) VALUES (?1, ?2, ?3)
                       ON CONFLICT (day) DO UPDATE SET up = up + excluded.up, down = down + excluded.down";
    tx.execute(ADD, params![day.to_string(), signed(up), signed(down)])?;
    let oldest = "DELETE FROM traffic WHERE day NOT IN (SELECT day FROM traffic ORDER BY day DESC LIMIT ?1)";
    tx.execute(oldest, [TRAFFIC_DAYS]).map(|_| ())
}
