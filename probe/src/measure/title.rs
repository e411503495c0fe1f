//! The title of a page, from bytes that need not be HTML, nor whole, nor in the charset they claim.

/// How far a page's own word on its charset is looked for, as browsers do.
const PRESCAN: usize = 1024;
/// Characters of a title; a longer one is no title.
const LENGTH: usize = 300;
/// Bytes of a reference that is looked at. Looked for to the end, a page of ampersands costs the square of its length.
const REFERENCE: usize = 16;
/// Windows-1251 from 0x80 to 0xBF; from 0xC0 on it follows Unicode's А to я.
const WINDOWS_1251: &str = "ЂЃ‚ѓ„…†‡€‰Љ‹ЊЌЋЏђ‘’“”•–—\u{98}™љ›њќћџ\u{a0}ЎўЈ¤Ґ¦§Ё©Є«¬\u{ad}®Ї°±Ііґµ¶·ё№є»јЅѕї";

/// The text of the first `<title>`, without surrounding space. `content_type` is the header of that name.
pub(crate) fn find(body: &[u8], content_type: Option<&str>) -> Option<String> {
    let start = position(body, b"<title", 0)?;
    let open = start + body[start..].iter().position(|byte| *byte == b'>')? + 1;
    let end = position(body, b"</title", open).unwrap_or(body.len());
    let text = unescape(&decode(&body[open..end], cyrillic(body, content_type)));
    // After the references: some of them are space.
    let words: Vec<&str> = text.split_whitespace().collect();
    let title: String = words.join(" ").chars().take(LENGTH).collect();
    let title = title.trim_end();
    (!title.is_empty()).then(|| title.to_owned())
}

/// Where `needle` (lower case) begins at or after `from`, whatever the case in `body`.
fn position(body: &[u8], needle: &[u8], from: usize) -> Option<usize> {
    let windows = body.get(from..)?.windows(needle.len());
    windows.into_iter().position(|window| window.eq_ignore_ascii_case(needle)).map(|at| from + at)
}

/// Whether the header, or the page itself, says Windows-1251: the one other charset that is still common where we measure.
fn cyrillic(body: &[u8], content_type: Option<&str>) -> bool {
    match content_type.filter(|kind| kind.to_ascii_lowercase().contains("charset=")) {
        Some(kind) => kind.to_ascii_lowercase().contains("1251"),
        None => position(&body[..body.len().min(PRESCAN)], b"charset=windows-1251", 0)
            .or_else(|| position(&body[..body.len().min(PRESCAN)], b"charset=\"windows-1251", 0))
            .is_some(),
    }
}

fn decode(bytes: &[u8], cyrillic: bool) -> String {
    if !cyrillic {
        return String::from_utf8_lossy(bytes).into_owned();
    }
    let high: Vec<char> = WINDOWS_1251.chars().chain('А'..='я').collect();
    let letter = |byte: &u8| match byte.checked_sub(0x80) {
        Some(index) => high.get(usize::from(index)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
        None => char::from(*byte),
    };
    bytes.iter().map(letter).collect()
}

/// Resolves the five references that titles use and the numeric ones; others stay as they are.
fn unescape(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('&') {
        plain.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        let name = rest.bytes().take(REFERENCE).position(|byte| byte == b';').map(|end| &rest[..end]);
        match name.and_then(|name| Some((character(name)?, name.len()))) {
            Some((character, length)) => {
                plain.push(character);
                rest = &rest[length + 1..];
            }
            None => plain.push('&'),
        }
    }
    plain.push_str(rest);
    plain
}

fn character(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "nbsp" => Some(' '),
        _ => {
            let digits = name.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(hex) => u32::from_str_radix(hex, 16),
                None => digits.parse(),
            };
            code.ok().and_then(char::from_u32).filter(|character| !character.is_control())
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(body: &str) -> Option<String> {
        find(body.as_bytes(), None)
    }

    #[test]
    fn ordinary_titles() {
        assert_eq!(plain("<html><TITLE lang=en>\n A  page </title>").as_deref(), Some("A page"));
        assert_eq!(
            plain("<title>Tom &amp; J&#233;r&#xF4;me &unknown; &</title>").as_deref(),
            Some("Tom & Jérôme &unknown; &")
        );
        assert_eq!(plain("<title>cut off in the mid").as_deref(), Some("cut off in the mid"));
    }

    #[test]
    fn what_is_no_reference_stays() {
        assert_eq!(
            plain("<title>&; &a-name-too-long; &#x110000; &#7;</title>").as_deref(),
            Some("&; &a-name-too-long; &#x110000; &#7;")
        );
        assert_eq!(plain("<title>&&&amp&amp;&Ж;</title>").as_deref(), Some("&&&amp&&Ж;"));
    }

    #[test]
    fn no_title() {
        assert_eq!(plain(""), None);
        assert_eq!(plain("<title></title>"), None);
        assert_eq!(plain("<title"), None);
        assert_eq!(plain("<title>&nbsp;&#160;&#x2003;</title>"), None);
    }

    #[test]
    fn the_cyrillic_charset_of_old_block_pages() {
        let body =
            b"<meta charset=windows-1251><title>\xc4\xee\xf1\xf2\xf3\xef \xe7\xe0\xef\xf0\xe5\xf9\xb8\xed</title>";
        assert_eq!(find(body, None).as_deref(), Some("Доступ запрещён"));
        assert_eq!(find(&body[27..], Some("text/html; charset=WINDOWS-1251")).as_deref(), Some("Доступ запрещён"));
        assert_eq!(WINDOWS_1251.chars().count(), 64);
    }

    proptest! {
        #[test]
        fn any_bytes_are_survived(body in proptest::collection::vec(any::<u8>(), 0..300), kind in "\\PC{0,40}") {
            let _ = find(&body, Some(&kind));
            let _ = find(&[b"<title>", &body[..]].concat(), None);
        }

        #[test]
        fn a_title_is_found_behind_anything(before in "[^<]{0,80}", title in "[a-z]{1,40}") {
            prop_assert_eq!(plain(&format!("{before}<title>{title}</title>")), Some(title));
        }
    }
}
