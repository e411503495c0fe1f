//! The collector that a replay feeds: one that runs already, or one of its own.

use std::fs;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail, ensure};
use jiff::{SignedDuration, Timestamp};
use kedergi_detector::Scenario;
use kedergi_store::NewInvite;
use kedergi_wire::{Role, Target};
use serde::Serialize;
use serde::de::DeserializeOwned;
use tempfile::TempDir;
use tokio::task::JoinHandle;
use url::Url;

use crate::alerts::AlertSettings;
use crate::api::{EventBody, EventList, Status};
use crate::app::open_ledger;
use crate::clock::{Clock, Told};
use crate::config::Config;
use crate::keys::{invite_code, invite_hash};
use crate::serve::Server;

/// How long the collector may take to bring the events up to the reports once they are sent.
const PATIENCE: Duration = Duration::from_secs(300);
const LOOK_AGAIN: Duration = Duration::from_millis(200);
/// Events asked for: the most the API gives at once.
const EVENTS: u32 = 1000;

/// The collector that is fed.
pub(super) struct Collector {
    url: Url,
    invite: String,
    control_invite: String,
    client: reqwest::Client,
    own: Option<Own>,
}

/// A collector of the replay's own, which goes by the time of the history; with it the folder goes.
struct Own {
    clock: Arc<Told>,
    server: JoinHandle<()>,
    _folder: TempDir,
}

impl Drop for Own {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Collector {
    /// One that runs already.
    pub(super) fn given(url: Url, invite: String, control_invite: String) -> Result<Self> {
        let client = super::crowd::client(None)?;
        Ok(Self { url, invite, control_invite, client, own: None })
    }

    /// One that measures what the scenario measures, in a folder that goes with it.
    pub(super) async fn own(scenario: &Scenario) -> Result<Self> {
        let folder = tempfile::tempdir().context("no temporary folder can be made")?;
        let targets = folder.path().join("targets.toml");
        fs::write(&targets, target_list(scenario)?)?;
        let config = Config {
            listen: ([127, 0, 0, 1], 0).into(),
            data_dir: folder.path().join("collector"),
            targets: Some(targets),
            // The replay itself says what happened.
            alerts: AlertSettings { stdout: false, webhooks: Vec::new() },
            ..Config::default()
        };
        let data_dir = config.data_dir.clone();
        let (clock, told) = Clock::told(scenario.start);
        let server = Server::bind(config, clock).await?;
        let url = server.url().parse()?;
        let invites = tokio::task::spawn_blocking(move || invites(&data_dir)).await??;
        let server = tokio::spawn(async move {
            if let Err(error) = server.run(std::future::pending()).await {
                tracing::error!("the collector of the replay ended: {error}");
            }
        });
        let own = Own { clock: told, server, _folder: folder };
        Ok(Self { own: Some(own), ..Self::given(url, invites.0, invites.1)? })
    }

    pub(super) fn url(&self) -> &Url {
        &self.url
    }

    /// The invitation for probes of a role.
    pub(super) fn invite(&self, role: Role) -> &str {
        match role {
            Role::Probe => &self.invite,
            Role::Control => &self.control_invite,
        }
    }

    /// Whether it goes by the time of the history.
    pub(super) fn is_told(&self) -> bool {
        self.own.is_some()
    }

    /// Tells it the time, and waits until all that came in by then is in the events. One that runs already has its own time.
    pub(super) async fn tell(&self, now: Timestamp) -> Result<()> {
        let Some(own) = &self.own else { return Ok(()) };
        let set = tokio::time::timeout(PATIENCE, own.clock.set(now)).await;
        set.with_context(|| format!("the collector of the replay did not keep up with {now}; its log may say why"))
    }

    /// Returns when the events say all that the reports tell.
    pub(super) async fn caught_up(&self) -> Result<()> {
        let deadline = Instant::now() + PATIENCE;
        while !self.get::<Status>("/api/v1/status").await?.caught_up {
            ensure!(
                Instant::now() < deadline,
                "the collector did not take the reports in within {} s",
                PATIENCE.as_secs()
            );
            tokio::time::sleep(LOOK_AGAIN).await;
        }
        Ok(())
    }

    /// The events of the scenario's country that were opened during the scenario, in that order.
    pub(super) async fn events(&self, scenario: &Scenario) -> Result<Vec<EventBody>> {
        let path = format!("/api/v1/events?country={}&limit={EVENTS}", scenario.country);
        let EventList { mut events } = self.get(&path).await?;
        let end = scenario.end.saturating_add(SignedDuration::from_hours(1)).unwrap_or(scenario.end);
        events.retain(|event| (scenario.start..end).contains(&event.opened));
        events.sort_by_key(|event| event.opened);
        Ok(events)
    }

    async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T> {
        if self.own.as_ref().is_some_and(|own| own.server.is_finished()) {
            bail!("the collector of the replay ended; its log says why");
        }
        let response = self.client.get(self.url.join(path)?).send().await?.error_for_status()?;
        Ok(response.json().await?)
    }
}

fn invites(data_dir: &std::path::Path) -> Result<(String, String)> {
    let mut ledger = open_ledger(data_dir)?;
    let mut invite = |role| -> Result<String> {
        let code = invite_code()?;
        ledger.add_invite(NewInvite {
            code_hash: invite_hash(&code),
            role,
            uses: u32::MAX,
            expires: None,
            vouched: true,
        })?;
        Ok(code)
    };
    Ok((invite(Role::Probe)?, invite(Role::Control)?))
}

/// The scenario's targets in the form of a collector's target list.
fn target_list(scenario: &Scenario) -> Result<String> {
    #[derive(Serialize)]
    struct List {
        target: Vec<Target>,
    }
    let targets = scenario.services.iter().flat_map(|service| {
        service.targets.iter().map(|url| Target {
            url: url.clone(),
            service: service.id.clone(),
            category: service.category,
            light: false,
        })
    });
    Ok(toml::to_string(&List { target: targets.collect() })?)
}
