//! Alerts: what somebody is told, where it goes, and how it gets there.
//!
//! The [`pager`] decides what is told and when; [`entries`] puts it into the ledger's outbox, one entry per channel, in the
//! transaction that moves detection on. From there [`run`] delivers: an entry leaves the outbox only when its receiver has
//! it or never will, so neither a restart nor a dead receiver loses one, and a receiver recognises by its id what it gets a
//! second time. Alerts of one event may arrive out of order after a failure; each says the whole state of the event.

mod delivery;
mod message;
mod outbox;
mod pager;
mod settings;
mod stdout;
mod webhook;

use jiff::Timestamp;
use kedergi_store::NewAlert;
use url::Url;

use crate::config::Config;

pub(crate) use delivery::run;
pub(crate) use pager::{Page, Pager};
#[cfg(test)]
pub(crate) use settings::WebhookSecret;
pub(crate) use settings::{AlertSettings, WebhookSettings};

/// Name of the channel to standard output.
const STDOUT: &str = "stdout";

/// Where alerts go and what they link to.
#[derive(Debug, Clone)]
pub(crate) struct Audience {
    /// Public address of the collector, without a slash at its end.
    pub(crate) base: String,
    channels: Vec<String>,
}

impl Audience {
    pub(crate) fn new(config: &Config) -> Self {
        let settings = &config.alerts;
        let base = config.public_url.as_ref().map_or_else(|| format!("http://{}", config.listen), Url::to_string);
        let stdout = settings.stdout.then(|| STDOUT.to_owned());
        let channels = stdout.into_iter().chain(settings.webhooks.iter().map(WebhookSettings::channel)).collect();
        Self { base: base.trim_end_matches('/').to_owned(), channels }
    }

    /// The outbox entries that tell everybody of `page`.
    pub(crate) fn entries(&self, page: &Page, now: Timestamp) -> Result<Vec<NewAlert>, serde_json::Error> {
        let body = serde_json::to_string(&message::alert(page, &self.base, now))?;
        let (event, news, second) = (&page.event.id, page.news.word(), now.as_second());
        let entry = |channel: &String| NewAlert {
            // The pager lets one kind of news about one event through once a second at most, by far.
            id: format!("{event}.{news}.{second}.{channel}"),
            event: event.clone(),
            channel: channel.clone(),
            body: body.clone(),
            due: now,
        };
        Ok(self.channels.iter().map(entry).collect())
    }
}
