//! Our types as columns, and back.

use jiff::Timestamp;
use kedergi_wire::{Asn, CountryCode, Role};
use rusqlite::Row;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::StoreError;
use crate::error::Result;

/// Moments are stored in microseconds since 1970; all that jiff can express fit.
pub(crate) fn micros(at: Timestamp) -> i64 {
    at.as_microsecond()
}

pub(crate) fn timestamp(micros: i64) -> Result<Timestamp> {
    Timestamp::from_microsecond(micros).map_err(|e| StoreError::corrupt("moment")(&e))
}

pub(crate) fn role_word(role: Role) -> &'static str {
    match role {
        Role::Probe => "probe",
        Role::Control => "control",
    }
}

pub(crate) fn role(word: &str) -> Result<Role> {
    match word {
        "probe" => Ok(Role::Probe),
        "control" => Ok(Role::Control),
        other => Err(StoreError::corrupt("role")(&other)),
    }
}

pub(crate) fn network_number(network: Option<Asn>) -> Option<u32> {
    network.map(Asn::get)
}

pub(crate) fn network(row: &Row<'_>, column: &str) -> Result<Option<Asn>> {
    let number: Option<u32> = row.get(column)?;
    number.map(Asn::try_from).transpose().map_err(|e| StoreError::corrupt("network")(&e))
}

pub(crate) fn country(row: &Row<'_>, column: &str) -> Result<Option<CountryCode>> {
    let code: Option<String> = row.get(column)?;
    code.map(CountryCode::try_from).transpose().map_err(|e| StoreError::corrupt("country")(&e))
}

/// Reads a column whose text is the thing's own writing: a URL, a name.
pub(crate) fn text<T>(row: &Row<'_>, column: &'static str) -> Result<T>
where
    T: TryFrom<String>,
    T::Error: std::fmt::Display,
{
    let text: String = row.get(column)?;
    T::try_from(text).map_err(|e| StoreError::corrupt(column)(&e))
}

pub(crate) fn to_json<T: Serialize>(what: &'static str, value: &T) -> Result<String> {
    serde_json::to_string(value).map_err(|e| StoreError::corrupt(what)(&e))
}

pub(crate) fn from_json<T: DeserializeOwned>(what: &'static str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|e| StoreError::corrupt(what)(&e))
}
