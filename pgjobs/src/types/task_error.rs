//! The error of a run, which determines what happens next.

use std::fmt;
use std::time::Duration;

use serde_json::value::RawValue;

mod outcome;

pub use outcome::IntoOutcome;
pub(crate) use outcome::{Failure, Value, encode_result};

use super::error::chain;
use super::step_error::StepError;

/// The error of a task: any error or text, and what happens next.
///
/// Every error converts with `?` and means *retry with backoff until `max_retries` runs are used up*. Two
/// constructors differ: [`fatal`](TaskError::fatal) gives up at once, and [`snooze`](TaskError::snooze) runs
/// the job again later without counting this run. The method [`retry_in`](TaskError::retry_in) sets the delay
/// of a retry: `TaskError::new("…").retry_in(delay)`.
///
/// ```
/// use std::time::Duration;
/// use pgjobs::TaskError;
///
/// fn charge(amount: i64) -> Result<(), TaskError> {
///     if amount < 0 {
///         return Err(TaskError::fatal("a negative amount never gets better"));
///     }
///     let _rate: f64 = "1.25".parse()?; // any error converts
///     Err(TaskError::new("the bank is closed").retry_in(Duration::from_secs(3600)))
/// }
/// # assert!(charge(1).is_err());
/// ```
#[derive(Debug, Clone)]
#[must_use = "a run fails when this is returned as its error"]
pub struct TaskError {
    message: String,
    then: Then,
    origin: Origin,
}

/// What a run ends with: its result as JSON text (`.get()`), or its error. A [`Layer`](crate::layers::Layer) gets and
/// returns it.
pub type RunResult = Result<Box<RawValue>, TaskError>;

/// What happens after a run that did not succeed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Then {
    Retry(Option<Duration>),
    Fail,
    Snooze(Duration),
}

/// Where an error comes from.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Origin {
    Returned,
    Panic,
    Timeout,
    Cancelled,
}

impl TaskError {
    /// A failure that is retried with the task's backoff.
    ///
    /// ```
    /// use pgjobs::TaskError;
    ///
    /// let error = TaskError::new("the bank does not answer");
    /// assert!(!error.is_fatal());
    /// ```
    pub fn new(message: impl fmt::Display) -> Self {
        TaskError::from_parts(message, Then::Retry(None), Origin::Returned)
    }

    /// A failure that no further run can repair: the job ends as `failed` at once.
    ///
    /// ```
    /// use pgjobs::TaskError;
    ///
    /// fn customer(known: &[i64], id: i64) -> Result<(), TaskError> {
    ///     if !known.contains(&id) {
    ///         return Err(TaskError::fatal(format!("there is no customer {id}")));
    ///     }
    ///     Ok(())
    /// }
    /// assert!(customer(&[7], 8).unwrap_err().is_fatal());
    /// ```
    pub fn fatal(message: impl fmt::Display) -> Self {
        TaskError::from_parts(message, Then::Fail, Origin::Returned)
    }

    /// Not a failure: run the job again after `delay`, and do not count this run.
    ///
    /// For work whose preconditions are not met yet. The run does not count against `max_retries`.
    ///
    /// ```
    /// use std::time::Duration;
    /// use pgjobs::TaskError;
    ///
    /// let not_yet = TaskError::snooze(Duration::from_secs(300)); // the report of the day before is not there
    /// assert!(not_yet.is_snooze());
    /// ```
    pub fn snooze(delay: Duration) -> Self {
        TaskError::from_parts("snoozed", Then::Snooze(delay), Origin::Returned)
    }

    pub(crate) fn panicked(message: String) -> Self {
        TaskError::from_parts(message, Then::Retry(None), Origin::Panic)
    }

    pub(crate) fn timed_out(message: String) -> Self {
        TaskError::from_parts(message, Then::Retry(None), Origin::Timeout)
    }

    pub(crate) fn cancelled(message: &str) -> Self {
        TaskError::from_parts(message, Then::Fail, Origin::Cancelled)
    }

    /// The error of a joint run of so many jobs, for each of them. It makes no job of several fail for good,
    /// since another one may be the reason: each runs alone next.
    pub(crate) fn of_joint_run(mut self, jobs: usize) -> Self {
        if jobs == 1 || self.is_snooze() {
            return self;
        }
        if self.is_fatal() {
            self.then = Then::Retry(None);
        }
        self.message = format!("the joint run of {jobs} jobs: {}", self.message);
        self
    }

