//! Votes as they are saved.
//!
//! The whole state of the detector is written with every step, and most of it are votes. As JSON objects they would be ten
//! times as long: each is a few bytes here, the bytes of a series one text in base64.

use data_encoding::BASE64;
use jiff::Timestamp;
use kedergi_verdict::How;
use kedergi_wire::{BatchId, ProbeId, ReportRef};
use serde::{Deserialize, Serialize};

use crate::fold::{Ballot, Cast};
use crate::votes::Votes;

/// The votes of one series. Each is the milliseconds since the one before, the place of its probe in the list, doubled, plus 1
/// if it is a blocked one; then the place of its manner and its report.
#[derive(Serialize, Deserialize)]
pub(crate) struct Packed {
    first: Timestamp,
    probes: Vec<ProbeId>,
    manners: Vec<How>,
    votes: String,
}

/// A saved state that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("the votes of a series are damaged, or of another version")]
pub(crate) struct Damaged;

impl From<Votes> for Packed {
    fn from(Votes(casts): Votes) -> Self {
        let first = casts.front().map_or(Timestamp::UNIX_EPOCH, |cast| cast.at);
        let probes = sorted(casts.iter().map(|cast| cast.probe));
        let manners = sorted(casts.iter().filter_map(|cast| manner(cast.ballot)));
        let (mut bytes, mut before) = (Vec::new(), first.as_millisecond());
        for cast in casts {
            let now = cast.at.as_millisecond();
            write(&mut bytes, now.abs_diff(before));
            before = now;
            let probe = 2 * place(&probes, &cast.probe);
            match cast.ballot {
                Ballot::Clear => write(&mut bytes, probe),
                Ballot::Blocked(how, report) => {
                    write(&mut bytes, probe + 1);
                    write(&mut bytes, place(&manners, &how));
                    match report {
                        None => write(&mut bytes, 0),
                        Some(report) => {
                            write(&mut bytes, u64::from(report.index) + 1);
                            bytes.extend(report.batch.0);
                        }
                    }
                }
            }
        }
        Self { first, probes, manners, votes: BASE64.encode(&bytes) }
    }
}

impl TryFrom<Packed> for Votes {
    type Error = Damaged;

    fn try_from(packed: Packed) -> Result<Self, Damaged> {
        let bytes = BASE64.decode(packed.votes.as_bytes()).map_err(|_| Damaged)?;
        let mut reader = Reader(&bytes);
        let mut now = packed.first.as_millisecond();
        let mut casts = Self::default();
        while !reader.0.is_empty() {
            let cast = reader.cast(&packed, &mut now).ok_or(Damaged)?;
            casts.0.push_back(cast);
        }
        Ok(casts)
    }
}

fn manner(ballot: Ballot) -> Option<How> {
    match ballot {
        Ballot::Blocked(how, _) => Some(how),
        Ballot::Clear => None,
    }
}

fn sorted<T: Ord>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut list: Vec<_> = all.collect();
    list.sort_unstable();
    list.dedup();
    list
}

/// The place of a thing in a sorted list that has it.
fn place<T: Ord>(list: &[T], thing: &T) -> u64 {
    let place = list.partition_point(|other| other < thing);
    u64::try_from(place).unwrap_or(u64::MAX)
}

/// Seven bits a byte, the lowest first; the highest bit says that more follow (LEB128).
fn write(bytes: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        bytes.push(number.to_le_bytes()[0] | 0x80);
        number >>= 7;
    }
    bytes.push(number.to_le_bytes()[0]);
}

struct Reader<'a>(&'a [u8]);

impl Reader<'_> {
    fn cast(&mut self, packed: &Packed, now: &mut i64) -> Option<Cast> {
        *now = now.checked_add_unsigned(self.number()?)?;
        let probe = self.number()?;
        let at = Timestamp::from_millisecond(*now).ok()?;
        let ballot = if probe % 2 == 1 { self.blocked(&packed.manners)? } else { Ballot::Clear };
        Some(Cast { at, probe: *packed.probes.get(usize::try_from(probe / 2).ok()?)?, ballot })
    }

    fn blocked(&mut self, manners: &[How]) -> Option<Ballot> {
        let how = *manners.get(usize::try_from(self.number()?).ok()?)?;
        let Some(index) = self.number()?.checked_sub(1) else { return Some(Ballot::Blocked(how, None)) };
        let (&batch, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        let report = ReportRef { batch: BatchId(batch), index: u16::try_from(index).ok()? };
        Some(Ballot::Blocked(how, Some(report)))
    }

    fn number(&mut self) -> Option<u64> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let (&byte, rest) = self.0.split_first()?;
            self.0 = rest;
            number |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Some(number);
            }
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use kedergi_verdict::{DnsManner, TlsManner};
    use proptest::prelude::*;

    fn any_ballot() -> impl Strategy<Value = Ballot> {
        let how = prop_oneof![Just(How::Tls(TlsManner::Reset)), Just(How::Dns(DnsManner::Bogon))];
        let report =
            (any::<[u8; 32]>(), any::<u16>()).prop_map(|(batch, index)| ReportRef { batch: BatchId(batch), index });
        prop_oneof![
            Just(Ballot::Clear),
            (how, proptest::option::of(report)).prop_map(|(how, report)| Ballot::Blocked(how, report))
        ]
    }

    proptest! {
        #[test]
        fn what_is_packed_is_unpacked(casts in proptest::collection::vec((0i64..80_000_000, 0u8..5, any_ballot()), 0..50)) {
            let mut votes = Votes::default();
            for (after, probe, ballot) in casts {
                let at = Timestamp::from_millisecond(1_557_300_000_000 + after).unwrap();
                votes.put(Cast { at, probe: ProbeId([probe; 32]), ballot });
            }
            let saved = serde_json::to_string(&votes).unwrap();
            prop_assert_eq!(serde_json::from_str::<Votes>(&saved).unwrap(), votes);
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..100)) {
            let packed = Packed {
                first: Timestamp::UNIX_EPOCH,
                probes: vec![ProbeId([1; 32])],
                manners: Vec::new(),
                votes: BASE64.encode(&bytes),
            };
            let _ = Votes::try_from(packed);
        }
    }
}
