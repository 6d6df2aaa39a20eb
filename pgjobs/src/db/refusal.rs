//! What an error says: of the connection, of the moment, or of the data that a statement held.
//!
//! A worker says most things again until they are done. What the server refused for the data would be refused
//! for ever, and hold up the rest; what it refused for a reason of the moment must not be charged to a job.

use std::borrow::Cow;

use crate::types::error::Error;

pub(crate) fn server_code(error: &Error) -> Option<Cow<'_, str>> {
    match error {
        Error::Refused { code, .. } => Some(Cow::Borrowed(code)),
        Error::Database(error) | Error::SchemaMissing(error) => error.as_database_error()?.code(),
        _ => None,
    }
}

/// Whether the connection may be unusable: all errors but those that the server reported while
/// going on, and among those the ones that say that it is going down or that plans are stale.
pub(crate) fn breaks_connection(error: &Error) -> bool {
    match (error, server_code(error)) {
        // What was prepared is gone, or never was on this session: only a new connection starts afresh.
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

/// Whether no whole answer came.
pub(crate) fn is_unanswered(error: &Error) -> bool {
    let Error::Database(error) = error else { return false };
    error.as_database_error().is_none() && !matches!(error, sqlx::Error::Encode(_))
}

/// Whether an answer came that is not understood here. The server has done what it was asked, and is there.
pub(crate) fn is_unreadable(error: &Error) -> bool {
    matches!(error, Error::Unreadable(_))
}

/// Whether the server may have done what it was asked without our knowing what that was.
pub(crate) fn may_be_done(error: &Error) -> bool {
    is_unanswered(error) || is_unreadable(error)
}

/// Whether it is about the connection or the server as a whole, and not about the statement.
pub(crate) fn is_outage(error: &Error) -> bool {
    is_unanswered(error)
        || server_code(error)
            .is_some_and(|code| code.starts_with("57P") || code.starts_with("08") || code == "53300")
}

/// Whether the server is in no state to do it: away, out of disk, memory or connections, or not what this program
/// knows. Then the same would become of any other statement.
pub(crate) fn is_about_server(error: &Error) -> bool {
    let classes = ["53", "57", "58", "25"];
    is_outage(error)
        || is_unreadable(error)
        || server_code(error).is_some_and(|code| classes.iter().any(|class| code.starts_with(class)))
}

/// Whether another transaction was in the way.
pub(crate) fn is_conflict(error: &Error) -> bool {
    server_code(error).is_some_and(|code| code.starts_with("40") || code.starts_with("55"))
}

/// Whether the server refused what a statement held, so that saying it again would not help: bad data (22), a
/// limit of the server (54), and an error inside it (XX), which is how it refuses what is too large to be put
/// together and what it cannot read again; not a broken index. A broken constraint (23) is none of these: it is how
/// a partition that is being made, or a key that two draw at once, looks from here, and it passes.
pub(crate) fn is_about_data(error: &Error) -> bool {
    let classes = ["22", "54", "XX"];
    matches!(error, Error::Database(sqlx::Error::Encode(_)))
        || server_code(error)
            .is_some_and(|code| code != "XX002" && classes.iter().any(|class| code.starts_with(class)))
}

/// The same of outcomes, which functions of the schema refuse as well: `PT413` a result that is too large. That
/// a lease is gone (`PT409`) or a worker (`PT410`) says nothing of the data; nor does an error inside the server, see
/// [`is_internal`] and [`is_about_schema`].
pub(crate) fn is_about_outcome(error: &Error) -> bool {
    let is_of_ours = |code: &str| matches!(code, "PT400" | "PT413" | "PT422");
    is_about_data(error) && !server_code(error).is_some_and(|code| code.starts_with("XX"))
        || server_code(error).is_some_and(|code| is_of_ours(&code))
}

/// Whether the schema, the rights or the storage of the server are not what they should be: until somebody mends that, a
/// outcome is refused whatever it holds. Rights and functions (42), schema (3F), role (28) and database (3D), and what
/// the server finds broken where it writes (XX001, XX002).
pub(crate) fn is_about_schema(error: &Error) -> bool {
    let classes = ["42", "3F", "28", "3D", "XX001", "XX002"];
    server_code(error).is_some_and(|code| classes.iter().any(|class| code.starts_with(class)))
}

/// Whether the server met an error inside itself: one that passes, such as a relation or a row that another changes
/// at the same moment, or its way to refuse what is too large to be put together.
pub(crate) fn is_internal(error: &Error) -> bool {
    server_code(error).is_some_and(|code| code == "XX000")
}

/// Whether the server had no memory for it: for what it was asked, or just now.
pub(crate) fn is_out_of_memory(error: &Error) -> bool {
    server_code(error).is_some_and(|code| code == "53200")
}

/// Whether it was not done in its time, by our clock or the server's. It may be held up by a lock, or large.
pub(crate) fn is_late(error: &Error) -> bool {
    is_unanswered_in_time(error) || server_code(error).is_some_and(|code| code == "57014")
}

/// Whether no answer came in time, of a server that may be there or not.
pub(crate) fn is_unanswered_in_time(error: &Error) -> bool {
    matches!(error, Error::Database(sqlx::Error::Io(cause)) if cause.kind() == std::io::ErrorKind::TimedOut)
}

/// Whether it took longer than it may.
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
    fn what_is_wrong_with_the_server_is_not_about_a_outcome() {
        for code in ["42501", "42883", "42P01", "3F000", "28P01", "3D000", "XX001", "XX002"] {
            let error = refused(code);
            assert!(is_about_schema(&error) && !is_about_outcome(&error) && !is_internal(&error), "{code}");
        }
        let inside = refused("XX000");
        assert!(is_internal(&inside) && !is_about_outcome(&inside) && !is_about_schema(&inside));
        // A claim has to get by a job that cannot be read; a broken index is no job's.
        assert!(
            is_about_data(&inside) && is_about_data(&refused("XX001")) && !is_about_data(&refused("XX002"))
        );
    }
}
