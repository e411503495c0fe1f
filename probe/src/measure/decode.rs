//! What the network sends, decoded by itself: the same code that a measurement runs, without its sockets. Whoever is on the
//! path chooses these bytes, and a probe aborts on a panic, so `tests/fuzz` feeds them anything.

use std::net::SocketAddr;

use hickory_proto::op::Message;
use jiff::Timestamp;
use kedergi_wire::{Answer, Certificate, Http, Page, Query, TargetUrl, Verification};
use rustls::pki_types::{CertificateDer, UnixTime};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::Instant;

use super::http::{self, Version};
use super::{Measurer, dns, redirects, title};

/// The answer in a DNS message, if it is one to the question for addresses of `name`. Its id is not compared.
pub fn decode_answer(message: &[u8], name: &str, query: Query) -> Option<Answer> {
    let question = dns::question(name, query)?;
    dns::read_answer(&Message::from_vec(message).ok()?, &question, Instant::now())
}

/// The title of a page, as far as it is one. `content_type` is the header of that name.
pub fn page_title(body: &[u8], content_type: Option<&str>) -> Option<String> {
    title::find(body, content_type)
}

/// Where `page`, got from `base`, sends its reader, if it is a redirect to something that can be measured.
pub fn redirect_target(base: &TargetUrl, page: &Page) -> Option<TargetUrl> {
    redirects::next(base, page)
}

/// Asks for `url` on a connection to `address` that stands, as HTTP/2 where `alpn` says so.
pub async fn fetch_page<S>(stream: S, alpn: Option<&str>, address: SocketAddr, url: &TargetUrl) -> Http
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let version = if alpn == Some("h2") { Version::Http2 } else { Version::Http1 };
    http::get(stream, version, address, url).await
}

impl Measurer {
    /// What a report keeps of a chain (DER, leaf first) that a server showed for `host` at the moment `now`. `None` where no
    /// handshake would come to that: an empty chain, or a host that is no name.
    pub fn describe_chain(
        &self,
        chain: &[Vec<u8>],
        host: &str,
        now: Timestamp,
    ) -> Option<(Vec<Certificate>, Verification)> {
        let chain: Vec<CertificateDer<'_>> = chain.iter().map(|der| der.as_slice().into()).collect();
        let now = u64::try_from(now.as_second()).ok()?;
        self.handshakes.describe(&chain, host, UnixTime::since_unix_epoch(std::time::Duration::from_secs(now)))
    }
}
