//! What a redirect leads to, by a lighter way: the system's resolver and one address. Only where that fails, or leads to
//! somebody who cannot prove the name, are others asked.

use std::net::IpAddr;

use kedergi_wire::{Failure, Http, Observation, Page, Query, Step, StepOutcome, TargetUrl};
use tokio::time::{Duration, Instant};

use super::names;
use super::watch::Watch;
use super::{Measurer, Sources, cut, reach};

/// Redirects followed; a chain of honest ones is shorter.
const HOPS: u8 = 5;
/// No hop begins later than this after the start of the report, so that one tarpit does not hold a run.
const LATEST: Duration = Duration::from_secs(45);

/// Where the last page came from.
pub(crate) struct From {
    pub(crate) url: TargetUrl,
    pub(crate) page: Page,
    pub(crate) way: Way,
}

/// Where a host is.
#[derive(Clone)]
pub(crate) struct Way {
    pub(crate) ip: IpAddr,
    /// What others than the system's resolver name; `None` if they have not been asked.
    pub(crate) others: Option<Vec<IpAddr>>,
}

/// Follows redirects from a page until there is none.
pub(crate) async fn follow(tools: &Measurer, sources: &Sources, watch: &Watch, mut from: From) -> Vec<Observation> {
    let mut seen = Vec::new();
    for hop in 1..=HOPS {
        let Some(url) = next(&from.url, &from.page) else { return seen };
        if watch.elapsed() > LATEST {
            return seen;
        }
        let step = OneHop { tools, watch, hop, url: &url };
        let Some(way) = step.find(sources, &from, &mut seen).await else { return seen };
        let Some(page) = step.take(&way, &mut seen).await else { return seen };
        from = From { url, page, way };
    }
    if let Some(url) = next(&from.url, &from.page) {
        let address = std::net::SocketAddr::new(from.way.ip, from.url.port());
        let outcome = StepOutcome::Failed(Failure::TooManyRedirects);
        let step = Step::Http(Http { address, url: cut::text(url.as_str()), outcome });
        seen.push(watch.observation(Instant::now(), HOPS + 1, step));
    }
    seen
}

/// Where `page` sends its reader, if it is a redirect to something that can be measured.
pub(crate) fn next(base: &TargetUrl, page: &Page) -> Option<TargetUrl> {
    if !matches!(page.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    let url: TargetUrl = base.url().join(page.location.as_deref()?).ok()?.as_str().parse().ok()?;
    (!url.is_tcp()).then_some(url)
}

/// One hop of the way.
struct OneHop<'a> {
    tools: &'a Measurer,
    watch: &'a Watch,
    hop: u8,
    url: &'a TargetUrl,
}

impl OneHop<'_> {
    /// Where the host is: where it just was, if it is the same; else by the system's resolver, else by one over HTTPS.
    async fn find(&self, sources: &Sources, from: &From, seen: &mut Vec<Observation>) -> Option<Way> {
        let host = reach::bare_host(self.url);
        if let Ok(ip) = host.parse() {
            return Some(Way { ip, others: Some(Vec::new()) });
        }
        if host == reach::bare_host(&from.url) {
            return Some(from.way.clone());
        }
        let asked = names::ask_system(&sources.system, self.watch, self.hop, host).await;
        let found = names::named(&asked).choose(self.tools.forbidden).first().copied();
        seen.extend(asked);
        if let Some(ip) = found {
            return Some(Way { ip, others: None });
        }
        let others = self.ask_others(seen).await;
        Some(Way { ip: *others.first()?, others: Some(others) })
    }

    /// The addresses that a resolver asked over HTTPS names, but for those never contacted.
    async fn ask_others(&self, seen: &mut Vec<Observation>) -> Vec<IpAddr> {
        let Some(resolver) = self.tools.doh.first() else { return Vec::new() };
        let host = reach::bare_host(self.url);
        let asked = names::ask_doh(self.tools, self.watch, self.hop, resolver, host, &[Query::A]).await;
        let named = names::named(&asked).choose(self.tools.forbidden);
        seen.extend(asked);
        named
    }

    /// Asks for the page. Where none comes, or one from somebody who does not prove the name, it is asked for where others
    /// say that the host is, too; the way goes on from the first page got.
    async fn take(&self, way: &Way, seen: &mut Vec<Observation>) -> Option<Page> {
        let (page, is_sure) = self.ask_at(way.ip, seen).await;
        if page.is_some() && is_sure || self.watch.elapsed() > LATEST {
            return page;
        }
        let others = match &way.others {
            Some(others) => others.clone(),
            None => self.ask_others(seen).await,
        };
        match others.into_iter().find(|other| *other != way.ip) {
            Some(other) => page.or(self.ask_at(other, seen).await.0),
            None => page,
        }
    }

    /// The page at an address, and whether the one who is there proved to be the host as far as the scheme asks for it.
    async fn ask_at(&self, ip: IpAddr, seen: &mut Vec<Observation>) -> (Option<Page>, bool) {
        let mut reached = reach::reach(self.tools, self.watch, self.hop, self.url, ip).await;
        let page = reach::ask(self.tools, self.watch, self.hop, self.url, &mut reached).await;
        seen.append(&mut reached.seen);
        (page, reached.is_sure())
    }
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{Body, Digest};

    use super::*;

    fn redirect(status: u16, location: Option<&str>) -> Option<String> {
        let body = Body { bytes: 0, truncated: false, sha256: Digest::of(b""), kept: None };
        let page =
            Page { status, location: location.map(str::to_owned), server: None, title: None, offers_h3: false, body };
        next(&"https://a.example/b/c".parse().unwrap(), &page).map(|url| url.to_string())
    }

    #[test]
    fn redirects_are_resolved_against_their_page() {
        assert_eq!(redirect(301, Some("/x")).as_deref(), Some("https://a.example/x"));
        assert_eq!(redirect(302, Some("d")).as_deref(), Some("https://a.example/b/d"));
        assert_eq!(redirect(308, Some("//b.example")).as_deref(), Some("https://b.example/"));
    }

    #[test]
    fn what_is_no_redirect_or_leads_nowhere_ends_the_way() {
        assert_eq!(redirect(200, Some("/x")), None);
        assert_eq!(redirect(301, None), None);
        assert_eq!(redirect(301, Some("ftp://a.example/")), None);
        assert_eq!(redirect(301, Some("tcp://45.80.1.1:22")), None);
        assert_eq!(redirect(301, Some("https://user:secret@a.example/")), None);
    }
}
