//! Jobs that fail because their worker died.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::cli::commands::banner::explain;
use crate::cli::output::failure::Failure;
use crate::{Worker, db};

/// Counts jobs that end as failed without an outcome of this worker, because their worker died.
pub(super) struct Watch {
    pool: PgPool,
    tasks: Vec<&'static str>,
    since: DateTime<Utc>,
}

impl Watch {
    pub(super) async fn new(pool: PgPool, worker: &Worker) -> Result<Self, Failure> {
        let tasks = worker.tasks().map_err(explain)?;
        let tasks = tasks.iter().flat_map(|task| task.names()).collect();
        let since = db::inspect::now(&mut *pool.acquire().await?).await?;
        Ok(Watch { pool, tasks, since })
    }

    pub(super) async fn lost(&self) -> Result<u64, Failure> {
        let mut connection = self.pool.acquire().await?;
        Ok(db::inspect::lost(&mut connection, &self.tasks, self.since).await?)
    }
}
