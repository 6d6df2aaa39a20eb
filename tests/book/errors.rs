//! The page of errors has each code that the code has, and no other.

use std::collections::{BTreeMap, BTreeSet};

use crate::read;
use crate::reference::{files, first_column, page, quoted, section};

/// The SQLSTATEs that a text of SQL raises. What it raises to itself (`PT000`, `PT001`) is caught.
fn raised(sql: &str) -> BTreeSet<String> {
    let sql: Vec<&str> = sql.lines().filter(|line| !line.trim_start().starts_with("--")).collect();
    let sql = sql.join("\n");
    let mut codes: BTreeSet<String> = BTreeSet::new();
    for part in sql.split('\'').skip(1).step_by(2) {
        if part.len() == 5 && part.starts_with("PT") && !part.starts_with("PT00") {
            codes.insert(part.to_owned());
        }
    }
    let named = sql.split("raise sqlstate '").skip(1).filter_map(|rest| rest.split('\'').next());
    codes.extend(named.filter(|code| !code.starts_with("PT")).map(str::to_owned));
    if sql.lines().any(|line| line.contains("raise exception '")) {
        codes.insert("P0001".to_owned());
    }
    codes
}

#[test]
fn each_sqlstate_of_the_schema_is_explained_and_no_other() {
    let mut codes = BTreeSet::new();
    for (_, sql) in
        files(&["migrations/functions", "migrations/conditions.sql", "migrations/ledger.sql"], ".sql")
    {
        codes.extend(raised(&sql));
    }
    let page = page("errors.md");
    let part = section(&page, "## SQLSTATEs of schema `jobs`");
    let explained: BTreeSet<String> =
        part.lines().filter_map(|line| Some(line.strip_prefix("### ")?.to_owned())).collect();
    assert!(codes.len() > 8, "{codes:?}");
    assert_eq!(explained, codes);
    for code in explained {
        assert!(section(part, &format!("### {code}")).contains("emedy"), "{code} has no remedy");
    }
}

#[test]
fn what_a_function_raises_to_itself_is_caught_there() {
    for (path, sql) in files(&["migrations/functions"], ".sql") {
        for code in ["PT000", "PT001"] {
            let raised = sql.contains(&format!("raise sqlstate '{code}'"));
            assert!(!raised || sql.contains(&format!("when sqlstate '{code}'")), "{path}: {code}");
        }
    }
}

#[test]
fn what_postgresql_refuses_with_a_remedy_of_ours_is_explained() {
    let driver = read("pgjobs/src/types/error/driver.rs");
    let from = read("pgjobs/src/types/error.rs");
    let is_code = |text: &&str| {
        text.len() == 5
            && text.starts_with(|c: char| c.is_ascii_digit())
            && text.chars().all(|c| c.is_ascii_digit() || c.is_ascii_uppercase())
    };
    let known: BTreeSet<String> =
        [driver, from].iter().flat_map(|text| text.split('"')).filter(is_code).map(str::to_owned).collect();
    let page = page("errors.md");
    assert_eq!(first_column(section(&page, "## What PostgreSQL itself refuses")), known);
}

/// The variants of an enum, as its source lists them.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let start = source.find(&format!("pub enum {name} {{")).unwrap_or_else(|| panic!("no enum {name}"));
    let body = &source[start..];
    let body = &body[..body.find("\n}").expect("its end")];
    let lines = body.lines().filter_map(|line| line.strip_prefix("    "));
    let names = lines.filter(|line| line.starts_with(|c: char| c.is_ascii_uppercase()));
    names.filter_map(|line| line.split(|c: char| !c.is_alphanumeric()).next()).map(str::to_owned).collect()
}

/// Where each enum is, by its heading.
const ENUMS: [(&str, &str, &str); 7] = [
    ("## `pgjobs::Error`", "pgjobs/src/types/error.rs", "Error"),
    ("## `pgjobs::workflow::WorkflowError`", "pgjobs/src/types/workflow_error.rs", "WorkflowError"),
    ("## `pgjobs::StepError`", "pgjobs/src/types/step_error.rs", "StepError"),
    ("## `pgjobs::testing::TestError`", "pgjobs/src/testing/error.rs", "TestError"),
    (
        "## `pgjobs::local_postgres::LocalPostgresError`",
        "pgjobs-local-postgres/src/error.rs",
        "LocalPostgresError",
    ),
    ("## `pgjobs_migrations::Error`", "migrations/apply.rs", "Error"),
    ("## `pgjobs_codegen::Error`", "pgjobs-codegen/src/error.rs", "Error"),
];

#[test]
fn each_variant_of_each_error_is_explained_and_no_other() {
    let page = page("errors.md");
    for (heading, path, name) in ENUMS {
        let rows =
            section(&page, heading).lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
        let explained: BTreeSet<String> = rows.flat_map(quoted).collect();
        assert_eq!(explained, variants(&read(path), name), "{heading}");
    }
}

