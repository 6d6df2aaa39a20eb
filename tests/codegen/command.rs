//! The command around the generator.

use crate::support::{codegen, declared};

#[tokio::test]
async fn a_file_is_written_checked_and_found_out_of_date() {
    let db = declared().await;
    let folder = std::path::Path::new(env!("CARGO_TARGET_TMPDIR"));
    let file = folder.join(format!("codegen-{}.py", std::process::id()));
    let path = file.to_str().expect("a path");
    let asked = ["--lang", "python", "--topic", "demo.*"];
    let with = |more: [&str; 2]| codegen(&db, &[&asked[..], &more].concat());

    let missing = with(["--check", path]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(with(["--out", path]).status.success());
    assert!(with(["--check", path]).status.success());

    let written = std::fs::read_to_string(&file).expect("written");
    std::fs::write(&file, written.replace("\"demo.ping\"", "\"demo.pong\"")).expect("changed");
    let changed = with(["--check", path]);
    let said = String::from_utf8_lossy(&changed.stderr);
    assert_eq!(changed.status.code(), Some(1), "{said}");
    assert!(said.contains("from line") && said.contains("--topic 'demo.*' --out"), "{said}");
    std::fs::remove_file(&file).expect("removed");
}

#[tokio::test]
async fn without_tasks_it_says_how_they_get_there() {
    let db = declared().await;
    let said = codegen(&db, &["--lang", "rust", "--topic", "nothing.*"]);
    assert_eq!(said.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&said.stderr).contains("`migrate`"), "{said:?}");
}

#[tokio::test]
async fn a_task_that_nobody_declared_is_left_out_with_a_note() {
    let db = declared().await;
    pgjobs::NewJob::named("demo.unknown").publish(&db.pool).await.expect("published");
    let said = codegen(&db, &["--lang", "python", "--topic", "demo.*"]);
    assert!(said.status.success());
    assert!(!String::from_utf8_lossy(&said.stdout).contains("demo.unknown"));
    assert!(String::from_utf8_lossy(&said.stderr).contains("demo.unknown is left out"), "{said:?}");
}

#[tokio::test]
async fn the_programs_own_tasks_need_no_worker() {
    let db = pgjobs_tests::Db::empty().await;
    let said = codegen(&db, &["--lang", "typescript", "--linked", "--json"]);
    let document: serde_json::Value = serde_json::from_slice(&said.stdout).expect("one document");
    assert!(document["source"].as_str().is_some_and(|source| source.contains("export function appAdd(")));
}
