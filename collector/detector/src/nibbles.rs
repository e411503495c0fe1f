//! Small numbers in half a byte each: 0 to 14 as they are, others after a 15 in two halves more.

const LARGE: u8 = 15;

/// Writes numbers. Half a byte may be left over.
#[derive(Debug)]
pub(crate) struct Nibbles {
    bytes: Vec<u8>,
    /// The upper half of the next byte.
    half: Option<u8>,
}

impl Nibbles {
    /// With room for so many numbers that are small.
    pub(crate) fn with_room(numbers: usize) -> Self {
        Self { bytes: Vec::with_capacity(numbers.div_ceil(2)), half: None }
    }

    pub(crate) fn push(&mut self, number: u8) {
        if number < LARGE {
            self.put(number);
        } else {
            [LARGE, number >> 4, number & 15].into_iter().for_each(|half| self.put(half));
        }
    }

    fn put(&mut self, nibble: u8) {
        match self.half.take() {
            Some(half) => self.bytes.push(half | nibble),
            None => self.half = Some(nibble << 4),
        }
    }

    pub(crate) fn into_bytes(mut self) -> Vec<u8> {
        self.bytes.extend(self.half);
        self.bytes
    }
}

/// Reads numbers, one more 0 at the end if half a byte was left over.
pub(crate) fn read(bytes: &[u8]) -> impl Iterator<Item = u8> {
    let (mut bytes, mut half) = (bytes.iter(), None);
    let mut nibble = move || match half.take() {
        Some(half) => Some(half),
        None => {
            let byte = bytes.next()?;
            half = Some(byte & 15);
            Some(byte >> 4)
        }
    };
    std::iter::from_fn(move || match nibble()? {
        LARGE => Some(nibble()? << 4 | nibble()?),
        number => Some(number),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_written_is_read(numbers in proptest::collection::vec(prop_oneof![0u8..18, any::<u8>()], 0..50)) {
            let mut nibbles = Nibbles::with_room(numbers.len());
            numbers.iter().for_each(|number| nibbles.push(*number));
            let bytes = nibbles.into_bytes();
            prop_assert_eq!(read(&bytes).take(numbers.len()).collect::<Vec<_>>(), numbers);
        }
    }
}
