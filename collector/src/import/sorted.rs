//! Sorting more than fits in memory: by time, in pieces that are written aside and merged.

use std::cmp::Reverse;
use std::collections::BinaryHeap;
use std::fs::File;
use std::io::{self, BufRead, BufReader, BufWriter, Seek, Write};
use std::marker::PhantomData;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

/// Bytes kept in memory before they are written aside.
const PIECE: usize = 64 << 20;

/// Things with a time, to be had in order of it. Those of one time come in order of their text, so that the order in which they
/// were put in plays no part.
pub(super) struct Sorter<T> {
    piece: usize,
    kept: Vec<Entry>,
    bytes: usize,
    aside: Vec<File>,
    things: PhantomData<T>,
}

/// When, in milliseconds since 1970, and the thing as JSON, which has no line ends in it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
struct Entry(i64, String);

impl<T: Serialize + DeserializeOwned> Sorter<T> {
    pub(super) fn new() -> Self {
        Self { piece: PIECE, kept: Vec::new(), bytes: 0, aside: Vec::new(), things: PhantomData }
    }

    pub(super) fn put(&mut self, at: Timestamp, thing: &T) -> io::Result<()> {
        let entry = Entry(at.as_millisecond(), serde_json::to_string(thing)?);
        self.bytes += entry.1.len() + size_of::<Entry>();
        self.kept.push(entry);
        if self.bytes >= self.piece { self.write_aside() } else { Ok(()) }
    }

    fn write_aside(&mut self) -> io::Result<()> {
        self.kept.sort_unstable();
        // Without a name, so that nothing stays behind however the process ends.
        let mut writer = BufWriter::new(tempfile::tempfile()?);
        for Entry(at, text) in self.kept.drain(..) {
            writeln!(writer, "{at} {text}")?;
        }
        let mut file = writer.into_inner().map_err(io::IntoInnerError::into_error)?;
        file.rewind()?;
        self.aside.push(file);
        self.bytes = 0;
        Ok(())
    }

    /// All of it, in order.
    pub(super) fn sorted(mut self) -> io::Result<impl Iterator<Item = io::Result<T>>> {
        self.kept.sort_unstable();
        let mut pieces: Vec<Piece> = self.aside.into_iter().map(|file| Piece::Aside(BufReader::new(file))).collect();
        pieces.push(Piece::Kept(self.kept.into_iter()));
        let mut heads = BinaryHeap::new();
        for (place, piece) in pieces.iter_mut().enumerate() {
            heads.extend(piece.next()?.map(|entry| Reverse((entry, place))));
        }
        let mut next = move || -> io::Result<Option<T>> {
            let Some(Reverse((Entry(_, text), place))) = heads.pop() else { return Ok(None) };
            heads.extend(pieces[place].next()?.map(|entry| Reverse((entry, place))));
            Ok(Some(serde_json::from_str(&text)?))
        };
        Ok(std::iter::from_fn(move || next().transpose()))
    }
}

/// A piece in order.
enum Piece {
    Aside(BufReader<File>),
    Kept(std::vec::IntoIter<Entry>),
}

impl Piece {
    fn next(&mut self) -> io::Result<Option<Entry>> {
        match self {
            Self::Kept(entries) => Ok(entries.next()),
            Self::Aside(reader) => {
                let mut line = String::new();
                if reader.read_line(&mut line)? == 0 {
                    return Ok(None);
                }
                let parted = line.trim_end_matches('\n').split_once(' ');
                let entry = parted.and_then(|(at, text)| Some(Entry(at.parse().ok()?, text.to_owned())));
                entry.map(Some).ok_or_else(|| io::Error::other("what was written aside for sorting is damaged"))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn in_memory_or_aside_it_comes_in_order(
            things in proptest::collection::vec((0i64..50, "[a-z\n ]{0,8}"), 0..200),
            piece in prop_oneof![Just(PIECE), 1usize..2000],
        ) {
            let mut sorter = Sorter { piece, ..Sorter::new() };
            for (second, text) in &things {
                sorter.put(Timestamp::from_second(*second).unwrap(), &(*second, text.clone())).unwrap();
            }
            let sorted: Vec<(i64, String)> = sorter.sorted().unwrap().map(Result::unwrap).collect();
            prop_assert!(sorted.is_sorted_by_key(|(second, _)| *second));
            let (mut sorted, mut things) = (sorted, things);
            sorted.sort();
            things.sort();
            prop_assert_eq!(sorted, things);
        }
    }
}
