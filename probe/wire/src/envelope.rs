//! The signed envelope in which everything travels between probe and collector.
//!
//! ```text
//! "KDG1" | kind: u8 | sender: Ed25519 public key, 32 bytes | payload: zstd of JSON | signature: 64 bytes
//! ```
//!
//! The signature covers every byte before it, so a batch kept on disk proves by itself who said what. The id is the
//! SHA-256 of those same bytes.

use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::{BatchId, Digest, ProbeId};

/// Bytes of an envelope at most.
pub const MAX_ENVELOPE: usize = 1024 * 1024;
/// Bytes of a payload at most, once expanded.
pub const MAX_PAYLOAD: usize = 8 * 1024 * 1024;

const MAGIC: &[u8; 4] = b"KDG1";
const HEAD: usize = MAGIC.len() + 1 + 32;
const SIGNATURE: usize = 64;
/// zstd level: 3 is the library's default; the payloads are small and a Raspberry Pi has other things to do.
const LEVEL: i32 = 3;

/// What an envelope carries. It is signed too, so that one kind cannot be passed off as another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// [`crate::EnrollRequest`], from a probe.
    Enroll,
    /// [`crate::Heartbeat`], from a probe.
    Heartbeat,
    /// [`crate::Batch`], from a probe.
    Batch,
    /// [`crate::TargetBundle`], from a collector.
    Targets,
}

impl Kind {
    fn byte(self) -> u8 {
        match self {
            Self::Enroll => 1,
            Self::Heartbeat => 2,
            Self::Batch => 3,
            Self::Targets => 4,
        }
    }

    fn from_byte(byte: u8) -> Option<Self> {
        [Self::Enroll, Self::Heartbeat, Self::Batch, Self::Targets].into_iter().find(|kind| kind.byte() == byte)
    }
}

/// Why a payload cannot be sealed.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// It does not serialise.
    #[error("cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// It does not compress.
    #[error("cannot be compressed: {0}")]
    Compress(#[from] std::io::Error),
    /// It exceeds [`MAX_PAYLOAD`] or [`MAX_ENVELOPE`].
    #[error("{0} bytes are more than an envelope carries")]
    TooLarge(usize),
}

/// Why bytes are not the envelope they should be.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// More than [`MAX_ENVELOPE`] bytes.
    #[error("{0} bytes are more than an envelope may have ({MAX_ENVELOPE})")]
    TooLarge(usize),
    /// Not an envelope of this version.
    #[error("not a Kedergi envelope of version 1")]
    NotAnEnvelope,
    /// An envelope of another kind.
    #[error("an envelope of another kind than expected ({0:?})")]
    WrongKind(Kind),
    /// The signature is not the sender's over these bytes.
    #[error("the signature does not match the sender's key and these bytes")]
    Signature,
    /// The payload does not expand, or to more than [`MAX_PAYLOAD`] bytes.
    #[error("the payload does not expand to at most {MAX_PAYLOAD} bytes: {0}")]
    Expand(std::io::Error),
    /// The payload is not what its kind says.
    #[error("the payload is malformed: {0}")]
    Payload(serde_json::Error),
}

/// Compresses, frames and signs `payload`.
pub fn seal<T: Serialize>(kind: Kind, key: &SigningKey, payload: &T) -> Result<Vec<u8>, SealError> {
    let json = serde_json::to_vec(payload)?;
    if json.len() > MAX_PAYLOAD {
        return Err(SealError::TooLarge(json.len()));
    }
    let mut bytes = Vec::with_capacity(HEAD + json.len() / 4 + SIGNATURE);
    bytes.extend_from_slice(MAGIC);
    bytes.push(kind.byte());
    bytes.extend_from_slice(key.verifying_key().as_bytes());
    bytes.extend(zstd::bulk::compress(&json, LEVEL)?);
    bytes.extend_from_slice(&key.sign(&bytes).to_bytes());
    if bytes.len() > MAX_ENVELOPE {
        return Err(SealError::TooLarge(bytes.len()));
    }
    Ok(bytes)
}

/// A framed envelope. Parsing it proves nothing yet: look the sender up, then [`Envelope::verify`], then
/// [`Envelope::decode`].
#[derive(Debug, Clone, Copy)]
pub struct Envelope<'a> {
    kind: Kind,
    sender: ProbeId,
    signed: &'a [u8],
    payload: &'a [u8],
    signature: [u8; SIGNATURE],
}

