//! Numbers of eight bytes as they are saved: one text in base64 instead of a list of numbers three times as long.

use std::collections::VecDeque;

use data_encoding::BASE64;
use serde::de::Error;
use serde::{Deserialize, Deserializer, Serializer};

pub(crate) fn serialize<S: Serializer>(entries: &VecDeque<u64>, serializer: S) -> Result<S::Ok, S::Error> {
    let bytes: Vec<u8> = entries.iter().flat_map(|entry| entry.to_le_bytes()).collect();
    serializer.serialize_str(&BASE64.encode(&bytes))
}

pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<VecDeque<u64>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let bytes = BASE64.decode(text.as_bytes()).map_err(D::Error::custom)?;
    let (entries, rest) = bytes.as_chunks();
    if !rest.is_empty() {
        return Err(D::Error::custom("the votes of a series are damaged, or of another version"));
    }
    Ok(entries.iter().map(|&entry| u64::from_le_bytes(entry)).collect())
}
