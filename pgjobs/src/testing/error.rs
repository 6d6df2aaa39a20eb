//! Why a test could not do what it asked for.

use std::fmt;

use pgjobs_local_postgres::LocalPostgresError;

use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::job_state::JobState;
use crate::types::task_error::TaskError;

/// Why a test could not do what it asked for; with `?` it fails the test.
#[non_exhaustive]
pub enum TestError {
    /// There is no server to make a database on, or it makes none for this role.
    Server(LocalPostgresError),
    /// The function given as `setup` failed, so that there is no template.
    Setup(Box<dyn std::error::Error + Send + Sync>),
    /// The library reported an error.
    Jobs(Error),
    /// [`Drain`](super::Drain) reached its limit of runs.
    Endless {
        /// The limit.
        limit: u64,
        /// The task that ran last.
        task: String,
    },
    /// [`RunNow`](super::RunNow) runs pending jobs, and this one is not.
    NotPending {
        /// The job.
        id: JobId,
        /// Its state.
        state: JobState,
    },
    /// The run that [`RunNow`](super::RunNow) made ended in an error, or in a snooze; or the task ended its
    /// job in a transaction that was not committed.
    Run(TaskError),
    /// The worker died of an injected [`Fault`](super::Fault); its job is running until the worker's lease is
    /// over.
    Died,
}

impl fmt::Display for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TestError::Server(error) => write!(f, "no database for this test: {error}{}", remedy(error)),
            TestError::Setup(error) => write!(f, "the setup of the test's database failed: {error}"),
            TestError::Jobs(error) => error.fmt(f),
            TestError::Endless { limit, task } => write!(
                f,
                "the drain was ended after {limit} runs, the next one was of `{task}`: jobs publish, snooze or retry for ever; \
                 raise `.limit(…)` if the test needs more"
            ),
            TestError::NotPending { id, state } => {
                write!(f, "job {id} cannot be run now: it is {state}, and only a pending job can")
            }
            TestError::Run(error) => write!(f, "the run did not succeed: {error}"),
            TestError::Died => f.write_str(
                "the worker died of the fault that was injected: advance the clock past its lease, and drain",
            ),
        }
    }
}

const MAY_NOT: &str = "42501";

/// What to do about a server that refuses databases.
fn remedy(error: &LocalPostgresError) -> &'static str {
    let LocalPostgresError::Database { source, .. } = error else { return "" };
    match source.as_database_error().and_then(|error| error.code()).as_deref() {
        Some(MAY_NOT) => {
            "; tests make databases beside the one that DATABASE_URL names: `alter role … createdb` allows it, \
             and without DATABASE_URL the tests start a server of their own"
        }
        _ => "",
    }
}

/// Like `Display`: what a test returns is printed in this form.
impl fmt::Debug for TestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for TestError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            TestError::Server(error) => Some(error),
            TestError::Setup(error) => Some(&**error),
            TestError::Jobs(error) => Some(error),
            _ => None,
        }
    }
}

impl From<Error> for TestError {
    fn from(error: Error) -> Self {
        TestError::Jobs(error)
    }
}

impl From<sqlx::Error> for TestError {
    fn from(error: sqlx::Error) -> Self {
        TestError::Jobs(error.into())
    }
}

impl From<LocalPostgresError> for TestError {
    fn from(error: LocalPostgresError) -> Self {
        TestError::Server(error)
    }
}
