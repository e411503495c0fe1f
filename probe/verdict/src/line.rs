//! The probe's own line and machine: what must work before anybody is accused.

use kedergi_wire::{Answers, Failure, Query, Rcode, ResolverClass, StepOutcome, Tally, Tls};

use crate::case::Case;
use crate::dns::is_false_identity;
use crate::evidence::{known, seen};
use crate::{Evidence, How, HttpManner, TcpManner, TlsManner, Trigger, throttle, trigger};

/// Nobody outside answered, for any target of the run.
pub(crate) fn no_connectivity(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let outside = case.report.line.outside;
    (outside.answered == 0).then(|| {
        let tried = outside.tried;
        vec![known(format!(
            "During the whole run nobody outside the provider's network answered; {tried} attempts were made."
        ))]
    })
}

/// Nobody abroad answered for this target, and hardly any other target could be connected to: the few that could stand inside
/// the country. Resolvers there may still answer, or say that they failed. What the control did not get either is down.
pub(crate) fn abroad_cut(case: &Case<'_>) -> Option<Vec<Evidence>> {
    if case.control.is_some() && case.reached_control().is_none() {
        return None;
    }
    let targets = case.report.line.targets;
    let hardly_any = targets.tried > 1 && u32::from(targets.answered) * 4 < u32::from(targets.tried);
    let asked = case.dns().filter(|seen| seen.what.resolver != ResolverClass::System);
    let answered = asked
        .map(|seen| seen.what.outcome.ok().is_some())
        .chain(case.tcp().map(|seen| seen.what.outcome.ok().is_some()));
    (hardly_any && !answered.into_iter().any(|answered| answered)).then(|| {
        let (tried, connected) = (targets.tried, targets.answered);
        vec![known(format!(
            "Nobody outside the provider's network answered for this target, and of the {tried} targets of the run {connected} could be connected to."
        ))]
    })
}

fn mostly(tally: Tally) -> bool {
    u32::from(tally.answered) * 2 >= u32::from(tally.tried)
}

/// Whether the resolver's silence mostly passes when it is asked again, or the line loses packets: then it says nothing of the
/// name.
pub(crate) fn loses_questions(case: &Case<'_>) -> bool {
    let again = case.report.line.asked_again;
    again.answered > 0 && mostly(again) || loses_packets(case).is_some()
}

/// Nothing but silence, on a line that loses packets: silence mostly passes there, or much of what worked did so only because a
/// packet was sent again.
pub(crate) fn lossy(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let failures = after_dns(case);
    let (index, _) = failures.first()?;
    let silent = failures.iter().all(|(_, failure)| *failure == Failure::Timeout) && !is_confirmed_silence(case);
    let sign = silence_passes(case).or_else(|| loses_packets(case)).filter(|_| silent)?;
    Some(vec![seen(*index, "Nothing came back."), known(sign)])
}

/// Whether silence says nothing, be it that it passes or that packets are lost.
pub(crate) fn loses_what_is_sent(case: &Case<'_>) -> bool {
    silence_passes(case).or_else(|| loses_packets(case)).is_some()
}

/// Whether experiments found what the silence is bound to. Beside a silence and its repeat that takes a third elsewhere, and
/// answers to what was altered at the same time: not what a line loses by chance.
fn is_confirmed_silence(case: &Case<'_>) -> bool {
    let asked = case.http().next().map(|_| How::Http(HttpManner::Timeout));
    let shook = || case.tls().next().map(|_| How::Tls(TlsManner::Timeout));
    let furthest = asked.or_else(shook).unwrap_or(How::Tcp(TcpManner::Timeout));
    trigger::found(case, furthest).is_some_and(|found| found.trigger != Trigger::NameAtAddress)
}

fn silence_passes(case: &Case<'_>) -> Option<String> {
    let again = case.report.line.again;
    let (tried, worked) = (again.tried, again.answered);
    (worked > 1 && mostly(again)).then(|| {
        format!("Silence was tried again at once {tried} times during the run, and {worked} times it then worked.")
    })
}

/// At least two losses, and in every fifth exchange: what a line that loses more than a tenth of its packets shows. On a better
/// one a kernel sends again until something comes, well within the time a step has.
fn loses_packets(case: &Case<'_>) -> Option<String> {
    let lossless = case.report.line.lossless;
    let (worked, lost) = (lossless.tried, lossless.tried.saturating_sub(lossless.answered));
    (lost > 1 && u32::from(lost) * 5 >= u32::from(worked)).then(|| {
        format!("Of {worked} exchanges of the run that worked, {lost} had lost a packet: this line loses much of what is sent.")
    })
}

