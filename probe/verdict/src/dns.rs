//! Name resolution: what the line's resolver said, against what trusted resolvers and the control know.
//!
//! Only one family is judged: IPv4 where the site has any, because that is what every home uses. Whatever the resolver
//! says of the other is no accusation.

use std::net::IpAddr;

use kedergi_wire::{
    Altered, Answer, Dns, Failure, Http, Layer, Query, Rcode, Reached, ResolverClass, StepOutcome, Trial, Verification,
};

use crate::case::{Case, Seen, as_dns, first_answer, given};
use crate::evidence::{addresses, known, moment, resolver, seen, tried};
use crate::{Evidence, is_bogon, line, page};

/// What the line's resolver came up with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Said {
    NoSuchName,
    /// A refusal or a failure of its own.
    Refuses,
    /// An answer without an address.
    Empty,
    Silent,
    Bogons,
    Addresses,
    /// Nothing that says anything of the resolver.
    Unclear,
}

fn said(dns: &Dns) -> Said {
    match &dns.outcome {
        StepOutcome::Ok(answers) => answers.first().map_or(Said::Empty, said_by_answer),
        StepOutcome::Failed(failure) => said_by_failure(*failure),
    }
}

fn said_by_answer(answer: &Answer) -> Said {
    match answer.rcode {
        Rcode::NxDomain => Said::NoSuchName,
        Rcode::ServFail | Rcode::Refused | Rcode::Other => Said::Refuses,
        Rcode::NoError if answer.addresses.is_empty() => Said::Empty,
        Rcode::NoError if answer.addresses.iter().all(|&address| is_bogon(address)) => Said::Bogons,
        Rcode::NoError => Said::Addresses,
    }
}

fn said_by_failure(failure: Failure) -> Said {
    use Failure as F;
    match failure {
        F::NoSuchName => Said::NoSuchName,
        F::ServerFailure | F::QueryRefused => Said::Refuses,
        F::NoAddress => Said::Empty,
        F::Timeout | F::Refused | F::Reset | F::Closed | F::HostUnreachable | F::NetworkUnreachable => Said::Silent,
        F::TlsAlert | F::TlsProtocol | F::Certificate | F::HttpProtocol | F::DnsProtocol => Said::Unclear,
        F::TooManyRedirects | F::ForbiddenAddress | F::OwnMachine => Said::Unclear,
    }
}

/// A question of the judged family that the line's resolver did not answer with an address of the site.
struct Misled<'a> {
    asked: Seen<'a, Dns>,
    family: Query,
}

fn misled<'a>(case: &Case<'a>) -> Option<Misled<'a>> {
    let family = [Query::A, Query::Aaaa].into_iter().find(|&query| case.trusted_of(query) > 0)?;
    let asked: Vec<_> = case.asked(ResolverClass::System).filter(|seen| seen.what.query == family).collect();
    if asked.iter().copied().filter_map(first_answer).any(|answer| is_true(case, answer)) {
        return None;
    }
    let answered = asked.iter().find(|seen| seen.what.outcome.ok().is_some());
    answered.or(asked.first()).map(|&asked| Misled { asked, family })
}

/// Whether an answer names an address that is certainly the site's.
fn is_true(case: &Case<'_>, answer: &Answer) -> bool {
    given(answer).any(|address| case.is_trusted(address) || case.is_proven(address))
}

/// What the name's addresses really are, and who says so.
fn truth(case: &Case<'_>, family: Query) -> Evidence {
    let named = |seen: Seen<'_, Dns>| first_answer(seen).map_or(0, |answer| given(answer).count());
    let doh = case.asked(ResolverClass::Doh).find(|&seen| seen.what.query == family && named(seen) > 0);
    match doh {
        Some(asked) => {
            let count = addresses(named(asked));
            seen(asked.index, format!("{} named {count} for the same name.", resolver(ResolverClass::Doh)))
        }
        None => {
            let count = addresses(case.trusted_of(family));
            known(format!("The control probe, at a trusted place, knows {count} for the same name."))
        }
    }
}

fn accuse(case: &Case<'_>, expected: Said, says: &str) -> Option<Vec<Evidence>> {
    let Misled { asked, family } = misled(case)?;
    (said(asked.what) == expected)
        .then(|| vec![seen(asked.index, format!("{} {says}.", resolver(ResolverClass::System))), truth(case, family)])
}

