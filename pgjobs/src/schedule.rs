//! Schedules: jobs that are published at set times, by whichever worker is there.
//!
//! A task may declare its schedules, `#[task(cron = "0 3 * * *", zone = "Europe/Berlin")]`; a worker saves them
//! when it starts. Others are made while the program runs, by [`Schedule::save`], by the command line or in SQL:
//! the same rows, which anybody may list, pause, run, or change.
//!
//! There is no scheduler to run or to elect. Every worker looks about once a second which schedules are due, and
//! publishes their jobs, each once: a tick and its job commit together, under a lock of the schedule's row. In a
//! database without workers [`tick`] does the same.
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
//! A job that a schedule publishes passes no layer of [`on_publish`](crate::on_publish): the database publishes it.
//!
//! What changes schedules takes a pool, or a connection or transaction of yours as `&mut *tx`; what reads takes a pool.
//!
//! Each function returns [`Error::Refused`] with `PT404` for a name that no schedule has, with `PT403` when the role may
//! not publish the schedule's task, and [`Error::Database`] when its query fails.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::{PgExecutor, PgPool};

use crate::db::schedule as db;
use crate::publish::{NewJob, draft_of};
use crate::task::definition::Task;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_request::JobRequest;

pub use crate::db::explain::Reason;
pub use crate::db::schedule::{ScheduleEntry, ScheduleRow};
pub use crate::task::job::Tick;
pub use crate::types::schedule::{CatchUp, Fold, Gap, Overlap};

/// A schedule that is about to be saved.
#[must_use = "a schedule is made by .save(…).await"]
pub struct Schedule {
    name: String,
    job: Result<JobRequest, Error>,
    cron: Option<String>,
    every: Option<Duration>,
    at: Option<DateTime<Utc>>,
    zone: Option<String>,
    gap: Option<Gap>,
    fold: Option<Fold>,
    jitter: Option<Duration>,
    catch_up: Option<CatchUp>,
    catch_up_limit: Option<i32>,
    overlap: Option<Overlap>,
}

impl Schedule {
    /// A schedule of this name, whose jobs are this call, with its task's options.
    pub fn new<T: Task>(name: impl Into<String>, call: &T) -> Self {
        Schedule::of(name.into(), draft_of(call))
    }

    /// A schedule of a task that this program does not have; the job's options count, but not its time.
    pub fn by_name(name: impl Into<String>, job: NewJob) -> Self {
        Schedule::of(name.into(), job.request())
    }

    fn of(name: String, job: Result<JobRequest, Error>) -> Self {
        Schedule {
            name,
            job,
            cron: None,
            every: None,
            at: None,
            zone: None,
            gap: None,
            fold: None,
            jitter: None,
            catch_up: None,
            catch_up_limit: None,
            overlap: None,
        }
    }

    /// Due as a cron line says: minute, hour, day of the month, month, weekday, as in `*/5 9-17 * * mon-fri`. Days may
    /// also be `L`, `15W` and `LW`, weekdays `fri#2` and `friL`; `@daily` and its like are lines as well.
    pub fn cron(mut self, line: impl Into<String>) -> Self {
        self.cron = Some(line.into());
        self
    }

    /// Due every so often, 1 second to 366 days, counted from 1970 in UTC: every 30 s is due at :00 and :30.
    pub fn every(mut self, length: Duration) -> Self {
        self.every = Some(length);
        self
    }

    /// Due once, at a time to come.
    pub fn at(mut self, at: DateTime<Utc>) -> Self {
        self.at = Some(at);
        self
    }

    /// The time zone of the cron line, such as `Europe/Berlin`; UTC otherwise. A `chrono_tz::Tz` is one.
    pub fn zone(mut self, zone: impl ToString) -> Self {
        self.zone = Some(zone.to_string());
        self
    }

    /// What happens to a time that the clock skips.
    pub fn gap(mut self, gap: Gap) -> Self {
        self.gap = Some(gap);
        self
    }

    /// What happens to a time that the clock shows twice.
    pub fn fold(mut self, fold: Fold) -> Self {
        self.fold = Some(fold);
        self
    }

    /// Delays each tick by a part of this length, at most a day, that its name and time decide: so that a thousand
    /// schedules of midnight do not all run at once.
    pub fn jitter(mut self, jitter: Duration) -> Self {
        self.jitter = Some(jitter);
        self
    }

