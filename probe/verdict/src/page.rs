//! Comparing pages that were fetched without encryption.

use kedergi_wire::{Page, TargetUrl};

/// What the titles of block pages say, in lower case: Kazakh, Russian, English. Only words of the law and of providers:
/// "access denied" and the like are left out because sites' own front servers say them to robots.
const TITLES: &[&str] = &[
    "бұғатталған",
    "бұғатталды",
    "қолжетімсіз",
    "қол жеткізу шектел",
    "рұқсат шектел",
    "сот шешімі",
    "заблокирован",
    "доступ ограничен",
    "доступ к ресурсу ограничен",
    "доступ к сайту ограничен",
    "доступ к информационному ресурсу",
    "доступ запрещен по решению",
    "доступ запрещён по решению",
    "решению суда",
    "по решению уполномоченн",
    "site blocked",
    "site is blocked",
    "site has been blocked",
    "page blocked",
    "page is blocked",
    "resource is blocked",
    "access to this site is restricted",
    "access to this website",
    "access restricted by",
    "blocked by court",
    "blocked by order",
    "by order of the",
    "court order",
];

/// Server software, in lower case, of the fronts that large sites rent: it refuses visitors in its own name, though the
/// site's pages come with another's.
const FRONTS: &[&str] = &[
    "akamaighost",
    "akamainetstorage",
    "cloudflare",
    "cloudfront",
    "ddos-guard",
    "fastly",
    "imperva",
    "qrator",
    "sucuri/cloudproxy",
    "varnish",
];

/// What the addresses of block pages contain.
const LOCATIONS: &[&str] = &["blocked", "blockpage", "block-page", "block_page", "zapret", "bugattal"];

/// Below this share of the other's length, lengths count as different. Translations and advertisements stay above it.
const SAME_LENGTH: u64 = 2;

/// Letters of a word that says something; shorter ones stand in every title.
const WORD: usize = 4;

/// Whether two answers to the same URL are the same site's.
pub(crate) fn alike(page: &Page, control: &Page, host: &str) -> bool {
    if has_same_body(page, control) {
        return true;
    }
    // Short pages are as long as each other, and a censor's may have status 200.
    if has_block_title(page) && !has_block_title(control) {
        return false;
    }
    match (redirect_host(page, host), redirect_host(control, host)) {
        (Some(here), Some(there)) => are_kin(&here, &there),
        (None, None) => differences(page, control) < 2,
        _ => false,
    }
}

/// Whether two pages are the same but for what changes by the hour: more than likeness, for a page on a host that the
/// control was not seen to be sent to.
pub(crate) fn is_same(page: &Page, control: &Page) -> bool {
    has_same_body(page, control)
        || page.title.is_some() && page.title == control.title && page.status / 100 == control.status / 100
}

/// Whether two answers are one and the same notice, given under different names: it may hold the name that was asked for, or the time.
pub(crate) fn is_same_notice(page: &Page, other: &Page) -> bool {
    let host = |page: &Page| page.location.as_deref().and_then(host_of);
    if has_same_body(page, other) {
        return true;
    }
    let (here, there) = (host(page), host(other));
    match (&here, &there) {
        (None, None) => page.status == other.status && page.title == other.title && differences(page, other) == 0,
        _ => here == there,
    }
}

/// Whether two answers given at the same time can be one site's: the title speaks of the same thing.
pub(crate) fn agree(page: &Page, other: &Page, host: &str) -> bool {
    let (one, two) = (redirect_host(page, host), redirect_host(other, host));
    match (one, two) {
        _ if has_same_body(page, other) => true,
        (Some(here), Some(there)) => are_kin(&here, &there),
        (None, None) => page.status / 100 == other.status / 100 && share_a_word(page, other),
        _ => false,
    }
}

fn has_same_body(page: &Page, other: &Page) -> bool {
    page.body.bytes > 0 && page.body.sha256 == other.body.sha256
}

/// Whether the titles have a word of some length in common, or neither page has one.
fn share_a_word(page: &Page, other: &Page) -> bool {
    let words = |page: &Page| -> Vec<String> {
        let title = page.title.as_deref().unwrap_or_default().to_lowercase();
        let words = title.split_whitespace().map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()));
        words.filter(|word| word.chars().count() >= WORD).map(str::to_owned).collect()
    };
    page.title == other.title || words(page).iter().any(|word| words(other).contains(word))
}

/// Whether two pages say that they come from the same server software.
pub(crate) fn is_same_server(page: &Page, other: &Page) -> bool {
    page.server.is_some() && page.server == other.server
}

/// Whether a page is the refusal of a front that large sites rent.
pub(crate) fn is_front_refusal(page: &Page) -> bool {
    let server = page.server.as_deref().unwrap_or_default().to_lowercase();
    page.status >= 400 && FRONTS.contains(&server.as_str())
}

