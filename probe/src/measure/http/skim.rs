//! One request whose answer is only counted: how fast it comes is told by the stream below.

use std::time::Duration;

use http_body_util::BodyExt;
use hyper::Response;
use hyper::body::Incoming;
use hyper::client::conn::{http1, http2};
use hyper_util::rt::{TokioExecutor, TokioIo};
use kedergi_wire::{Failure, TargetUrl};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::time::{Instant, timeout, timeout_at};

use super::{TIMEOUT, Version, drive, of, request};

/// How reading a body ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ended {
    /// As much of it came as was wanted.
    Whole,
    /// It was over before.
    Short,
    /// Time was up.
    GivenUp,
}

/// Asks for `url` and reads at most `most` bytes of the answer, for at most `within` from its head on.
pub(crate) async fn skim<S>(
    stream: S,
    version: Version,
    url: &TargetUrl,
    most: usize,
    within: Duration,
) -> Result<Ended, Failure>
where
    S: AsyncRead + AsyncWrite + Unpin + Send + 'static,
{
    let request = request(url, version).map_err(|_| Failure::OwnMachine)?;
    let stream = TokioIo::new(stream);
    match version {
        Version::Http1 => {
            let (mut sender, connection) =
                http1::Builder::new().title_case_headers(true).handshake(stream).await.map_err(of)?;
            drive(answer(sender.send_request(request), most, within), connection).await
        }
        Version::Http2 => {
            let (mut sender, connection) = http2::handshake(TokioExecutor::new(), stream).await.map_err(of)?;
            drive(answer(sender.send_request(request), most, within), connection).await
        }
    }
}

async fn answer(
    sent: impl Future<Output = hyper::Result<Response<Incoming>>>,
    most: usize,
    within: Duration,
) -> Result<Ended, Failure> {
    let response = timeout(TIMEOUT, sent).await.map_err(|_| Failure::Timeout)?.map_err(of)?;
    let (until, mut body) = (Instant::now() + within, response.into_body());
    let mut read = 0;
    while read < most {
        let Ok(frame) = timeout_at(until, body.frame()).await else { return Ok(Ended::GivenUp) };
        let Some(frame) = frame else { return Ok(Ended::Short) };
        read += frame.map_err(of)?.into_data().map_or(0, |data| data.len());
    }
    Ok(Ended::Whole)
}
