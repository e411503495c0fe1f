//! The rules as a page, so that the rule behind a verdict can be looked up by its name.

use kedergi_verdict::{RULES_VERSION, Rule, rules};
use maud::{Markup, html};

use crate::layout::{Frame, Place, page};
use crate::texts;

/// The rules of judgement, `/methodology`; each rule's place is its name: `/methodology#tls-reset`.
pub fn methodology() -> String {
    let body = html! {
        h1 { (texts::METHOD_TITLE) }
        p.asof { (texts::rules_version(RULES_VERSION)) }
        p { (texts::METHOD_INTRO) }
        @for rule in rules() { (section(rule)) }
    };
    page(&Frame { title: texts::METHOD_TITLE, root: "", place: Place::Method }, &body)
}

fn section(rule: &Rule) -> Markup {
    html! {
        section.rule {
            h2 id=(rule.id) { (rule.id) }
            p { b { (texts::capital(&texts::outcome(rule.concludes))) "." } }
            p { (rule.when) }
            p.facts { (texts::METHOD_SOURCE) " " (rule.source) }
        }
    }
}
