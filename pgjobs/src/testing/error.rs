//! Why a test could not do what it asked for.

use std::fmt;

use pgjobs_local_postgres::LocalPostgresError;

use super::report::Report;
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
    Setup {
        /// The function.
        function: &'static str,
        /// What it returned.
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The library reported an error.
    Jobs(Error),
    /// [`Drain`](super::Drain) reached its limit of runs or of moves of the clock.
    Endless {
        /// The limit.
        limit: u64,
        /// What it limits: `runs` or `jumps of the clock`.
        counted: &'static str,
        /// The task whose turn it was.
        task: String,
    },
    /// Runs of a drain failed, and [`Report::no_failures`](super::Report::no_failures) was asked.
    Failed(Report),
    /// The clock cannot be moved to a time that the database or the program cannot represent.
    Clock {
        /// How far it should move, in seconds.
        seconds: f64,
    },
    /// [`RunNow`](super::RunNow) runs pending jobs, and this one is not.
    NotPending {
        /// The job.
        id: JobId,
        /// Its state.
        state: JobState,
    },
    /// [`RunNow`](super::RunNow) could not run a job, although it is pending; or there is no such job.
    NotRun {
        /// The job.
        id: JobId,
        /// What keeps it from running.
        reason: String,
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
            TestError::Setup { function, source } => {
                write!(f, "`{function}`, the setup of the test's database, failed: {}", plain(&**source))
            }
            TestError::Jobs(error) => write!(f, "{error}{}", crowded(error)),
            TestError::Endless { limit, counted, task } => write!(
                f,
                "the drain was ended after {limit} {counted}, at a job of `{task}`: \
                 raise `.limit(…)` if the test needs more, unless jobs publish, snooze or retry for ever"
            ),
            TestError::Failed(report) => write!(f, "runs of the drain failed:{}", report.list()),
            TestError::Clock { seconds } => {
                write!(f, "the clock cannot move by {seconds} s: its last time is the end of the year 9999")
            }
            TestError::NotPending { id, state } => {
                write!(f, "job {id} cannot be run now: it is {state}, and only a pending job can")
            }
            TestError::NotRun { id, reason } => write!(f, "job {id} cannot be run now: {reason}"),
            TestError::Run(error) => write!(f, "the run did not succeed: {error}"),
            TestError::Died => f.write_str(
                "the worker died of the fault that was injected: advance the clock past its lease, and drain",
            ),
        }
    }
}

const MAY_NOT: &str = "42501";
const TOO_MANY: &str = "53300";
const NO_DATABASE: &str = "3D000";

const CREATEDB: &str = "; tests make databases beside the one that DATABASE_URL names: `alter role … createdb` \
     allows it, and without DATABASE_URL the tests start a server of their own";
const CROWDED: &str = "; each test that runs has up to fifteen connections: run fewer at the same time \
     (`cargo test -- --test-threads=4`) or give the server more (`max_connections`)";
const AWAY: &str = "; without DATABASE_URL and the PG* variables the tests start a server of their own";

/// What to do about a server that refuses databases or connections.
fn remedy(error: &LocalPostgresError) -> &'static str {
    let LocalPostgresError::Database { source, action } = error else { return "" };
    match (code(source).as_deref(), action.starts_with("connect")) {
        (Some(MAY_NOT), _) => CREATEDB,
        (Some(TOO_MANY), _) => CROWDED,
        (None | Some(NO_DATABASE), true) => AWAY,
        _ => "",
    }
}

/// The pool of a test waits for a server that has no connection left, until its time is over.
fn crowded(error: &Error) -> &'static str {
    match error {
        Error::Database(sqlx::Error::PoolTimedOut) => CROWDED,
        Error::Database(source) if code(source).as_deref() == Some(TOO_MANY) => CROWDED,
        _ => "",
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    Some(error.as_database_error()?.code()?.into_owned())
}

/// An error of the program without what the driver adds to the server's: a line number in the source of
/// PostgreSQL, which looks like a line of the statement.
fn plain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(server) = error.downcast_ref::<sqlx::Error>().and_then(sqlx::Error::as_database_error) {
            text = text.replace(&server.to_string(), server.message());
        }
        next = error.source();
    }
    text
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
            TestError::Setup { source, .. } => Some(&**source),
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
