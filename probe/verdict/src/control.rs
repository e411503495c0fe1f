//! A control's report, made into the measure for others.

use std::net::IpAddr;

use kedergi_wire::{
    Body, ControlEntry, Failure, Layer, Observation, Page, Reached, Report, Step, Tls, Verification, limits,
};

use crate::case::{as_dns, as_http, as_quic, as_tcp, as_tls};

/// What a control's report says of its target.
///
/// Meant for a report whose own verdict, judged against this very entry, is reachable or down: a control that is itself
/// cut off measures nobody.
pub fn control_entry(report: &Report) -> ControlEntry {
    let shown = best_handshake(report);
    ControlEntry {
        target: report.target.clone(),
        at: report.at(),
        addresses: addresses(report),
        connected: connected(report),
        certificate: shown.and_then(|tls| tls.chain.first()).map(|leaf| leaf.sha256),
        verification: shown.and_then(|tls| tls.verification),
        extra_root: shown.and_then(|tls| tls.extra_root),
        first_page: page(report, 0).map(without_body),
        last_page: last_page(report).map(without_body),
        h3: h3(report),
        took_ms: took_ms(report),
        handshake_ms: handshake_ms(report),
        page_ms: page_ms(report),
        reached: reached(report),
    }
}

fn at_hop(report: &Report, hop: u8) -> impl DoubleEndedIterator<Item = &Observation> {
    report.observations.iter().filter(move |seen| seen.hop == hop)
}

fn last_hop(report: &Report) -> u8 {
    report.observations.iter().map(|seen| seen.hop).max().unwrap_or(0)
}

fn addresses(report: &Report) -> Vec<IpAddr> {
    let questions = at_hop(report, 0).filter_map(|seen| as_dns(&seen.step));
    let answers = questions.filter_map(|dns| dns.outcome.ok()).flatten();
    sorted(answers.flat_map(|answer| &answer.addresses).copied().collect())
}

fn connected(report: &Report) -> Vec<IpAddr> {
    let attempts = at_hop(report, 0).filter_map(|seen| as_tcp(&seen.step));
    sorted(attempts.filter(|tcp| tcp.outcome.ok().is_some()).map(|tcp| tcp.address.ip()).collect())
}

fn sorted(mut addresses: Vec<IpAddr>) -> Vec<IpAddr> {
    addresses.sort_unstable();
    addresses.dedup();
    addresses.truncate(limits::ADDRESSES);
    addresses
}

/// The handshake that speaks for the target: a valid one where there is one.
fn best_handshake(report: &Report) -> Option<&Tls> {
    let shown = || at_hop(report, 0).filter_map(|seen| as_tls(&seen.step)).filter(|tls| !tls.chain.is_empty());
    shown().find(|tls| tls.verification == Some(Verification::Valid)).or_else(|| shown().next())
}

fn page(report: &Report, hop: u8) -> Option<&Page> {
    at_hop(report, hop).filter_map(|seen| as_http(&seen.step)).find_map(|http| http.outcome.ok())
}

/// The page at the end of the redirects. One that came with a certificate which does not pass is no measure for others,
/// unless it is the target's own.
fn last_page(report: &Report) -> Option<&Page> {
    let hop = last_hop(report);
    let mut handshakes = at_hop(report, hop).filter_map(|seen| as_tls(&seen.step));
    let proven = hop == 0 || handshakes.all(|tls| tls.verification == Some(Verification::Valid));
    page(report, hop).filter(|_| proven)
}

/// What is compared with others' pages.
fn without_body(page: &Page) -> Page {
    Page { body: Body { kept: None, ..page.body.clone() }, ..page.clone() }
}

/// Whether the target's own URL answered over HTTP/3, by a certificate as good as any.
fn h3(report: &Report) -> Option<bool> {
    let tried = || at_hop(report, 0).filter_map(|seen| as_quic(&seen.step));
    tried().next()?;
    Some(tried().any(|quic| quic.outcome.ok().is_some()))
}

fn took_ms(report: &Report) -> u32 {
    report.observations.iter().map(|seen| seen.after_ms.saturating_add(seen.took_ms)).max().unwrap_or(0)
}

fn handshake_ms(report: &Report) -> Option<u32> {
    let ended = |seen: &&Observation| as_tls(&seen.step).is_some_and(|tls| tls.outcome.ok().is_some());
    at_hop(report, 0).filter(ended).map(|seen| seen.took_ms).min()
}

/// Of the answer that [`page`] picks.
fn page_ms(report: &Report) -> Option<u32> {
    let mut answers = at_hop(report, 0).filter_map(|seen| Some((seen.took_ms, as_http(&seen.step)?)));
    answers.find(|(_, http)| http.outcome.ok().is_some()).map(|(took_ms, _)| took_ms)
}

fn reached(report: &Report) -> Reached {
    let connected = || at_hop(report, 0).filter_map(|seen| as_tcp(&seen.step)).any(|tcp| tcp.outcome.ok().is_some());
    if page(report, 0).is_some() || report.target.is_tcp() && connected() {
        return Reached::Yes;
    }
    let failures = at_hop(report, 0).filter_map(|seen| Some((seen.step.layer(), failure(&seen.step)?)));
    // The highest layer got to; of several failures there, the last.
    let (layer, failure) = failures.max_by_key(|(layer, _)| *layer).unwrap_or((Layer::Dns, Failure::NoAddress));
    Reached::No { layer, failure }
}

fn failure(step: &Step) -> Option<Failure> {
    match step {
        Step::Dns(dns) => dns.outcome.failure(),
        Step::Tcp(tcp) => tcp.outcome.failure(),
        Step::Tls(tls) => tls.outcome.failure(),
        Step::Http(http) => http.outcome.failure(),
        // Beside the course that decides whether a target is reached.
        Step::Quic(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{HTTP, HTTPS, SITE, SITE2, named, redirect, site_page};
    use crate::{Outcome, judge};

    #[test]
    fn an_entry_holds_what_the_control_saw() {
        let report = named(HTTPS).says(crate::example::PUBLIC, &[SITE2]).works(SITE).done();
        insta::assert_json_snapshot!(control_entry(&report));
    }

    #[test]
    fn the_last_page_is_the_redirects_end() {
        let report = named(HTTP).page(SITE, redirect(HTTPS)).then_https(None, site_page()).done();
        let entry = control_entry(&report);
        assert_eq!((entry.first_page, entry.last_page), (Some(redirect(HTTPS)), Some(site_page())));
        let report = named(HTTP).page(SITE, redirect(HTTPS)).then_https(Some(Failure::Timeout), site_page()).done();
        let entry = control_entry(&report);
        assert!(entry.reached.is_yes() && entry.last_page.is_none());
    }

    #[test]
    fn a_control_agrees_with_itself() {
        let works = [named(HTTPS).works(SITE), named(HTTP).page(SITE, site_page())];
        for report in works.map(crate::example::Example::done) {
            assert_eq!(judge(&report, Some(&control_entry(&report))).outcome, Outcome::Reachable);
        }
        let report = named(HTTPS).tcp(SITE, Some(Failure::Timeout)).done();
        let entry = control_entry(&report);
        assert_eq!(entry.reached, Reached::No { layer: Layer::Tcp, failure: Failure::Timeout });
        assert_eq!(judge(&report, Some(&entry)).outcome, Outcome::Down);
    }
}
