//! Scenarios: histories as data, to be replayed and judged by.

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{Asn, Category, CountryCode, ServiceId, TargetUrl};
use serde::Deserialize;

use crate::{Kind, Level, Note};

mod check;
mod direct;
mod error;
pub(crate) mod noise;
mod pace;
mod rounds;
mod signs;
mod site;
mod synthesis;
mod technique;
#[cfg(test)]
mod tests;

pub use check::Mismatch;
pub use direct::Played;
pub use error::ScenarioError;
pub use rounds::{Round, SimProbe};
pub use signs::Minute;
pub use technique::{Technique, Throttle};

/// Scenarios that come with this package.
const BUNDLED: &[(&str, &str)] = &[
    ("kz-2019-05-09", include_str!("../scenarios/kz-2019-05-09.toml")),
    ("kz-2019-06-09", include_str!("../scenarios/kz-2019-06-09.toml")),
    ("kz-2019-06-11", include_str!("../scenarios/kz-2019-06-11.toml")),
    ("kz-2019-07-mitm", include_str!("../scenarios/kz-2019-07-mitm.toml")),
    ("kz-2020-02", include_str!("../scenarios/kz-2020-02.toml")),
    ("kz-2018-evenings", include_str!("../scenarios/kz-2018-evenings.toml")),
    ("kz-2022-09", include_str!("../scenarios/kz-2022-09.toml")),
    ("kz-2023-steady", include_str!("../scenarios/kz-2023-steady.toml")),
    ("mm-2021-02", include_str!("../scenarios/mm-2021-02.toml")),
    ("mm-2021-02-nights", include_str!("../scenarios/mm-2021-02-nights.toml")),
    ("come-and-go", include_str!("../scenarios/come-and-go.toml")),
    ("must-not-fire", include_str!("../scenarios/must-not-fire.toml")),
    ("odd-lines", include_str!("../scenarios/odd-lines.toml")),
    ("ru-2021-03", include_str!("../scenarios/ru-2021-03.toml")),
    ("slow-lines", include_str!("../scenarios/slow-lines.toml")),
    ("kz-2022-01", include_str!("../scenarios/kz-2022-01.toml")),
    ("ir-2022-09", include_str!("../scenarios/ir-2022-09.toml")),
    ("cable-cut", include_str!("../scenarios/cable-cut.toml")),
];

/// Something that happened, or could have: who measured what from where, what was in the way, and what the detector should
/// make of it. The format is documented in `README.md`.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// Its name, such as `kz-2019-05-09`.
    pub id: String,
    /// What it is about.
    pub title: String,
    /// Where.
    pub country: CountryCode,
    /// When the probes begin to measure.
    pub start: Timestamp,
    /// When they stop.
    pub end: Timestamp,
    /// Varies whatever is left to chance.
    #[serde(default)]
    pub seed: u64,
    /// Whether the first failure on a network makes its other probes, and the controls, measure the target again within a
    /// minute, as the collector's agenda does.
    #[serde(default)]
    pub burst: bool,
    /// Probes at trusted places.
    pub control: Controls,
    /// Networks with volunteers' probes.
    #[serde(rename = "network")]
    pub networks: Vec<Network>,
    /// What is measured.
    #[serde(rename = "service")]
    pub services: Vec<Service>,
    /// What happens.
    #[serde(default, rename = "step")]
    pub steps: Vec<Interference>,
    /// What goes wrong without anybody's intent.
    #[serde(default, rename = "fault")]
    pub faults: Vec<Fault>,
    /// When the collector was down; what was measured meanwhile reaches it afterwards.
    #[serde(default)]
    pub collector_down: Vec<Outage>,
    /// The events that should be found. Any other is one too many.
    #[serde(default, rename = "expect")]
    pub expectations: Vec<Expectation>,
    /// Services of which no event may tell.
    #[serde(default)]
    pub expect_quiet: Vec<ServiceId>,
}

/// Probes at trusted places.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Controls {
    /// How many.
    pub probes: u32,
    /// How long from one round of a probe to its next.
    pub period: SignedDuration,
}

/// One network.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Network {
    /// Its number.
    pub asn: Asn,
    /// What people call it.
    pub name: String,
    /// How many probes it has.
    pub probes: u32,
    /// How long from one round of a probe to its next.
    pub period: SignedDuration,
}

/// One service.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// Its name.
    pub id: ServiceId,
    /// Its kind.
    pub category: Category,
    /// What is fetched. Nobody contacts it during a replay.
    pub targets: Vec<TargetUrl>,
}

