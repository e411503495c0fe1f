//! What the first bytes of a server's stream give away: up to TLS 1.2, the names in its certificate.

use crate::censor::sight::Bytes;

const HANDSHAKE_RECORD: usize = 22;
const CERTIFICATE: usize = 11;
/// Tag of a host name among a certificate's names (RFC 5280, 4.2.1.6: dNSName, context-specific 2).
const DNS_NAME: u8 = 0x82;

/// The host names in the certificate that a server's stream begins with, without "*."; none where no certificate can be
/// read. `None` while that cannot be told.
pub(crate) fn names(stream: &[u8]) -> Option<Vec<String>> {
    let (mut records, mut messages) = (Bytes(stream), Vec::new());
    loop {
        match leaf(&messages) {
            Leaf::Found(der) => return Some(host_names(der)),
            Leaf::Broken => return Some(Vec::new()),
            Leaf::Incomplete => {}
        }
        if records.number(1)? != HANDSHAKE_RECORD {
            return Some(Vec::new());
        }
        records.take(2)?;
        messages.extend_from_slice(records.run(2)?.0);
    }
}

enum Leaf<'a> {
    Incomplete,
    Found(&'a [u8]),
    Broken,
}

fn leaf(messages: &[u8]) -> Leaf<'_> {
    let mut messages = Bytes(messages);
    loop {
        let (Some(kind), Some(mut content)) = (messages.number(1), messages.run(3)) else { return Leaf::Incomplete };
        if kind == CERTIFICATE {
            let first = content.run(3).and_then(|mut list| list.run(3));
            return first.map_or(Leaf::Broken, |der| Leaf::Found(der.0));
        }
    }
}

/// Whatever looks like a host name under its tag. A censor does not take the trouble to read all of a certificate.
fn host_names(der: &[u8]) -> Vec<String> {
    let tagged = |at: usize| {
        let length = usize::from(*der.get(at + 1)?);
        let text = std::str::from_utf8(der.get(at + 2..at + 2 + length)?).ok()?;
        let is_name = text.contains('.') && text.bytes().all(|b| b.is_ascii_alphanumeric() || b"-_.*".contains(&b));
        is_name.then(|| text.strip_prefix("*.").unwrap_or(text).to_owned())
    };
    let tags = der.iter().enumerate().filter(|(_, byte)| **byte == DNS_NAME);
    tags.filter_map(|(at, _)| tagged(at)).collect()
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sized(width: usize, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&length[4 - width..], content].concat()
    }

    fn record(kind: u8, content: &[u8]) -> Vec<u8> {
        [&[kind, 3, 3], &sized(2, content)[..]].concat()
    }

    /// What a server of TLS 1.2 says first: a ServerHello and a certificate for `name`.
    pub(crate) fn server_flight(name: &str) -> Vec<u8> {
        let key = rcgen::KeyPair::generate().unwrap();
        let der = rcgen::CertificateParams::new(vec![format!("*.{name}")]).unwrap().self_signed(&key).unwrap();
        let hello = [&[2], &sized(3, &[3; 40])[..]].concat();
        let certificate = [&[11], &sized(3, &sized(3, &sized(3, der.der())))[..]].concat();
        [record(22, &hello), record(22, &certificate)].concat()
    }

    #[test]
    fn the_names_are_known_as_soon_as_the_certificate_is_whole() {
        let flight = server_flight("news.example");
        assert!((0..flight.len()).all(|length| names(&flight[..length]).is_none()));
        assert_eq!(names(&flight), Some(vec!["news.example".to_owned()]));
    }

    #[test]
    fn what_is_encrypted_gives_nothing_away() {
        let hello = [&[2], &sized(3, &[3; 40])[..]].concat();
        let stream = [record(22, &hello), record(20, &[1]), record(23, &[9; 90])].concat();
        assert_eq!(names(&stream), Some(Vec::new()));
        assert_eq!(names(b"HTTP/1.1 200 OK\r\n"), Some(Vec::new()));
    }

    proptest! {
        #[test]
        fn a_damaged_flight_does_not_make_it_panic(place: usize, byte: u8, length: usize) {
            let mut flight = server_flight("news.example");
            let (place, length) = (place % flight.len(), length % flight.len());
            flight[place] = byte;
            let _ = (names(&flight), names(&flight[..length]));
        }
    }
}
