use std::fmt;
use std::path::PathBuf;

/// Why something could not be stored or read.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file cannot be created or opened.
    #[error("{}: cannot be opened: {source}; check that the folder exists and belongs to this user", path.display())]
    Open {
        /// The database file.
        path: PathBuf,
        /// What SQLite or the system says.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The file is of a newer version, or cannot be changed.
    #[error("{}: cannot be brought to the layout of this version: {source}", path.display())]
    Migrate {
        /// The database file.
        path: PathBuf,
        /// What is in the way.
        source: rusqlite_migration::Error,
    },
    /// The database refused.
    #[error("the database refused: {0}")]
    Sql(#[from] rusqlite::Error),
    /// What is stored is not what was written.
    #[error("a stored {what} cannot be read: {detail}")]
    Corrupt {
        /// The kind of thing.
        what: &'static str,
        /// What is wrong with it.
        detail: String,
    },
}

impl StoreError {
    pub(crate) fn corrupt(what: &'static str) -> impl Fn(&dyn fmt::Display) -> Self {
        move |detail| Self::Corrupt { what, detail: detail.to_string() }
    }
}

pub(crate) type Result<T> = std::result::Result<T, StoreError>;
