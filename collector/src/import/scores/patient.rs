//! A quote that is never closed makes one row of all that follows, which need not fit in memory.

use std::cell::Cell;
use std::io::{Error, Read, Result};
use std::rc::Rc;

/// Bytes in which a row must end: many thousand times a real one.
const PATIENCE: usize = 4 << 20;

/// Reads until a row does not end.
pub(super) struct Patient<R> {
    reader: R,
    patience: Patience,
}

/// What is left of it.
#[derive(Clone)]
pub(super) struct Patience(Rc<Cell<usize>>);

impl Patience {
    /// A row has ended.
    pub(super) fn renew(&self) {
        self.0.set(PATIENCE);
    }
}

impl<R> Patient<R> {
    pub(super) fn new(reader: R) -> (Self, Patience) {
        let patience = Patience(Rc::new(Cell::new(PATIENCE)));
        (Self { reader, patience: patience.clone() }, patience)
    }
}

impl<R: Read> Read for Patient<R> {
    fn read(&mut self, buffer: &mut [u8]) -> Result<usize> {
        let left = self.patience.0.get();
        if left == 0 {
            return Err(Error::other("the next row does not end within 4 MB; is a quote not closed?"));
        }
        let room = buffer.len().min(left);
        let read = self.reader.read(&mut buffer[..room])?;
        self.patience.0.set(left - read);
        Ok(read)
    }
}
