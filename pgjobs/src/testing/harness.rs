//! Runs a test with a database of its own: what `#[pgjobs::test]` expands to.

use std::panic::{AssertUnwindSafe, resume_unwind};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use sqlx::PgPool;
use tokio::runtime::Builder;

use super::database::Database;
use super::server::Server;
use super::template;

/// What a test may take: its [`Database`], or the pool on it.
#[diagnostic::on_unimplemented(
    message = "a test cannot take `{Self}`",
    label = "take `pgjobs::testing::Database` or `sqlx::PgPool`, each also by reference"
)]
pub trait Argument {
    /// The argument for this database.
    fn of(db: &Database) -> Self;
}

impl Argument for Database {
    fn of(db: &Database) -> Self {
        db.clone()
    }
}

impl Argument for PgPool {
    fn of(db: &Database) -> Self {
        db.pool().clone()
    }
}

type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// The function that prepares the template, once.
pub struct Setup {
    /// Its path.
    pub name: &'static str,
    /// Calls it.
    pub run: fn(PgPool) -> BoxFuture<'static, Result<(), BoxError>>,
}

/// What a setup returned, with whatever error.
///
/// # Errors
/// The same.
pub fn prepared<E: Into<BoxError>>(returned: Result<(), E>) -> Result<(), BoxError> {
    returned.map_err(Into::into)
}

/// Runs a test on a runtime and a database of its own; drops the database when it ends, also when it panics.
///
/// # Panics
/// When there is no database to be had, and as the test does.
pub fn run<T>(setup: Option<Setup>, test: impl AsyncFnOnce(Database) -> T) -> T {
    // Two threads: a task may block one.
    let runtime = Builder::new_multi_thread().worker_threads(2).enable_all().build();
    let runtime = runtime.unwrap_or_else(|error| panic!("no runtime for this test: {error}"));
    let outcome = runtime.block_on(async {
        let server = Server::shared().await.unwrap_or_else(|error| panic!("{error}"));
        let name = template::copy(server, setup).await.unwrap_or_else(|error| panic!("{error}"));
        let db = Database::connect(server.options(&name));
        let outcome = AssertUnwindSafe(test(db.clone())).catch_unwind().await;
        db.close().await;
        if let Err(error) = server.drop_database(&name).await {
            tracing::warn!(%error, "the database of a test stays until the next run");
        }
        outcome
    });
    runtime.shutdown_background(); // what the test left running has nothing to work on
    outcome.unwrap_or_else(|panic| resume_unwind(panic))
}
