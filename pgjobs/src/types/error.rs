//! Errors of the framework itself, by what the caller can do about them.

use std::fmt;

mod code;
mod display;
pub(crate) mod driver;

pub(crate) use driver::chain;

use super::body::BodyError;
use super::job_id::JobId;
use super::workflow_error::WorkflowError;

/// An error of the framework; a task returns [`TaskError`](crate::TaskError).
///
/// The variants differ by what the caller can do: correct the configuration ([`NoTasks`](Error::NoTasks),
/// [`DuplicateTask`](Error::DuplicateTask), [`MissingState`](Error::MissingState)), correct the call
/// ([`Refused`](Error::Refused), [`Body`](Error::Body)), or retry ([`Database`](Error::Database)). Each has a
/// [`code`](Error::code).
#[non_exhaustive]
pub enum Error {
    /// The server or the connection failed; the statement may be retried.
    Database(sqlx::Error),
    /// The server answered, but this version of pgjobs cannot read the answer: a column has a type or value
    /// that it does not know.
    Unreadable(sqlx::Error),
    /// A function of schema `jobs` refused the call with a reason (SQLSTATE `PTxyz`): `PT422` is for
    /// arguments that do not fit the task, see [`Validation`](crate::Validation).
    Refused {
        /// The SQLSTATE, for example `PT400`; its last three digits read as an HTTP status.
        code: String,
        /// What was wrong, without showing any argument's value.
        message: String,
        /// How to correct it, when the function knows.
        hint: Option<String>,
    },
    /// A publish layer of this program refused the job, see [`on_publish`](crate::on_publish).
    PublishRefused {
        /// The task.
        task: String,
        /// The layer's own error.
        reason: Box<dyn std::error::Error + Send + Sync>,
    },
    /// The lease is no longer valid: the job was claimed by another worker, cancelled, or has ended.
    LeaseLost(JobId),
    /// No job has this id (or it ended and its task does not keep it, see [`Keep`](crate::Keep), or retention
    /// dropped its history).
    UnknownJob(JobId),
    /// A job that was waited for was purged, or ended without a row of it being kept: see [`Keep`](crate::Keep).
    NotKept(JobId),
    /// No linked task has this name.
    UnknownTask {
        /// The requested name.
        name: String,
        /// The names that are linked.
        known: Vec<&'static str>,
    },
    /// The binary contains no `#[task]` that this worker could run.
    NoTasks {
        /// The requested topics; empty means all.
        topics: Vec<String>,
        /// The names that are linked.
        known: Vec<&'static str>,
    },
    /// Two functions have the same task name or alias.
    DuplicateTask {
        /// The shared name.
        name: String,
        /// `file:line` of both.
        locations: [String; 2],
    },
    /// A task asks for state that the worker was not given.
    MissingState {
        /// The task.
        task: &'static str,
        /// The type of the state.
        state: &'static str,
    },
    /// A job's body or result is not what the Rust type expects.
    Body(BodyError),
    /// A value could not be written as JSON.
    Encode(String),
    /// A topic pattern is malformed.
    Topic {
        /// The pattern as given.
        pattern: String,
        /// Why it cannot be used.
        reason: &'static str,
    },
    /// An option is out of range.
    Option {
        /// The option's name.
        name: &'static str,
        /// Why it cannot be used, and the range.
        reason: String,
    },
    /// The schema could not be migrated.
    Migration(sqlx::migrate::MigrateError),
    /// The database has no schema `jobs`, or one that is too old.
    SchemaMissing(sqlx::Error),
    /// The database cannot be used: because of its encoding, or because of row security that would hide jobs.
    Unusable {
        /// The reasons, a sentence for each, with its remedy.
        reasons: Vec<String>,
    },
    /// The server does not give a worker enough connections.
    TooFewConnections {
        /// The number of connections that the worker uses.
        needed: usize,
        /// The number of connections that it got.
        got: usize,
        /// The server's error for the next connection.
        source: sqlx::Error,
    },
    /// A pooler assigns another session to each transaction; for publishing see
    /// [`Publisher`](crate::Publisher).
    TransactionPooling {
        /// The observation that proves it.
        evidence: String,
    },
    /// Servers of several had trouble, by name: a worker that cannot start because of them, or a search that
    /// could not ask them.
    Servers(Vec<(String, Error)>),
    /// A job that was waited for failed or was cancelled; contains its state and last error.
    JobFailed {
        /// The job.
        id: JobId,
        /// `failed` or `cancelled`.
        state: crate::types::job_state::JobState,
        /// The last error, as stored in `jobs.job.traceback`.
        error: String,
    },
    /// A job did not end within the limit of the wait.
    WaitTimeout(JobId),
    /// Something about a workflow: a node that cannot be published, or one that did not end well.
    Workflow(WorkflowError),
}

/// The same text as [`Display`](fmt::Display): a `main` that returns an error prints it with `Debug`, and its
/// remedy should be readable.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Error::Database(e) | Error::SchemaMissing(e) | Error::Unreadable(e) => Some(e),
            Error::TooFewConnections { source, .. } => Some(source),
            Error::Migration(e) => Some(e),
            Error::Body(e) => Some(e),
            Error::PublishRefused { reason, .. } => Some(&**reason),
            Error::Servers(troubles) => troubles.first().map(|(_, error)| error as _),
            _ => None,
        }
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        let Some(db) = error.as_database_error() else {
            return if driver::is_unreadable(&error) {
                Error::Unreadable(error)
            } else {
                Error::Database(error)
            };
        };
        match db.code().as_deref() {
            // invalid schema, undefined table, undefined function
            Some("3F000" | "42P01" | "42883") => Error::SchemaMissing(error),
            Some(code) if driver::is_about_names(code, db.message()) => {
                Error::TransactionPooling { evidence: db.message().to_owned() }
            }
            Some(code) if code.starts_with("PT") => Error::Refused {
                code: code.to_owned(),
                message: db.message().to_owned(),
                hint: driver::hint(&error),
            },
            _ => Error::Database(error),
        }
    }
}

impl From<BodyError> for Error {
    fn from(error: BodyError) -> Self {
        Error::Body(error)
    }
}

impl From<WorkflowError> for Error {
    fn from(error: WorkflowError) -> Self {
        Error::Workflow(error)
    }
}

impl From<sqlx::migrate::MigrateError> for Error {
    fn from(error: sqlx::migrate::MigrateError) -> Self {
        Error::Migration(error)
    }
}

#[cfg(test)]
mod tests;
