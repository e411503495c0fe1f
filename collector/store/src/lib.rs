//! What a collector remembers.
//!
//! [`Facts`] only grows: signed batches as they came, one [`Fact`] per report with its verdict, and counts per minute.
//! [`Ledger`] holds what changes: who is enrolled, how far detection has come, events, and alerts still to be sent.
//! Both are SQLite files in which a finished call has reached the disk.

#![warn(missing_docs)]

mod columns;
mod error;
mod fact;
mod facts;
mod ledger;
mod open;

pub use error::StoreError;
pub use fact::{Appended, BucketRow, CellRow, CountryActivity, Fact, Provenance, StoredBatch};
pub use facts::{CONTROL_WINDOW, Facts};
pub use ledger::{
    AlertRow, CanaryAnswer, Detection, Enrolled, Ledger, NewAlert, NewInvite, ProbeRow, Said, SignOfLife, StoredBundle,
};
