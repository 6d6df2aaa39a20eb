//! The options of a task; those of one call, which override them, are in `call_options`.

use std::str::FromStr;
use std::time::Duration;

use serde::Serialize;

use super::backoff::Backoff;
use super::error::Error;
use super::log_level::LogLevel;
use super::trace_context::Trace;

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
    /// How soon a job has to end after it is due. Changes nothing in how jobs run: it is shown, jobs that end
    /// later are counted (`pgjobs_slo_missed_total`), and one that waits longer is a problem (`slo_missed`).
    /// `None`: nothing is said. 10 ms to 30 days, to the hundredth of a second.
    pub slo: Option<Duration>,
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
    /// Three runs, 60 seconds, priority 0, exponential backoff, every job kept, arguments validated strictly;
    /// also of jobs of a task that nobody has declared.
    pub const DEFAULT: TaskOptions = TaskOptions {
        retries: 3,
        timeout: Duration::from_secs(60),
        warn_after: None,
        slo: None,
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

    /// Says how soon a job has to end after it is due, see [`slo`](TaskOptions::slo).
    pub const fn slo(mut self, time: Duration) -> Self {
        self.slo = Some(time);
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

/// What the database does when somebody publishes a job whose arguments do not fit the task: psql, a trigger,
/// a Python or REST client, or [`NewJob`](crate::NewJob).
///
/// The worker registers the signature of each task (the JSON Schema of its arguments) in the database, which
/// validates each job when it is published. Calls of the task's own type, `my_task::publish(…)`, are not
/// validated because their types already ensure this. An operator can set another mode for a task with
/// `jobs.set_validation`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Validation {
    /// Nothing: the worker reports the error when it runs the job.
    Off,
    /// It warns, and accepts the job.
    Warn,
    /// It refuses the job (`PT422`).
    #[default]
    Strict,
}

impl Validation {
    /// The name in SQL and in `#[task(validate = "…")]`.
    pub fn as_str(self) -> &'static str {
        match self {
            Validation::Off => "off",
            Validation::Warn => "warn",
            Validation::Strict => "strict",
        }
    }
}
