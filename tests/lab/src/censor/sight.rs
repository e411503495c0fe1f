//! What the first bytes of a client's stream give away: the name in a ClientHello or in a Host header.

/// What a stream begins with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Sight {
    /// Not yet to be told.
    Incomplete,
    /// A TLS ClientHello.
    Hello(Hello),
    /// A plain HTTP/1 request, with its host (port removed) if it has one.
    Request(Option<String>),
    /// Anything else.
    Other,
}

/// What a ClientHello gives away.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Hello {
    /// The server's name, if it has one.
    pub name: Option<String>,
    /// Whether it holds, or seems to hold, an encrypted one (RFC 9849).
    pub encrypted: bool,
}

const HANDSHAKE_RECORD: u8 = 22;
const CLIENT_HELLO: u8 = 1;
const SERVER_NAME: usize = 0;
const ENCRYPTED_HELLO: usize = 0xfe0d;
const HOST_NAME: u8 = 0;
const METHODS: [&[u8]; 8] = [b"GET ", b"HEAD ", b"POST ", b"PUT ", b"DELETE ", b"OPTIONS ", b"PATCH ", b"CONNECT "];

impl Sight {
    /// Looks at the beginning of a stream.
    pub fn of(stream: &[u8]) -> Self {
        match stream.first() {
            None => Self::Incomplete,
            Some(&HANDSHAKE_RECORD) => hello(stream),
            Some(_) => request(stream),
        }
    }

    /// Looks at the beginning of a handshake that comes without TLS's records, as over QUIC.
    pub(crate) fn of_message(message: &[u8]) -> Self {
        match message.first() {
            None => Self::Incomplete,
            Some(&CLIENT_HELLO) => whole(message).map_or(Self::Incomplete, of_body),
            Some(_) => Self::Other,
        }
    }
}

/// Bytes read from the front; `None` where they end too early.
pub(crate) struct Bytes<'a>(pub(crate) &'a [u8]);

impl<'a> Bytes<'a> {
    pub(crate) fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.0.split_at_checked(count)?;
        self.0 = rest;
        Some(taken)
    }

    /// A big-endian number of `width` bytes, at most 3.
    pub(crate) fn number(&mut self, width: usize) -> Option<usize> {
        Some(self.take(width)?.iter().fold(0, |number, byte| number << 8 | usize::from(*byte)))
    }

    /// A run of bytes that says its own length in its first `width` bytes.
    pub(crate) fn run(&mut self, width: usize) -> Option<Bytes<'a>> {
        let length = self.number(width)?;
        self.take(length).map(Bytes)
    }
}

fn hello(stream: &[u8]) -> Sight {
    let mut message = Vec::new();
    let mut records = Bytes(stream);
    // The message may be spread over several records, each with a header of its own.
    let body = loop {
        if let Some(body) = whole(&message) {
            break body;
        }
        match records.number(1) {
            None => return Sight::Incomplete,
            Some(kind) if kind != usize::from(HANDSHAKE_RECORD) => return Sight::Other,
            Some(_) => {}
        }
        let Some(fragment) = records.take(2).and_then(|_version| records.run(2)) else { return Sight::Incomplete };
        if fragment.0.is_empty() {
            return Sight::Other;
        }
        message.extend_from_slice(fragment.0);
        if message[0] != CLIENT_HELLO {
            return Sight::Other;
        }
    };
    of_body(body)
}

/// The body of a handshake message that has come whole.
fn whole(message: &[u8]) -> Option<&[u8]> {
    let mut bytes = Bytes(message);
    bytes.take(1)?;
    bytes.run(3).map(|body| body.0)
}

fn of_body(body: &[u8]) -> Sight {
    client_hello(&mut Bytes(body)).map_or(Sight::Other, Sight::Hello)
}

/// What the body of a ClientHello gives away; `None` if it is malformed.
fn client_hello(body: &mut Bytes<'_>) -> Option<Hello> {
    let mut hello = Hello::default();
    body.take(2 + 32)?;
    body.run(1)?;
    body.run(2)?;
    body.run(1)?;
    if body.0.is_empty() {
        return Some(hello);
    }
    let mut extensions = body.run(2)?;
    while !extensions.0.is_empty() {
        let kind = extensions.number(2)?;
        let mut extension = extensions.run(2)?;
        if kind == SERVER_NAME {
            let mut names = extension.run(2)?;
            let kind = names.take(1)?[0];
            let name = names.run(2)?;
            let text = String::from_utf8_lossy(name.0).into_owned();
            hello.name = (kind == HOST_NAME).then_some(text);
        }
        hello.encrypted |= kind == ENCRYPTED_HELLO;
    }
    Some(hello)
}

