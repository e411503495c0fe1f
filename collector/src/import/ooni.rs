//! `import ooni`: measurements in OONI's data format, judged by our rules.
//!
//! The names are those of OONI's public specification (github.com/ooni/spec); `probe/verdict/README.md`, "Names in OONI's data",
//! tells how they map onto ours. Fields that are missing or odd are passed over; a measurement from which nothing can be learned
//! is counted by reason.

mod control;
mod documents;
mod failure;
mod fields;
mod measurement;
mod messengers;
mod steps;
mod votes;
mod web;

use std::io::{self, Cursor};
use std::path::PathBuf;

use anyhow::Result;
use kedergi_wire::TargetList;

use super::ImportError;
use super::file;
use super::progress::Progress;
use super::services::Services;
use super::sorted::Sorter;
use super::tally::Tally;
use super::told::Told;
use documents::{Document, Documents};
use measurement::{Found, OoniRefusal, found};
use votes::Votes;

/// Reads files of measurements and runs the detector over them. What was taken and what not goes to standard error.
pub(super) fn import(files: &[PathBuf], list: &TargetList) -> Result<Told> {
    let services = Services::of(list);
    let (mut sorter, mut progress) = (Sorter::new(), Progress::of("measurements read"));
    for path in files {
        let mut tally = Tally::of(path.display(), "measurement");
        let documents = Documents::of(file::open(path)?);
        let read = read(documents, &services, &mut sorter, &mut tally, &mut progress);
        read.map_err(|source| ImportError::Unreadable { path: path.to_owned(), source })?;
        eprint!("{tally}");
    }
    let mut told = Told::default();
    let unsaid = vote(sorter, list, &mut told)?;
    unsaid.iter().for_each(|remark| eprintln!("{remark}"));
    Ok(told)
}

fn read(
    mut documents: Documents,
    services: &Services<'_>,
    sorter: &mut Sorter<Found>,
    tally: &mut Tally,
    progress: &mut Progress,
) -> io::Result<()> {
    while let Some(document) = documents.next() {
        progress.tick();
        let Document { line, json } = match document {
            Ok(document) => document,
            Err(error) => return tally.broke_off(documents.lines(), error),
        };
        match json.map_err(OoniRefusal::from).and_then(|json| found(&json, services)) {
            Ok(found) => {
                sorter.put(found.at, &found)?;
                tally.took();
            }
            Err(refusal) => tally.left(refusal, line),
        }
    }
    Ok(())
}

fn vote(sorter: Sorter<Found>, list: &TargetList, told: &mut Told) -> io::Result<Vec<String>> {
    let (mut votes, mut progress) = (Votes::by(list), Progress::of("measurements put to the detector"));
    for found in sorter.sorted()? {
        progress.tick();
        votes.take(&found?, &mut |input| told.apply(&input));
    }
    Ok(votes.unsaid())
}

/// How many measurements of a file are taken, from the first byte to the last vote, and how many not.
pub(super) fn count(file: &[u8], list: &TargetList) -> Option<(u64, u64)> {
    let (mut sorter, mut tally) = (Sorter::new(), Tally::of("file", "measurement"));
    let documents = Documents::of(Box::new(Cursor::new(file.to_vec())));
    read(documents, &Services::of(list), &mut sorter, &mut tally, &mut Progress::of("measurements")).ok()?;
    vote(sorter, list, &mut Told::default()).ok()?;
    Some((tally.taken(), tally.refused()))
}

#[cfg(test)]
mod tests;
