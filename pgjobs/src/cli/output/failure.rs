//! The failure of a command: a message for a person and an exit code for a script.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::Error;
use crate::cli::args::global::program;
use crate::types::error::driver;

/// Why a command failed.
#[derive(Debug)]
pub(crate) struct Failure {
    exit: Exit,
    message: String,
    /// The code of the error that it comes from, if it is one of the library's.
    code: Option<String>,
    /// What `--json` prints besides the error.
    about: Value,
    /// Whether a pool had no connection, and did not report the reason.
    is_starved: bool,
    /// Whether its document was printed.
    is_printed: bool,
}

#[derive(Debug, Clone, Copy)]
enum Exit {
    Failed = 1,
    Usage = 2,
    Database = 3,
    /// Of several servers some could not be asked; what the others said is printed.
    Partial = 4,
    /// A signal ended it before it was done.
    Interrupted = 130,
}

impl Failure {
    fn new(exit: Exit, message: impl Into<String>) -> Self {
        Failure {
            exit,
            message: message.into(),
            code: None,
            about: json!({}),
            is_starved: false,
            is_printed: false,
        }
    }

    /// The requested action failed.
    pub(crate) fn failed(message: impl Into<String>) -> Self {
        Failure::new(Exit::Failed, message)
    }

    /// The usage or the configuration is wrong.
    pub(crate) fn usage(message: impl Into<String>) -> Self {
        Failure::new(Exit::Usage, message)
    }

    /// The program was built without this cargo feature, so that it lacks something.
    #[cfg(not(all(feature = "top", feature = "web")))]
    pub(crate) fn without_feature(feature: &str, lack: &str) -> Self {
        Failure::usage(format!(
            "this program was built without the cargo feature `{feature}`, so {lack}: build it with the feature"
        ))
    }

    /// The database cannot be used.
    pub(crate) fn database(message: impl Into<String>) -> Self {
        Failure::new(Exit::Database, message)
    }

    /// What was asked for is printed, without the servers that could not be asked.
    pub(crate) fn partial(message: impl Into<String>) -> Self {
        Failure::new(Exit::Partial, message)
    }

    /// A signal ended the command before what it waits for.
    pub(crate) fn interrupted(message: impl Into<String>) -> Self {
        Failure::new(Exit::Interrupted, message)
    }

    /// Whether the output is complete but for some servers: a warning, and no failure of the command.
    pub(crate) fn is_partial(&self) -> bool {
        matches!(self.exit, Exit::Partial)
    }

    /// The same failure with another message.
    pub(crate) fn with_message(self, message: String) -> Self {
        Failure { message, ..self }
    }

    /// No database can be used, and the document that was printed says why.
    pub(crate) fn printed_database(message: impl Into<String>) -> Self {
        Failure { is_printed: true, ..Failure::database(message) }
    }

    /// Whether `--json` has printed its document already.
    pub(crate) fn is_printed(&self) -> bool {
        self.is_printed
    }

    /// What was asked for is refused as wrong, which is no wrong use of this program: the database knows more than
    /// its arguments show.
    pub(crate) fn refused(error: Error) -> Self {
        match error {
            Error::Option { .. } | Error::Encode(_) => Failure::failed(error.to_string()).coded(error.code()),
            error => error.into(),
        }
    }

    /// Adds what is known in spite of the failure, for `--json`.
    pub(crate) fn about(mut self, about: Value) -> Self {
        self.about = about;
        self
    }

    fn coded(mut self, code: &str) -> Self {
        self.code = Some(code.to_owned());
        self
    }

    /// The code under which the book explains it, unless the message has it already.
    pub(crate) fn code_to_show(&self) -> Option<String> {
        self.code.clone().filter(|code| !self.message.contains(&format!("({code})")))
    }

    /// Whether a pool had no connection, so that the reason is still to be found.
    pub(crate) fn is_starved(&self) -> bool {
        self.is_starved
    }

    /// The same failure with this reason, which is the underlying one.
    pub(crate) fn because(self, reason: Failure) -> Self {
        reason.about(self.about)
    }

    /// The message for people; it may hold a secret.
    pub(crate) fn message(&self) -> &str {
        &self.message
    }