pub(crate) fn no_such_name(case: &Case<'_>) -> Option<Vec<Evidence>> {
    accuse(case, Said::NoSuchName, "said that the name does not exist")
}

pub(crate) fn refused(case: &Case<'_>) -> Option<Vec<Evidence>> {
    accuse(case, Said::Refuses, "refused the question or said that it failed")
}

pub(crate) fn bogon(case: &Case<'_>) -> Option<Vec<Evidence>> {
    accuse(case, Said::Bogons, "named only addresses that can be nobody's site (private or reserved)")
}

/// An empty answer, or silence on this name alone. Silence must hold for every question about the name, and on a line whose
/// silences pass when the question is repeated: packets lost are no block.
pub(crate) fn no_answer(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let empty = accuse(case, Said::Empty, "answered without any address");
    empty.or_else(|| {
        let silent = case.asked(ResolverClass::System).all(|seen| said(seen.what) == Said::Silent);
        let alive = case.report.line.resolver.answered > 0 && !line::loses_questions(case);
        let says = "answered other questions and was silent on this name";
        if silent && alive { accuse(case, Said::Silent, says) } else { None }
    })
}

/// Two answers to one question, of which the first, that a program would have used, is false. The exchange with the public
/// resolver counts too: where the line's own resolver sits behind the forger it passes on one forged answer.
pub(crate) fn injected(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let family = misled(case)?.family;
    let open = |seen: &Seen<'_, Dns>| seen.what.resolver != ResolverClass::Doh && seen.what.query == family;
    let Some(twice) = case.dns().filter(open).find(|seen| is_forged(case, seen.what)) else {
        return Some(vec![answered_by_nobody(case, family)?, truth(case, family)]);
    };
    let who = resolver(twice.what.resolver);
    let says = format!(
        "{who} seemed to answer twice, the answers contradict each other, and the one that came first is false.{}",
        from_elsewhere(twice.what).unwrap_or_default()
    );
    Some(vec![seen(twice.index, says), truth(case, family)])
}

/// That the answers came different ways, where their packets tell.
fn from_elsewhere(dns: &Dns) -> Option<String> {
    let mut ttls = dns.outcome.ok()?.iter().filter_map(|answer| answer.ttl);
    let (first, later) = (ttls.next()?, ttls.next()?);
    (first != later)
        .then(|| format!(" It had {first} hops left, the later one {later}: they were sent from different places."))
}

/// A false answer to a question that was put to a machine on which no resolver runs.
fn answered_by_nobody(case: &Case<'_>, family: Query) -> Option<Evidence> {
    let asked = case.report.trials.iter().enumerate().filter(|(_, trial)| trial.altered == Altered::NoResolver);
    let answer =
        |trial: &Trial| as_dns(&trial.seen.step).filter(|dns| dns.query == family)?.outcome.ok()?.first().cloned();
    let (index, answer) = asked.filter(|_| case.hop() == 0).find_map(|(index, trial)| Some((index, answer(trial)?)))?;
    let says =
        "A machine on which no resolver runs was asked for the name, and somebody answered in its place, falsely.";
    (!is_true(case, &answer) && is_impossible(case, &answer)).then(|| tried(index, says))
}

fn is_forged(case: &Case<'_>, dns: &Dns) -> bool {
    let Some([first, later @ ..]) = dns.outcome.ok().map(Vec::as_slice) else { return false };
    if is_true(case, first) {
        return false;
    }
    let impossible = is_impossible(case, first);
    later.iter().any(|answer| contradict(first, answer) && (impossible || is_true(case, answer)))
}

/// Whether an answer names what can be nobody's address, or one that proved to be another's.
fn is_impossible(case: &Case<'_>, answer: &Answer) -> bool {
    said_by_answer(answer) == Said::Bogons || given(answer).any(|address| is_refuted(case, address))
}

fn contradict(a: &Answer, b: &Answer) -> bool {
    a.rcode != b.rcode || !given(a).any(|address| given(b).any(|other| other == address))
}

/// Addresses that nobody else names, and that proved not to be the site's. Merely unknown ones are everyday life: large
/// sites have different addresses everywhere.
pub(crate) fn wrong_address(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let Misled { asked, family } = misled(case)?;
    let answer = first_answer(asked).filter(|answer| said_by_answer(answer) == Said::Addresses)?;
    let named: Vec<IpAddr> = given(answer).filter(|&address| !is_bogon(address)).collect();
    let refutation = if case.is_https() { refuted_by_tls(case, &named) } else { refuted_by_page(case, &named) }?;
    let address = named.first()?;
    let says = format!("{} named {address}, which no trusted resolver names.", resolver(ResolverClass::System));
    Some(vec![seen(asked.index, says), truth(case, family), refutation])
}

