//! From reports to signed batches, and what becomes of those.

use ed25519_dalek::SigningKey;
use kedergi_wire::{BatchId, Envelope, Kind, SealError, limits, seal};
use rusqlite::{OptionalExtension, Transaction, params};
use serde::Serialize;
use serde_json::value::RawValue;

use super::{Counter, Spool, SpoolError, add, shown, signed, unsigned};

/// Bytes of reports in one batch at most, before compression: below what an envelope carries even if nothing compresses, and
/// small enough for a bad line.
const BATCH_BYTES: u64 = 900_000;

/// A signed batch, as it is sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Sealed {
    /// Its id, which the collector's receipt must name.
    pub(crate) id: BatchId,
    /// Reports in it.
    pub(crate) reports: u64,
    /// The bytes, the same at every attempt.
    pub(crate) bytes: Vec<u8>,
}

/// [`kedergi_wire::Batch`] with its reports left as the text they were stored as.
#[derive(Serialize)]
struct Written {
    reports: Vec<Box<RawValue>>,
}

impl Spool {
    /// Seals the oldest reports into a batch and removes them, in one transaction: a retry then sends the very same bytes,
    /// which a collector recognises. False if there was nothing to seal.
    pub(crate) fn seal(&mut self, key: &SigningKey) -> Result<bool, SpoolError> {
        let tx = self.db.transaction()?;
        let (mut rows, last) = oldest(&tx)?;
        let Some(last) = last else { return Ok(false) };
        let carried = shown::leave_out(&tx, &mut rows)?;
        let taken = rows.len();
        // Only a damaged disk makes it something else than JSON; one such report must not hold up the others.
        let reports: Vec<_> = rows.into_iter().filter_map(|json| RawValue::from_string(json).ok()).collect();
        let count = reports.len();
        let batch = (count > 0).then(|| seal(Kind::Batch, key, &Written { reports }));
        let lost = match batch {
            Some(Ok(bytes)) => {
                shown::remember(&tx, &carried, insert(&tx, &bytes, count)?)?;
                taken - count
            }
            // A single report beyond every limit: no collector could take it.
            None | Some(Err(SealError::TooLarge(_))) => taken,
            Some(Err(error)) => return Err(error.into()),
        };
        tx.execute("DELETE FROM report WHERE sequence <= ?1", [last])?;
        add(&tx, Counter::Dropped, count_of(lost))?;
        tx.commit()?;
        Ok(true)
    }

    /// The oldest batch that is not set aside.
    pub(crate) fn oldest_batch(&self) -> Result<Option<Sealed>, SpoolError> {
        const OLDEST: &str = "SELECT id, reports, bytes FROM batch WHERE refused IS NULL ORDER BY number LIMIT 1";
        let read = |row: &rusqlite::Row<'_>| {
            Ok(Sealed { id: BatchId(row.get(0)?), reports: unsigned(row.get(1)?), bytes: row.get(2)? })
        };
        Ok(self.db.query_row(OLDEST, [], read).optional()?)
    }

    /// A collector has the batch on disk: it can go.
    pub(crate) fn acknowledged(&mut self, id: BatchId) -> Result<(), SpoolError> {
        let tx = self.db.transaction()?;
        let delete = "DELETE FROM batch WHERE id = ?1 RETURNING reports";
        let reports: Option<i64> = tx.query_row(delete, [id.0], |row| row.get(0)).optional()?;
        add(&tx, Counter::Delivered, unsigned(reports.unwrap_or(0)))?;
        Ok(tx.commit()?)
    }

    /// A collector will never take the batch: it is kept for whoever looks into it, until its room is needed.
    pub(crate) fn set_aside(&mut self, id: BatchId, problem: &str) -> Result<(), SpoolError> {
        let tx = self.db.transaction()?;
        let update = "UPDATE batch SET refused = ?2 WHERE id = ?1 AND refused IS NULL RETURNING reports";
        let reports: Option<i64> = tx.query_row(update, params![id.0, problem], |row| row.get(0)).optional()?;
        add(&tx, Counter::Refused, unsigned(reports.unwrap_or(0)))?;
        shown::forget(&tx, &id.0)?;
        Ok(tx.commit()?)
    }
}

/// The oldest reports that fit one batch (at least one), and the sequence number of the last of them.
fn oldest(tx: &Transaction<'_>) -> rusqlite::Result<(Vec<String>, Option<i64>)> {
    let mut statement = tx.prepare("SELECT sequence, json FROM report ORDER BY sequence LIMIT ?1")?;
    let mut rows = statement.query([signed(count_of(limits::REPORTS))])?;
    let (mut taken, mut last, mut bytes) = (Vec::new(), None, 0);
    while let Some(row) = rows.next()? {
        let json: String = row.get(1)?;
        bytes += count_of(json.len());
        if bytes > BATCH_BYTES && !taken.is_empty() {
            break;
        }
        last = Some(row.get(0)?);
        taken.push(json);
    }
    Ok((taken, last))
}

fn insert(tx: &Transaction<'_>, bytes: &[u8], reports: usize) -> Result<BatchId, SpoolError> {
    // What was sealed a line above can be parsed; were it not so, the collector would refuse it.
    let id = Envelope::parse(bytes).map_or(BatchId([0; 32]), |envelope| envelope.id());
    let row = params![id.0, signed(count_of(reports)), bytes];
    tx.execute("INSERT INTO batch (id, reports, bytes) VALUES (?1, ?2, ?3)", row)?;
    Ok(id)
}

fn count_of(length: usize) -> u64 {
    length.try_into().unwrap_or(u64::MAX)
}
