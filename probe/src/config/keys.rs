//! Keys of the file: an unknown one is named with its line and the nearest right one, before serde sees the file and loses the
//! line.

use std::path::Path;

use toml::de::DeTable;

use super::ConfigError;

/// Keys of the file, for the message that names the nearest one. A test holds them against [`Config`].
pub(super) const KEYS: [&str; 16] = [
    "data_dir",
    "collectors",
    "interval_s",
    "skip_categories",
    "metered",
    "extra_roots",
    "public_resolvers",
    "doh_resolvers",
    "control_hosts",
    "resolv_conf",
    "upload_bytes_per_day",
    "download_bytes_per_day",
    "concurrency",
    "spool_bytes",
    "network",
    "country",
];
/// Keys of one entry of `doh_resolvers`.
const DOH_KEYS: [&str; 2] = ["url", "bootstrap"];
/// Keys of one entry of `control_hosts`.
const CONTROL_KEYS: [&str; 2] = ["name", "address"];
/// Names less alike than this are no help to somebody who mistyped one (Jaro-Winkler, 0 to 1).
const ALIKE: f64 = 0.7;

/// Refuses a file with a key that does not exist.
pub(super) fn check_keys(table: &DeTable<'_>, text: &str, path: &Path) -> Result<(), ConfigError> {
    known_only(table, &KEYS, text, path)?;
    for (list, keys) in [("doh_resolvers", &DOH_KEYS), ("control_hosts", &CONTROL_KEYS)] {
        let named = table.iter().filter(|(key, _)| key.get_ref().as_ref() == list);
        let entries = named.filter_map(|(_, list)| list.get_ref().as_array()).flat_map(|array| array.iter());
        let tables = entries.filter_map(|entry| entry.get_ref().as_table());
        tables.into_iter().try_for_each(|entry| known_only(entry, keys, text, path))?;
    }
    Ok(())
}

fn known_only(table: &DeTable<'_>, known: &[&str], text: &str, path: &Path) -> Result<(), ConfigError> {
    let stranger = table.iter().map(|(key, _)| key).find(|key| !known.contains(&key.get_ref().as_ref()));
    let Some(stranger) = stranger else { return Ok(()) };
    let key = stranger.get_ref().to_string();
    Err(ConfigError::UnknownKey {
        path: path.to_owned(),
        line: line_of(text, stranger.span().start),
        nearest: nearest(&key, known).map(str::to_owned),
        key,
    })
}

fn nearest<'k>(key: &str, known: &[&'k str]) -> Option<&'k str> {
    let scored = known.iter().map(|candidate| (strsim::jaro_winkler(key, candidate), *candidate));
    scored.max_by(|a, b| a.0.total_cmp(&b.0)).filter(|(score, _)| *score >= ALIKE).map(|(_, candidate)| candidate)
}

/// The line, from 1, of a byte in `text`.
pub(super) fn line_of(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}
