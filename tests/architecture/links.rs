//! Links of the documentation: one to a file of the repository leads to a file and a heading that exist, and those of the book
//! to its own pages.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Component, Path, PathBuf};

use crate::root;

/// Where a reader of the built book finds files that are no pages of it. `tree` is what the site calls a folder.
const REPOSITORY: [&str; 2] =
    ["https://github.com/pgjobs/pgjobs/blob/main/", "https://github.com/pgjobs/pgjobs/tree/main/"];

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

/// The lines of a page that are neither code nor a comment.
fn prose(page: &Path) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap_or_else(|error| panic!("{}: {error}", page.display()));
    let (mut in_code, mut in_comment) = (false, false);
    let lines = text.lines().filter(|line| {
        let fence = line.trim_start().starts_with("```");
        in_code ^= fence;
        in_comment |= line.starts_with("<!--");
        let hidden = fence || in_code || in_comment;
        in_comment &= !line.contains("-->");
        !hidden
    });
    lines.map(str::to_owned).collect()
}

/// The links of a page to files, each as path, from the page or from the root of the repository, and anchor.
fn links(page: &Path) -> Vec<(PathBuf, String, String)> {
    let folder = page.parent().unwrap();
    let mut found = Vec::new();
    for line in prose(page) {
        let targets = line.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        for target in targets {
            let inside = REPOSITORY.iter().find_map(|base| target.strip_prefix(base));
            let (base, target) = match inside {
                Some(path) => (root(), path),
                None if target.contains("://") => continue,
                None => (folder.to_owned(), target),
            };
            let (path, anchor) = target.split_once('#').unwrap_or((target, ""));
            let file = if path.is_empty() { page.to_owned() } else { base.join(path) };
            found.push((file, anchor.to_owned(), target.to_owned()));
        }
    }
    found
}

/// The anchors of a page's headings, as renderers make them: lower case, a hyphen for each space, no other punctuation; a
/// heading that is there already gets a number.
fn anchors(page: &Path) -> Vec<String> {
    let headings = prose(page).into_iter().filter(|line| line.starts_with('#'));
    let mut seen: BTreeMap<String, u32> = BTreeMap::new();
    let anchor = |heading: String| {
        let kept = heading.trim_start_matches('#').trim().to_lowercase().replace(' ', "-");
        let kept: String = kept.chars().filter(|c| c.is_alphanumeric() || matches!(c, '-' | '_')).collect();
        let times = seen.entry(kept.clone()).and_modify(|times| *times += 1).or_default();
        if *times == 0 { kept } else { format!("{kept}-{times}") }
    };
    headings.map(anchor).collect()
}

#[test]
fn every_relative_link_leads_to_a_file_and_a_heading() {
    let (mut seen, mut with_anchor, mut broken) = (0, 0, Vec::new());
    for page in pages() {
        for (file, anchor, target) in links(&page) {
            seen += 1;
            with_anchor += u32::from(!anchor.is_empty());
            let heading =
                |anchor| file.extension().is_none_or(|e| e != "md") || anchors(&file).contains(anchor);
            if !(file.exists() && (anchor.is_empty() || heading(&anchor))) {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    assert!(seen > 200 && with_anchor > 10, "{seen} links, {with_anchor} with anchors");
    assert!(broken.is_empty(), "no such file or heading:\n{}", broken.join("\n"));
}

/// A path without its `..`, which mean the folder before them.
fn normal(path: &Path) -> PathBuf {
    path.components().fold(PathBuf::new(), |mut normal, part| {
        match part {
            Component::ParentDir if normal.file_name().is_some() => drop(normal.pop()),
            part => normal.push(part),
        }
        normal
    })
}

/// The built book has the pages that SUMMARY.md lists, and what is no page (images) beside them. So its links lead to these,
/// and to everything else of the repository by its address there.
#[test]
fn the_book_links_to_its_own_pages_or_to_addresses() {
    let book = normal(&fs::canonicalize(root().join("docs/src")).unwrap());
    let listed: Vec<PathBuf> =
        links(&book.join("SUMMARY.md")).into_iter().map(|(path, ..)| normal(&path)).collect();
    assert!(listed.len() > 30, "{listed:?}");
    let mut broken = Vec::new();
    for page in &listed {
        let relative = links(page).into_iter().filter(|(file, ..)| !file.starts_with(root()));
        for (file, _, target) in relative {
            let file = normal(&file);
            let is_page = file.extension().is_some_and(|extension| extension == "md");
            if !file.starts_with(&book) || (is_page && !listed.contains(&file)) {
                broken.push(format!("{}: {target}", page.display()));
            }
        }
    }
    let remedy = format!("not in the book; give its address: {}…", REPOSITORY[0]);
    assert!(broken.is_empty(), "{remedy}\n{}", broken.join("\n"));
}
