//! When a target counts as reached, and when it is down for everybody.

use std::net::IpAddr;

use kedergi_wire::{Http, Page, Reached, Tls, Verification};

use crate::case::{Case, Seen};
use crate::evidence::{failure, known, moment, seen};
use crate::{Evidence, page};

/// A page over TLS, proven by the certificate, from an address that any program on this line would have used. Neither an
/// unknown address nor another page than the control's weighs against that: both are everyday life behind a CDN.
pub(crate) fn proven(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let (tls, http) = page_over(case, |address| case.is_named(address), |tls| case.is_genuine(tls))?;
    Some(proof(tls, http))
}

/// As [`proven`], over an address that only somebody else named, where the system's resolver is not at fault: it named
/// another of the site's addresses.
pub(crate) fn proven_elsewhere(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let (tls, http) = page_over(case, |address| case.is_trusted(address), |tls| case.is_genuine(tls))?;
    case.names_a_trusted_address().then(|| proof(tls, http))
}

fn proof(tls: Seen<'_, Tls>, http: Seen<'_, Http>) -> Vec<Evidence> {
    let address = tls.what.address.ip();
    vec![
        seen(tls.index, format!("{address} showed a certificate that is valid for the site's name.")),
        seen(http.index, "The site answered over that connection."),
    ]
}

fn page_over<'a>(
    case: &Case<'a>,
    from: impl Fn(IpAddr) -> bool,
    trust: impl Fn(&Tls) -> bool,
) -> Option<(Seen<'a, Tls>, Seen<'a, Http>)> {
    if !case.is_https() {
        return None;
    }
    let handshakes = case.tls().filter(|seen| from(seen.what.address.ip()) && trust(seen.what));
    let mut both = handshakes.filter_map(|tls| {
        let answered =
            |http: &Seen<'a, Http>| http.what.address == tls.what.address && http.what.outcome.ok().is_some();
        Some((tls, case.http().find(answered)?))
    });
    both.next()
}

/// A flawed certificate, and the control saw the same flaw: the site's own doing, or this machine's clock or roots.
pub(crate) fn own_flaw(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let control = case.reached_control()?;
    let same = |tls: &Tls| {
        let leaf = tls.chain.first().map(|leaf| leaf.sha256);
        let flaw = tls.verification.is_some_and(|verification| verification != Verification::Valid)
            && tls.verification == control.verification;
        tls.outcome.ok().is_some() && (flaw || leaf.is_some() && leaf == control.certificate)
    };
    let (tls, http) = page_over(case, |address| case.is_named(address), same)?;
    Some(vec![
        seen(tls.index, "The certificate did not pass, but the site shows the same, or the same flaw, to the control."),
        seen(http.index, "The site answered over that connection."),
    ])
}

/// Without encryption a page proves nothing by itself: it must be like the control's, or lead to the same site over TLS.
pub(crate) fn answered_as_control(case: &Case<'_>) -> Option<Vec<Evidence>> {
    if case.report.target.is_https() {
        return None;
    }
    if let Some((http, _)) = case.landing().filter(|(http, _)| is_same_site(case, http.what)) {
        return Some(vec![seen(
            http.index,
            "The site redirected to itself over TLS, with a certificate valid for its name.",
        )]);
    }
    let control = case.reached_control()?;
    // Where the control's own redirects ended nowhere, its first page is all there is to compare.
    let first = case.named_pages().next().filter(|_| control.last_page.is_none());
    let is_the_sites = |(http, page): &(Seen<'_, Http>, &Page)| {
        case.is_clear_or_proven(http.what) && !case.is_belied(*http, page) && case.is_controls(http.what, page)
    };
    let (http, _) = case.landing().into_iter().chain(first).find(is_the_sites)?;
    Some(vec![seen(http.index, "The page is like the one that the control got.")])
}

fn is_same_site(case: &Case<'_>, http: &Http) -> bool {
    let kin = page::host_of(&http.url).is_some_and(|host| page::are_kin(&host, case.host()));
    kin && case.is_proven_at_any_hop(http)
}

/// A target that is only an address and a port was connected to. Nobody proves who they are by that, so it comes after all that
/// makes a line answer in place of others.
pub(crate) fn connected(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let mut tried = case.tcp().filter(|_| case.report.target.is_tcp());
    let tcp = tried.find(|seen| seen.what.outcome.ok().is_some())?;
    Some(vec![seen(tcp.index, "The address let itself be connected to.")])
}

