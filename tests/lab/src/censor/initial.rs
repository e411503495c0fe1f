//! A QUIC Initial read along: its keys follow from a number that it carries in the clear (RFC 9001, 5.2), so that whoever sees
//! the packet can open it. Version 1 only.

use std::collections::BTreeMap;

use rustls::SupportedCipherSuite;
use rustls::crypto::ring::cipher_suite::TLS13_AES_128_GCM_SHA256;
use rustls::quic::{Keys, Version};

use crate::censor::Sight;
use crate::censor::sight::Bytes;

const VERSION_1: usize = 1;
/// Bit pattern of an Initial's first byte: long header, fixed bit, type 0 (RFC 9000, 17.2.2).
const INITIAL: (u8, u8) = (0b1111_0000, 0b1100_0000);
const LONG_HEADER: u8 = 0b1000_0000;
/// Bytes between the start of the packet number and the sample for header protection (RFC 9001, 5.4.2).
const TO_SAMPLE: usize = 4;
const PADDING: usize = 0x00;
const PING: usize = 0x01;
const ACK: usize = 0x02;
const ACK_ECN: usize = 0x03;
const CRYPTO: usize = 0x06;
/// Bytes of a handshake kept in the hope of a name.
const KEPT: usize = 16 * 1024;

/// The beginning of a client's handshake, put together from the pieces that came so far, in whatever order.
#[derive(Debug, Default)]
pub(crate) struct Opening {
    /// The number that the keys follow from: the destination's in the client's first packet.
    keyed_by: Option<Vec<u8>>,
    pieces: BTreeMap<usize, Vec<u8>>,
}

impl Opening {
    /// Takes a client's datagram; tells what is seen so far.
    pub(crate) fn take(&mut self, datagram: &[u8]) -> Sight {
        let mut rest = datagram;
        while let Some((packet, after)) = Packet::parse(rest) {
            rest = after;
            let keyed_by = self.keyed_by.get_or_insert_with(|| packet.destination.to_vec());
            let Some(frames) = packet.open(keyed_by) else { continue };
            self.take_frames(&frames);
        }
        self.sight()
    }

    /// Adds what the handshake's frames carry. Frames that have no place in an Initial end the reading.
    fn take_frames(&mut self, frames: &[u8]) -> Option<()> {
        let mut frames = Bytes(frames);
        while !frames.0.is_empty() {
            match varint(&mut frames)? {
                PADDING | PING => {}
                kind @ (ACK | ACK_ECN) => skip_ack(&mut frames, kind == ACK_ECN)?,
                CRYPTO => {
                    let offset = varint(&mut frames)?;
                    let length = varint(&mut frames)?;
                    let piece = frames.take(length)?;
                    if offset.checked_add(piece.len())? <= KEPT {
                        self.pieces.insert(offset, piece.to_vec());
                    }
                }
                _ => return None,
            }
        }
        Some(())
    }

    fn sight(&self) -> Sight {
        let mut message: Vec<u8> = Vec::new();
        for (offset, piece) in &self.pieces {
            let Some(new) = message.len().checked_sub(*offset).and_then(|known| piece.get(known..)) else { continue };
            message.extend_from_slice(new);
        }
        Sight::of_message(&message)
    }
}

fn skip_ack(frames: &mut Bytes<'_>, ecn: bool) -> Option<()> {
    let _largest = varint(frames)?;
    let _delay = varint(frames)?;
    let ranges = varint(frames)?;
    let _first = varint(frames)?;
    let numbers = ranges.checked_mul(2)?.checked_add(if ecn { 3 } else { 0 })?;
    (0..numbers).try_for_each(|_| varint(frames).map(drop))
}

/// A number whose first two bits say how long it is (RFC 9000, 16).
fn varint(bytes: &mut Bytes<'_>) -> Option<usize> {
    let first = *bytes.0.first()?;
    let taken = bytes.take(1 << (first >> 6))?;
    let (first, rest) = taken.split_first()?;
    let number = rest.iter().fold(u64::from(first & 0b0011_1111), |number, byte| number << 8 | u64::from(*byte));
    usize::try_from(number).ok()
}

/// An Initial, still protected.
struct Packet<'a> {
    destination: &'a [u8],
    whole: &'a [u8],
    /// Where its packet number begins.
    number_at: usize,
}

impl<'a> Packet<'a> {
    /// The Initial at the front of a datagram, and what follows it there.
    fn parse(datagram: &'a [u8]) -> Option<(Self, &'a [u8])> {
        let mut bytes = Bytes(datagram);
        let first = bytes.take(1)?[0];
        if first & INITIAL.0 != INITIAL.1 || bytes.number(2)? != 0 || bytes.number(2)? != VERSION_1 {
            return None;
        }
        let destination = bytes.run(1)?.0;
        let _source = bytes.run(1)?;
        let token = varint(&mut bytes)?;
        bytes.take(token)?;
        let length = varint(&mut bytes)?;
        let number_at = datagram.len() - bytes.0.len();
        bytes.take(length)?;
        let (whole, rest) = datagram.split_at(datagram.len() - bytes.0.len());
        Some((Self { destination, whole, number_at }, rest))
    }

