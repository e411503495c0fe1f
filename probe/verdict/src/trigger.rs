//! What an obstacle reacts to: told by experiment, one thing altered at a time.

use kedergi_wire::{Altered, Failure, Layer, Page, Step, Tls, Trial, Verification};

use crate::case::{Case, as_tcp};
use crate::evidence::tried;
use crate::{Evidence, How, HttpManner, TlsManner, Trigger, http, page, strange, tls};

/// What an obstacle reacts to, and the experiments that say so.
pub(crate) struct Found {
    pub(crate) trigger: Trigger,
    pub(crate) experiments: Vec<Altered>,
    pub(crate) evidence: Vec<Evidence>,
}

/// What a block of this kind reacts to. Nothing is told where the control host did not answer under its own name: whatever
/// stands in the way of that is another matter.
pub(crate) fn found(case: &Case<'_>, how: How) -> Option<Found> {
    if case.hop() > 0 {
        return None;
    }
    let own = outcome(case, Altered::ControlHost, how).filter(|own| own.passed)?;
    let innocent = outcome(case, Altered::InnocentName, how)?;
    let elsewhere = outcome(case, Altered::TargetNameElsewhere, how)?;
    let residual = residual(case, how);
    let trigger = match (innocent.passed || residual, elsewhere.passed) {
        (true, false) => Trigger::Name,
        (false, true) => Trigger::Address,
        (false, false) => Trigger::Either,
        (true, true) => Trigger::NameAtAddress,
    };
    let says = |passed: bool, yes: &str, no: &str| if passed { yes.to_owned() } else { no.to_owned() };
    let (answered, not) = match how {
        How::Http(HttpManner::BlockPage | HttpManner::Different) => (
            "The same address gave another page when it was asked for another name.",
            "The same address gave that page, or none, for another name too.",
        ),
        How::Http(HttpManner::Reset | HttpManner::Timeout) | How::Dns(_) | How::Tcp(_) | How::Tls(_) | How::Quic(_) => {
            (
                "The same address answered when it was asked for another name.",
                "The same address did not answer for another name either.",
            )
        }
    };
    let not = if residual { RESIDUAL } else { not };
    let evidence = vec![
        tried(innocent.index, says(innocent.passed, answered, not)),
        tried(
            elsewhere.index,
            says(
                elsewhere.passed,
                "A control host elsewhere answered when it was asked under the site's name.",
                "A control host elsewhere, asked under the site's name, met with the same obstacle.",
            ),
        ),
        tried(own.index, "Under its own name that control host answered."),
    ];
    let experiments = vec![Altered::InnocentName, Altered::TargetNameElsewhere, Altered::ControlHost];
    Some(Found { trigger, experiments, evidence })
}

/// What is said where an address is closed for a while to whoever asked for the name.
const RESIDUAL: &str = "Right after that the same address, which had let itself be connected to, let nothing through for any name: whoever \
                        asks for the forbidden name is kept from the whole address for a while.";

/// Whether the address let itself be connected to until the target's name was said, and then no more: what a trial meets there
/// afterwards is what the name left behind (residual blocking), and does not say that the address is blocked.
fn residual(case: &Case<'_>, how: How) -> bool {
    let said = matches!(how, How::Tls(_) | How::Http(_));
    let trials = case.report.trials.iter().filter(|trial| trial.altered == Altered::InnocentName);
    let innocent: Vec<_> = trials.filter_map(|trial| as_tcp(&trial.seen.step)).collect();
    let closed = |address| {
        !innocent.is_empty()
            && innocent.iter().all(|tcp| tcp.address.ip() == address && tcp.outcome.failure() == Some(Failure::Timeout))
    };
    said && case.tcp().any(|seen| seen.what.outcome.ok().is_some() && closed(seen.what.address.ip()))
}

/// Only this name at this address is answered with a refusal, or with another page that does not say what it stands for. The site itself
/// may send either to some of its visitors: the name alone passes elsewhere, the address under other names.
pub(crate) fn site_itself(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let handshakes = [TlsManner::Reset, TlsManner::Closed, TlsManner::Alert];
    let handshake = handshakes.into_iter().find_map(|manner| Some((How::Tls(manner), tls::failed(case, manner)?)));
    let request = || Some((How::Http(HttpManner::Reset), http::failed(case, HttpManner::Reset)?));
    let unsigned = || http::block_page(case).is_none().then(|| http::different(case)).flatten();
    let page = || Some((How::Http(HttpManner::Different), unsigned()?));
    let (how, evidence) = handshake.or_else(request).or_else(page)?;
    let found = found(case, how).filter(|found| found.trigger == Trigger::NameAtAddress)?;
    Some(evidence.into_iter().chain(found.evidence).collect())
}

