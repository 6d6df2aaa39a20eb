//! Links of the documentation: a relative one leads to a file and a heading that exist, and the book has every page.

use std::fs;
use std::path::{Path, PathBuf};

use crate::root;

/// Every Markdown file of the repository, without what builds leave, and without those that are part of the
/// documentation of the library, whose links rustdoc checks.
fn pages() -> Vec<PathBuf> {
    let (mut pages, mut folders) = (Vec::new(), vec![root()]);
    let library = root().join("pgjobs/src");
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if path == library {
                continue;
            } else if path.is_dir() && !matches!(name.as_str(), "target" | "node_modules" | ".git") {
                folders.push(path);
            } else if name.ends_with(".md") {
                pages.push(path);
            }
        }
    }
    pages
}

/// The lines of a page that are not code.
fn prose(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let mut in_code = false;
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        !fence && !in_code
    });
    lines.map(str::to_owned).collect()
}

/// The relative links of a page, each as path and anchor.
fn links(page: &Path) -> Vec<(String, String)> {
    let mut found = Vec::new();
    for line in prose(page) {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets.filter(|target| !target.contains("://")) {
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            found.push((path.to_owned(), anchor.to_owned()));
        }
    }
    found
}

/// The anchors of a page's headings, as renderers make them: lower case, a hyphen for each space, no other punctuation.
fn anchors(page: &Path) -> Vec<String> {
    let headings = prose(page).into_iter().filter(|line| line.starts_with('#'));
    let anchor = |heading: String| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect()
    };
    headings.map(anchor).collect()
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let (mut seen, mut broken) = (0, Vec::new());
    for page in pages() {
        for (path, anchor) in links(&page) {
            seen += 1;
            let target = if path.is_empty() { page.clone() } else { page.parent().unwrap().join(&path) };
            let found = target.exists() && (anchor.is_empty() || anchors(&target).contains(&anchor));
            if !found {
                broken.push(format!("{}: {path}#{anchor}", page.display()));
            }
        }
    }
    assert!(seen > 50, "{seen} links");
    assert!(broken.is_empty(), "no such file or heading:\n{}", broken.join("\n"));
}

/// A page of the book is shown by nothing but the summary, and a link from it to outside of the book leads nowhere.
#[test]
fn the_book_has_every_page_and_links_only_to_its_own() {
    let book = root().join("docs/src");
    let listed = links(&book.join("SUMMARY.md")).into_iter().map(|(path, _)| path).collect::<Vec<_>>();
    let pages = pages().into_iter().filter(|page| page.starts_with(&book)).collect::<Vec<_>>();
    assert!(pages.len() > 8, "{pages:?}");
    for page in pages {
        let name = page.strip_prefix(&book).unwrap().to_string_lossy().into_owned();
        assert!(name == "SUMMARY.md" || listed.contains(&name), "SUMMARY.md does not list {name}");
        let outside = links(&page).into_iter().filter(|(path, _)| path.starts_with(".."));
        assert_eq!(outside.collect::<Vec<_>>(), [], "{name} links to what is not in the book");
    }
}
