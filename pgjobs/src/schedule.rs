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
//! takes a pool. The database user needs one of the roles `jobs_publisher`, `jobs_worker` and `jobs_admin`
//! ([`tick`]: one of the last two); to read, `jobs_reader` will do.
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

/// All schedules whose name is under a pattern (`*`: all), in the order of their names. A role that is
/// restricted to topics sees those of its tasks.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for schedule in pgjobs::schedule::list(&pool, "report.*").await? {
///     println!("{} publishes {}, next at {:?}", schedule.name, schedule.task, schedule.next_at);
/// }
/// # Ok(()) }
/// ```
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

/// The schedule of this name, with its next tick, its last one, and who has paused it.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let schedule = pgjobs::schedule::get(&pool, "report.of.7").await?;
/// match schedule.paused_at {
///     Some(since) => println!("paused since {since}: {}", schedule.pause_note.unwrap_or_default()),
///     None => println!("next at {:?}", schedule.next_at),
/// }
/// # Ok(()) }
/// ```
pub async fn get(pool: &PgPool, name: &str) -> Result<ScheduleRow, Error> {
    db::get(&mut *pool.acquire().await?, name).await
}

/// Stops a schedule's ticks until [`resume`], with a note for others that says why. Jobs that it has
/// published stay, and [`run`] still runs it. A worker that declares it anew leaves it paused. Of a schedule
/// that is paused this changes the note.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let schedule = pgjobs::schedule::pause(&pool, "report.of.7", Some("their office moves")).await?;
/// println!("paused by {:?}; its last report is job {:?}", schedule.paused_by, schedule.last_job);
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT400` for a note of more than 1,000 characters.
pub async fn pause(
    database: impl PgExecutor<'_>,
    name: &str,
    note: Option<&str>,
) -> Result<ScheduleRow, Error> {
    db::pause(database, name, note).await
}

/// Lets a paused schedule tick again; does nothing to one that is not paused. With `catch_up`, ticks of the
/// pause are made up for as its policy says ([`CatchUp`]); without, it is next due at its first tick after
/// now.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// // Nobody reads the reports of the days when the office was closed.
/// let schedule = pgjobs::schedule::resume(&pool, "report.of.7", false).await?;
/// println!("the next report is of {:?}", schedule.next_at);
/// # Ok(()) }
/// ```
pub async fn resume(database: impl PgExecutor<'_>, name: &str, catch_up: bool) -> Result<ScheduleRow, Error> {
    db::resume(database, name, catch_up).await
}

/// Removes a schedule and its log; `false` when there was none. Jobs that it has published stay. One that the
/// code declares comes back with the next worker that starts: pause it instead.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// // Customer and report go together, or, when the transaction is rolled back, neither does.
/// let mut tx = pool.begin().await?;
/// sqlx::query("delete from customer where id = 7").execute(&mut *tx).await?;
/// let had_report = pgjobs::schedule::drop(&mut *tx, "report.of.7").await?;
/// tx.commit().await?;
/// # Ok(()) }
/// ```
pub async fn drop(database: impl PgExecutor<'_>, name: &str) -> Result<bool, Error> {
    db::remove(database, name).await
}

