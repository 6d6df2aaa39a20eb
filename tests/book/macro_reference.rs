//! The page of the macro is the documentation of the macro, with its links to other items as plain code.

use crate::read;
use crate::reference::is_generated;

const INTRODUCTION: &str = "\
# The macro `#[task]`

The documentation of `pgjobs::task`, as rustdoc shows it.

";

/// Pages of the book for what the reference documentation links to.
const PAGES: [(&str, &str); 7] = [
    ("workflow", "../workflows.md"),
    ("limits", "../limits.md"),
    ("schedule", "../schedules.md"),
    ("Steps", "../steps.md"),
    ("Unique", "../unique.md"),
    ("Validation", "../validation.md"),
    ("Trace", "../traces.md"),
];

/// A link of rustdoc, `[text](target)` or `[text]`, as a link to a page, or as its text.
fn link(text: &str, target: &str) -> String {
    let name = target.trim_matches('`');
    match PAGES.iter().find(|(item, _)| *item == name) {
        Some((_, page)) => format!("[{text}]({page})"),
        None if target.starts_with("http") => format!("[{text}]({target})"),
        None => text.to_owned(),
    }
}

fn without_links(line: &str) -> String {
    let mut done = String::new();
    let mut rest = line;
    // What stands between backticks is code, unless a link is around it.
    while let Some(start) = rest.find(['[', '`']) {
        done.push_str(&rest[..start]);
        rest = &rest[start..];
        if let Some(code) = rest.strip_prefix('`') {
            let end = code.find('`').map_or(code.len(), |end| end + 1);
            done.push_str(&rest[..=end]);
            rest = &rest[end + 1..];
            continue;
        }
        let Some(end) = rest.find(']') else { break };
        let text = &rest[1..end];
        rest = &rest[end + 1..];
        let target = rest.strip_prefix('(').and_then(|inside| inside.split(')').next());
        rest = target.map_or(rest, |target| &rest[target.len() + 2..]);
        done.push_str(&link(text, target.unwrap_or(text)));
    }
    done + rest
}

fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    let mut is_code = false;
    for line in read("pgjobs/src/task/macro.md").lines() {
        let line = match line {
            "```" if !is_code => "```rust".to_owned(),
            _ if line == "```" || is_code => line.to_owned(),
            _ if line.starts_with("# ") => format!("#{line}"),
            _ => without_links(line),
        };
        if line.starts_with("```") {
            is_code = !is_code;
        }
        page.push_str(&line);
        page.push('\n');
    }
    page
}

#[test]
fn the_page_of_the_macro_is_its_documentation() {
    is_generated("macro.md", &page());
}

/// The options that the macro's source lists, in the table of its documentation.
#[test]
fn each_option_of_the_macro_is_documented_and_no_other() {
    let source = read("pgjobs-macros/src/options.rs");
    let table = &source[..source.find("\n];").expect("the end of the table")];
    let known: Vec<&str> = table.split("once(\"").skip(1).filter_map(|rest| rest.split('"').next()).collect();
    assert!(known.len() > 25, "{known:?}");
    let docs = read("pgjobs/src/task/macro.md");
    let docs = crate::reference::section(&docs, "# Options");
    let cells = docs.lines().filter_map(|line| line.strip_prefix("| ")?.split(" | ").next());
    let mut documented: Vec<String> = cells
        .flat_map(crate::reference::quoted)
        .filter_map(|code| Some(code.split([' ', '=', '(']).next()?.to_owned()))
        .collect();
    let mut known: Vec<String> = known.into_iter().map(str::to_owned).collect();
    documented.sort();
    known.sort();
    assert_eq!(documented, known);
}

/// The attributes that a parameter may have.
#[test]
fn each_attribute_of_a_parameter_is_documented() {
    let docs = read("pgjobs/src/task/macro.md");
    let docs = crate::reference::section(&docs, "# Parameters");
    let signature = read("pgjobs-macros/src/signature.rs");
    let start = signature.find("[\"inject\", ").expect("the list of attributes");
    let list = signature[start..].split(']').next().unwrap_or_default();
    // `doc` is what a comment becomes.
    let names: Vec<&str> = list.split('"').skip(1).step_by(2).filter(|name| *name != "doc").collect();
    assert!(names.len() >= 7, "{names:?}");
    for name in names {
        assert!(docs.contains(&format!("| `#[{name}")), "`#[{name}]` is not documented");
    }
}
