//! Which keys there are, and what was probably meant by one there is not.

use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::ConfigError;

/// Keys of the file, table by table; a test holds them against [`super::Config`].
const ROOT: &[&str] = &[
    "listen",
    "data_dir",
    "tls",
    "trusted_proxies",
    "asn_database",
    "country_database",
    "targets",
    "public_url",
    "metrics_listen",
    "alerts",
    "canaries",
];
const TLS: &[&str] = &["certificate", "key"];
const ALERTS: &[&str] = &["stdout", "webhooks"];
const WEBHOOK: &[&str] = &["url", "secret"];
const CANARY: &[&str] = &["url", "answers"];

/// Names less alike than this are no help to somebody who mistyped one (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.7;

/// Refuses text that is not TOML or holds a key that means nothing.
pub(super) fn check(text: &str, path: &Path) -> Result<(), ConfigError> {
    let table = DeTable::parse(text).map_err(|error| wrong_value(&error, text, path))?;
    let check = |table: &DeTable<'_>, known| known_only(table, known, text, path);
    check(table.get_ref(), ROOT)?;
    tables(table.get_ref(), "tls").try_for_each(|tls| check(tls, TLS))?;
    tables(table.get_ref(), "canaries").try_for_each(|canary| check(canary, CANARY))?;
    for alerts in tables(table.get_ref(), "alerts") {
        check(alerts, ALERTS)?;
        tables(alerts, "webhooks").try_for_each(|webhook| check(webhook, WEBHOOK))?;
    }
    Ok(())
}

/// The table under `key`, or each table of the list under it.
fn tables<'t>(table: &'t DeTable<'t>, key: &str) -> impl Iterator<Item = &'t DeTable<'t>> {
    let value = table.iter().find(|(name, _)| name.get_ref().as_ref() == key).map(|(_, value)| value.get_ref());
    let list: &[Spanned<DeValue<'t>>] = value.and_then(DeValue::as_array).map_or(&[], |array| array);
    value.and_then(DeValue::as_table).into_iter().chain(list.iter().filter_map(|entry| entry.get_ref().as_table()))
}

fn known_only(table: &DeTable<'_>, known: &'static [&'static str], text: &str, path: &Path) -> Result<(), ConfigError> {
    let stranger = table.iter().map(|(key, _)| key).find(|key| !known.contains(&key.get_ref().as_ref()));
    let Some(stranger) = stranger else { return Ok(()) };
    let key = stranger.get_ref().to_string();
    let line = line_of(text, stranger.span().start);
    Err(ConfigError::UnknownKey { path: path.to_owned(), line, nearest: nearest(&key, known), key, known })
}

pub(super) fn wrong_value(error: &toml::de::Error, text: &str, path: &Path) -> ConfigError {
    let line = line_of(text, error.span().map_or(0, |span| span.start));
    ConfigError::Value { path: path.to_owned(), line, message: error.message().to_owned() }
}

pub(super) fn hint(nearest: Option<&str>, known: &[&str]) -> String {
    nearest.map_or_else(|| format!("; there are {}", known.join(", ")), |key| format!(", did you mean {key:?}?"))
}

fn nearest(key: &str, known: &'static [&'static str]) -> Option<&'static str> {
    let scored = known.iter().map(|candidate| (strsim::jaro_winkler(key, candidate), *candidate));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score >= ALIKE).map(|(_, candidate)| candidate)
}

fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
