//! Progress and log of runs: what workers say of them, and what is known.

use serde_json::value::RawValue;
use sqlx::postgres::PgRow;
use sqlx::{PgConnection, Row};
use uuid::Uuid;

use super::read::maybe_time;
use crate::types::error::Error;
use crate::types::job_id::JobId;
use crate::types::progress::{LogLine, Progress};

/// Stores what a worker's runs say, each as `jobs.note_progress` takes it. Without waiting for the disk: what
/// follows, which is the outcome of the run or the next report, makes it last.
pub(crate) async fn note(connection: &mut PgConnection, worker: Uuid, runs: &str) -> Result<(), Error> {
    sqlx::query(
        "select jobs.note_progress($1, $2::text::jsonb) from set_config('synchronous_commit', 'off', true) s",
    )
    .bind(worker)
    .bind(runs)
    .execute(connection)
    .await?;
    Ok(())
}

const PROGRESS: &str =
    "select p.attempt, p.at, p.done, p.total, p.note, p.job_id from jobs.progress_of(array[$1]) p";

/// The newest report of each run of a job that made one, in the order of the runs.
pub(crate) async fn progress(connection: &mut PgConnection, job: &JobId) -> Result<Vec<Progress>, Error> {
    let rows = sqlx::query(PROGRESS).bind(job.as_str()).fetch_all(connection).await?;
    rows.iter().map(read).collect()
}

fn read(row: &PgRow) -> Result<Progress, Error> {
    Ok(Progress {
        attempt: row.try_get(0)?,
        at: maybe_time(row, 1)?.unwrap_or_default(),
        done: row.try_get(2)?,
        total: row.try_get(3)?,
        note: row.try_get(4)?,
    })
}

const LOG: &str = "select l.position, l.attempt, l.at, l.level, l.target, l.message, l.fields::text from jobs.job_log($1, $2, $3) l";

/// Lines of the log of a job: `num` after a position, or the last ones.
pub(crate) async fn log(
    connection: &mut PgConnection,
    job: &JobId,
    after: Option<i64>,
    num: u16,
) -> Result<Vec<LogLine>, Error> {
    let query = sqlx::query(LOG).bind(job.as_str()).bind(after).bind(i32::from(num));
    query.fetch_all(connection).await?.iter().map(line).collect()
}

fn line(row: &PgRow) -> Result<LogLine, Error> {
    let text = |at: usize| Ok::<_, sqlx::Error>(row.try_get::<Option<String>, _>(at)?.unwrap_or_default());
    let fields = row.try_get::<Option<String>, _>(6)?;
    Ok(LogLine {
        position: row.try_get(0)?,
        attempt: row.try_get(1)?,
        at: maybe_time(row, 2)?.unwrap_or_default(),
        level: text(3)?,
        target: text(4)?,
        message: text(5)?,
        fields: fields.and_then(|json| RawValue::from_string(json).ok()),
    })
}