/// Nothing but silence, on a line that is slow for everything: who waits gives up before the answer is there.
pub(crate) fn slow(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let rate = throttle::slow_line(case)?;
    let first = silences(case)?;
    Some(vec![seen(first, "Nothing came back in time."), rate])
}

/// The first of the failures after DNS, if there are any and all are silence.
pub(crate) fn silences(case: &Case<'_>) -> Option<usize> {
    let failures = after_dns(case);
    let (index, _) = failures.first()?;
    failures.iter().all(|(_, failure)| *failure == Failure::Timeout).then_some(*index)
}

/// Whoever was asked, somebody else answered, for any target of the run: what names lead to and what pages say is theirs.
pub(crate) fn captive_portal(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let proven = case.report.line.proven;
    if proven.is_empty() || proven.answered > 0 {
        return None;
    }
    let false_resolver = case.asked(ResolverClass::Doh).find(|seen| is_strangers(&seen.what.outcome));
    let is_false = |tls: &Tls| tls.verification.is_some_and(is_false_identity);
    let false_site = || case.tls().find(|seen| is_false(seen.what)).map(|seen| seen.index);
    let connected = || case.report.target.is_tcp().then(|| case.tcp().find(|seen| seen.what.outcome.ok().is_some()))?;
    let index =
        false_resolver.map(|seen| seen.index).or_else(false_site).or_else(|| connected().map(|seen| seen.index))?;
    let tried = proven.tried;
    Some(vec![
        seen(index, "Somebody else answered, without a certificate that is valid for the name."),
        known(format!("During the whole run none of {tried} parties proved by a certificate who they are.")),
    ])
}

/// Whether somebody answered who is not the one asked: has no certificate for the name, or does not speak as that one does.
fn is_strangers<T>(outcome: &StepOutcome<T>) -> bool {
    use Failure as F;
    matches!(outcome.failure(), Some(F::Certificate | F::TlsAlert | F::TlsProtocol | F::HttpProtocol))
}

/// The failures, at least one, are all of the probe's own making. IPv6 is left out: most homes have none.
pub(crate) fn own_machine(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let failures = failures(case);
    let (index, _) = failures.iter().find(|(_, failure)| *failure == Failure::OwnMachine)?;
    failures.iter().all(|(_, failure)| *failure == Failure::OwnMachine).then(|| {
        vec![seen(*index, "The probe's own machine refused: no permission, no memory, or too many open files.")]
    })
}

fn failures(case: &Case<'_>) -> Vec<(usize, Failure)> {
    let dns = case.asked(ResolverClass::System).filter(|seen| seen.what.query == Query::A);
    let dns = dns.filter_map(|seen| Some((seen.index, failure(&seen.what.outcome)?)));
    dns.chain(after_dns(case)).collect()
}

fn after_dns(case: &Case<'_>) -> Vec<(usize, Failure)> {
    let tcp = case.tcp().filter(|seen| seen.what.address.is_ipv4());
    let tcp = tcp.map(|seen| (seen.index, failure(&seen.what.outcome)));
    let tls = case.tls().map(|seen| (seen.index, failure(&seen.what.outcome)));
    let http = case.http().map(|seen| (seen.index, failure(&seen.what.outcome)));
    tcp.chain(tls).chain(http).filter_map(|(index, failure)| Some((index, failure?))).collect()
}

fn failure<T>(outcome: &StepOutcome<T>) -> Option<Failure> {
    outcome.failure()
}

fn is_answer(outcome: &StepOutcome<Answers>) -> bool {
    let first = outcome.ok().and_then(|answers| answers.first());
    first.is_some_and(|answer| matches!(answer.rcode, Rcode::NoError | Rcode::NxDomain))
}

