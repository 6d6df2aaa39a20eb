//! A schedule before it is saved.

use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgExecutor;

use crate::db::schedule::{self as db, ScheduleRow};
use crate::publish::{NewJob, draft_of};
use crate::task::definition::Task;
use crate::types::error::Error;
use crate::types::job_request::JobRequest;
use crate::types::schedule::{CatchUp, Fold, Gap, Overlap};

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

    /// Due as a cron line says: minute, hour, day of the month, month, weekday, as in `*/5 9-17 * * mon-fri`.
    /// Days may also be `L`, `15W` and `LW`, weekdays `fri#2` and `friL`; `@daily` and its like are lines as
    /// well.
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

    /// Delays each tick by a part of this length, at most a day, that its name and time decide: so that a
    /// thousand schedules of midnight do not all run at once.
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

    /// Makes the schedule, or replaces all that was said of the one of this name but whether it is paused.
    /// One whose times change is next due at the first of the new times; one whose times stay keeps its next
    /// tick.
    ///
    /// Inside a transaction of yours it holds from the commit on; until then the schedule of this name has no
    /// ticks.
    ///
    /// # Errors
    /// [`Error::Refused`] with `PT400` for a cron line, zone, length or number that is none, or that is never
    /// due; with `PT403`, `PT413`, `PT422` as for publishing the job. [`Error::Encode`] and [`Error::Option`]
    /// before anything is sent, for arguments and notes that JSON cannot represent.
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
