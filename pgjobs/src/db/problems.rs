//! What is wrong with an installation.

use serde::Serialize;
use serde_json::Value;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};

use crate::types::error::Error;
use crate::types::severity::Severity;

/// Something that is wrong with an installation, as `pgjobs doctor` shows it; `docs/src/doctor.md` lists all
/// kinds. It holds no argument, no result and no error of a job.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// For programs: the kind, such as `no_worker`.
    pub code: String,
    /// Whether something does not work, or soon may not.
    pub severity: Severity,
    /// For people: one sentence, with the numbers.
    pub message: String,
    /// The number that was looked at, in the unit that the list of kinds names: jobs, seconds, percent.
    pub found: i64,
    /// The last good number, in the same unit.
    pub allowed: i64,
    /// What fixes it, with the command between backticks.
    pub remedy: String,
    /// The facts behind the sentence, such as the name of the task or the number of the server process.
    pub details: Value,
}

const PROBLEMS: &str = "select p.code, p.severity, p.message, round(p.found)::bigint, round(p.allowed)::bigint, p.remedy, \
                        p.details::text from jobs.problems() p";

pub(crate) async fn problems(connection: &mut PgConnection) -> Result<Vec<Problem>, Error> {
    sqlx::query(PROBLEMS).fetch_all(connection).await?.iter().map(problem).collect()
}

fn problem(row: &PgRow) -> Result<Problem, Error> {
    let severity = if row.try_get::<&str, _>(1)? == "error" { Severity::Error } else { Severity::Warning };
    let details = row.try_get::<Option<&str>, _>(6)?.and_then(|json| serde_json::from_str(json).ok());
    Ok(Problem {
        code: row.try_get(0)?,
        severity,
        message: row.try_get(2)?,
        found: row.try_get(3)?,
        allowed: row.try_get(4)?,
        remedy: row.try_get(5)?,
        details: details.unwrap_or_default(),
    })
}
