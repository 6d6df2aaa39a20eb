//! The lists of pages: SUMMARY.md, the files, and those whose code is compiled.

use std::fs;

use crate::{pages, source};

/// Each page is in the table of contents, or nobody finds it, and in `docs/lib.rs`, or nothing compiles its code.
#[test]
fn each_page_is_listed_and_compiled() {
    let listed: Vec<String> = pages().into_iter().map(|page| page.path).collect();
    let compiled = fs::read_to_string(source().join("../lib.rs")).expect("docs/lib.rs");
    let mut folders = vec![source()];
    let (mut seen, mut missing) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).expect("a folder") {
            let path = entry.expect("an entry").path();
            if path.is_dir() {
                folders.push(path);
                continue;
            }
            let name = path.strip_prefix(source()).expect("below").display().to_string();
            if !name.ends_with(".md") || name == "SUMMARY.md" {
                continue;
            }
            seen += 1;
            if !listed.contains(&name) || !compiled.contains(&format!("\"{name}\"")) {
                missing.push(name);
            }
        }
    }
    assert!(seen > 20, "{seen} pages");
    assert!(missing.is_empty(), "not in SUMMARY.md or docs/lib.rs: {missing:?}");
}
