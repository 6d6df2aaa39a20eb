//! Reaching the database, or saying why not.

use std::time::Duration;

use sqlx::postgres::PgPoolOptions;
use sqlx::{ConnectOptions, Connection, PgPool};

use super::console::Console;
use super::dsn::{self, Target};
use super::exit::Failure;
use super::options::Global;

/// A server that has not answered by then is not going to.
const LIMIT: Duration = Duration::from_secs(10);

/// A small pool on the database that the user means.
pub(super) async fn connect(global: &Global, console: &Console) -> Result<PgPool, Failure> {
    pool(&dsn::find(global, console).await?, 4).await
}

/// A pool on a database that was seen to answer.
pub(super) async fn pool(target: &Target, connections: u32) -> Result<PgPool, Failure> {
    // The log of the driver shows statements; ours says what happened.
    let options = target.options.clone().application_name("pgjobs cli").disable_statement_logging();
    if let Some(warning) = target.warning() {
        tracing::warn!("{warning}");
    }
    // Not through the pool: it would hide the reason behind its own time-out.
    match tokio::time::timeout(LIMIT, options.connect()).await {
        Ok(Ok(connection)) => drop(connection.close().await),
        Ok(Err(error)) => return Err(unreachable(target, &error)),
        Err(_) => {
            let reason = format!("no answer within {} s; check the host and the port", LIMIT.as_secs());
            return Err(Failure::database(format!("cannot reach {}: {reason}", target.describe())));
        }
    }
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(LIMIT);
    Ok(pool.connect_lazy_with(options))
}

fn unreachable(target: &Target, error: &sqlx::Error) -> Failure {
    let code = error.as_database_error().and_then(|error| error.code());
    let remedy = match (code.as_deref(), error) {
        (Some("28P01" | "28000"), _) => "check the user and the password",
        (Some("3D000"), _) => "create the database or correct its name",
        (Some(code), _) if code.starts_with("53") => "close other connections or raise max_connections",
        (_, sqlx::Error::Tls(_)) => "check sslmode in the URL",
        (_, sqlx::Error::Io(_)) => "start the server or correct the address",
        _ => "check the address",
    };
    Failure::database(format!("cannot reach {}: {error}; {remedy}", target.describe()))
}
