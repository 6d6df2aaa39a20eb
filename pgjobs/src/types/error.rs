//! Errors of the framework itself, by what the caller can do about them.

use std::fmt;

pub(crate) mod driver;

pub(crate) use driver::chain;

use super::body::BodyError;
use super::job_id::JobId;
use super::nearest::nearest;
use super::workflow_error::WorkflowError;

/// An error of the framework; a task returns [`TaskError`](crate::TaskError).
///
/// The variants differ by what the caller can do: correct the configuration ([`NoTasks`](Error::NoTasks),
/// [`DuplicateTask`](Error::DuplicateTask), [`MissingState`](Error::MissingState)), correct the call
/// ([`Refused`](Error::Refused), [`Body`](Error::Body)), or retry ([`Database`](Error::Database)).
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

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Database(e) => write!(f, "database: {}", driver::words(e)),
            Error::Unreadable(e) => write!(
                f,
                "the answer of the database cannot be read: {}; is schema `jobs` newer than this program?",
                driver::said(e)
            ),
            Error::Refused { code, message, hint } => {
                write!(f, "{message} ({code})")?;
                hint.as_ref().map_or(Ok(()), |hint| write!(f, "; {hint}"))
            }
            Error::PublishRefused { task, reason } => {
                write!(f, "task `{task}`: a publish layer of this program refused the job: {reason}")
            }
            Error::LeaseLost(id) => {
                write!(f, "the lease on job {id} is lost: it ran out, or the job was cancelled or has ended")
            }
            Error::UnknownJob(id) => {
                write!(
                    f,
                    "no job {id}: check the id, or it ended and was not kept (option `keep` of its task), \
                     or its history has been dropped by retention"
                )
            }
            Error::NotKept(id) => write!(
                f,
                "job {id} is gone and its result with it: it ended and its task does not keep it (option \
                 `keep`), or it was purged; wait only for jobs that are kept"
            ),
            Error::UnknownTask { name, known } => {
                write!(f, "task `{name}` is not linked into this binary ({})", names(known))?;
                nearest(name, known.iter().copied())
                    .map_or(Ok(()), |near| write!(f, "; did you mean `{near}`?"))
            }
            Error::NoTasks { topics, known } if known.is_empty() || topics.is_empty() => write!(
                f,
                "no tasks are registered in this binary; if they live in another crate, name it: \
                 pgjobs::link!(my_tasks); (a dependency that is never named is not linked)"
            ),
            Error::NoTasks { topics, known } => write!(
                f,
                "no task of this binary matches the topics {} ({}); widen the topics, or link the \
                 crate that holds the tasks: pgjobs::link!(my_tasks);",
                topics.join(", "),
                names(known)
            ),
            Error::DuplicateTask { name, locations } => write!(
                f,
                "task name `{name}` is declared twice, at {} and at {}; rename one with #[task(name = \"…\")]",
                locations[0], locations[1]
            ),
            Error::MissingState { task, state } => {
                write!(f, "task `{task}` needs state `{state}`; add .state(…) to the worker")
            }
            Error::Body(e) => e.fmt(f),
            Error::Encode(e) => write!(f, "a value cannot be written as JSON: {e}"),
            Error::Topic { pattern, reason } => write!(f, "topic `{pattern}`: {reason}"),
            Error::Option { name, reason } => write!(f, "option `{name}`: {reason}"),
            Error::Migration(e) => {
                write!(f, "migration: {}", driver::of_migration(e))?;
                driver::remedy_of_migration(e).map_or(Ok(()), |remedy| write!(f, "; {remedy}"))
            }
            Error::Unusable { reasons } => write!(f, "this database cannot be used: {}", reasons.join("; ")),
            Error::TooFewConnections { needed, got, source } => write!(
                f,
                "a worker needs {needed} connections of its own, got {got}: raise the connection limit of its \
                 role, its database or the server ({})",
                driver::said(source)
            ),
            Error::SchemaMissing(e) => write!(
                f,
                "schema `jobs` is missing or older than this binary: run `pgjobs migrate` ({})",
                driver::said(e)
            ),
            Error::TransactionPooling { evidence } => write!(
                f,
                "a pooler gives each transaction another session of the server ({evidence}), and with it \
                 prepared statements and notifications get lost: use session pooling (PgBouncer: \
                 `pool_mode = session`), or connect directly to PostgreSQL; a program that only publishes \
                 may set `statement_cache_capacity(0)` for its pool instead"
            ),
            Error::JobFailed { id, state, error } => write!(f, "job {id} ended as {state}: {error}"),
            Error::WaitTimeout(id) => write!(f, "job {id} has not ended within the time given"),
            Error::Workflow(error) => error.fmt(f),
        }
    }
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

fn names(known: &[&'static str]) -> String {
    match known {
        [] => "it has none; if they live in another crate, name it: pgjobs::link!(my_tasks);".into(),
        [.., _] if known.len() > 8 => format!("{} known: {}, …", known.len(), known[..8].join(", ")),
        _ => format!("{} known: {}", known.len(), known.join(", ")),
    }
}

#[cfg(test)]
mod tests;
