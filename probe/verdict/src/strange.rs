//! Which pages are worth looking at by eye.

use kedergi_wire::{ControlEntry, Http, Page, Report};

use crate::case::{Case, Seen, as_http};

/// Places of the observations whose page is not known to be the site's: no certificate proved it, and it is unlike the control's,
/// or unlike what a true address of the site gave at the same time. Without a control that got through there is nothing to
/// compare with, and the list is empty.
pub fn strange_pages(report: &Report, control: Option<&ControlEntry>) -> Vec<usize> {
    pages(&Case::of_target(report, control)).map(|(http, _)| http.index).collect()
}

/// The same, with the pages.
pub(crate) fn pages<'a>(case: &Case<'a>) -> impl Iterator<Item = (Seen<'a, Http>, &'a Page)> {
    let report = case.report;
    let compared = case.reached_control().map(|_| report.observations.iter().enumerate());
    let pages = compared.into_iter().flatten().filter_map(|(index, seen)| {
        let what = as_http(&seen.step)?;
        Some((Seen { index, what }, what.outcome.ok()?))
    });
    pages.filter(|(http, page)| {
        let own = case.is_controls(http.what, page) && !case.is_belied(*http, page);
        !own && !case.is_proven_at_any_hop(http.what)
    })
}

#[cfg(test)]
mod tests {
    use kedergi_wire::Verification;

    use super::*;
    use crate::example::*;

    fn strange(example: Example, target: &str) -> usize {
        strange_pages(&example.done(), Some(&control(target))).len()
    }

    #[test]
    fn a_block_page_is_strange_and_the_sites_own_is_not() {
        let stop = || page(200, "Stop", 300);
        assert_eq!(strange(named(HTTP).page(SITE, stop()), HTTP), 1);
        assert_eq!(strange(named(HTTP).page(SITE, site_page()), HTTP), 0);
        assert_eq!(strange(named(HTTP).page(SITE, page(200, "News of tomorrow", 50_000)), HTTP), 0);
        let forged = named(HTTPS).tls(SITE, Verification::UnknownIssuer, "state").page(SITE, stop());
        assert_eq!(strange(forged, HTTPS), 1);
        let proven = named(HTTPS).tls(SITE, Verification::Valid, "site").page(SITE, stop());
        assert_eq!(strange(proven, HTTPS), 0);
        assert_eq!(strange_pages(&named(HTTP).page(SITE, stop()).done(), None), [] as [usize; 0]);
    }

    #[test]
    fn a_page_that_a_true_address_belies_is_strange_however_alike() {
        let lied = report(HTTP).says(SYSTEM, &[OTHER]).says(DOH, &[SITE]);
        let both = lied.page(OTHER, page(200, "Parked", 39_000)).page(SITE, site_page());
        assert_eq!(strange(both, HTTP), 1);
    }
}
