//! One request on a connection that stands.

mod skim;

use std::net::SocketAddr;
use std::pin::pin;
use std::time::Duration;

use futures_util::future::{Either, select};
use http::header::{self, HeaderMap, HeaderName};
use http::{Request, Response};
use http_body_util::{BodyExt, Empty};
use hyper::body::{Bytes, Incoming};
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kedergi_wire::{Body, Digest, Failure, Http, Page, StepOutcome, TargetUrl};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout, timeout_at};
use url::Position;

pub(crate) use self::skim::{Ended, skim};
use super::cut::text;
use super::{failure, kept, title};

/// Slow servers take seconds to begin; 64 KB on a bad mobile line takes some more.
const TIMEOUT: Duration = Duration::from_secs(8);
/// A page that still trickles when time is up has come, if slowly. One of which nothing came for so long has been cut off.
const STALL: Duration = Duration::from_secs(3);
/// Bytes of a body kept in memory. Titles and block pages lie within the first few thousand.
const BODY: usize = 64 * 1024;

/// What an ordinary browser sends: a probe must not stand out, and sites answer strangers differently. Compression is
/// declined so that what is counted and hashed is the page.
const HEADERS: [(HeaderName, &str); 4] = [
    (header::USER_AGENT, "Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:140.0) Gecko/20100101 Firefox/140.0"),
    (header::ACCEPT, "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"),
    (header::ACCEPT_LANGUAGE, "en-US,en;q=0.5"),
    (header::ACCEPT_ENCODING, "identity"),
];

/// The version of HTTP that was agreed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Version {
    /// HTTP/1.1.
    Http1,
    /// HTTP/2.
    Http2,
}

/// Asks for `url` on `stream`, which leads to `address`.
pub(crate) async fn get<S>(stream: S, version: Version, address: SocketAddr, url: &TargetUrl) -> Http
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let until = Instant::now() + TIMEOUT;
    // What is waited for in between ends by itself; this is for the rest.
    let page = timeout(TIMEOUT + STALL, fetch(stream, version, url, until)).await.unwrap_or(Err(Failure::Timeout));
    let outcome = page.map_or_else(StepOutcome::Failed, StepOutcome::Ok);
    Http { address, url: text(url.as_str()), outcome }
}

async fn fetch<S>(stream: S, version: Version, url: &TargetUrl, until: Instant) -> Result<Page, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = request(url, version).map_err(|_| Failure::OwnMachine)?;
    let stream = TokioIo::new(stream);
    match version {
        Version::Http1 => {
            let (mut sender, connection) =
                http1::Builder::new().title_case_headers(true).handshake(stream).await.map_err(of)?;
            drive(answer(url, sender.send_request(request), until), connection).await
        }
        Version::Http2 => {
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.map_err(of)?;
            drive(answer(url, sender.send_request(request), until), connection).await
        }
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape map_err wants")]
fn of(error: hyper::Error) -> Failure {
    failure::of_http(&error)
}

/// Runs `exchange` on `connection`. Where the connection ends first, what had arrived before is still read.
async fn drive<T>(exchange: impl Future<Output = T>, connection: impl Future) -> T {
    match select(pin!(exchange), pin!(connection)).await {
        Either::Left((done, _)) => done,
        Either::Right((_, exchange)) => exchange.await,
    }
}

fn request(url: &TargetUrl, version: Version) -> Result<Request<Empty<Bytes>>, http::Error> {
    let parsed = url.url();
    let mut request = match version {
        Version::Http1 => Request::get(&parsed[Position::BeforePath..]).header(header::HOST, authority(url)),
        Version::Http2 => Request::get(url.as_str()),
    };
    for (name, value) in HEADERS {
        request = request.header(name, value);
    }
    request.body(Empty::new())
}

/// A request for `url` with its name in the URL, as HTTP/2 and HTTP/3 send it.
pub(crate) fn plain_request(url: &TargetUrl) -> Result<Request<()>, http::Error> {
    request(url, Version::Http2).map(|request| request.map(|_| ()))
}

/// The headers that a request for `url` carries, as HTTP/1.1 writes them. Empty where there can be no such request.
pub(crate) fn request_headers(url: &TargetUrl) -> Vec<(String, String)> {
    let Ok(request) = request(url, Version::Http1) else { return Vec::new() };
    let line = |(name, value): (&HeaderName, &header::HeaderValue)| {
        (title_case(name.as_str()), String::from_utf8_lossy(value.as_bytes()).into_owned())
    };
    request.headers().iter().map(line).collect()
}

fn title_case(name: &str) -> String {
    let word = |word: &str| word[..1].to_ascii_uppercase() + &word[1..];
    name.split('-').map(word).collect::<Vec<_>>().join("-")
}

/// Host and port as a browser writes them: without the scheme's own port.
fn authority(url: &TargetUrl) -> String {
    match url.url().port() {
        Some(port) => format!("{}:{port}", url.host()),
        None => url.host().to_owned(),
    }
}

/// The page, if it begins to come before time is up.
async fn answer(
    url: &TargetUrl,
    sent: impl Future<Output = hyper::Result<Response<Incoming>>>,
    until: Instant,
) -> Result<Page, Failure> {
    let response = timeout_at(until, sent).await.map_err(|_| Failure::Timeout)?.map_err(of)?;
    read(url, response, until).await
}

async fn read(url: &TargetUrl, response: Response<Incoming>, until: Instant) -> Result<Page, Failure> {
    let (head, mut body) = response.into_parts();
    let mut bytes = Vec::new();
    let mut truncated = false;
    let mut came = Instant::now();
    loop {
        let Ok(frame) = timeout_at(until, body.frame()).await else {
            if came.elapsed() > STALL {
                return Err(Failure::Timeout);
            }
            truncated = true;
            break;
        };
        let Some(frame) = frame else { break };
        came = Instant::now();
        let Ok(data) = frame.map_err(of)?.into_data() else { continue };
        let room = BODY - bytes.len();
        bytes.extend_from_slice(&data[..data.len().min(room)]);
        if data.len() > room {
            truncated = true;
            break;
        }
    }
    let kind = header_text(&head.headers, &header::CONTENT_TYPE);
    let title = title::find(&bytes, kind.as_deref()).map(|title| text(&title));
    let (length, sha256) = (bytes.len() as u64, Digest::of(&bytes));
    let packed = head.headers.contains_key(header::CONTENT_ENCODING);
    Ok(Page {
        status: head.status.as_u16(),
        location: header_text(&head.headers, &header::LOCATION),
        server: header_text(&head.headers, &header::SERVER),
        offers_h3: offers_h3(url, &head.headers),
        title,
        body: Body { bytes: length, truncated, sha256, kept: kept::beginning(bytes, packed) },
    })
}

/// Whether an answer says that the same can be had over HTTP/3 at the same host and port (RFC 7838, 3). Said in the clear it is
/// worth nothing.
fn offers_h3(url: &TargetUrl, headers: &HeaderMap) -> bool {
    let here = format!("h3=\":{}\"", url.port());
    let mut said = headers.get_all(header::ALT_SVC).iter().filter_map(|value| value.to_str().ok());
    let is_here = |service: &str| service.split(';').next().is_some_and(|service| service.trim() == here);
    url.is_https() && said.any(|value| value.split(',').any(is_here))
}

/// A header as text; bytes that are none are replaced, because what a censor sends need not be clean.
fn header_text(headers: &HeaderMap, name: &HeaderName) -> Option<String> {
    headers.get(name).map(|value| text(&String::from_utf8_lossy(value.as_bytes())))
}

#[cfg(test)]
mod tests;
