use jiff::Timestamp;
use rusqlite::params;

use crate::Ledger;
use crate::columns::{micros, timestamp};
use crate::error::Result;

/// The signed list of targets in force.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredBundle {
    /// Its version.
    pub version: u64,
    /// When it was made.
    pub made: Timestamp,
    /// The envelope.
    pub bytes: Vec<u8>,
}

impl Ledger {
    /// The bundle in force; `None` before the first.
    pub fn bundle(&self) -> Result<Option<StoredBundle>> {
        let mut select = self.connection.prepare_cached("SELECT version, made, bytes FROM bundle")?;
        let mut rows = select.query_and_then([], |row| {
            Ok(StoredBundle {
                version: row.get::<_, i64>("version")?.cast_unsigned(),
                made: timestamp(row.get("made")?)?,
                bytes: row.get("bytes")?,
            })
        })?;
        rows.next().transpose()
    }

    /// Puts a bundle in force. One with a lower version than the one in force changes nothing: probes never go back.
    pub fn set_bundle(&mut self, bundle: &StoredBundle) -> Result<()> {
        self.connection.execute(
            "INSERT INTO bundle (row, version, made, bytes) VALUES (0, ?1, ?2, ?3)
             ON CONFLICT (row) DO UPDATE SET version = ?1, made = ?2, bytes = ?3 WHERE ?1 > version",
            params![bundle.version.cast_signed(), micros(bundle.made), bundle.bytes],
        )?;
        Ok(())
    }
}
