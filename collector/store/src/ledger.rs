//! The ledger: what changes. Who is enrolled, how far detection has come, events, and alerts still to be sent.

mod alerts;
mod bundle;
mod canary;
mod detection;
mod probes;
mod signs;

use std::path::Path;

use rusqlite::{Connection, TransactionBehavior, params};
use rusqlite_migration::{M, Migrations};

use crate::error::Result;
use crate::open;

pub use alerts::{AlertRow, NewAlert};
pub use bundle::StoredBundle;
pub use canary::{CanaryAnswer, Said};
pub use detection::Detection;
pub use probes::{Enrolled, NewInvite, ProbeRow};
pub use signs::SignOfLife;

/// One step per version of the layout; a step that was released is never changed.
const STEPS: &[M<'static>] = &[
    M::up(include_str!("ledger/layout.sql")),
    M::up(include_str!("ledger/vouched.sql")),
    M::up(include_str!("ledger/canary.sql")),
    M::up(include_str!("ledger/signs.sql")),
];
const LAYOUT: Migrations<'static> = Migrations::from_slice(STEPS);

/// The file of the ledger. What a call changed has reached the disk when it returns.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
}

impl Ledger {
    /// Opens the file, making it where it is missing, readable by its owner alone.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { connection: open::writer(path, &LAYOUT)? })
    }

    /// The secret of that name; `make` makes it the first time it is asked for.
    pub fn secret(&mut self, name: &str, make: impl FnOnce() -> [u8; 32]) -> Result<[u8; 32]> {
        let tx = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        tx.execute("INSERT INTO secret (name, value) VALUES (?, ?) ON CONFLICT DO NOTHING", params![name, make()])?;
        let secret = tx.query_row("SELECT value FROM secret WHERE name = ?", [name], |row| row.get(0))?;
        tx.commit()?;
        Ok(secret)
    }
}

#[cfg(test)]
mod tests;
