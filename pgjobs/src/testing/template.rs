//! The templates that the databases of tests are copies of.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::panic::{AssertUnwindSafe, resume_unwind};
use std::time::Duration;

use futures_util::FutureExt;
use sqlx::postgres::{PgConnection, PgPoolOptions};
use sqlx::{AssertSqlSafe, PgPool};
use tokio::time::timeout;

use super::error::TestError;
use super::harness::Setup;
use super::server::Server;
use crate::db;

const PREFIX: &str = "pgjobs_template_";

/// Another value of this variable makes templates with a setup anew.
const VERSION: &str = "PGJOBS_TEST_TEMPLATE";

/// How long the setup's pool waits for connections that the setup has not released.
const CLOSING: Duration = Duration::from_secs(5);

const OBJECT_IN_USE: &str = "55006";
const NO_SUCH_DATABASE: &str = "3D000";
const DUPLICATE_DATABASE: &str = "42P04";

/// Makes a database for a test and returns its name; the first of all makes the template.
pub(super) async fn copy(server: &Server, setup: Option<Setup>) -> Result<String, TestError> {
    let (name, template) = (server.next_name(), name(setup.as_ref()));
    if !is_cloned(server, &template, &name).await? {
        let _making = server.making(&template).await?;
        while !is_cloned(server, &template, &name).await? {
            make(server, &template, setup.as_ref()).await?;
        }
    }
    Ok(name)
}

/// False when there is no such template.
async fn is_cloned(server: &Server, template: &str, name: &str) -> Result<bool, TestError> {
    match server.clone_database(template, name).await.map_err(TestError::from) {
        Ok(()) => Ok(true),
        Err(error) if code(&error).as_deref() == Some(NO_SUCH_DATABASE) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Named after what it is for and what is in it, so that another version of the schema has another template. What
/// a setup does, only this very build of the test program knows; what it reads when it runs, only who runs it.
fn name(setup: Option<&Setup>) -> String {
    let program = std::env::current_exe().ok();
    let built = program.as_ref().and_then(|path| std::fs::metadata(path).ok()?.modified().ok());
    let (mut purpose, mut content) = (DefaultHasher::new(), DefaultHasher::new());
    setup.map(|setup| (setup.name, &program)).hash(&mut purpose);
    setup.map(|_| (built, std::env::var_os(VERSION))).hash(&mut content);
    for step in pgjobs_migrations::steps() {
        (step.name, step.sql).hash(&mut content);
    }
    pgjobs_migrations::TEST_CLOCK.hash(&mut content);
    format!("{PREFIX}{:016x}_{:016x}", purpose.finish(), content.finish())
}

/// Makes the template under another name and renames it when it is complete: whatever ends this process, no
/// test finds half a template.
async fn make(server: &Server, template: &str, setup: Option<&Setup>) -> Result<(), TestError> {
    let unfinished = server.next_name();
    server.create_database(&unfinished).await?;
    let outcome = AssertUnwindSafe(complete(server, &unfinished, template, setup)).catch_unwind().await;
    match outcome {
        Ok(Ok(())) => return drop_earlier(server, template, setup.is_some()).await,
        outcome => {
            let _ = server.drop_database(&unfinished).await; // else the next run does it
            match outcome.unwrap_or_else(|panic| resume_unwind(panic)) {
                // Those who come from another database of the server do not wait for this one's lock.
                Err(error) if code(&error).as_deref() == Some(DUPLICATE_DATABASE) => Ok(()),
                outcome => outcome,
            }
        }
    }
}

/// Fills it, closes every connection, since nobody may be connected to what is renamed and copied, and renames.
async fn complete(
    server: &Server,
    unfinished: &str,
    template: &str,
    setup: Option<&Setup>,
) -> Result<(), TestError> {
    let pool = PgPoolOptions::new().max_connections(3).connect_lazy_with(server.options(unfinished));
    fill(&pool, setup).await?;
    if timeout(CLOSING, pool.close()).await.is_err() {
        return Err(left_open(setup));
    }
    match publish(&mut server.connect().await?, unfinished, template).await {
        Err(error) if code(&error).as_deref() == Some(OBJECT_IN_USE) => Err(left_open(setup)),
        outcome => outcome,
    }
}

const LEFT_OPEN: &str = "it left a connection to the database open, and a database that somebody is connected to \
     cannot be copied: drop the connections and stop the workers that it makes";

fn left_open(setup: Option<&Setup>) -> TestError {
    let function = setup.map_or("pgjobs::migrate", |setup| setup.name);
    TestError::Setup { function, source: LEFT_OPEN.into() }
}

async fn fill(pool: &PgPool, setup: Option<&Setup>) -> Result<(), TestError> {
    db::migrate::migrate(pool).await?;
    db::testing::add_clock(pool).await?;
    let Some(Setup { name: function, run }) = setup else { return Ok(()) };
    run(pool.clone()).await.map_err(|source| TestError::Setup { function, source })
}

/// The comment says when it was made, for those who remove it.
async fn publish(session: &mut PgConnection, unfinished: &str, template: &str) -> Result<(), TestError> {
    let made: String = sqlx::query_scalar("select now()::text").fetch_one(&mut *session).await?;
    let comment = format!("comment on database {unfinished} is '{made}'");
    let rename = format!("alter database {unfinished} rename to {template}");
    for sql in [comment, rename] {
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut *session).await?; // both names are plain words
    }
    Ok(())
}

/// Drops those of earlier builds of this program; without a setup, other programs may use another version.
async fn drop_earlier(server: &Server, template: &str, has_setup: bool) -> Result<(), TestError> {
    let Some((purpose, _)) = template.rsplit_once('_').filter(|_| has_setup) else { return Ok(()) };
    let earlier = "select datname::text from pg_database where starts_with(datname, $1) and datname <> $2";
    let earlier = sqlx::query_scalar(earlier).bind(purpose).bind(template);
    let earlier: Vec<String> = earlier.fetch_all(&mut server.connect().await?).await?;
    for name in earlier {
        let _ = server.drop_database(&name).await; // one that is being copied is dropped by the next build
    }
    Ok(())
}

fn code(error: &TestError) -> Option<String> {
    let source = match error {
        TestError::Server(pgjobs_local_postgres::LocalPostgresError::Database { source, .. }) => source,
        TestError::Jobs(crate::types::error::Error::Database(source)) => source,
        _ => return None,
    };
    Some(source.as_database_error()?.code()?.into_owned())
}
