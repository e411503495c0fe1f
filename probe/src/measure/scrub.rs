//! Addresses and long numbers in what others wrote are written over: they may be the reader's own. Pure.

use std::net::Ipv6Addr;

/// Stands where an address was: of IP, or of a network card.
const ADDRESS: &[u8] = b"ADDRESS";
/// Stands where a number was long enough to be a telephone's, a contract's, or an address written as a number.
const NUMBER: &[u8] = b"NUMBER";
/// Digits of such a number. The least public IPv4 address is 1.0.0.0, which is 16777216.
const LONG: usize = 8;
/// Between the parts of an IPv4 address: as usual, and as in the names of customers' machines.
const SEPARATORS: &[u8] = b".-_";
/// Letters of the longest address: `ffff:ffff:ffff:ffff:ffff:ffff:255.255.255.255`.
const LONGEST: usize = 45;

/// The same bytes without addresses and long numbers. Letters that are not ASCII stay as they are, whatever the encoding.
pub(crate) fn bytes(input: &[u8]) -> Vec<u8> {
    let mut output = Vec::with_capacity(input.len());
    let mut rest = input;
    while let Some((first, after)) = rest.split_first() {
        let long = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (length, written): (usize, &[u8]) = match address(rest) {
            Some(length) => (length, ADDRESS),
            None if long >= LONG => (long, NUMBER),
            None => {
                output.push(*first);
                rest = after;
                continue;
            }
        };
        output.extend_from_slice(written);
        rest = &rest[length..];
    }
    output
}

/// As [`bytes`], of a text.
pub(crate) fn text(input: &str) -> String {
    String::from_utf8_lossy(&bytes(input.as_bytes())).into_owned()
}

/// As [`text`], of a URL, whole or in part. Its host stays: whoever readers are sent to is none of them.
pub(crate) fn url(input: &str) -> String {
    let Some(start) = input.find("//").map(|at| at + 2) else { return text(input) };
    let end = input[start..].find(['/', '?', '#']).map_or(input.len(), |at| start + at);
    let host = input[start..end].rfind('@').map_or(start, |at| start + at + 1);
    format!("{}{}{}", text(&input[..host]), &input[host..end], text(&input[end..]))
}

/// What was cut off at its end may end in half an address: without what may be one.
pub(crate) fn without_half(input: &[u8]) -> &[u8] {
    let half = |byte: &u8| byte.is_ascii_hexdigit() || byte == &b':' || byte == &b'%' || SEPARATORS.contains(byte);
    let end = input.iter().rposition(|byte| !half(byte)).map_or(0, |last| last + 1);
    &input[..end]
}

/// Bytes of the address at the beginning, if there is one.
fn address(input: &[u8]) -> Option<usize> {
    ipv4(input).or_else(|| with_colons(input))
}

/// Four numbers below 256 with the same separator between them.
fn ipv4(input: &[u8]) -> Option<usize> {
    let separator = *input.iter().take(4).find(|byte| !byte.is_ascii_digit())?;
    let mut length = 0;
    for part in 0..4 {
        if part > 0 {
            if input.get(length) != Some(&separator) || !SEPARATORS.contains(&separator) {
                return None;
            }
            length += 1;
        }
        let digits = input[length..].iter().take(3).take_while(|byte| byte.is_ascii_digit()).count();
        let number: u16 = str::from_utf8(&input[length..length + digits]).ok()?.parse().ok()?;
        if number > 255 {
            return None;
        }
        length += digits;
    }
    Some(length)
}

/// An IPv6 address, or that of a network card; a colon may be written `%3A`, as in URLs.
fn with_colons(input: &[u8]) -> Option<usize> {
    let mut letters = String::new();
    // Where in `input` each letter ends.
    let mut ends = Vec::new();
    let mut at = 0;
    while letters.len() < LONGEST {
        let (letter, length) = match input.get(at..) {
            Some([b'%', b'3', b'A' | b'a', ..]) => (':', 3),
            Some([byte, ..]) if byte.is_ascii_hexdigit() || *byte == b':' || SEPARATORS.contains(byte) => {
                (char::from(*byte), 1)
            }
            Some(_) | None => break,
        };
        at += length;
        letters.push(letter);
        ends.push(at);
    }
    if is_card(letters.as_bytes()) {
        return ends.get(CARD - 1).copied();
    }
    let found = (2..=letters.len()).rev().find(|&length| is_ipv6(&letters[..length]))?;
    ends.get(found - 1).copied()
}

