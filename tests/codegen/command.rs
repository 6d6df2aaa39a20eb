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

/// The database keeps schemas with their keys in another order than the program writes them.
#[tokio::test]
async fn a_programs_own_tasks_are_the_same_with_and_without_a_database() {
    let db = pgjobs_tests::Db::new().await;
    let migrate = std::process::Command::new(env!("CARGO_BIN_EXE_app"))
        .arg("migrate")
        .env("DATABASE_URL", &db.url)
        .output();
    assert!(migrate.expect("the program starts").status.success());
    for lang in ["python", "typescript", "rust"] {
        let source = |more: &[&str]| {
            let said = codegen(&db, &[&["--lang", lang, "--json"], more].concat());
            let document: serde_json::Value = serde_json::from_slice(&said.stdout).expect("one document");
            let source = document["source"].as_str().expect("a source").to_owned();
            source.split_once('\n').expect("a first line").1.to_owned()
        };
        assert!(source(&[]).contains("\"app.add\""));
        assert_eq!(source(&[]), source(&["--linked"]));
    }
}
