//! The facts: batches, one row per report, and counts per minute. Append only.

mod append;
mod buckets;
mod controls;
mod scan;

use std::path::Path;

use rusqlite::Connection;
use rusqlite_migration::{M, Migrations};

use crate::error::Result;
use crate::open;

pub use controls::CONTROL_WINDOW;

/// One step per version of the layout; a step that was released is never changed.
const STEPS: &[M<'static>] = &[M::up(include_str!("facts/layout.sql")), M::up(include_str!("facts/provenance.sql"))];
const LAYOUT: Migrations<'static> = Migrations::from_slice(STEPS);

/// The file of facts.
#[derive(Debug)]
pub struct Facts {
    connection: Connection,
}

impl Facts {
    /// Opens the file for appending and reading, making it where it is missing.
    pub fn open(path: &Path) -> Result<Self> {
        Ok(Self { connection: open::writer(path, &LAYOUT)? })
    }

    /// Opens for reading a file that [`Facts::open`] has made. Reading waits for no append, and sees all that were
    /// finished when it began.
    pub fn open_to_read(path: &Path) -> Result<Self> {
        Ok(Self { connection: open::reader(path)? })
    }
}

#[cfg(test)]
mod tests;