/// Letters of a network card's address: six pairs.
const CARD: usize = 17;

fn is_card(letters: &[u8]) -> bool {
    let separated = |separator: u8| {
        let fits = |(at, byte): (usize, &u8)| {
            if at % 3 == 2 { *byte == separator } else { byte.is_ascii_hexdigit() }
        };
        letters.len() >= CARD && letters.iter().take(CARD).enumerate().all(fits)
    };
    separated(b':') || separated(b'-')
}

/// One that a machine can have: all of those begin with four digits, while `a::be` stands in style sheets. Of one that ends in an
/// IPv4 address, that is found by itself.
fn is_ipv6(letters: &str) -> bool {
    letters.parse::<Ipv6Addr>().is_ok_and(|ip| ip.segments()[0] >= LEAST)
}

/// Least first part of an address that somebody can have (2000::/3 and above).
const LEAST: u16 = 0x2000;

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use proptest::prelude::*;

    use super::*;

    #[test]
    fn addresses_and_long_numbers_go() {
        for (before, after) in [
            ("Your address: 95.56.1.2.", "Your address: ADDRESS."),
            ("95-56-1-2.line.example", "ADDRESS.line.example"),
            ("x=2a0e:97c0::1f&y", "x=ADDRESS&y"),
            ("x=2a0e%3A97c0%3a%3A1f&y", "x=ADDRESS&y"),
            ("[2a0e:97c0::1]:80", "[ADDRESS]:80"),
            ("::ffff:95.56.1.2", "::ffff:ADDRESS"),
            ("mac=00:1a:2B:3c:4d:5e", "mac=ADDRESS"),
            ("00-1A-2B-3C-4D-5E", "ADDRESS"),
            ("n=1597505794", "n=NUMBER"),
            ("call +7 701 1234567 or 87011234567", "call +7 701 1234567 or NUMBER"),
        ] {
            assert_eq!(text(before), after);
        }
    }

    #[test]
    fn what_is_none_stays() {
        for page in ["<p class=\"a\">By order of 21.11.2026, 12:30:45</p>", "a::before{x:0}", "v1.2.3", "Заблокировано"]
        {
            assert_eq!(text(page), page);
        }
    }

    #[test]
    fn who_readers_are_sent_to_stays() {
        assert_eq!(url("http://92.63.88.69/stop?ip=95.56.1.2"), "http://92.63.88.69/stop?ip=ADDRESS");
        assert_eq!(url("http://95.56.1.2@stop.example"), "http://ADDRESS@stop.example");
        assert_eq!(url("/stop/95.56.1.2"), "/stop/ADDRESS");
        assert_eq!(url("//stop.example#95.56.1.2"), "//stop.example#ADDRESS");
    }

    #[test]
    fn half_an_address_at_a_cut_goes() {
        assert_eq!(without_half(b"it is 95.56."), b"it is ");
        assert_eq!(without_half(b"it is "), b"it is ");
        assert_eq!(without_half(b"2a0e:97c0"), b"");
    }

    proptest! {
        #[test]
        fn no_address_is_left(ip: IpAddr, before in "[g-z =\"я]{0,4}", after in "[g-z \"<&]{0,4}") {
            prop_assume!(!matches!(ip, IpAddr::V6(ip) if ip.segments()[0] < LEAST));
            let dashed = ip.to_string().replace('.', "-");
            for form in [ip.to_string(), ip.to_string().to_uppercase(), dashed, ip.to_string().replace(':', "%3A")] {
                prop_assert_eq!(text(&format!("{before}{form}{after}")), format!("{before}ADDRESS{after}"));
            }
        }

        #[test]
        fn no_number_that_is_an_address_is_left(ip: Ipv4Addr) {
            prop_assume!(ip.octets()[0] > 0);
            prop_assert_eq!(text(&format!("ip={}", ip.to_bits())), "ip=NUMBER");
        }

        #[test]
        fn any_bytes_can_be_cleaned(input in proptest::collection::vec(any::<u8>(), 0..200), ascii in "[0-9a-f:.%A-]{0,60}") {
            prop_assert!(bytes(&input).len() <= 4 * input.len());
            text(&ascii);
        }
    }
}
