//! HTTP/3, the way beside TCP: whether somebody keeps it closed, and whether it is open where TCP is not.

use kedergi_wire::{Altered, Failure, Quic, Tally, Verification};

use crate::case::{Case, Seen, as_quic};
use crate::evidence::{failure, known, moment, seen, tried};
use crate::judge::Beside;
use crate::{Evidence, How, Outcome, QuicManner, Trigger, line};

/// Looks at the target's own URL. Where the report does not tell of the target, or the control did not get an answer over HTTP/3,
/// nothing is said.
pub(crate) fn beside(case: &Case<'_>, outcome: Outcome) -> Beside {
    match outcome {
        Outcome::Reachable | Outcome::Throttled => closed(case).unwrap_or_default(),
        Outcome::Blocked { .. } => open(case).or_else(|| closed(case)).unwrap_or_default(),
        Outcome::Down | Outcome::Inconclusive { .. } => Beside::default(),
    }
}

/// The attempts at addresses that are the target's.
fn attempts<'a>(case: &Case<'a>) -> impl Iterator<Item = Seen<'a, Quic>> {
    case.quic().filter(|seen| case.counts(seen.what.address.ip()))
}

/// Somebody keeps HTTP/3 closed: nothing but silence, over IPv4, where the control got an answer, on a line that does not lose
/// much of what is sent.
fn closed(case: &Case<'_>) -> Option<Beside> {
    let control = case.control.filter(|entry| entry.h3 == Some(true))?;
    let tried: Vec<_> = attempts(case).filter(|seen| seen.what.address.is_ipv4()).collect();
    let first = tried.first()?;
    let silent = tried.iter().all(|seen| seen.what.outcome.failure() == Some(Failure::Timeout));
    if !silent || line::loses_what_is_sent(case) {
        return None;
    }
    let (address, what) = (first.what.address.ip(), failure(Failure::Timeout));
    let mut evidence = vec![
        seen(
            first.index,
            format!("{address} was asked over HTTP/3, which runs over UDP, with the site's name: {what}."),
        ),
        known(format!("The control probe, at a trusted place, got an answer over HTTP/3 at {}.", moment(control))),
        known(others(case.report.line.quic)),
    ];
    let told = under_another_name(case);
    // Where nobody answers, it is the protocol that is kept from passing.
    let trigger =
        told.as_ref().map(|told| told.0).filter(|by| *by == Trigger::Name || case.report.line.quic.answered > 0);
    evidence.extend(told.map(|told| told.1));
    Some(Beside { hindered: vec![How::Quic(QuicManner::Timeout)], trigger, evidence })
}

/// What the same address did when it was asked over HTTP/3 for another name. Whatever came back, be it a refusal, came back.
fn under_another_name(case: &Case<'_>) -> Option<(Trigger, Evidence)> {
    let innocent = case.report.trials.iter().enumerate().filter(|(_, trial)| trial.altered == Altered::InnocentName);
    let (index, quic) = innocent.filter_map(|(index, trial)| Some((index, as_quic(&trial.seen.step)?))).next()?;
    let (trigger, says) = if quic.outcome.failure() == Some(Failure::Timeout) {
        let says = "Over HTTP/3 the same address was silent under another name too: what is kept from passing is not the name.";
        (Trigger::Address, says)
    } else {
        let says = "Over HTTP/3 the same address answered when it was asked for another name: what is kept from passing is the name.";
        (Trigger::Name, says)
    };
    Some((trigger, tried(index, says.to_owned())))
}

/// Whether it is the protocol or the site that is kept from passing, as far as the run's other targets tell.
fn others(line: Tally) -> String {
    let (tried, answered) = (line.tried, line.answered);
    match (tried, answered) {
        (0 | 1, _) => "No other target was tried over HTTP/3 during the run.".to_owned(),
        (_, 0) => format!(
            "None of the {tried} targets tried over HTTP/3 during the run answered: it is the protocol that is kept from passing, whoever is asked."
        ),
        (_, _) => format!(
            "Of the {tried} targets tried over HTTP/3 during the run {answered} answered: the protocol passes, and this site is kept from it."
        ),
    }
}

/// HTTP/3 is open where TCP is not.
fn open(case: &Case<'_>) -> Option<Beside> {
    let proven = |quic: &Quic| quic.verification == Some(Verification::Valid) && quic.outcome.ok().is_some();
    let answered = attempts(case).find(|seen| proven(seen.what))?;
    let (address, status) = (answered.what.address.ip(), answered.what.outcome.ok()?.status);
    let says = format!(
        "Over HTTP/3, which runs over UDP, {address} showed a certificate that is valid for the site's name and answered (status {status})."
    );
    Some(Beside { evidence: vec![seen(answered.index, says)], ..Beside::default() })
}

