//! The lists of pages: SUMMARY.md, the files, those whose code is compiled, and llms.txt.

use crate::reference::files;
use crate::{pages, read};

/// Each page is in the table of contents, or nobody finds it, and in `docs/lib.rs`, or nothing compiles its code.
#[test]
fn each_page_is_listed_and_compiled() {
    let listed: Vec<String> = pages().into_iter().map(|page| page.path).collect();
    let compiled = read("docs/lib.rs");
    let (mut seen, mut missing) = (0, Vec::new());
    for (path, _) in files(&["docs/src"], ".md") {
        let name = path.trim_start_matches("docs/src/");
        if name == "SUMMARY.md" {
            continue;
        }
        seen += 1;
        if !listed.iter().any(|listed| listed == name) || !compiled.contains(&format!("\"{name}\"")) {
            missing.push(name.to_owned());
        }
    }
    assert!(seen > 20, "{seen} pages");
    assert!(missing.is_empty(), "not in SUMMARY.md or docs/lib.rs: {missing:?}");
}

/// Headings and links of a list of pages, in their order, without what stands behind a link.
fn outline(text: &str) -> Vec<String> {
    let lines = text.lines().map(str::trim);
    let kept = lines.filter_map(|line| match line.split_once("](") {
        Some((title, rest)) => {
            let page = rest.split(')').next()?.trim_end_matches(".md").trim_end_matches(".html");
            Some(format!("{} {page}", title.trim_start_matches("- ").trim_start_matches('[')))
        }
        None => line.starts_with('#').then(|| line.trim_start_matches('#').trim().to_owned()),
    });
    kept.collect()
}

/// A program that reads llms.txt finds what a person finds in the table of contents.
#[test]
fn llms_txt_lists_the_pages_of_the_summary_in_its_order() {
    let (summary, list) = (read("docs/src/SUMMARY.md"), read("docs/src/llms.txt"));
    let described = |line: &&str| line.split_once(".html): ").is_some_and(|(_, words)| words.len() > 20);
    let short: Vec<_> = list.lines().filter(|line| line.starts_with("- ") && !described(line)).collect();
    assert!(short.is_empty(), "without a description, or not to a page: {short:#?}");
    assert!(list.starts_with("# pgjobs\n\n> "), "a title, then a summary");
    // The titles: that of the list, and what stands before the first part of the book.
    let listed: Vec<String> =
        outline(&list).into_iter().filter(|line| line != "pgjobs" && line != "Start").collect();
    let wanted: Vec<String> = outline(&summary).into_iter().filter(|line| line != "Summary").collect();
    assert_eq!(listed, wanted);
}

/// What is indented is a block to a reader, and is overlooked by the tests here.
#[test]
fn each_block_of_code_begins_at_the_margin() {
    for page in pages() {
        for (at, line) in page.text.lines().enumerate() {
            let fence = line.trim_start().starts_with("```");
            assert!(!fence || line.starts_with("```"), "docs/src/{}:{}: indented", page.path, at + 1);
        }
    }
}

/// Rust that nothing compiles is wrong a release later. A test's function is compiled only in a harness for tests. Code
/// for other libraries, which the book does not depend on, stands in a block of `rs`.
#[test]
fn each_block_of_rust_is_compiled() {
    let (mut seen, mut found) = (0, Vec::new());
    for page in pages() {
        for block in page.blocks().iter().filter(|block| block.language.starts_with("rust")) {
            seen += 1;
            let has = |word| block.language.split(',').any(|part| part == word);
            let tests = ["#[test]", "#[pgjobs::test", "#[tokio::test"];
            let is_test = tests.iter().any(|attribute| block.code.contains(attribute));
            if has("ignore") || (is_test && !has("test_harness")) {
                found.push(format!("docs/src/{}:{}: {}", page.path, block.line, block.language));
            }
        }
    }
    assert!(seen > 30, "{seen} blocks");
    assert!(found.is_empty(), "`ignore`, or a test without `test_harness,no_run`: {found:#?}");
}
