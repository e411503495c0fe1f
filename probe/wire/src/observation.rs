//! What a probe saw, layer by layer. Facts only: what they mean is the verdict's business.

use std::fmt;
use std::net::{IpAddr, SocketAddr};

use data_encoding::BASE64;
use serde::de::Error as _;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{Digest, Failure, bounded, limits};

/// The layer a step belongs to, in the order a connection climbs them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Layer {
    /// Name resolution.
    Dns,
    /// Connecting.
    Tcp,
    /// Handshake.
    Tls,
    /// Request and answer.
    Http,
    /// All of that over UDP, beside the others and not above them: HTTP/3.
    Quic,
}

impl Layer {
    /// The word for it, as in the wire format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Dns => "dns",
            Self::Tcp => "tcp",
            Self::Tls => "tls",
            Self::Http => "http",
            Self::Quic => "quic",
        }
    }
}

impl fmt::Display for Layer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// How a step ended: `{"ok": ...}` or `{"failed": "timeout"}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum StepOutcome<T> {
    /// It worked, and this came out.
    Ok(T),
    /// It did not.
    Failed(Failure),
}

impl<T> StepOutcome<T> {
    /// What came out, if it worked.
    pub fn ok(&self) -> Option<&T> {
        match self {
            Self::Ok(value) => Some(value),
            Self::Failed(_) => None,
        }
    }

    /// Why it failed, if it did.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Ok(_) => None,
            Self::Failed(failure) => Some(*failure),
        }
    }
}

/// One step of a measurement: when, how long, and what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Observation {
    /// Milliseconds from the start of the report to the start of the step.
    pub after_ms: u32,
    /// Milliseconds the step took.
    pub took_ms: u32,
    /// 0 for the target's own URL, 1 for the first redirect, and so on.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub hop: u8,
    /// What was done and seen.
    #[serde(flatten)]
    pub step: Step,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the signature serde calls")]
fn is_zero(hop: &u8) -> bool {
    *hop == 0
}

/// What was done and seen in one step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Step {
    /// One question to one resolver.
    Dns(Dns),
    /// One connection attempt to one address.
    Tcp(Tcp),
    /// One handshake on a connection.
    Tls(Tls),
    /// One request on a connection.
    Http(Http),
    /// One request over HTTP/3, with the handshake it takes.
    Quic(Quic),
}

impl Step {
    /// The layer of the step.
    pub fn layer(&self) -> Layer {
        match self {
            Self::Dns(_) => Layer::Dns,
            Self::Tcp(_) => Layer::Tcp,
            Self::Tls(_) => Layer::Tls,
            Self::Http(_) => Layer::Http,
            Self::Quic(_) => Layer::Quic,
        }
    }
}

/// Whom a question was put to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ResolverClass {
    /// The resolver this machine uses, mostly the provider's. Its address is never recorded.
    System,
    /// A public resolver, asked over UDP in the clear.
    Public,
    /// A resolver asked over HTTPS, which a censor on the path cannot answer for.
    Doh,
}

/// Kind of address asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Query {
    /// IPv4.
    A,
    /// IPv6.
    #[serde(rename = "AAAA")]
    Aaaa,
}

/// One DNS question and every answer that came within the listening time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dns {
    /// Whom it was put to.
    pub resolver: ResolverClass,
    /// The public or DoH resolver (address or URL). `None` for the system's.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "bounded::optional_text")]
    pub server: Option<String>,
    /// The name asked for, without the final dot.
    #[serde(deserialize_with = "bounded::text")]
    pub name: String,
    /// The kind of address asked for.
    pub query: Query,
    /// Answers in the order they arrived (never empty), or why there was none. The first is what an ordinary program would
    /// have used; a second one that differs means that somebody answered in the resolver's place.
    #[serde(deserialize_with = "answers")]
    pub outcome: StepOutcome<Answers>,
}

