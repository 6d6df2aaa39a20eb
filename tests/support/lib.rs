//! A database for each test: real, migrated, its own, and gone with the test program.

mod call;
mod child_process;
mod claim;
mod cluster;
mod custom_server;
pub mod effects;
mod ended;
mod lateness;
#[cfg(feature = "pooler")]
mod pooler;
mod proxy;
mod publish;
mod removal;
mod said;
mod settle;
mod waiting;
mod worker;

use std::future::Future;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::{Duration, Instant};

use pgjobs::local_postgres::LocalPostgres;
use sqlx::postgres::{PgConnectOptions, PgConnection, PgPool, PgPoolOptions};
use sqlx::{AssertSqlSafe, ConnectOptions, Connection};
use tokio::sync::OnceCell;

pub use child_process::{ChildProcess, as_server_user, folder};
pub use claim::{Batch, Claim, Claimed, ClaimedJob};
pub use cluster::Cluster;
pub use custom_server::CustomServer;
pub use ended::{ended, output};
pub use lateness::Lateness;
#[cfg(feature = "pooler")]
pub use pooler::Pooler;
pub use proxy::Proxy;
pub use publish::Publish;
pub use said::{Said, subscribe};
pub use settle::Settle;
pub use waiting::waiting;
pub use worker::ManualWorker;

static SERVER: OnceCell<LocalPostgres> = OnceCell::const_new();
static DURABLE: AtomicBool = AtomicBool::new(false);
static TEMPLATE: OnceCell<()> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// Says before the first database that this program's server is to survive a crash: `fsync` and the like on.
pub fn durable() {
    DURABLE.store(true, Ordering::Relaxed);
}

/// The server of this test program, started by the first test that asks.
pub async fn server() -> &'static LocalPostgres {
    SERVER
        .get_or_init(|| async {
            ended::watch_program();
            let builder = LocalPostgres::builder()
                .allow_download(true)
                .durable(DURABLE.load(Ordering::Relaxed))
                .setting("max_connections", "300")
                .setting("max_prepared_transactions", "20");
            // Without its safeguard a statement may wait for ever.
            let builder =
                if mutation().is_some() { builder.setting("statement_timeout", "20s") } else { builder };
            builder.start().await.unwrap_or_else(|error| panic!("{error}"))
        })
        .await
}

/// A database of a test's own.
pub struct Db {
    /// A pool on it.
    pub pool: PgPool,
    /// Its URL, for other programs.
    pub url: String,
}

impl Db {
    /// A database with schema `jobs`.
    pub async fn new() -> Self {
        let server = server().await;
        TEMPLATE
            .get_or_init(|| async {
                server.create_database("pgjobs_template").await.expect("template");
                let pool = pool(server, "pgjobs_template").await;
                pgjobs::migrate(&pool).await.unwrap_or_else(|error| panic!("{error}"));
                mutate(&pool).await;
                pool.close().await; // a template is cloned only while nobody is connected to it
            })
            .await;
        let name = next_name();
        server.clone_database("pgjobs_template", &name).await.expect("clone");
        Db::open(server, &name).await
    }

    /// A database without anything in it.
    pub async fn empty() -> Self {
        let server = server().await;
        let name = next_name();
        server.create_database(&name).await.expect("create");
        Db::open(server, &name).await
    }

    /// A database with schema `jobs` whose clock stands still until [`Db::advance`] moves it.
    pub async fn with_clock() -> Self {
        let db = Db::new().await;
        sqlx::raw_sql(pgjobs::testing::TEST_CLOCK).execute(&db.pool).await.expect("clock");
        db.run("update jobs.test_clock set at = clock_timestamp()").await;
        db
    }

    async fn open(server: &LocalPostgres, name: &str) -> Self {
        Db { pool: pool(server, name).await, url: server.url(name) }
    }

    /// What the database is called.
    pub fn name(&self) -> String {
        self.options().get_database().expect("each has a name").to_owned()
    }

    /// Moves the clock on.
    pub async fn advance(&self, by: Duration) {
        sqlx::query("update jobs.test_clock set at = at + make_interval(secs => $1)")
            .bind(by.as_secs_f64())
            .execute(&self.pool)
            .await
            .expect("advance");
    }

