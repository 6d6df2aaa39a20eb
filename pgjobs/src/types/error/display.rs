//! The text of an error: the thing, the reason, the remedy.

use std::fmt;

use super::{Error, driver};
use crate::types::nearest::nearest;

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
                write!(
                    f,
                    "the lease on job {id} is lost: it ran out, or the job was cancelled or has ended; undo what this run did"
                )
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
            Error::Servers(troubles) => of_servers(f, troubles),
            Error::JobFailed { id, state, error } => write!(f, "job {id} ended as {state}: {error}"),
            Error::WaitTimeout(id) => {
                write!(f, "job {id} has not ended within the time given; `pgjobs explain {id}` says why")
            }
            Error::Workflow(error) => error.fmt(f),
        }
    }
}

fn of_servers(f: &mut fmt::Formatter<'_>, troubles: &[(String, Error)]) -> fmt::Result {
    for (at, (server, error)) in troubles.iter().enumerate() {
        write!(f, "{}server `{server}`: {error}", if at == 0 { "" } else { "; " })?;
    }
    Ok(())
}

fn names(known: &[&'static str]) -> String {
    match known {
        [] => "it has none; if they live in another crate, name it: pgjobs::link!(my_tasks);".into(),
        [.., _] if known.len() > 8 => format!("{} known: {}, …", known.len(), known[..8].join(", ")),
        _ => format!("{} known: {}", known.len(), known.join(", ")),
    }
}
