//! Services of a scene: several targets that a verdict is given on together.

use std::collections::BTreeMap;

use kedergi_wire::{Category, ListFile, ServiceId, ServiceRule, Target, TargetList, TargetUrl};
use serde::{Deserialize, Serialize};

use super::Scene;
use crate::{Expected, Isp};

/// A service of several targets of the scene, with what should come of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SceneService {
    /// Its name.
    pub name: ServiceId,
    /// Its targets, two at least.
    pub targets: Vec<TargetUrl>,
    /// How many of them must be blocked for it to count as blocked.
    pub blocked_when: usize,
    /// What should come of it, for every ISP.
    pub expect: BTreeMap<Isp, Expected>,
}

impl Scene {
    /// The targets of services, as a target list for probes. What else is measured stands for no service.
    pub fn list(&self) -> ListFile {
        let target = |(url, service): (&TargetUrl, &ServiceId)| Target {
            url: url.clone(),
            service: service.clone(),
            category: Category::Everyday,
            light: false,
        };
        let targets = self.services.iter().flat_map(|service| service.targets.iter().map(|url| (url, &service.name)));
        let rule =
            |service: &SceneService| ServiceRule { name: service.name.clone(), blocked_when: service.blocked_when };
        ListFile { target: targets.map(target).collect(), service: self.services.iter().map(rule).collect() }
    }

    pub(super) fn check_services(&self) -> Result<(), String> {
        if self.services.is_empty() {
            return Ok(());
        }
        TargetList::try_from(self.list()).map_err(|error| error.to_string())?;
        self.services.iter().try_for_each(|service| self.check_service(service))
    }

    fn check_service(&self, service: &SceneService) -> Result<(), String> {
        let name = &service.name;
        if let Some(isp) = Isp::ALL.iter().find(|isp| !service.expect.contains_key(isp)) {
            return Err(format!("the service {name} says not what is expected at {isp}"));
        }
        if service.targets.len() < 2 {
            return Err(format!("the service {name} has one target; that target's verdict is its own"));
        }
        let unknown = service.targets.iter().find(|url| !self.targets.iter().any(|target| target.url == **url));
        match unknown {
            Some(url) => Err(format!("{url} of the service {name} is no target of the scene; add it to [[targets]]")),
            None => Ok(()),
        }
    }
}
