//! The target list: what probes measure, and the service each target stands for.

use std::collections::HashMap;
use std::path::{Path, PathBuf};

use kedergi_wire::{ServiceId, Target, TargetUrl, limits};
use serde::Deserialize;

/// Targets that are measured unless the configuration names another list.
const BUNDLED: &str = include_str!("../data/targets.toml");

/// Why a target list cannot be used.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TargetListError {
    /// The file cannot be read.
    #[error("{}: the target list cannot be read: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: std::io::Error,
    },
    /// It is not what it should be.
    #[error("{}: {source}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Where and why.
        source: toml::de::Error,
    },
    /// A target is listed twice: it could not be told which service it stands for.
    #[error("{}: {target} is listed twice", path.display())]
    Twice {
        /// The file.
        path: PathBuf,
        /// The target.
        target: TargetUrl,
    },
    /// Nothing, or more than a bundle carries.
    #[error("{}: {found} targets; a list has 1 to {}", path.display(), limits::TARGETS)]
    Count {
        /// The file.
        path: PathBuf,
        /// How many.
        found: usize,
    },
}

/// The targets, in the order of the list.
#[derive(Debug, Clone)]
pub(crate) struct TargetList {
    targets: Vec<Target>,
    services: HashMap<TargetUrl, ServiceId>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    target: Vec<Target>,
}

impl TargetList {
    /// The list in a file, or the bundled one.
    pub(crate) fn load(path: Option<&Path>) -> Result<Self, TargetListError> {
        let Some(path) = path else { return Self::parse(Path::new("(bundled)"), BUNDLED) };
        let text = std::fs::read_to_string(path);
        Self::parse(path, &text.map_err(|source| TargetListError::Read { path: path.to_owned(), source })?)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, TargetListError> {
        let path = || path.to_owned();
        let file: File = toml::from_str(text).map_err(|source| TargetListError::Syntax { path: path(), source })?;
        if file.target.is_empty() || file.target.len() > limits::TARGETS {
            return Err(TargetListError::Count { path: path(), found: file.target.len() });
        }
        let mut services = HashMap::new();
        for target in &file.target {
            if services.insert(target.url.clone(), target.service.clone()).is_some() {
                return Err(TargetListError::Twice { path: path(), target: target.url.clone() });
            }
        }
        Ok(Self { targets: file.target, services })
    }

    /// All targets.
    pub(crate) fn all(&self) -> &[Target] {
        &self.targets
    }

    /// The service a target stands for; `None` if it is not on the list.
    pub(crate) fn service(&self, target: &TargetUrl) -> Option<&ServiceId> {
        self.services.get(target)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_list_is_one() {
        let list = TargetList::load(None).unwrap();
        assert!(list.all().len() >= 35, "{}", list.all().len());
        let facebook = "https://www.facebook.com/".parse().unwrap();
        assert_eq!(list.service(&facebook).unwrap().as_str(), "facebook");
    }

    #[test]
    fn a_wrong_list_is_refused_by_name() {
        let parse = |text: &str| TargetList::parse(Path::new("list.toml"), text).unwrap_err().to_string();
        let one = "[[target]]\nurl = \"https://a.example/\"\nservice = \"a\"\ncategory = \"news\"\n";
        assert_eq!(parse(&one.repeat(2)), "list.toml: https://a.example/ is listed twice");
        assert_eq!(parse("target = []"), "list.toml: 0 targets; a list has 1 to 4096");
        let wrong = parse(&one.replace("news", "gossip"));
        assert!(wrong.contains("line 4") && wrong.contains("gossip"), "{wrong}");
    }
}
