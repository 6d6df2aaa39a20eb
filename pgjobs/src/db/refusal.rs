//! Classifies errors: by the connection, by a temporary condition, or by the data of a statement.
//!
//! A worker repeats most statements until they succeed. What the server refuses because of its data it would
//! refuse for ever, and that would block the rest; what it refuses for a temporary reason must not count
//! against a job.

use std::borrow::Cow;

use crate::types::error::Error;
use crate::types::job_id::JobId;

pub(crate) fn server_code(error: &Error) -> Option<Cow<'_, str>> {
    match error {
        Error::Refused { code, .. } => Some(Cow::Borrowed(code)),
        Error::Database(error) | Error::SchemaMissing(error) => error.as_database_error()?.code(),
        _ => None,
    }
}

/// Whether the connection may be unusable: true for all errors except those that the server reports while it
/// goes on serving the session; of these, true for a shutdown and for stale plans.
pub(crate) fn breaks_connection(error: &Error) -> bool {
    match (error, server_code(error)) {
        // The prepared statements are gone, or never existed in this session: only a new connection helps.
        (Error::TransactionPooling { .. }, _) => true,
        (_, Some(code)) => {
            code.starts_with("57P")
                || code.starts_with("08")
                || code == "0A000"
                || code.starts_with("25P")
                || code == "25006"
        }
        (error, None) => is_unanswered(error),
    }
}

/// Whether no complete answer arrived.
pub(crate) fn is_unanswered(error: &Error) -> bool {
    let Error::Database(error) = error else { return false };
    error.as_database_error().is_none() && !matches!(error, sqlx::Error::Encode(_))
}

/// Whether an answer arrived that this program cannot read. The server is up, and has executed the statement.
pub(crate) fn is_unreadable(error: &Error) -> bool {
    matches!(error, Error::Unreadable(_))
}

/// Whether the server may have executed the statement without a result that we know.
pub(crate) fn may_be_done(error: &Error) -> bool {
    is_unanswered(error) || is_unreadable(error)
}

/// Whether the error is about the connection or the server as a whole, and not about the statement.
pub(crate) fn is_outage(error: &Error) -> bool {
    is_unanswered(error)
        || server_code(error)
            .is_some_and(|code| code.starts_with("57P") || code.starts_with("08") || code == "53300")
}

/// Whether the server cannot execute statements now: it is down, out of disk, memory or connections, or not
/// what this program expects. Any other statement would then fail in the same way.
pub(crate) fn is_about_server(error: &Error) -> bool {
    let classes = ["53", "57", "58", "25"];
    is_outage(error)
        || is_unreadable(error)
        || server_code(error).is_some_and(|code| classes.iter().any(|class| code.starts_with(class)))
}

/// Whether the statement conflicted with another transaction.
pub(crate) fn is_conflict(error: &Error) -> bool {
    server_code(error).is_some_and(|code| code.starts_with("40") || code.starts_with("55"))
}

/// Whether the server refused the data of a statement, so that repeating it would not help: invalid data
/// (22), a limit of the server (54), and an internal error (XX), which the server reports for values that are
/// too large to build or that it cannot read again; but not a corrupt index. A violated constraint (23) is
/// not included: a partition that is being created, or a key that two sessions draw at once, causes it for a
/// moment.
pub(crate) fn is_about_data(error: &Error) -> bool {
    let classes = ["22", "54", "XX"];
    matches!(error, Error::Database(sqlx::Error::Encode(_)))
        || server_code(error)
            .is_some_and(|code| code != "XX002" && classes.iter().any(|class| code.starts_with(class)))
}

/// As [`is_about_data`], for outcomes, which functions of the schema refuse as well: `PT413` is a result that
/// is too large. That a lease (`PT409`) or a worker (`PT410`) is gone is not about the data; nor is an
/// internal error of the server, see [`is_internal`] and [`is_about_schema`].
pub(crate) fn is_about_outcome(error: &Error) -> bool {
    let is_of_ours = |code: &str| matches!(code, "PT400" | "PT413" | "PT422");
    is_about_data(error) && !server_code(error).is_some_and(|code| code.starts_with("XX"))
        || server_code(error).is_some_and(|code| is_of_ours(&code))
}