/// How one experiment went, on the layer of the block.
struct Went {
    passed: bool,
    /// The step that shows it.
    index: usize,
}

fn outcome(case: &Case<'_>, altered: Altered, how: How) -> Option<Went> {
    let steps = case.report.trials.iter().enumerate().filter(|(_, trial)| trial.altered == altered);
    // HTTP/3 is another matter.
    let steps: Vec<(usize, &Trial)> = steps.filter(|(_, trial)| trial.seen.step.layer() != Layer::Quic).collect();
    let passed = steps.iter().find(|(_, trial)| passes(case, &trial.seen.step, how));
    let (index, _) = passed.or(steps.last())?;
    Some(Went { passed: passed.is_some(), index: *index })
}

/// Whether a step went past where a block of this kind stands.
fn passes(case: &Case<'_>, step: &Step, how: How) -> bool {
    match (how, step) {
        (How::Tcp(_), Step::Tcp(tcp)) => tcp.outcome.ok().is_some(),
        (How::Tls(manner), Step::Tls(tls)) => handshake_passes(case, tls, manner),
        (How::Http(HttpManner::Reset | HttpManner::Timeout), Step::Http(http)) => http.outcome.ok().is_some(),
        (How::Http(HttpManner::BlockPage | HttpManner::Different), Step::Http(http)) => {
            http.outcome.ok().is_some_and(|page| !is_the_strange_one(case, page))
        }
        (How::Tcp(_) | How::Tls(_) | How::Http(_) | How::Dns(_) | How::Quic(_), _) => false,
    }
}

/// Whether a trial met the page that stands in the site's place.
fn is_the_strange_one(case: &Case<'_>, page: &Page) -> bool {
    strange::pages(case).any(|(_, strange)| page::is_same_notice(page, strange))
}

