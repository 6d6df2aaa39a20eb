//! The driver's errors as text: what the server or the network reported, and the remedy.

use std::io;

/// The error and its remedy, without the driver's own text around it ("error returned from database", and the
/// line of the server's source, which looks like a line of the statement).
pub(crate) fn words(error: &sqlx::Error) -> String {
    match remedy(error) {
        Some(remedy) => format!("{}; {remedy}", said(error)),
        None => said(error),
    }
}

/// The error without its remedy.
pub(crate) fn said(error: &sqlx::Error) -> String {
    match error {
        sqlx::Error::Database(database) => match database.code() {
            Some(code) => format!("{} ({code})", database.message()),
            None => database.message().to_owned(),
        },
        sqlx::Error::Io(cause) => of_connection(cause),
        sqlx::Error::Tls(cause) => format!("TLS: {cause}"),
        sqlx::Error::Configuration(cause) => cause.to_string(),
        sqlx::Error::ColumnDecode { index, source } => format!("column {index}: {source}"),
        sqlx::Error::Decode(cause) => cause.to_string(),
        sqlx::Error::PoolTimedOut => "the pool had no connection in time".to_owned(),
        sqlx::Error::PoolClosed => "the pool is closed".to_owned(),
        sqlx::Error::Migrate(cause) => of_migration(cause),
        other => other.to_string(),
    }
}

/// The operating system's messages for a connection that was lost or could not be made mention neither.
fn of_connection(cause: &io::Error) -> String {
    match cause.kind() {
        io::ErrorKind::UnexpectedEof | io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe => {
            format!("the connection was lost: {cause}")
        }
        io::ErrorKind::NotFound => format!("there is no server at the socket: {cause}"),
        _ => cause.to_string(),
    }
}

/// As [`said`], for errors of the migrator.
pub(super) fn of_migration(error: &sqlx::migrate::MigrateError) -> String {
    use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
    match error {
        Execute(cause) => said(cause),
        ExecuteMigration(cause, number) => format!("{number:04}: {}", said(cause)),
        other => crate::types::error::chain(other),
    }
}

/// The remedy for whoever runs the migration.
pub(super) fn remedy_of_migration(error: &sqlx::migrate::MigrateError) -> Option<String> {
    use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
    let (Execute(cause) | ExecuteMigration(cause, _)) = error else { return None };
    match code(cause).as_deref() {
        Some("42501") => Some(
            "migrate as the owner of the database and of schema `jobs`, or let the owner run \
             `grant create on database …` for this user first"
                .to_owned(),
        ),
        _ => remedy(cause),
    }
}

fn code(error: &sqlx::Error) -> Option<String> {
    error.as_database_error().and_then(|error| error.code()).map(std::borrow::Cow::into_owned)
}

/// The remedy, if known: the server's own hint, or ours.
fn remedy(error: &sqlx::Error) -> Option<String> {
    let known = match (error, code(error).as_deref()) {
        (_, Some("42501")) => return Some(missing_role(error)),
        (_, Some("25006")) => "connect to the primary: this server only reads",
        (_, Some("40001")) if is_recovery_conflict(error) => {
            "the standby ended it so that replay goes on: try again, or ask for less; on the standby \
             hot_standby_feedback = on, or a longer max_standby_streaming_delay, keep queries alive"
        }
        (_, Some("53300")) => {
            "close other connections, or raise max_connections or the role's CONNECTION LIMIT"
        }
        (_, Some("57014")) => "raise statement_timeout for this role, or ask for less",
        (_, Some("55P03")) => "raise lock_timeout for this role, or try again when the lock is free",
        (_, Some("28P01" | "28000")) => "check the user and the password",
        (_, Some("3D000")) => "create the database or correct its name",
        // The pool keeps trying a server that refuses connections, and returns the same error as when it is
        // exhausted.
        (sqlx::Error::PoolTimedOut, _) => {
            "the server cannot be reached, or the pool is too small: see that it runs, or give the pool more connections \
             or a longer `acquire_timeout`"
        }
        (sqlx::Error::PoolClosed, _) => "close it after the last use",
        (sqlx::Error::Tls(_), _) => "check sslmode in the URL",
        (sqlx::Error::Io(_), _) => "see that the server runs and can be reached, and try again",
        _ => return hint(error),
    };
    Some(known.to_owned())
}

/// Whether a standby ended the statement. Other conflicts have the same code; where the server speaks another
/// language than English the remedy is missing.
fn is_recovery_conflict(error: &sqlx::Error) -> bool {
    error.as_database_error().is_some_and(|error| error.message().contains("conflict with recovery"))
}

/// The server's own hint.
pub(super) fn hint(error: &sqlx::Error) -> Option<String> {
    let pg = error.as_database_error()?.try_downcast_ref::<sqlx::postgres::PgDatabaseError>()?;
    pg.hint().map(str::to_owned)
}

