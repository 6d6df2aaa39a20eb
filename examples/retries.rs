//! Every way in which a run can end other than well, and what the job's row says then.
//!
//! ```text
//! cargo run --example retries
//! ```
//!
//! `retries = 2` allows two runs in all. The rows are shown twice: after each job's first run, and
//! when all have ended. `attempt` counts starts, `retries` those failed runs after which the job was
//! requeued. The panic's message on stderr belongs to the show.

use std::error::Error;
use std::time::Duration;

use pgjobs::inspect::{self, JobRow};
use pgjobs::{Job, JobId, TaskError, Worker, task};
use pgjobs_examples::table;
use sqlx::PgPool;

const SOON: Duration = Duration::from_secs(2);

/// Any error converts with `?`: the job runs again after the task's backoff.
#[task(retries = 2, backoff = "fixed(2s)")]
async fn question_mark(amount: String) -> Result<i64, TaskError> {
    Ok(amount.parse()?)
}

/// The error chooses when to try again, as a server does with `Retry-After`.
#[task(retries = 2)]
async fn retry_in(#[inject] job: &Job) -> Result<String, TaskError> {
    if job.attempt() == 1 {
        return Err(TaskError::new("too many requests").retry_in(SOON));
    }
    Ok("accepted".to_owned())
}

/// Nothing can mend it: the job fails at once, whatever runs are left.
#[task(retries = 2)]
async fn fatal() -> Result<(), TaskError> {
    Err(TaskError::fatal("the account is closed"))
}

/// Not ready yet: run again later, and do not count this run.
#[task(retries = 1)]
async fn snooze(#[inject] job: &Job) -> Result<String, TaskError> {
    if job.attempt() == 1 {
        return Err(TaskError::snooze(SOON));
    }
    Ok("ready".to_owned())
}

/// A panic is an error like any other; the worker goes on.
#[task(retries = 2, backoff = "fixed(2s)")]
async fn panic(numbers: Vec<i64>) -> Result<i64, TaskError> {
    Ok(numbers[0])
}

/// At its timeout the function is stopped where it waits.
#[task(retries = 2, backoff = "fixed(2s)", timeout = "100ms")]
async fn timeout() -> Result<(), TaskError> {
    std::future::pending().await
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let (_database, pool) = pgjobs_examples::database().await?;
    let jobs = publish(&pool).await?;

    Worker::new(pool.clone()).burst().run().await?; // what is due now, and nothing later
    println!("after the first run\n{}\n", show(&rows(&pool, &jobs).await?));

    while rows(&pool, &jobs).await?.iter().any(|row| !row.state.has_ended()) {
        tokio::time::sleep(Duration::from_millis(200)).await;
        Worker::new(pool.clone()).burst().run().await?;
    }
    println!("when all have ended\n{}", show(&rows(&pool, &jobs).await?));
    Ok(())
}

async fn publish(pool: &PgPool) -> Result<Vec<JobId>, pgjobs::Error> {
    Ok(vec![
        question_mark::publish(pool, "twelve".to_owned()).await?.id().clone(),
        retry_in::publish(pool).await?.id().clone(),
        fatal::publish(pool).await?.id().clone(),
        snooze::publish(pool).await?.id().clone(),
        panic::publish(pool, Vec::new()).await?.id().clone(),
        timeout::publish(pool).await?.id().clone(),
    ])
}

async fn rows(pool: &PgPool, jobs: &[JobId]) -> Result<Vec<JobRow>, pgjobs::Error> {
    let mut rows = Vec::new();
    for job in jobs {
        rows.push(inspect::job(pool, job).await?);
    }
    Ok(rows)
}

fn show(rows: &[JobRow]) -> String {
    let cells = rows.iter().map(|row| {
        let [attempt, retries, most] = [row.attempt, row.retries, row.max_retries].map(|n| n.to_string());
        let error = row.traceback.clone().unwrap_or_default();
        [row.task.clone(), row.state.to_string(), attempt, retries, most, error]
    });
    table(["task", "state", "attempt", "retries", "max_retries", "last error"], cells)
}
