//! Names of tests: sentences that can be read at a glance.

use std::path::{Path, PathBuf};

use crate::files_of;

/// Every test of the workspace: its file and its name.
fn tests() -> Vec<(PathBuf, String)> {
    let folders =
        ["tests", "pgjobs/src", "pgjobs-macros/src", "pgjobs-local-postgres/src", "migrations", "fuzz"];
    let mut found = Vec::new();
    for folder in folders {
        for (path, text) in files_of(folder) {
            let path = Path::new(folder).join(path);
            found.extend(tests_in(&text).map(|name| (path.clone(), name)));
        }
    }
    found
}

/// The functions with an attribute `test`, `tokio::test` or `pgjobs::test`.
fn tests_in(text: &str) -> impl Iterator<Item = String> + '_ {
    let is_test =
        |rest: &&str| ["test]", "tokio::test", "pgjobs::test"].iter().any(|name| rest.starts_with(name));
    let attributes = text.split("#[").filter(is_test);
    attributes.filter_map(|rest| Some(rest.split_once("fn ")?.1.split_once('(')?.0.to_owned()))
}

#[test]
fn names_of_tests_are_shorter_than_seventy_letters() {
    let tests = tests();
    assert!(tests.len() > 700, "{} tests", tests.len());
    let long: Vec<_> = tests.iter().filter(|(_, name)| name.len() >= 70).collect();
    assert!(long.is_empty(), "{long:#?}");
}