/// Something in the way of services for a while.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Interference {
    /// On which networks; none means on all.
    #[serde(default)]
    pub networks: Vec<Asn>,
    /// Of which services; none means of all.
    #[serde(default)]
    pub services: Vec<ServiceId>,
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
    /// What it is.
    pub technique: Technique,
    /// Kbit/s that are let through, where bytes are policed or shaped; 140 if left out.
    pub rate: Option<u32>,
    /// Share of the measurements it meets, above 0 and up to 1.
    #[serde(default = "whole")]
    pub share: f64,
}

/// A while in which the collector does not run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Outage {
    /// From when.
    pub from: Timestamp,
    /// Until when.
    pub until: Timestamp,
}

/// Something wrong with probes.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Fault {
    /// On which networks; none means on all.
    #[serde(default)]
    pub networks: Vec<Asn>,
    /// Which probes of each network, counted from 0; none means all.
    #[serde(default)]
    pub probes: Vec<u32>,
    /// From when; from the start if left out.
    pub from: Option<Timestamp>,
    /// Until when; until the end if left out.
    pub until: Option<Timestamp>,
    /// How long after it began it begins again; once if left out.
    pub every: Option<SignedDuration>,
    /// How many times it happens then; to the end if left out.
    pub times: Option<u32>,
    /// What is wrong.
    pub kind: FaultKind,
    /// On which network the probe is instead, where it is away.
    pub to: Option<Asn>,
    /// Share of the rounds (of the measurements, where `flaky`) it meets, above 0 and up to 1.
    #[serde(default = "whole")]
    pub share: f64,
}

/// What may be wrong with a probe.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// It does not run.
    Offline,
    /// It runs and reaches nothing at all.
    Cut,
    /// Its line loses packets: connecting to a target fails.
    Flaky,
    /// It is behind a page that wants a click before anything else: that page answers everybody's requests.
    Portal,
    /// Its resolver gives false answers.
    Resolver,
    /// It does not know the authority that certifies the target: its store is old.
    OldStore,
    /// It is sent to other addresses of the target than the controls are, as networks for content do.
    Elsewhere,
    /// Its line is slow for everything, and loses packets.
    Congested,
    /// Its line has addresses of IPv6, but nothing comes back over it.
    BrokenIpv6,
    /// It is on another network of the scenario: a phone that was carried home.
    Away,
    /// It runs another version of its software.
    Update,
}

/// An event that should be found.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Expectation {
    /// What to call it.
    pub name: String,
    /// What kind of event it is; of any if left out.
    pub kind: Option<Kind>,
    /// The highest level it reaches, confirmed or national; any if left out.
    pub level: Option<Level>,
    /// Why nobody is woken for it. Without a note it must be one that wakes people.
    pub note: Option<Note>,
    /// Exactly the services it affects; none if networks fall silent.
    #[serde(default)]
    pub services: Vec<ServiceId>,
    /// Only of what begins from then on; from the start if left out. With `until` it tells apart events of the same services.
    pub from: Option<Timestamp>,
    /// Only of what begins before then; to the end if left out.
    pub until: Option<Timestamp>,
    /// How long after each cut, network by network and service by service, the event must say so.
    pub opens_within: SignedDuration,
    /// When it must end; when the last of the steps ends, if left out. Not before the end of the scenario: it must still go on.
    pub closes_at: Option<Timestamp>,
    /// How long after that it must be closed.
    pub closes_within: SignedDuration,
}

fn whole() -> f64 {
    1.0
}

impl Scenario {
    /// Reads a scenario and checks that it makes sense.
    pub fn parse(text: &str) -> Result<Self, ScenarioError> {
        let scenario: Self = toml::from_str(text)?;
        scenario.validate()?;
        Ok(scenario)
    }

    /// A scenario that comes with this package.
    pub fn bundled(id: &str) -> Result<Self, ScenarioError> {
        let found = BUNDLED.iter().find(|(name, _)| *name == id);
        let (_, text) =
            found.ok_or_else(|| ScenarioError::Unknown { id: id.to_owned(), known: Self::bundled_ids().collect() })?;
        Self::parse(text)
    }

    /// Names of the scenarios that come with this package.
    pub fn bundled_ids() -> impl Iterator<Item = &'static str> {
        BUNDLED.iter().map(|(id, _)| *id)
    }
}

impl Outage {
    fn covers(&self, at: Timestamp) -> bool {
        (self.from..self.until).contains(&at)
    }
}

impl Interference {
    fn concerns(&self, network: Option<Asn>, service: &ServiceId, at: Timestamp) -> bool {
        let everywhere = self.technique.is_worldwide() || self.networks.is_empty() && network.is_some();
        let here = everywhere || network.is_some_and(|network| self.networks.contains(&network));
        here && self.names(service) && (self.from..self.until).contains(&at)
    }

    fn names(&self, service: &ServiceId) -> bool {
        self.services.is_empty() || self.services.contains(service)
    }
}