/// Neither the control nor the probe got an answer.
pub(crate) fn down(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let control = case.control?;
    let Reached::No { layer, failure: why } = control.reached else { return None };
    let answered = case.http().any(|seen| seen.what.outcome.ok().is_some());
    (!answered).then(|| {
        let (at, what) = (moment(control), failure(why));
        vec![known(format!(
            "The control probe, at a trusted place, did not get through either, at {at} ({layer}): {what}."
        ))]
    })
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{Digest, Failure, Rcode, Verification};

    use crate::example::*;

    #[test]
    fn a_valid_certificate_proves_the_site_whatever_the_control_says() {
        assert_eq!(rule(named(HTTPS).works(SITE), None), "answered-over-tls");
        assert_eq!(rule(named(HTTPS).works(SITE), Some(&control_failed(HTTPS))), "answered-over-tls");
        let unknown = report(HTTPS).says(SYSTEM, &[OTHER]).says(DOH, &[SITE]).works(OTHER);
        assert_eq!(rule(unknown, Some(&control(HTTPS))), "answered-over-tls");
        let captcha = named(HTTPS).tls(SITE, Verification::Valid, "site").page(SITE, page(403, "Are you human?", 800));
        assert_eq!(rule(captcha, Some(&control(HTTPS))), "answered-over-tls");
    }

    #[test]
    fn an_address_in_the_url_names_itself() {
        let literal = report("https://45.80.1.1/").works(SITE);
        assert_eq!(rule(literal, None), "answered-over-tls");
    }

    #[test]
    fn a_page_from_another_resolvers_address_is_not_what_the_reader_gets() {
        let example = report(HTTPS).says_code(SYSTEM, Rcode::NxDomain).says(DOH, &[SITE]).works(SITE);
        assert_eq!(rule(example, Some(&control(HTTPS))), "dns-nxdomain");
    }

    #[test]
    fn one_working_address_is_enough() {
        let both = report(HTTPS).says(SYSTEM, &[SITE]).says(DOH, &[SITE, SITE2]);
        let example = both.tcp(SITE, Some(Failure::Timeout)).works(SITE2);
        assert_eq!(rule(example, Some(&control(HTTPS))), "answered-elsewhere");
    }

    #[test]
    fn the_sites_own_flaw_is_no_block() {
        let flawed = |verification, leaf| named(HTTPS).tls(SITE, verification, leaf).page(SITE, site_page());
        let own = crate::example::control(HTTPS);
        let expired = kedergi_wire::ControlEntry {
            certificate: Some(Digest::of(b"old")),
            verification: Some(Verification::Expired),
            ..own.clone()
        };
        assert_eq!(rule(flawed(Verification::Expired, "old"), Some(&expired)), "own-flaw");
        assert_eq!(rule(flawed(Verification::Expired, "another old one"), Some(&expired)), "own-flaw");
        // The site's own leaf, and this machine's clock or roots are wrong.
        assert_eq!(rule(flawed(Verification::NotYetValid, "site"), Some(&own)), "own-flaw");
        assert_eq!(rule(flawed(Verification::UnknownIssuer, "site"), Some(&own)), "own-flaw");
        // Dates alone accuse nobody.
        assert_eq!(rule(flawed(Verification::Expired, "older"), Some(&own)), "ambiguous");
    }

    #[test]
    fn plain_http_is_compared() {
        let same = named(HTTP).tcp(SITE, None).page(SITE, page(200, "News of the evening", 39_000));
        assert_eq!(rule(same, Some(&control(HTTP))), "answered-as-control");
        assert_eq!(rule(named(HTTP).page(SITE, site_page()), None), "no-control");
    }

    #[test]
    fn a_redirect_to_the_same_site_over_tls_proves_it() {
        let upgraded = named(HTTP).page(SITE, redirect(HTTPS)).then_https(None, site_page());
        assert_eq!(rule(upgraded, None), "answered-as-control");
    }

    #[test]
    fn a_redirect_is_worth_what_it_leads_to() {
        let mut entry = control(HTTP);
        entry.first_page = Some(redirect(HTTPS));
        let cut = || named(HTTP).page(SITE, redirect(HTTPS)).then_https(Some(Failure::Reset), site_page());
        assert_eq!(rule(cut(), Some(&entry)), "tls-reset");
        // The control's own redirect led nowhere.
        entry.last_page = None;
        assert_eq!(rule(cut(), Some(&entry)), "answered-as-control");
    }

    #[test]
    fn a_flaw_at_the_end_of_the_redirects_is_the_sites_own_if_the_control_saw_one() {
        let flawed = || named(HTTP).page(SITE, redirect(HTTPS)).hop(1, HTTPS).tls(SITE, Verification::Expired, "old");
        let example = || flawed().page(SITE, site_page());
        let entry = crate::control_entry(&example().done());
        assert_eq!(rule(example(), Some(&entry)), "answered-as-control");
        // The control's was valid, and the page behind a false certificate is nobody's.
        let valid = kedergi_wire::ControlEntry { last_page: Some(site_page()), ..entry };
        let taken =
            named(HTTP).page(SITE, redirect(HTTPS)).hop(1, HTTPS).tls(SITE, Verification::UnknownIssuer, "state");
        assert_eq!(rule(taken.page(SITE, site_page()), Some(&valid)), "tls-intercepted");
    }

    #[test]
    fn in_the_clear_a_page_from_an_unknown_address_must_agree_with_the_true_one() {
        let lied = || report(HTTP).says(SYSTEM, &[OTHER]).says(DOH, &[SITE]).tcp(OTHER, None).tcp(SITE, None);
        let with_truth = |page| rule(lied().page(OTHER, page).page(SITE, site_page()), Some(&control(HTTP)));
        assert_eq!(with_truth(page(200, "News of the day", 9_000)), "answered-as-control");
        assert_eq!(with_truth(page(200, "Weather", 39_000)), "dns-wrong-address");
        // Where the site sends its readers there is no other address to compare with.
        let plain = "http://www.a.example/";
        let sent = named(HTTP).page(SITE, redirect(plain)).hop(1, plain).says(SYSTEM, &[SITE2]);
        let entry = kedergi_wire::ControlEntry { first_page: Some(redirect(plain)), ..control(HTTP) };
        assert_eq!(rule(sent.page(SITE2, site_page()), Some(&entry)), "answered-as-control");
        // Nothing to compare it with.
        assert_eq!(rule(lied().page(OTHER, page(200, "Weather", 39_000)), Some(&control(HTTP))), "answered-as-control");
    }

    #[test]
    fn what_nobody_reaches_is_down() {
        let example = || named(HTTPS).tcp(SITE, Some(Failure::Timeout));
        assert_eq!(rule(example(), Some(&control_failed(HTTPS))), "down");
        assert_eq!(rule(example(), None), "no-control");
        let verdict = crate::judge(&example().done(), Some(&control_failed(HTTPS)));
        assert!(verdict.evidence[0].says.contains("at 9 May 2019, 06:58 UTC"), "{verdict:?}");
        let forged = report(HTTPS).says(SYSTEM, &["10.0.0.1"]).says(DOH, &[SITE]);
        assert_eq!(rule(forged, Some(&control_failed(HTTPS))), "down");
    }

    #[test]
    fn an_endpoint_is_judged_by_its_connection() {
        let endpoint = "tcp://45.80.1.1:443";
        let control_of = |example: Example| crate::control_entry(&example.done());
        let (up, gone) = (
            || control_of(report(endpoint).tcp(SITE, None)),
            || control_of(report(endpoint).tcp(SITE, Some(Failure::Timeout))),
        );
        let silent = || report(endpoint).tcp(SITE, Some(Failure::Timeout)).tcp(SITE, Some(Failure::Timeout));
        assert!(up().reached.is_yes());
        assert_eq!(rule(report(endpoint).tcp(SITE, None), None), "connected");
        assert_eq!(rule(silent().tcp(SITE, None), Some(&up())), "connected");
        assert_eq!(rule(silent(), Some(&up())), "tcp-timeout");
        assert_eq!(rule(silent(), Some(&gone())), "down");
        assert_eq!(rule(silent(), None), "no-control");
        assert_eq!(rule(report(endpoint).tcp(SITE, Some(Failure::Refused)), Some(&up())), "tcp-refused");
        // Behind a log-in page everybody lets himself be connected to.
        assert_eq!(rule(report(endpoint).tcp(SITE, None).proven(9, 0), Some(&up())), "captive-portal");
    }

    #[test]
    fn anothers_control_is_none() {
        let example = named(HTTPS).tcp(SITE, Some(Failure::Timeout));
        assert_eq!(rule(example, Some(&control("https://b.example/"))), "no-control");
    }
}