/// Whether the schema, the privileges or the storage of the server are faulty: until somebody repairs them,
/// the server refuses an outcome whatever its content. Privileges and functions (42), schema (3F), role (28)
/// and database (3D), and corruption that the server finds where it writes (XX001, XX002).
pub(crate) fn is_about_schema(error: &Error) -> bool {
    let classes = ["42", "3F", "28", "3D", "XX001", "XX002"];
    server_code(error).is_some_and(|code| classes.iter().any(|class| code.starts_with(class)))
}

/// Whether the server reported an internal error: a temporary one, such as a relation or a row that another
/// session changes at the same moment, or its error for a value that is too large to build.
pub(crate) fn is_internal(error: &Error) -> bool {
    server_code(error).is_some_and(|code| code == "XX000")
}

/// Whether the server was out of memory, for this statement or in general at this moment.
pub(crate) fn is_out_of_memory(error: &Error) -> bool {
    server_code(error).is_some_and(|code| code == "53200")
}

/// The error of a call by who has a run: PT409 is also what else may be in its way.
pub(crate) fn lost(job: &JobId, error: Error) -> Error {
    match error {
        Error::Refused { code, message, .. } if code == "PT409" && message == "lease_lost" => {
            Error::LeaseLost(job.clone())
        }
        other => other,
    }
}

/// Whether the statement exceeded its deadline, by our clock or the server's. It may be waiting for a lock,
/// or be large.
pub(crate) fn is_late(error: &Error) -> bool {
    is_unanswered_in_time(error) || server_code(error).is_some_and(|code| code == "57014")
}

/// Whether no answer arrived in time; the server may be up or not.
pub(crate) fn is_unanswered_in_time(error: &Error) -> bool {
    matches!(error, Error::Database(sqlx::Error::Io(cause)) if cause.kind() == std::io::ErrorKind::TimedOut)
}

/// Whether the statement took longer than allowed.
pub(crate) fn is_too_slow(error: &Error) -> bool {
    is_unanswered(error) || server_code(error).is_some_and(|code| code == "57014")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(code: &str) -> Error {
        Error::Refused { code: code.to_owned(), message: String::new(), hint: None }
    }

    #[test]
    fn an_answer_that_cannot_be_read_was_given() {
        let unreadable = Error::from(sqlx::Error::Decode("odd".into()));
        let lost = Error::from(sqlx::Error::Io(std::io::ErrorKind::ConnectionReset.into()));
        assert!(!breaks_connection(&unreadable) && !is_outage(&unreadable) && !is_too_slow(&unreadable));
        assert!(breaks_connection(&lost) && is_outage(&lost));
        assert!(may_be_done(&unreadable) && may_be_done(&lost) && !may_be_done(&refused("22021")));
        assert!(is_about_server(&unreadable), "any outcome would have the same answer");
    }

    #[test]
    fn what_passes_is_not_about_data() {
        for code in ["23514", "23505", "40001", "40P01", "55P03", "57014", "57P03", "53100", "53200", "53300"]
        {
            assert!(!is_about_data(&refused(code)) && !is_about_outcome(&refused(code)), "{code}");
        }
        for code in ["22021", "22P05", "54000", "54001"] {
            assert!(is_about_data(&refused(code)), "{code}");
        }
        assert!(is_about_outcome(&refused("PT413")) && !is_about_data(&refused("PT413")));
        assert!(!is_about_outcome(&refused("PT410")));
        assert!(is_about_outcome(&refused("22P05")) && is_about_outcome(&refused("54000")));
    }

    #[test]
    fn what_is_wrong_with_the_server_is_not_about_an_outcome() {
        for code in ["42501", "42883", "42P01", "3F000", "28P01", "3D000", "XX001", "XX002"] {
            let error = refused(code);
            assert!(is_about_schema(&error) && !is_about_outcome(&error) && !is_internal(&error), "{code}");
        }
        let inside = refused("XX000");
        assert!(is_internal(&inside) && !is_about_outcome(&inside) && !is_about_schema(&inside));
        // A claim must skip a job that cannot be read; a corrupt index is not the fault of any job.
        assert!(
            is_about_data(&inside) && is_about_data(&refused("XX001")) && !is_about_data(&refused("XX002"))
        );
    }
}
