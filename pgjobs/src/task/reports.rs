//! What a job says while it runs: its progress, and where its log goes.

use std::sync::{Arc, OnceLock};

use super::job::Job;
use super::notes::RunNotes;
use super::outbox::Outbox;
use super::secrets::Secrets;
use crate::types::log_level::LogLevel;
use crate::types::progress::{Amount, Total};

/// The part of a [`Job`] that reports; it makes nothing until the run says something.
#[derive(Default)]
pub(super) struct Reports {
    /// Where notes go, and from which level on the log is kept; set when the run begins.
    outbox: OnceLock<(Arc<Outbox>, LogLevel)>,
    /// What notes and errors must not say; set when the run begins, if there is something.
    secrets: OnceLock<Arc<Secrets>>,
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

    /// Its run begins: from here on it can say something.
    pub(crate) fn opens(&self, outbox: &Arc<Outbox>, level: Option<LogLevel>, secrets: Option<Secrets>) {
        if let Some(secrets) = secrets {
            let _ = self.reports.secrets.set(Arc::new(secrets));
        }
        let _ = self.reports.outbox.set((outbox.clone(), outbox.level(level)));
    }

    /// What the run says; `None` for a job that no worker runs.
    fn notes(&self) -> Option<&Arc<RunNotes>> {
        let (outbox, level) = self.reports.outbox.get()?;
        let run = (self.lease(), self.batch_index());
        let secrets = || self.reports.secrets.get().cloned();
        let new = || RunNotes::new(run, self.id().clone(), *level, outbox.clone(), secrets());
        Some(self.reports.notes.get_or_init(new))
    }

    /// What its errors must not say.
    pub(crate) fn secrets(&self) -> Option<&Secrets> {
        self.reports.secrets.get().map(|secrets| &**secrets)
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
