//! From report to verdict.

use kedergi_wire::{ControlEntry, Report};

use crate::case::Case;
use crate::chain::sent_on;
use crate::table::RULES;
use crate::{Evidence, How, Outcome, RULES_VERSION, RuleId, Trigger, Verdict, Why, hellos, quic, throttle, trigger};

/// Judges a report: the first rule of [`crate::rules`] that fires decides.
///
/// `control` is the control's entry for the same target, near in time (the caller chooses; another target's is not used).
pub fn judge(report: &Report, control: Option<&ControlEntry>) -> Verdict {
    let case = Case::new(report, control);
    let verdict = over_tcp(&case);
    let first = case.at_first_hop();
    let case = first.as_ref().unwrap_or(&case);
    let (quic, hellos) = (quic::beside(case, verdict.outcome), hellos::beside(case, verdict.outcome));
    let evidence = [verdict.evidence, quic.evidence, hellos.evidence].concat();
    let hindered = [quic.hindered, hellos.hindered].concat();
    Verdict { hindered, quic_trigger: quic.trigger, pace: throttle::pace(case), evidence, ..verdict }
}

/// What is hindered beside an outcome, and what the evidence says of it and of other ways.
#[derive(Debug, Default)]
pub(crate) struct Beside {
    pub(crate) hindered: Vec<How>,
    /// What the hindrance reacts to, where an experiment told.
    pub(crate) trigger: Option<Trigger>,
    pub(crate) evidence: Vec<Evidence>,
}

/// What the way that all programs take comes to.
fn over_tcp(case: &Case<'_>) -> Verdict {
    let verdict = first_rule(case);
    // What lies beyond a redirect may accuse somebody; it does not unmake the answer of the target's own URL.
    match case.at_first_hop() {
        Some(first) if verdict.outcome.how().is_none() && verdict.outcome != Outcome::Reachable => first_rule(&first),
        Some(_) => Verdict { evidence: sent_on(case).into_iter().chain(verdict.evidence).collect(), ..verdict },
        None => verdict,
    }
}

const UNCLEAR: Outcome = Outcome::Inconclusive { why: Why::Ambiguous };

fn first_rule(case: &Case<'_>) -> Verdict {
    let found = RULES.iter().find_map(|rule| Some((rule, (rule.look)(case)?)));
    let (outcome, rule, mut evidence) = match found {
        Some((rule, mut evidence)) => {
            // That a page came says nothing of how: a reader of the evidence should know that the line is slow.
            evidence.extend(throttle::slow_line(case).filter(|_| rule.concludes == Outcome::Reachable));
            (rule.concludes, rule.id.clone(), evidence)
        }
        // The last rule fires always, so this is only the shape of `find_map`.
        None => (UNCLEAR, RuleId("ambiguous".into()), Vec::new()),
    };
    let found = outcome.how().and_then(|how| trigger::found(case, how));
    let (mut trigger, mut experiments) = (None, Vec::new());
    if let Some(found) = found {
        (trigger, experiments) = (Some(found.trigger), found.experiments);
        evidence.extend(found.evidence);
    }
    Verdict {
        outcome,
        rule,
        rules_version: RULES_VERSION,
        hindered: Vec::new(),
        quic_trigger: None,
        trigger,
        experiments,
        pace: None,
        evidence,
    }
}
