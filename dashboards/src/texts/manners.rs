//! How something is blocked, in words for people who do not read protocols.

use kedergi_verdict::{DnsManner, How, HttpManner, QuicManner, TcpManner, TlsManner};
use kedergi_wire::Layer;

/// A manner in words: a few for a line of text, some sentences for a reader who asks what that means.
pub(crate) struct Manner {
    /// Completes "How:".
    pub(crate) short: &'static str,
    /// What happened, and why it is no ordinary fault.
    pub(crate) long: &'static str,
}

const fn manner(short: &'static str, long: &'static str) -> Manner {
    Manner { short, long }
}

pub(crate) fn layer(layer: Layer) -> &'static str {
    match layer {
        Layer::Dns => "finding the address (DNS)",
        Layer::Tcp => "connecting (TCP)",
        Layer::Tls => "the encrypted handshake (TLS)",
        Layer::Http => "fetching the page (HTTP)",
        Layer::Quic => "the newer way over UDP (HTTP/3)",
    }
}

pub(crate) fn how(how: How) -> Manner {
    match how {
        How::Dns(manner) => dns(manner),
        How::Tcp(manner) => tcp(manner),
        How::Tls(manner) => tls(manner),
        How::Http(manner) => http(manner),
        How::Quic(manner) => quic(manner),
    }
}

fn dns(found: DnsManner) -> Manner {
    match found {
        DnsManner::NxDomain => manner(
            "the provider’s name server said that the site does not exist",
            "Before a device can open a site it asks a name server for the site’s address. The provider’s name server \
             answered that there is no such name, while name servers elsewhere knew it.",
        ),
        DnsManner::WrongAddress => manner(
            "the provider’s name server gave a wrong address",
            "Before a device can open a site it asks a name server for the site’s address. The provider’s name server \
             gave an address that does not belong to the site, so the visitor was led elsewhere or nowhere.",
        ),
        DnsManner::Bogon => manner(
            "the provider’s name server gave an address that no site can have",
            "Before a device can open a site it asks a name server for the site’s address. The answer was an address \
             reserved for private or special use, at which no public site can be. Nobody gives that by mistake for one \
             site alone.",
        ),
        DnsManner::Injected => manner(
            "a forged answer about the site’s address came before the true one",
            "Before a device can open a site it asks a name server for the site’s address. Something on the way sent a \
             false answer in the name server’s name; the true answer arrived second, too late to be used.",
        ),
        DnsManner::NoAnswer => manner(
            "the question for the site’s address was not answered",
            "Before a device can open a site it asks a name server for the site’s address. The question about this name \
             remained without an answer, while questions about other names were answered.",
        ),
        DnsManner::Refused => manner(
            "the provider’s name server refused to give the site’s address",
            "Before a device can open a site it asks a name server for the site’s address. The provider’s name server \
             answered about other names and refused to answer about this one.",
        ),
    }
}

fn tcp(found: TcpManner) -> Manner {
    match found {
        TcpManner::Timeout => manner(
            "connecting to the site’s address got silence",
            "The device knew the site’s address and knocked, and nothing came back: what it sent was dropped on the \
             way. The same address answered from elsewhere in the same minutes.",
        ),
        TcpManner::Refused => manner(
            "connecting to the site’s address was turned away at once",
            "The device knew the site’s address and knocked, and was turned away with the first reply, while the same \
             address let visitors from elsewhere in.",
        ),
        TcpManner::Reset => manner(
            "the connection was broken while it was being made",
            "While the connection was being set up, a message arrived that ended it (a reset). From elsewhere the same \
             address could be connected to in the same minutes.",
        ),
        TcpManner::Unreachable => manner(
            "a router on the way said that the site’s address cannot be reached",
            "A router on the way answered that there is no way to the site’s address. From elsewhere the same address \
             could be reached in the same minutes.",
        ),
    }
}

fn tls(found: TlsManner) -> Manner {
    match found {
        TlsManner::Reset => manner(
            "the connection was broken off after the site’s name was sent",
            "A device that opens a secure site first sends the site’s name in the clear, in the opening message of the \
             handshake. Right after this message a reset arrived that ended the connection. A server does not do \
             that; a device on the way that reads the name and breaks the connection does.",
        ),
        TlsManner::Timeout => manner(
            "the handshake got silence after the site’s name was sent",
            "A device that opens a secure site first sends the site’s name in the clear, in the opening message of the \
             handshake. The connection was made, but after this message nothing came back: something on the way read \
             the name and let the rest of the conversation vanish. To a visitor the page seems to load for ever.",
        ),
        TlsManner::Closed => manner(
            "the connection was closed after the site’s name was sent",
            "A device that opens a secure site first sends the site’s name in the clear, in the opening message of the \
             handshake. After this message the connection was closed, though the site itself accepts it from elsewhere.",
        ),
        TlsManner::Alert => manner(
            "the handshake was refused with a warning that the site does not send",
            "The encrypted handshake was answered by an error message. From elsewhere the site sends no such message, so \
             it came from something on the way.",
        ),
        TlsManner::Intercepted => manner(
            "somebody else’s certificate was shown in the site’s place",
            "A secure site proves who it is by a certificate. Here another certificate was shown: somebody on the way \
             answered in the site’s place. Whoever accepts it lets them read and change everything, passwords too.",
        ),
    }
}

fn http(found: HttpManner) -> Manner {
    match found {
        HttpManner::BlockPage => manner(
            "a page saying that access is blocked was shown in the site’s place",
            "Instead of the site, a page came back that says that access is restricted. It did not come from the site.",
        ),
        HttpManner::Reset => manner(
            "the connection was broken off after the page was asked for",
            "The connection was made, and when the page was asked for a reset arrived that ended it. From elsewhere the \
             same page was delivered in the same minutes.",
        ),
        HttpManner::Timeout => manner(
            "asking for the page got silence",
            "The connection was made, but the request for the page was never answered. From elsewhere the same page was \
             delivered in the same minutes.",
        ),
        HttpManner::Different => manner(
            "another page than the site’s was delivered",
            "A page came back, but not the one that the site delivers everywhere else.",
        ),
    }
}

fn quic(found: QuicManner) -> Manner {
    match found {
        QuicManner::Timeout => manner(
            "the newer way to the site, HTTP/3, got silence",
            "Browsers also reach a site by a newer protocol, HTTP/3, which runs over UDP. What was sent to the site by it \
             vanished, while the site answers by it elsewhere. A browser then falls back to the older way.",
        ),
    }
}
