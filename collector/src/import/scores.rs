//! `import scores`: measurements that somebody else scored, layer by layer.

mod belief;
mod patient;
mod row;
mod votes;

use std::io;
use std::path::Path;

use anyhow::Result;
use csv::{ByteRecord, ReaderBuilder};
use kedergi_wire::TargetList;

use super::ImportError;
use super::file;
use super::progress::Progress;
use super::services::Services;
use super::sorted::Sorter;
use super::tally::Tally;
use super::told::Told;
use patient::Patient;
use row::{Columns, Row};
use votes::Votes;

/// Reads a file of scores and runs the detector over it. What was taken and what not goes to standard error.
pub(super) fn import(path: &Path, list: &TargetList) -> Result<Told> {
    let mut tally = Tally::of(path.display(), "row");
    let rows = read(file::open(path)?, path, list, &mut tally)?;
    let mut told = Told::default();
    vote(rows, &mut tally, &mut told)?;
    eprint!("{tally}");
    Ok(told)
}

fn vote(rows: Sorter<Row>, tally: &mut Tally, told: &mut Told) -> io::Result<()> {
    let (mut votes, mut progress) = (Votes::default(), Progress::of("rows put to the detector"));
    for row in rows.sorted()? {
        progress.tick();
        votes.take(row?, &mut |input| told.apply(&input));
    }
    votes.finish(&mut |input| told.apply(&input));
    votes.unsaid().into_iter().for_each(|remark| tally.remark(remark));
    Ok(())
}

fn read(reader: impl io::Read, path: &Path, list: &TargetList, tally: &mut Tally) -> Result<Sorter<Row>> {
    let services = Services::of(list);
    let (reader, patience) = Patient::new(reader);
    let mut reader = ReaderBuilder::new().flexible(true).from_reader(reader);
    let header = reader.byte_headers().map_err(|source| broken(path, source))?;
    let columns = Columns::of(header).map_err(|missing| ImportError::Columns {
        path: path.to_owned(),
        missing,
        columns: Columns::names(),
    })?;
    if !columns.unused.is_empty() {
        tally.remark(format!("columns not used: {}", columns.unused.join(", ")));
    }
    let (mut rows, mut record, mut progress) = (Sorter::new(), ByteRecord::new(), Progress::of("rows read"));
    loop {
        match reader.read_byte_record(&mut record) {
            Ok(true) => progress.tick(),
            Ok(false) => return Ok(rows),
            Err(error) => {
                let line = record.position().map_or(1, csv::Position::line).saturating_sub(1);
                let broke_off = tally.broke_off(line, io::Error::other(error));
                broke_off.map_err(|source| ImportError::Unreadable { path: path.to_owned(), source })?;
                return Ok(rows);
            }
        }
        patience.renew();
        match columns.row(&record, &services) {
            Ok(row) => {
                rows.put(row.at, &row)?;
                tally.took();
            }
            Err(refusal) => tally.left(refusal, record.position().map_or(0, csv::Position::line)),
        }
    }
}

/// How many rows of a table are taken, from the first line to the last vote, and how many not.
pub(super) fn count(table: &[u8], list: &TargetList) -> Option<(u64, u64)> {
    let (mut tally, mut told) = (Tally::of("table", "row"), Told::default());
    let rows = read(table, Path::new("table"), list, &mut tally).ok()?;
    vote(rows, &mut tally, &mut told).ok()?;
    Some((tally.taken(), tally.refused()))
}

/// With any number of fields in a record and any bytes in them, only reading itself can fail.
fn broken(path: &Path, error: csv::Error) -> ImportError {
    let source = io::Error::other(error);
    ImportError::Unreadable { path: path.to_owned(), source }
}

#[cfg(test)]
mod tests;
