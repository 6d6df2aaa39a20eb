//! What is done to schedules.

use chrono::{DateTime, Utc};

use crate::db;
use crate::web::dashboard::ask::Ask;
use crate::web::dashboard::failed::Failed;
use crate::web::dashboard::form::Fields;
use crate::web::dashboard::url::encode;
use crate::web::dashboard::view::Done;

fn back(ask: &Ask) -> Done {
    Done::Go(format!("/schedules/{}", encode(ask.param("name"))))
}

/// Publishes a job of it now; the browser goes to that job.
pub(in crate::web::dashboard) async fn run(ask: &Ask, _: &Fields) -> Result<Done, Failed> {
    let mut tx = ask.write().await?;
    let job = db::schedule::run(&mut *tx, ask.param("name")).await?;
    tx.commit().await?;
    Ok(Done::Go(format!("/jobs/{job}")))
}

/// Pauses it.
pub(in crate::web::dashboard) async fn pause(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let mut tx = ask.write().await?;
    db::schedule::pause(&mut *tx, ask.param("name"), Some(&ask.reason(fields))).await?;
    tx.commit().await?;
    Ok(back(ask))
}

/// Resumes it; what it missed meanwhile stays missed.
pub(in crate::web::dashboard) async fn resume(ask: &Ask, _: &Fields) -> Result<Done, Failed> {
    let mut tx = ask.write().await?;
    db::schedule::resume(&mut *tx, ask.param("name"), false).await?;
    tx.commit().await?;
    Ok(back(ask))
}

/// Publishes a job for each tick in a time that is over.
pub(in crate::web::dashboard) async fn backfill(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let (from, to) = (time(fields, "from")?, time(fields, "to")?);
    let mut tx = ask.write().await?;
    db::schedule::backfill(&mut *tx, ask.param("name"), from, to).await?;
    tx.commit().await?;
    Ok(back(ask))
}

/// Changes its cron line and zone, and nothing else of it.
pub(in crate::web::dashboard) async fn edit(ask: &Ask, fields: &Fields) -> Result<Done, Failed> {
    let cron =
        fields.get("cron").ok_or_else(|| Failed::bad("a schedule needs a cron line, such as 0 3 * * *"))?;
    let zone = fields.get("zone").unwrap_or("UTC");
    let mut tx = ask.write().await?;
    db::schedule::set_line(&mut tx, ask.param("name"), cron, zone).await?;
    tx.commit().await?;
    Ok(back(ask))
}

fn time(fields: &Fields, name: &str) -> Result<DateTime<Utc>, Failed> {
    let text = fields
        .get(name)
        .ok_or_else(|| Failed::bad(format!("`{name}` is a time like 2026-11-28T00:00:00Z")))?;
    text.trim()
        .parse()
        .map_err(|_| Failed::bad(format!("{text} is no time: write it as 2026-11-28T00:00:00Z")))
}
