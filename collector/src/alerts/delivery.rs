//! Empties the outbox: picks what is due, delivers it, writes down how that went.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::future::BoxFuture;
use futures_util::stream::FuturesUnordered;
use jiff::Timestamp;
use kedergi_store::{AlertRow, StoreError};

use super::outbox::{self, Attempt, Next};
use super::webhook::{self, Webhook, WebhookError};
use super::{AlertSettings, STDOUT, stdout};
use crate::app::App;

/// Alerts looked at together; at a little over one page an event this is a very bad day.
const ROWS: u32 = 256;
/// How long to sleep at most: the clock may be set, and what is due is told by the clock.
const LONGEST_SLEEP: Duration = Duration::from_secs(30);
/// While something is on its way the next due entry may be that very one, so look again soon.
const BUSY_SLEEP: Duration = Duration::from_secs(1);

/// Why alerts cannot be delivered at all.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DeliveryError {
    #[error(transparent)]
    Webhook(#[from] WebhookError),
    #[error("the outbox cannot be read or written: {0}")]
    Store(#[from] StoreError),
    #[error("the operating system gives no random bytes: {0}")]
    Random(#[from] getrandom::Error),
}

enum Channel {
    Stdout,
    Webhook(Webhook),
}

/// Delivers alerts until the process ends.
pub(crate) async fn run(app: App) -> Result<(), DeliveryError> {
    let mut courier = Courier::new(app)?;
    loop {
        courier.start_due().await?;
        courier.wait().await?;
    }
}

/// At most one alert per channel is on its way: a dead receiver delays no other, and the alerts of a live one keep their
/// order.
struct Courier {
    app: App,
    channels: BTreeMap<String, Arc<Channel>>,
    /// Channels whose receiver said 410 Gone. Kept until the process ends: an operator who wants it again restarts.
    gone: BTreeSet<String>,
    busy: BTreeSet<String>,
    flying: FuturesUnordered<BoxFuture<'static, (AlertRow, Attempt)>>,
}

impl Courier {
    fn new(app: App) -> Result<Self, DeliveryError> {
        let channels = channels(&app.config().alerts)?;
        Ok(Self { app, channels, gone: BTreeSet::new(), busy: BTreeSet::new(), flying: FuturesUnordered::new() })
    }

    async fn start_due(&mut self) -> Result<(), DeliveryError> {
        let now = self.app.now();
        for row in self.app.ledger(move |ledger| ledger.due_alerts(now, ROWS)).await? {
            if self.busy.insert(row.channel.clone()) {
                let channel = self.channels.get(&row.channel).filter(|_| !self.gone.contains(&row.channel));
                self.flying.push(Box::pin(deliver(channel.cloned(), row, now)));
            }
        }
        Ok(())
    }

    /// Until a delivery has ended, or something may have become due.
    async fn wait(&mut self) -> Result<(), DeliveryError> {
        let sleep = self.pause().await?;
        let app = self.app.clone();
        tokio::select! {
            Some((row, attempt)) = self.flying.next() => self.record(row, attempt).await,
            () = app.alerted().notified() => Ok(()),
            () = tokio::time::sleep(sleep) => Ok(()),
        }
    }

    async fn pause(&mut self) -> Result<Duration, DeliveryError> {
        if !self.flying.is_empty() {
            return Ok(BUSY_SLEEP);
        }
        let next = self.app.ledger(|ledger| ledger.next_alert()).await?;
        let until = next.map(|next| next.duration_since(self.app.now()).try_into().unwrap_or(Duration::ZERO));
        Ok(until.unwrap_or(LONGEST_SLEEP).min(LONGEST_SLEEP))
    }

    async fn record(&mut self, row: AlertRow, attempt: Attempt) -> Result<(), DeliveryError> {
        self.busy.remove(&row.channel);
        if matches!(attempt, Attempt::Unwanted(_)) {
            self.gone.insert(row.channel);
        }
        let next = outbox::next(attempt, row.attempts, self.app.now(), chance()?);
        let id = row.id;
        match next {
            Next::Sent => self.app.ledger(move |ledger| ledger.alert_sent(&id)).await?,
            Next::Again(at, error) => {
                tracing::warn!(alert = %id, %error, "alert not delivered, tried again later");
                self.app.ledger(move |ledger| ledger.alert_failed(&id, at, &error)).await?;
            }
            Next::GiveUp(error) => {
                tracing::error!(alert = %id, %error, "alert given up");
                self.app.ledger(move |ledger| ledger.alert_gave_up(&id, &error)).await?;
            }
        }
        Ok(())
    }
}

async fn deliver(channel: Option<Arc<Channel>>, row: AlertRow, now: Timestamp) -> (AlertRow, Attempt) {
    let attempt = match channel.as_deref() {
        None => Attempt::Unwanted("its channel is not configured, or said 410 Gone".to_owned()),
        Some(Channel::Stdout) => stdout::deliver(&row.id, &row.body, &mut io::stdout()),
        Some(Channel::Webhook(webhook)) => webhook.deliver(&row.id, &row.body, now).await,
    };
    (row, attempt)
}

fn channels(settings: &AlertSettings) -> Result<BTreeMap<String, Arc<Channel>>, WebhookError> {
    let mut channels = BTreeMap::new();
    if settings.stdout {
        channels.insert(STDOUT.to_owned(), Arc::new(Channel::Stdout));
    }
    if settings.webhooks.is_empty() {
        return Ok(channels);
    }
    let client = webhook::client()?;
    for settings in &settings.webhooks {
        let webhook = Webhook::new(client.clone(), settings)?;
        channels.insert(settings.channel(), Arc::new(Channel::Webhook(webhook)));
    }
    Ok(channels)
}

fn chance() -> Result<u8, getrandom::Error> {
    let mut byte = [0];
    getrandom::fill(&mut byte)?;
    Ok(byte[0])
}

#[cfg(test)]
mod tests;
