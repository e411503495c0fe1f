//! Reports not yet delivered, and what the probe last heard: one SQLite file.
//!
//! A report lies here as it was measured until it is sealed into a batch; the batch's exact bytes lie here until a collector
//! acknowledged them. Beyond the byte cap the oldest go first, and are counted.

mod batch;
mod cache;
mod shown;

pub(crate) use batch::Sealed;
pub(crate) use cache::{Judged, Kept};

use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::Timestamp;
use kedergi_wire::Report;
use rusqlite::{Connection, OpenFlags, Transaction, params};
use rusqlite_migration::{M, Migrations};

use crate::outbox::day;

const SCHEMA: &[M<'_>] = &[
    M::up(
        "CREATE TABLE report (sequence INTEGER PRIMARY KEY, json TEXT NOT NULL) STRICT;
     CREATE TABLE batch (
         number INTEGER PRIMARY KEY AUTOINCREMENT,
         id BLOB NOT NULL UNIQUE,
         reports INTEGER NOT NULL,
         bytes BLOB NOT NULL,
         refused TEXT
     ) STRICT;
     CREATE TABLE counter (name TEXT PRIMARY KEY, value INTEGER NOT NULL) STRICT;
     CREATE TABLE traffic (day TEXT PRIMARY KEY, up INTEGER NOT NULL, down INTEGER NOT NULL) STRICT;
     CREATE TABLE kept (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
     CREATE TABLE verdict (target TEXT PRIMARY KEY, at TEXT NOT NULL, json TEXT NOT NULL) STRICT;",
    ),
    M::up(
        "CREATE TABLE shown (
         certificate BLOB NOT NULL,
         day TEXT NOT NULL,
         batch BLOB NOT NULL,
         PRIMARY KEY (certificate, day)
     ) STRICT;",
    ),
    // Pages as well as certificates.
    M::up("ALTER TABLE shown RENAME COLUMN certificate TO sha256;"),
];

/// `status` reads while the daemon writes.
const BUSY: Duration = Duration::from_secs(5);

/// Why the spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SpoolError {
    /// The file cannot be opened.
    #[error("cannot open the spool {}: {source}; if it is damaged, move it away and its reports are lost", path.display())]
    Open { path: PathBuf, source: rusqlite::Error },
    /// The file was made by other software, or by a newer version of this one.
    #[error("the spool {} is of another version: {source}; use the newer kedergi-probe that wrote it", path.display())]
    Version { path: PathBuf, source: rusqlite_migration::Error },
    /// A statement failed.
    #[error("the spool cannot be read or written (is the disk full?): {0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A value cannot be written as JSON.
    #[error("cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A batch cannot be signed.
    #[error("a batch cannot be sealed: {0}")]
    Seal(#[from] kedergi_wire::SealError),
}

/// Numbers that survive restarts.
#[derive(Debug, Clone, Copy)]
enum Counter {
    /// Sequence number of the last report ever begun.
    Sequence,
    /// Reports dropped for lack of space.
    Dropped,
    /// Reports in batches refused for good.
    Refused,
    /// Reports acknowledged.
    Delivered,
}

impl Counter {
    fn name(self) -> &'static str {
        match self {
            Self::Sequence => "sequence",
            Self::Dropped => "dropped",
            Self::Refused => "refused",
            Self::Delivered => "delivered",
        }
    }
}

/// The spool.
#[derive(Debug)]
pub(crate) struct Spool {
    db: Connection,
    cap: u64,
}

impl Spool {
    /// Opens or makes the file; at most `cap` bytes of reports are kept.
    pub(crate) fn open(path: &Path, cap: u64) -> Result<Self, SpoolError> {
        let failed = |source| SpoolError::Open { path: path.to_owned(), source };
        let mut db = Connection::open(path).and_then(settle).map_err(failed)?;
        Migrations::from_slice(SCHEMA)
            .to_latest(&mut db)
            .map_err(|source| SpoolError::Version { path: path.to_owned(), source })?;
        Ok(Self { db, cap })
    }

    /// Opens an existing file to look at it only, beside a daemon or without one.
    pub(crate) fn look(path: &Path) -> Result<Self, SpoolError> {
        let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
        let db = Connection::open_with_flags(path, flags).and_then(|db| db.busy_timeout(BUSY).map(|()| db));
        let db = db.map_err(|source| SpoolError::Open { path: path.to_owned(), source })?;
        Ok(Self { db, cap: u64::MAX })
    }

