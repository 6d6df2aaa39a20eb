//! `cargo test` needs Rust, a C linker and PostgreSQL's programs, and no other: a test that does stands behind a feature.
//!
//! CI runs the README's commands where the others are not to be found; here a test that starts one is named at once.

use std::fs;
use std::path::{Path, PathBuf};

/// Programs that every Unix has. PostgreSQL's own, and those of this workspace, are named by their paths.
const EVERYWHERE: [&str; 6] = ["/bin/sh", "kill", "pgrep", "script", "setpriv", "sleep"];

/// Programs that a fresh machine does not have, and that a test may start by a path that it looks up.
const ELSEWHERE: [&str; 8] = ["pgbouncer", "python3", "pip", "node", "npm", "pg_prove", "postrust", "docker"];

fn here() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The test programs that `cargo test` runs, and the library that they share.
fn roots() -> Vec<PathBuf> {
    let manifest = read(&here().join("Cargo.toml"));
    let tests = manifest.split("[[test]]").skip(1).map(|test| test.split("\n[").next().unwrap_or(test));
    let path = |test: &str| {
        let line = test.lines().find_map(|line| line.strip_prefix("path = "));
        here().join(line.expect("a path").trim_matches('"'))
    };
    let run = tests.filter(|test| !test.contains("required-features")).map(path);
    run.chain([here().join("support/lib.rs"), here().join("app/main.rs")]).collect()
}

/// A root and the files of its folder, if that is its own, without modules that are behind a feature.
fn sources(root: &Path) -> Vec<PathBuf> {
    let mut files = vec![root.to_owned()];
    if root.ends_with("main.rs") || root.ends_with("lib.rs") {
        let text = read(root);
        let lines = text.lines().zip(text.lines().skip(1));
        let gated = lines.filter(|(first, _)| first.starts_with("#[cfg(feature"));
        let gated = gated
            .filter_map(|(_, second)| second.strip_prefix("mod ")?.strip_suffix(';'))
            .collect::<Vec<_>>();
        collect(root.parent().expect("its folder"), &mut files);
        files.retain(|file| !file.file_stem().is_some_and(|stem| gated.iter().any(|module| stem == *module)));
    }
    files
}

fn collect(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            collect(&path, files);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

/// What the text names between `before` and the next quotation mark.
fn named<'t>(text: &'t str, before: &str) -> Vec<&'t str> {
    text.split(before).skip(1).filter_map(|rest| rest.split('"').next()).collect()
}

/// Is the program started under another name of `Command`, or looked up in folders? A key "node" of JSON is neither.
fn looks_up(text: &str, program: &str) -> bool {
    [format!("new(\"{program}\")"), format!("join(\"{program}\")")].iter().any(|call| text.contains(call))
}

#[test]
fn a_program_that_is_looked_up_is_seen_and_a_key_of_json_is_not() {
    assert!(looks_up(r#"Tool::new("node")"#, "node") && looks_up(r#"folder.join("pgbouncer")"#, "pgbouncer"));
    assert!(!looks_up(r#"json!({"node": "npm"})"#, "node"));
}

#[test]
fn no_test_of_the_readme_starts_a_program_that_a_machine_may_lack() {
    let roots = roots();
    assert!(roots.len() > 10, "{roots:?}");
    let mut found = Vec::new();
    for file in roots.iter().flat_map(|root| sources(root)) {
        if file.ends_with("fresh_machine.rs") {
            continue;
        }
        let text = read(&file);
        let started = named(&text, "Command::new(\"").into_iter().filter(|name| !EVERYWHERE.contains(name));
        let looked_up = ELSEWHERE.into_iter().filter(|name| looks_up(&text, name));
        found.extend(started.chain(looked_up).map(|name| format!("{}: {name}", file.display())));
    }
    assert!(found.is_empty(), "put these behind a feature (CONTRIBUTING.md):\n{}", found.join("\n"));
}

/// The features of the tests that need more than a fresh machine has.
fn everything(manifest: &str) -> Vec<&str> {
    let line = manifest.lines().find(|line| line.starts_with("everything = ")).expect("the feature");
    line.split('"').skip(1).step_by(2).collect()
}

#[test]
fn contributors_read_what_each_feature_runs_and_requires() {
    let manifest = read(&here().join("Cargo.toml"));
    let guide = read(&here().join("../CONTRIBUTING.md"));
    for feature in everything(&manifest) {
        assert!(guide.contains(&format!("| `{feature}` |")), "{feature} has no row in CONTRIBUTING.md");
    }
}

#[test]
fn what_is_behind_a_feature_is_run_by_ci() {
    let manifest = read(&here().join("Cargo.toml"));
    let steps = fs::read_dir(here().join("../.ci/steps")).expect("the steps of CI");
    let script = steps.map(|step| read(&step.expect("a step").path())).collect::<String>();
    let everything = everything(&manifest);
    for test in manifest.split("[[test]]").skip(1).filter(|test| test.contains("required-features")) {
        let (name, feature) = (named(test, "name = \"")[0], named(test, "required-features = [\"")[0]);
        assert!(everything.contains(&feature), "{feature} is no part of `everything`");
        assert!(script.contains(&format!("--test {name}")), "no step of CI runs {name}");
    }
}
