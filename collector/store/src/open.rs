//! Opening a database file.

use std::fs::OpenOptions;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use rusqlite_migration::Migrations;

use crate::StoreError;
use crate::error::Result;

/// Readers and the writer share a file; a checkpoint may hold it for a moment.
const BUSY: Duration = Duration::from_secs(10);

/// Opens `path` for reading and writing, creating it where it is missing, and brings its layout up to date.
pub(crate) fn writer(path: &Path, migrations: &Migrations<'_>) -> Result<Connection> {
    // The mode is given before SQLite touches the file, and its companions (-wal, -shm) take it over.
    OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(false)
        .mode(0o600)
        .open(path)
        .map_err(|e| cannot_open(path, e))?;
    let mut connection = Connection::open(path).map_err(|e| cannot_open(path, e))?;
    set_up(&connection).map_err(|e| cannot_open(path, e))?;
    migrations.to_latest(&mut connection).map_err(|source| StoreError::Migrate { path: path.to_owned(), source })?;
    Ok(connection)
}

/// Opens `path`, which a [`writer`] has made, for reading alone.
pub(crate) fn reader(path: &Path) -> Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(|e| cannot_open(path, e))?;
    connection.busy_timeout(BUSY)?;
    Ok(connection)
}

fn set_up(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    connection.pragma_update_and_check(None, "journal_mode", "WAL", |_| Ok(()))?;
    // NORMAL would lose the last commits in a power cut, and they have been acknowledged.
    connection.pragma_update(None, "synchronous", "FULL")?;
    connection.pragma_update(None, "foreign_keys", "ON")
}

fn cannot_open(path: &Path, source: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> StoreError {
    StoreError::Open { path: path.to_owned(), source: source.into() }
}
