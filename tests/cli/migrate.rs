//! `migrate`.

use pgjobs_tests::Db;
use sqlx::AssertSqlSafe;

use crate::app::{bare, on, run};

#[tokio::test]
async fn it_says_what_it_would_do_then_does_it_then_has_nothing_to_do() {
    let db = Db::empty().await;
    let plan = run(&mut on(&db.url, &["migrate", "--dry-run"])).data();
    assert!(plan.starts_with("would apply 0001 tables\n"), "{plan}");
    assert!(db.one::<bool>("select to_regclass('jobs.job') is null").await, "nothing was changed");

    let done = run(&mut on(&db.url, &["migrate"])).data();
    assert_eq!(done, plan.replace("would apply", "applied"));
    assert_eq!(run(&mut on(&db.url, &["migrate"])).data(), "schema jobs is up to date");
    assert_eq!(run(&mut on(&db.url, &["migrate", "--dry-run"])).data(), "schema jobs is up to date");
}

#[tokio::test]
async fn json_lists_the_steps() {
    let db = Db::empty().await;
    let document = run(&mut on(&db.url, &["migrate", "--json"])).json();
    assert_eq!(document["steps"][0]["version"], 1);
    assert_eq!(document["dry_run"], false);
    let document = run(&mut on(&db.url, &["migrate", "--json", "--dry-run"])).json();
    assert_eq!(document["steps"].as_array().map(Vec::len), Some(0));
}

/// Before any worker runs, the database knows what the program's tasks take.
#[tokio::test]
async fn a_programs_own_tasks_are_declared() {
    let db = Db::empty().await;
    assert_eq!(run(&mut on(&db.url, &["migrate", "--dry-run", "--json"])).json()["steps"][0]["version"], 1);
    let document = run(&mut on(&db.url, &["migrate", "--json"])).json();
    let declared: Vec<String> = db.all("select name from jobs.task order by name").await;
    assert_eq!(document["tasks"], serde_json::json!(declared));
    assert!(declared.contains(&"app.add".to_owned()), "{declared:?}");
    let said = run(&mut on(&db.url, &["publish", "app.add", "--args", "[1, \"two\"]"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("`b`: expected i64, found string") && !said.err.contains("two"), "{said:?}");
}

#[tokio::test]
async fn the_script_needs_no_connection_and_makes_the_same_schema() {
    let script = run(&mut bare(&["migrate", "--sql"]));
    assert_eq!(script.err, "", "stdout is all there is");
    let db = Db::empty().await;
    sqlx::raw_sql(AssertSqlSafe(script.data())).execute(&db.pool).await.unwrap();
    assert_eq!(run(&mut on(&db.url, &["migrate"])).data(), "schema jobs is up to date");
}

#[tokio::test]
async fn a_database_that_is_not_migrated_ends_every_command_with_3() {
    let db = Db::empty().await;
    for arguments in [
        &["inspect"][..],
        &["inspect", "jobs"],
        &["publish", "a"],
        &["worker"],
        &["check"],
        &["purge", "--topic", "*"],
    ] {
        let said = run(&mut on(&db.url, arguments));
        assert_eq!(said.code, Some(3), "{said:?}");
        assert!(said.err.contains("run `app migrate`"), "{said:?}");
    }
}
