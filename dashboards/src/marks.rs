//! Marks for states: each has a shape and a pattern of its own, so that nobody needs to see colours.

use kedergi_detector::CellState;
use maud::{Markup, html};

/// Height of a strip of marks in pixels. The width is whatever the page has: places along it are percentages, so that
/// nothing is distorted.
pub(crate) const HEIGHT: u32 = 28;

/// Where a state's mark sits in a strip: top and height in pixels. Graver states are taller.
fn band(state: CellState) -> (u32, u32) {
    match state {
        CellState::Ok => (11, 6),
        CellState::Blocked => (2, 24),
        CellState::Throttled => (6, 16),
        CellState::Down => (4, 20),
        CellState::Insufficient => (13, 2),
    }
}

/// The class that colours a state's mark.
pub(crate) fn class(state: CellState) -> &'static str {
    match state {
        CellState::Ok => "s-ok",
        CellState::Blocked => "s-blocked",
        CellState::Throttled => "s-throttled",
        CellState::Down => "s-down",
        CellState::Insufficient => "s-insufficient",
    }
}

/// Where a state belongs in a list that begins with trouble; `partly` blocked comes right after blocked.
pub(crate) fn gravity(state: CellState, partly: bool) -> u8 {
    match state {
        CellState::Blocked => 0,
        _ if partly => 1,
        CellState::Throttled => 2,
        CellState::Down => 3,
        CellState::Ok => 4,
        CellState::Insufficient => 5,
    }
}

fn pattern(state: CellState) -> Option<&'static str> {
    match state {
        CellState::Throttled => Some("url(#p-throttled)"),
        CellState::Down => Some("url(#p-down)"),
        CellState::Insufficient => Some("url(#p-insufficient)"),
        CellState::Ok | CellState::Blocked => None,
    }
}

/// One state from `x` on, `width` wide (both with their unit), told in full by `title`.
pub(crate) fn bar(state: CellState, x: &str, width: &str, title: Option<&str>) -> Markup {
    let (y, height) = band(state);
    html! {
        rect class=(class(state)) x=(x) y=(y) width=(width) height=(height) fill=[pattern(state)] {
            @if let Some(title) = title { title { (title) } }
        }
    }
}

/// A line above a strip: some networks block the service, whatever most probes of the country find.
pub(crate) fn partly(x: &str, width: &str, title: Option<&str>) -> Markup {
    html! {
        rect.partly x=(x) y="2" width=(width) height="4" {
            @if let Some(title) = title { title { (title) } }
        }
    }
}

/// The mark for [`partly`] beside words.
pub(crate) fn partly_swatch() -> Markup {
    html! {
        svg.swatch viewBox={ "0 0 22 " (HEIGHT) } width="22" height=(HEIGHT) aria-hidden="true" {
            (partly("1", "20", None)) (bar(CellState::Ok, "1", "20", None))
        }
    }
}

/// A small mark beside a word that says the same.
pub(crate) fn swatch(state: CellState) -> Markup {
    html! {
        svg.swatch viewBox={ "0 0 22 " (HEIGHT) } width="22" height=(HEIGHT) aria-hidden="true" { (bar(state, "1", "20", None)) }
    }
}

/// The patterns the marks are filled with; once a page.
pub(crate) fn patterns() -> Markup {
    html! {
        svg.defs width="0" height="0" aria-hidden="true" focusable="false" {
            defs {
                pattern #p-throttled width="6" height="6" patternUnits="userSpaceOnUse" patternTransform="rotate(45)" {
                    rect.p-throttled-ground width="6" height="6" {}
                    rect.p-throttled width="3" height="6" {}
                }
                pattern #p-down width="8" height="8" patternUnits="userSpaceOnUse" {
                    rect.p-down-ground width="8" height="8" {}
                    path.p-down d="M0 0L8 8M8 0L0 8" {}
                }
                pattern #p-insufficient width="6" height="2" patternUnits="userSpaceOnUse" {
                    rect.p-insufficient width="2" height="2" {}
                }
            }
        }
    }
}

/// Open road, a barrier, no road.
pub(crate) fn logo() -> Markup {
    html! {
        svg.logo viewBox="0 0 32 32" width="32" height="32" aria-hidden="true" {
            rect.logo-line x="1" y="13" width="14" height="6" {}
            rect.logo-bar x="17" y="3" width="6" height="26" {}
            rect.logo-rest x="25" y="15" width="2" height="2" {}
            rect.logo-rest x="29" y="15" width="2" height="2" {}
        }
    }
}