/// The role of pgjobs that the database user lacks, by the object that the server refused in its message.
fn missing_role(error: &sqlx::Error) -> String {
    let message = error.as_database_error().map(|error| error.message()).unwrap_or_default();
    match message.strip_prefix("permission denied for ").and_then(|rest| rest.split_once(' ')) {
        Some(("function" | "procedure", name)) => {
            format!("grant the database user the role {}", role_of(name))
        }
        Some(("view" | "table", name)) if name != "config" => {
            "grant the database user the role jobs_admin".to_owned()
        }
        _ => "grant the database user one of the roles jobs_publisher, jobs_worker, jobs_reader, jobs_admin"
            .to_owned(),
    }
}

/// The least privileged role of pgjobs that may call a function of schema `jobs`
/// (migrations/functions/99_grants.sql).
fn role_of(function: &str) -> &'static str {
    const PUBLISHER: &[&str] = &[
        "publish",
        "publish_bulk",
        "publish_json",
        "publish_arrays",
        "publish_unique",
        "publish_workflow",
        "signal",
        "now",
        "draining",
        "set_schedule",
        "drop_schedule",
        "pause_schedule",
        "resume_schedule",
        "run_schedule",
        "backfill_schedule",
    ];
    const READER: &[&str] = &[
        "overview",
        "ended_lately",
        "count",
        "open_counts",
        "sees_task",
        "flow",
        "search",
        "explain",
        "workers",
        "pauses",
        "limits",
        "workflow",
        "workflows",
        "workflow_nodes",
        "explain_workflow",
        "problems",
        "metrics",
        "statistics",
        "task_statistics",
        "server_health",
        "standby",
        "next_ticks",
        "schedules",
        "get_schedule",
        "schedule_ticks",
        "schedule_log",
        "explain_schedule",
        "progress_of",
        "watches",
        "event_position",
        "events_after",
        "await_events",
        "workflow",
        "workflows",
        "workflow_nodes",
        "explain_workflow",
        "steps",
    ];
    const WORKER: &[&str] = &[
        "consume",
        "consume_topic",
        "claim",
        "release",
        "ack",
        "nack",
        "settle",
        "heartbeat",
        "beat",
        "held_by",
        "register_worker",
        "unregister_worker",
        "register_tasks",
        "sweep",
        "promote",
        "maintain",
        "maintain_partitions",
        "maintain_partitions_and_commit",
        "result",
        "await_results",
        "tasks_in_use",
        "sample_keys",
        "read_ready",
        "sample_not_ready",
        "open_bodies",
        "fetch",
        "start",
        "fail_next",
        "count_workers",
        "count_lost",
        "results",
        "unusable",
        "tick",
        "note_progress",
        "node_results",
        "workflow_result",
        "set_progress",
        "job_log",
        "announce_events",
        "block_key",
        "acquire",
        "add_nodes",
        "node_results",
        "workflow_result",
        "begin_steps",
        "find_step",
        "save_step",
        "sleep",
        "await_signal",
        "step_value",
        "unknown_steps",
    ];
    match function {
        name if PUBLISHER.contains(&name) => "jobs_publisher",
        name if READER.contains(&name) => "jobs_reader",
        name if WORKER.contains(&name) => "jobs_worker",
        _ => "jobs_admin",
    }
}

/// Whether the server reports that a statement was prepared in another session.
pub(super) fn is_about_names(code: &str, message: &str) -> bool {
    matches!(code, "26000" | "42P05") || code == "08P01" && message.contains("prepared statement")
}

/// Whether the server's answer is not what this program expects.
pub(super) fn is_unreadable(error: &sqlx::Error) -> bool {
    use sqlx::Error::{ColumnDecode, ColumnIndexOutOfBounds, ColumnNotFound, Decode, TypeNotFound};
    matches!(
        error,
        ColumnDecode { .. }
            | Decode(_)
            | TypeNotFound { .. }
            | ColumnNotFound(_)
            | ColumnIndexOutOfBounds { .. }
    )
}

/// An error and its causes on one line, outermost first; for errors of the driver, their actual content.
pub(crate) fn chain(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = String::new();
    let mut next = Some(error);
    while let Some(cause) = next {
        let driver = cause.downcast_ref::<sqlx::Error>();
        let words = driver.map_or_else(|| cause.to_string(), said);
        // Many errors print their source themselves; it is not repeated.
        if text.is_empty() {
            text = words;
        } else if !(text.ends_with(&words) || driver.is_some() && text.contains(&words)) {
            text = format!("{text}: {words}");
        }
        // The source of a driver's error repeats it, with a line of the server's source.
        next = if driver.is_some() { None } else { cause.source() };
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_without_a_connection_has_one_of_two_reasons() {
        let words = words(&sqlx::Error::PoolTimedOut);
        assert!(words.contains("cannot be reached") && words.contains("more connections"), "{words}");
    }
}