    /// Takes `reports` sequence numbers out of circulation and returns the first. On disk before it returns: a crash
    /// leaves a gap, never a number used twice.
    pub(crate) fn reserve(&mut self, reports: usize) -> Result<u64, SpoolError> {
        let tx = self.db.transaction()?;
        let before = read_counter(&tx, Counter::Sequence)?;
        add(&tx, Counter::Sequence, reports.try_into().unwrap_or(u64::MAX))?;
        tx.commit()?;
        Ok(before + 1)
    }

    /// Stores what a run saw: reports, verdicts and the bytes it received, all or nothing.
    pub(crate) fn store(
        &mut self,
        reports: &[Report],
        verdicts: &[Judged],
        downloaded: u64,
        now: Timestamp,
    ) -> Result<(), SpoolError> {
        let tx = self.db.transaction()?;
        for report in reports {
            let row = params![signed(report.sequence), serde_json::to_string(report)?];
            tx.execute("INSERT OR REPLACE INTO report (sequence, json) VALUES (?1, ?2)", row)?;
        }
        cache::replace_verdicts(&tx, verdicts)?;
        cache::add_traffic(&tx, day(now), 0, downloaded)?;
        make_room(&tx, self.cap)?;
        Ok(tx.commit()?)
    }
}

/// FULL, not NORMAL: with NORMAL a power cut may undo the last commits, and sequence numbers already sent would be used again. There
/// are a handful of commits a run, so the card wears no faster for it.
fn settle(db: Connection) -> rusqlite::Result<Connection> {
    db.busy_timeout(BUSY)?;
    db.pragma_update(None, "journal_mode", "WAL")?;
    db.pragma_update(None, "synchronous", "FULL")?;
    // What was delivered or dropped should not be found on a seized machine, as far as that costs no extra writes.
    db.pragma_update(None, "secure_delete", "FAST")?;
    Ok(db)
}

/// Drops the oldest until the rest fits: batches set aside first (no collector wants them), then sealed ones, then reports.
fn make_room(tx: &Transaction<'_>, cap: u64) -> Result<(), SpoolError> {
    const STEPS: [&str; 3] = [
        "DELETE FROM batch WHERE number = (SELECT min(number) FROM batch WHERE refused IS NOT NULL)
         RETURNING length(bytes), 0, id",
        "DELETE FROM batch WHERE number = (SELECT min(number) FROM batch) RETURNING length(bytes), reports, id",
        "DELETE FROM report WHERE sequence = (SELECT min(sequence) FROM report) RETURNING octet_length(json), 1, x''",
    ];
    let mut held = bytes_held(tx)?;
    for step in STEPS {
        let mut statement = tx.prepare(step)?;
        while held > cap {
            let mut rows = statement.query([])?;
            let Some(row) = rows.next()? else { break };
            let (bytes, reports) = (unsigned(row.get(0)?), unsigned(row.get(1)?));
            let batch: Vec<u8> = row.get(2)?;
            // The statement must run to its end to take effect.
            while rows.next()?.is_some() {}
            drop(rows);
            held = held.saturating_sub(bytes);
            add(tx, Counter::Dropped, reports)?;
            shown::forget(tx, &batch)?;
        }
    }
    Ok(())
}

fn bytes_held(db: &Connection) -> rusqlite::Result<u64> {
    const SUM: &str = "SELECT coalesce((SELECT sum(octet_length(json)) FROM report), 0)
                            + coalesce((SELECT sum(length(bytes)) FROM batch), 0)";
    db.query_row(SUM, [], |row| row.get(0)).map(unsigned)
}

fn read_counter(db: &Connection, counter: Counter) -> rusqlite::Result<u64> {
    const READ: &str = "SELECT coalesce((SELECT value FROM counter WHERE name = ?1), 0)";
    db.query_row(READ, [counter.name()], |row| row.get(0)).map(unsigned)
}

fn add(tx: &Transaction<'_>, counter: Counter, amount: u64) -> rusqlite::Result<()> {
    const ADD: &str = "INSERT INTO counter (name, value) VALUES (?1, ?2)
                       ON CONFLICT (name) DO UPDATE SET value = value + excluded.value";
    tx.execute(ADD, params![counter.name(), signed(amount)]).map(|_| ())
}

/// SQLite's integers are signed; no count here comes near the difference.
fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}

#[cfg(test)]
pub(crate) mod tests;
