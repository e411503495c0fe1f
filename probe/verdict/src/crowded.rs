//! A line that was crowded just when the target was tried, and quick at another time of the run. Its best rate hides that; what
//! was tried beside the failure, and afterwards, shows it.

use kedergi_wire::{Altered, Failure, Observation, Report, Step};

use crate::Evidence;
use crate::case::{Case, as_tls, is_valid};
use crate::evidence::{known, seen, tried};
use crate::line::silences;

/// Milliseconds after which an answer is late: on an ordinary line a step of a trial takes a round trip, and a second more where a
/// packet was lost (RFC 6298).
const LATE_MS: u32 = 3000;

/// Kbit/s of a control host's bytes, at the worst of a run, below which the line may be crowded, and how many times that the best must be
/// for it to be so only now and then.
const CROWDED_KBIT_S: u32 = 200;
const UNEVEN: u32 = 10;

/// Whether a control host under its own name was silent or late when the report's target failed.
pub fn is_host_late(report: &Report) -> bool {
    report.trials.iter().any(|trial| trial.altered == Altered::ControlHost && is_late(&trial.seen))
}

/// Whether the line was crowded now and then during the run. What is compared then may fall into step with that: a transfer from a
/// slow server ends in the quick moment in which the next one from a control host begins.
pub(crate) fn comes_and_goes(case: &Case<'_>) -> bool {
    let line = case.report.line;
    let uneven = |(most, least): (u32, u32)| least < CROWDED_KBIT_S && least.saturating_mul(UNEVEN) <= most;
    is_host_late(case.report) || line.rate_kbit_s.zip(line.least_kbit_s).is_some_and(uneven)
}

/// Nothing but silence, while a control host that gave its bytes at another time of the run was silent or late too, or from a
/// site that gave its page when it was asked once more.
pub(crate) fn crowded(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let first = silences(case)?;
    let sign = host_was_late(case).or_else(|| came_later(case)).or_else(|| came_in_a_pair(case))?;
    Some(vec![seen(first, "Nothing came back in time."), sign])
}

/// The steps of the trials that alter this, where the obstacle is, and their places.
fn trials<'a>(case: &Case<'a>, altered: Altered) -> impl Iterator<Item = (usize, &'a Observation)> {
    let (trials, hop) = (case.report.trials.iter().enumerate(), case.hop());
    trials
        .filter(move |(_, trial)| trial.altered == altered && trial.seen.hop == hop)
        .map(|(index, trial)| (index, &trial.seen))
}

/// Beside the target's failure, the control host under its own name.
fn host_was_late(case: &Case<'_>) -> Option<Evidence> {
    let rate = case.report.line.rate_kbit_s?;
    let (index, _) = trials(case, Altered::ControlHost).find(|(_, seen)| is_late(seen))?;
    Some(tried(
        index,
        format!(
            "A control host under its own name was silent or late as well just then; at another time of the run its bytes came at {rate} kbit/s: the line was crowded."
        ),
    ))
}

fn is_late(seen: &Observation) -> bool {
    let failure = match &seen.step {
        Step::Tcp(tcp) => tcp.outcome.failure(),
        Step::Tls(tls) => tls.outcome.failure(),
        Step::Http(http) => http.outcome.failure(),
        Step::Dns(_) | Step::Quic(_) => return false,
    };
    seen.took_ms >= LATE_MS || failure == Some(Failure::Timeout)
}

/// Once more at the end of the run the target answered, with a certificate where it has one to show.
fn came_later(case: &Case<'_>) -> Option<Evidence> {
    let steps = || trials(case, Altered::Nothing);
    let unproven = |step: &Step| as_tls(step).is_some_and(|tls| !is_valid(tls));
    let is_answer = |step: &Step| match step {
        Step::Tcp(tcp) => case.report.target.is_tcp() && tcp.outcome.ok().is_some(),
        Step::Http(http) => http.outcome.ok().is_some(),
        Step::Dns(_) | Step::Tls(_) | Step::Quic(_) => false,
    };
    let (index, _) = steps().find(|(_, seen)| is_answer(&seen.step))?;
    let proven = !steps().any(|(_, seen)| unproven(&seen.step));
    proven.then(|| {
        tried(index, "When it was asked once more at the end of the run, it answered: the silence had passed.")
    })
}