/// In how many of three ways two pages differ: class of status, title, length.
pub(crate) fn differences(page: &Page, control: &Page) -> usize {
    let status = page.status / 100 != control.status / 100;
    let title = page.title != control.title;
    let (short, long) = (page.body.bytes.min(control.body.bytes), page.body.bytes.max(control.body.bytes));
    let length = short.saturating_mul(SAME_LENGTH) < long;
    [status, title, length].into_iter().filter(|differs| *differs).count()
}

/// Where a redirect leads; its own host where it names none. `None` for a page that is no redirect.
pub(crate) fn redirect_host(page: &Page, own: &str) -> Option<String> {
    let location = page.location.as_deref().filter(|_| page.status / 100 == 3)?;
    Some(host_of(location).unwrap_or_else(|| own.to_owned()))
}

/// The host of an absolute URL.
pub(crate) fn host_of(url: &str) -> Option<String> {
    let absolute = if url.starts_with("//") { format!("http:{url}") } else { url.to_owned() };
    absolute.parse::<TargetUrl>().ok().map(|url| url.host().to_owned())
}

/// Whether two hosts are the same or one lies below the other.
pub(crate) fn are_kin(a: &str, b: &str) -> bool {
    let below = |lower: &str, upper: &str| lower.strip_suffix(upper).is_some_and(|rest| rest.ends_with('.'));
    a == b || below(a, b) || below(b, a)
}

/// Whether a title is a block page's.
pub(crate) fn has_block_title(page: &Page) -> bool {
    let title = page.title.as_deref().unwrap_or_default().to_lowercase();
    TITLES.iter().any(|words| title.contains(words))
}

/// Whether a redirect's address is a block page's.
pub(crate) fn has_block_location(page: &Page) -> bool {
    let location = page.location.as_deref().filter(|_| page.status / 100 == 3).unwrap_or_default().to_lowercase();
    LOCATIONS.iter().any(|part| location.contains(part))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::example::{page, redirect};

    #[test]
    fn one_difference_is_no_other_site() {
        let control = page(200, "News of the day", 40_000);
        assert!(alike(&page(200, "Breaking: news of the day", 38_000), &control, "a.example"));
        assert!(alike(&page(200, "News of the day", 4_000), &control, "a.example"));
        assert!(alike(&page(503, "News of the day", 40_000), &control, "a.example"));
        assert!(!alike(&page(200, "Log in", 900), &control, "a.example"));
    }

    #[test]
    fn a_block_page_of_the_same_length_is_no_likeness() {
        let control = page(200, "News of the day", 800);
        assert!(!alike(&page(200, "Доступ ограничен", 900), &control, "a.example"));
        assert!(alike(&page(200, "Доступ ограничен", 900), &page(200, "Сайт заблокирован?", 900), "a.example"));
    }

    #[test]
    fn at_the_same_time_a_site_has_one_title() {
        let news = page(200, "News of the day", 800);
        assert!(agree(&page(200, "Breaking: NEWS", 80_000), &news, "a.example"));
        assert!(!agree(&page(200, "Weather of the day", 800), &news, "a.example"), "short words say nothing");
        assert!(!agree(&page(403, "News of the day", 801), &news, "a.example"));
        assert!(agree(&redirect("https://www.a.example/"), &redirect("https://a.example/"), "a.example"));
        assert!(!agree(&redirect("https://stop.example/"), &redirect("https://a.example/"), "a.example"));
        assert!(!agree(&redirect("/x"), &news, "a.example"));
    }

    #[test]
    fn redirects_are_alike_by_where_they_lead() {
        let control = redirect("https://www.a.example/");
        assert!(alike(&redirect("https://a.example/kk"), &control, "a.example"));
        assert!(alike(&redirect("/kk"), &control, "a.example"));
        assert!(!alike(&redirect("http://stop.provider.example/"), &control, "a.example"));
        assert!(!alike(&redirect("//stop.provider.example/"), &control, "a.example"));
        assert!(!alike(&page(200, "News", 10), &control, "a.example"));
    }

    #[test]
    fn kin_is_not_any_common_ending() {
        assert!(are_kin("www.a.example", "a.example") && are_kin("a.example", "m.a.example"));
        assert!(!are_kin("nota.example", "a.example"));
    }

    #[test]
    fn block_pages_are_known_by_their_words() {
        for title in ["Сайт ЗАБЛОКИРОВАН", "Доступ ограничен", "Ресурс бұғатталған", "This site has been blocked"]
        {
            assert!(has_block_title(&page(200, title, 100)), "{title}");
        }
        for title in ["Access Denied", "Just a moment...", "Как обойти ограничения", "403 Forbidden"]
        {
            assert!(!has_block_title(&page(403, title, 100)), "{title}");
        }
        assert!(has_block_location(&redirect("http://blocked.provider.example/?u=a.example")));
        assert!(!has_block_location(&page(200, "blocked", 10)));
    }
}
