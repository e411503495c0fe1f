//! Delivery to a webhook after Standard Webhooks 1.0: the receiver can check who sent it and drop what it already has.

use std::time::Duration;

use http::StatusCode;
use http::header::{CONTENT_TYPE, HeaderMap, RETRY_AFTER};
use jiff::{SignedDuration, Timestamp};
use reqwest::redirect::Policy;
use standardwebhooks::{HEADER_WEBHOOK_ID, HEADER_WEBHOOK_SIGNATURE, HEADER_WEBHOOK_TIMESTAMP};
use url::Url;

use super::outbox::Attempt;
use super::settings::WebhookSettings;
use crate::outgoing::{ClientError, client_builder};

/// The specification asks for 15 to 30 s: receivers may work before they answer.
const TIMEOUT: Duration = Duration::from_secs(20);

/// Why a webhook cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum WebhookError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("the HTTP client for webhooks cannot be set up: {0}")]
    Http(#[from] reqwest::Error),
    #[error("the secret of a webhook cannot be used: {0}")]
    Secret(#[from] standardwebhooks::WebhookError),
}

/// A client for all webhooks. It follows no redirect: an alert goes where the operator said, or not at all.
pub(crate) fn client() -> Result<reqwest::Client, WebhookError> {
    Ok(client_builder()?.redirect(Policy::none()).timeout(TIMEOUT).build()?)
}

/// One receiver.
pub(crate) struct Webhook {
    client: reqwest::Client,
    url: Url,
    signer: standardwebhooks::Webhook,
}

impl Webhook {
    pub(crate) fn new(client: reqwest::Client, settings: &WebhookSettings) -> Result<Self, WebhookError> {
        let signer = standardwebhooks::Webhook::from_bytes(settings.secret.bytes().to_vec())?;
        Ok(Self { client, url: settings.url.clone(), signer })
    }

    /// Sends an alert once. The id is the alert's on every attempt, the timestamp and the signature are the attempt's.
    pub(crate) async fn deliver(&self, id: &str, body: &str, now: Timestamp) -> Attempt {
        let timestamp = now.as_second();
        let signature = match self.signer.sign(id, timestamp, body.as_bytes()) {
            Ok(signature) => signature,
            Err(error) => return failed(error.to_string()),
        };
        let request = self
            .client
            .post(self.url.clone())
            .header(CONTENT_TYPE, "application/json")
            .header(HEADER_WEBHOOK_ID, id)
            .header(HEADER_WEBHOOK_TIMESTAMP, timestamp)
            .header(HEADER_WEBHOOK_SIGNATURE, signature)
            .body(body.to_owned());
        match request.send().await {
            Ok(response) => judge(response.status(), response.headers()),
            Err(error) => failed(innermost(&error.without_url())),
        }
    }
}

fn judge(status: StatusCode, headers: &HeaderMap) -> Attempt {
    if status.is_success() {
        return Attempt::Accepted;
    }
    if status == StatusCode::GONE {
        return Attempt::Unwanted("the receiver answered 410 Gone".to_owned());
    }
    let pause = headers.get(RETRY_AFTER).and_then(|value| value.to_str().ok()?.parse().ok());
    Attempt::Failed { error: format!("the receiver answered {status}"), pause: pause.map(SignedDuration::from_secs) }
}

fn failed(error: String) -> Attempt {
    Attempt::Failed { error, pause: None }
}

/// reqwest's own text says only "error sending request"; the reason is at the end of the chain.
fn innermost(error: &dyn std::error::Error) -> String {
    let mut innermost = error;
    while let Some(source) = innermost.source() {
        innermost = source;
    }
    innermost.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_success_delivers_and_only_gone_ends_it() {
        let judge = |status| judge(status, &HeaderMap::new());
        assert_eq!(judge(StatusCode::NO_CONTENT), Attempt::Accepted);
        assert!(matches!(judge(StatusCode::GONE), Attempt::Unwanted(_)));
        for status in [StatusCode::FOUND, StatusCode::NOT_FOUND, StatusCode::INTERNAL_SERVER_ERROR] {
            assert!(matches!(judge(status), Attempt::Failed { .. }), "{status}");
        }
    }

    #[test]
    fn a_pause_in_seconds_is_read() {
        let headers = HeaderMap::from_iter([(RETRY_AFTER, "120".parse().unwrap())]);
        let Attempt::Failed { pause, .. } = judge(StatusCode::SERVICE_UNAVAILABLE, &headers) else { panic!("503") };
        assert_eq!(pause, Some(SignedDuration::from_secs(120)));
    }
}