    /// The frames in it, if the client wrote them with the keys that follow from `keyed_by`.
    fn open(&self, keyed_by: &[u8]) -> Option<Vec<u8>> {
        let keys = keys(keyed_by)?;
        let mut bytes = self.whole.to_vec();
        let (header, rest) = bytes.split_at_mut(self.number_at);
        let (number, sealed) = rest.split_at_mut_checked(TO_SAMPLE)?;
        let sample = sealed.get(..keys.remote.header.sample_len())?;
        keys.remote.header.decrypt_in_place(sample, header.first_mut()?, number).ok()?;
        let length = usize::from(header[0] & 0b11) + 1;
        let number = number[..length].iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
        let (header, payload) = bytes.split_at_mut(self.number_at + length);
        keys.remote.packet.decrypt_in_place(number, header, payload).ok().map(<[u8]>::to_vec)
    }
}

/// The keys of a connection's Initials, from a server's side: `remote` are the client's.
fn keys(keyed_by: &[u8]) -> Option<Keys> {
    let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 else { return None };
    Some(suite.quic_suite()?.keys(keyed_by, rustls::Side::Server, Version::V1))
}

/// Whether a datagram begins with a long header, as those of a handshake do.
pub(crate) fn is_handshake(datagram: &[u8]) -> bool {
    datagram.first().is_some_and(|first| first & LONG_HEADER != 0)
}

#[cfg(test)]
pub(crate) mod tests {
    use proptest::prelude::*;

    use super::*;

    /// The client's Initial of RFC 9001, A.2.
    fn of_the_rfc() -> Vec<u8> {
        let digits: Vec<u8> = include_str!("rfc9001-a2.hex").bytes().filter(u8::is_ascii_hexdigit).collect();
        let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).unwrap(), 16).unwrap();
        digits.chunks(2).map(byte).collect()
    }

    /// An Initial with these frames, filled up to a size that clients must send at least.
    pub(crate) fn initial(number: u8, frames: &[u8]) -> Vec<u8> {
        let payload_len = 1200 - 18 - 1 - 16;
        let header = [&[0b1100_0000, 0, 0, 0, 1, 8][..], &[7; 8], &[0, 0, 0x44, 0x9e, number]].concat();
        assert_eq!(1 + payload_len + 16, 0x049e);
        let mut payload = frames.to_vec();
        payload.resize(payload_len, 0);
        let SupportedCipherSuite::Tls13(suite) = TLS13_AES_128_GCM_SHA256 else { panic!() };
        let keys = suite.quic_suite().unwrap().keys(&[7; 8], rustls::Side::Client, Version::V1);
        let tag = keys.local.packet.encrypt_in_place(u64::from(number), &header, &mut payload).unwrap();
        let mut packet = [&header[..], &payload, tag.as_ref()].concat();
        let at = header.len() - 1;
        let (head, rest) = packet.split_at_mut(at);
        let (number, sealed) = rest.split_at_mut(TO_SAMPLE);
        keys.local.header.encrypt_in_place(&sealed[..16], &mut head[0], &mut number[..1]).unwrap();
        packet
    }

    /// A frame with a piece of the handshake.
    pub(crate) fn crypto(offset: usize, piece: &[u8]) -> Vec<u8> {
        let number = |number: usize| (0x4000 | u16::try_from(number).unwrap()).to_be_bytes();
        [&[6][..], &number(offset), &number(piece.len()), piece].concat()
    }

    #[test]
    fn the_example_of_the_rfc_is_read() {
        let packet = of_the_rfc();
        assert_eq!(packet.len(), 1200);
        assert_eq!(name(&Opening::default().take(&packet)).as_deref(), Some("example.com"));
        let mut damaged = packet;
        damaged[600] ^= 1;
        assert_eq!(Opening::default().take(&damaged), Sight::Incomplete);
    }

    fn name(sight: &Sight) -> Option<String> {
        if let Sight::Hello(hello) = sight { hello.name.clone() } else { None }
    }

    #[test]
    fn a_handshake_is_put_together_from_packets_in_any_order() {
        let hello = &crate::censor::sight::tests::client_hello("news.example")[5..];
        let (one, two) = hello.split_at(40);
        let ack = [2, 10, 0, 1, 10, 1, 1];
        let first = initial(0, &[&[1][..], &crypto(0, one), &ack].concat());
        let second = initial(1, &crypto(40, two));
        for order in [[&first, &second], [&second, &first]] {
            let mut opening = Opening::default();
            assert_eq!(opening.take(order[0]), Sight::Incomplete);
            assert_eq!(name(&opening.take(order[1])).as_deref(), Some("news.example"));
        }
        let shuffled = [crypto(60, &hello[60..]), crypto(0, &hello[..30]), crypto(20, &hello[20..60])].concat();
        assert_eq!(name(&Opening::default().take(&initial(0, &shuffled))).as_deref(), Some("news.example"));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Opening::default().take(&bytes);
            let _ = Opening::default().take(&[&[0xc0, 0, 0, 0, 1], &bytes[..]].concat());
            let _ = Opening::default().take(&initial(0, &bytes));
        }
    }
}
