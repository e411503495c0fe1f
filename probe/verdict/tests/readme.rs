//! The published methodology prints the rules that the code applies.
//!
//! After a change of the rules: `KEDERGI_BLESS=1 cargo test -p kedergi-verdict --test readme`.

use std::fs;

use kedergi_verdict::{RULES_VERSION, rules};

const README: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/README.md");
const BEGIN: &str = "<!-- rules: begin -->\n";
const END: &str = "<!-- rules: end -->";

fn table() -> String {
    let head = "| | rule | verdict | fires when | source |\n|---|---|---|---|---|\n";
    let rows = (1..).zip(rules()).map(|(number, rule)| {
        format!("| {number} | `{}` | {} | {} | {} |\n", rule.id, rule.conclusion(), rule.when, rule.source)
    });
    format!("Rules version {RULES_VERSION}.\n\n{head}{}", rows.collect::<String>())
}

#[test]
fn the_readme_prints_the_rules() {
    let readme = fs::read_to_string(README).unwrap();
    let (before, rest) = readme.split_once(BEGIN).expect("the README has a place for the rules");
    let (printed, after) = rest.split_once(END).expect("the place for the rules ends");
    if std::env::var_os("KEDERGI_BLESS").is_some() {
        fs::write(README, format!("{before}{BEGIN}{}{END}{after}", table())).unwrap();
    } else {
        assert_eq!(printed, table(), "run KEDERGI_BLESS=1 cargo test -p kedergi-verdict --test readme");
    }
}

#[test]
fn every_rule_says_when_and_why() {
    for rule in rules() {
        assert!(rule.when.ends_with('.') && !rule.source.is_empty() && !rule.when.contains('|'), "{}", rule.id);
    }
}