#[test]
fn each_public_enum_of_errors_has_its_part() {
    let folders = ["pgjobs/src", "pgjobs-local-postgres/src", "pgjobs-codegen/src", "migrations"];
    let mut found = BTreeSet::new();
    for (path, text) in files(&folders, ".rs") {
        // What clients get that are written by `pgjobs codegen` is theirs.
        if path.contains("/runtime/") {
            continue;
        }
        for rest in text.split("\npub enum ").skip(1) {
            let name = rest.split(' ').next().unwrap_or_default();
            if name.ends_with("Error") {
                found.insert((path.clone(), name.to_owned()));
            }
        }
    }
    let listed = ENUMS.iter().map(|(_, path, name)| ((*path).to_owned(), (*name).to_owned()));
    assert_eq!(found, listed.collect());
}

#[test]
fn the_code_of_each_error_leads_to_its_row() {
    let code = read("pgjobs/src/types/error/code.rs");
    let arms = code.lines().filter_map(|line| {
        let (variant, name) = line.trim().split_once(" => \"")?;
        let variant = variant.split("::").nth(1)?.split(|c: char| !c.is_alphanumeric()).next()?;
        Some((variant.to_owned(), name.split('"').next()?.to_owned()))
    });
    let page = page("errors.md");
    let mut seen = 0;
    for (variant, name) in arms {
        seen += 1;
        let row = format!("| <a id=\"{name}\"></a>`{variant}` | `{name}` |");
        assert!(page.contains(&row), "no row begins with {row}");
    }
    assert!(seen > 25, "{seen}");
}

/// The words that are the code of a reason in the source of a function that explains something.
fn codes_of_reasons(function: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    let mut add = |text: &str| {
        let word = text.split('\'').next().unwrap_or_default();
        if !word.is_empty() && word.bytes().all(|b| b.is_ascii_lowercase() || b == b'_') {
            found.insert(word.to_owned());
        }
    };
    function.split("row('").skip(1).for_each(&mut add);
    let lines: Vec<&str> = function.lines().map(str::trim).collect();
    for (at, line) in lines.iter().enumerate() {
        let first = line.strip_prefix("select ").unwrap_or(line);
        if line.starts_with("select '") && !line.starts_with("select 'tick_'") {
            add(&line["select '".len()..]);
        }
        // A case that chooses the code is the first column of its query.
        let is_column = line.starts_with("select case") || at > 0 && lines[at - 1] == "select";
        if is_column && first.starts_with("case ") {
            let part = first.split(" end,").next().unwrap_or_default();
            for word in [" then '", " else '"] {
                part.split(word).skip(1).for_each(&mut add);
            }
        }
    }
    found
}

/// The functions that return reasons, each with its codes.
fn explainers() -> BTreeMap<String, BTreeSet<String>> {
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    for (_, sql) in files(&["migrations/functions"], ".sql") {
        for function in sql.split("create or replace function jobs.").skip(1) {
            let head = function.split("language").next().unwrap_or_default();
            if head.contains("jobs.reason") {
                let name = function.split('(').next().unwrap_or_default().to_owned();
                let body = function.split("\n\n").next().unwrap_or_default();
                // Two functions may have one name.
                found.entry(name).or_default().extend(codes_of_reasons(body));
            }
        }
    }
    found
}

#[test]
fn each_code_that_explain_returns_is_explained_and_no_other() {
    let explainers = explainers();
    assert!(explainers.len() > 15, "{explainers:?}");
    let mut codes: BTreeSet<String> = explainers.into_values().flatten().collect();
    // The codes that are a column of a table: how a job or a node ended, what became of a tick.
    codes.extend(["success", "failed", "cancelled", "skipped"].map(str::to_owned));
    codes.extend(["skipped", "missed", "failed", "delayed"].map(|outcome| format!("tick_{outcome}")));
    let page = page("errors.md");
    let workflows = read("docs/src/workflow-operations.md");
    let mut explained = first_column(section(&page, "## Codes of `explain`"));
    explained.extend(first_column(section(&workflows, "## Why a node waits")));
    assert_eq!(explained, codes);
}

#[test]
fn the_exit_codes_are_those_of_the_command_line() {
    let failure = read("pgjobs/src/cli/output/failure.rs");
    let start = failure.find("enum Exit {").expect("the exit codes");
    let body = failure[start..].split('}').next().unwrap_or_default();
    let mut known: BTreeSet<String> = ["0".to_owned(), "130".to_owned()].into();
    known.extend(body.split(" = ").skip(1).filter_map(|rest| Some(rest.split(',').next()?.to_owned())));
    let page = page("errors.md");
    let rows = section(&page, "## Exit codes of the command line").lines();
    let shown = rows.filter_map(|line| Some(line.strip_prefix("| ")?.split(" | ").next()?.to_owned()));
    let shown: BTreeSet<String> = shown.filter(|cell| cell.parse::<u8>().is_ok()).collect();
    assert_eq!(shown, known);
}
