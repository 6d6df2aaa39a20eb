//! Schedules: jobs that are published at set times, by whichever worker is there.
//!
//! A task may declare its schedules, `#[task(cron = "0 3 * * *", zone = "Europe/Berlin")]`; a worker saves
//! them when it starts. Others are made while the program runs, by [`Schedule::save`], by the command line or
//! in SQL: the same rows, which anybody may list, pause, run, or change.
//!
//! There is no scheduler to run or to elect. Every worker looks about once a second which schedules are due,
//! and publishes their jobs, each once: a tick and its job commit together, under a lock of the schedule's
//! row. In a database without workers [`tick`] does the same.
//!
//! ```no_run
//! use pgjobs::schedule::{self, CatchUp, Overlap, Schedule};
//! use pgjobs::task;
//!
//! #[task]
//! async fn report(customer: i64) {}
//!
//! # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
//! // When the customer asks for it; in the same transaction as the customer's settings.
//! let mut tx = pool.begin().await?;
//! Schedule::new("report.of.7", &report::new(7))
//!     .cron("0 7 * * mon-fri")
//!     .zone("Europe/Berlin")
//!     .catch_up(CatchUp::Last)
//!     .overlap(Overlap::Skip)
//!     .save(&mut *tx)
//!     .await?;
//! tx.commit().await?;
//!
//! schedule::pause(&pool, "report.of.7", Some("their office moves")).await?;
//! for tick in schedule::next_ticks(&pool, "report.of.7", 5).await? {
//!     println!("{tick}");
//! }
//! # Ok(()) }
//! ```
//!
//! A job that a schedule publishes passes no layer of [`on_publish`](crate::on_publish): the database
//! publishes it.
//!
//! What changes schedules takes a pool, or a connection or transaction of yours as `&mut *tx`; what reads
//! takes a pool.
//!
//! Each function returns [`Error::Refused`] with `PT404` for a name that no schedule has, with `PT403` when
//! the role may not publish the schedule's task, and [`Error::Database`] when its query fails.

mod builder;
#[cfg(any(feature = "cli", feature = "web"))]
pub(crate) mod english;

use chrono::{DateTime, Utc};
use sqlx::{PgExecutor, PgPool};

use crate::db::schedule as db;
use crate::types::error::Error;
use crate::types::job_id::JobId;

pub use crate::db::explain::Reason;
pub use crate::db::schedule::{ScheduleEntry, ScheduleRow};
pub use crate::task::job::Tick;
pub use crate::types::schedule::{CatchUp, Fold, Gap, Overlap};
pub use builder::Schedule;

/// All schedules whose name is under a pattern (`*`: all), in the order of their names.
pub async fn list(pool: &PgPool, pattern: &str) -> Result<Vec<ScheduleRow>, Error> {
    const PAGE: i32 = 1000;
    let mut connection = pool.acquire().await?;
    let mut all: Vec<ScheduleRow> = Vec::new();
    loop {
        let after = all.last().map_or(String::new(), |row| row.name.clone());
        let page = db::list(&mut connection, pattern, &after, PAGE).await?;
        let is_last = page.len() < PAGE.unsigned_abs() as usize;
        all.extend(page);
        if is_last {
            return Ok(all);
        }
    }
}

/// The schedule of this name.
pub async fn get(pool: &PgPool, name: &str) -> Result<ScheduleRow, Error> {
    db::get(&mut *pool.acquire().await?, name).await
}

/// Stops a schedule's ticks, with a note for others that says why. [`run`] still runs it.
pub async fn pause(
    database: impl PgExecutor<'_>,
    name: &str,
    note: Option<&str>,
) -> Result<ScheduleRow, Error> {
    db::pause(database, name, note).await
}

/// Lets a paused schedule tick again. With `catch_up`, ticks of the pause are made up for as its policy says;
/// without, it is next due after now.
pub async fn resume(database: impl PgExecutor<'_>, name: &str, catch_up: bool) -> Result<ScheduleRow, Error> {
    db::resume(database, name, catch_up).await
}

/// Removes a schedule and its log; `false` when there was none. One that the code declares comes back with
/// the next worker that starts: pause it instead.
pub async fn drop(database: impl PgExecutor<'_>, name: &str) -> Result<bool, Error> {
    db::remove(database, name).await
}

/// Publishes its job now; the next tick stays, and a pause does not matter.
pub async fn run(database: impl PgExecutor<'_>, name: &str) -> Result<JobId, Error> {
    db::run(database, name).await
}

/// Publishes a job for each tick from one time to another, both included, and returns them.
///
/// # Errors
/// [`Error::Refused`] with `PT413` when there are more than 1000; its hint says where to divide.
pub async fn backfill(
    database: impl PgExecutor<'_>,
    name: &str,
    from: DateTime<Utc>,
    to: DateTime<Utc>,
) -> Result<Vec<(DateTime<Utc>, JobId)>, Error> {
    db::backfill(database, name, from, to).await
}

/// The last entries of its log, newest first, 200 at most: what became of each tick, and who changed the
/// schedule.
pub async fn log(pool: &PgPool, name: &str, num: u8) -> Result<Vec<ScheduleEntry>, Error> {
    db::log(&mut *pool.acquire().await?, name, i32::from(num)).await
}

/// Why it published nothing lately, or when it will; the most important reason first.
pub async fn explain(pool: &PgPool, name: &str) -> Result<Vec<Reason>, Error> {
    db::explain(&mut *pool.acquire().await?, name).await
}

/// Its next ticks, whether it is paused or not; 1000 at most.
pub async fn next_ticks(pool: &PgPool, name: &str, num: u16) -> Result<Vec<DateTime<Utc>>, Error> {
    db::ticks(&mut *pool.acquire().await?, name, i32::from(num), None).await
}

/// The next times at which a cron line is due in a zone after a time (`None`: now), to look at before it is
/// used; 1000 at most.
pub async fn preview(
    pool: &PgPool,
    cron: &str,
    zone: &str,
    num: u16,
    after: Option<DateTime<Utc>>,
) -> Result<Vec<DateTime<Utc>>, Error> {
    db::ticks_of(&mut *pool.acquire().await?, cron, zone, i32::from(num), after).await
}

/// Publishes the jobs of up to `limit` schedules that are due, as every worker does about once a second, and
/// returns how many were due: for a database without workers.
pub async fn tick(database: impl PgExecutor<'_>, limit: u16) -> Result<u32, Error> {
    let due = db::tick(database, i32::from(limit)).await?;
    Ok(due.unsigned_abs())
}