    fn from_parts(message: impl fmt::Display, then: Then, origin: Origin) -> Self {
        TaskError { message: message.to_string(), then, origin }
    }

    /// Retries after exactly `delay` instead of the task's backoff.
    ///
    /// ```
    /// use std::time::Duration;
    /// use pgjobs::TaskError;
    ///
    /// // What the header `Retry-After` of a service said.
    /// let error = TaskError::new("429").retry_in(Duration::from_secs(30));
    /// assert!(!error.is_fatal());
    /// ```
    pub fn retry_in(mut self, delay: Duration) -> Self {
        self.then = Then::Retry(Some(delay));
        self
    }

    /// Turns any failure into one that is not retried.
    ///
    /// ```
    /// use pgjobs::TaskError;
    ///
    /// fn parse(text: &str) -> Result<i64, TaskError> {
    ///     text.parse().map_err(|error| TaskError::from(error).into_fatal()) // the same text never parses
    /// }
    /// assert!(parse("seven").unwrap_err().is_fatal());
    /// ```
    pub fn into_fatal(mut self) -> Self {
        self.then = Then::Fail;
        self
    }

    /// What went wrong, with its causes; stored as the job's traceback.
    ///
    /// ```
    /// use pgjobs::TaskError;
    ///
    /// let error: TaskError = "seven".parse::<i64>().unwrap_err().into();
    /// assert_eq!(error.message(), "invalid digit found in string");
    /// ```
    pub fn message(&self) -> &str {
        &self.message
    }

    /// Whether it is fatal, so that the job is not retried.
    pub fn is_fatal(&self) -> bool {
        self.then == Then::Fail
    }

    /// Whether it is no failure but a snooze: the job runs again later, and this run does not count.
    pub fn is_snooze(&self) -> bool {
        matches!(self.then, Then::Snooze(_))
    }

    /// Whether the run panicked, in the task or in a layer.
    pub fn is_panic(&self) -> bool {
        self.origin == Origin::Panic
    }

    /// Whether the run was stopped because its time was over.
    pub fn is_timeout(&self) -> bool {
        self.origin == Origin::Timeout
    }

    /// Whether the run was cut off because its job was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.origin == Origin::Cancelled
    }

    /// The same with another message.
    pub(crate) fn saying(mut self, message: impl Into<String>) -> Self {
        self.message = message.into();
        self
    }

    pub(crate) fn then(&self) -> Then {
        self.then
    }
}

impl fmt::Display for TaskError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

// `TaskError` itself does not implement `std::error::Error`, so that this conversion can accept every error.
impl<E> From<E> for TaskError
where
    E: Into<Box<dyn std::error::Error + Send + Sync>>,
{
    fn from(error: E) -> Self {
        let error = error.into();
        resolved(&*error).unwrap_or_else(|| TaskError::new(chain(&*error)))
    }
}

/// The task error that an error says it is, itself or one of its causes.
fn resolved(error: &(dyn std::error::Error + 'static)) -> Option<TaskError> {
    let mut causes = std::iter::successors(Some(error), |error| error.source());
    causes.find_map(|cause| cause.downcast_ref::<StepError>()).map(StepError::task_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_error_converts_and_keeps_its_causes() {
        #[derive(Debug)]
        struct Outer(std::num::ParseIntError);
        impl fmt::Display for Outer {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("bad amount")
            }
        }
        impl std::error::Error for Outer {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let error: TaskError = Outer("x".parse::<i64>().unwrap_err()).into();
        assert_eq!(error.message(), "bad amount: invalid digit found in string");
        assert_eq!(error.then(), Then::Retry(None));
        assert_eq!(TaskError::from("text").message(), "text");
    }

    #[test]
    fn a_result_with_nul_is_refused_before_it_reaches_the_database() {
        let error = encode_result(&"a\0b").unwrap_err();
        assert_eq!(error.then(), Then::Fail);
        assert!(encode_result(&"a\\u0000b").is_ok(), "an escaped backslash is not a NUL");
    }
}
