//! What `#[task]` refuses, and in which words: one mistake a file, in `ui/fail`.
//!
//! The words are rustc's in part, so they hold for the stable compiler of the day, and the comparison is
//! behind the feature `ui`. `TRYBUILD=overwrite cargo test -p pgjobs-tests --features ui --test ui` rewrites them, to be
//! read like code.

// The accepted shapes are short; `ui/pass/strict.rs` turns these lints on again.
#![allow(missing_docs, unreachable_pub)]

#[cfg(feature = "ui")]
#[test]
fn every_mistake_is_explained_where_it_was_made() {
    trybuild::TestCases::new().compile_fail("ui/fail/*.rs");
}

#[path = "ui/pass/mod.rs"]
pub mod pass;

/// The table of `ui/README.md`: at least forty mistakes, each with a file.
#[test]
fn the_table_of_mistakes_names_files_that_exist() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("ui");
    let readme = std::fs::read_to_string(folder.join("README.md")).expect("ui/README.md");
    let rows: Vec<&str> = readme.lines().filter(|line| line.starts_with("| ")).skip(1).collect();
    assert!(rows.len() >= 40, "{}", rows.len());
    for row in rows {
        let files = row.split(" | ").nth(1).unwrap_or_default();
        let files: Vec<&str> = files.split('`').skip(1).step_by(2).collect();
        assert!(!files.is_empty(), "{row}");
        for file in files {
            assert!(folder.join(format!("fail/{file}.rs")).exists(), "{file}");
        }
    }
}
