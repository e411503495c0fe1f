//! From report to verdict.

use kedergi_wire::{ControlEntry, Report};

use crate::case::Case;
use crate::table::RULES;
use crate::{Outcome, RULES_VERSION, RuleId, Verdict, Why};

/// Judges a report: the first rule of [`crate::rules`] that fires decides.
///
/// `control` is the control's entry for the same target, near in time (the caller chooses; another target's is not used).
pub fn judge(report: &Report, control: Option<&ControlEntry>) -> Verdict {
    let case = Case::new(report, control);
    let found = RULES.iter().find_map(|rule| Some((rule, (rule.look)(&case)?)));
    let (outcome, rule, evidence) = match found {
        Some((rule, evidence)) => (rule.concludes, rule.id.clone(), evidence),
        // The last rule fires always, so this is only the shape of `find_map`.
        None => (Outcome::Inconclusive { why: Why::Ambiguous }, RuleId("ambiguous".into()), Vec::new()),
    };
    Verdict { outcome, rule, rules_version: RULES_VERSION, evidence }
}
