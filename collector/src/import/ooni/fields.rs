//! Fields of JSON that others wrote: what is missing or of another kind is not there.

use serde_json::Value;

pub(super) fn text<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    value.get(key)?.as_str().filter(|text| !text.is_empty())
}

pub(super) fn list<'a>(value: &'a Value, key: &str) -> impl DoubleEndedIterator<Item = &'a Value> {
    value.get(key).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default().iter()
}

/// What follows `key=` in the tags.
pub(super) fn tag<'a>(value: &'a Value, key: &str) -> Option<&'a str> {
    list(value, "tags").filter_map(Value::as_str).find_map(|tag| tag.strip_prefix(key)?.strip_prefix('='))
}

/// Whether anything is said to have failed: a text. Old data have `false` for nothing.
pub(super) fn failure(value: &Value) -> Option<&str> {
    text(value, "failure")
}

/// Seconds as milliseconds.
pub(super) fn millis(value: &Value, key: &str) -> u32 {
    let seconds = value.get(key).and_then(Value::as_f64).unwrap_or(0.0).clamp(0.0, 86_400.0);
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "within a day, as was just seen to")]
    let millis = (seconds * 1000.0) as u32;
    millis
}

/// No longer than a report holds.
pub(super) fn bounded(text: &str) -> String {
    let end = (0..=text.len().min(kedergi_wire::limits::TEXT)).rev().find(|&end| text.is_char_boundary(end));
    text[..end.unwrap_or(0)].to_owned()
}
