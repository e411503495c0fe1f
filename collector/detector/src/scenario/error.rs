//! What can be wrong with a scenario.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use kedergi_wire::{Asn, ServiceId, TargetUrl, limits};

use super::{Fault, FaultKind, Scenario, Technique, Throttle};
use crate::{Level, Note};

/// Longest scenario: what lies further back than a month no replay needs, and every minute of it costs time.
const LONGEST: SignedDuration = SignedDuration::from_hours(31 * 24);
/// Shortest time between two rounds of a probe: a probe votes once a minute.
const SHORTEST_PERIOD: SignedDuration = SignedDuration::from_mins(1);

/// Why a text is no scenario.
#[derive(Debug, thiserror::Error)]
pub enum ScenarioError {
    /// It is not TOML, or not of the right shape.
    #[error("not a scenario: {0}")]
    Syntax(#[from] toml::de::Error),
    /// No scenario of this name comes with the package.
    #[error("no scenario is called {id:?}; bundled are {}", known.join(", "))]
    Unknown {
        /// What was asked for.
        id: String,
        /// What there is.
        known: Vec<&'static str>,
    },
    /// It ends before it begins, or lasts too long.
    #[error("from {from} until {until} is no time span of at most {}", days(LONGEST))]
    Span {
        /// Where it occurs.
        from: Timestamp,
        /// As it says.
        until: Timestamp,
    },
    /// A list must not be empty, or has too many entries.
    #[error("{what}: {found} is not between 1 and {most}")]
    Count {
        /// Of what.
        what: String,
        /// How many there are.
        found: usize,
        /// How many there may be.
        most: usize,
    },
    /// A period that no probe keeps.
    #[error("{what}: a period of {found:#} is shorter than a minute")]
    Period {
        /// Whose.
        what: String,
        /// As it says.
        found: SignedDuration,
    },
    /// A share outside its bounds.
    #[error("a share of {0} is not above 0 and at most 1")]
    Share(f64),
    /// The same thing twice.
    #[error("{0} is listed twice")]
    Twice(String),
    /// A network that is not listed.
    #[error("{0} is not one of the networks of the scenario")]
    Network(Asn),
    /// A service that is not listed.
    #[error("{0} is not one of the services of the scenario")]
    Service(ServiceId),
    /// A technique that the target is not open to.
    #[error("{} cannot be done to {target}: tls-... and throttle-... take an https target, http-block-page and http-different take an http one", technique.word())]
    Unfit {
        /// What was to be done.
        technique: Technique,
        /// To what.
        target: TargetUrl,
    },
    /// A technique with a scope that makes no sense of it.
    #[error("{0}")]
    Scope(&'static str),
    /// A fault that makes no sense.
    #[error("fault number {number}: {what}")]
    Fault {
        /// Which, from 1.
        number: usize,
        /// What is wrong with it.
        what: &'static str,
    },
    /// An expectation that no event can meet.
    #[error("the event {name:?} is expected to be {}, which is never told: say confirmed or national, or leave the level out", level.word())]
    Level {
        /// The expectation.
        name: String,
        /// As it says.
        level: Level,
    },
    /// An expectation that no step fulfils.
    #[error("the event {name:?} is expected, but no step blocks {service}")]
    Idle {
        /// The expectation.
        name: String,
        /// The service.
        service: ServiceId,
    },
}

fn days(span: SignedDuration) -> String {
    format!("{} days", span.as_hours() / 24)
}

impl Scenario {
    pub(super) fn validate(&self) -> Result<(), ScenarioError> {
        span(self.start, self.end)?;
        self.validate_places()?;
        self.validate_steps()?;
        self.validate_faults()?;
        self.validate_expectations()
    }

    fn validate_places(&self) -> Result<(), ScenarioError> {
        count("networks", self.networks.len(), 64)?;
        count("services", self.services.len(), 256)?;
        probes("the control", self.control.probes, self.control.period)?;
        for network in &self.networks {
            probes(&network.name, network.probes, network.period)?;
        }
        unique(self.networks.iter().map(|network| network.asn.to_string()))?;
        unique(self.services.iter().map(|service| service.id.to_string()))?;
        unique(self.services.iter().flat_map(|service| &service.targets).map(ToString::to_string))?;
        for service in &self.services {
            count(&format!("targets of {}", service.id), service.targets.len(), 8)?;
        }
        let targets = self.services.iter().map(|service| service.targets.len()).sum();
        count("targets", targets, limits::REPORTS)
    }

    fn validate_steps(&self) -> Result<(), ScenarioError> {
        for step in &self.steps {
            span(step.from, step.until)?;
            share(step.share)?;
            self.know_networks(&step.networks)?;
            self.know_services(&step.services)?;
            if step.technique.is_worldwide() && !step.networks.is_empty() {
                return Err(ScenarioError::Scope("down and slow are for the whole world: leave out the networks"));
            }
            let rated = matches!(step.technique, Technique::Throttle(Throttle::Policed | Throttle::Shaped));
            if step.rate.is_some_and(|rate| !rated || rate == 0) {
                return Err(ScenarioError::Scope("a rate is of throttle-policed and throttle-shaped, and not 0"));
            }
            if step.technique == Technique::Silence && !step.services.is_empty() {
                return Err(ScenarioError::Scope("silence is of whole networks: leave out the services"));
            }
            let named = self.services.iter().filter(|service| step.names(&service.id));
            let mut targets = named.flat_map(|service| &service.targets);
            if let Some(target) = targets.find(|target| !step.technique.fits(target.is_https())) {
                return Err(ScenarioError::Unfit { technique: step.technique, target: target.clone() });
            }
        }
        Ok(())
    }

    fn validate_faults(&self) -> Result<(), ScenarioError> {
        for outage in &self.collector_down {
            span(outage.from, outage.until)?;
        }
        for (number, fault) in (1..).zip(&self.faults) {
            span(fault.from.unwrap_or(self.start), fault.until.unwrap_or(self.end))?;
            share(fault.share)?;
            self.know_networks(&fault.networks)?;
            self.know_networks(fault.to.as_slice())?;
            if let Some(what) = nonsense(fault) {
                return Err(ScenarioError::Fault { number, what });
            }
        }
        Ok(())
    }

    fn validate_expectations(&self) -> Result<(), ScenarioError> {
        self.know_services(&self.expect_quiet)?;
        for expectation in &self.expectations {
            if let Some(level @ Level::Suspected) = expectation.level {
                return Err(ScenarioError::Level { name: expectation.name.clone(), level });
            }
            if expectation.is_silence() {
                if !expectation.services.is_empty() {
                    return Err(ScenarioError::Scope("a shutdown is of whole networks: leave out the services"));
                }
                continue;
            }
            count(&format!("services of {:?}", expectation.name), expectation.services.len(), 256)?;
            self.know_services(&expectation.services)?;
            // What an instrument sees that is none needs no step.
            let seen = |service: &&ServiceId| {
                expectation.note != Some(Note::Instrument) && self.cuts(service).next().is_none()
            };
            let idle = expectation.services.iter().find(seen);
            if let Some(service) = idle {
                return Err(ScenarioError::Idle { name: expectation.name.clone(), service: service.clone() });
            }
        }
        Ok(())
    }

    fn know_networks(&self, networks: &[Asn]) -> Result<(), ScenarioError> {
        let unknown = networks.iter().find(|&&asn| self.networks.iter().all(|network| network.asn != asn));
        unknown.map_or(Ok(()), |&asn| Err(ScenarioError::Network(asn)))
    }

    fn know_services(&self, services: &[ServiceId]) -> Result<(), ScenarioError> {
        let unknown = services.iter().find(|&id| self.services.iter().all(|service| service.id != *id));
        unknown.map_or(Ok(()), |id| Err(ScenarioError::Service(id.clone())))
    }
}

/// What is wrong with a fault beside the places and times it names.
fn nonsense(fault: &Fault) -> Option<&'static str> {
    let lasts = fault.from.zip(fault.until).map(|(from, until)| until.duration_since(from));
    let away = fault.kind == FaultKind::Away;
    if away != fault.to.is_some() {
        Some("a probe that is away needs `to`, the network where it is, and no other fault has it")
    } else if (away || fault.kind == FaultKind::Update) && fault.share < 1.0 {
        Some("a probe is away or updated for all of the time: leave out the share")
    } else if fault.every.is_some_and(|every| lasts.is_none_or(|lasts| every < lasts)) {
        Some("what happens every so often needs `from` and `until`, and begins again after it ended")
    } else if fault.times.is_some_and(|times| times == 0 || fault.every.is_none()) {
        Some("`times` is how often it happens `every` so often, and not 0")
    } else {
        None
    }
}

fn span(from: Timestamp, until: Timestamp) -> Result<(), ScenarioError> {
    let lasts = until.duration_since(from);
    let sane = lasts > SignedDuration::ZERO && lasts <= LONGEST;
    if sane { Ok(()) } else { Err(ScenarioError::Span { from, until }) }
}

fn share(share: f64) -> Result<(), ScenarioError> {
    if share > 0.0 && share <= 1.0 { Ok(()) } else { Err(ScenarioError::Share(share)) }
}

fn count(what: &str, found: usize, most: usize) -> Result<(), ScenarioError> {
    if (1..=most).contains(&found) { Ok(()) } else { Err(ScenarioError::Count { what: what.to_owned(), found, most }) }
}

fn probes(whose: &str, probes: u32, period: SignedDuration) -> Result<(), ScenarioError> {
    count(&format!("probes of {whose}"), usize::try_from(probes).unwrap_or(usize::MAX), 100)?;
    if period < SHORTEST_PERIOD {
        return Err(ScenarioError::Period { what: whose.to_owned(), found: period });
    }
    Ok(())
}

fn unique(names: impl Iterator<Item = String>) -> Result<(), ScenarioError> {
    let mut seen = BTreeSet::new();
    for name in names {
        if !seen.insert(name.clone()) {
            return Err(ScenarioError::Twice(name));
        }
    }
    Ok(())
}
