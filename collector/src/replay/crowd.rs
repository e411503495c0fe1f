//! The simulated probes: their keys, their addresses, and what they send.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ed25519_dalek::SigningKey;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Round, Scenario, SimProbe};
use kedergi_wire::{
    ApiPath, Batch, CONSENT_VERSION, EnrollReply, EnrollRequest, Kind, Problem, Report, Role, limits, seal,
};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::collector::Collector;
use super::networks::loopback_for;
use crate::outgoing::client_builder;

/// The history is sent in slices of this much event time: everybody sends what falls into one before anybody goes on, controls
/// first, so that the collector meets the reports in about the order in which real probes would have brought them.
const SLICE: SignedDuration = SignedDuration::from_mins(10);
/// Probes that send at the same time.
const AT_ONCE: usize = 16;
/// Longer than the collector takes for the largest batch on a slow disk.
const TIMEOUT: Duration = Duration::from_secs(60);
/// A collector that cannot store now gets this many more chances.
const RETRIES: u32 = 5;
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A line of progress each time so much of the history is sent.
const PROGRESS: SignedDuration = SignedDuration::from_hours(4);

/// All probes of a scenario.
pub(super) struct Crowd {
    members: Vec<Arc<Member>>,
}

/// One of them.
struct Member {
    role: Role,
    key: SigningKey,
    client: reqwest::Client,
    collector: Url,
}

/// A client that speaks from `address`. It knows no proxy: who speaks from loopback speaks to loopback.
pub(super) fn client(address: Option<IpAddr>) -> Result<reqwest::Client> {
    Ok(client_builder()?.no_proxy().local_address(address).timeout(TIMEOUT).build()?)
}

impl Crowd {
    /// Makes the probes and has each enroll.
    pub(super) async fn enroll(scenario: &Scenario, collector: &Collector) -> Result<Self> {
        let probes = scenario.probes();
        let joining = probes.iter().map(|probe| async {
            let member = Member::new(probe, collector.url())?;
            member.enroll(collector.invite(probe.role)).await?;
            anyhow::Ok(Arc::new(member))
        });
        let members = stream::iter(joining).buffered(AT_ONCE).try_collect().await;
        Ok(Self { members: members.context("a simulated probe could not enroll")? })
    }

    /// Sends the whole history and returns how many reports it has.
    pub(super) async fn send(&mut self, scenario: &Scenario) -> Result<usize> {
        let (mut slice, mut sent, mut told) = (Slice::new(scenario.start), 0, scenario.start);
        for round in scenario.rounds() {
            if round.at >= slice.end {
                sent += self.send_slice(&slice).await?;
                slice = Slice::new(round.at);
            }
            if round.at.duration_since(told) >= PROGRESS {
                told = round.at;
                eprintln!("{}  {sent} reports", told.strftime("%Y-%m-%d %H:%M UTC"));
            }
            slice.add(round);
        }
        Ok(sent + self.send_slice(&slice).await?)
    }

    async fn send_slice(&self, slice: &Slice) -> Result<usize> {
        let mut sent = 0;
        for role in [Role::Control, Role::Probe] {
            let sending = slice.reports.iter().filter_map(|(&index, reports)| {
                let member = self.members.get(index).filter(|member| member.role == role)?;
                Some(member.send(reports))
            });
            sent += stream::iter(sending).buffer_unordered(AT_ONCE).try_fold(0, async |sum, n| Ok(sum + n)).await?;
        }
        Ok(sent)
    }
}

/// What is measured in a while, by probe.
struct Slice {
    end: Timestamp,
    reports: BTreeMap<usize, Vec<Report>>,
}

impl Slice {
    fn new(start: Timestamp) -> Self {
        Self { end: start.saturating_add(SLICE).unwrap_or(Timestamp::MAX), reports: BTreeMap::new() }
    }

    fn add(&mut self, round: Round) {
        let index = usize::try_from(round.probe.index).unwrap_or(usize::MAX);
        self.reports.entry(index).or_default().extend(round.reports);
    }
}

impl Member {
    fn new(probe: &SimProbe, collector: &Url) -> Result<Self> {
        let address = match probe.network {
            None => None,
            Some(network) => Some(loopback_for(network, probe.place).with_context(|| {
                format!(
                    "{network}: no slice of loopback stands for probe {} of this network; --direct plays any network",
                    probe.place
                )
            })?),
        };
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let key = SigningKey::from_bytes(&seed);
        Ok(Self { role: probe.role, key, client: client(address)?, collector: collector.clone() })
    }

    async fn enroll(&self, invite: &str) -> Result<()> {
        let software = concat!("kedergi-replay ", env!("CARGO_PKG_VERSION")).to_owned();
        let request = EnrollRequest { invite: invite.to_owned(), consent: CONSENT_VERSION, software };
        let reply: EnrollReply = self.post(ApiPath::ENROLL, Kind::Enroll, &request).await?;
        if reply.role != self.role {
            bail!("an invitation for {:?} enrolls as {:?}; are the two invitations swapped?", self.role, reply.role);
        }
        Ok(())
    }

    /// Sends reports in order and returns how many there were.
    async fn send(&self, reports: &[Report]) -> Result<usize> {
        for reports in reports.chunks(limits::REPORTS) {
            let batch = Batch { reports: reports.to_vec() };
            let _: kedergi_wire::Receipt = self.post(ApiPath::REPORTS, Kind::Batch, &batch).await?;
        }
        Ok(reports.len())
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, kind: Kind, payload: &impl Serialize) -> Result<T> {
        let bytes = seal(kind, &self.key, payload)?;
        let url = self.collector.join(path)?;
        for _ in 0..RETRIES {
            let response = self
                .client
                .post(url.clone())
                .header(CONTENT_TYPE, "application/octet-stream")
                .body(bytes.clone())
                .send()
                .await?;
            if response.status() != StatusCode::SERVICE_UNAVAILABLE {
                return answer(response).await;
            }
            tokio::time::sleep(RETRY_AFTER).await;
        }
        bail!("the collector could not store for {RETRIES} attempts")
    }
}

async fn answer<T: DeserializeOwned>(response: reqwest::Response) -> Result<T> {
    let status = response.status();
    let body = response.bytes().await?;
    if status.is_success() {
        return serde_json::from_slice(&body).context("the collector's answer is not what a collector answers");
    }
    match serde_json::from_slice::<Problem>(&body) {
        Ok(problem) => bail!("the collector refuses ({status}): {}", problem.detail),
        Err(_) => bail!("the collector answers {status}"),
    }
}
