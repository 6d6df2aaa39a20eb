//! The tables of Cargo features, in the book and at the root of the reference, have each feature.

use std::collections::BTreeSet;

use crate::read;
use crate::reference::{first_column, page, section};

fn features() -> BTreeSet<String> {
    let manifest = read("pgjobs/Cargo.toml");
    let part = section(&manifest, "[features]");
    let part = part.split("\n[").next().unwrap_or_default();
    let lines = part.lines().filter(|line| !line.starts_with('#'));
    lines.filter_map(|line| line.split_once(" = ")).map(|(name, _)| name.to_owned()).collect()
}

#[test]
fn each_cargo_feature_is_explained_and_no_other() {
    let mut features = features();
    assert!(features.remove("default") && features.len() > 10, "{features:?}");
    assert_eq!(first_column(section(&page("features.md"), "## Features of pgjobs")), features);
    let root = read("pgjobs/src/tour.md");
    assert_eq!(first_column(section(&root, "# Features")), features);
}

/// A feature that brings others says so.
#[test]
fn the_page_says_which_features_others_bring() {
    let manifest = read("pgjobs/Cargo.toml");
    let page = page("features.md");
    let mut seen = 0;
    for line in section(&manifest, "[features]").split("\n[").next().unwrap_or_default().lines() {
        let Some((name, rest)) = line.split_once(" = [") else { continue };
        let brings = rest.split('"').skip(1).step_by(2).filter(|one| features().contains(*one));
        let row = page.lines().find(|line| line.starts_with("| ") && line.contains(&format!("`{name}`")));
        for other in brings {
            seen += 1;
            assert!(row.is_some_and(|row| row.contains(&format!("with `{other}`"))), "{name} brings {other}");
        }
    }
    assert!(seen > 4, "{seen}");
}

#[test]
fn the_page_says_which_rust_is_needed() {
    let manifest = read("Cargo.toml");
    let version = manifest.split("rust-version = \"").nth(1).and_then(|rest| rest.split('"').next());
    let version = version.expect("rust-version");
    for text in [page("features.md"), read("pgjobs/src/tour.md")] {
        assert!(text.contains(&format!("Rust {version}")), "Rust {version}");
    }
}

/// What a reader copies into a Cargo.toml is this release.
#[test]
fn the_pages_name_the_version_of_this_release() {
    let manifest = read("Cargo.toml");
    let version = manifest.split("\nversion = \"").nth(1).and_then(|rest| rest.split('"').next());
    let version = version.and_then(|version| version.rsplit_once('.')).expect("a version").0;
    let mut pages = crate::reference::files(&["docs/src", "README.md", "pgjobs/README.md"], ".md");
    pages.extend(crate::reference::files(&["pgjobs/src"], ".md"));
    let mut seen = 0;
    for (path, text) in pages {
        for line in text.lines().filter(|line| line.starts_with("pgjobs") && line.contains(" = ")) {
            // A path, or a version alone: `pgjobs = "0.3"`.
            let short = line.split_once(" = ").and_then(|(_, value)| value.strip_prefix('"'));
            let named = line.split("version = \"").nth(1).or(short);
            if let Some(named) = named.and_then(|rest| rest.split('"').next()) {
                seen += 1;
                assert!(named.trim_start_matches('=').starts_with(version), "{path}: {line}");
            }
        }
    }
    assert!(seen > 1, "{seen}");
}
