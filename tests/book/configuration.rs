//! The page of the configuration has what the database, the worker and the programs read, and nothing else.

use std::collections::BTreeSet;

use pgjobs_tests::Db;

use crate::read;
use crate::reference::{files, first_column, page, section};

/// The cells of the table below a heading, row by row, without its head.
fn rows(page: &str, heading: &str) -> Vec<Vec<String>> {
    let lines = section(page, heading).lines().filter(|line| line.starts_with("| "));
    lines
        .skip(1)
        .map(|line| line.trim_matches('|').split('|').map(|cell| cell.trim().to_owned()).collect())
        .collect()
}

/// The settings, their values in a new installation and their ranges are those of the table `jobs.config`.
#[tokio::test]
async fn the_settings_are_those_of_the_database() {
    let db = Db::new().await;
    let mut known: Vec<String> = db
        .all(
            "select concat_ws(' | ', '`' || s.key || '`', s.value, coalesce(
               (select replace(regexp_replace(c.conname, '^.*_is_', ''), '_to_', ' to ') from pg_constraint c
                where c.conrelid = 'jobs.config'::regclass and c.conname like s.key || '#_is#_%#_to#_%' escape '#')
               || case when a.attnotnull then '' else ', or null' end,
               case a.atttypid when 'boolean'::regtype then 'true, false' else 'accept, reject' end))
             from jobs.config c, jsonb_each_text(to_jsonb(c)) s(key, value)
             join pg_attribute a on a.attrelid = 'jobs.config'::regclass and a.attname = s.key
             where s.key <> 'only_row' order by 1",
        )
        .await;
    assert!(known.len() > 8, "{known:?}");
    let page = page("configuration.md");
    let rows = rows(&page, "## Settings of an installation");
    let mut shown: Vec<String> = rows.iter().map(|cells| cells[..3].join(" | ")).collect();
    shown.sort();
    known.sort();
    assert_eq!(shown, known);
}

/// The methods of `Worker` that set an option.
fn setters() -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for file in ["options", "logs", "servers"] {
        let path = &format!("pgjobs/src/worker/{file}.rs");
        let text = read(path);
        for rest in text.split("\n    pub fn ").skip(1) {
            let head = rest.split('{').next().unwrap_or_default();
            if head.contains("self") && head.trim_end().ends_with("-> Self") {
                found.extend(head.split(['(', '<']).next().map(str::to_owned));
            }
        }
    }
    found
}

#[test]
fn the_options_of_a_worker_are_its_setters() {
    let setters = setters();
    assert!(setters.len() > 12, "{setters:?}");
    assert_eq!(first_column(section(&page("configuration.md"), "## Options of a worker")), setters);
}

#[test]
fn the_defaults_of_a_worker_are_those_of_its_source() {
    let source = read("pgjobs/src/worker/builder.rs");
    let page = page("configuration.md");
    let rows = rows(&page, "## Options of a worker");
    for name in ["concurrency", "lease", "grace", "poll", "listen", "log", "log_lines"] {
        let line = source.lines().find_map(|line| line.strip_prefix(&format!("            {name}: ")));
        let value = line.unwrap_or_else(|| panic!("no default of {name}")).trim_end_matches(',');
        let wanted = match value.strip_prefix("Duration::from_secs(") {
            Some(seconds) => format!("{} s", seconds.trim_end_matches(')')),
            None if value.starts_with("LogLevel::") => format!("`{}`", &value["LogLevel::".len()..]),
            None if value == "1000" => "1,000".to_owned(),
            None => value.to_owned(),
        };
        let row = rows.iter().find(|cells| cells[0] == format!("`{name}`"));
        assert_eq!(row.map(|cells| cells[1].as_str()), Some(wanted.as_str()), "{name}");
    }
}

/// The names of variables in the text of a module that reads the environment.
fn variables(source: &str) -> BTreeSet<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: Vec<&str> = source.lines().filter(|line| !line.trim_start().starts_with("//")).collect();
    // What is set for a program that is started is not read.
    let code = code.join("\n").replace(".env(\"LC_ALL\", \"C\")", "");
    if !code.contains("env::var") && !code.contains("set(\"PG") {
        return BTreeSet::new();
    }
    let is_name = |text: &&str| {
        text.len() > 1 && text.chars().all(|c| c.is_ascii_uppercase() || c == '_') && !text.starts_with('_')
    };
    code.split('"').filter(is_name).map(str::to_owned).collect()
}

#[test]
fn the_variables_are_those_that_the_programs_read() {
    let mut known = BTreeSet::new();
    for (path, text) in
        files(&["pgjobs/src", "pgjobs-local-postgres/src", "pgjobs-codegen/src", "migrations"], ".rs")
    {
        if !path.contains("/tests") && !path.contains("/simulation/") && !path.contains("/runtime/") {
            known.extend(variables(&text));
        }
    }
    let page = page("configuration.md");
    let part = section(&page, "## Variables of the environment");
    let shown = first_column(part);
    assert!(known.len() > 20, "{known:?}");
    assert_eq!(shown, known);
}