fn refuted_by_tls(case: &Case<'_>, named: &[IpAddr]) -> Option<Evidence> {
    let by_certificate =
        case.tls().find(|tls| named.contains(&tls.what.address.ip()) && is_refuted(case, tls.what.address.ip()));
    if let Some(tls) = by_certificate {
        return Some(seen(tls.index, "The certificate shown at that address is not the site's."));
    }
    let works = case.tls().find(|tls| case.is_trusted(tls.what.address.ip()) && case.is_genuine(tls.what))?;
    let mut tried = case.tcp().filter(|tcp| named.contains(&tcp.what.address.ip())).peekable();
    tried.peek()?;
    let finished = case.tls().any(|tls| named.contains(&tls.what.address.ip()) && tls.what.outcome.ok().is_some());
    let says = "That address did not speak for the site, while an address that trusted resolvers name did, with a valid certificate.";
    (!finished).then(|| seen(works.index, says))
}

/// Whether a certificate shown at the address speaks against it. Where an address that is surely the site's shows a false
/// certificate too, it is the connection that is taken over, not the name.
fn is_refuted(case: &Case<'_>, address: IpAddr) -> bool {
    let flaw_at = |wanted: &dyn Fn(IpAddr) -> bool| {
        let mut at = case.tls().filter(|seen| wanted(seen.what.address.ip().to_canonical()));
        at.find_map(|seen| seen.what.verification.filter(|&verification| is_false_identity(verification)))
    };
    let Some(flaw) = flaw_at(&|other| other == address) else { return false };
    let trusted_works = case.tls().any(|seen| case.is_trusted(seen.what.address.ip()) && case.is_genuine(seen.what));
    let trusted_is_false = flaw_at(&|other| case.is_trusted(other)).is_some();
    !case.is_trusted(address)
        && !trusted_is_false
        && (trusted_works || case.control_saw_valid() && flaw == Verification::WrongName)
}

/// Whether the roots' objection is to whose certificate it is, rather than to its dates.
pub(crate) fn is_false_identity(verification: Verification) -> bool {
    match verification {
        Verification::WrongName | Verification::UnknownIssuer | Verification::Malformed => true,
        Verification::Valid | Verification::Expired | Verification::NotYetValid => false,
    }
}

/// Without encryption: through a trusted address comes the control's page, through the named one another or none.
fn refuted_by_page(case: &Case<'_>, named: &[IpAddr]) -> Option<Evidence> {
    let (works, truth) = case.true_page()?;
    let agrees = |http: &Http| http.outcome.ok().is_some_and(|page| page::agree(page, truth, case.host()));
    let tried = case.tcp().any(|tcp| named.contains(&tcp.what.address.ip()));
    let same = case.http().any(|http| named.contains(&http.what.address.ip()) && agrees(http.what));
    let says = "Through an address that trusted resolvers name comes the page that the control got; through that one it does not.";
    (tried && !same).then(|| seen(works.index, says))
}

