//! The simulated probes: their keys, their addresses, and what they send.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use ed25519_dalek::SigningKey;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::{SignedDuration, Timestamp};
use kedergi_detector::{Minute, Round, Scenario, SimProbe};
use kedergi_wire::{
    Agenda, ApiPath, Asn, Batch, CONSENT_VERSION, EnrollReply, EnrollRequest, Heartbeat, Kind, Problem, Report, Role,
    limits, seal,
};
use reqwest::StatusCode;
use reqwest::header::CONTENT_TYPE;
use serde::Serialize;
use serde::de::DeserializeOwned;
use url::Url;

use super::collector::Collector;
use super::networks::loopback_for;
use crate::outgoing::client_builder;

/// The collector's clock is set so much beyond the end, so that the last minute is over for it.
const AFTER: SignedDuration = SignedDuration::from_secs(10);
/// Probes that send at the same time.
const AT_ONCE: usize = 16;
/// Longer than the collector takes for the largest batch on a slow disk.
const TIMEOUT: Duration = Duration::from_secs(60);
/// A collector that cannot store now gets this many more chances.
const RETRIES: u32 = 5;
const RETRY_AFTER: Duration = Duration::from_secs(1);
/// A line of progress each time so much of the history is sent.
const PROGRESS: SignedDuration = SignedDuration::from_hours(4);

/// Probes that a network of a scenario has at most.
const MOST_RESIDENTS: u32 = 100;
const SOFTWARE: &str = concat!("kedergi-replay ", env!("CARGO_PKG_VERSION"));

/// All probes of a scenario.
pub(super) struct Crowd {
    members: Vec<Member>,
}

/// One of them.
struct Member {
    role: Role,
    key: SigningKey,
    /// One for each network that it is ever on; for a control one for none.
    clients: BTreeMap<Option<Asn>, reqwest::Client>,
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
            let member = Member::new(probe, &scenario.haunts(probe), collector.url())?;
            member.enroll(probe.network, collector.invite(probe.role)).await?;
            anyhow::Ok(member)
        });
        let members = stream::iter(joining).buffered(AT_ONCE).try_collect().await;
        Ok(Self { members: members.context("a simulated probe could not enroll")? })
    }

    /// Plays the whole history, minute by minute, and returns how many reports it has. Everybody sends what falls into one minute
    /// before anybody goes on, controls first, so that the collector meets the reports in about the order in which real probes
    /// would have brought them.
    pub(super) async fn play(&self, scenario: &Scenario, collector: &Collector) -> Result<usize> {
        let (mut rounds, mut sent, mut told) = (scenario.rounds().peekable(), 0, scenario.start);
        for Minute { at, heard } in scenario.minutes() {
            collector.tell(at).await?;
            sent += self.report(std::iter::from_fn(|| rounds.next_if(|round| round.at < at))).await?;
            // Where a collector has a time of its own, signs of life would tell it nothing of the history.
            if collector.is_told() {
                self.give_signs(&heard, at).await?;
            }
            if at.duration_since(told) >= PROGRESS {
                told = at;
                eprintln!("{}  {sent} reports", told.strftime("%Y-%m-%d %H:%M UTC"));
            }
        }
        sent += self.report(rounds).await?;
        collector.tell(scenario.end.saturating_add(AFTER).unwrap_or(scenario.end)).await?;
        Ok(sent)
    }

    /// Sends what was measured in a while, and returns how many reports that were.
    async fn report(&self, rounds: impl Iterator<Item = Round>) -> Result<usize> {
        let mut reports = BTreeMap::<(u32, Option<Asn>), Vec<Report>>::new();
        for round in rounds {
            reports.entry((round.probe.index, round.probe.network)).or_default().extend(round.reports);
        }
        let mut sent = 0;
        for role in [Role::Control, Role::Probe] {
            let sending = reports.iter().filter_map(|(&(index, from), reports)| {
                let member = self.member(index).filter(|member| member.role == role)?;
                Some(member.send(from, reports))
            });
            sent += stream::iter(sending).buffer_unordered(AT_ONCE).try_fold(0, async |sum, n| Ok(sum + n)).await?;
        }
        Ok(sent)
    }

    async fn give_signs(&self, heard: &[SimProbe], at: Timestamp) -> Result<()> {
        let signs = heard.iter().filter_map(|probe| Some(self.member(probe.index)?.give_sign(probe.network, at)));
        stream::iter(signs).buffer_unordered(AT_ONCE).try_collect().await
    }

    fn member(&self, index: u32) -> Option<&Member> {
        self.members.get(usize::try_from(index).ok()?)
    }
}

/// Where a probe acts from on a network: a resident by its place there, a guest behind all residents.
fn address(probe: &SimProbe, network: Asn) -> Result<IpAddr> {
    let place = if probe.network == Some(network) { probe.place } else { MOST_RESIDENTS.saturating_add(probe.index) };
    loopback_for(network, place).with_context(|| {
        format!("{network}: no slice of loopback stands for probe {place} of this network; --direct plays any network")
    })
}

impl Member {
    fn new(probe: &SimProbe, haunts: &[Asn], collector: &Url) -> Result<Self> {
        let at = |network| anyhow::Ok((Some(network), client(Some(address(probe, network)?))?));
        let mut clients = haunts.iter().copied().map(at).collect::<Result<BTreeMap<_, _>>>()?;
        if probe.role == Role::Control {
            clients.insert(None, client(None)?);
        }
        let mut seed = [0; 32];
        getrandom::fill(&mut seed)?;
        let key = SigningKey::from_bytes(&seed);
        Ok(Self { role: probe.role, key, clients, collector: collector.clone() })
    }

    async fn enroll(&self, from: Option<Asn>, invite: &str) -> Result<()> {
        let (invite, software) = (invite.to_owned(), SOFTWARE.to_owned());
        let request = EnrollRequest { invite, consent: CONSENT_VERSION, software };
        let reply: EnrollReply = self.post(from, ApiPath::ENROLL, Kind::Enroll, &request).await?;
        if reply.role != self.role {
            bail!("an invitation for {:?} enrolls as {:?}; are the two invitations swapped?", self.role, reply.role);
        }
        Ok(())
    }

    async fn give_sign(&self, from: Option<Asn>, sent: Timestamp) -> Result<()> {
        let beat = Heartbeat { sent, bundle: None, spooled: 0, dropped: 0, software: SOFTWARE.to_owned(), wait_s: 0 };
        let _: Agenda = self.post(from, ApiPath::HEARTBEAT, Kind::Heartbeat, &beat).await?;
        Ok(())
    }

    /// Sends reports in order and returns how many there were.
    async fn send(&self, from: Option<Asn>, reports: &[Report]) -> Result<usize> {
        for reports in reports.chunks(limits::REPORTS) {
            let batch = Batch { reports: reports.to_vec() };
            let _: kedergi_wire::Receipt = self.post(from, ApiPath::REPORTS, Kind::Batch, &batch).await?;
        }
        Ok(reports.len())
    }

    async fn post<T: DeserializeOwned>(
        &self,
        from: Option<Asn>,
        path: &str,
        kind: Kind,
        payload: &impl Serialize,
    ) -> Result<T> {
        let client = self.clients.get(&from).context("a simulated probe is where it never is")?;
        let bytes = seal(kind, &self.key, payload)?;
        let url = self.collector.join(path)?;
        for _ in 0..RETRIES {
            let response = client
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
