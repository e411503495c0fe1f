//! Where a chain of redirects breaks: a site is blocked as well if its readers are kept from the page it sends them to.

use kedergi_wire::ControlEntry;

use crate::case::{Case, is_in_clear};
use crate::evidence::seen;
use crate::{Evidence, page};

/// The hop at which the way to the page goes wrong, if the site itself sent the reader there and the control arrived.
pub(crate) fn broken_hop(case: &Case<'_>) -> Option<u8> {
    let control = case.reached_control().filter(|entry| entry.last_page.is_some())?;
    let last = case.last_hop();
    if ends_well(case, last) {
        return None;
    }
    let astray = (0..last).find(|&hop| !sends_on(case, control, hop)).unwrap_or(last);
    (astray > 0).then_some(astray)
}

/// Whether the last page is the site's. Over TLS it must be proven: one shown with a false certificate is nobody's.
fn ends_well(case: &Case<'_>, last: u8) -> bool {
    case.page_at(last).is_some_and(|(http, page)| {
        if is_in_clear(http.what) { case.is_controls(http.what, page) } else { case.is_proven_at_any_hop(http.what) }
    })
}

/// Whether the page at a hop is a redirect of the site's own, to where the control was sent as well. Some sites send the
/// readers of a country elsewhere; what becomes of them there, no control can say.
fn sends_on(case: &Case<'_>, control: &ControlEntry, hop: u8) -> bool {
    let Some((http, page)) = case.page_at(hop) else { return false };
    let Some(next) = page::redirect_host(page, case.host()) else { return false };
    let known = match (hop, &control.first_page) {
        (0, Some(first)) => page::alike(page, first, case.host()),
        _ => case.knows_host(&next),
    };
    known && case.is_clear_or_proven(http.what)
}

/// That the site itself sends the reader to the hop under judgement.
pub(crate) fn sent_on(case: &Case<'_>) -> Option<Evidence> {
    let before = case.hop().checked_sub(1)?;
    let (http, page) = case.page_at(before)?;
    let host = page::redirect_host(page, case.host())?;
    Some(seen(
        http.index,
        format!("The site itself sends its readers on to {host}, and what is told here happened there."),
    ))
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{ControlEntry, Failure, Rcode, Verification};

    use crate::example::*;

    const WWW: &str = "https://www.a.example/";

    /// A target that sends its readers to its www name, where the control arrived.
    fn entry(target: &str) -> ControlEntry {
        ControlEntry { first_page: Some(redirect(WWW)), ..control(target) }
    }

    fn sent(target: &str) -> Example {
        let sent = named(target);
        let secure = if target == HTTPS { sent.tls(SITE, Verification::Valid, "site") } else { sent.tcp(SITE, None) };
        secure.page(SITE, redirect(WWW))
    }

    #[test]
    fn a_block_where_the_site_sends_its_readers_is_a_block_of_the_site() {
        for target in [HTTP, HTTPS] {
            let at_www = |hop: Example| rule(hop, Some(&entry(target)));
            let www = || sent(target).hop(1, WWW).says(SYSTEM, &[SITE2]);
            assert_eq!(at_www(www().tcp(SITE2, Some(Failure::Timeout))), "tcp-timeout", "{target}");
            assert_eq!(at_www(www().tls_fails(SITE2, Failure::Reset)), "tls-reset", "{target}");
            let strange = www().tls(SITE2, Verification::UnknownIssuer, "state").page(SITE2, site_page());
            assert_eq!(at_www(strange), "tls-intercepted", "{target}");
            let works = www().tls(SITE2, Verification::Valid, "www").page(SITE2, page(200, "Any", 9));
            assert!(at_www(works).starts_with("answered"), "{target}");
        }
    }

    #[test]
    fn a_forged_name_on_the_way_is_found_where_it_is() {
        let www = || sent(HTTPS).hop(1, WWW);
        let lied = www().says(SYSTEM, &[OTHER]).says(DOH, &[SITE2]).tls(OTHER, Verification::WrongName, "block");
        let example = lied.page(OTHER, page(200, "Stop", 300)).tls(SITE2, Verification::Valid, "www");
        assert_eq!(rule(example.page(SITE2, site_page()), Some(&entry(HTTPS))), "dns-wrong-address");
        let denied = www().says_code(SYSTEM, Rcode::NxDomain).says(DOH, &[SITE2]);
        let example = denied.tls(SITE2, Verification::Valid, "www").page(SITE2, site_page());
        assert_eq!(rule(example, Some(&entry(HTTPS))), "dns-nxdomain");
    }

    #[test]
    fn a_proven_redirect_into_the_clear_can_be_replaced_there() {
        let plain = "http://www.a.example/";
        let control = ControlEntry { first_page: Some(redirect(plain)), ..control(HTTPS) };
        let sent = || named(HTTPS).tls(SITE, Verification::Valid, "site").page(SITE, redirect(plain));
        let at_www =
            |page| rule(sent().hop(1, plain).says(SYSTEM, &[SITE2]).tcp(SITE2, None).page(SITE2, page), Some(&control));
        assert_eq!(at_www(page(200, "Доступ ограничен", 900)), "http-block-page");
        assert_eq!(at_www(redirect("http://stop.provider.example/")), "http-block-page");
        assert_eq!(at_www(site_page()), "answered-over-tls");
        // Nothing accuses anybody, and the target's own URL answered.
        assert_eq!(at_www(redirect("/login")), "answered-over-tls");
    }

    #[test]
    fn the_evidence_says_where_the_reader_was_sent() {
        let cut = sent(HTTPS).hop(1, WWW).says(SYSTEM, &[SITE2]).tls_fails(SITE2, Failure::Reset);
        let verdict = crate::judge(&cut.done(), Some(&entry(HTTPS)));
        assert!(verdict.evidence[0].says.contains("sends its readers on to www.a.example"), "{verdict:?}");
    }

    #[test]
    fn where_the_control_was_not_sent_nobody_is_accused() {
        let elsewhere = "https://regional.example/";
        let sent = named(HTTPS).tls(SITE, Verification::Valid, "site").page(SITE, redirect(elsewhere));
        let dead = sent.hop(1, elsewhere).says(SYSTEM, &[OTHER]).tcp(OTHER, Some(Failure::Timeout));
        assert_eq!(rule(dead, Some(&entry(HTTPS))), "answered-over-tls");
    }

    #[test]
    fn a_chain_the_control_did_not_finish_accuses_nobody() {
        let cut = || sent(HTTPS).hop(1, WWW).says(SYSTEM, &[SITE2]).tls_fails(SITE2, Failure::Reset);
        let unfinished = ControlEntry { last_page: None, ..entry(HTTPS) };
        assert_eq!(rule(cut(), Some(&unfinished)), "answered-over-tls");
        assert_eq!(rule(cut(), None), "answered-over-tls");
    }
}
