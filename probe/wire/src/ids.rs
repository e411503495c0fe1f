//! Newtypes for everything that names something.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use data_encoding::HEXLOWER;
use serde::{Deserialize, Serialize};

/// A text that is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{found:?} is not {expected}")]
pub struct IdError {
    expected: &'static str,
    found: String,
}

impl IdError {
    fn new(expected: &'static str, found: &str) -> Self {
        Self { expected, found: found.chars().take(80).collect() }
    }
}

macro_rules! hex_id {
    ($(#[$doc:meta])* $name:ident, $expected:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(into = "String", try_from = "String")]
        pub struct $name(pub [u8; 32]);

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&HEXLOWER.encode(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, "{}({})", stringify!($name), HEXLOWER.encode(&self.0[..4]))
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                let bytes = HEXLOWER.decode(text.as_bytes()).map_err(|_| IdError::new($expected, text))?;
                bytes.try_into().map(Self).map_err(|_| IdError::new($expected, text))
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.to_string()
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }
    };
}

hex_id! {
    /// A probe, and the collector as signer of lists: the Ed25519 public key it signs with.
    ProbeId, "a probe id of 64 hexadecimal digits"
}
hex_id! {
    /// A batch: SHA-256 of the bytes that were signed, so that the same batch sent twice is recognised.
    BatchId, "a batch id of 64 hexadecimal digits"
}
hex_id! {
    /// SHA-256 of a certificate or a body.
    Digest, "a SHA-256 digest of 64 hexadecimal digits"
}

impl Digest {
    /// The SHA-256 digest of `bytes`.
    pub fn of(bytes: &[u8]) -> Self {
        use sha2::Digest as _;
        Self(sha2::Sha256::digest(bytes).into())
    }
}

/// Number of an autonomous system. Zero is reserved (RFC 7607) and cannot be written: an unknown network is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "u32", try_from = "u32")]
pub struct Asn(u32);

impl Asn {
    /// `None` for 0.
    pub fn new(number: u32) -> Option<Self> {
        (number != 0).then_some(Self(number))
    }

    /// The number.
    pub fn get(self) -> u32 {
        self.0
    }
}

impl From<Asn> for u32 {
    fn from(asn: Asn) -> u32 {
        asn.0
    }
}

impl TryFrom<u32> for Asn {
    type Error = IdError;

    fn try_from(number: u32) -> Result<Self, IdError> {
        Self::new(number).ok_or_else(|| IdError::new("an AS number above 0", "0"))
    }
}

impl fmt::Display for Asn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AS{}", self.0)
    }
}

/// Country as two capital letters (ISO 3166-1 alpha-2). `ZZ` (unknown) cannot be written: an unknown country is `None`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct CountryCode([u8; 2]);

impl FromStr for CountryCode {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        match text.as_bytes() {
            &[a, b] if a.is_ascii_uppercase() && b.is_ascii_uppercase() && text != "ZZ" => Ok(Self([a, b])),
            _ => Err(IdError::new("a country code of two capital letters", text)),
        }
    }
}

impl fmt::Display for CountryCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|&letter| write!(f, "{}", char::from(letter)))
    }
}

impl From<CountryCode> for String {
    fn from(code: CountryCode) -> String {
        code.to_string()
    }
}

impl TryFrom<String> for CountryCode {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

/// A group of targets that people know by one name, such as `facebook`: 1 to 64 of `a-z 0-9 . -`. Copies share the text: a
/// collector has the same few names in very many places.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct ServiceId(Arc<str>);

impl ServiceId {
    /// The name as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for ServiceId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, IdError> {
        let fits = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'.' || b == b'-';
        if text.is_empty() || text.len() > 64 || !text.bytes().all(fits) {
            return Err(IdError::new("a service name of 1 to 64 of a-z, 0-9, '.', '-'", text));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for ServiceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<ServiceId> for String {
    fn from(id: ServiceId) -> String {
        id.as_str().to_owned()
    }
}

impl TryFrom<String> for ServiceId {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        text.parse()
    }
}

/// One report inside a stored batch: what an event's evidence points to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct ReportRef {
    /// The batch the report came in.
    pub batch: BatchId,
    /// Its place in that batch, from 0.
    pub index: u16,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_is_none_never_a_sentinel() {
        assert_eq!(Asn::new(0), None);
        assert!(serde_json::from_str::<Asn>("0").is_err());
        assert!("ZZ".parse::<CountryCode>().is_err());
        assert!("kz".parse::<CountryCode>().is_err());
        assert_eq!("KZ".parse::<CountryCode>().unwrap().to_string(), "KZ");
    }

    #[test]
    fn ids_survive_their_text() {
        let id = ProbeId([7; 32]);
        assert_eq!(id.to_string().parse::<ProbeId>().unwrap(), id);
        assert!("07".parse::<ProbeId>().is_err());
        assert!("Facebook!".parse::<ServiceId>().is_err());
    }
}
