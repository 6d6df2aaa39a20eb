//! The official test suite of JSON Schema, draft 2020-12 (`suite/`, with its licence), through the walk
//! and through the predicate that a schema is compiled to.

use std::fs;
use std::path::Path;

use pgjobs_tests::Db;
use serde::Deserialize;
use serde_json::Value;
use sqlx::Row;

/// Groups of which a case fails, and why that is accepted: all of them let through what is invalid, but
/// the last.
const OUT_OF_SCOPE: &[(&str, &str)] = &[
    ("non-ASCII pattern with additionalProperties", "patterns are plain ASCII; another is an annotation"),
    ("validate definition against metaschema", "nothing is fetched"),
    ("remote ref, containing refs itself", "nothing is fetched"),
    ("ref creates new scope when adjacent to keywords", "unevaluatedProperties is an annotation"),
    ("$id must be resolved against nearest parent, not just immediate parent", "$id and base URIs"),
    ("Recursive references between schemas", "$id and base URIs"),
    ("URN base URI with URN and JSON pointer ref", "$id and base URIs"),
    ("URN base URI with URN and anchor ref", "$id and base URIs"),
    ("URN ref with nested pointer ref", "$id and base URIs"),
    ("order of evaluation: $id and $anchor and $ref", "$id and base URIs"),
    ("order of evaluation: $id and $ref", "$id and base URIs"),
    ("simple URN base URI with $ref via the URN", "$id and base URIs"),
    ("ref with absolute-path-reference", "$id and base URIs"),
    ("refs with relative uris and defs", "$id and base URIs"),
    ("relative refs with absolute uris and defs", "$id and base URIs"),
    ("ref to if", "$id and base URIs"),
    ("ref to then", "$id and base URIs"),
    ("ref to else", "$id and base URIs"),
    ("collect annotations inside a 'not', even if collection is disabled", "`not` of an annotation"),
];

#[derive(Deserialize)]
struct Group {
    description: String,
    schema: Value,
    tests: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    description: String,
    data: Value,
    valid: bool,
}

/// Every group of every file; `jsonb` stores no NUL character.
fn groups() -> Vec<(String, Group)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("it/schemas/suite");
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|ext| ext == "json") {
            let keyword = path.file_stem().unwrap().to_string_lossy().into_owned();
            let groups: Vec<Group> = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
            found.extend(groups.into_iter().map(|group| (keyword.clone(), group)));
        }
    }
    for (_, group) in &mut found {
        group.tests.retain(|case| !case.data.to_string().contains("\\u0000"));
    }
    found.retain(|(_, group)| !group.schema.to_string().contains("\\u0000"));
    found
}

/// Whether the walk finds a misfit, and what the predicate says, if there is one.
const ASK: &str = "select (jobs._schema_error($1, $2, '', $1)).path is null,
     coalesce($2 @@ ('strict ' || jobs._predicate($1, '$', $1))::jsonpath, false),
     jobs._predicate($1, '$', $1) is not null";

#[tokio::test]
async fn the_walk_and_the_predicate_pass_the_official_suite() {
    let db = Db::new().await;
    let (mut cases, mut compiled, mut failed) = (0, 0, Vec::new());
    for (keyword, group) in groups() {
        for case in &group.tests {
            let row = sqlx::query(ASK).bind(&group.schema).bind(&case.data).fetch_one(&db.pool).await;
            let row =
                row.unwrap_or_else(|e| panic!("{keyword}, {}, {}: {e}", group.description, case.description));
            let (walk, predicate, has_predicate): (bool, bool, bool) = (row.get(0), row.get(1), row.get(2));
            (cases, compiled) = (cases + 1, compiled + i32::from(has_predicate));
            assert!(!has_predicate || predicate == walk, "{keyword}, {}: they differ", group.description);
            if walk != case.valid {
                failed.push((group.description.clone(), case.description.clone()));
            }
        }
    }
    println!("{cases} cases, {compiled} through a predicate as well, {} out of scope", failed.len());
    failed.retain(|(group, _)| !OUT_OF_SCOPE.iter().any(|(known, _)| known == group));
    assert!(failed.is_empty(), "{failed:#?}");
    assert!(cases > 700 && compiled > 600, "{cases} cases, {compiled} compiled: too few to be all");
}
