//! Lists of names on pages that are compared with the database or the library.

use std::collections::BTreeSet;

use pgjobs::events::EventKind;
use pgjobs_tests::Db;

use crate::pages;
use crate::read;
use crate::reference::first_column;

/// What a text calls of schema `jobs`: `jobs.NAME`.
fn named(text: &str) -> BTreeSet<String> {
    let after = text.split("jobs.").skip(1);
    let names = after.filter_map(|rest| rest.split(|c: char| !c.is_ascii_lowercase() && c != '_').next());
    names.filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

async fn functions(db: &Db) -> BTreeSet<String> {
    let names: Vec<String> = db
        .all(
            "select distinct proname::text from pg_proc
             where pronamespace = 'jobs'::regnamespace and not starts_with(proname, '_') order by 1",
        )
        .await;
    names.into_iter().collect()
}

#[tokio::test]
async fn the_page_of_the_schema_has_each_public_function() {
    let db = Db::new().await;
    let (page, functions) = (read("docs/src/sql.md"), functions(&db).await);
    let named = named(&page);
    assert!(functions.len() > 100, "{functions:?}");
    let missing: Vec<_> = functions.difference(&named).collect();
    assert!(missing.is_empty(), "not in docs/src/sql.md: {missing:?}");
}

/// Calls in code are of functions that exist, on every page.
#[tokio::test]
async fn each_function_that_a_page_calls_exists() {
    let db = Db::new().await;
    let functions = functions(&db).await;
    let mut missing = Vec::new();
    let mut seen = 0;
    for page in pages() {
        let mut before = "";
        for rest in page.text.split("jobs.") {
            let is_schema = !before.ends_with(|c: char| c.is_alphanumeric() || c == '_');
            let end = rest.find(|c: char| !c.is_ascii_lowercase() && c != '_').unwrap_or(rest.len());
            // `jobs.name(` is a call; a table or a setting has no parenthesis.
            if is_schema && rest[end..].starts_with('(') && !before.is_empty() {
                seen += 1;
                // `jobs.rpc(…)` is the object of a client of REST, which a page names so.
                if !functions.contains(&rest[..end]) && &rest[..end] != "rpc" {
                    missing.push(format!("{}: jobs.{}", page.path, &rest[..end]));
                }
            }
            before = rest;
        }
    }
    assert!(seen > 100, "{seen}");
    assert!(missing.is_empty(), "{missing:?}");
}

#[test]
fn the_page_of_events_has_each_kind_and_no_other() {
    let page = read("docs/src/events.md");
    let table = page.split_once("| kind |").expect("the table of kinds").1;
    let table = table.split("\n\n").next().unwrap_or_default();
    let kinds: BTreeSet<String> = EventKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    let shown: BTreeSet<String> = rows.filter_map(|line| first_column(line).into_iter().next()).collect();
    assert_eq!(shown, kinds);
}
