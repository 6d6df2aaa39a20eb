//! The options of a task and of one call: a call's options override the task's, and these override the
//! defaults.

use std::str::FromStr;
use std::time::Duration;

use chrono::{DateTime, Utc};
use serde::Serialize;

use super::backoff::Backoff;
use super::error::Error;
use super::log_level::LogLevel;
use super::meta::Meta;
use super::task_unique::TaskUnique;
use super::trace_context::Trace;
use super::unique::Unique;
pub use super::validation::Validation;

/// The options of a task's jobs, set in `#[task(…)]`; some can be overridden by a call.
///
/// ```
/// use pgjobs::define::TaskOptions;
///
/// const OPTIONS: TaskOptions = TaskOptions::new().retries(5).priority(2);
/// assert_eq!((OPTIONS.retries, OPTIONS.priority), (5, 2));
/// ```
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct TaskOptions {
    /// The maximum number of runs before the job ends as failed: 3 means at most three runs.
    pub retries: u32,
    /// The time limit of a run; then its future is stopped and the run counts as failed.
    pub timeout: Duration,
    /// At this age of a run a warning is logged, once, and [`Job::is_late`](crate::Job::is_late) is true.
    pub warn_after: Option<Duration>,
    /// Jobs with a greater priority run first.
    pub priority: i32,
    /// The delay before the next run.
    pub backoff: Backoff,
    /// Which of its ended jobs stay in history.
    pub keep: Keep,
    /// What publishing does with a job whose arguments do not fit the function.
    pub validation: Validation,
    /// From which level on the log of its runs is kept; `None`: as the worker says
    /// ([`Worker::log`](crate::Worker::log)).
    pub log: Option<LogLevel>,
    /// How the trace of a run stands to its publisher's, with feature `otel`.
    pub trace: Trace,
    /// Whether the events of its jobs are written, for those who subscribe ([`events`](mod@crate::events)).
    pub events: bool,
}

impl TaskOptions {
    /// Three runs, 60 seconds, priority 0, exponential backoff, every job kept: the same as for SQL
    /// publishers; arguments validated strictly.
    pub const DEFAULT: TaskOptions = TaskOptions {
        retries: 3,
        timeout: Duration::from_secs(60),
        warn_after: None,
        priority: 0,
        backoff: Backoff::DEFAULT,
        keep: Keep::All,
        validation: Validation::Strict,
        log: None,
        trace: Trace::Link,
        events: false,
    };

    /// The defaults, see [`DEFAULT`](TaskOptions::DEFAULT).
    pub const fn new() -> Self {
        TaskOptions::DEFAULT
    }

    /// Sets the maximum number of runs.
    pub const fn retries(mut self, runs: u32) -> Self {
        self.retries = runs;
        self
    }

    /// Sets the time limit of a run.
    pub const fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Has a warning logged at this age of a run; for an age beyond the timeout none is.
    pub const fn warn_after(mut self, age: Duration) -> Self {
        self.warn_after = Some(age);
        self
    }

    /// Sets the priority; greater ones run first.
    pub const fn priority(mut self, priority: i32) -> Self {
        self.priority = priority;
        self
    }

    /// Sets the delay before the next run.
    pub const fn backoff(mut self, backoff: Backoff) -> Self {
        self.backoff = backoff;
        self
    }

    /// Sets which of its ended jobs stay in history.
    pub const fn keep(mut self, keep: Keep) -> Self {
        self.keep = keep;
        self
    }

    /// Sets what publishing does with arguments that do not fit.
    pub const fn validation(mut self, validation: Validation) -> Self {
        self.validation = validation;
        self
    }

    /// Sets from which level on the log of its runs is kept.
    pub const fn log(mut self, level: LogLevel) -> Self {
        self.log = Some(level);
        self
    }

    /// Sets how the trace of a run stands to its publisher's.
    pub const fn trace(mut self, trace: Trace) -> Self {
        self.trace = trace;
        self
    }

    /// Sets whether the events of its jobs are written.
    pub const fn events(mut self, are_written: bool) -> Self {
        self.events = are_written;
        self
    }
}