#[cfg(test)]
mod tests {
    use kedergi_wire::ControlEntry;

    use super::*;
    use crate::example::*;

    fn served() -> ControlEntry {
        ControlEntry { h3: Some(true), ..control(HTTPS) }
    }

    /// The verdict's words, what is hindered, and the evidence.
    fn judged(example: Example, control: &ControlEntry) -> (String, Vec<String>, String) {
        let verdict = crate::judge(&example.done(), Some(control));
        let says: Vec<_> = verdict.evidence.into_iter().map(|evidence| evidence.says).collect();
        (verdict.outcome.to_string(), verdict.hindered.iter().map(How::to_string).collect(), says.join(" "))
    }

    fn silent(example: Example) -> Example {
        example.quic(SITE, Err(Failure::Timeout)).quic(SITE, Err(Failure::Timeout))
    }

    #[test]
    fn silence_over_quic_hinders_and_the_runs_other_targets_tell_whom() {
        let quic = |tried, answered| judged(silent(named(HTTPS).works(SITE)).over_quic(tried, answered), &served());
        let (outcome, hindered, says) = quic(5, 3);
        assert_eq!((outcome.as_str(), &hindered[..]), ("reachable", &["quic timeout".to_owned()][..]));
        assert!(says.contains("Of the 5 targets") && says.contains("this site is kept from it"), "{says}");
        assert!(quic(5, 0).2.contains("it is the protocol"));
        assert!(quic(1, 0).2.contains("No other target"));
    }

    #[test]
    fn another_name_at_the_same_address_tells_the_name_from_the_address() {
        let tried = |outcome| {
            let example = silent(named(HTTPS).works(SITE)).trial_quic(Altered::InnocentName, outcome);
            judged(example, &served()).2
        };
        assert!(tried(Ok(200)).contains("from passing is the name"));
        assert!(tried(Err(Failure::TlsAlert)).contains("from passing is the name"));
        assert!(tried(Err(Failure::Timeout)).contains("from passing is not the name"));
        let trigger = |outcome, answered| {
            let example = silent(named(HTTPS).works(SITE)).trial_quic(Altered::InnocentName, outcome);
            crate::judge(&example.over_quic(3, answered).done(), Some(&served())).quic_trigger
        };
        assert_eq!(trigger(Ok(200), 1), Some(Trigger::Name));
        assert_eq!(trigger(Err(Failure::Timeout), 1), Some(Trigger::Address));
        assert_eq!(trigger(Err(Failure::Timeout), 0), None, "the protocol");
    }

    #[test]
    fn what_the_control_did_not_get_is_not_missed() {
        for h3 in [None, Some(false)] {
            let (_, hindered, _) = judged(silent(named(HTTPS).works(SITE)), &ControlEntry { h3, ..served() });
            assert_eq!(hindered, [""; 0]);
        }
        let verdict = crate::judge(&silent(named(HTTPS).works(SITE)).done(), None);
        assert!(verdict.hindered.is_empty());
    }

    #[test]
    fn one_answer_is_enough_and_a_lossy_line_accuses_nobody() {
        let hindered = |example| judged(example, &served()).1;
        let works = || named(HTTPS).works(SITE);
        assert_eq!(hindered(works().quic(SITE, Err(Failure::Timeout)).quic(SITE, Ok(200))), [""; 0]);
        assert_eq!(hindered(works().quic(SITE, Err(Failure::TlsAlert))), [""; 0]);
        assert_eq!(hindered(silent(works()).again(4, 2)), [""; 0]);
        // Only over IPv6, or only at an address that nobody trusted named.
        assert_eq!(hindered(works().says(DOH, &["2a00::1"]).quic("2a00::1", Err(Failure::Timeout))), [""; 0]);
        assert_eq!(hindered(works().quic(OTHER, Err(Failure::Timeout))), [""; 0]);
    }

    #[test]
    fn a_block_over_tcp_says_whether_http3_passes() {
        let reset = || named(HTTPS).tls_fails(SITE, Failure::Reset);
        let (outcome, hindered, says) = judged(reset().quic(SITE, Ok(200)), &served());
        assert_eq!((outcome.as_str(), hindered.len()), ("blocked tls reset", 0));
        assert!(says.contains("Over HTTP/3") && says.contains("status 200"), "{says}");
        let (outcome, hindered, _) = judged(silent(reset()), &served());
        assert_eq!((outcome.as_str(), &hindered[..]), ("blocked tls reset", &["quic timeout".to_owned()][..]));
        let (outcome, hindered, _) = judged(silent(reset()).line(0, 0), &served());
        assert_eq!((outcome.as_str(), hindered.len()), ("inconclusive no-connectivity", 0));
    }
}
