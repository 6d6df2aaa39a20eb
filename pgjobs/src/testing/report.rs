//! What a drain did, with the errors of the runs that failed.

use std::fmt::{self, Write as _};
use std::ops::Deref;
use std::sync::{Arc, Mutex, PoisonError};

use super::error::TestError;
use crate::task::job::Job;
use crate::task::layer::{Layer, Next};
use crate::types::job_id::JobId;
use crate::types::task_error::{RunResult, TaskError};
use crate::types::text::shown;
use crate::worker::WorkerReport;

/// The most failed runs that a report keeps.
const KEPT: usize = 100;
/// The most that its texts list, and the longest text of an error there, in characters.
const LISTED: usize = 20;
const LONGEST: usize = 400;

/// What a [`Drain`](super::Drain) did: the counts of its workers, by [`Deref`], and the runs that failed.
///
/// Its `Debug` shows why they did, so it is the message of a good assertion. When a test fails, its output
/// shows that anyway.
///
/// ```no_run
/// # use pgjobs::testing::Database;
/// # async fn f(db: Database) -> Result<(), Box<dyn std::error::Error>> {
/// let report = db.drain().await?;
/// assert_eq!((report.succeeded, report.retried), (3, 1), "{report:?}");
/// assert_eq!(report.failures()[0].error.message(), "smtp is down");
///
/// db.drain().await?.no_failures()?; // fails the test when a run failed
/// # Ok(()) }
/// ```
#[derive(Clone)]
#[must_use = "only the report says that runs failed: `.no_failures()?` makes that an error, `let _ =` ignores it"]
pub struct Report {
    counts: WorkerReport,
    failures: Vec<FailedRun>,
}

impl Report {
    /// The runs that ended in an error, whether their jobs run again or not, in the order of their ends; the
    /// first hundred.
    pub fn failures(&self) -> &[FailedRun] {
        &self.failures
    }

    /// Fails the test when a run failed, whether its job runs again or not.
    ///
    /// # Errors
    /// [`TestError::Failed`], which lists the runs that did.
    pub fn no_failures(self) -> Result<(), TestError> {
        if self.failures.is_empty() { Ok(()) } else { Err(TestError::Failed(self)) }
    }

    /// The failed runs, a line for each.
    pub(super) fn list(&self) -> String {
        listed(&self.failures, self.counts.failed + self.counts.retried)
    }
}

impl Deref for Report {
    type Target = WorkerReport;

    fn deref(&self) -> &WorkerReport {
        &self.counts
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.counts, f)?;
        f.write_str(&self.list())
    }
}

/// A run that ended in an error, of a [`Report`].
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct FailedRun {
    /// The task.
    pub task: String,
    /// The job.
    pub id: JobId,
    /// Which run of the job it was, from 1.
    pub attempt: i32,
    /// What the run ended in.
    pub error: TaskError,
}

fn listed(failures: &[FailedRun], all: u64) -> String {
    let line = |run: &FailedRun| {
        let FailedRun { task, id, attempt, error } = run;
        let text = error.to_string();
        let text: String = shown(&text).chars().take(LONGEST).collect();
        format!("\n  run {attempt} of job {id} of `{}` failed: {text}", shown(task))
    };
    let mut list: String = failures.iter().take(LISTED).map(line).collect();
    let listed = failures.len().min(LISTED) as u64;
    if all > listed && listed > 0 {
        let _ = write!(list, "\n  and {} more", all - listed);
    }
    list
}

/// The layer that hears of the failures.
#[derive(Debug, Clone, Default)]
pub(super) struct Failures(Arc<Mutex<Vec<FailedRun>>>);

impl Failures {
    fn all(&self) -> Vec<FailedRun> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(super) fn report(&self, counts: WorkerReport) -> Report {
        Report { counts, failures: self.all() }
    }

    /// Prints them, which a test that fails shows: an assertion on a count does not say why it is another.
    pub(super) fn tell(&self) {
        let all = self.all();
        if !all.is_empty() {
            eprintln!("in a drain:{}", listed(&all, 0));
        }
    }
}

impl Layer for Failures {
    async fn run(&self, job: &Job, next: Next<'_>) -> RunResult {
        let result = next.run().await;
        if let Err(error) = &result
            && !error.is_snooze()
            && !job.is_cancelled()
        {
            let mut failures = self.0.lock().unwrap_or_else(PoisonError::into_inner);
            if failures.len() < KEPT {
                let (task, id) = (job.task().to_owned(), job.id().clone());
                failures.push(FailedRun { task, id, attempt: job.attempt(), error: error.clone() });
            }
        }
        result
    }
}
