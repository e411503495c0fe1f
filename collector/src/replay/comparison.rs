//! What came out of a replay.

use std::io::Write;

use anyhow::Result;
use kedergi_detector::{Mismatch, PUBLIC_PROBES, Scenario};
use serde::Serialize;

use crate::api::EventBody;
use crate::events_cli;

/// The events, and how they differ from those expected.
pub(super) struct Comparison {
    events: Vec<EventBody>,
    summary: Summary,
}

/// The last line of the JSON output.
#[derive(Serialize)]
struct Summary {
    scenario: String,
    reports: usize,
    events: usize,
    as_expected: bool,
    mismatches: Vec<String>,
}

impl Comparison {
    pub(super) fn new(scenario: &Scenario, events: Vec<EventBody>, reports: usize) -> Self {
        let known: Vec<_> = events.iter().map(EventBody::to_event).collect();
        let mismatches: Vec<_> =
            scenario.check(&known).iter().filter(|found| !hidden(scenario, found)).map(ToString::to_string).collect();
        let as_expected = mismatches.is_empty();
        let summary = Summary { scenario: scenario.id.clone(), reports, events: events.len(), as_expected, mismatches };
        Self { events, summary }
    }

    pub(super) fn as_expected(&self) -> bool {
        self.summary.as_expected
    }

    /// The events one a line, then the comparison.
    pub(super) fn print(&self, json: bool, out: &mut impl Write) -> Result<()> {
        events_cli::print(&self.events, json, out)?;
        if json {
            writeln!(out, "{}", serde_json::to_string(&self.summary)?)?;
            return Ok(());
        }
        for mismatch in &self.summary.mismatches {
            writeln!(out, "not as expected: {mismatch}")?;
        }
        if self.as_expected() {
            let Summary { scenario, reports, events, .. } = &self.summary;
            writeln!(out, "{scenario}: as expected, {events} event(s) from {reports} reports")?;
        }
        Ok(())
    }
}

/// Whether it is only missed that nobody may see: a network with too few probes is counted in an event, not named.
fn hidden(scenario: &Scenario, mismatch: &Mismatch) -> bool {
    let (Mismatch::Unseen { network, .. } | Mismatch::Silent { network, .. }) = mismatch else { return false };
    scenario.networks.iter().any(|of| of.asn == *network && of.probes < PUBLIC_PROBES)
}
