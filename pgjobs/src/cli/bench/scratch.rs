//! The bench's own database, and its own server when no other is named.

use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, ConnectOptions, Connection, PgPool};
use uuid::Uuid;

use super::report::Settings;
use crate::cli::connect;
use crate::cli::console::Console;
use crate::cli::dsn::{self, Target};
use crate::cli::exit::Failure;
use crate::cli::options::Global;
#[cfg(feature = "local-postgres")]
use crate::cli::progress::Progress;

pub(super) struct Scratch {
    server: Server,
    name: String,
}

/// The server; one that was started for the bench ends with it.
struct Server {
    options: PgConnectOptions,
    origin: String,
    #[cfg(feature = "local-postgres")]
    local: Option<crate::local_postgres::LocalPostgres>,
}

impl Scratch {
    pub(super) async fn create(global: &Global, console: &Console) -> Result<Self, Failure> {
        let server = match dsn::named(global)? {
            Some(target) => given(target).await?,
            None => own(console).await?,
        };
        let scratch = Scratch { server, name: format!("pgjobs_bench_{}", Uuid::now_v7().simple()) };
        scratch.administer(format!("create database {}", scratch.name)).await.map_err(explain)?;
        Ok(scratch)
    }

    pub(super) async fn pool(&self) -> Result<PgPool, Failure> {
        let options = self.server.options.clone().database(&self.name);
        connect::pool(&Target::new(options, "the bench"), 8).await
    }

    pub(super) async fn settings(&self, pool: &PgPool, concurrency: u16) -> Result<Settings, Failure> {
        let setting = "select current_setting('server_version'), current_setting('fsync'), \
                       current_setting('synchronous_commit')";
        let (version, fsync, synchronous_commit) = sqlx::query_as(setting).fetch_one(pool).await?;
        Ok(Settings {
            server: self.server.origin.clone(),
            server_version: version,
            fsync,
            synchronous_commit,
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            concurrency,
            debug_build: cfg!(debug_assertions),
        })
    }

    /// Drops the database and stops the server, if it is ours.
    pub(super) async fn remove(self) -> Result<(), Failure> {
        #[cfg(feature = "local-postgres")]
        if let Some(server) = self.server.local {
            return Ok(server.stop().await?);
        }
        self.administer(format!("drop database if exists {} with (force)", self.name)).await.map_err(
            |error| {
                Failure::failed(format!(
                    "database `{}` could not be dropped, please drop it: {error}",
                    self.name
                ))
            },
        )
    }

    async fn administer(&self, sql: String) -> Result<(), sqlx::Error> {
        let mut connection = self.server.options.clone().disable_statement_logging().connect().await?;
        // The only name in it is made of fixed letters and hexadecimal digits.
        sqlx::raw_sql(AssertSqlSafe(sql)).execute(&mut connection).await?;
        connection.close().await
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
    connect::pool(&target, 1).await?.close().await;
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
