//! Connects to the database, or explains why it cannot.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgConnection, PgPoolOptions};
use sqlx::{ConnectOptions, Connection, PgPool};

use super::target::{self, Target, place};
use crate::cli::args::global::Global;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::db::worker::unusable;
use crate::types::error::driver;

/// A server that has not answered within this time counts as unreachable.
const LIMIT: Duration = Duration::from_secs(10);

/// Opens a small pool on the database that the user chose.
pub(crate) async fn connect(global: &Global, console: &Console) -> Result<PgPool, Failure> {
    pool(&target::find(global, console).await?, 4).await
}

/// Opens a pool on a database that has answered.
pub(crate) async fn pool(target: &Target, connections: u32) -> Result<PgPool, Failure> {
    Ok(pool_on(&reach(target.clone()).await?, connections))
}

/// The target of the last pool, for [`explained`].
static LAST: Mutex<Option<Target>> = Mutex::new(None);

/// Opens a pool on the first of the target's hosts, which is the primary after [`reach`].
pub(crate) fn pool_on(target: &Target, connections: u32) -> PgPool {
    *LAST.lock().unwrap_or_else(PoisonError::into_inner) = Some(target.clone());
    let pool = PgPoolOptions::new().max_connections(connections).acquire_timeout(LIMIT);
    pool.connect_lazy_with(quiet(&target.options))
}

/// Finds out why a pool had no connection. A pool reports a server that refuses connections in the same way
/// as a pool whose own connections are all in use. A direct connection gets the server's own reason; if it
/// succeeds, the pool's error was right.
pub(crate) async fn explained(failure: Failure) -> Failure {
    let target = LAST.lock().unwrap_or_else(PoisonError::into_inner).clone();
    match target {
        Some(target) => explained_on(&target, failure).await,
        None => failure,
    }
}

/// As [`explained`], of a pool on this target.
pub(crate) async fn explained_on(target: &Target, failure: Failure) -> Failure {
    let found = match target.is_standby {
        true => reach_standby(target.clone()).await.map(drop),
        false => find(target.clone()).await.map(drop),
    };
    match found {
        Err(reason) => failure.because(reason),
        Ok(()) => failure,
    }
}

/// Warns of what would make a query's result wrong: row security hides rows without an error. If this check
/// itself fails, the query fails too and reports the reason.
pub(crate) async fn warn_of_hidden(pool: &PgPool) {
    let Ok(mut connection) = pool.acquire().await else { return };
    for reason in unusable(&mut connection).await.unwrap_or_default() {
        tracing::warn!("{reason}");
    }
}

/// Turns off the driver's log, which shows statements; pgjobs logs what happened.
pub(crate) fn quiet(options: &PgConnectOptions) -> PgConnectOptions {
    options.clone().application_name("pgjobs cli").disable_statement_logging()
}

/// Checks that the server answers; of several hosts, finds the primary and puts it first.
pub(crate) async fn reach(target: Target) -> Result<Target, Failure> {
    if let Some(warning) = target.warning() {
        tracing::warn!("{warning}");
    }
    find(target).await
}

async fn find(target: Target) -> Result<Target, Failure> {
    if target.others.is_empty() {
        let answer = answer(&target.options, async |_| Ok(())).await;
        return answer.map_err(|reason| unreachable(&target, &reason)).map(|()| target);
    }
    let mut refusals = Vec::new();
    for nth in 0..=target.others.len() {
        let candidate = target.clone().led_by(nth);
        match answer(&candidate.options, is_standby).await {
            Ok(false) => return Ok(candidate),
            Ok(true) => refusals.push(format!("{} is a standby", place(&candidate.options))),
            Err(reason) => refusals.push(format!("{}: {reason}", place(&candidate.options))),
        }
    }
    let remedy = "start the primary, promote a standby or correct the list";
    let description = target.describe();
    Err(Failure::database(format!("no primary for {description}: {}; {remedy}", refusals.join("; "))))
}

/// Of the target's servers the first standby that answers, else the first that answers and is a primary, which is
/// `false`.
pub(crate) async fn reach_standby(target: Target) -> Result<(Target, bool), Failure> {
    if let Some(warning) = target.warning() {
        tracing::warn!("{warning}");
    }
    let (mut primary, mut refusals) = (None, Vec::new());
    for nth in 0..=target.others.len() {
        let candidate = target.clone().led_by(nth);
        match answer(&candidate.options, is_standby).await {
            Ok(true) => return Ok((candidate, true)),
            Ok(false) => primary = primary.or(Some(candidate)),
            Err(reason) => refusals.push(format!("{}: {reason}", place(&candidate.options))),
        }
    }
    let description = target.describe();
    primary.map(|target| (target, false)).ok_or_else(|| {
        Failure::database(format!(
            "cannot reach the standby, {description}: {}; or leave it out to read from the primary",
            refusals.join("; ")
        ))
    })
}

async fn is_standby(connection: &mut PgConnection) -> Result<bool, sqlx::Error> {
    sqlx::query_scalar("select pg_is_in_recovery()").fetch_one(connection).await
}

/// Runs `question` on a direct connection and returns its answer, or the reason and the remedy. A pool would
/// hide the reason behind its own time-out.
async fn answer<T>(
    options: &PgConnectOptions,
    question: impl AsyncFnOnce(&mut PgConnection) -> Result<T, sqlx::Error>,
) -> Result<T, String> {
    let answer = async {
        let mut connection = quiet(options).connect().await?;
        let answer = question(&mut connection).await?;
        drop(connection.close().await);
        Ok(answer)
    };
    let late = || format!("no answer within {} s; check the host and the port", LIMIT.as_secs());
    let answer = tokio::time::timeout(LIMIT, answer).await.map_err(|_| late())?;
    answer.map_err(|error: sqlx::Error| format!("{}; {}", driver::said(&error), remedy(&error)))
}

fn unreachable(target: &Target, reason: &str) -> Failure {
    Failure::database(format!("cannot reach {}: {reason}", target.describe()))
}

fn remedy(error: &sqlx::Error) -> &'static str {
    let code = error.as_database_error().and_then(|error| error.code());
    match (code.as_deref(), error) {
        (Some("28P01" | "28000"), _) => "check the user and the password",
        (Some("3D000"), _) => "create the database or correct its name",
        (Some(code), _) if code.starts_with("53") => "close other connections or raise max_connections",
        (_, sqlx::Error::Tls(_)) => "check sslmode in the URL",
        (_, sqlx::Error::Io(_)) => "start the server or correct the address",
        _ => "check the address",
    }
}
