//! Why there is no page, or why nothing was done.

use std::sync::Arc;

use axum::http::StatusCode;

use super::verbs::Verb;
use crate::db::replay::is_recovery_conflict;
use crate::types::error::Error;
use crate::types::error::driver;

/// What a handler fails with. Its text is for the person at the page: the thing, the reason, the remedy.
#[derive(Debug, Clone)]
pub(super) enum Failed {
    /// The request makes no sense, or there is no such thing.
    Asked(StatusCode, String),
    /// The role of the viewer does not permit it.
    NotPermitted(Verb),
    /// The database refused, or does not answer.
    Database(Arc<Error>),
    /// One of several servers did not answer; this is how long it was waited for.
    Away(String),
}

impl Failed {
    /// 400 with this reason.
    pub(super) fn bad(reason: impl Into<String>) -> Self {
        Failed::status(StatusCode::BAD_REQUEST, reason)
    }

    /// 404: there is no such thing.
    pub(super) fn missing(what: impl Into<String>) -> Self {
        Failed::status(StatusCode::NOT_FOUND, what)
    }

    /// This status with this reason.
    pub(super) fn status(status: StatusCode, reason: impl Into<String>) -> Self {
        Failed::Asked(status, reason.into())
    }

    /// Whether the database does not answer, or does not let us in: the page says what it means for jobs then.
    pub(super) fn is_away(&self) -> bool {
        let Failed::Database(error) = self else { return matches!(self, Failed::Away(_)) };
        let Error::Database(error) = &**error else { return false };
        match error.as_database_error().and_then(|error| error.code()) {
            Some(code) => {
                code == "53300" || ["08", "28", "3D", "57P0"].iter().any(|class| code.starts_with(class))
            }
            None => !matches!(
                error,
                sqlx::Error::RowNotFound | sqlx::Error::ColumnDecode { .. } | sqlx::Error::Decode(_)
            ),
        }
    }

    /// Whether a standby ended a query that held its replay up.
    pub(super) fn is_recovery_conflict(&self) -> bool {
        matches!(self, Failed::Database(error) if is_recovery_conflict(error))
    }

    /// The status of the answer.
    pub(super) fn code(&self) -> StatusCode {
        match self {
            Failed::Asked(status, _) => *status,
            Failed::NotPermitted(_) => StatusCode::FORBIDDEN,
            Failed::Database(error) if matches!(**error, Error::UnknownJob(_)) => StatusCode::NOT_FOUND,
            Failed::Away(_) => StatusCode::SERVICE_UNAVAILABLE,
            _ if self.is_away() => StatusCode::SERVICE_UNAVAILABLE,
            Failed::Database(error) => match &**error {
                Error::Refused { code, .. } => status(code),
                error => of_database(error),
            },
        }
    }

    /// The words for the person.
    pub(super) fn words(&self) -> String {
        match self {
            Failed::Asked(_, reason) | Failed::Away(reason) => reason.clone(),
            Failed::NotPermitted(verb) => {
                format!("{} needs the role {}: ask somebody who has it", verb.name(), verb.role())
            }
            Failed::Database(error) => match &**error {
                Error::Database(error) => driver::words(error).to_string(),
                other => other.to_string(),
            },
        }
    }
}

/// The status in a code of the SQL layer, PT404. Class 22 is a value that no column can have: a text with the character
/// 0, a year that is too far.
fn status(code: &str) -> StatusCode {
    if code.starts_with("22") {
        return StatusCode::BAD_REQUEST;
    }
    let status = code.strip_prefix("PT").and_then(|status| status.parse().ok());
    status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
}

/// The SQL layer gives its own status in its codes, PT404; a query that took too long is 503.
fn of_database(error: &Error) -> StatusCode {
    let Error::Database(error) = error else { return StatusCode::BAD_REQUEST };
    let code = error.as_database_error().and_then(|error| error.code());
    match code.as_deref() {
        Some("57014" | "55P03" | "40001" | "40P01") => StatusCode::SERVICE_UNAVAILABLE,
        Some("42501") => StatusCode::FORBIDDEN,
        Some(code) => status(code),
        None => StatusCode::INTERNAL_SERVER_ERROR,
    }
}

impl From<Error> for Failed {
    fn from(error: Error) -> Self {
        Failed::Database(Arc::new(error))
    }
}

impl From<sqlx::Error> for Failed {
    fn from(error: sqlx::Error) -> Self {
        Error::from(error).into()
    }
}
