//! The arguments of a job with what is sensitive in them, for those who may see that.

use sqlx::{PgConnection, Row};

use crate::types::error::Error;
use crate::types::job_id::JobId;

/// The arguments as the database writes them; `None` when there are none or the job is unknown.
pub(crate) async fn revealed(connection: &mut PgConnection, id: &JobId) -> Result<Option<String>, Error> {
    let row = sqlx::query("select a.body::text from jobs.get($1) a")
        .bind(id.as_str())
        .fetch_optional(connection)
        .await?;
    Ok(row.map(|row| row.try_get(0)).transpose()?.flatten())
}
