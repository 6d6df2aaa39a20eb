//! The task of the fault laboratory: it says what it does over a connection of its own, which no fault touches.

use std::time::{Duration, SystemTime};

use pgjobs::{Error, Job, TaskError, sqlx, task};
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;
use tokio::sync::OnceCell;

/// Where events are noted: the database in `LAB_URL`, reached directly even when the worker goes through a proxy.
#[derive(Default)]
pub(crate) struct Notes(OnceCell<PgPool>);

impl Notes {
    async fn note(&self, job: &Job, what: &str) -> Result<(), TaskError> {
        let connect = async || {
            let url = std::env::var("LAB_URL").map_err(TaskError::new)?;
            PgPoolOptions::new().max_connections(2).connect(&url).await.map_err(TaskError::new)
        };
        sqlx::query("insert into lab.event (job_id, attempt, pid, what, clock) values ($1, $2, $3, $4, $5)")
            .bind(job.id().as_str())
            .bind(job.attempt())
            .bind(i64::from(std::process::id()))
            .bind(what)
            .bind(
                SystemTime::now()
                    .duration_since(SystemTime::UNIX_EPOCH)
                    .map_err(TaskError::new)?
                    .as_secs_f64(),
            )
            .execute(self.0.get_or_try_init(connect).await?)
            .await?;
        Ok(())
    }
}

/// Works for a while, then writes its effect and ends in one transaction.
#[task(name = "lab.work", retries = 1000, timeout = "20s", backoff = "fixed(50ms)")]
async fn work(
    #[inject] job: &Job,
    #[inject] notes: &Notes,
    #[inject] pool: &PgPool,
    millis: u64,
    deaf: bool,
    _ballast: Option<String>,
) -> Result<(), TaskError> {
    notes.note(job, "start").await?;
    if deaf {
        // Holds its thread, so that nothing stops it: not even a worker that knows that its lease is gone.
        let whole = async { end(job, notes, pool, millis).await };
        return tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(whole));
    }
    end(job, notes, pool, millis).await
}

async fn end(job: &Job, notes: &Notes, pool: &PgPool, millis: u64) -> Result<(), TaskError> {
    tokio::time::sleep(Duration::from_millis(millis)).await;
    let mut tx = pool.begin().await?;
    sqlx::query("insert into lab.effect (job_id, attempt) values ($1, $2)")
        .bind(job.id().as_str())
        .bind(job.attempt())
        .execute(&mut *tx)
        .await?;
    match job.finish(&mut tx, &()).await {
        Err(Error::LeaseLost(_)) => {
            tx.rollback().await?;
            notes.note(job, "fenced").await?;
            Err(TaskError::new("fenced"))
        }
        finished => {
            finished?;
            Ok(tx.commit().await?)
        }
    }
}
