//! Jobs that fail because their worker died.

use chrono::{DateTime, Utc};
use sqlx::PgPool;

use crate::cli::commands::banner::explain;
use crate::cli::database::places::Opened;
use crate::cli::output::failure::Failure;
use crate::{Worker, db};

/// Counts jobs that end as failed without an outcome of this worker, because their worker died.
pub(super) struct Watch {
    /// The databases, each with its time when the worker started.
    places: Vec<(PgPool, DateTime<Utc>)>,
    tasks: Vec<&'static str>,
}

impl Watch {
    /// Begins on the databases that answer.
    pub(super) async fn new(opened: &[Opened], worker: &Worker) -> Result<Self, Failure> {
        let tasks = worker.tasks().map_err(explain)?;
        let tasks = tasks.iter().flat_map(|task| task.names()).collect();
        let mut places = Vec::new();
        for one in opened.iter().filter(|one| one.is_there) {
            let since = db::inspect::now(&mut *one.pool.acquire().await?).await?;
            places.push((one.pool.clone(), since));
        }
        Ok(Watch { places, tasks })
    }

    pub(super) async fn lost(&self) -> Result<u64, Failure> {
        let mut lost: u64 = 0;
        for (pool, since) in &self.places {
            let mut connection = pool.acquire().await?;
            lost = lost.saturating_add(db::inspect::lost(&mut connection, &self.tasks, *since).await?);
        }
        Ok(lost)
    }
}