/// A server that has nothing under a name says so by an alert, which is an answer, unless alerts are what is looked at.
fn handshake_passes(case: &Case<'_>, tls: &Tls, manner: TlsManner) -> bool {
    let forged = tls.verification == Some(Verification::UnknownIssuer) || case.is_signed_here(tls);
    match manner {
        TlsManner::Intercepted => tls.verification.is_some() && !forged,
        TlsManner::Alert => tls.outcome.ok().is_some(),
        TlsManner::Reset | TlsManner::Timeout | TlsManner::Closed => {
            tls.outcome.ok().is_some() || tls.outcome.failure() == Some(Failure::TlsAlert)
        }
    }
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{Altered, Failure, Trial};

    use crate::example::*;
    use crate::{Outcome, Trigger, judge};

    const RESET: Option<Failure> = Some(Failure::Reset);

    fn tried(innocent: Option<Failure>, elsewhere: Option<Failure>, own: Option<Failure>) -> Example {
        let failed = named(HTTPS).tls_fails(SITE, Failure::Reset).tls_fails(SITE, Failure::Reset);
        let trial = |example: Example, altered, failure| example.trial_tls(altered, failure);
        let example = trial(failed, Altered::InnocentName, innocent);
        trial(trial(example, Altered::TargetNameElsewhere, elsewhere), Altered::ControlHost, own)
    }

    fn trigger(
        innocent: Option<Failure>,
        elsewhere: Option<Failure>,
        own: Option<Failure>,
    ) -> (String, Option<Trigger>) {
        let verdict = judge(&tried(innocent, elsewhere, own).done(), Some(&control(HTTPS)));
        assert_eq!(verdict.experiments.is_empty(), verdict.trigger.is_none());
        (verdict.rule.to_string(), verdict.trigger)
    }

    #[test]
    fn name_and_address_are_told_apart_by_experiment() {
        let reset = |trigger| ("tls-reset".to_owned(), trigger);
        assert_eq!(trigger(None, RESET, None), reset(Some(Trigger::Name)));
        assert_eq!(trigger(Some(Failure::TlsAlert), RESET, None), reset(Some(Trigger::Name)));
        assert_eq!(trigger(RESET, None, None), reset(Some(Trigger::Address)));
        assert_eq!(trigger(RESET, RESET, None), reset(Some(Trigger::Either)));
    }

    #[test]
    fn without_a_control_host_that_answers_nothing_is_told() {
        assert_eq!(trigger(None, RESET, RESET), ("tls-reset".to_owned(), None));
        let verdict = judge(&named(HTTPS).tls_fails(SITE, Failure::Reset).done(), Some(&control(HTTPS)));
        assert_eq!(verdict.trigger, None);
    }

    #[test]
    fn what_only_the_site_refuses_accuses_nobody() {
        assert_eq!(trigger(None, None, None), ("site-itself".to_owned(), None));
        let silent = named(HTTPS).tls_fails(SITE, Failure::Timeout).trial_tls(Altered::InnocentName, None);
        let silent = silent.trial_tls(Altered::TargetNameElsewhere, None).trial_tls(Altered::ControlHost, None);
        let verdict = judge(&silent.done(), Some(&control(HTTPS)));
        assert_eq!((verdict.rule.as_str(), verdict.trigger), ("tls-timeout", Some(Trigger::NameAtAddress)));
    }

    /// As [`tried`], but under another name the address did not even let itself be connected to.
    fn closed_afterwards(connected_before: bool, elsewhere: Option<Failure>) -> (String, Option<Trigger>) {
        let failed = if connected_before { named(HTTPS).tcp(SITE, None) } else { named(HTTPS) };
        let failed = failed.tls_fails(OTHER, Failure::Reset).tls_fails(SITE, Failure::Reset);
        let mut report = failed.done();
        report.observations.retain(|seen| connected_before || seen.step.layer() != kedergi_wire::Layer::Tcp);
        let connection = named(HTTPS).tcp(SITE, Some(Failure::Timeout)).done().observations.pop();
        report.trials.extend(connection.map(|seen| Trial { altered: Altered::InnocentName, seen }));
        let others =
            named(HTTPS).trial_tls(Altered::ControlHost, None).trial_tls(Altered::TargetNameElsewhere, elsewhere);
        report.trials.extend(others.done().trials);
        let verdict = judge(&report, Some(&control(HTTPS)));
        (verdict.rule.to_string(), verdict.trigger)
    }

    #[test]
    fn what_a_name_leaves_behind_is_the_names() {
        let judged = |trigger| ("tls-reset".to_owned(), Some(trigger));
        assert_eq!(closed_afterwards(true, RESET), judged(Trigger::Name));
        assert_eq!(closed_afterwards(false, RESET), judged(Trigger::Either));
        assert_eq!(closed_afterwards(true, None).1, None, "it may be the site's own doing");
    }

    #[test]
    fn silence_that_experiments_confirm_is_one_on_a_lossy_line_too() {
        let silence = Some(Failure::Timeout);
        let lossy = || named(HTTPS).tls_fails(SITE, Failure::Timeout).tls_fails(SITE, Failure::Timeout).again(4, 2);
        let by_name = lossy().trial_tls(Altered::InnocentName, None).trial_tls(Altered::TargetNameElsewhere, silence);
        let by_name = by_name.trial_tls(Altered::TargetNameElsewhere, silence).trial_tls(Altered::ControlHost, None);
        assert_eq!(rule(by_name, Some(&control(HTTPS))), "tls-timeout");
        let once = lossy().trial_tls(Altered::InnocentName, None).trial_tls(Altered::TargetNameElsewhere, None);
        let verdict = judge(&once.trial_tls(Altered::ControlHost, None).done(), Some(&control(HTTPS)));
        assert!(matches!(verdict.outcome, Outcome::Inconclusive { .. }), "{verdict:?}");
    }

    /// A page in the clear, and what three trials got.
    fn shown(notice: &str, innocent: &str, elsewhere: &str) -> (String, Option<Trigger>) {
        let got = |title: &str| page(200, title, 300);
        let example = named(HTTP).tcp(SITE, None).page(SITE, got(notice));
        let example = example.trial_page(Altered::InnocentName, got(innocent));
        let example = example.trial_page(Altered::TargetNameElsewhere, got(elsewhere));
        let report = example.trial_page(Altered::ControlHost, got("Bytes for all")).done();
        let verdict = judge(&report, Some(&control(HTTP)));
        (verdict.rule.to_string(), verdict.trigger)
    }

    #[test]
    fn a_page_in_the_sites_place_is_taken_apart_as_well() {
        let (stop, other) = ("Доступ ограничен", "Parked");
        let block = |trigger| ("http-block-page".to_owned(), Some(trigger));
        assert_eq!(shown(stop, "Welcome", stop), block(Trigger::Name));
        assert_eq!(shown(stop, stop, "Bytes for all"), block(Trigger::Address));
        assert_eq!(shown(stop, "Welcome", "Bytes for all"), block(Trigger::NameAtAddress), "it says what it is");
        assert_eq!(shown(other, "Welcome", other), ("http-different".to_owned(), Some(Trigger::Name)));
        assert_eq!(shown(other, "Welcome", "Bytes for all"), ("site-itself".to_owned(), None));
    }
}
