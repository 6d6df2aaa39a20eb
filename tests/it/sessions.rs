//! Sessions beside the pool: of other roles, and two that meet.

use pgjobs_tests::Db;
use sqlx::postgres::PgConnection;
use sqlx::{AssertSqlSafe, Executor};

pub(crate) async fn as_role(db: &Db, role: &str) -> PgConnection {
    let mut session = db.connect().await;
    session.execute(AssertSqlSafe(format!("set role {role}"))).await.unwrap();
    session
}

pub(crate) async fn code(session: &mut PgConnection, sql: &str) -> String {
    match session.execute(AssertSqlSafe(sql.to_owned())).await {
        Ok(_) => "ok".to_owned(),
        Err(error) => error.as_database_error().and_then(|e| e.code()).expect("a code").into_owned(),
    }
}

pub(crate) async fn one<T>(session: &mut PgConnection, sql: &str) -> T
where
    T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
{
    sqlx::query_scalar(AssertSqlSafe(sql.to_owned()))
        .fetch_one(session)
        .await
        .unwrap_or_else(|e| panic!("{sql}: {e}"))
}

/// Roles belong to the server and outlive a test's database, so each test names its own.
pub(crate) async fn role(db: &Db, name: &str, of: &str) {
    db.run(&format!(
        "do $$ begin create role {name} nologin; exception when duplicate_object then null; end $$; grant {of} to {name}"
    ))
    .await;
}

pub(crate) async fn refusal(session: &mut PgConnection, sql: &str) -> (String, String) {
    let error = session.execute(AssertSqlSafe(sql.to_owned())).await.expect_err(sql);
    let error = error.as_database_error().expect("the error of the server");
    (error.code().expect("a code").into_owned(), error.message().to_owned())
}

/// Two sessions that wait for nobody for long.
pub(crate) async fn two(db: &Db) -> (PgConnection, PgConnection) {
    let (mut first, mut second) = (db.connect().await, db.connect().await);
    for session in [&mut first, &mut second] {
        session.execute("set statement_timeout = '20s'").await.unwrap();
    }
    (first, second)
}

/// Of each job its task, state, failed runs and run, in the order of their numbers.
pub(crate) async fn states(db: &Db) -> Vec<String> {
    db.all("select task || ' ' || status || ' ' || retries || ' ' || attempt from jobs.\"all\" order by id")
        .await
}