/// In a pair, which comes after the plain course, the target's own address gave the page under the target's name.
fn came_in_a_pair(case: &Case<'_>) -> Option<Evidence> {
    let pairs = case.report.pairs.iter().filter(|pair| pair.altered == Altered::ControlHost && case.hop() == 0);
    let bytes = pairs.map(|pair| pair.target.bytes).find(|bytes| *bytes > 0)?;
    Some(known(format!(
        "When the site was compared with a control host later in the run, {bytes} bytes of its page came: the silence had passed."
    )))
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{GoodputPair, Transfer};

    use super::*;
    use crate::example::*;
    use crate::judge;

    const SILENCE: Failure = Failure::Timeout;

    fn judged(report: &Report) -> String {
        judge(report, Some(&control(HTTPS))).rule.to_string()
    }

    /// Silence in the handshake, and how a control host fared beside it.
    fn beside(own: Option<Failure>, took_ms: u32, rate: Option<u32>) -> String {
        let silent = named(HTTPS).tls_fails(SITE, SILENCE).tls_fails(SITE, SILENCE);
        let mut report = silent.trial_tls(Altered::ControlHost, own).done();
        report.line.rate_kbit_s = rate;
        report.trials[0].seen.took_ms = took_ms;
        judged(&report)
    }

    #[test]
    fn silence_beside_a_silent_control_host_accuses_nobody() {
        assert_eq!(beside(Some(SILENCE), 4_000, Some(5_000)), "crowded-line");
        assert_eq!(beside(None, 3_500, Some(5_000)), "crowded-line");
        assert_eq!(beside(None, 1_200, Some(5_000)), "tls-timeout");
        assert_eq!(beside(Some(SILENCE), 4_000, None), "tls-timeout", "a control host that is dead says nothing");
    }

    #[test]
    fn on_a_crowded_line_pairs_may_fall_into_step_with_the_crowd() {
        let silent = named(HTTPS).tls_fails(SITE, SILENCE).trial_tls(Altered::ControlHost, None);
        let mut report = silent.done();
        let transfer =
            |took_ms| Transfer { after_ms: 0, handshake_ms: Some(60), bytes: 65_536, took_ms, early_bytes: None };
        let slow =
            GoodputPair { altered: Altered::TargetNameElsewhere, target: transfer(9_000), control: transfer(200) };
        report.pairs = vec![slow; 3];
        report.line.rate_kbit_s = Some(5_000);
        assert_eq!(judged(&report), "throttled-name");
        report.trials[0].seen.took_ms = 3_500;
        assert_eq!(judged(&report), "crowded-line");
        assert_eq!(judge(&report, Some(&control(HTTPS))).pace, None);
        // For another target, or in another pair, a control host was slow.
        report.trials[0].seen.took_ms = 60;
        let mut with_least = |least| {
            report.line.least_kbit_s = Some(least);
            judged(&report)
        };
        assert_eq!(with_least(0), "tls-timeout");
        assert_eq!(with_least(60), "tls-timeout");
        assert_eq!(with_least(600), "throttled-name");
    }

    #[test]
    fn a_refusal_is_none_of_the_lines() {
        let reset = named(HTTPS).tls_fails(SITE, Failure::Reset).trial_tls(Altered::ControlHost, Some(SILENCE));
        let mut report = reset.done();
        report.line.rate_kbit_s = Some(5_000);
        assert_eq!(judged(&report), "tls-reset");
    }

    #[test]
    fn what_answers_once_more_at_the_end_of_the_run_was_not_blocked() {
        let silent = || named(HTTP).tcp(SITE, None).http(SITE, kedergi_wire::StepOutcome::Failed(SILENCE));
        let entry = control(HTTP);
        assert_eq!(rule(silent(), Some(&entry)), "http-timeout");
        let again = silent().trial_page(Altered::Nothing, page(200, "News", 900));
        assert_eq!(rule(again, Some(&entry)), "crowded-line");
        // Nothing but a handshake is no answer, and one that proves nothing is somebody else's.
        let shook = || named(HTTPS).tls_fails(SITE, SILENCE).trial_tls(Altered::Nothing, None);
        assert_eq!(rule(shook(), Some(&control(HTTPS))), "tls-timeout");
        let mut report = shook().trial_page(Altered::Nothing, page(200, "News", 900)).done();
        assert_eq!(judged(&report), "crowded-line");
        let Step::Tls(tls) = &mut report.trials[0].seen.step else { unreachable!("a handshake") };
        tls.verification = Some(kedergi_wire::Verification::UnknownIssuer);
        assert_eq!(judged(&report), "tls-timeout");
    }

    #[test]
    fn a_site_that_gave_its_page_later_was_not_blocked() {
        let late = named(HTTPS).tls(SITE, kedergi_wire::Verification::Valid, "site");
        let mut report = late.http(SITE, kedergi_wire::StepOutcome::Failed(SILENCE)).done();
        let transfer = |bytes| Transfer { after_ms: 0, handshake_ms: Some(60), bytes, took_ms: 200, early_bytes: None };
        let pair = |altered, bytes| GoodputPair { altered, target: transfer(bytes), control: transfer(65_536) };
        report.pairs = vec![pair(Altered::TargetNameElsewhere, 65_536), pair(Altered::ControlHost, 0)];
        assert_eq!(judged(&report), "http-timeout", "what came from the control host is the control host's");
        report.pairs.push(pair(Altered::ControlHost, 900));
        assert_eq!(judged(&report), "crowded-line");
    }
}