fn answers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<StepOutcome<Answers>, D::Error> {
    #[derive(Deserialize)]
    #[serde(transparent)]
    struct Bounded(#[serde(deserialize_with = "bounded::seq::<_, _, { limits::ANSWERS }>")] Answers);

    match StepOutcome::<Bounded>::deserialize(deserializer)? {
        StepOutcome::Ok(Bounded(list)) if list.is_empty() => Err(D::Error::invalid_length(0, &"at least one answer")),
        StepOutcome::Ok(Bounded(list)) => Ok(StepOutcome::Ok(list)),
        StepOutcome::Failed(failure) => Ok(StepOutcome::Failed(failure)),
    }
}

/// Answers in the order they arrived.
pub type Answers = Vec<Answer>;

/// Response code of an answer (RFC 1035, 4.1.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Rcode {
    /// No error; the list of addresses may still be empty.
    NoError,
    /// The name does not exist.
    NxDomain,
    /// The resolver failed.
    ServFail,
    /// The resolver refuses.
    Refused,
    /// Any other code.
    Other,
}

/// One answer to a DNS question.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// Milliseconds from the question to this answer.
    pub after_ms: u32,
    /// Its response code.
    pub rcode: Rcode,
    /// The addresses in it.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::seq::<_, _, { limits::ADDRESSES }>"
    )]
    pub addresses: Vec<IpAddr>,
    /// The canonical names on the way to them.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::texts::<_, { limits::ALIASES }>"
    )]
    pub aliases: Vec<String>,
    /// The time to live that the answer's packet had left (hop limit in IPv6), where the system tells: what is injected
    /// on the way comes from nearer by than the resolver.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ttl: Option<u8>,
}

/// One connection attempt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tcp {
    /// Where to.
    pub address: SocketAddr,
    /// Whether it connected.
    pub outcome: StepOutcome<()>,
}

/// What the trusted roots say of a chain, for the target's name and the probe's clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verification {
    /// Valid.
    Valid,
    /// Past its end.
    Expired,
    /// Before its start.
    NotYetValid,
    /// Made out to other names.
    WrongName,
    /// No trusted root vouches for it.
    UnknownIssuer,
    /// Not a certificate, or one with a bad signature or a constraint broken.
    Malformed,
}

/// A certificate as it was shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Certificate {
    /// SHA-256 of its DER form.
    pub sha256: Digest,
    /// Subject, as RFC 4514 text.
    #[serde(deserialize_with = "bounded::text")]
    pub subject: String,
    /// Issuer, as RFC 4514 text.
    #[serde(deserialize_with = "bounded::text")]
    pub issuer: String,
    /// The certificate itself (DER, base64): kept where verification failed, because then it is the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "Base64::<{ limits::CERTIFICATE }>")]
    pub der: Option<Vec<u8>>,
}

/// What a finished handshake agreed on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// `1.2` or `1.3`.
    #[serde(deserialize_with = "bounded::text")]
    pub version: String,
    /// `h2`, `http/1.1` or nothing.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "bounded::optional_text")]
    pub alpn: Option<String>,
}

/// What a ClientHello offers beside what every program offers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Hello {
    /// Nothing: a small ClientHello, as most programs send.
    #[default]
    Plain,
    /// A post-quantum key share beside the ordinary one (X25519MLKEM768), as today's browsers do. It fills more than one segment.
    PostQuantum,
    /// An encrypted ClientHello that holds nothing (GREASE, RFC 9849, 6.2): to who reads along it looks like a true one.
    GreaseEch,
}

impl Hello {
    /// Whether it is the ordinary one.
    pub fn is_plain(&self) -> bool {
        *self == Self::Plain
    }
}