/// The system's resolver answered about no name at all, so that it is silent on this one or fails means nothing.
pub(crate) fn resolver_dead(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let line = case.report.line.resolver;
    let mut asked = case.asked(ResolverClass::System).peekable();
    let index = asked.peek()?.index;
    let dead = line.answered == 0 && asked.all(|seen| !is_answer(&seen.what.outcome));
    dead.then(|| {
        let tried = line.tried;
        vec![seen(
            index,
            format!("The resolver this line uses answered none of the {tried} questions of the whole run."),
        )]
    })
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{Failure, Query, Rcode, StepOutcome};

    use crate::example::*;

    #[test]
    fn a_cut_line_accuses_nobody() {
        let cut = report(HTTPS).silent(SYSTEM).silent(DOH).tcp(SITE, Some(Failure::Timeout)).line(0, 0);
        assert_eq!(rule(cut, Some(&control(HTTPS))), "no-connectivity");
        // The provider's own resolver still answers, as during a shutdown.
        let shutdown = report(HTTPS).says(SYSTEM, &["10.0.0.1"]).silent(DOH).line(0, 8);
        assert_eq!(rule(shutdown, Some(&control(HTTPS))), "no-connectivity");
        assert_eq!(rule(named(HTTPS).works(SITE).line(0, 0), None), "answered-over-tls");
    }

    #[test]
    fn where_only_the_country_answers_nobody_is_accused() {
        let cut = |connected| {
            let cut = report(HTTPS).says_code(SYSTEM, Rcode::ServFail).silent(DOH).silent(PUBLIC).line(3, 9);
            rule(cut.targets(40, connected), Some(&control(HTTPS)))
        };
        assert_eq!(cut(9), "abroad-cut");
        assert_eq!(cut(10), "dns-refused");
        let gone = report(HTTPS).silent(DOH).silent(PUBLIC).tcp(SITE, Some(Failure::Timeout)).line(3, 9).targets(40, 1);
        assert_eq!(rule(gone, Some(&control_failed(HTTPS))), "down", "most of the list may be out of order");
        let dead = report(HTTPS).says_code(SYSTEM, Rcode::ServFail).says(DOH, &[SITE]).works(SITE).line(9, 0);
        assert_eq!(rule(dead, Some(&control(HTTPS))), "resolver-dead");
    }

    #[test]
    fn on_a_line_that_loses_packets_silence_accuses_nobody() {
        let silent = |tried, answered| {
            let silent = named(HTTPS).tls_fails(SITE, Failure::Timeout).tls_fails(SITE, Failure::Timeout);
            rule(silent.again(tried, answered), Some(&control(HTTPS)))
        };
        assert_eq!(silent(4, 2), "lossy-line");
        assert_eq!(silent(5, 2), "tls-timeout");
        assert_eq!(silent(1, 1), "tls-timeout");
        let lossy = |tried, lossless| {
            rule(named(HTTPS).tls_fails(SITE, Failure::Timeout).lossless(tried, lossless), Some(&control(HTTPS)))
        };
        assert_eq!(lossy(10, 8), "lossy-line");
        assert_eq!(lossy(11, 9), "tls-timeout");
        assert_eq!(lossy(1, 0), "tls-timeout");
        let reset = named(HTTPS).tls_fails(SITE, Failure::Reset).again(4, 4);
        assert_eq!(rule(reset, Some(&control(HTTPS))), "tls-reset");
    }

    #[test]
    fn behind_a_log_in_page_nobody_is_accused() {
        let portal = |proven| {
            let certificate = StepOutcome::Failed(Failure::Certificate);
            let forged = report(HTTPS).says(SYSTEM, &["10.0.0.1"]).dns(DOH, Query::A, certificate);
            rule(forged.proven(9, proven), Some(&control(HTTPS)))
        };
        assert_eq!(portal(0), "captive-portal");
        assert_eq!(portal(1), "dns-bogon");
        // Nothing false was shown: encrypted connections are only kept from being made.
        let kept = report(HTTPS).says(SYSTEM, &["10.0.0.1"]).silent(DOH).proven(9, 0);
        assert_eq!(rule(kept, Some(&control(HTTPS))), "dns-bogon");
    }

    #[test]
    fn the_probes_own_trouble_accuses_nobody() {
        let own = named(HTTPS).tcp(SITE, Some(Failure::OwnMachine)).tcp("2a00::1", Some(Failure::NetworkUnreachable));
        assert_eq!(rule(own, Some(&control(HTTPS))), "own-machine");
        let mixed = named(HTTPS).tcp(SITE, Some(Failure::Timeout)).tcp(SITE2, Some(Failure::OwnMachine));
        assert_eq!(rule(mixed, Some(&control(HTTPS))), "tcp-timeout");
    }

    #[test]
    fn a_dead_resolver_is_no_block() {
        let dead = report(HTTPS).silent(SYSTEM).says(DOH, &[SITE]).works(SITE);
        assert_eq!(rule(dead.line(8, 0), Some(&control(HTTPS))), "resolver-dead");
    }
}