    /// Which of several late ticks are published.
    pub fn catch_up(mut self, catch_up: CatchUp) -> Self {
        self.catch_up = Some(catch_up);
        self
    }

    /// How many late ticks are published with [`CatchUp::All`], 1 to 1000; 100 otherwise.
    pub fn catch_up_limit(mut self, ticks: u32) -> Self {
        self.catch_up_limit = Some(i32::try_from(ticks).unwrap_or(i32::MAX));
        self
    }

    /// What happens to a tick while the job of the tick before is pending or running.
    pub fn overlap(mut self, overlap: Overlap) -> Self {
        self.overlap = Some(overlap);
        self
    }

    /// Jobs with a greater priority run first; the task's otherwise.
    pub fn priority(self, priority: i32) -> Self {
        self.job(|job| job.options.priority = Some(priority))
    }

    /// The maximum number of runs of each job, 1 to 1000; the task's otherwise.
    pub fn retries(self, runs: u32) -> Self {
        self.job(|job| job.options.retries = Some(runs))
    }

    /// The time limit of a run, from 10 ms to 7 days; the task's otherwise.
    pub fn timeout(self, timeout: Duration) -> Self {
        self.job(|job| job.options.timeout = Some(timeout))
    }

    /// Notes a value on each job beside its arguments.
    pub fn meta(self, key: impl Into<String>, value: impl Serialize) -> Self {
        self.job(|job| job.options.meta.set(key.into(), value))
    }

    fn job(mut self, change: impl FnOnce(&mut JobRequest)) -> Self {
        if let Ok(job) = &mut self.job {
            change(job);
        }
        self
    }

    /// Makes the schedule, or replaces all that was said of the one of this name but whether it is paused. One whose times change is
    /// next due at the first of the new times; one whose times stay keeps its next tick.
    ///
    /// Inside a transaction of yours it holds from the commit on; until then the schedule of this name has no ticks.
    ///
    /// # Errors
    /// [`Error::Refused`] with `PT400` for a cron line, zone, length or number that is none, or that is never due;
    /// with `PT403`, `PT413`, `PT422` as for publishing the job. [`Error::Encode`] and [`Error::Option`] before anything is
    /// sent, for arguments and notes that JSON cannot represent.
    pub async fn save(self, database: impl PgExecutor<'_>) -> Result<ScheduleRow, Error> {
        let job = self.job?;
        job.options.check()?;
        let new = db::NewSchedule {
            name: &self.name,
            job: &job,
            cron: self.cron.as_deref(),
            every: self.every,
            at: self.at,
            zone: self.zone.as_deref(),
            gap: self.gap,
            fold: self.fold,
            jitter: self.jitter,
            catch_up: self.catch_up,
            catch_up_limit: self.catch_up_limit,
            overlap: self.overlap,
        };
        db::set(database, &new).await
    }
}

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

/// Lets a paused schedule tick again. With `catch_up`, ticks of the pause are made up for as its policy says; without,
/// it is next due after now.
pub async fn resume(database: impl PgExecutor<'_>, name: &str, catch_up: bool) -> Result<ScheduleRow, Error> {
    db::resume(database, name, catch_up).await
}

/// Removes a schedule and its log; `false` when there was none. One that the code declares comes back with the next
/// worker that starts: pause it instead.
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

/// The last entries of its log, newest first, 200 at most: what became of each tick, and who changed the schedule.
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

/// The next times at which a cron line is due in a zone after a time (`None`: now), to look at before it is used; 1000 at most.
pub async fn preview(
    pool: &PgPool,
    cron: &str,
    zone: &str,
    num: u16,
    after: Option<DateTime<Utc>>,
) -> Result<Vec<DateTime<Utc>>, Error> {
    db::ticks_of(&mut *pool.acquire().await?, cron, zone, i32::from(num), after).await
}

/// Publishes the jobs of up to `limit` schedules that are due, as every worker does about once a second, and returns how
/// many were due: for a database without workers.
pub async fn tick(database: impl PgExecutor<'_>, limit: u16) -> Result<u32, Error> {
    let due = db::tick(database, i32::from(limit)).await?;
    Ok(due.unsigned_abs())
}
