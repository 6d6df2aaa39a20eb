//! Which module of a library names which: its imports and the paths inside of its code.

use std::collections::{BTreeMap, BTreeSet};

use crate::modules;

/// A module by its path, `["worker", "run"]`.
pub(crate) type Module = Vec<String>;

/// Each module of the library in a folder, with those that it names. Code behind `#[cfg(test)] mod tests` counts for
/// nothing.
pub(crate) fn graph(folder: &str) -> BTreeMap<Module, BTreeSet<Module>> {
    let texts: BTreeMap<Module, String> = modules(folder)
        .into_iter()
        .map(|(_, path, text)| (module_of(&path.to_string_lossy()), code(&text)))
        .collect();
    let named = |module: &Module, text: &str| {
        let paths = paths(text, module).into_iter().filter_map(|path| longest(&texts, path));
        paths.filter(|other| other != module).collect()
    };
    texts.iter().map(|(module, text)| (module.clone(), named(module, text))).collect()
}

fn module_of(path: &str) -> Module {
    let path = path.trim_end_matches(".rs").trim_end_matches("/mod");
    path.split('/').map(str::to_owned).collect()
}

/// Without comments and without the tests at the end.
fn code(text: &str) -> String {
    let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
    text.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

/// Every path that begins with `crate` or `super`, from the root; of `use a::{b, c}` each.
fn paths(text: &str, module: &Module) -> Vec<Module> {
    let mut found = Vec::new();
    for word in ["crate::", "super::"] {
        for (at, _) in text.match_indices(word) {
            let before = text[..at].chars().next_back().unwrap_or(' ');
            if before.is_alphanumeric() || before == '_' || before == ':' || before == '$' {
                continue;
            }
            found.extend(ends(&text[at..], module));
        }
    }
    found
}

/// The paths that one beginning leads to.
fn ends(text: &str, module: &Module) -> Vec<Module> {
    let is_path = |c: char| c.is_alphanumeric() || c == '_' || c == ':';
    let stem = &text[..text.find(|c| !is_path(c)).unwrap_or(text.len())];
    let mut path: Module = Vec::new();
    for (nth, segment) in stem.split("::").filter(|segment| !segment.is_empty()).enumerate() {
        match segment {
            "crate" => {}
            "super" if nth == 0 => path = module[..module.len() - 1].to_vec(),
            "super" => drop(path.pop()),
            segment => path.push(segment.to_owned()),
        }
    }
    let group = text[stem.len()..].strip_prefix('{').and_then(|rest| rest.split_once('}'));
    let Some((group, _)) = group.filter(|_| stem.ends_with("::")) else { return vec![path] };
    let first = |item: &str| item.trim().split([':', ' ']).next().unwrap_or_default().to_owned();
    group.split(',').map(|item| [path.clone(), vec![first(item)]].concat()).collect()
}

/// The module that a path leads into: the longest beginning that is one.
fn longest(texts: &BTreeMap<Module, String>, mut path: Module) -> Option<Module> {
    while !path.is_empty() && !texts.contains_key(&path) {
        path.pop();
    }
    (!path.is_empty()).then_some(path)
}

/// The circles: sets of nodes of which each leads to each other.
pub(crate) fn circles<N: Ord + Clone>(edges: &BTreeMap<N, BTreeSet<N>>) -> BTreeSet<BTreeSet<N>> {
    let reached: BTreeMap<&N, BTreeSet<&N>> = edges.keys().map(|node| (node, reach(edges, node))).collect();
    let circle = |node: &N| -> BTreeSet<N> {
        let mutual =
            reached[node].iter().filter(|other| reached.get(**other).is_some_and(|back| back.contains(node)));
        mutual.map(|other| (*other).clone()).collect()
    };
    edges.keys().map(circle).filter(|circle| circle.len() > 1).collect()
}

fn reach<'a, N: Ord>(edges: &'a BTreeMap<N, BTreeSet<N>>, from: &N) -> BTreeSet<&'a N> {
    let mut found = BTreeSet::new();
    let mut open: Vec<&N> = edges.get(from).into_iter().flatten().collect();
    while let Some(node) = open.pop() {
        if found.insert(node) {
            open.extend(edges.get(node).into_iter().flatten());
        }
    }
    found
}