    /// The document that `--json` prints, with this message.
    pub(crate) fn document(mut self, message: &str) -> Value {
        self.about["error"] = json!({ "exit_code": self.exit as u8, "code": self.code, "message": message });
        self.about
    }

    pub(crate) fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.exit as u8)
    }
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        let code = error.code().to_owned();
        Failure::of(error).coded(&code)
    }
}

impl Failure {
    fn of(error: Error) -> Self {
        let message = error.to_string();
        match error {
            Error::Database(error) => from_database(&error),
            Error::Migration(error) => from_migration(&error, message),
            Error::SchemaMissing(error) => Failure::database(format!(
                "schema `jobs` is missing or older than this program: run `{} migrate` ({})",
                program(),
                driver::said(&error)
            )),
            Error::Unusable { .. } | Error::TooFewConnections { .. } => Failure::database(message),
            Error::NoTasks { .. }
            | Error::DuplicateTask { .. }
            | Error::MissingState { .. }
            | Error::UnknownTask { .. }
            | Error::Topic { .. }
            | Error::Option { .. }
            | Error::TransactionPooling { .. }
            | Error::Encode(_) => Failure::usage(message),
            _ => Failure::failed(message),
        }
    }
}

impl From<sqlx::Error> for Failure {
    fn from(error: sqlx::Error) -> Self {
        Error::from(error).into()
    }
}

#[cfg(feature = "local-postgres")]
impl From<crate::local_postgres::LocalPostgresError> for Failure {
    fn from(error: crate::local_postgres::LocalPostgresError) -> Self {
        Failure::database(error.to_string())
    }
}

/// A server that refuses a statement was reached; one that is shutting down, or that does not let us in, was
/// not.
fn from_database(error: &sqlx::Error) -> Failure {
    let words = driver::words(error);
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some("42501") => Failure::failed(format!("the database user may not do this: {words}")),
        Some(code) if !lets_nobody_in(code) => Failure::failed(format!("the database refused: {words}")),
        None if !is_of_the_connection(error) => Failure::failed(words),
        _ => Failure {
            is_starved: matches!(error, sqlx::Error::PoolTimedOut),
            ..Failure::database(format!("the database does not answer: {words}"))
        },
    }
}

fn is_of_the_connection(error: &sqlx::Error) -> bool {
    use sqlx::Error::{Io, PoolClosed, PoolTimedOut, Protocol, Tls, WorkerCrashed};
    matches!(error, Io(_) | Tls(_) | Protocol(_) | PoolTimedOut | PoolClosed | WorkerCrashed)
}

/// Codes for: no connection, no access, no such database, too many connections, a server that starts or
/// stops.
fn lets_nobody_in(code: &str) -> bool {
    code == "53300" || ["08", "28", "3D", "57P0"].iter().any(|class| code.starts_with(class))
}

fn from_migration(error: &sqlx::migrate::MigrateError, message: String) -> Failure {
    use sqlx::migrate::MigrateError::{Execute, ExecuteMigration};
    match error {
        Execute(cause) | ExecuteMigration(cause, _) if cause.as_database_error().is_none() => {
            Failure::database(message)
        }
        _ => Failure::failed(message),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_that_cannot_be_read_is_no_server_that_cannot_be_reached() {
        let decode = || sqlx::Error::Decode("number out of range".into());
        let column = sqlx::Error::ColumnDecode { index: "3".to_owned(), source: "odd".into() };
        for error in [decode(), column, sqlx::Error::ColumnNotFound("x".to_owned())] {
            let failure = Failure::from(error);
            assert_eq!(failure.exit as u8, 1, "{failure:?}");
            assert!(failure.message.contains("cannot be read"), "{failure:?}");
        }
        for error in [sqlx::Error::PoolTimedOut, sqlx::Error::Io(std::io::ErrorKind::TimedOut.into())] {
            assert_eq!(Failure::from(error).exit as u8, 3);
        }
        assert_eq!(Failure::from(sqlx::Error::Encode("odd".into())).exit as u8, 1);
        assert!(lets_nobody_in("53300") && lets_nobody_in("57P03") && lets_nobody_in("08006"));
        assert!(!lets_nobody_in("53200") && !lets_nobody_in("57014") && !lets_nobody_in("22003"));
    }
}
