//! Answers to requests (df-001).

use data_encoding::BASE64;
use kedergi_wire::{Body, Digest, Page};
use serde_json::Value;

use super::super::fields::{bounded, list, text};

/// Of a page's beginning; a title stands there.
const HEAD: usize = 64 * 1024;

/// The page of a transaction; `None` if it has none.
pub(super) fn of(json: &Value) -> Option<Page> {
    let response = json.get("response")?;
    let status = u16::try_from(response.get("code")?.as_u64()?).ok().filter(|code| *code > 0)?;
    let bytes = body(response);
    let length = json.get("response_length").and_then(Value::as_u64).unwrap_or(bytes.len() as u64);
    let kept = response.get("x_kedergi");
    let sha256 = kept.and_then(|kept| text(kept, "sha256")?.parse().ok()).unwrap_or_else(|| Digest::of(&bytes));
    let title = kept.and_then(|kept| text(kept, "title")).map(bounded).or_else(|| title(&bytes));
    let truncated = response.get("body_is_truncated") == Some(&Value::Bool(true));
    Some(Page {
        status,
        location: header(response, "location").filter(|_| status / 100 == 3),
        server: header(response, "server"),
        title,
        offers_h3: false,
        body: Body { bytes: length, truncated, sha256, kept: None },
    })
}

/// Text, or bytes that are no text.
fn body(response: &Value) -> Vec<u8> {
    match response.get("body") {
        Some(Value::String(text)) => text.clone().into_bytes(),
        Some(other) => text(other, "data").and_then(|data| BASE64.decode(data.as_bytes()).ok()).unwrap_or_default(),
        None => Vec::new(),
    }
}

/// A header, whose name is written in any case.
fn header(response: &Value, name: &str) -> Option<String> {
    let listed = list(response, "headers_list").find_map(|pair| {
        let (key, value) = (pair.get(0)?.as_str()?, pair.get(1)?);
        key.eq_ignore_ascii_case(name).then(|| value.as_str()).flatten()
    });
    let mapped = || {
        let headers = response.get("headers")?.as_object()?;
        headers.iter().find(|(key, _)| key.eq_ignore_ascii_case(name))?.1.as_str()
    };
    listed.or_else(mapped).map(bounded)
}

/// What stands between `<title>` and its end.
fn title(body: &[u8]) -> Option<String> {
    let head = String::from_utf8_lossy(&body[..body.len().min(HEAD)]);
    // As long in bytes as the original: only ASCII letters change.
    let lower = head.to_ascii_lowercase();
    let tag = lower.find("<title")?;
    let start = tag + lower[tag..].find('>')? + 1;
    let end = start + lower[start..].find("</title")?;
    let title = head[start..end].split_whitespace().collect::<Vec<_>>().join(" ");
    Some(bounded(&title)).filter(|title| !title.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn titles_are_found() {
        let found = |body: &str| title(body.as_bytes());
        assert_eq!(found("<html><TITLE lang=kk>\n Жаңалықтар\n </Title>").as_deref(), Some("Жаңалықтар"));
        assert_eq!((found("<title>"), found("<title></title>"), found("")), (None, None, None));
    }
}
