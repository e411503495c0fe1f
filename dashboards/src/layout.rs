//! What every page has: head, header, footer.

use maud::{DOCTYPE, Markup, html};

use crate::{marks, texts};

/// The style sheet, served as `/style.css`.
pub const STYLE: &str = include_str!("style.css");

/// The `Content-Security-Policy` under which the pages are complete: the style sheet and nothing else.
pub const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; style-src 'self'; img-src 'self' data:; base-uri 'none'; \
    form-action 'none'; frame-ancestors 'none'";

/// Which entry of the navigation a page belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Place {
    Now,
    Method,
    Elsewhere,
}

/// What tells pages apart.
pub(crate) struct Frame<'a> {
    pub(crate) title: &'a str,
    /// The way up to the front page: empty there, `../` one level down. Links are relative so that a copy of the pages
    /// works below any address.
    pub(crate) root: &'a str,
    pub(crate) place: Place,
}

pub(crate) fn page(frame: &Frame<'_>, body: &Markup) -> String {
    let root = frame.root;
    html! {
        (DOCTYPE)
        html lang=(texts::LANGUAGE) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                meta name="color-scheme" content="light dark";
                meta name="referrer" content="no-referrer";
                title { (frame.title) " · " (texts::SITE) }
                link rel="stylesheet" href={ (root) "style.css" };
                // Without it every browser asks for /favicon.ico.
                link rel="icon" href="data:,";
            }
            body {
                a.skip href="#content" { (texts::SKIP) }
                (header(frame))
                main #content { (body) }
                footer { p { (texts::FOOTER) } }
                (marks::patterns())
            }
        }
    }
    .into_string()
}

fn header(frame: &Frame<'_>) -> Markup {
    let home = if frame.root.is_empty() { "./" } else { frame.root };
    html! {
        header.site {
            a.brand href=(home) { (marks::logo()) span { (texts::SITE) } }
            p.tagline { (texts::TAGLINE) }
            nav aria-label=(texts::NAV_LABEL) {
                (entry(home, texts::NAV_NOW, frame.place == Place::Now))
                (entry(&format!("{}methodology", frame.root), texts::NAV_METHOD, frame.place == Place::Method))
                (entry(&format!("{}api/v1/openapi.json", frame.root), texts::NAV_DATA, false))
            }
        }
    }
}

fn entry(href: &str, text: &str, here: bool) -> Markup {
    html! { a href=(href) aria-current=[here.then_some("page")] { (text) } }
}