impl<'a> Envelope<'a> {
    /// Takes the frame apart; looks neither at signature nor payload.
    pub fn parse(bytes: &'a [u8]) -> Result<Self, OpenError> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(OpenError::TooLarge(bytes.len()));
        }
        let (signed, signature) = bytes.split_last_chunk().ok_or(OpenError::NotAnEnvelope)?;
        let rest = signed.strip_prefix(MAGIC).ok_or(OpenError::NotAnEnvelope)?;
        let (&kind, rest) = rest.split_first().ok_or(OpenError::NotAnEnvelope)?;
        let (sender, payload) = rest.split_first_chunk().ok_or(OpenError::NotAnEnvelope)?;
        let kind = Kind::from_byte(kind).ok_or(OpenError::NotAnEnvelope)?;
        Ok(Self { kind, sender: ProbeId(*sender), signed, payload, signature: *signature })
    }

    /// What it says it carries.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// Who says to have signed it.
    pub fn sender(&self) -> ProbeId {
        self.sender
    }

    /// SHA-256 of the signed bytes.
    pub fn id(&self) -> BatchId {
        BatchId(Digest::of(self.signed).0)
    }

    /// Checks that the sender signed these bytes.
    pub fn verify(&self) -> Result<(), OpenError> {
        let key = VerifyingKey::from_bytes(&self.sender.0).map_err(|_| OpenError::Signature)?;
        // Strict: small-order keys and malleable signatures would make "who signed" ambiguous.
        key.verify_strict(self.signed, &Signature::from_bytes(&self.signature)).map_err(|_| OpenError::Signature)
    }

    /// Expands and decodes the payload, refusing another kind than `expected`.
    pub fn decode<T: DeserializeOwned>(&self, expected: Kind) -> Result<T, OpenError> {
        if self.kind != expected {
            return Err(OpenError::WrongKind(self.kind));
        }
        let json = zstd::bulk::decompress(self.payload, MAX_PAYLOAD).map_err(OpenError::Expand)?;
        serde_json::from_slice(&json).map_err(OpenError::Payload)
    }

    /// [`Envelope::verify`], then [`Envelope::decode`].
    pub fn open<T: DeserializeOwned>(&self, expected: Kind) -> Result<T, OpenError> {
        self.verify()?;
        self.decode(expected)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Batch;
    use proptest::prelude::*;

    fn key() -> SigningKey {
        SigningKey::from_bytes(&[3; 32])
    }

    #[test]
    fn a_sealed_payload_opens() {
        let bytes = seal(Kind::Batch, &key(), &Batch::default()).unwrap();
        let envelope = Envelope::parse(&bytes).unwrap();
        assert_eq!(envelope.sender().0, *key().verifying_key().as_bytes());
        assert_eq!(envelope.open::<Batch>(Kind::Batch).unwrap(), Batch::default());
        assert!(matches!(envelope.open::<Batch>(Kind::Targets), Err(OpenError::WrongKind(Kind::Batch))));
    }

    #[test]
    fn a_bomb_is_not_expanded() {
        let mut bytes = seal(Kind::Batch, &key(), &Batch::default()).unwrap();
        bytes.truncate(HEAD);
        bytes.extend(zstd::bulk::compress(&vec![b' '; MAX_PAYLOAD + 1], 19).unwrap());
        bytes.extend_from_slice(&key().sign(&bytes).to_bytes());
        let error = Envelope::parse(&bytes).unwrap().open::<Batch>(Kind::Batch).unwrap_err();
        assert!(matches!(error, OpenError::Expand(_)), "{error}");
    }

    proptest! {
        #[test]
        fn any_changed_byte_is_noticed(place in 0usize..1000, change in 1u8..=255) {
            let mut bytes = seal(Kind::Batch, &key(), &Batch::default()).unwrap();
            let place = place % bytes.len();
            bytes[place] ^= change;
            let opened = Envelope::parse(&bytes).and_then(|envelope| envelope.open::<Batch>(Kind::Batch));
            prop_assert!(opened.is_err());
        }

        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
            let _ = Envelope::parse(&bytes).and_then(|envelope| envelope.decode::<Batch>(Kind::Batch));
        }
    }
}
