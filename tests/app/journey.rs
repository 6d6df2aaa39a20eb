//! A task in steps that takes its process with it at each of its points, once.

use std::time::Duration;

use pgjobs::sqlx::{self, PgPool};
use pgjobs::{OnChange, Steps, TaskError, task};

/// Where a journey dies.
struct Points<'a> {
    pool: &'a PgPool,
    journey: i64,
}

impl Points<'_> {
    /// Ends the process here, if no process has before.
    async fn pass(&self, point: i32) -> Result<(), TaskError> {
        let first =
            "insert into died (journey, point) select $1, $2 from dying on conflict do nothing returning 1";
        let first = sqlx::query(first).bind(self.journey).bind(point).fetch_optional(self.pool).await?;
        if first.is_some() { std::process::abort() } else { Ok(()) }
    }

    /// An effect that no transaction of the job contains.
    async fn effect(&self, name: &str) -> Result<i64, TaskError> {
        effect(self.pool, self.journey, name).await
    }
}

async fn effect(database: impl sqlx::PgExecutor<'_>, journey: i64, name: &str) -> Result<i64, TaskError> {
    let insert = "insert into effect (journey, name) values ($1, $2) returning id";
    Ok(sqlx::query_scalar(insert).bind(journey).bind(name).fetch_one(database).await?)
}

/// Goes through all kinds of steps.
#[task(
    name = "app.journey",
    retries = 1000,
    backoff = "fixed(10ms)",
    steps("once more", "exactly once", "nap", "of *", "go/*")
)]
async fn journey(#[inject] pool: &PgPool, #[inject] steps: &Steps, journey: i64) -> Result<i64, TaskError> {
    let at = Points { pool, journey };
    at.pass(1).await?;
    let first = steps
        .step("once more", async || {
            at.pass(2).await?;
            let id = at.effect("once more").await?;
            at.pass(3).await?;
            Ok(id)
        })
        .await?;
    at.pass(4).await?;
    let mut tx = pool.begin().await?;
    steps
        .step_in(&mut tx, "exactly once", async |tx| {
            let id = effect(&mut *tx, journey, "exactly once").await?;
            at.pass(5).await?;
            Ok(id)
        })
        .await?;
    at.pass(6).await?;
    tx.commit().await?;
    at.pass(7).await?;
    steps.sleep("nap", Duration::from_millis(50)).await?;
    at.pass(8).await?;
    steps.step_with(format!("of {journey}"), &journey, OnChange::Fail, async || Ok(journey)).await?;
    let word: Option<String> = steps.wait_for(format!("go/{journey}"), Duration::from_secs(3600)).await?;
    at.pass(9).await?;
    if word.as_deref() != Some("go") {
        return Err(TaskError::fatal("not the word"));
    }
    child::publish(steps.on_success(), journey).await?;
    at.pass(10).await?;
    Ok(first)
}

/// What a journey publishes.
#[task(name = "app.child")]
async fn child(journey: i64) {
    let _ = journey;
}