/// The name exists nowhere, and still the line's resolver answers: a provider's search page for mistyped names. What
/// answers at that address is not the site, for there is none.
pub(crate) fn exists_nowhere(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let control = case.control.filter(|entry| entry.addresses.is_empty())?;
    let Reached::No { layer: Layer::Dns, .. } = control.reached else { return None };
    let answers = || case.asked(ResolverClass::Doh).filter_map(|asked| Some((asked, first_answer(asked)?)));
    let (denied, _) = answers().find(|(_, answer)| answer.rcode == Rcode::NxDomain)?;
    let named_nowhere = answers().all(|(_, answer)| answer.addresses.is_empty());
    let given = case.asked(ResolverClass::System).find(|asked| said(asked.what) == Said::Addresses)?;
    named_nowhere.then(|| {
        let who = resolver(ResolverClass::System);
        let says =
            format!("{who} named an address for a name that exists nowhere, so what answers there is not the site.");
        let doh = format!("{} said that the name does not exist.", resolver(ResolverClass::Doh));
        let at = moment(control);
        let nor = format!("Nor did the control probe, at a trusted place, find an address for it, at {at}.");
        vec![seen(given.index, says), seen(denied.index, doh), known(nor)]
    })
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{ControlEntry, Failure, Layer, Query, Rcode, Reached, StepOutcome, Verification};

    use crate::example::*;

    fn judged(example: Example) -> String {
        rule(example, Some(&control(HTTPS)))
    }

    fn twice(first: &[&str], second: &[&str]) -> StepOutcome<Vec<kedergi_wire::Answer>> {
        StepOutcome::Ok(vec![answer(first), answer(second)])
    }

    #[test]
    fn each_false_answer_has_its_rule() {
        let with_truth = |example: Example| example.says(DOH, &[SITE]).works(SITE);
        assert_eq!(judged(with_truth(report(HTTPS).says_code(SYSTEM, Rcode::NxDomain))), "dns-nxdomain");
        assert_eq!(judged(with_truth(report(HTTPS).says_code(SYSTEM, Rcode::Refused))), "dns-refused");
        assert_eq!(judged(with_truth(report(HTTPS).says_code(SYSTEM, Rcode::ServFail))), "dns-refused");
        assert_eq!(judged(with_truth(report(HTTPS).says(SYSTEM, &["127.0.0.1"]))), "dns-bogon");
        assert_eq!(judged(with_truth(report(HTTPS).says(SYSTEM, &[]))), "dns-no-answer");
        assert_eq!(judged(with_truth(report(HTTPS).silent(SYSTEM))), "dns-no-answer");
    }

    #[test]
    fn on_a_line_that_loses_questions_silence_accuses_nobody() {
        let silent = |tried, answered| {
            judged(report(HTTPS).says(DOH, &[SITE]).works(SITE).silent(SYSTEM).asked_again(tried, answered))
        };
        // Its own two, never answered.
        assert_eq!(silent(2, 0), "dns-no-answer");
        // Ten names are silenced, and once a packet was lost.
        assert_eq!(silent(21, 1), "dns-no-answer");
        assert_eq!(silent(4, 2), "ambiguous");
    }

    #[test]
    fn doh_alone_is_enough_to_accuse_a_resolver_and_nothing_else_is() {
        let example = || report(HTTPS).says_code(SYSTEM, Rcode::NxDomain);
        assert_eq!(rule(example().says(DOH, &[SITE]), None), "dns-nxdomain");
        assert_eq!(rule(example().says(PUBLIC, &[SITE]), None), "no-control");
        assert_eq!(rule(example(), Some(&control(HTTPS))), "dns-nxdomain");
    }

    #[test]
    fn silence_must_be_whole() {
        let half = report(HTTPS).silent(SYSTEM).dns(SYSTEM, Query::Aaaa, StepOutcome::Ok(vec![answer(&[])]));
        assert_eq!(judged(half.says(DOH, &[SITE]).works(SITE)), "ambiguous");
    }

    #[test]
    fn no_ipv6_address_is_no_failure() {
        let four = named(HTTPS).dns(SYSTEM, Query::Aaaa, StepOutcome::Ok(vec![answer(&[])]));
        let example = four.dns(DOH, Query::Aaaa, StepOutcome::Ok(vec![answer(&[])]));
        assert_eq!(judged(example.tls_fails(SITE, Failure::Reset)), "tls-reset");
    }

    #[test]
    fn the_second_answer_gives_the_forger_away() {
        let by_system = report(HTTPS).dns(SYSTEM, Query::A, twice(&[OTHER], &[SITE])).says(DOH, &[SITE]);
        assert_eq!(judged(by_system), "dns-injected");
        let impossible =
            report(HTTPS).dns(SYSTEM, Query::A, twice(&["10.10.34.34"], &["45.80.9.9"])).says(DOH, &[SITE]);
        assert_eq!(judged(impossible), "dns-injected");
        let by_public = report(HTTPS).says(SYSTEM, &[OTHER]).dns(PUBLIC, Query::A, twice(&[OTHER], &[SITE]));
        assert_eq!(judged(by_public.says(DOH, &[SITE])), "dns-injected");
    }

    #[test]
    fn who_answers_where_no_resolver_runs_gives_himself_away() {
        let lied = |named: &str| report(HTTPS).says(SYSTEM, &[named]).says(DOH, &[SITE]).answered_by_nobody(named);
        assert_eq!(judged(lied("10.10.34.34")), "dns-injected");
        let elsewhere = || lied(OTHER).tls(OTHER, Verification::WrongName, "provider");
        assert_eq!(judged(elsewhere()), "dns-injected");
        // A router that takes over every question and answers as it should.
        assert_eq!(judged(lied(OTHER).tls_fails(OTHER, Failure::Reset).tls_fails(SITE, Failure::Reset)), "tls-reset");
    }

    #[test]
    fn a_true_first_answer_harms_nobody() {
        let late = report(HTTPS).dns(SYSTEM, Query::A, twice(&[SITE], &["10.0.0.1"])).says(DOH, &[SITE]);
        assert_eq!(judged(late.tls_fails(SITE, Failure::Timeout)), "tls-timeout");
        let same =
            report(HTTPS).dns(PUBLIC, Query::A, twice(&[OTHER], &[OTHER])).says(SYSTEM, &[OTHER]).says(DOH, &[SITE]);
        assert_eq!(judged(same), "ambiguous");
    }

    #[test]
    fn an_unknown_address_must_be_refuted() {
        let lied = || report(HTTPS).says(SYSTEM, &[OTHER]).says(DOH, &[SITE]);
        let certificate = lied().tls(OTHER, Verification::WrongName, "block").works(SITE);
        assert_eq!(judged(certificate), "dns-wrong-address");
        assert_eq!(judged(lied().tcp(OTHER, Some(Failure::Timeout)).works(SITE)), "dns-wrong-address");
        assert_eq!(judged(lied().tls_fails(OTHER, Failure::Closed).works(SITE)), "dns-wrong-address");
        assert_eq!(
            judged(lied().tls(OTHER, Verification::Valid, "site").page(OTHER, site_page())),
            "answered-over-tls"
        );
        // Nothing works: unknown is not false.
        assert_eq!(judged(lied().tls_fails(OTHER, Failure::Reset).tls_fails(SITE, Failure::Reset)), "tls-reset");
        assert_eq!(judged(lied()), "ambiguous");
    }

    #[test]
    fn a_false_certificate_everywhere_is_not_the_resolvers_doing() {
        let lied = report(HTTPS).says(SYSTEM, &[OTHER]).says(DOH, &[SITE]);
        let example =
            lied.tls(OTHER, Verification::UnknownIssuer, "state").tls(SITE, Verification::UnknownIssuer, "state");
        assert_eq!(judged(example), "tls-intercepted");
    }

    #[test]
    fn plain_http_refutes_by_page() {
        let lied = report(HTTP).says(SYSTEM, &[OTHER]).says(DOH, &[SITE]).tcp(OTHER, None);
        let example = lied.page(OTHER, page(200, "Parked", 300)).page(SITE, site_page());
        assert_eq!(rule(example, Some(&control(HTTP))), "dns-wrong-address");
    }

    #[test]
    fn an_answer_for_a_name_that_exists_nowhere_is_no_site() {
        let reached = Reached::No { layer: Layer::Dns, failure: Failure::NoAddress };
        let nowhere = ControlEntry { addresses: Vec::new(), reached, ..control_failed(HTTP) };
        let lied = || report(HTTP).says(SYSTEM, &[OTHER]).page(OTHER, page(200, "Did you mean", 900));
        assert_eq!(rule(lied().says_code(DOH, Rcode::NxDomain), Some(&nowhere)), "exists-nowhere");
        // Another answer by place: the name exists here.
        assert_eq!(rule(lied().says(DOH, &[OTHER]), Some(&nowhere)), "no-control");
        assert_eq!(rule(lied().silent(DOH), Some(&nowhere)), "no-control");
        let known = ControlEntry { addresses: vec![SITE.parse().unwrap()], ..nowhere };
        assert_eq!(rule(lied().says_code(DOH, Rcode::NxDomain), Some(&known)), "no-control");
    }

    #[test]
    fn ipv6_only_sites_are_judged_by_ipv6() {
        let address: Vec<std::net::IpAddr> = vec!["2a00::1".parse().unwrap()];
        let control = ControlEntry { addresses: address, ..control(HTTPS) };
        let empty = report(HTTPS).dns(SYSTEM, Query::Aaaa, StepOutcome::Ok(vec![answer(&["::1"])])).says(SYSTEM, &[]);
        assert_eq!(rule(empty, Some(&control)), "dns-bogon");
    }
}
