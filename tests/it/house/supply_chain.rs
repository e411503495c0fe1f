//! The rules of `deny.toml`, checked without the tool: licences, sources, banned crates.

use std::collections::BTreeSet;

use serde::Deserialize;

#[derive(Deserialize)]
struct Deny {
    licenses: Licenses,
    bans: Bans,
    sources: Sources,
}

#[derive(Deserialize)]
struct Licenses {
    allow: BTreeSet<String>,
}

#[derive(Deserialize)]
struct Bans {
    deny: Vec<Ban>,
}

#[derive(Deserialize)]
struct Ban {
    name: String,
    #[serde(default)]
    wrappers: Vec<String>,
    reason: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "kebab-case")]
struct Sources {
    unknown_registry: String,
    unknown_git: String,
}

fn deny() -> Deny {
    let text = std::fs::read_to_string(super::root().join("deny.toml")).expect("deny.toml");
    toml::from_str(&text).expect("deny.toml is what the check reads")
}

#[test]
fn every_licence_is_allowed() {
    let allow = deny().licenses.allow;
    let metadata = super::metadata();
    let refused: Vec<_> = metadata
        .packages
        .iter()
        .filter(|p| !p.license.as_deref().is_some_and(|expression| satisfied(expression, &allow)))
        .map(|p| format!("{} {}: {:?}", p.name, p.version, p.license))
        .collect();
    assert!(refused.is_empty(), "licences not allowed by deny.toml: {refused:#?}");
}

#[test]
fn every_crate_comes_from_the_registry() {
    let sources = deny().sources;
    assert_eq!((sources.unknown_registry.as_str(), sources.unknown_git.as_str()), ("deny", "deny"));
    for package in &super::metadata().packages {
        let Some(source) = &package.source else { continue };
        assert!(source.is_crates_io(), "{} comes from {source}", package.name);
    }
}

#[test]
fn no_banned_crate_is_used() {
    let metadata = super::metadata();
    let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves");
    for ban in deny().bans.deny {
        for node in &resolve.nodes {
            let user = &metadata[&node.id].name;
            let uses = node.deps.iter().any(|dependency| *metadata[&dependency.pkg].name == ban.name);
            assert!(!uses || ban.wrappers.iter().any(|w| w == &**user), "{user} uses {}: {}", ban.name, ban.reason);
        }
    }
}

/// Whether an SPDX expression can be met with the allowed licences. `AND` binds closer than `OR`; the slash is the old way
/// to write `OR`.
fn satisfied(expression: &str, allow: &BTreeSet<String>) -> bool {
    let expression = expression.replace('/', " OR ");
    if let (Some(open), Some(close)) = (expression.rfind('('), expression.find(')'))
        && open < close
    {
        let inner = if satisfied(&expression[open + 1..close], allow) { "@yes" } else { "@no" };
        return satisfied(&format!("{}{inner}{}", &expression[..open], &expression[close + 1..]), allow);
    }
    expression
        .split(" OR ")
        .any(|choice| choice.split(" AND ").map(str::trim).all(|licence| licence == "@yes" || allow.contains(licence)))
}

#[test]
fn licence_expressions_are_read_as_spdx_says() {
    let allow = BTreeSet::from(["MIT".to_owned(), "ISC".to_owned()]);
    for (expression, expected) in [
        ("MIT", true),
        ("GPL-3.0", false),
        ("GPL-3.0 OR MIT", true),
        ("GPL-3.0/MIT", true),
        ("MIT AND GPL-3.0", false),
        ("(MIT OR GPL-3.0) AND ISC", true),
        ("(GPL-3.0 AND MIT) OR BSL-1.0", false),
    ] {
        assert_eq!(satisfied(expression, &allow), expected, "{expression}");
    }
}