fn request(stream: &[u8]) -> Sight {
    let begins = |method: &&[u8]| stream.starts_with(method) || method.starts_with(stream);
    if !METHODS.iter().any(begins) {
        return Sight::Other;
    }
    let mut lines = stream.split_inclusive(|byte| *byte == b'\n').skip(1);
    loop {
        let Some(line) = lines.next().and_then(|line| line.strip_suffix(b"\n")) else { return Sight::Incomplete };
        let line = line.strip_suffix(b"\r").unwrap_or(line);
        if line.is_empty() {
            return Sight::Request(None);
        }
        if line.len() >= 5 && line[..5].eq_ignore_ascii_case(b"host:") {
            return Sight::Request(Some(host(&line[5..])));
        }
    }
}

fn host(value: &[u8]) -> String {
    let text = String::from_utf8_lossy(value);
    let text = text.trim();
    match text.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|b| b.is_ascii_digit()) => host.to_owned(),
        Some(_) | None => text.to_owned(),
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use proptest::prelude::*;

    fn sized(width: usize, content: &[u8]) -> Vec<u8> {
        let length = u32::try_from(content.len()).unwrap().to_be_bytes();
        [&length[4 - width..], content].concat()
    }

    fn record(fragment: &[u8]) -> Vec<u8> {
        [&[HANDSHAKE_RECORD, 3, 1], &sized(2, fragment)[..]].concat()
    }

    /// A ClientHello message without its record.
    fn message(name: &str) -> Vec<u8> {
        let entry = [&[HOST_NAME], &sized(2, name.as_bytes())[..]].concat();
        let sni = [&[0, 0], &sized(2, &sized(2, &entry))[..]].concat();
        let versions = [&[0, 43], &sized(2, &[2, 3, 4])[..]].concat();
        let body = [
            &[3, 3][..],
            &[7; 32],
            &sized(1, &[9; 32]),
            &sized(2, &[0x13, 1]),
            &sized(1, &[0]),
            &sized(2, &[versions, sni].concat()),
        ]
        .concat();
        [&[CLIENT_HELLO], &sized(3, &body)[..]].concat()
    }

    fn hello_of(name: &str) -> Sight {
        Sight::Hello(Hello { name: Some(name.to_owned()), encrypted: false })
    }

    /// A ClientHello as a client sends it.
    pub(crate) fn client_hello(name: &str) -> Vec<u8> {
        record(&message(name))
    }

    #[test]
    fn the_name_is_found_however_the_message_is_cut_into_records() {
        let message = message("news.example");
        for cut in 1..message.len() {
            let stream = [record(&message[..cut]), record(&message[cut..])].concat();
            assert_eq!(Sight::of(&stream), hello_of("news.example"), "cut at {cut}");
        }
    }

    #[test]
    fn a_piece_of_a_hello_is_incomplete() {
        let stream = client_hello("news.example");
        for length in 0..stream.len() {
            assert_eq!(Sight::of(&stream[..length]), Sight::Incomplete, "{length} bytes");
        }
    }

    #[test]
    fn the_host_is_found_as_soon_as_its_line_is_whole() {
        let sight = |text: &str| Sight::of(text.as_bytes());
        assert_eq!(
            sight("GET / HTTP/1.1\r\nHOST: news.example:80\r\n"),
            Sight::Request(Some("news.example".to_owned()))
        );
        assert_eq!(sight("GE"), Sight::Incomplete);
        assert_eq!(sight("GET / HTTP/1.1\r\nHost: news.exa"), Sight::Incomplete);
        assert_eq!(sight("GET / HTTP/1.0\r\n\r\n"), Sight::Request(None));
        assert_eq!(sight("SSH-2.0-x\r\n"), Sight::Other);
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
            let _ = Sight::of(&bytes);
        }

        #[test]
        fn a_damaged_hello_does_not_make_it_panic(place in 0usize..200, byte in any::<u8>()) {
            let mut stream = client_hello("news.example");
            let place = place % stream.len();
            stream[place] = byte;
            let _ = Sight::of(&stream);
        }
    }
}
