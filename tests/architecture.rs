//! Imports go down the floors only, and files stay readable.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// The floors, lowest first: words, sql, declare, run, faces.
const FLOORS: &[&[&str]] = &[
    &[
        "args",
        "backoff",
        "draft",
        "error",
        "job_id",
        "job_state",
        "nearest",
        "options",
        "outcome",
        "schema",
        "text",
        "time_zone",
        "topic",
        "whole",
    ],
    &["sql"],
    &["context", "job", "publish", "registry", "task", "admin", "inspect", "deploy", "testing"],
    &["worker"],
    &["cli", "private", "local_postgres"],
];

fn floor(module: &str) -> Option<usize> {
    FLOORS.iter().position(|floor| floor.contains(&module))
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

fn library() -> Vec<(String, PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../pgjobs/src");
    let mut files = Vec::new();
    sources(&root, &mut files);
    files
        .into_iter()
        .filter_map(|path| {
            let inside = path.strip_prefix(&root).unwrap();
            let module =
                inside.components().next()?.as_os_str().to_string_lossy().trim_end_matches(".rs").to_owned();
            let text = fs::read_to_string(&path).unwrap();
            (module != "lib" && module != "bin").then_some((module, inside.to_owned(), text))
        })
        .collect()
}

#[test]
fn imports_go_down_the_floors_only() {
    let mut upward = Vec::new();
    for (module, path, text) in library() {
        let here = floor(&module).unwrap_or_else(|| panic!("{module} stands on no floor"));
        for line in text.lines().filter(|line| line.trim_start().starts_with("use crate::")) {
            let target = line.trim_start().trim_start_matches("use crate::");
            let target = target.split(|c: char| !c.is_alphanumeric() && c != '_').next().unwrap_or_default();
            if floor(target).is_some_and(|there| there > here) {
                upward.push(format!("{}: {}", path.display(), line.trim()));
            }
        }
    }
    assert!(upward.is_empty(), "{}", upward.join("\n"));
}

#[test]
fn only_the_sql_floor_speaks_sql_to_the_schema() {
    let speakers: BTreeMap<_, _> = library()
        .into_iter()
        .filter(|(module, _, text)| {
            !matches!(module.as_str(), "sql" | "local_postgres" | "testing")
                && text.contains("sqlx::query(\"")
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
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let workspace = fs::read_to_string(root.join("Cargo.toml")).unwrap();
    assert!(workspace.contains("unsafe_code = \"forbid\""));
    let members = workspace.split_once("members = [").unwrap().1.split_once(']').unwrap().0;
    let members: Vec<_> = members.split('"').skip(1).step_by(2).collect();
    assert!(members.len() >= 7, "{members:?}");
    for member in members {
        let manifest = fs::read_to_string(root.join(member).join("Cargo.toml")).unwrap();
        let forbids =
            manifest.contains("[lints]\nworkspace = true") || manifest.contains("unsafe_code = \"forbid\"");
        assert!(forbids, "{member}");
    }
}

/// Foreign text is escaped where it is printed, so it is printed in one place: the console; and in the log's writer, whose
/// fields are escaped. `clap` prints its own errors, and a download says that it begins.
#[test]
fn only_the_console_prints() {
    const PRINTERS: [&str; 4] = [
        "cli/output/console.rs",
        "cli/output/redact.rs",
        "cli/output/progress.rs",
        "local_postgres/download.rs",
    ];
    let prints = |line: &&str| {
        let code = line.trim_start();
        let words = ["println!", "print!(", "eprint!(", "::stdout()", "::stderr()", "dbg!"];
        !code.starts_with("//")
            && words.iter().any(|word| code.contains(word))
            && !code.contains("is_terminal")
    };
    let found = library().into_iter().filter(|(_, path, text)| {
        !PRINTERS.iter().any(|printer| path == Path::new(printer)) && text.lines().any(|line| prints(&line))
    });
    let found: Vec<PathBuf> = found.map(|(_, path, _)| path).collect();
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn no_file_is_longer_than_three_hundred_lines() {
    let long: Vec<_> = library()
        .into_iter()
        .map(|(_, path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > 300)
        .collect();
    assert!(long.is_empty(), "{long:?}");
}

/// Functions of the sql floor that send an array without a `Chunk`, and what bounds it instead.
const BOUNDED_ARRAYS: &[(&str, &str, &str)] = &[
    ("claim.rs", "claim", "marks: one for each task and priority of the worker"),
    ("claim.rs", "fail_next", "names of the worker's tasks"),
    ("claim.rs", "start", "runs that begin, at most the worker's slots"),
    ("counts.rs", "lost", "names of the program's tasks"),
    ("deploy.rs", "in_use", "names of the program's tasks"),
    ("deploy.rs", "bodies", "deploy/sampling.rs asks for 20 jobs"),
    ("settle.rs", "settle", "worker/settle_loop.rs cuts by number and bytes"),
    ("worker.rs", "heartbeat", "runs that the worker holds"),
];

/// A statement that sends as many values as its caller has grows the server with them. Whoever writes the next one
/// takes a `Chunk`, or says here what bounds it.
#[test]
fn arrays_are_sent_in_chunks_or_have_a_bound() {
    let mut found = Vec::new();
    for (_, path, text) in library().into_iter().filter(|(module, ..)| module == "sql") {
        let file = path.file_name().unwrap().to_string_lossy().into_owned();
        let functions = text.split("\nasync fn ").flat_map(|part| part.split("\npub(crate) async fn "));
        for function in functions.skip(1).filter(|function| function.contains(".bind(")) {
            let (name, _) = function.split_once(['(', '<']).unwrap();
            let (signature, body) = function.split_once(" {\n").unwrap();
            let sends = signature.contains("&[") || body.contains("collect::<Vec<");
            if sends && !signature.contains("Chunk<") {
                found.push((file.clone(), name.to_owned()));
            }
        }
    }
    let said = |(file, name): &(String, String)| {
        BOUNDED_ARRAYS.iter().any(|(known, function, _)| known == file && function == name)
    };
    let unbounded: Vec<_> = found.iter().filter(|function| !said(function)).collect();
    assert!(unbounded.is_empty(), "these send arrays of any size: {unbounded:?}");
    let gone: Vec<_> = BOUNDED_ARRAYS
        .iter()
        .filter(|(file, name, _)| !found.contains(&((*file).to_owned(), (*name).to_owned())))
        .collect();
    assert!(gone.is_empty(), "these send no arrays any more: {gone:?}");
}

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
