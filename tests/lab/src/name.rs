//! Names of sites, as rules and scenes write them.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A host name in its ASCII form, lower case, without the last dot.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Name(String);

/// A text that is no host name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a host name in ASCII, such as news.example")]
pub struct NameError(String);

impl Name {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether `other` is this name or below it, whatever its case and with or without a last dot.
    pub fn covers(&self, other: &str) -> bool {
        let other = other.strip_suffix('.').unwrap_or(other).as_bytes();
        let own = self.0.as_bytes();
        let Some(start) = other.len().checked_sub(own.len()) else { return false };
        other[start..].eq_ignore_ascii_case(own) && (start == 0 || other[start - 1] == b'.')
    }
}

impl FromStr for Name {
    type Err = NameError;

    fn from_str(text: &str) -> Result<Self, NameError> {
        let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
        let label = |label: &str| {
            (1..=63).contains(&label.len())
                && label.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
        };
        if name.len() > 253 || !name.split('.').all(label) {
            return Err(NameError(text.to_owned()));
        }
        Ok(Self(name))
    }
}

impl TryFrom<String> for Name {
    type Error = NameError;

    fn try_from(text: String) -> Result<Self, NameError> {
        text.parse()
    }
}

impl From<Name> for String {
    fn from(name: Name) -> Self {
        name.0
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_covers_itself_and_what_is_below() {
        let name: Name = "News.Example.".parse().unwrap();
        for covered in ["news.example", "NEWS.example.", "a.b.news.example"] {
            assert!(name.covers(covered), "{covered}");
        }
        for other in ["example", "oldnews.example", "news.example.org", ""] {
            assert!(!name.covers(other), "{other}");
        }
    }

    #[test]
    fn what_could_break_a_configuration_file_is_no_name() {
        for text in ["", "a..b", "a b", "a;b", "пример.example", "\"", "a\nb", ".", "*.example"] {
            assert!(text.parse::<Name>().is_err(), "{text:?}");
        }
    }
}
