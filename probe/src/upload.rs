//! The way to the collectors: carries out what outbox and pulse decided. One attempt a call; when to try again is theirs to say.

use std::error::Error as _;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{Agenda, ApiPath, EnrollReply, Heartbeat, MAX_ENVELOPE, Problem, Receipt};
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use reqwest::redirect::Policy;
use reqwest::{Client, Response, StatusCode};
use serde::de::DeserializeOwned;
use url::Url;

use crate::doors::Bar;
use crate::outbox::Answer;
use crate::spool::Sealed;
use crate::trust::{self, TrustError};

/// Connecting, TLS included: satellite and mobile lines need seconds, none needs more.
const CONNECT: Duration = Duration::from_secs(15);
/// A short exchange.
const SHORT: Duration = Duration::from_secs(30);
/// A batch or a bundle over a bad line: a megabyte at 32 kbit/s.
const LONG: Duration = Duration::from_secs(300);
/// Bytes of a plain reply at most.
const REPLY: usize = 256 * 1024;

/// Why there is no way to the collectors at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CourierError {
    /// The roots cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// The client cannot be set up.
    #[error("the HTTP client cannot be set up: {0}")]
    Client(#[from] reqwest::Error),
}

/// Why an exchange with a collector failed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    /// It could not be connected to: nothing was sent.
    #[error("no connection to the collector: {0}")]
    NoConnection(String),
    /// The exchange broke off: what was sent may have arrived.
    #[error("the collector gave no full answer: {0}")]
    BrokenOff(String),
    /// It says that it cannot serve now.
    #[error("the collector cannot serve now (status {status})")]
    NotNow { status: StatusCode, retry_after: Option<SignedDuration> },
    /// It refuses, and says why.
    #[error("the collector refuses: {} ({})", .0.title, .0.detail)]
    Refused(Problem),
    /// What answered does not speak as a collector does.
    #[error("what answers there is no collector, or another version of one: {0}")]
    Strange(String),
}

impl Trouble {
    /// Why the collector wants nothing of this probe, if that is what it says.
    pub(crate) fn bar(&self) -> Option<Bar> {
        let Self::Refused(problem) = self else { return None };
        match problem.name() {
            Problem::UNKNOWN_PROBE => Some(Bar::UnknownProbe),
            Problem::REVOKED_PROBE => Some(Bar::RevokedProbe),
            Problem::CONSENT_OUTDATED => Some(Bar::ConsentOutdated),
            _ => None,
        }
    }

    /// How long it asked to be left alone.
    pub(crate) fn retry_after(&self) -> Option<SignedDuration> {
        match self {
            Self::NotNow { retry_after, .. } => *retry_after,
            Self::NoConnection(_) | Self::BrokenOff(_) | Self::Refused(_) | Self::Strange(_) => None,
        }
    }

    /// For the log. What a collector writes about a refusal may name the probe, so that only the problem's own name is told.
    pub(crate) fn in_brief(&self) -> String {
        match self {
            Self::Refused(problem) => format!("the collector refuses ({})", problem.name()),
            Self::NoConnection(_) | Self::BrokenOff(_) | Self::NotNow { .. } | Self::Strange(_) => self.to_string(),
        }
    }

    /// What it means for the batch that was offered.
    fn answer(&self) -> Answer {
        if let Some(bar) = self.bar() {
            return Answer::ProbeRefused(bar);
        }
        match self {
            Self::Refused(problem) => match problem.name() {
                name @ (Problem::MALFORMED | Problem::BAD_SIGNATURE | Problem::TOO_LARGE) => {
                    Answer::BatchRefused(name.to_owned())
                }
                // Any other refusal is not about the bytes; they may be welcome later or elsewhere.
                _ => Answer::NotNow(None),
            },
            Self::NotNow { retry_after, .. } => Answer::NotNow(*retry_after),
            Self::NoConnection(_) | Self::BrokenOff(_) | Self::Strange(_) => Answer::NotNow(None),
        }
    }
}

/// What came of offering a batch.
#[derive(Debug)]
pub(crate) struct Delivery {
    /// What it means.
    pub(crate) answer: Answer,
    /// Bytes that went over the line.
    pub(crate) sent: u64,
}

/// What a collector told in answer to a heartbeat.
#[derive(Debug)]
pub(crate) struct News {
    /// What to know and do.
    pub(crate) agenda: Agenda,
    /// When it came, by the probe's clock.
    pub(crate) received: Timestamp,
    /// The bundle, where the probe's differs.
    pub(crate) bundle: Bundle,
}

/// The target bundle that came with the news.
#[derive(Debug)]
pub(crate) enum Bundle {
    /// The probe has the current one.
    Held,
    /// The collector has none yet.
    NotYet,
    /// This one, unchecked.
    New(Vec<u8>),
}

/// The way to the collectors.
#[derive(Debug, Clone)]
pub(crate) struct Courier(Client);

impl Courier {
    /// With the bundled roots and the volunteer's own. No proxy from the environment: the collector files reports under the
    /// network the connection comes from, and behind a proxy that would be the proxy's. No redirects: what is
    /// signed for one collector is not carried to another host.
    pub(crate) fn new(extra_roots: Option<&std::path::Path>) -> Result<Self, CourierError> {
        let mut tls = trust::verifying_client(trust::roots(extra_roots)?)?;
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        let client = Client::builder()
            .tls_backend_preconfigured(tls)
            .no_proxy()
            .redirect(Policy::none())
            .retry(reqwest::retry::never())
            .connect_timeout(CONNECT)
            .build()?;
        Ok(Self(client))
    }

