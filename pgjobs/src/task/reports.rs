//! What a job says while it runs: its progress, where its log goes, and which key of a limit shall rest.

use std::sync::{Arc, OnceLock};

use chrono::{DateTime, Utc};
use serde::Serialize;
use sqlx::PgPool;

use super::job::Job;
use super::notes::RunNotes;
use super::outbox::Outbox;
use super::state::State;
use crate::db;
use crate::types::error::Error;
use crate::types::log_level::LogLevel;
use crate::types::progress::{Amount, Total};

/// The part of a [`Job`] that reports; it makes nothing until the run says something.
#[derive(Default)]
pub(super) struct Reports {
    /// Where notes go, and from which level on the log is kept; set when the run begins.
    outbox: OnceLock<(Arc<Outbox>, LogLevel)>,
    /// What the worker was given; set when the run begins.
    state: OnceLock<Arc<State>>,
    notes: OnceLock<Arc<RunNotes>>,
}

impl Job {
    /// Says how far this run is: `done` of `total` (`None`: not known), in units of your own, and a note of
    /// at most 1,000 characters; longer ones are cut.
    ///
    /// Call it as often as you like, from anywhere: it stores the report in this process and returns at once.
    /// The worker sends the newest report of each run at most twice a second, and the last one when the run
    /// ends. It is shown by `pgjobs inspect job`, [`JobHandle::progress`](crate::JobHandle::progress),
    /// [`inspect::progress`](crate::inspect::progress) and `jobs.progress_of`, for each attempt, and is kept
    /// as long as history is. Numbers that are not finite say nothing. A run that lost its lease is not heard
    /// any more. A job that no worker runs, as in a test of the function alone, says nothing to nobody.
    ///
    /// ```
    /// use pgjobs::{Job, TaskError, task};
    ///
    /// #[task]
    /// async fn import(#[inject] job: &Job, files: Vec<String>) -> Result<(), TaskError> {
    ///     for (done, file) in files.iter().enumerate() {
    ///         job.progress(done, files.len(), file.as_str());
    ///         // …
    ///     }
    ///     job.progress(files.len(), files.len(), None);
    ///     Ok(())
    /// }
    /// ```
    pub fn progress<'a>(&self, done: impl Amount, total: impl Total, note: impl Into<Option<&'a str>>) {
        if let Some(notes) = self.notes() {
            notes.report(done.number(), total.maybe_number(), note.into());
        }
    }

    /// Says how far this run is in per cent: [`progress`](Job::progress) of 100, without a note.
    ///
    /// ```
    /// # fn f(job: &pgjobs::Job) {
    /// job.percent(37.5);
    /// # }
    /// ```
    pub fn percent(&self, done: impl Amount) {
        self.progress(done, 100, None);
    }

    /// Closes a key of a limit: no job of it starts before that time. For the answer of a service that says
    /// when it will take more; runs that go on, also this one, go on. The key is one value, or several as a
    /// tuple in the order of the limit's key; `()` for a limit without one.
    ///
    /// Return [`TaskError::retry_in`](crate::TaskError::retry_in) or the like afterwards, if the job has to
    /// run again. It uses a connection of the worker's pool; code without the job calls
    /// [`limits::block_key`](crate::limits::block_key). A job that no worker runs, as in a test of the
    /// function alone, closes nothing.
    ///
    /// ```
    /// use pgjobs::{Job, TaskError, chrono::{TimeDelta, Utc}, task};
    /// # enum Answer { Done, TooMany { seconds: i64 } }
    /// # async fn charge(_: &str) -> Answer { Answer::Done }
    ///
    /// #[task(limit(name = "stripe", key = account, rate = "100/s"))]
    /// async fn pay(#[inject] job: &Job, account: String) -> Result<(), TaskError> {
    ///     match charge(&account).await {
    ///         Answer::Done => Ok(()),
    ///         Answer::TooMany { seconds } => {
    ///             job.block_key("stripe", &account, Utc::now() + TimeDelta::seconds(seconds)).await?;
    ///             Err("429".into())
    ///         }
    ///     }
    /// }
    /// ```
    ///
    /// # Errors
    /// [`Error::Refused`] with `PT404` for a name that no limit has, with `PT400` for another number of
    /// values in the key; [`Error::Encode`] for a key that is not JSON; [`Error::Database`] otherwise.
    pub async fn block_key(
        &self,
        name: &str,
        key: impl Serialize,
        until: DateTime<Utc>,
    ) -> Result<(), Error> {
        let key = db::limit::key(key)?;
        let Some(pool) = self.pool() else { return Ok(()) };
        let reason = format!("asked for by job {} of {}", self.id(), self.task());
        db::limit::block_key(&*pool, name, &key, until, Some(&reason)).await
    }

    /// The worker's pool; `None` for a job that no worker runs.
    fn pool(&self) -> Option<Arc<PgPool>> {
        self.reports.state.get()?.get(self.task()).ok()
    }

    /// Its run begins: from here on it can say something.
    pub(crate) fn opens(&self, outbox: &Arc<Outbox>, level: Option<LogLevel>, state: &Arc<State>) {
        let _ = self.reports.outbox.set((outbox.clone(), outbox.level(level)));
        let _ = self.reports.state.set(state.clone());
    }

    /// What the run says; `None` for a job that no worker runs.
    fn notes(&self) -> Option<&Arc<RunNotes>> {
        let (outbox, level) = self.reports.outbox.get()?;
        let run = (self.lease(), self.batch_index());
        Some(self.reports.notes.get_or_init(|| RunNotes::new(run, self.id().clone(), *level, outbox.clone())))
    }

    /// The notes for the log of this run, if any of it is kept.
    #[cfg(feature = "logs")]
    pub(crate) fn log_notes(&self) -> Option<&Arc<RunNotes>> {
        self.reports.outbox.get().filter(|(_, level)| *level > LogLevel::Off)?;
        self.notes()
    }

    /// What the run has said, if anything.
    pub(crate) fn said(&self) -> Option<Arc<RunNotes>> {
        self.reports.notes.get().cloned()
    }
}
