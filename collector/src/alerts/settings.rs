//! Where alerts go, as the configuration says it.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER};
use kedergi_wire::Digest;
use serde::Deserialize;
use url::Url;

/// Table `[alerts]` of the configuration.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AlertSettings {
    /// One line per alert on standard output.
    pub(crate) stdout: bool,
    /// Receivers of signed requests.
    pub(crate) webhooks: Vec<WebhookSettings>,
}

impl Default for AlertSettings {
    fn default() -> Self {
        Self { stdout: true, webhooks: Vec::new() }
    }
}

/// One receiver of signed requests (Standard Webhooks 1.0).
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookSettings {
    /// Where to send alerts.
    pub(crate) url: Url,
    /// What to sign them with; the receiver has the same.
    pub(crate) secret: WebhookSecret,
}

impl WebhookSettings {
    /// Name of the channel in the ledger. It follows the URL, so that an alert still waiting cannot go to another receiver
    /// when the list in the configuration is put in another order; it is a digest, because such a URL is often a secret.
    pub(crate) fn channel(&self) -> String {
        let digest = Digest::of(self.url.as_str().as_bytes());
        format!("webhook-{}", HEXLOWER.encode(&digest.0[..4]))
    }
}

/// `whsec_` and 24 to 64 bytes in base64.
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct WebhookSecret(Vec<u8>);

/// A text that is no [`WebhookSecret`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a webhook secret is \"whsec_\" followed by 24 to 64 bytes in base64; make one with: echo whsec_$(openssl rand -base64 32)"
)]
pub(crate) struct NoSecret;

impl WebhookSecret {
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0
    }
}

impl TryFrom<String> for WebhookSecret {
    type Error = NoSecret;

    fn try_from(text: String) -> Result<Self, NoSecret> {
        let bytes = text.strip_prefix("whsec_").and_then(|rest| BASE64.decode(rest.as_bytes()).ok()).ok_or(NoSecret)?;
        (24..=64).contains(&bytes.len()).then_some(Self(bytes)).ok_or(NoSecret)
    }
}

impl fmt::Debug for WebhookSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("whsec_(secret)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_is_checked_and_never_shown() {
        let secret = |text: &str| WebhookSecret::try_from(text.to_owned());
        let good = secret("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw").unwrap();
        assert_eq!(format!("{good:?}"), "whsec_(secret)");
        assert_eq!(secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), Err(NoSecret));
        assert_eq!(secret("whsec_c2hvcnQ="), Err(NoSecret));
    }

    #[test]
    fn a_channel_follows_the_url() {
        let settings = |url: &str| WebhookSettings { url: url.parse().unwrap(), secret: WebhookSecret(vec![0; 24]) };
        assert_eq!(settings("https://a.example/x").channel(), settings("https://a.example/x").channel());
        assert_ne!(settings("https://a.example/x").channel(), settings("https://a.example/y").channel());
        assert!(!settings("https://a.example/x").channel().contains("example"));
    }
}