    /// Asks to be known.
    pub(crate) async fn enroll(&self, collector: &Url, envelope: Vec<u8>) -> Result<EnrollReply, Trouble> {
        self.ask(collector, ApiPath::ENROLL, envelope, SHORT).await
    }

    /// Offers a batch.
    pub(crate) async fn deliver(&self, collector: &Url, batch: Sealed) -> Delivery {
        let bytes = batch.bytes.len().try_into().unwrap_or(u64::MAX);
        let receipt: Result<Receipt, Trouble> = self.ask(collector, ApiPath::REPORTS, batch.bytes, LONG).await;
        let answer = match &receipt {
            Ok(receipt) if receipt.batch == batch.id => Answer::Acknowledged,
            Ok(_) => Answer::NotNow(None),
            Err(trouble) => trouble.answer(),
        };
        if let Err(trouble) = &receipt {
            tracing::info!("a batch could not be delivered: {}", trouble.in_brief());
        }
        let sent = if matches!(receipt, Err(Trouble::NoConnection(_))) { 0 } else { bytes };
        Delivery { answer, sent }
    }

    /// Sends a heartbeat, waits for the agenda, and fetches the bundle if the probe's is another.
    pub(crate) async fn heartbeat(
        &self,
        collector: &Url,
        heartbeat: &Heartbeat,
        envelope: Vec<u8>,
    ) -> Result<News, Trouble> {
        let patience = SHORT + Duration::from_secs(heartbeat.wait_s.into());
        let agenda: Agenda = self.ask(collector, ApiPath::HEARTBEAT, envelope.clone(), patience).await?;
        let received = Timestamp::now();
        let bundle = if heartbeat.bundle == Some(agenda.bundle) {
            Bundle::Held
        } else {
            self.bundle(collector, envelope).await?
        };
        Ok(News { agenda, received, bundle })
    }

    async fn bundle(&self, collector: &Url, envelope: Vec<u8>) -> Result<Bundle, Trouble> {
        match self.post(collector, ApiPath::BUNDLE, envelope, LONG, MAX_ENVELOPE).await {
            Ok(bytes) => Ok(Bundle::New(bytes)),
            Err(Trouble::Refused(problem)) if problem.name() == Problem::NOT_FOUND => Ok(Bundle::NotYet),
            Err(trouble) => Err(trouble),
        }
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        collector: &Url,
        path: &str,
        body: Vec<u8>,
        patience: Duration,
    ) -> Result<T, Trouble> {
        let reply = self.post(collector, path, body, patience, REPLY).await?;
        serde_json::from_slice(&reply).map_err(|error| Trouble::Strange(error.to_string()))
    }

    async fn post(
        &self,
        collector: &Url,
        path: &str,
        body: Vec<u8>,
        patience: Duration,
        cap: usize,
    ) -> Result<Vec<u8>, Trouble> {
        let request = self.0.post(endpoint(collector, path)).header(CONTENT_TYPE, "application/octet-stream");
        let request = request.header(ACCEPT, "application/json, application/problem+json, application/octet-stream");
        let response = request.timeout(patience).body(body).send().await.map_err(|error| trouble(&error))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let reply = read(response, cap).await?;
        if status.is_success() { Ok(reply) } else { Err(refusal(status, &headers, &reply)) }
    }
}

/// Below the collector's URL, which may have a path of its own.
fn endpoint(collector: &Url, path: &str) -> Url {
    let mut url = collector.clone();
    url.set_path(&format!("{}{path}", collector.path().trim_end_matches('/')));
    url.set_query(None);
    url
}

async fn read(mut response: Response, cap: usize) -> Result<Vec<u8>, Trouble> {
    let mut bytes = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|error| trouble(&error))? {
        if bytes.len() + chunk.len() > cap {
            return Err(Trouble::Strange(format!("an answer of more than {cap} bytes")));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes)
}

fn refusal(status: StatusCode, headers: &HeaderMap, reply: &[u8]) -> Trouble {
    if status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS {
        return Trouble::NotNow { status, retry_after: retry_after(headers, Timestamp::now()) };
    }
    match serde_json::from_slice::<Problem>(reply) {
        Ok(problem) => Trouble::Refused(problem),
        Err(_) if status == StatusCode::PAYLOAD_TOO_LARGE => Trouble::Refused(too_large()),
        // A captive portal or a proxy in between: nothing was refused by a collector.
        Err(_) => Trouble::Strange(format!("status {status} without a reason")),
    }
}

/// A proxy in front of the collector that takes less than the collector does.
fn too_large() -> Problem {
    Problem {
        kind: format!("{}{}", Problem::PREFIX, Problem::TOO_LARGE),
        title: "Too large".to_owned(),
        status: StatusCode::PAYLOAD_TOO_LARGE.as_u16(),
        detail: "a proxy in front of the collector does not let a batch of this size pass".to_owned(),
    }
}

/// Seconds, or a date.
fn retry_after(headers: &HeaderMap, now: Timestamp) -> Option<SignedDuration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    if let Ok(seconds) = text.parse::<u32>() {
        return Some(SignedDuration::from_secs(seconds.into()));
    }
    let date = jiff::fmt::rfc2822::parse(text).ok()?;
    Some(date.timestamp().duration_since(now).max(SignedDuration::ZERO))
}

/// Only the innermost cause: the layers around it repeat it, and name addresses.
fn trouble(error: &reqwest::Error) -> Trouble {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    let why = if error.is_timeout() {
        "no answer in time".to_owned()
    } else {
        cause.map_or_else(|| "it broke".to_owned(), ToString::to_string)
    };
    if error.is_connect() { Trouble::NoConnection(why) } else { Trouble::BrokenOff(why) }
}

#[cfg(test)]
mod tests;
