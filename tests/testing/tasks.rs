//! Tasks to test with.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock, Mutex};
use std::time::Duration;

use pgjobs::sqlx::{self, PgPool};
use pgjobs::{Job, Task, TaskError, task};

/// What a program gives its workers.
#[derive(Clone, Default)]
pub struct Mailer(Arc<Mutex<Vec<String>>>);

impl Mailer {
    pub fn sent(&self) -> Vec<String> {
        self.0.lock().unwrap().clone()
    }
}

#[task]
pub async fn welcome(
    #[inject] mailer: &Mailer,
    user_id: i64,
    address: String,
    #[default("en")] locale: String,
    coupon: Option<String>,
) -> Result<String, TaskError> {
    let letter = format!("{user_id} {address} {locale} {}", coupon.unwrap_or_default());
    mailer.0.lock().unwrap().push(letter.trim_end().to_owned());
    Ok(address)
}

/// Needs nothing, and returns its argument.
#[task(name = "plain.echo", aliases = ["plain.repeat"], backoff = "fixed(10m)")]
pub async fn echo(value: i64) -> Result<i64, TaskError> {
    match value {
        -1 => Err(TaskError::fatal("below zero")),
        _ => Ok(value),
    }
}

/// Publishes itself again, with one less, after an hour.
#[task(name = "plain.countdown")]
pub async fn countdown(#[inject] pool: &PgPool, from: u32) -> Result<(), TaskError> {
    if from > 0 {
        countdown::new(from - 1).publish(pool).delay(Duration::from_secs(3600)).await?;
    }
    Ok(())
}

/// Publishes itself again, for ever.
#[task(name = "endless.again")]
pub async fn again(#[inject] pool: &PgPool) -> Result<(), TaskError> {
    again::publish(pool).await?;
    Ok(())
}

/// Publishes a job with another number; the last one of a number counts.
#[allow(unused_variables, reason = "it is the key")]
#[task(name = "relay.latest", unique(key = number, on_conflict = "replace"))]
pub async fn latest(#[inject] pool: &PgPool, number: i64, then: Option<i64>) -> Result<(), TaskError> {
    if let Some(number) = then {
        latest::new(number).publish(pool).await?;
    }
    Ok(())
}

/// Cancels another job.
#[task(name = "relay.cancel")]
pub async fn cancel(#[inject] pool: &PgPool, job: String) -> Result<bool, TaskError> {
    Ok(pgjobs::JobHandle::<()>::new(job.parse().map_err(TaskError::new)?).cancel(pool, "not wanted").await?)
}

static BARRIER: LazyLock<tokio::sync::Barrier> = LazyLock::new(|| tokio::sync::Barrier::new(2));

/// Runs until another one does.
#[task(name = "relay.meet")]
pub async fn meet() {
    BARRIER.wait().await;
}

/// Leaves no trace.
#[task(name = "plain.forget", keep = "none")]
pub async fn forget(value: i64) {
    let _ = value;
}

pub struct Tries(pub AtomicU32);

/// Fails twice, then returns how often it ran.
#[task(name = "tries.third", backoff = "fixed(1h)")]
pub async fn third(#[inject] tries: &Arc<Tries>) -> Result<u32, TaskError> {
    match tries.0.fetch_add(1, Ordering::SeqCst) + 1 {
        tries @ 3.. => Ok(tries),
        _ => Err(TaskError::new("not yet")),
    }
}

/// Adds to an account, and ends its job with it.
#[task(name = "account.pay")]
pub async fn pay(#[inject] pool: &PgPool, #[inject] job: &Job, cents: i64) -> Result<(), TaskError> {
    let mut tx = pool.begin().await?;
    sqlx::query("insert into entry (cents) values ($1)").bind(cents).execute(&mut *tx).await?;
    job.finish(&mut tx, &()).await?;
    Ok(tx.commit().await?)
}

/// Adds to an account, and lets the worker say so: not once if the worker dies.
#[task(name = "account.pay_carelessly")]
pub async fn pay_carelessly(#[inject] pool: &PgPool, cents: i64) -> Result<(), TaskError> {
    sqlx::query("insert into entry (cents) values ($1)").bind(cents).execute(pool).await?;
    Ok(())
}

static FINISH: tokio::sync::Notify = tokio::sync::Notify::const_new();

/// Runs until [`slow::finish`].
#[task(name = "slow.wait", timeout = "2m")]
pub async fn slow() {
    FINISH.notified().await;
}

impl slow {
    pub fn finish() {
        FINISH.notify_one();
    }
}
