//! The target list as it is written: targets, and how many of a service's endpoints must be blocked for it to count so.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::{Digest, ServiceId, Target, TargetUrl, limits};

/// A list as it stands in its file. [`TargetList`] is one that makes sense.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListFile {
    /// What is measured.
    #[serde(default)]
    pub target: Vec<Target>,
    /// Services that more than one endpoint must be blocked of.
    #[serde(default)]
    pub service: Vec<ServiceRule>,
}

/// When a service counts as blocked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServiceRule {
    /// Which service.
    pub name: ServiceId,
    /// How many of its targets must be blocked, from 1 to all of them.
    pub blocked_when: usize,
}

/// Why a list makes no sense.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ListError {
    /// Nothing, or more than a bundle carries.
    #[error("{0} targets; a list has 1 to {max}", max = limits::TARGETS)]
    Count(usize),
    /// A target is listed twice: it could not be told which service it stands for.
    #[error("{0} is listed twice")]
    Twice(TargetUrl),
    /// A service's rule is written twice.
    #[error("the service {0} has two [[service]] tables; leave one")]
    TwoRules(ServiceId),
    /// A service's number cannot be met, or says nothing.
    #[error("the service {service} has {endpoints} targets; blocked_when is {found}, and must be from 1 to as many")]
    Threshold {
        /// The service.
        service: ServiceId,
        /// Its targets.
        endpoints: usize,
        /// The number.
        found: usize,
    },
    /// On a metered line the number could not be met, or by other endpoints than elsewhere.
    #[error("the service {0} needs several endpoints blocked and only some of them are light; make all light, or none")]
    HalfLight(ServiceId),
}

/// The targets in the order of the list, with what makes a service of them.
#[derive(Debug, Clone)]
pub struct TargetList {
    targets: Vec<Target>,
    services: HashMap<TargetUrl, ServiceId>,
    blocked_when: BTreeMap<ServiceId, usize>,
}

impl TargetList {
    /// All targets.
    pub fn all(&self) -> &[Target] {
        &self.targets
    }

    /// The service a target stands for; `None` if it is not on the list.
    pub fn service(&self, target: &TargetUrl) -> Option<&ServiceId> {
        self.services.get(target)
    }

    /// The targets that stand for a service, in the order of the list.
    pub fn endpoints<'a>(&'a self, service: &'a ServiceId) -> impl Iterator<Item = &'a TargetUrl> {
        self.targets.iter().filter(move |target| target.service == *service).map(|target| &target.url)
    }

    /// How many of a service's endpoints must be blocked for it to count as blocked; 1 where the list does not say.
    pub fn blocked_when(&self, service: &ServiceId) -> usize {
        self.blocked_when.get(service).copied().unwrap_or(1)
    }

    /// Every service with its number, in the order of their names.
    pub fn services(&self) -> impl Iterator<Item = (&ServiceId, usize)> {
        self.blocked_when.iter().map(|(service, number)| (service, *number))
    }
}

impl TryFrom<ListFile> for TargetList {
    type Error = ListError;

    fn try_from(file: ListFile) -> Result<Self, ListError> {
        if file.target.is_empty() || file.target.len() > limits::TARGETS {
            return Err(ListError::Count(file.target.len()));
        }
        let mut services = HashMap::new();
        let mut endpoints: BTreeMap<ServiceId, usize> = BTreeMap::new();
        for target in &file.target {
            if services.insert(target.url.clone(), target.service.clone()).is_some() {
                return Err(ListError::Twice(target.url.clone()));
            }
            *endpoints.entry(target.service.clone()).or_default() += 1;
        }
        let mut blocked_when: BTreeMap<_, _> = endpoints.keys().map(|service| (service.clone(), 1)).collect();
        let mut ruled = std::collections::BTreeSet::new();
        for rule in file.service {
            let count = endpoints.get(&rule.name).copied().unwrap_or(0);
            if !(1..=count).contains(&rule.blocked_when) {
                return Err(ListError::Threshold { service: rule.name, endpoints: count, found: rule.blocked_when });
            }
            if !ruled.insert(rule.name.clone()) {
                return Err(ListError::TwoRules(rule.name));
            }
            let light = file.target.iter().filter(|target| target.service == rule.name && target.light).count();
            if rule.blocked_when > 1 && light > 0 && light < count {
                return Err(ListError::HalfLight(rule.name));
            }
            blocked_when.insert(rule.name, rule.blocked_when);
        }
        Ok(Self { targets: file.target, services, blocked_when })
    }
}

/// A digest of the targets that stand for a service in a list, in whatever order they are listed: another one means that the
/// service is measured by other targets. Four bytes, because only whether two are the same matters.
pub fn list_digest(targets: &[Target], service: &ServiceId) -> u32 {
    let mut urls: Vec<_> =
        targets.iter().filter(|target| target.service == *service).map(|target| target.url.as_str()).collect();
    urls.sort_unstable();
    let [a, b, c, d, ..] = Digest::of(urls.join("\n").as_bytes()).0;
    u32::from_le_bytes([a, b, c, d])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Category;

    fn file(targets: &[(&str, &str)], rules: &[(&str, usize)]) -> ListFile {
        let target = |(url, service): &(&str, &str)| Target {
            url: url.parse().unwrap(),
            service: service.parse().unwrap(),
            category: Category::Messenger,
            light: false,
        };
        let rule = |(name, blocked_when): &(&str, usize)| ServiceRule {
            name: name.parse().unwrap(),
            blocked_when: *blocked_when,
        };
        ListFile { target: targets.iter().map(target).collect(), service: rules.iter().map(rule).collect() }
    }

    const TWO: [(&str, &str); 3] =
        [("tcp://45.80.1.1:443", "m"), ("tcp://45.80.1.2:443", "m"), ("https://a.example/", "a")];

    #[test]
    fn a_service_has_its_number_or_one() {
        let list = TargetList::try_from(file(&TWO, &[("m", 2)])).unwrap();
        let (m, a) = ("m".parse().unwrap(), "a".parse().unwrap());
        assert_eq!((list.blocked_when(&m), list.blocked_when(&a)), (2, 1));
        assert_eq!(list.endpoints(&m).count(), 2);
        assert_eq!(list.services().count(), 2);
    }

    #[test]
    fn the_digest_tells_other_targets_of_the_service_and_nothing_else() {
        let digest = |targets: &[(&str, &str)]| list_digest(&file(targets, &[]).target, &"m".parse().unwrap());
        assert_eq!(digest(&TWO), digest(&[TWO[1], TWO[0], ("https://b.example/", "b")]));
        assert_ne!(digest(&TWO), digest(&TWO[..1]));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        let error = |rules: &[(&str, usize)]| TargetList::try_from(file(&TWO, rules)).unwrap_err().to_string();
        assert!(error(&[("m", 3)]).contains("m has 2 targets; blocked_when is 3"));
        assert!(error(&[("m", 0)]).contains("from 1"));
        assert!(error(&[("x", 1)]).contains("x has 0 targets"));
        assert!(error(&[("m", 1), ("m", 2)]).contains("leave one"));
        let mut half = file(&TWO, &[("m", 2)]);
        half.target[0].light = true;
        assert!(TargetList::try_from(half).unwrap_err().to_string().contains("all light"));
        let twice = TargetList::try_from(file(&[TWO[0], TWO[0]], &[])).unwrap_err();
        assert_eq!(twice.to_string(), "tcp://45.80.1.1:443 is listed twice");
        assert!(TargetList::try_from(file(&[], &[])).unwrap_err().to_string().contains("1 to 4096"));
    }
}
