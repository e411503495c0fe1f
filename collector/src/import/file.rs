//! Files as they come: plain or gzip, told apart by their first bytes, with or without a byte order mark.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;

use flate2::bufread::MultiGzDecoder;

use super::ImportError;

const GZIP: [u8; 2] = [0x1f, 0x8b];
const BYTE_ORDER_MARK: [u8; 3] = [0xef, 0xbb, 0xbf];

/// Opens a file for reading, unpacked.
pub(super) fn open(path: &Path) -> Result<Box<dyn BufRead>, ImportError> {
    let unreadable = |source| ImportError::Unreadable { path: path.to_owned(), source };
    let file = File::open(path).map_err(unreadable)?;
    unpacked(file).map_err(unreadable)
}

fn unpacked(file: impl Read + 'static) -> std::io::Result<Box<dyn BufRead>> {
    let mut plain = BufReader::with_capacity(1 << 16, file);
    if plain.fill_buf()?.starts_with(&GZIP) {
        return unmarked(BufReader::with_capacity(1 << 16, MultiGzDecoder::new(plain)));
    }
    unmarked(plain)
}

/// The text behind a byte order mark, which some programs write before it.
fn unmarked(mut text: impl BufRead + 'static) -> std::io::Result<Box<dyn BufRead>> {
    if text.fill_buf()?.starts_with(&BYTE_ORDER_MARK) {
        text.consume(BYTE_ORDER_MARK.len());
    }
    Ok(Box::new(text))
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    #[test]
    fn packed_or_not_it_reads_the_same() {
        let packed = |text: &[u8]| {
            let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
            encoder.write_all(text).unwrap();
            encoder.finish().unwrap()
        };
        // Archives are often several packed pieces in a row.
        let two = [packed(b"one\n"), packed(b"two\n")].concat();
        let marked = b"\xef\xbb\xbfone\ntwo\n";
        for bytes in [b"one\ntwo\n".to_vec(), two, marked.to_vec(), packed(marked)] {
            let lines: Vec<_> = unpacked(std::io::Cursor::new(bytes)).unwrap().lines().map(Result::unwrap).collect();
            assert_eq!(lines, ["one", "two"]);
        }
    }
}
