//! Publishing, one job or many.

use sqlx::types::Json;
use sqlx::{PgConnection, Row};

use crate::draft::Draft;
use crate::error::Error;
use crate::job_id::JobId;

const ONE: &str = "select p.job_id from jobs.publish($1, $2, \
     coalesce($3, jobs.now() + make_interval(secs => $4)), $5::float8::numeric, $6, $7) p";

pub(crate) async fn one(connection: &mut PgConnection, draft: &Draft) -> Result<JobId, Error> {
    let row = sqlx::query(ONE)
        .bind(draft.task.as_ref())
        .bind(Json(&draft.body))
        .bind(draft.options.scheduled_at())
        .bind(draft.options.delay_seconds())
        .bind(draft.options.timeout.map(|t| t.as_secs_f64()))
        .bind(draft.options.priority)
        .bind(retries(draft))
        .fetch_one(connection)
        .await?;
    Ok(JobId::from_database(row.try_get(0)?))
}

const MANY: &str = "select p from jobs.publish_all($1, $2, $3, $4, $5, $6, $7, $8) p";

pub(crate) async fn many(connection: &mut PgConnection, drafts: &[Draft]) -> Result<Vec<JobId>, Error> {
    fn column<'d, T>(drafts: &'d [Draft], read: impl Fn(&'d Draft) -> T) -> Vec<T> {
        drafts.iter().map(read).collect()
    }
    let rows = sqlx::query(MANY)
        .bind(column(drafts, |d| d.task.as_ref()))
        .bind(column(drafts, |d| Json(&d.body)))
        .bind(column(drafts, |d| d.options.scheduled_at()))
        .bind(column(drafts, |d| d.options.delay_seconds()))
        .bind(column(drafts, |d| d.options.timeout.map(|t| t.as_secs_f64())))
        .bind(column(drafts, |d| d.options.priority))
        .bind(column(drafts, retries))
        .bind(column(drafts, |d| d.id.as_ref().map(JobId::as_str)))
        .fetch_all(connection)
        .await?;
    rows.iter().map(|row| Ok(JobId::from_database(row.try_get(0)?))).collect()
}

fn retries(draft: &Draft) -> Option<i32> {
    // Out of range is refused before it gets here (CallOptions::check).
    draft.options.retries.and_then(|n| i32::try_from(n).ok())
}
