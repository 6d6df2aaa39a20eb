//! Commands and tests that the documentation names.

use std::fs;
use std::path::Path;

use crate::sources;

/// The tests of a target, each as `module::name`: of a file or a folder of this package, or of the library.
fn tests_of(target: &str) -> Vec<String> {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let root = if target == "pgjobs" { here.join("../pgjobs/src") } else { here.join(target) };
    let mut files = Vec::new();
    if root.is_dir() {
        sources(&root, &mut files);
    } else {
        files.push(here.join(format!("{target}.rs")));
    }
    let mut tests = Vec::new();
    for file in files {
        let module = file.strip_prefix(&root).map(|path| path.with_extension("")).unwrap_or_default();
        let module = module.to_string_lossy().replace('/', "::");
        let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{target}: {error}"));
        let names = text.split("fn ").skip(1).filter_map(|rest| rest.split(['(', '<']).next());
        tests.extend(names.map(|name| format!("{module}::{name}")));
    }
    tests
}

/// The target and the filters of a command that runs tests; none of any other text.
fn filters(command: &str) -> Option<(&str, Vec<&str>)> {
    let words: Vec<&str> = command.split_whitespace().collect();
    let after =
        |option: &str| words.iter().position(|word| *word == option).map(|at| (at, words.get(at + 1)));
    let (at, target) = match (after("--test"), after("-p")) {
        (Some((at, Some(target))), _) => (at, *target),
        (None, Some((at, Some(target)))) if command.contains("cargo test") && *target == "pgjobs" => {
            (at, *target)
        }
        _ => return None,
    };
    let filters = words[at + 2..].iter().copied().filter(|word| !word.starts_with('-'));
    target.chars().all(|c| c.is_ascii_lowercase() || c == '_').then(|| (target, filters.collect()))
}

/// Whoever reads that a statement is held by a test can run that test.
#[test]
fn every_test_that_the_documentation_names_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let (mut files, mut folders) =
        (vec![root.join("README.md"), root.join("CONTRIBUTING.md")], vec![root.join("docs")]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "md") {
                files.push(path);
            }
        }
    }
    let (mut seen, mut missing) = (0, Vec::new());
    for file in files {
        let text = fs::read_to_string(&file).unwrap();
        for line in text.lines() {
            // Code in a sentence stands between backticks; in a block it is the line.
            let spans = line.split('`').skip(1).step_by(2);
            for (target, filters) in
                spans.chain([line].into_iter().filter(|line| !line.contains('`'))).filter_map(filters)
            {
                let tests = tests_of(target);
                seen += 1;
                let absent =
                    filters.iter().filter(|filter| !tests.iter().any(|test| test.contains(**filter)));
                missing.extend(absent.map(|filter| format!("{}: {target} {filter}", file.display())));
            }
        }
    }
    assert!(seen > 20, "{seen} commands");
    assert!(missing.is_empty(), "{}", missing.join("\n"));
}

/// The table of promises names a target and a test, cut by an ellipsis.
#[test]
fn every_test_of_a_promise_exists() {
    let text =
        fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../docs/src/promises.md")).unwrap();
    let mut seen = 0;
    for line in text.lines().filter(|line| line.starts_with("| P")) {
        let mut target = "";
        for span in line.split('`').skip(1).step_by(2) {
            let (of, name) = span.split_once(' ').unwrap_or((target, span));
            (target, seen) = (of, seen + 1);
            let name = name.trim_end_matches('…');
            if !name.starts_with("jobs.") {
                assert!(tests_of(target).iter().any(|test| test.contains(name)), "{target} {name}: {line}");
            }
        }
    }
    assert!(seen > 8, "{seen}");
}

/// The tables of reliability.md quote tests as `module::name`, and modules of the library with tests.
#[test]
fn every_test_quoted_with_its_module_exists() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = fs::read_to_string(root.join("../docs/src/reliability.md")).unwrap();
    let mut tests = tests_of("pgjobs");
    for entry in fs::read_dir(root).unwrap() {
        let path = entry.unwrap().path();
        let is_target = path.join("main.rs").is_file() || path.extension().is_some_and(|e| e == "rs");
        if let Some(target) = path.file_stem().and_then(|name| name.to_str()).filter(|_| is_target) {
            tests.extend(tests_of(target));
        }
    }
    let quoted: Vec<&str> = text.split('`').skip(1).step_by(2).filter(|span| span.contains("::")).collect();
    let is_test = |span: &&str| {
        span.split("::")
            .all(|part| part.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_'))
    };
    let missing: Vec<_> = quoted
        .iter()
        .filter(|span| is_test(span))
        .filter(|span| !tests.iter().any(|test| format!("::{test}::").contains(&format!("::{span}::"))))
        .collect();
    assert!(quoted.len() > 20, "{quoted:?}");
    assert!(missing.is_empty(), "{missing:#?}");
}
