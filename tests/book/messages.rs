//! What a message says: which thing, why, and what to do about it.

use crate::reference::files;

/// The statements that raise something, each as one line, without those that a caller catches.
fn statements(sql: &str) -> Vec<String> {
    let lines = sql.lines().filter(|line| !line.trim_start().starts_with("--"));
    let sql = lines.collect::<Vec<_>>().join("\n");
    let mut found = Vec::new();
    for start in ["raise sqlstate '", "raise exception ", "raise warning "] {
        for rest in sql.split(start).skip(1) {
            let end = end_of(rest);
            let words: Vec<&str> = rest[..end].split_whitespace().collect();
            found.push(format!("{start}{}", words.join(" ")));
        }
    }
    found.retain(|statement| !statement.starts_with("raise sqlstate 'PT00"));
    found
}

/// Where a statement ends: the first semicolon outside of a text.
fn end_of(statement: &str) -> usize {
    let mut is_text = statement.starts_with(|c: char| c.is_ascii_uppercase() || c.is_ascii_digit());
    for (at, c) in statement.char_indices() {
        match c {
            '\'' => is_text = !is_text,
            ';' if !is_text => return at,
            _ => (),
        }
    }
    statement.len()
}

/// Words by which a message has its remedy in it: the range, the form or the choice that is right.
const FORMS: [&str; 14] = [
    "lies within",
    "lies between",
    "one of",
    "at most",
    "1 to ",
    "0 to ",
    " as many ",
    "begins at 1",
    "needs ",
    "takes no",
    "without null",
    "give true or false",
    "is for jobs that",
    "null leaves",
];

/// Warnings that say what was done about it already.
const DONE: [&str; 5] = ["are corrected", "was ignored", "were ignored", "was not noted", "has to run"];

#[test]
fn each_refusal_has_a_remedy() {
    let mut without = Vec::new();
    let mut seen = 0;
    for (path, sql) in files(&["migrations/functions"], ".sql") {
        for statement in statements(&sql) {
            seen += 1;
            let has_form = FORMS.iter().chain(&DONE).any(|form| statement.contains(form));
            if !statement.contains("hint = ") && !has_form {
                without.push(format!("{path}: {statement}"));
            }
        }
    }
    assert!(seen > 180, "{seen}");
    assert!(without.is_empty(), "{}", without.join("\n"));
}
