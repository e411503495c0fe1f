//! The target list: what probes measure, and the service each target stands for.

use std::path::{Path, PathBuf};

use kedergi_wire::{ListError, ListFile, TargetList};

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
    /// It makes no sense.
    #[error("{}: {source}", path.display())]
    List {
        /// The file.
        path: PathBuf,
        /// Why not.
        source: ListError,
    },
}

/// The list in a file, or the bundled one.
pub(crate) fn load(path: Option<&Path>) -> Result<TargetList, TargetListError> {
    let Some(path) = path else { return parse(Path::new("(bundled)"), BUNDLED) };
    let text = std::fs::read_to_string(path);
    parse(path, &text.map_err(|source| TargetListError::Read { path: path.to_owned(), source })?)
}

fn parse(path: &Path, text: &str) -> Result<TargetList, TargetListError> {
    let path = || path.to_owned();
    let file: ListFile = toml::from_str(text).map_err(|source| TargetListError::Syntax { path: path(), source })?;
    TargetList::try_from(file).map_err(|source| TargetListError::List { path: path(), source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_list_is_one() {
        let list = load(None).unwrap();
        assert!(list.all().len() >= 35, "{}", list.all().len());
        let facebook = "https://www.facebook.com/".parse().unwrap();
        assert_eq!(list.service(&facebook).unwrap().as_str(), "facebook");
        let telegram = "telegram".parse().unwrap();
        assert_eq!((list.endpoints(&telegram).count(), list.blocked_when(&telegram)), (5, 3));
    }

    /// What a replay sends through the intake is filed under the list's services, so the two must call them alike.
    #[test]
    fn bundled_scenarios_measure_what_the_bundled_list_knows() {
        let list = load(None).unwrap();
        for id in kedergi_detector::Scenario::bundled_ids() {
            for service in kedergi_detector::Scenario::bundled(id).unwrap().services {
                let known = service.targets.iter().filter(|target| list.service(target) == Some(&service.id)).count();
                assert_eq!(known, service.targets.len(), "{id}: {} has targets of other services", service.id);
                assert!(known >= list.blocked_when(&service.id), "{id}: {} is never blocked", service.id);
            }
        }
    }

    #[test]
    fn a_wrong_list_is_refused_by_name() {
        let refused = |text: &str| parse(Path::new("list.toml"), text).unwrap_err().to_string();
        let one = "[[target]]\nurl = \"https://a.example/\"\nservice = \"a\"\ncategory = \"news\"\n";
        assert_eq!(refused(&one.repeat(2)), "list.toml: https://a.example/ is listed twice");
        assert_eq!(refused("target = []"), "list.toml: 0 targets; a list has 1 to 4096");
        let wrong = refused(&one.replace("news", "gossip"));
        assert!(wrong.contains("line 4") && wrong.contains("gossip"), "{wrong}");
    }
}
