//! When a target counts as reached, and when it is down for everybody.

use std::net::IpAddr;

use kedergi_wire::{Http, Reached, Tls};

use crate::case::{Case, Seen, is_valid};
use crate::evidence::{failure, known, seen};
use crate::{Evidence, page};

/// A page over TLS, proven by the certificate, from an address that any program on this line would have used. Neither an
/// unknown address nor another page than the control's weighs against that: both are everyday life behind a CDN.
pub(crate) fn proven(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let (tls, http) = page_over(case, |address| case.is_named(address), is_valid)?;
    Some(proof(tls, http))
}

/// As [`proven`], over an address that only somebody else named, where the system's resolver is not at fault: it named
/// another of the site's addresses.
pub(crate) fn proven_elsewhere(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let (tls, http) = page_over(case, |address| case.is_trusted(address), is_valid)?;
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
        let flaw = tls.verification.is_some() && tls.verification == control.verification;
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
    let (http, page) = case.landing().or(first)?;
    let pages = control.last_page.iter().chain(&control.first_page);
    let alike = pages.into_iter().any(|other| page::alike(page, other, case.host()));
    alike.then(|| vec![seen(http.index, "The page is like the one that the control got.")])
}

fn is_same_site(case: &Case<'_>, http: &Http) -> bool {
    let kin = page::host_of(&http.url).is_some_and(|host| page::are_kin(&host, case.host()));
    kin && case.is_proven_at_any_hop(http)
}

/// Neither the control nor the probe got an answer.
pub(crate) fn down(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let control = case.control?;
    let Reached::No { layer, failure: why } = control.reached else { return None };
    let answered = case.http().any(|seen| seen.what.outcome.ok().is_some());
    (!answered).then(|| {
        let (at, what) = (control.at, failure(why));
        vec![known(format!(
            "The control probe, at a trusted place, did not get through either, at {at} ({layer}): {what}."
        ))]
    })
}
