//! What a redirect leads to, by a lighter way: the system's resolver and one address.

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
    pub(crate) ip: IpAddr,
    pub(crate) page: Page,
}

/// Follows redirects from a page until there is none.
pub(crate) async fn follow(tools: &Measurer, sources: &Sources, watch: &Watch, mut from: From) -> Vec<Observation> {
    let mut seen = Vec::new();
    for hop in 1..=HOPS {
        let Some(url) = next(&from.url, &from.page) else { return seen };
        if watch.elapsed() > LATEST {
            return seen;
        }
        let Some(ip) = address(tools, sources, watch, hop, &url, &from, &mut seen).await else { return seen };
        let mut reached = reach::reach(tools, watch, hop, &url, ip).await;
        let page = reach::ask(tools, watch, hop, &url, &mut reached).await;
        seen.append(&mut reached.seen);
        let Some(page) = page else { return seen };
        from = From { url, ip, page };
    }
    if let Some(url) = next(&from.url, &from.page) {
        let address = std::net::SocketAddr::new(from.ip, from.url.port());
        let outcome = StepOutcome::Failed(Failure::TooManyRedirects);
        let step = Step::Http(Http { address, url: cut::text(url.as_str()), outcome });
        seen.push(watch.observation(Instant::now(), HOPS + 1, step));
    }
    seen
}

/// Where `page` sends its reader, if it is a redirect to something that can be measured.
fn next(base: &TargetUrl, page: &Page) -> Option<TargetUrl> {
    if !matches!(page.status, 301 | 302 | 303 | 307 | 308) {
        return None;
    }
    base.url().join(page.location.as_deref()?).ok()?.as_str().parse().ok()
}

/// An address for the host of `url`: the one just used, if the host is the same; else by the system's resolver, else by
/// one over HTTPS.
async fn address(
    tools: &Measurer,
    sources: &Sources,
    watch: &Watch,
    hop: u8,
    url: &TargetUrl,
    from: &From,
    seen: &mut Vec<Observation>,
) -> Option<IpAddr> {
    let host = reach::bare_host(url);
    if let Ok(ip) = host.parse() {
        return Some(ip);
    }
    if host == reach::bare_host(&from.url) {
        return Some(from.ip);
    }
    let first = |asked: &[Observation]| names::named(asked).choose(tools.forbidden).first().copied();
    let asked = names::ask_system(&sources.system, watch, hop, host).await;
    let found = first(&asked);
    seen.extend(asked);
    if found.is_some() {
        return found;
    }
    let asked = names::ask_doh(tools, watch, hop, tools.doh.first()?, host, &[Query::A]).await;
    let found = first(&asked);
    seen.extend(asked);
    found
}

#[cfg(test)]
mod tests {
    use kedergi_wire::{Body, Digest};

    use super::*;

    fn redirect(status: u16, location: Option<&str>) -> Option<String> {
        let body = Body { bytes: 0, truncated: false, sha256: Digest::of(b"") };
        let page = Page { status, location: location.map(str::to_owned), server: None, title: None, body };
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
        assert_eq!(redirect(301, Some("https://user:secret@a.example/")), None);
    }
}
