//! The errors of steps, sleeps and waits.

use std::fmt;

use super::error::Error;
use super::task_error::TaskError;

/// Why a step, a sleep or a wait of [`Steps`](crate::Steps) did not succeed.
///
/// `?` turns it into the [`TaskError`] of the run, also within another error: the error of a step's own code
/// stays what it was, with its delay; mistakes of the program are fatal, since the next run would make them
/// again; the rest is retried.
#[derive(Debug)]
#[non_exhaustive]
pub enum StepError {
    /// The step's own code failed; nothing is recorded.
    Failed(TaskError),
    /// It is recorded for other inputs, and shall not run for these ([`OnChange::Fail`](crate::OnChange::Fail)).
    Changed {
        /// The step.
        step: String,
    },
    /// The task declares its steps, and not this one.
    Undeclared {
        /// The step.
        step: String,
        /// The task.
        task: &'static str,
        /// What it declares.
        declared: &'static [&'static str],
    },
    /// One run asked for one name twice.
    Twice {
        /// The step.
        step: String,
    },
    /// The name cannot be used, or is that of something else.
    Name {
        /// The step.
        step: String,
        /// Why.
        reason: String,
    },
    /// The value is no JSON that can be recorded, is too large, or what is recorded does not fit the type.
    Value {
        /// The step.
        step: String,
        /// Why, without the value.
        reason: String,
    },
    /// The lease is lost: the job was cancelled, or its next run has begun. What was done in a transaction
    /// has to be rolled back.
    LeaseLost,
    /// The database failed, or refused the call.
    Database(Error),
}

impl fmt::Display for StepError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            StepError::Failed(error) => write!(f, "{error}"),
            StepError::Changed { step } => {
                write!(
                    f,
                    "step `{step}` is recorded for other inputs, and OnChange::Fail forbids to run it again: give it another name"
                )
            }
            StepError::Undeclared { step, task, declared } => write!(
                f,
                "task `{task}` does not declare the step `{step}`: add it to #[task(steps(…))], which has {declared:?}"
            ),
            StepError::Twice { step } => {
                write!(f, "the step `{step}` was asked for twice in one run: give each a name of its own")
            }
            StepError::Name { step, reason } | StepError::Value { step, reason } => {
                write!(f, "step `{step}`: {reason}")
            }
            StepError::LeaseLost => f.write_str(
                "the lease of this run is lost, and another run may be under way: return this error",
            ),
            StepError::Database(error) => write!(f, "{error}"),
        }
    }
}

impl std::error::Error for StepError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            StepError::Database(error) => Some(error),
            _ => None,
        }
    }
}

impl StepError {
    /// What it means for the run.
    pub(super) fn task_error(&self) -> TaskError {
        match self {
            StepError::Failed(error) => error.clone(),
            StepError::LeaseLost | StepError::Database(_) => TaskError::new(self),
            _ => TaskError::fatal(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn an_error_of_a_step_stays_what_it_was_within_others() {
        #[derive(Debug)]
        struct Mine(StepError);
        impl fmt::Display for Mine {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("mine")
            }
        }
        impl std::error::Error for Mine {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                Some(&self.0)
            }
        }
        let snooze = || StepError::Failed(TaskError::snooze(Duration::from_secs(3)));
        assert!(TaskError::from(snooze()).is_snooze());
        assert!(TaskError::from(Mine(snooze())).is_snooze());
        assert!(TaskError::from(Mine(StepError::Twice { step: "a".into() })).is_fatal());
        let lost = TaskError::from(StepError::LeaseLost);
        assert!(!lost.is_fatal() && lost.message().contains("lease"));
    }
}