impl Default for TaskOptions {
    fn default() -> Self {
        TaskOptions::DEFAULT
    }
}

/// Which ended jobs of a task stay in history, `jobs.job`: for a task that runs very often and whose jobs are
/// never queried, this saves the database a row per job.
///
/// It is a property of the task, and applies to all its jobs from the moment that a worker declares it. A job
/// that is not kept leaves no row: no result and no error, it is not counted, and it cannot be retried by
/// hand. [`JobHandle::wait`](crate::JobHandle::wait) returns [`Error::NotKept`](crate::Error::NotKept) when
/// the job ends during the wait and [`Error::UnknownJob`](crate::Error::UnknownJob) later. So wait only for
/// jobs that are kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Keep {
    /// All of them.
    #[default]
    All,
    /// Those that failed or were cancelled; no successes.
    Failed,
    /// No job, however it ended.
    None,
}

impl Keep {
    /// The name in SQL and in `#[task(keep = "…")]`.
    pub fn as_str(self) -> &'static str {
        match self {
            Keep::All => "all",
            Keep::Failed => "failed",
            Keep::None => "none",
        }
    }
}

impl FromStr for Keep {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        Ok(match text {
            "all" => Keep::All,
            "failed" => Keep::Failed,
            "none" => Keep::None,
            other => {
                let reason = format!("`{other}` is none of all, failed, none");
                return Err(Error::Option { name: "keep", reason });
            }
        })
    }
}

/// When a call should run.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Due {
    Now,
    At(DateTime<Utc>),
    /// By the database's clock, from the moment of publishing.
    After(Duration),
}

/// The options of one call, merged with its task's.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct CallOptions {
    pub(crate) retries: Option<u32>,
    pub(crate) timeout: Option<Duration>,
    pub(crate) priority: Option<i32>,
    pub(crate) due: Due,
    pub(crate) meta: Meta,
    /// `None`: as the database knows the task.
    pub(crate) unique: Option<Box<Unique>>,
}

impl CallOptions {
    /// Nothing set: the database's defaults.
    pub(crate) fn none() -> Self {
        CallOptions {
            retries: None,
            timeout: None,
            priority: None,
            due: Due::Now,
            meta: Meta::default(),
            unique: None,
        }
    }

    pub(crate) fn of(task: &TaskOptions, unique: Option<&TaskUnique>) -> Self {
        CallOptions {
            retries: Some(task.retries),
            timeout: Some(task.timeout),
            priority: Some(task.priority),
            due: Due::Now,
            meta: Meta::default(),
            unique: unique.map(|unique| Box::new(unique.call())),
        }
    }

    /// Refuses values that cannot be passed to SQL; the database checks the ranges themselves, for all
    /// clients.
    pub(crate) fn check(&self) -> Result<(), Error> {
        if self.delay_seconds().is_some_and(|seconds| seconds > 3650.0 * 86_400.0) {
            return Err(Error::Option { name: "delay", reason: "must not exceed 3650 days".into() });
        }
        if self.retries.is_some_and(|n| i32::try_from(n).is_err()) {
            return Err(Error::Option { name: "retries", reason: "must lie within 1..=1000".into() });
        }
        self.unique.as_ref().map_or(Ok(()), |unique| unique.check())?;
        self.meta.check()
    }

    /// Puts what a call says in place of what its task declares.
    pub(crate) fn set_unique(&mut self, unique: Unique) {
        let declared = self.unique.take().map(|declared| *declared);
        self.unique = Some(Box::new(unique.over(declared)));
    }

    /// What makes the call one of a kind, as JSON text; `None`: nothing is said.
    pub(crate) fn unique_json(&self) -> Option<String> {
        self.unique.as_ref().map(|unique| unique.json())
    }

    pub(crate) fn scheduled_at(&self) -> Option<DateTime<Utc>> {
        match self.due {
            Due::At(at) => Some(at),
            _ => None,
        }
    }

    pub(crate) fn delay_seconds(&self) -> Option<f64> {
        match self.due {
            Due::After(delay) => Some(delay.as_secs_f64()),
            _ => None,
        }
    }
}
