//! Request and answer: the connection is good, the page is not.

use kedergi_wire::{Failure, Http, Page};

use crate::case::{Case, Seen};
use crate::evidence::{control_reached, failure, known, seen};
use crate::majority::majority;
use crate::{Evidence, HttpManner, page};

/// Fires where no page came and most requests failed in this manner. Over TLS only requests on a proven connection count.
pub(crate) fn failed(case: &Case<'_>, manner: HttpManner) -> Option<Vec<Evidence>> {
    let control = case.reached_control()?;
    let counts = |seen: &Seen<'_, Http>| {
        let address = seen.what.address.ip();
        case.counts(address) && (!case.is_https() || case.is_proven(address))
    };
    let tried: Vec<_> = case.http().filter(counts).collect();
    let answered = tried.iter().any(|seen| seen.what.outcome.ok().is_some());
    if answered || majority(tried.iter().map(|seen| manner_of(seen.what))) != Some(manner) {
        return None;
    }
    let example = tried.iter().find(|seen| manner_of(seen.what) == Some(manner))?;
    let (address, what) = (example.what.address.ip(), failure(example.what.outcome.failure()?));
    let says = format!("{address} let itself be connected to; after the page was asked for: {what}.");
    Some(vec![seen(example.index, says), control_reached(control)])
}

fn manner_of(http: &Http) -> Option<HttpManner> {
    use Failure as F;
    match http.outcome.failure()? {
        // A stream ended in place of an answer is a reset sent politely.
        F::Reset | F::Refused | F::Closed => Some(HttpManner::Reset),
        F::Timeout => Some(HttpManner::Timeout),
        F::HostUnreachable | F::NetworkUnreachable | F::NoSuchName | F::NoAddress | F::ServerFailure => None,
        F::QueryRefused | F::TlsAlert | F::TlsProtocol | F::Certificate | F::HttpProtocol | F::DnsProtocol => None,
        F::TooManyRedirects | F::ForbiddenAddress | F::OwnMachine => None,
    }
}

/// A page got in the clear that is not the control's, and the control's pages.
struct Foreign<'a> {
    pages: Vec<(Seen<'a, Http>, &'a Page)>,
    control: Vec<&'a Page>,
}

fn foreign<'a>(case: &Case<'a>) -> Option<Foreign<'a>> {
    if case.is_https() {
        return None;
    }
    let entry = case.reached_control()?;
    let control: Vec<&Page> = entry.first_page.iter().chain(&entry.last_page).collect();
    let first = case.named_pages().next()?;
    let mut pages = vec![first];
    pages.extend((case.hop() + 1..=case.last_hop()).filter_map(|hop| case.page_at(hop)));
    pages.retain(|(http, page)| !case.is_controls(http.what, page));
    (!control.is_empty() && !pages.is_empty()).then_some(Foreign { pages, control })
}

/// Another page than the control's, which says or shows that it stands for a block.
pub(crate) fn block_page(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let foreign = foreign(case)?;
    let (http, sign) =
        foreign.pages.iter().find_map(|(http, page)| Some((http, sign(case, &foreign, *http, page)?)))?;
    Some(vec![seen(http.index, sign), known("The control probe, at a trusted place, got another page.")])
}

fn sign(case: &Case<'_>, foreign: &Foreign<'_>, http: Seen<'_, Http>, page: &Page) -> Option<String> {
    // A site that shuts somebody out says so with its own server's voice.
    let refused_by_another = |other: &&Page| other.status != 451 && !page::is_same_server(page, other);
    if page.status == 451 && foreign.control.iter().all(refused_by_another) {
        return Some("The answer was status 451: unavailable for legal reasons.".to_owned());
    }
    if page::has_block_title(page) {
        return Some(format!("The page's title speaks of a block: {:?}.", page.title.as_deref().unwrap_or_default()));
    }
    let host = page::redirect_host(page, case.host())?;
    // Of the later hops it is not known where the control was sent.
    let is_first = case.named_pages().next().is_some_and(|(first, _)| first.index == http.index);
    let own = foreign.control.iter().any(|other| page::is_same_server(page, other));
    let strange = is_first && !own && !case.knows_host(&host) && case.has_encrypted_exchange();
    (page::has_block_location(page) || strange)
        .then(|| format!("The answer sends the reader to {host}, where the control is not sent."))
}

