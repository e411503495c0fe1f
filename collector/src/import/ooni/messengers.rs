//! The tests of messengers (ts-018, ts-019, ts-020, ts-029): several endpoints each, and no control.
//!
//! Of what such a test connects to, those endpoints count that are on the target list, and how many of them must be blocked stands
//! there too. What stands in for a control is another network of the same files, on which the endpoint was reached lately.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use kedergi_verdict::{Outcome, RuleId, Why, control_entry, judge, judge_service};
use kedergi_wire::{ControlEntry, Line, Reached, Report, ServiceId, Step, Tally, TargetList, TargetUrl};
use serde_json::Value;

use super::super::contrast::Place;
use super::{steps, web};

/// A control is no older than this: as for our own.
const FRESH: SignedDuration = SignedDuration::from_hours(6);

/// What a measurement saw of each endpoint that is on the list.
pub(super) fn endpoints(keys: &Value, at: Timestamp, list: &TargetList) -> Vec<Report> {
    let mut seen: Vec<Report> = Vec::new();
    for target in list.all() {
        let observations = steps::of_endpoint(keys, &target.url);
        if !observations.is_empty() {
            seen.push(Report { observations, ..web::report(target.url.clone(), at) });
        }
    }
    let line = line(&seen);
    seen.iter_mut().for_each(|report| report.line = line);
    seen
}

/// How the line was, by all endpoints together: whoever was answered by anybody was not cut off.
fn line(seen: &[Report]) -> Line {
    let steps = || seen.iter().flat_map(|report| &report.observations).map(|seen| &seen.step);
    let resolved = steps().any(|step| matches!(step, Step::Dns(dns) if dns.outcome.ok().is_some()));
    let connected = steps().any(|step| matches!(step, Step::Tcp(tcp) if tcp.outcome.ok().is_some()));
    let tally = |answered: bool| Tally { tried: 1, answered: answered.into() };
    Line { outside: tally(resolved || connected), resolver: tally(resolved), ..Line::default() }
}

/// Where each endpoint was reached lately, as far as the files have been read in order of time.
#[derive(Debug, Default)]
pub(super) struct World(BTreeMap<TargetUrl, BTreeMap<Place, ControlEntry>>);

impl World {
    /// Judges the endpoints of one measurement, service by service, and takes note of what it reached.
    pub(super) fn judge(
        &mut self,
        seen: &[Report],
        place: Place,
        list: &TargetList,
    ) -> Vec<(ServiceId, Outcome, RuleId)> {
        let mut judged = BTreeMap::<&ServiceId, Vec<(&TargetUrl, Outcome, RuleId)>>::new();
        for report in seen {
            let Some(service) = list.service(&report.target) else { continue };
            let control = self.elsewhere(report, place);
            let (outcome, rule) = verdict(report, control);
            judged.entry(service).or_default().push((&report.target, outcome, rule));
        }
        seen.iter().for_each(|report| self.note(report, place));
        judged.into_iter().flat_map(|(service, endpoints)| votes(service, endpoints, list)).collect()
    }

    /// The latest word from another network, if it is fresh.
    fn elsewhere(&self, report: &Report, place: Place) -> Option<&ControlEntry> {
        let others = self.0.get(&report.target)?.iter().filter(|(other, _)| **other != place);
        let latest = others.map(|(_, entry)| entry).max_by_key(|entry| entry.at)?;
        (report.started.duration_since(latest.at) <= FRESH).then_some(latest)
    }

    fn note(&mut self, report: &Report, place: Place) {
        let mut entry = control_entry(report);
        if is_connected_only(report) && !entry.connected.is_empty() {
            entry.reached = Reached::Yes;
        }
        if entry.reached.is_yes() {
            self.0.entry(report.target.clone()).or_default().insert(place, entry);
        }
    }
}

/// Whether nothing was tried beyond connecting, though more could be.
fn is_connected_only(report: &Report) -> bool {
    let beyond = |step: &Step| match step {
        Step::Tls(_) | Step::Http(_) | Step::Quic(_) => true,
        Step::Dns(_) | Step::Tcp(_) => false,
    };
    !report.target.is_tcp() && !report.observations.iter().any(|seen| beyond(&seen.step))
}

fn verdict(report: &Report, control: Option<&ControlEntry>) -> (Outcome, RuleId) {
    if !is_connected_only(report) {
        let verdict = judge(report, control);
        return (verdict.outcome, verdict.rule);
    }
    // Judged as what was done: an address connected to. Which one makes no difference to the rules; where the name led nowhere it
    // is one that it leads to elsewhere.
    let tried = report.observations.iter().find_map(|seen| match &seen.step {
        Step::Tcp(tcp) => Some(tcp.address.ip()),
        Step::Dns(_) | Step::Tls(_) | Step::Http(_) | Step::Quic(_) => None,
    });
    let known = control.and_then(|entry| entry.connected.first().copied());
    let endpoint = tried.or(known).and_then(|ip| {
        let address = std::net::SocketAddr::new(ip, report.target.port());
        format!("tcp://{address}").parse::<TargetUrl>().ok()
    });
    let Some(target) = endpoint else {
        return (Outcome::Inconclusive { why: Why::NoControl }, RuleId("no-control".into()));
    };
    let control = control.map(|entry| ControlEntry { target: target.clone(), ..entry.clone() });
    let verdict = judge(&Report { target, ..report.clone() }, control.as_ref());
    (verdict.outcome, verdict.rule)
}

/// The votes about a service: one of all endpoints together where several must be blocked, else one for each.
fn votes(
    service: &ServiceId,
    endpoints: Vec<(&TargetUrl, Outcome, RuleId)>,
    list: &TargetList,
) -> Vec<(ServiceId, Outcome, RuleId)> {
    let blocked_when = list.blocked_when(service);
    if blocked_when == 1 {
        return endpoints.into_iter().map(|(_, outcome, rule)| (service.clone(), outcome, rule)).collect();
    }
    let of = |target: &TargetUrl| endpoints.iter().find(|(seen, ..)| *seen == target).map(|&(_, outcome, _)| outcome);
    let all: Vec<_> = list.endpoints(service).map(|target| (target, of(target))).collect();
    let outcome = judge_service(blocked_when, &all).outcome;
    let told = endpoints.iter().find(|(_, seen, _)| *seen == outcome).or(endpoints.first());
    told.map(|(.., rule)| (service.clone(), outcome, rule.clone())).into_iter().collect()
}

#[cfg(test)]
mod tests;
