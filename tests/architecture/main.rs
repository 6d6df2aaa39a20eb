//! How the code is laid out: imports go down the floors, folders form no circles, files stay readable, and what the
//! documentation and ARCHITECTURE.md name exists.

mod arrays;
mod crates;
mod documents;
mod graph;
mod guide;
mod imports;
mod links;
mod markup;
mod names;
mod steps;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The root of the repository.
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("..")
}

fn sources(dir: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, found);
        } else if path.extension().is_some_and(|ext| ext == "rs") {
            found.push(path);
        }
    }
}

/// The files of pgjobs itself.
fn library() -> Vec<(String, PathBuf, String)> {
    modules("pgjobs/src")
}

/// The files of a library, each with its module at the root.
fn modules(folder: &str) -> Vec<(String, PathBuf, String)> {
    let files = files_of(folder).into_iter().filter_map(|(path, text)| {
        let module =
            path.components().next()?.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
        (module != "lib" && module != "bin").then_some((module, path, text))
    });
    files.collect()
}

/// The files of what is published as a library, by their names in the repository.
fn shipped() -> impl Iterator<Item = (PathBuf, String)> {
    ["pgjobs/src", "pgjobs-codegen/src", "pgjobs-local-postgres/src"].into_iter().flat_map(|folder| {
        files_of(folder).into_iter().map(move |(path, text)| (Path::new(folder).join(path), text))
    })
}

fn files_of(folder: &str) -> Vec<(PathBuf, String)> {
    let root = root().join(folder);
    let mut files = Vec::new();
    sources(&root, &mut files);
    let inside = |path: PathBuf| {
        let text = fs::read_to_string(&path).unwrap();
        (path.strip_prefix(&root).unwrap().to_owned(), text)
    };
    files.into_iter().map(inside).collect()
}

#[test]
fn only_the_db_floor_speaks_sql_to_the_schema() {
    let speakers: BTreeMap<_, _> = library()
        .into_iter()
        .filter(|(module, _, text)| {
            !matches!(module.as_str(), "db" | "testing") && text.contains("sqlx::query(\"")
        })
        .map(|(_, path, text)| (path, text))
        .filter(|(_, text)| {
            text.lines().any(|line| !line.trim_start().starts_with("//") && line.contains("sqlx::query(\""))
        })
        .collect();
    let speakers: Vec<_> = speakers.keys().collect();
    assert!(speakers.is_empty(), "{speakers:?}");
}

#[test]
fn every_crate_of_the_workspace_forbids_unsafe_code() {
    let root = root();
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let members = workspace.split_once("members = [").unwrap().1.split_once(']').unwrap().0;
    let members: Vec<_> = members.split('"').skip(1).step_by(2).collect();
    assert!(members.len() >= 9, "{members:?}");
    for member in members {
        let manifest = fs::read_to_string(root.join(member).join("Cargo.toml")).unwrap();
        let forbids =
            manifest.contains("[lints]\nworkspace = true") || manifest.contains("unsafe_code = \"forbid\"");
        assert!(forbids, "{member}");
    }
}

/// Foreign text is escaped where it is printed, so it is printed in one place: the console; and in the log's writer, whose
/// fields are escaped. `clap` prints its own errors, a download says that it begins, and a test's output has what its jobs failed with.
#[test]
fn only_the_console_prints() {
    const PRINTERS: [&str; 5] = [
        "pgjobs/src/cli/output/console.rs",
        "pgjobs/src/cli/output/redact.rs",
        "pgjobs/src/cli/output/progress.rs",
        "pgjobs/src/testing/report.rs",
        "pgjobs-local-postgres/src/download.rs",
    ];
    let prints = |line: &&str| {
        let code = line.trim_start();
        let words = ["println!", "print!(", "eprint!(", "::stdout()", "::stderr()", "dbg!"];
        !code.starts_with("//")
            && words.iter().any(|word| code.contains(word))
            && !code.contains("is_terminal")
    };
    let found = shipped().filter(|(path, text)| {
        !PRINTERS.iter().any(|printer| path == Path::new(printer)) && text.lines().any(|line| prints(&line))
    });
    let found: Vec<PathBuf> = found.map(|(path, _)| path).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn no_file_is_longer_than_three_hundred_lines() {
    let long: Vec<_> = shipped()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 300)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}