/// Another page than the control's, without a sign of what it stands for. It accuses only where the line is known not to be
/// behind a log-in page, and where the page does not come from the same server software as the site's.
pub(crate) fn different(case: &Case<'_>) -> Option<Vec<Evidence>> {
    let foreign = foreign(case)?;
    let (http, page) = case.landing()?;
    let strange = |other: &&Page| !page::is_same_server(page, other) && page::differences(page, other) >= 2;
    let is_redirect = page::redirect_host(page, case.host()).is_some();
    let accused = !is_redirect
        && !page::is_front_refusal(page)
        && foreign.control.iter().all(strange)
        && case.has_encrypted_exchange();
    accused.then(|| {
        let says = "The page differs from the control's in at least two of status, title and length.";
        vec![
            seen(http.index, says),
            known("Encrypted connections over the same line worked, so it is not a log-in page."),
        ]
    })
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{Failure, StepOutcome, Verification};

    use crate::example::*;

    fn judged(example: Example) -> String {
        rule(example, Some(&control(HTTP)))
    }

    #[test]
    fn a_cut_answer_is_a_block_on_either_scheme() {
        let over_tls = named(HTTPS).tls(SITE, Verification::Valid, "site");
        let cut = over_tls.http(SITE, StepOutcome::Failed(Failure::Reset));
        assert_eq!(rule(cut, Some(&control(HTTPS))), "http-reset");
        let plain = |failure| named(HTTP).tcp(SITE, None).http(SITE, StepOutcome::Failed(failure));
        assert_eq!(judged(plain(Failure::Timeout)), "http-timeout");
        assert_eq!(judged(plain(Failure::Closed)), "http-reset");
        assert_eq!(judged(plain(Failure::HttpProtocol)), "ambiguous");
    }

    #[test]
    fn block_pages_are_recognised() {
        let got = |page| named(HTTP).tcp(SITE, None).page(SITE, page);
        assert_eq!(judged(got(page(200, "Доступ ограничен", 900))), "http-block-page");
        assert_eq!(judged(got(page(451, "Gone", 900))), "http-block-page");
        assert_eq!(judged(got(page(200, "Доступ ограничен", 39_000))), "http-block-page", "as long as the site's page");
        assert_eq!(judged(got(redirect("http://blocked.provider.example/"))), "http-block-page");
        assert_eq!(judged(got(redirect("http://92.63.88.69/"))), "http-block-page");
        let notice = page(200, "Ресурс бұғатталған", 900);
        let led = got(redirect("/stop")).then_http(SITE, "http://a.example/stop", notice);
        assert_eq!(judged(led), "http-block-page");
        assert_eq!(rule(got(page(200, "Доступ ограничен", 900)), None), "no-control");
    }

    #[test]
    fn a_notice_elsewhere_is_not_the_site_however_alike() {
        let sent = || named(HTTP).tcp(SITE, None).page(SITE, redirect("http://notice.example/stop"));
        let notice = sent().then_http(OTHER, "http://notice.example/stop", page(200, "Notice", 39_000));
        assert_eq!(judged(notice), "http-block-page");
        // The site moved, and the page there is the control's.
        let moved = sent().then_http(OTHER, "http://notice.example/stop", page(200, "News of the day", 3_000));
        assert_eq!(judged(moved), "answered-as-control");
    }

    #[test]
    fn a_site_that_speaks_of_blocking_is_no_block_page() {
        let mut entry = control(HTTP);
        let title = "This site has been blocked: how to get round it";
        entry.first_page = Some(page(200, title, 40_000));
        let example = named(HTTP).page(SITE, page(200, title, 41_000));
        assert_eq!(rule(example, Some(&entry)), "answered-as-control");
    }

    #[test]
    fn another_page_without_a_sign_needs_more() {
        let strange = page(200, "Parked", 300);
        assert_eq!(judged(named(HTTP).page(SITE, strange.clone())), "http-different");
        // No encrypted exchange worked: this may be a log-in page.
        assert_eq!(judged(report(HTTP).says(SYSTEM, &[SITE]).page(SITE, strange.clone())), "ambiguous");
        let portal = report(HTTP).says(SYSTEM, &[SITE]).page(SITE, redirect("http://login.hotel.example/"));
        assert_eq!(judged(portal), "ambiguous");
        // The site's own server refuses this visitor.
        let (mut entry, mut refusal) = (control(HTTP), page(403, "Access denied", 300));
        for page in entry.first_page.iter_mut().chain(&mut entry.last_page).chain([&mut refusal]) {
            page.server = Some("front".to_owned());
        }
        assert_eq!(rule(named(HTTP).page(SITE, refusal), Some(&entry)), "ambiguous");
    }

    #[test]
    fn a_front_server_that_refuses_a_visitor_is_no_censor() {
        let mut refusal = page(403, "Access Denied", 300);
        refusal.server = Some("AkamaiGHost".to_owned());
        assert_eq!(judged(named(HTTP).page(SITE, refusal.clone())), "ambiguous");
        refusal.server = Some("AkamaiGHostess".to_owned());
        assert_eq!(judged(named(HTTP).page(SITE, refusal)), "http-different");
    }

    #[test]
    fn a_site_may_send_the_readers_of_a_country_elsewhere() {
        let mut sent = redirect("http://www.a.kz.example/");
        let got = |page| rule(named(HTTP).page(SITE, page), Some(&with_server(control(HTTP))));
        assert_eq!(got(sent.clone()), "http-block-page");
        sent.server = Some("front".to_owned());
        assert_eq!(got(sent.clone()), "ambiguous");
        sent.location = Some("http://blocked.provider.example/".to_owned());
        assert_eq!(got(sent), "http-block-page");
    }

    fn with_server(mut entry: kedergi_wire::ControlEntry) -> kedergi_wire::ControlEntry {
        entry.first_page.iter_mut().chain(&mut entry.last_page).for_each(|page| page.server = Some("front".to_owned()));
        entry
    }

    #[test]
    fn legal_reasons_are_the_sites_own_where_its_server_gives_them() {
        let mut refusal = page(451, "Not shown in your country", 300);
        refusal.server = Some("front".to_owned());
        assert_eq!(judged(named(HTTP).page(SITE, refusal.clone())), "http-block-page");
        let entry = with_server(control(HTTP));
        assert_eq!(rule(named(HTTP).page(SITE, refusal.clone()), Some(&entry)), "ambiguous");
        refusal.title = Some("Доступ ограничен".to_owned());
        assert_eq!(rule(named(HTTP).page(SITE, refusal), Some(&entry)), "http-block-page");
    }
}
