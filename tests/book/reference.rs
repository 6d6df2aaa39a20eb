//! What the pages of `docs/src/reference` are compared with.

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use crate::{read, root};

pub(crate) fn page(name: &str) -> String {
    read(&format!("docs/src/reference/{name}"))
}

/// The files below these folders that end so, each with its path below the root.
pub(crate) fn files(folders: &[&str], end: &str) -> Vec<(String, String)> {
    let mut left: Vec<PathBuf> = folders.iter().map(|folder| root().join(folder)).collect();
    let mut found = Vec::new();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            left.extend(fs::read_dir(path).expect("a folder").map(|entry| entry.expect("an entry").path()));
        } else if path.to_str().is_some_and(|path| path.ends_with(end)) {
            let text = fs::read_to_string(&path).expect("a text");
            let path = path.strip_prefix(root()).expect("below the root").display().to_string();
            found.push((path, text));
        }
    }
    assert!(!found.is_empty(), "{folders:?}");
    found.sort();
    found
}

/// The part of a page below a heading, which is given with its `#`s, up to the next one of its rank.
pub(crate) fn section<'t>(text: &'t str, heading: &str) -> &'t str {
    let start = text.find(&format!("\n{heading}\n")).unwrap_or_else(|| panic!("no heading `{heading}`"));
    let below = &text[start + heading.len() + 2..];
    let rank = heading.split(' ').next().unwrap_or_default();
    below.find(&format!("\n{rank} ")).map_or(below, |end| &below[..end])
}

/// The code in the first column of the tables of a text.
pub(crate) fn first_column(text: &str) -> BTreeSet<String> {
    let cells = text.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    cells.flat_map(quoted).collect()
}

/// What stands between backticks.
pub(crate) fn quoted(text: &str) -> Vec<String> {
    text.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

/// Compares a page, or a part of it, with what the code says; with `BLESS` it is written.
pub(crate) fn is_generated(name: &str, wanted: &str) {
    let path = root().join("docs/src/reference").join(name);
    if std::env::var_os("BLESS").is_some_and(|bless| bless != "0") {
        fs::write(&path, wanted).unwrap_or_else(|error| panic!("{name}: {error}"));
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let at = wanted.lines().zip(found.lines()).position(|(wanted, found)| wanted != found);
    let at = at.unwrap_or_else(|| wanted.lines().count().min(found.lines().count()));
    assert!(
        found == wanted,
        "{name} is not what the code says, from line {} on; `BLESS=1 cargo test -p pgjobs-tests --test book` writes it:\n\
         wanted: {:?}\nfound:  {:?}",
        at + 1,
        wanted.lines().nth(at),
        found.lines().nth(at)
    );
}
