//! The temporary database of the bench, and a server for it when the user names none.

use std::sync::Arc;

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool};
use tokio::sync::Mutex;
use uuid::Uuid;

use super::plan::Plan;
use super::report::Settings;
use crate::cli::args::global::Global;
use crate::cli::database::connect;
use crate::cli::database::target::{self, Target};
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
#[cfg(feature = "local-postgres")]
use crate::cli::output::progress::Progress;

pub(crate) struct Scratch {
    server: Server,
    name: String,
    /// Locked while a database is created or dropped.
    turn: Arc<Mutex<()>>,
}

/// The server. One that the bench started stops when this value is dropped.
struct Server {
    options: PgConnectOptions,
    origin: String,
    #[cfg(feature = "local-postgres")]
    local: Option<crate::local_postgres::LocalPostgres>,
}

impl Scratch {
    pub(crate) async fn find(global: &Global, console: &Console) -> Result<Self, Failure> {
        let server = match target::named(global)? {
            Some(target) => given(target).await?,
            None => own(console).await?,
        };
        let name = format!("pgjobs_bench_{}", Uuid::now_v7().simple());
        Ok(Scratch { server, name, turn: Arc::default() })
    }

    /// Replaces the database by an empty one.
    pub(crate) async fn renew(&self) -> Result<PgPool, Failure> {
        self.drop_database().await?;
        self.administer(format!("create database {}", self.name)).await.map_err(explain)?;
        self.pool().await
    }

    /// Returns the plan and the server's settings, as they hold in the latest database.
    pub(crate) async fn settings(&self, plan: &Plan) -> Result<Settings, Failure> {
        let setting = "select current_setting('server_version'), current_setting('fsync'), \
                       current_setting('synchronous_commit'), current_setting('shared_buffers')";
        let pool = self.pool().await?;
        let (server_version, fsync, synchronous_commit, shared_buffers) =
            sqlx::query_as(setting).fetch_one(&pool).await?;
        pool.close().await;
        Ok(Settings {
            server: self.server.origin.clone(),
            server_version,
            fsync,
            synchronous_commit,
            shared_buffers,
            cpus: std::thread::available_parallelism().map_or(1, usize::from),
            concurrency: plan.concurrency,
            jobs: plan.jobs,
            seconds: plan.seconds,
            debug_build: cfg!(debug_assertions),
        })
    }

    /// Drops the database or, if the bench started the server, stops the server with it.
    pub(crate) async fn remove(self) -> Result<(), Failure> {
        #[cfg(feature = "local-postgres")]
        if let Some(server) = self.server.local {
            return Ok(server.stop().await?);
        }
        self.drop_database().await
    }

    async fn pool(&self) -> Result<PgPool, Failure> {
        let options = self.server.options.clone().database(&self.name);
        connect::pool(&Target::new(options, "the bench"), 8).await
    }

    async fn drop_database(&self) -> Result<(), Failure> {
        let name = &self.name;
        let dropped = self.administer(format!("drop database if exists {name} with (force)")).await;
        dropped.map_err(|error| {
            Failure::failed(format!("database `{name}` could not be dropped, please drop it: {error}"))
        })
    }

    /// Runs the statement in a spawned task, which continues when the caller is cancelled; the next call
    /// waits for it. Otherwise a database that is still being created when the bench is interrupted could not
    /// be seen, and so not be dropped.
    async fn administer(&self, sql: String) -> Result<(), sqlx::Error> {
        let turn = self.turn.clone().lock_owned().await;
        let options = self.server.options.clone().disable_statement_logging();
        let work = tokio::spawn(async move {
            let _turn = turn;
            let mut connection = options.connect().await?;
            // The only name in the SQL consists of fixed letters and hexadecimal digits.
            sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
            connection.close().await
        });
        work.await.unwrap_or(Err(sqlx::Error::WorkerCrashed))
    }
}

fn explain(error: sqlx::Error) -> Failure {
    let denied = error.as_database_error().is_some_and(|error| error.code().as_deref() == Some("42501"));
    if denied {
        return Failure::failed(
            "the bench needs a database of its own, and this user may not create one: \
                                alter role … createdb, or unset DATABASE_URL for a server of its own",
        );
    }
    error.into()
}

async fn given(target: Target) -> Result<Server, Failure> {
    let target = connect::reach(target).await?;
    Ok(Server {
        origin: target.describe(),
        options: target.options,
        #[cfg(feature = "local-postgres")]
        local: None,
    })
}

#[cfg(feature = "local-postgres")]
async fn own(console: &Console) -> Result<Server, Failure> {
    let progress = Progress::spinner(console, "starting PostgreSQL");
    let builder = crate::local_postgres::LocalPostgres::builder().durable(true).allow_download(true);
    let server = builder.start().await?;
    drop(progress);
    Ok(Server { options: server.options(), origin: server.describe(), local: Some(server) })
}

#[cfg(not(feature = "local-postgres"))]
async fn own(_: &Console) -> Result<Server, Failure> {
    Err(Failure::database(
        "no database is named, and this program was built without the cargo feature `local-postgres`, so it cannot \
         start one: export DATABASE_URL=postgresql://user@host/name",
    ))
}
