//! `migrate`.

use pgjobs_tests::{Db, until};
use sqlx::{AssertSqlSafe, Executor};

use crate::app::{bare, on, run};

#[tokio::test]
async fn it_says_what_it_would_do_then_does_it_then_has_nothing_to_do() {
    let db = Db::empty().await;
    let plan = run(&mut on(&db.url, &["migrate", "--dry-run"])).data();
    assert!(plan.starts_with("would apply 0001_original\n"), "{plan}");
    assert!(db.one::<bool>("select to_regclass('jobs.job') is null").await, "nothing was changed");

    let done = run(&mut on(&db.url, &["migrate"])).data();
    assert_eq!(done, plan.replace("would apply", "applied"));
    assert_eq!(run(&mut on(&db.url, &["migrate"])).data(), "schema jobs is up to date");
    assert_eq!(run(&mut on(&db.url, &["migrate", "--dry-run"])).data(), "schema jobs is up to date");
}

#[tokio::test]
async fn json_lists_the_migrations() {
    let db = Db::empty().await;
    let document = run(&mut on(&db.url, &["migrate", "--json"])).json();
    assert_eq!(document["migrations"][0], "0001_original");
    assert_eq!(document["dry_run"], false);
    let document = run(&mut on(&db.url, &["migrate", "--json", "--dry-run"])).json();
    assert_eq!(document["migrations"].as_array().map(Vec::len), Some(0));
}

/// Before any worker runs, the database knows what the program's tasks take.
#[tokio::test]
async fn a_programs_own_tasks_are_declared() {
    let db = Db::empty().await;
    assert_eq!(
        run(&mut on(&db.url, &["migrate", "--dry-run", "--json"])).json()["migrations"][0],
        "0001_original"
    );
    let document = run(&mut on(&db.url, &["migrate", "--json"])).json();
    let declared: Vec<String> = db.all("select name from jobs.task order by name").await;
    assert_eq!(document["tasks"], serde_json::json!(declared));
    assert!(declared.contains(&"app.add".to_owned()), "{declared:?}");
    let said = run(&mut on(&db.url, &["publish", "app.add", "--args", "[1, \"two\"]"]));
    assert_eq!(said.code, Some(1), "{said:?}");
    assert!(said.err.contains("`b`: expected i64, found string") && !said.err.contains("two"), "{said:?}");
}

/// Another program that declares the same tasks is waited for, whatever the database sets.
#[tokio::test]
async fn it_declares_tasks_beside_others_under_any_settings() {
    for settings in ["default_transaction_isolation = 'serializable'", "statement_timeout = '200ms'"] {
        let db = Db::new().await;
        let mut other = db.connect().await;
        let declare = r#"begin; select jobs.register_tasks('[{"name": "app.add", "args_schema": true, "result_schema": true,
            "retries": 3, "timeout": 60, "priority": 0}]')"#;
        other.execute(declare).await.unwrap();
        let name: String = db.one("select current_database()::text").await;
        db.run(&format!("alter database {name} set {settings}")).await;
        let mut migrate = on(&db.url, &["migrate"]);
        let migrating = tokio::task::spawn_blocking(move || run(&mut migrate));
        let waits = "select count(*) from pg_stat_activity where wait_event_type = 'Lock' and datname = current_database()
            and clock_timestamp() > query_start + interval '0.4 s'";
        until("it waits", async || db.one::<i64>(waits).await == 1).await;
        other.execute("commit").await.unwrap();
        assert_eq!(migrating.await.unwrap().data(), "schema jobs is up to date", "{settings}");
    }
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
