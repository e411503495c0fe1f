//! What the fuzz targets in `tests/` share. See `README.md`.

use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;

/// The bytes of a frozen example from `tests/corpus`.
///
/// # Panics
///
/// If there is none of that name.
pub fn golden(name: &str) -> Vec<u8> {
    read(&Path::new("../corpus").join(name))
}

/// The bytes of one of a target's own inputs.
///
/// # Panics
///
/// If there is none of that name.
pub fn seed(target: &str, name: &str) -> Vec<u8> {
    read(&Path::new("tests/__fuzz__").join(target).join("corpus").join(name))
}

fn read(path: &Path) -> Vec<u8> {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// What was taken in must survive being written and read again. As a report's limits hold when it is read, this also finds
/// what exceeds them.
///
/// # Panics
///
/// If it does not.
pub fn survives<T: Serialize + DeserializeOwned + PartialEq>(value: &T) {
    let written = serde_json::to_vec(value).expect("what was decoded can be written");
    let again: T = serde_json::from_slice(&written).expect("what was written can be decoded");
    assert!(again == *value, "reading again changed the value");
}

/// One wound: where, how, with which byte.
pub type Wound = (u16, u8, u8);

/// A whole input with a few wounds. Random bytes end at a decoder's first check; these get past it.
pub fn wounded(whole: &[u8], wounds: &[Wound]) -> Vec<u8> {
    let mut bytes = whole.to_vec();
    for &(place, manner, byte) in wounds {
        let place = usize::from(place) % bytes.len().max(1);
        match manner % 5 {
            _ if bytes.is_empty() => bytes.push(byte),
            0 => bytes[place] = byte,
            1 => bytes.insert(place, byte),
            2 => drop(bytes.remove(place)),
            3 => bytes.truncate(place),
            _ => repeat(&mut bytes, place, usize::from(byte)),
        }
    }
    bytes
}

/// Writes a stretch a second time, right behind itself.
fn repeat(bytes: &mut Vec<u8>, place: usize, length: usize) {
    let end = bytes.len().min(place + length);
    let stretch = bytes[place..end].to_vec();
    bytes.splice(end..end, stretch);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wounds_are_where_they_should_be() {
        assert_eq!(wounded(b"abc", &[(1, 0, b'x')]), b"axc");
        assert_eq!(wounded(b"abc", &[(1, 1, b'x')]), b"axbc");
        assert_eq!(wounded(b"abc", &[(4, 2, 0)]), b"ac");
        assert_eq!(wounded(b"abc", &[(2, 3, 0)]), b"ab");
        assert_eq!(wounded(b"abc", &[(0, 4, 2)]), b"ababc");
        assert_eq!(wounded(b"", &[(9, 2, b'x')]), b"x");
    }
}