/// One handshake.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tls {
    /// Where to.
    pub address: SocketAddr,
    /// The name sent in the ClientHello; `None` where the target is an address.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "bounded::optional_text")]
    pub server_name: Option<String>,
    /// Bytes of the ClientHello, with its record's header: some censors read only one that fits one packet.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub hello_bytes: Option<u16>,
    /// What kind of ClientHello it was.
    #[serde(default, skip_serializing_if = "Hello::is_plain")]
    pub hello: Hello,
    /// The chain as shown, leaf first; empty where none arrived.
    #[serde(
        default,
        skip_serializing_if = "Vec::is_empty",
        deserialize_with = "bounded::seq::<_, _, { limits::CHAIN }>"
    )]
    pub chain: Vec<Certificate>,
    /// What the roots say of the chain; `None` where none arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// Where only a root vouches for the chain that was added on this machine: SHA-256 of that root's key (the content of
    /// its SubjectPublicKeyInfo).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub extra_root: Option<Digest>,
    /// What was agreed. A chain that fails verification does not fail the step: it is carried on to see what it hides.
    pub outcome: StepOutcome<Session>,
}

/// One request.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Http {
    /// Where to.
    pub address: SocketAddr,
    /// What was asked for.
    #[serde(deserialize_with = "bounded::text")]
    pub url: String,
    /// The answer. A redirect is an answer; what it leads to is the next hop.
    pub outcome: StepOutcome<Page>,
}

/// An HTTP answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Page {
    /// Status code.
    pub status: u16,
    /// `Location` of a redirect.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "bounded::optional_text")]
    pub location: Option<String>,
    /// `Server` header.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "bounded::optional_text")]
    pub server: Option<String>,
    /// Text of the page's title.
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "bounded::optional_text")]
    pub title: Option<String>,
    /// Whether it says that the same page can be had over HTTP/3, at the same host and port (`Alt-Svc`, RFC 7838).
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub offers_h3: bool,
    /// The body.
    pub body: Body,
}

/// One request over HTTP/3: a handshake of QUIC and, on the connection it makes, a GET.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quic {
    /// Where to, over UDP.
    pub address: SocketAddr,
    /// The name sent in the ClientHello.
    #[serde(deserialize_with = "bounded::text")]
    pub server_name: String,
    /// The certificate shown for it; `None` where none arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub certificate: Option<Certificate>,
    /// What the roots say of the chain; `None` where none arrived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub verification: Option<Verification>,
    /// The answer. As over TLS, a chain that fails verification does not fail the step.
    pub outcome: StepOutcome<QuicAnswer>,
}

/// An answer over HTTP/3.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct QuicAnswer {
    /// Status code.
    pub status: u16,
}

/// What is kept of a body.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Body {
    /// Bytes received.
    pub bytes: u64,
    /// Whether the probe stopped reading at its cap of bytes or of time.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub truncated: bool,
    /// SHA-256 of the bytes received.
    pub sha256: Digest,
    /// The beginning of it, as bytes (base64), but for what looks like an address or a long number: those may be the reader's own.
    /// Kept where nothing proved the page and it is unlike the control's, because then it is the evidence.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "Base64::<{ limits::BODY }>")]
    pub kept: Option<Vec<u8>>,
}

/// At most `MAX` bytes as base64 text.
struct Base64<const MAX: usize>;

impl<const MAX: usize> Base64<MAX> {
    #[expect(clippy::ref_option, reason = "the signature serde calls")]
    fn serialize<S: Serializer>(bytes: &Option<Vec<u8>>, serializer: S) -> Result<S::Ok, S::Error> {
        match bytes {
            Some(bytes) => serializer.serialize_str(&BASE64.encode(bytes)),
            None => serializer.serialize_none(),
        }
    }

    fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Vec<u8>>, D::Error> {
        let Some(text) = Option::<String>::deserialize(deserializer)? else { return Ok(None) };
        let bytes = BASE64.decode(text.as_bytes()).map_err(D::Error::custom)?;
        if bytes.len() > MAX {
            return Err(D::Error::invalid_length(bytes.len(), &format!("at most {MAX} bytes").as_str()));
        }
        Ok(Some(bytes))
    }
}
