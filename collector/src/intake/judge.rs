//! Reports become facts. Pure, but for asking what a control saw.

use jiff::{SignedDuration, Timestamp};
use kedergi_store::{Fact, Provenance, StoreError};
use kedergi_verdict::{Verdict, control_entry};
use kedergi_wire::{BatchId, ControlEntry, Digest, ProbeId, Report, ReportRef, Role, Source, TargetList, TargetUrl};

use super::canaries::{Canaries, Found};
use crate::asn::Origin;

/// How far ahead of the collector's clock a report may be dated. Clocks differ; but what lies further ahead is a wrong
/// clock, and taken at its word it would end time for all events until then.
const AHEAD: SignedDuration = SignedDuration::from_mins(10);

/// Who sent a batch, and from where.
#[derive(Debug, Clone, Copy)]
pub(super) struct Sender {
    pub(super) probe: ProbeId,
    pub(super) role: Role,
    /// When it enrolled, if nobody vouched for it.
    pub(super) newcomer: Option<Timestamp>,
    pub(super) origin: Origin,
    /// Whether it was found to make reports up.
    pub(super) distrusted: bool,
}

/// What became of a batch's reports.
///
/// A report may be set aside without costing the others: the batch is kept whole as the evidence it is, but such a report
/// counts for nothing. Refusing the batch would have the probe drop, or send for ever, what is good in it.
#[derive(Debug, Default)]
pub(super) struct Judged {
    pub(super) facts: Vec<Fact>,
    /// What a control's reports say of their targets.
    pub(super) controls: Vec<ControlEntry>,
    /// Reports set aside because their target is not (or no longer) on the list.
    pub(super) unlisted: u32,
    /// Reports set aside because they are dated in the future.
    pub(super) early: u32,
    /// Reports set aside because they were not measured on the network they came from: through a tunnel, or before the probe
    /// moved there.
    pub(super) elsewhere: u32,
    /// Reports set aside because the probe was found to make them up.
    pub(super) distrusted: u32,
    /// What a probe found of canaries: it is no measurement of a network, so it becomes no fact.
    pub(super) canaries: Vec<Found>,
}

/// Judges every report of a batch. `control_for` tells what a control saw of a target about that time.
pub(super) fn judge(
    batch: BatchId,
    sender: Sender,
    reports: &[Report],
    (targets, canaries): (&TargetList, &Canaries),
    now: Timestamp,
    control_for: impl Fn(&TargetUrl, Timestamp) -> Result<Option<ControlEntry>, StoreError>,
) -> Result<Judged, StoreError> {
    let mut judged = Judged::default();
    for (index, report) in (0_u16..).zip(reports) {
        let at = report.at();
        let Some(service) = targets.service(&report.target) else {
            judged.unlisted += 1;
            continue;
        };
        if now.duration_until(at) > AHEAD {
            judged.early += 1;
            continue;
        }
        if is_from_elsewhere(report, sender.origin) {
            judged.elsewhere += 1;
            continue;
        }
        let verdict = match sender.role {
            Role::Probe => kedergi_verdict::judge(report, control_for(&report.target, at)?.as_ref()),
            Role::Control => as_control(report, &mut judged.controls),
        };
        if canaries.contains(&report.target) {
            if sender.role == Role::Probe {
                judged.canaries.push(Found { target: report.target.clone(), at, outcome: verdict.outcome });
            }
            continue;
        }
        if sender.distrusted {
            judged.distrusted += 1;
            continue;
        }
        judged.facts.push(Fact {
            report: ReportRef { batch, index },
            probe: sender.probe,
            role: sender.role,
            sequence: report.sequence,
            at,
            target: report.target.clone(),
            service: service.clone(),
            network: sender.origin.network,
            country: sender.origin.country,
            provenance: provenance(sender, report),
            verdict,
        });
    }
    Ok(judged)
}

fn provenance(sender: Sender, report: &Report) -> Provenance {
    let instrument = report.instrument.as_ref();
    Provenance {
        neighbourhood: sender.origin.neighbourhood.filter(|_| sender.role == Role::Probe),
        enrolled: sender.newcomer,
        software: instrument.map(|instrument| short(&instrument.software)),
        list: instrument.and_then(|instrument| instrument.list),
    }
}

/// Enough of a digest to tell one version of the software from another.
fn short(text: &str) -> u32 {
    let [a, b, c, d, ..] = Digest::of(text.as_bytes()).0;
    u32::from_le_bytes([a, b, c, d])
}

/// Whether a report says that it was measured elsewhere than where it came from. It would be filed under a provider of whom
/// it knows nothing: a VPN's reachability would speak for the provider at home, or the other way round.
fn is_from_elsewhere(report: &Report, origin: Origin) -> bool {
    let told = report.vantage.network.filter(|known| known.source == Source::Collector);
    let moved = told.zip(origin.network).is_some_and(|(told, seen)| told.value != seen);
    report.vantage.tunnel || moved
}

/// A control's report is judged against itself. Where that yields nothing (the control's own line was cut) it is no
/// measure for others either: it would have every site called down.
fn as_control(report: &Report, controls: &mut Vec<ControlEntry>) -> Verdict {
    let entry = control_entry(report);
    let verdict = kedergi_verdict::judge(report, Some(&entry));
    if verdict.outcome.why().is_none() {
        controls.push(entry);
    }
    verdict
}
