//! The standby from which commands that only read may read, instead of the primary.

use sqlx::PgPool;

use super::connect;
use super::places;
use super::readers::{self, Readers};
use super::target::{self, Target, place};
use crate::cli::args::global::Global;
use crate::cli::args::read_from::ReadFrom;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::inspect::{self, Standby};

/// The variable with the URL of the standby.
const VARIABLE: &str = "PGJOBS_READ_DSN";
/// From so many seconds on it is a warning that the data are old, and no note.
const OLD: f64 = 5.0;

/// What a command reads: the standby if one is named, which says how old its data are, else what the user chose.
pub(crate) async fn chosen(from: &ReadFrom, global: &Global, console: &Console) -> Result<Readers, Failure> {
    let Some(target) = standby(from)? else { return readers::chosen(global, console).await };
    places::only(global, console).await?;
    let (target, pool) = pool(target, 4).await?;
    tell(&target, &pool, console).await;
    Ok(Readers::of(target, pool))
}

/// The standby that is named, if any.
pub(crate) fn standby(from: &ReadFrom) -> Result<Option<Target>, Failure> {
    if let Some(url) = &from.read_dsn {
        let target = target::of_url(url, "--read-dsn")?;
        if target::has_password(url) {
            return Err(Failure::usage(format!(
                "--read-dsn has a password, and arguments are visible to every user (`ps`): name the standby in \
                 {VARIABLE} instead, or the password in PGPASSWORD or ~/.pgpass"
            )));
        }
        return Ok(Some(target));
    }
    let url = std::env::var(VARIABLE).ok().filter(|url| !url.is_empty());
    url.map(|url| target::of_url(&url, VARIABLE)).transpose()
}

/// Opens a pool on the standby, of several on the first that answers, whose sessions cannot write.
pub(crate) async fn pool(target: Target, connections: u32) -> Result<(Target, PgPool), Failure> {
    let description = target.describe();
    let (target, is_standby) = connect::reach_standby(target).await.map_err(|reasons| {
        Failure::database(format!(
            "cannot reach the standby, {description}: {reasons}; or leave it out to read from the primary"
        ))
    })?;
    if is_standby {
        let pool = connect::pool_on(&target, connections);
        return Ok((target, pool));
    }
    tracing::warn!(
        "{} is no standby but a primary, and is read from all the same: was it promoted? Correct {VARIABLE}",
        place(&target.options)
    );
    let read_only = target.clone().with_setting("default_transaction_read_only", "on");
    Ok((target, connect::pool_on(&read_only, connections)))
}

/// Says how old the data are. Where the schema is too old to know, nothing.
async fn tell(target: &Target, pool: &PgPool, console: &Console) {
    let Ok(Some(standby)) = inspect::standby(pool).await else { return };
    let words = words(&standby);
    if standby.seconds >= OLD {
        tracing::warn!("{}, a standby, {words}", place(&target.options));
    } else {
        console.note(format!("read from {}, a standby, which {words}", place(&target.options)));
    }
}

/// How old the data of a standby are, for people.
pub(crate) fn words(standby: &Standby) -> String {
    let receives = if standby.streaming { "" } else { ", and receives nothing from a primary" };
    match standby.seconds as i64 {
        0 => format!("shows the present{receives}"),
        seconds => {
            let bytes = format::count(standby.bytes);
            format!("shows what was {} ago ({bytes} bytes are not replayed){receives}", format::span(seconds))
        }
    }
}
