//! Setups that fail, hang and compete, and databases that somebody is connected to.

use std::time::Duration;

use pgjobs::local_postgres::LocalPostgres;
use pgjobs::sqlx::{self, ConnectOptions, Connection, PgConnection, PgPool};
use pgjobs::testing::Database;
use pgjobs_tests::{output, until};

use crate::Outcome;
use crate::processes::{command, databases, fails, run};

async fn keep_open(pool: &PgPool) -> Result<(), sqlx::Error> {
    std::mem::forget(pool.acquire().await?);
    Ok(())
}

async fn create_twice(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::raw_sql("create table twice (); create table twice ()").execute(pool).await?;
    Ok(())
}

async fn panic(_: &PgPool) -> Result<(), sqlx::Error> {
    panic!("a setup that panics");
}

#[pgjobs::test(setup = keep_open)]
#[ignore = "its setup fails"]
async fn of_one_that_keeps_a_connection() {}

#[pgjobs::test(setup = create_twice)]
#[ignore = "its setup fails"]
async fn of_one_that_fails() {}

#[pgjobs::test(setup = panic)]
#[ignore = "its setup fails"]
async fn of_one_that_panics() {}

#[tokio::test]
async fn a_setup_that_fails_is_named_and_leaves_nothing() -> Outcome {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    for (test, expected) in [
        ("setups::of_one_that_keeps_a_connection", "failed: it left a connection to the database open"),
        ("setups::of_one_that_fails", "relation \"twice\" already exists\n"),
        ("setups::of_one_that_panics", "a setup that panics"),
    ] {
        let said = fails(&server.url("postgres"), test);
        assert!(said.contains(expected), "{said}");
        let named = ["`keep_open`, the setup of", "`create_twice`, the setup of", "panicked at"];
        assert!(named.iter().any(|name| said.contains(name)), "{said}");
        assert_eq!(databases(&server).await?, [""; 0], "{test}");
    }
    Ok(())
}

async fn create_role(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("create role of_the_server").execute(pool).await?; // a second one would fail
    Ok(())
}

#[pgjobs::test(setup = create_role)]
#[ignore = "run in several processes"]
async fn of_one_that_changes_the_server() {}

#[tokio::test]
async fn of_many_processes_one_runs_the_setup() -> Outcome {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    let run = |_| {
        let mut command = command(&server.url("postgres"), "setups::of_one_that_changes_the_server");
        std::thread::spawn(move || output(&mut command))
    };
    let running: Vec<_> = (0..6).map(run).collect();
    for one in running {
        let ran = one.join().expect("a thread");
        assert!(ran.status.success(), "{ran:?}");
    }
    Ok(())
}

#[tokio::test]
async fn a_variable_asks_for_a_new_template() -> Outcome {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    let url = server.url("postgres");
    let test = "databases::a_test_takes_its_database";
    assert!(run(&url, test).status.success());
    let old = databases(&server).await?;
    let ran = output(command(&url, test).env("PGJOBS_TEST_TEMPLATE", "2"));
    assert!(ran.status.success(), "{ran:?}");
    let new = databases(&server).await?;
    assert!(new.len() == 1 && new != old, "{old:?}, then {new:?}");
    Ok(())
}

#[pgjobs::test]
#[ignore = "run on a server that ends idle sessions"]
async fn of_a_run_that_shows_that_it_lives(db: Database) -> Outcome {
    tokio::time::sleep(Duration::from_secs(2)).await; // the session is idle for longer than the server allows
    let alive = "select count(*) from pg_stat_activity where application_name like 'pgjobs test %'";
    assert_eq!(sqlx::query_scalar::<_, i64>(alive).fetch_one(db.pool()).await?, 1);
    Ok(())
}

#[tokio::test]
async fn a_server_that_ends_idle_sessions_leaves_the_sign_of_life() -> Outcome {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    let mut session = server.options().connect().await?;
    if sqlx::query("alter system set idle_session_timeout = '500ms'").execute(&mut session).await.is_err() {
        return Ok(()); // before PostgreSQL 14
    }
    sqlx::query("select pg_reload_conf()").execute(&mut session).await?;
    let ran = run(&server.url("postgres"), "setups::of_a_run_that_shows_that_it_lives");
    assert!(ran.status.success(), "{ran:?}");
    Ok(())
}

const VISITED: &str = "select exists (select from pg_stat_activity where datname = current_database() and usename = 'postgres')";

#[pgjobs::test]
#[ignore = "run while another role is connected to its database"]
async fn of_a_database_that_another_role_visits(db: Database) {
    until("somebody is here", async || sqlx::query_scalar(VISITED).fetch_one(db.pool()).await.unwrap()).await;
}

/// A session of another role in the database of the test above, once the template is there.
async fn visit(server: &LocalPostgres) -> Option<PgConnection> {
    let found = databases(server).await.ok()?;
    let [template, test] = &found[..] else { return None };
    let is_test = template.starts_with("pgjobs_template_") && test.starts_with("pgjobs_test_");
    if is_test { server.options().database(test).connect().await.ok() } else { None }
}

/// As autovacuum, which no role but a superuser may end.
#[tokio::test]
async fn a_database_is_dropped_when_the_session_of_another_ends() -> Outcome {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    let pool = PgPool::connect_with(server.options()).await?;
    sqlx::raw_sql("create role maker login createdb").execute(&pool).await?;
    let url = server.url("postgres").replace("user=postgres", "user=maker");
    let mut command = command(&url, "setups::of_a_database_that_another_role_visits");
    let run = std::thread::spawn(move || output(&mut command));
    let mut visitor = None;
    while visitor.is_none() && !run.is_finished() {
        visitor = visit(&server).await;
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let waits = "select exists (select from pg_stat_activity where usename = 'maker' and query like 'drop database%' and query not like '%force%')";
    until("the drop waits", async || {
        run.is_finished() || sqlx::query_scalar(waits).fetch_one(&pool).await.unwrap()
    })
    .await;
    visitor.ok_or("a visitor")?.close().await?;
    let ran = run.join().expect("a thread");
    assert!(ran.status.success(), "{ran:?}");
    let left = databases(&server).await?;
    assert!(left.len() == 1 && left[0].starts_with("pgjobs_template_"), "{left:?}");
    Ok(())
}
