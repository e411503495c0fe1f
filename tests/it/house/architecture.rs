//! Who may import whom, asserted from `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};

use cargo_metadata::{DependencyKind, Metadata, PackageId};

/// What each package may import of ours. Development dependencies are free: a test may stand anywhere.
const MAY_IMPORT: &[(&str, &[&str])] = &[
    ("wire", &[]),
    ("verdict", &["wire"]),
    ("detector", &["wire", "verdict"]),
    ("store", &["wire", "verdict", "detector"]),
    ("probe", &["wire", "verdict"]),
    ("dashboards", &["wire", "verdict", "detector"]),
    ("collector", &["wire", "verdict", "detector", "store", "dashboards"]),
    ("lab", &["wire"]),
    ("tests", &[]),
    ("fuzz", &[]),
];

/// The packages that decide without I/O, and what they must not reach even through others.
const PURE: &[&str] = &["kedergi-wire", "kedergi-verdict", "kedergi-detector"];
const IMPURE: &[&str] = &["tokio", "reqwest", "rusqlite", "axum", "hyper", "mio", "socket2"];

#[test]
fn packages_import_only_what_the_house_allows() {
    let metadata = super::metadata();
    let allowed: BTreeMap<_, _> = MAY_IMPORT.iter().copied().collect();
    for package in metadata.workspace_packages() {
        let Some(name) = package.name.strip_prefix("kedergi-") else {
            assert_eq!(*package.name, "xtask", "a member that is no kedergi package");
            continue;
        };
        let may = allowed.get(name).unwrap_or_else(|| panic!("{name} is not in the table of who may import whom"));
        for dependency in package.dependencies.iter().filter(|d| d.kind == DependencyKind::Normal) {
            let Some(ours) = dependency.name.strip_prefix("kedergi-") else { continue };
            assert!(may.contains(&ours), "{name} imports {ours}, which the house does not allow");
        }
    }
}

#[test]
fn what_decides_reaches_no_io() {
    let metadata = super::metadata();
    for pure in PURE {
        let reached = reached_by(&metadata, pure);
        let found: Vec<_> = IMPURE.iter().filter(|name| reached.contains(**name)).collect();
        assert!(found.is_empty(), "{pure} reaches {found:?}");
    }
}

#[test]
fn every_member_is_in_the_table() {
    let metadata = super::metadata();
    let members: BTreeSet<_> = metadata
        .workspace_packages()
        .iter()
        .filter_map(|p| p.name.strip_prefix("kedergi-").map(str::to_owned))
        .collect();
    let table: BTreeSet<_> = MAY_IMPORT.iter().map(|(name, _)| (*name).to_owned()).collect();
    assert_eq!(members, table);
}

/// Names of all packages that `name` depends on, itself not counted, development dependencies left out.
fn reached_by(metadata: &Metadata, name: &str) -> BTreeSet<String> {
    let resolve = metadata.resolve.as_ref().expect("cargo metadata resolves");
    let nodes: BTreeMap<&PackageId, _> = resolve.nodes.iter().map(|node| (&node.id, node)).collect();
    let start = metadata.packages.iter().find(|p| *p.name == name).expect("a member").id.clone();
    let mut seen = BTreeSet::new();
    let mut queue = vec![start];
    while let Some(id) = queue.pop() {
        for dependency in &nodes[&id].deps {
            let counts = dependency.dep_kinds.iter().any(|kind| kind.kind != DependencyKind::Development);
            if counts && seen.insert(dependency.pkg.clone()) {
                queue.push(dependency.pkg.clone());
            }
        }
    }
    seen.iter().map(|id| metadata[id].name.to_string()).collect()
}