    /// A connection beside the pool.
    pub async fn connect(&self) -> PgConnection {
        self.options().connect().await.expect("connect")
    }

    /// How to connect.
    pub fn options(&self) -> PgConnectOptions {
        PgConnectOptions::clone(&self.pool.connect_options())
    }

    /// Runs statements.
    pub async fn run(&self, sql: &str) {
        sqlx::raw_sql(owned(sql)).execute(&self.pool).await.unwrap_or_else(|error| panic!("{sql}: {error}"));
    }

    /// One value.
    pub async fn one<T>(&self, sql: &str) -> T
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(owned(sql))
            .fetch_one(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// A column of values.
    pub async fn all<T>(&self, sql: &str) -> Vec<T>
    where
        T: for<'r> sqlx::Decode<'r, sqlx::Postgres> + sqlx::Type<sqlx::Postgres> + Send + Unpin,
    {
        sqlx::query_scalar(owned(sql))
            .fetch_all(&self.pool)
            .await
            .unwrap_or_else(|error| panic!("{sql}: {error}"))
    }

    /// The SQLSTATE and message with which a statement is refused.
    pub async fn refusal(&self, sql: &str) -> (String, String) {
        let error = sqlx::raw_sql(owned(sql)).execute(&self.pool).await.expect_err(sql);
        let error = error.as_database_error().expect("an error of the database");
        (error.code().unwrap_or_default().into_owned(), error.message().to_owned())
    }
}

fn mutation() -> Option<String> {
    std::env::var("PGJOBS_MUTATION").ok()
}

impl Drop for Db {
    fn drop(&mut self) {
        removal::remove(self.name());
    }
}

/// Replaces a text in a function of the schema, when `PGJOBS_MUTATION` says `function|text|replacement`: tests/mutations.sh
/// removes safeguards in this way, one after another, and looks which test notices.
async fn mutate(pool: &PgPool) {
    let Some(mutation) = mutation() else { return };
    let parts: Vec<&str> = mutation.splitn(3, '|').collect();
    let [function, text, replacement] = parts[..] else { panic!("a mutation is function|text|replacement") };
    let definitions: Vec<String> = sqlx::query_scalar(
        "select pg_get_functiondef(p.oid) from pg_proc p where p.pronamespace = 'jobs'::regnamespace and p.proname = $1",
    )
    .bind(function)
    .fetch_all(pool)
    .await
    .expect("definitions");
    assert!(definitions.iter().any(|definition| definition.contains(text)), "`{text}` is not in {function}");
    for definition in definitions {
        sqlx::raw_sql(owned(&definition.replace(text, replacement))).execute(pool).await.expect(&mutation);
    }
}

/// A test writes its statements itself.
fn owned(sql: &str) -> AssertSqlSafe<String> {
    AssertSqlSafe(sql.to_owned())
}

fn next_name() -> String {
    format!("t{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed))
}

async fn pool(server: &LocalPostgres, name: &str) -> PgPool {
    let url = server.url(name);
    PgPoolOptions::new().max_connections(10).connect(&url).await.expect("pool")
}

/// Opens a connection that ends with the test.
pub async fn connect(url: &str) -> PgConnection {
    PgConnection::connect(url).await.expect("connect")
}

/// How much of something a test does: `few` in `cargo test`, which is to take minutes, and `many` with the feature `soak`.
pub const fn amount(few: u32, many: u32) -> u32 {
    if cfg!(feature = "soak") { many } else { few }
}

/// What has not happened by then never will, on the busiest machine.
pub(crate) const NEVER: Duration = Duration::from_secs(180);

/// Asks again until the answer is yes; panics with `what` when it never will be.
pub async fn until<F, Fut>(what: &str, mut ask: F)
where
    F: FnMut() -> Fut,
    Fut: Future<Output = bool>,
{
    let deadline = Instant::now() + NEVER;
    while !ask().await {
        assert!(Instant::now() < deadline, "not within {NEVER:?}: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

// The code of the README compiles.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
