//! What commands that only read may ask instead of the primary: a standby.

use sqlx::PgPool;

use super::connect;
use super::readers::{self, Readers};
use super::standby;
use super::target::{Target, place};
use crate::cli::args::global::Global;
use crate::cli::args::read_from::ReadFrom;
use crate::cli::output::console::Console;
use crate::cli::output::failure::Failure;
use crate::cli::output::format;
use crate::inspect::{self, Standby};

/// From so many seconds on it is a warning that the data are old, and no note.
const OLD: f64 = 5.0;

/// What a command reads: the standby if one is named, which says how old its data are, else what the user chose.
pub(crate) async fn chosen(from: &ReadFrom, global: &Global, console: &Console) -> Result<Readers, Failure> {
    let Some(target) = standby::chosen(from, global).await? else {
        return readers::chosen(global, console).await;
    };
    let (target, pool) = pool(target, 4).await?;
    tell(&target, &pool, console).await;
    Ok(Readers::of(target, pool))
}

/// Opens a pool on the standby, of several hosts on the first that answers, whose sessions cannot write.
pub(crate) async fn pool(target: Target, connections: u32) -> Result<(Target, PgPool), Failure> {
    let (target, is_standby) = connect::reach_standby(target).await?;
    if is_standby {
        let pool = connect::pool_on(&target, connections);
        return Ok((target, pool));
    }
    tracing::warn!(
        "{} is no standby but a primary, and is read from all the same: was it promoted? Correct {}",
        place(&target.options),
        standby::VARIABLE
    );
    let pool = read_only(target.clone(), connections);
    Ok((target, pool))
}

/// A pool on the first host, whose sessions cannot write. Nothing is connected yet.
pub(crate) fn read_only(target: Target, connections: u32) -> PgPool {
    connect::pool_on(&target.with_setting("default_transaction_read_only", "on"), connections)
}

/// Says how old the data are; where the schema is too old to know, only from where they are.
async fn tell(target: &Target, pool: &PgPool, console: &Console) {
    let Ok(standby) = inspect::standby(pool).await else {
        return console
            .note(format!("read from {}, which does not say how old its data are", place(&target.options)));
    };
    let Some(standby) = standby else { return };
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
