//! ARCHITECTURE.md names files, SQL functions and tables that exist, by the rule that stands at its top.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use crate::root;

/// What a token ends in that is a path without a folder.
const FILES: [&str; 7] = [".rs", ".sql", ".md", ".toml", ".sh", ".py", ".ts"];

/// How lines begin that make or list something in schema jobs. `schema.sql` lists the functions of `versions/` too.
const MAKES: [&str; 6] =
    ["create table ", "create sequence ", "create type ", "create view ", "-- function ", "-- procedure "];

fn read(path: &str) -> String {
    fs::read_to_string(root().join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// The text between backticks, without blocks of code.
fn tokens() -> Vec<String> {
    let text = read("ARCHITECTURE.md");
    let prose: String = text.split("```").step_by(2).collect();
    prose.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}

fn is_path(token: &str) -> bool {
    let is_part = |c: char| c.is_ascii_alphanumeric() || "_-./*{},".contains(c);
    token.chars().all(is_part) && (token.contains('/') || FILES.iter().any(|ending| token.ends_with(ending)))
}

/// `a/{b,c}.rs` as `a/b.rs` and `a/c.rs`.
fn expanded(path: &str) -> Vec<String> {
    let group = path.split_once('{').and_then(|(before, rest)| Some((before, rest.split_once('}')?)));
    let Some((before, (group, after))) = group else { return vec![path.to_owned()] };
    group.split(',').flat_map(|one| expanded(&format!("{before}{one}{after}"))).collect()
}

/// Where a path may lead: from the root, from `pgjobs/src/`, and for SQL into `migrations/`.
fn places(path: &str) -> Vec<PathBuf> {
    let mut bases = vec!["", "pgjobs/src"];
    if path.ends_with(".sql") && !path.contains('/') {
        bases.push("migrations/functions");
    } else if path.starts_with("versions/") {
        bases.push("migrations");
    }
    bases.into_iter().map(|base| root().join(base).join(path)).collect()
}

/// Whether a file or a folder is there; in its name, `*` stands for any text.
fn exists(path: &Path) -> bool {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if !name.contains('*') {
        return path.exists();
    }
    let entries = path.parent().and_then(|folder| fs::read_dir(folder).ok());
    entries.into_iter().flatten().any(|entry| fits(&entry.unwrap().file_name().to_string_lossy(), &name))
}

fn fits(name: &str, pattern: &str) -> bool {
    let Some((before, after)) = pattern.split_once('*') else { return name == pattern };
    let Some(rest) = name.strip_prefix(before) else { return false };
    (0..=rest.len()).any(|at| rest.is_char_boundary(at) && fits(&rest[at..], after))
}

/// The name in schema jobs that a token is, without its arguments: `job` of `jobs.job`, `_act` of `_act(…)`.
fn sql_name(token: &str) -> Option<&str> {
    let name = token.split_once('(').map_or(token, |(name, _)| name);
    let name = name.strip_prefix("jobs.").or_else(|| name.starts_with('_').then_some(name))?;
    let name = name.trim_matches('"');
    let is_name = name.chars().all(|c| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '_');
    (is_name && name.len() > 1 && !is_path(token)).then_some(name)
}

/// What the schema is: its list of everything, and the functions and views, as one that is new may not be listed yet.
fn schema() -> String {
    let entries = fs::read_dir(root().join("migrations/functions")).unwrap();
    let files = entries.map(|entry| fs::read_to_string(entry.unwrap().path()).unwrap());
    let functions: String = files.collect();
    functions.replace("create or replace function", "-- function").replace("create or replace", "create")
        + &read("migrations/schema.sql")
}

/// The names in schema jobs behind these beginnings of lines.
fn made(text: &str, beginnings: &[&str]) -> BTreeSet<String> {
    let name = |line: &str| {
        let rest = beginnings.iter().find_map(|begin| line.strip_prefix(begin)?.strip_prefix("jobs."))?;
        let name =
            rest.trim_start_matches('"').split(|c: char| !c.is_ascii_alphanumeric() && c != '_').next();
        name.map(str::to_owned)
    };
    text.lines().filter_map(name).collect()
}

#[test]
fn every_path_in_the_guide_leads_to_a_file() {
    let tokens = tokens();
    let paths: Vec<String> =
        tokens.iter().filter(|token| is_path(token)).flat_map(|token| expanded(token)).collect();
    assert!(paths.len() > 300, "{} paths", paths.len());
    let is_missing = |path: &&String| !places(path).iter().any(|place| exists(place));
    let missing: Vec<_> = paths.iter().filter(is_missing).collect();
    assert!(missing.is_empty(), "neither in the root nor in pgjobs/src or migrations: {missing:#?}");
}

/// Else a reader would look at the wrong one. A number alone stands for every SQL file that begins with it.
#[test]
fn no_path_in_the_guide_leads_to_two_files() {
    let tokens = tokens();
    let numbers = tokens.iter().filter(|token| token.len() == 2 && token.parse::<u8>().is_ok()).cloned();
    let paths = tokens.iter().filter(|token| is_path(token)).flat_map(|token| expanded(token));
    let twofold = paths.filter(|path| places(path).iter().filter(|place| exists(place)).count() > 1);
    let unclear: Vec<_> = twofold.chain(numbers).collect();
    assert!(unclear.is_empty(), "{unclear:?}");
}

#[test]
fn every_sql_name_in_the_guide_is_in_the_schema() {
    let tokens = tokens();
    let names: BTreeSet<&str> = tokens.iter().filter_map(|token| sql_name(token)).collect();
    assert!(names.len() > 100, "{names:?}");
    let made = made(&schema(), &MAKES);
    let unknown: Vec<_> = names.into_iter().filter(|name| !made.contains(*name)).collect();
    assert!(unknown.is_empty(), "schema jobs has no {unknown:?}");
}

#[test]
fn the_guide_names_every_table_and_sequence() {
    let tokens = tokens();
    let schema = read("migrations/schema.sql");
    let tables = made(&schema, &MAKES[..1]).into_iter().map(|name| format!("jobs.{name}"));
    // The sequence of an identity column goes with its table.
    let sequences = made(&schema, &MAKES[1..2]).into_iter().filter(|name| !name.ends_with("_id_seq"));
    let made: Vec<String> = tables.chain(sequences).collect();
    assert!(made.len() > 60, "{made:?}");
    let unnamed: Vec<_> = made.iter().filter(|name| !tokens.contains(name)).collect();
    assert!(unnamed.is_empty(), "{unnamed:?}");
}

#[test]
fn braces_and_stars_of_paths_are_read() {
    assert_eq!(expanded("a/{b,c/d}.{rs,md}"), ["a/b.rs", "a/b.md", "a/c/d.rs", "a/c/d.md"]);
    assert!(
        fits("93_problems_of_workers.sql", "9*_problems_*.sql")
            && !fits("91_problems.sql", "9*_problems_*.sql")
    );
    assert!(is_path("db/beat.rs") && is_path("versions/") && !is_path("jobs.job") && !is_path("a b/c"));
    assert_eq!(sql_name("jobs.\"all\""), Some("all"));
    assert_eq!((sql_name("_act(…)"), sql_name("Job::meta")), (Some("_act"), None));
}
