//! What `measure --list` says of services.

use std::fs;
use std::path::Path;

use kedergi_verdict::{Evidence, How, ServiceVerdict, Why, judge_service};
use kedergi_wire::{ListFile, ServiceId, TargetList, TargetUrl};
use serde::Serialize;

use super::Judged;
use crate::command::Failed;

/// What `--json` prints of one service.
#[derive(Serialize)]
struct JsonLine<'a> {
    service: &'a ServiceId,
    outcome: &'static str,
    how: Option<How>,
    why: Option<Why>,
    evidence: &'a [Evidence],
}

/// Reads a target list.
pub(crate) fn list(path: &Path) -> Result<TargetList, Failed> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failed::config(format!("the target list {} cannot be used: {error}", path.display()))
    };
    let text = fs::read_to_string(path).map_err(|error| wrong(&error))?;
    let file: ListFile = toml::from_str(&text).map_err(|error| wrong(&error))?;
    TargetList::try_from(file).map_err(|error| wrong(&error))
}

/// The services of several endpoints, each judged by its own.
pub(crate) fn judged(list: &TargetList, judged: &[Judged<'_>]) -> Vec<(ServiceId, ServiceVerdict)> {
    let outcome = |target: &TargetUrl| judged.iter().find(|judged| judged.report.target == *target);
    let services = list.services().filter_map(|(service, blocked_when)| {
        let endpoints: Vec<_> = list
            .endpoints(service)
            .map(|target| (target, outcome(target).map(|judged| judged.verdict.outcome)))
            .collect();
        (endpoints.len() > 1).then(|| (service.clone(), judge_service(blocked_when, &endpoints)))
    });
    services.collect()
}

pub(crate) fn json_lines(services: &[(ServiceId, ServiceVerdict)]) -> Result<String, Failed> {
    let mut text = String::new();
    for (service, ServiceVerdict { outcome, evidence }) in services {
        let line = JsonLine { service, outcome: outcome.word(), how: outcome.how(), why: outcome.why(), evidence };
        text += &serde_json::to_string(&line).map_err(Failed::runtime)?;
        text.push('\n');
    }
    Ok(text)
}

pub(crate) fn table(services: &[(ServiceId, ServiceVerdict)]) -> String {
    let line = |(service, verdict): &(ServiceId, ServiceVerdict)| {
        let says = verdict.evidence.first().map(|evidence| evidence.says.as_str()).unwrap_or_default();
        format!("service {service}: {}\n    {says}\n", verdict.outcome)
    };
    services.iter().map(line).collect()
}
