//! `web_connectivity` (ts-017), versions 0.4 and 0.5.

use jiff::Timestamp;
use kedergi_verdict::{Outcome, RuleId, Why, judge};
use kedergi_wire::{FORMAT, Line, Report, ResolverClass, Step, Tally, TargetUrl, Vantage};
use serde_json::Value;

use super::control;
use super::fields::text;
use super::measurement::OoniRefusal;
use super::steps::{self, Steps};

/// A measurement, judged.
pub(super) struct Judged {
    pub(super) target: TargetUrl,
    pub(super) outcome: Outcome,
    pub(super) rule: RuleId,
    /// Whether its control reached the target.
    pub(super) is_up: bool,
}

/// Judges a measurement as if one of our probes had made it. `resolver_known` is whether the line's resolver answered the question
/// that finds out whose it is.
pub(super) fn judged(json: &Value, keys: &Value, at: Timestamp, resolver_known: bool) -> Result<Judged, OoniRefusal> {
    let target: TargetUrl = text(json, "input").and_then(|url| url.parse().ok()).ok_or(OoniRefusal::Target)?;
    if target.is_tcp() {
        return Err(OoniRefusal::Target);
    }
    let Steps { observations, lost_on_the_way } = steps::of(keys, &target);
    if observations.is_empty() {
        return Err(OoniRefusal::Empty);
    }
    let control = control::entry(keys, &target, at, &observations);
    let mut report = report(target, at);
    report.observations = observations;
    report.line = line(keys, &report, control.is_some(), resolver_known);
    let verdict = judge(&report, control.as_ref());
    // A failure beyond a redirect that cannot be told apart by layer: that the first page came is not the whole truth.
    let unclear = lost_on_the_way && verdict.outcome == Outcome::Reachable;
    let outcome = if unclear { Outcome::Inconclusive { why: Why::Ambiguous } } else { verdict.outcome };
    let is_up = control.is_some_and(|entry| entry.reached.is_yes());
    Ok(Judged { target: report.target, outcome, rule: verdict.rule, is_up })
}

pub(super) fn report(target: TargetUrl, at: Timestamp) -> Report {
    Report {
        format: FORMAT,
        sequence: 1,
        started: at,
        clock_offset_ms: None,
        target,
        vantage: Vantage::default(),
        line: Line::default(),
        observations: Vec::new(),
        trials: Vec::new(),
        pairs: Vec::new(),
        instrument: None,
    }
}

/// How the line was. Our own probe says it; of others it is known that their helper abroad answered, with a certificate, and what
/// the measurement itself shows.
fn line(keys: &Value, report: &Report, helper_answered: bool, resolver_known: bool) -> Line {
    if let Some(line) = keys.pointer("/x_kedergi/line").and_then(|line| serde_json::from_value(line.clone()).ok()) {
        return line;
    }
    let tally = |answered: bool| Tally { tried: 1, answered: answered.into() };
    let asked = |line: bool| {
        report.observations.iter().any(|seen| match &seen.step {
            Step::Dns(dns) => (dns.resolver == ResolverClass::System) == line && dns.outcome.ok().is_some(),
            Step::Tcp(tcp) => !line && tcp.outcome.ok().is_some(),
            Step::Tls(_) | Step::Http(_) | Step::Quic(_) => false,
        })
    };
    Line {
        outside: tally(helper_answered || asked(false)),
        resolver: tally(resolver_known || asked(true)),
        proven: if helper_answered { tally(true) } else { Tally::default() },
        ..Line::default()
    }
}
