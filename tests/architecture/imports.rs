//! Imports, and paths inside of the code, go down the floors only, and no folders form a circle.

use std::collections::{BTreeMap, BTreeSet};

use crate::graph::{Module, circles, graph};

/// The floors, lowest first: plain values, the database, what is declared and published, what looks at it, what works
/// on it, and what people use.
const FLOORS: &[&[&str]] = &[
    &["types", "metrics"],
    &["db"],
    &["task", "publish"],
    &[
        "define",
        "layers",
        "logs",
        "migrations",
        "otel",
        "inspect",
        "admin",
        "control",
        "schedule",
        "shards",
        "signal",
        "limits",
        "workflow",
        "events",
        "deploy",
    ],
    &["worker"],
    &["testing", "web"],
    &["cli", "private"],
];

/// The one pair that names each other: a task has `publish`, and a call of it is what is published.
const DELIBERATE: [&str; 2] = ["publish", "task"];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
}

#[test]
fn imports_go_down_the_floors_only() {
    let mut upward = Vec::new();
    for (module, others) in graph("pgjobs/src") {
        let here = floor(&module[0]).unwrap_or_else(|| panic!("{} stands on no floor", module[0]));
        for other in others.iter().filter(|other| floor(&other[0]).is_some_and(|there| there > here)) {
            upward.push(format!("{} -> {}", module.join("::"), other.join("::")));
        }
    }
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

/// The folder of a module within `above`: `worker` of `worker::policy::peers` at the root, `policy` within `worker`.
fn folder<'a>(module: &'a Module, above: &[&str]) -> Option<&'a str> {
    let is_within = module.len() > above.len() && module.iter().zip(above).all(|(a, b)| a == b);
    is_within.then(|| module[above.len()].as_str())
}

fn folders(above: &[&str]) -> BTreeMap<String, BTreeSet<String>> {
    let mut edges: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (module, others) in graph("pgjobs/src") {
        let Some(here) = folder(&module, above) else { continue };
        let there = others.iter().filter_map(|other| folder(other, above)).filter(|there| *there != here);
        edges.entry(here.to_owned()).or_default().extend(there.map(str::to_owned));
    }
    edges
}

#[test]
fn no_folders_import_each_other() {
    let found = circles(&folders(&[]));
    let deliberate = BTreeSet::from([DELIBERATE.map(str::to_owned).into()]);
    assert_eq!(found, deliberate);
    assert_eq!(circles(&folders(&["cli"])), BTreeSet::new());
}

#[test]
fn no_circle_has_more_than_two_files() {
    let large: Vec<_> = circles(&graph("pgjobs/src")).into_iter().filter(|circle| circle.len() > 2).collect();
    assert!(large.is_empty(), "{large:?}");
}

#[test]
fn a_circle_is_seen() {
    let edges =
        BTreeMap::from([(1, BTreeSet::from([2])), (2, BTreeSet::from([3])), (3, BTreeSet::from([2]))]);
    assert_eq!(circles(&edges), BTreeSet::from([BTreeSet::from([2, 3])]));
}