/// Publishes its job now, with the present time as its tick; the next tick stays, and a pause does not
/// matter. Returns the job, or the one that holds its unique key where there is one.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let job = pgjobs::schedule::run(&pool, "report.of.7").await?;
/// println!("the report will be the result of job {job}");
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT413` or `PT422` as for publishing the job.
pub async fn run(database: impl PgExecutor<'_>, name: &str) -> Result<JobId, Error> {
    db::run(database, name).await
}

/// Publishes a job for each tick from one time to another, both included, and returns these times with their
/// jobs. For what was not there yet, or has to be done again: it does not look for jobs that the schedule has
/// published for the same times before. The next tick stays.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::chrono::{TimeDelta, Utc};
///
/// // The prices of last week were wrong: its reports once more.
/// let (from, to) = (Utc::now() - TimeDelta::days(7), Utc::now());
/// for (tick, job) in pgjobs::schedule::backfill(&pool, "report.of.7", from, to).await? {
///     println!("the report of {tick} is job {job}");
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT413` when there are more than 1000; its hint says where to divide. With `PT400`
/// for a time that ends before it begins, is longer than 100 years, or does not lie within 1900 and 3000. As
/// [`run`] for what it publishes.
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
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for entry in pgjobs::schedule::log(&pool, "report.of.7", 20).await? {
///     println!("{}: {} {}", entry.at, entry.outcome, entry.reason.unwrap_or_default());
/// }
/// # Ok(()) }
/// ```
pub async fn log(pool: &PgPool, name: &str, num: u8) -> Result<Vec<ScheduleEntry>, Error> {
    db::log(&mut *pool.acquire().await?, name, i32::from(num)).await
}

/// Why it published nothing lately, or when it will; the most important reason first.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for reason in pgjobs::schedule::explain(&pool, "report.of.7").await? {
///     println!("{}: {}, until {:?}", reason.code, reason.message, reason.until);
/// }
/// # Ok(()) }
/// ```
pub async fn explain(pool: &PgPool, name: &str) -> Result<Vec<Reason>, Error> {
    db::explain(&mut *pool.acquire().await?, name).await
}

/// Its next ticks, whether it is paused or not; 1000 at most, and fewer where it ends before.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// for tick in pgjobs::schedule::next_ticks(&pool, "report.of.7", 5).await? {
///     println!("{}", tick.format("%A, %e %B, %H:%M UTC"));
/// }
/// # Ok(()) }
/// ```
pub async fn next_ticks(pool: &PgPool, name: &str, num: u16) -> Result<Vec<DateTime<Utc>>, Error> {
    db::ticks(&mut *pool.acquire().await?, name, i32::from(num), None).await
}

/// The next times at which a cron line is due in a zone after a time (`None`: now), to look at before it is
/// used; 1000 at most, none of them more than a hundred years away.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// use pgjobs::{Error, schedule};
///
/// let line = "0 7 * * mon-fri"; // as somebody has typed it
/// match schedule::preview(&pool, line, "Europe/Berlin", 3, None).await {
///     Ok(ticks) => println!("next at {ticks:?}"),
///     Err(Error::Refused { message, .. }) => println!("{message}"),
///     Err(error) => return Err(error),
/// }
/// # Ok(()) }
/// ```
///
/// # Errors
/// [`Error::Refused`] with `PT400` for a line or a zone that is none; its message names the field that is
/// wrong.
pub async fn preview(
    pool: &PgPool,
    cron: &str,
    zone: &str,
    num: u16,
    after: Option<DateTime<Utc>>,
) -> Result<Vec<DateTime<Utc>>, Error> {
    db::ticks_of(&mut *pool.acquire().await?, cron, zone, i32::from(num), after).await
}

/// Publishes the jobs of up to `limit` schedules that are due, at most 10,000, the longest due first, as
/// every worker does about once a second, and returns how many schedules it ticked: for a database without
/// workers.
///
/// A schedule whose job is refused counts; its log says why. One that another transaction has locked is left
/// to the next call.
///
/// ```no_run
/// # async fn f(pool: sqlx::PgPool) -> Result<(), pgjobs::Error> {
/// let mut seconds = tokio::time::interval(std::time::Duration::from_secs(1));
/// loop {
///     seconds.tick().await;
///     while pgjobs::schedule::tick(&pool, 200).await? == 200 {} // there may be more
/// }
/// # }
/// ```
pub async fn tick(database: impl PgExecutor<'_>, limit: u16) -> Result<u32, Error> {
    let due = db::tick(database, i32::from(limit)).await?;
    Ok(due.unsigned_abs())
}
