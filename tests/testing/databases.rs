//! Each test has a database of its own, and leaves nothing behind.

use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pgjobs::local_postgres::LocalPostgres;
use pgjobs::sqlx::{self, ConnectOptions, PgPool};
use pgjobs::testing::{Database, Report};
use pgjobs_tests::Lateness;

use crate::Outcome;
use crate::processes::{databases, fails, run};

static SETUPS: AtomicU32 = AtomicU32::new(0);

async fn create_table(pool: &PgPool) -> Result<(), sqlx::Error> {
    SETUPS.fetch_add(1, Ordering::SeqCst);
    sqlx::query("create table mine (id bigint primary key)").execute(pool).await?;
    Ok(())
}

async fn insert(pool: &PgPool) -> Result<(), sqlx::Error> {
    sqlx::query("insert into mine values (1)").execute(pool).await?; // a second one would fail
    assert!(SETUPS.load(Ordering::SeqCst) <= 1, "the template is made once");
    Ok(())
}

#[pgjobs::test(setup = create_table)]
async fn a_test_takes_its_database(db: Database) -> Result<(), sqlx::Error> {
    insert(db.pool()).await
}

#[pgjobs::test(setup = create_table)]
async fn a_test_takes_a_reference_to_its_database(db: &Database) -> Result<(), sqlx::Error> {
    insert(db.pool()).await
}

#[pgjobs::test(setup = create_table)]
async fn a_test_takes_a_pool(pool: PgPool) -> Result<(), sqlx::Error> {
    insert(&pool).await
}

#[pgjobs::test(setup = create_table)]
async fn a_test_takes_a_reference_to_a_pool(pool: &PgPool) -> Result<(), sqlx::Error> {
    insert(pool).await
}

/// `cargo test -p pgjobs-tests --test testing a_database_takes -- --nocapture` prints how long.
#[test]
fn a_database_takes_a_fraction_of_a_second() {
    let lateness = Lateness::watch();
    let mut took: Vec<Duration> = (0..20)
        .map(|_| {
            let began = Instant::now();
            pgjobs::testing::__private::run(None, async |_| began.elapsed())
        })
        .collect();
    took.sort_unstable();
    eprintln!("a database of its own: median {:?}, {:?} to {:?}", took[10], took[0], took[19]);
    let limit = lateness.allow(Duration::from_secs(1));
    assert!(took[10] < limit, "{took:?}, on this machine at most {limit:?}");
}

#[pgjobs::test]
async fn a_test_takes_nothing_and_may_block_a_thread() {
    tokio::task::block_in_place(std::thread::yield_now);
}

#[pgjobs::test]
#[should_panic(expected = "as it should")]
async fn a_test_panics(db: Database) {
    db.drain().topic("plain.*").await.and_then(Report::no_failures).expect("a drain");
    panic!("as it should");
}

#[pgjobs::test]
async fn a_database_that_is_there_gets_the_schema_and_the_clock(pool: PgPool) -> Outcome {
    sqlx::raw_sql("drop schema jobs cascade").execute(&pool).await?;
    for _ in 0..2 {
        let db = Database::of(pool.clone()).await?;
        db.clock().advance(Duration::from_secs(60)).await?;
    }
    Ok(())
}

const EXAMPLE: &str = "databases::a_test_takes_its_database";

#[tokio::test]
async fn tests_run_beside_the_database_that_the_environment_names() -> Outcome {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    for _ in 0..2 {
        let ran = run(&server.url("postgres"), EXAMPLE);
        assert!(ran.status.success(), "{ran:?}");
        let left = databases(&server).await?;
        assert!(left.len() == 1 && left[0].starts_with("pgjobs_template_"), "{left:?}");
    }
    let mut session = server.options().connect().await?;
    let touched = "select to_regnamespace('jobs') is not null";
    assert!(!sqlx::query_scalar::<_, bool>(touched).fetch_one(&mut session).await?);
    Ok(())
}

#[tokio::test]
async fn a_new_build_drops_the_template_of_the_one_before() -> Outcome {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    assert!(run(&server.url("postgres"), EXAMPLE).status.success());
    let template = databases(&server).await?.remove(0);
    let mut session = server.options().connect().await?;
    let earlier = format!("{}_0000000000000000", template.rsplit_once('_').ok_or("it has a build")?.0);
    let rename = format!("alter database {template} rename to {earlier}");
    sqlx::raw_sql(sqlx::AssertSqlSafe(rename)).execute(&mut session).await?;
    assert!(run(&server.url("postgres"), EXAMPLE).status.success());
    assert_eq!(databases(&server).await?, [template]);
    Ok(())
}

#[tokio::test]
async fn what_a_killed_run_left_is_removed_by_the_next() -> Outcome {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    for name in ["pgjobs_test_0dead000_1", "pgjobs_test_a11fe000_1", "pgjobs_template_old", "pgjobs_other"] {
        server.create_database(name).await?;
    }
    let session = server.options().application_name("pgjobs test a11fe000").connect().await?;
    let mut other = server.options().connect().await?;
    sqlx::raw_sql("comment on database pgjobs_template_old is '2020-01-01 00:00:00+00'")
        .execute(&mut other)
        .await?;
    let ran = run(&server.url("postgres"), EXAMPLE);
    assert!(ran.status.success(), "{ran:?}");
    let left = databases(&server).await?;
    assert_eq!(left.len(), 3, "the template of this build, and: {left:?}");
    assert_eq!((&*left[0], &*left[2]), ("pgjobs_other", "pgjobs_test_a11fe000_1"));
    drop(session);
    Ok(())
}

#[tokio::test]
async fn a_role_that_may_not_create_databases_is_told_what_to_do() -> Outcome {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    let mut session = server.options().connect().await?;
    sqlx::raw_sql("create role plain login password 'canary'").execute(&mut session).await?;
    let url = server.url("postgres").replace("user=postgres", "user=plain&password=canary");
    let said = fails(&url, EXAMPLE);
    assert!(said.contains("permission denied to create database; tests make databases beside"), "{said}");
    assert!(said.contains("`alter role … createdb`") && !said.contains("canary"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_server_that_is_away_is_reported() {
    let said = fails("postgresql://nobody:canary@127.0.0.1:1/none", EXAMPLE);
    assert!(
        said.contains(
            "no database for this test: could not connect to database `none` on 127.0.0.1:1 as `nobody`"
        ) && said.contains("(from DATABASE_URL)")
            && said.contains("without DATABASE_URL and the PG* variables the tests start a server")
            && !said.contains("canary"),
        "{said}"
    );
}

#[tokio::test]
async fn a_database_that_is_not_there_is_named() -> Outcome {
    let server = LocalPostgres::builder().allow_download(true).start().await?;
    let said = fails(&server.url("nodb"), EXAMPLE);
    assert!(said.contains("could not connect to database `nodb` on "), "{said}");
    assert!(said.contains("the tests start a server of their own"), "{said}");
    Ok(())
}

#[tokio::test]
async fn a_server_without_connections_left_is_reported() -> Outcome {
    let server =
        LocalPostgres::builder().allow_download(true).setting("max_connections", "8").start().await?;
    let mut sessions = Vec::new();
    while let Ok(session) = server.options().connect().await {
        sessions.push(session);
    }
    let said = fails(&server.url("postgres"), EXAMPLE);
    assert!(said.contains("run fewer at the same time (`cargo test -- --test-threads=4`)"), "{said}");
    Ok(())
}
