//! What the web server and the worker share: the tasks, and what publishes them.

use pgjobs::{JobId, TaskError, task};
use sqlx::PgPool;

/// Remembers somebody and publishes the job that greets them: both are there after the commit, or
/// neither. Returns the job, or nothing if the address is known.
///
/// # Errors
/// When the database cannot be reached, or refuses.
pub async fn sign_up(pool: &PgPool, address: &str) -> Result<Option<JobId>, pgjobs::Error> {
    let mut tx = pool.begin().await?;
    let insert = "insert into person (address) values ($1) on conflict do nothing";
    let inserted = sqlx::query(insert).bind(address).execute(&mut *tx).await?;
    if inserted.rows_affected() == 0 {
        return Ok(None);
    }
    let job = welcome::publish(&mut *tx, address.to_owned()).await?;
    tx.commit().await?;
    Ok(Some(job.id().clone()))
}

/// Greets somebody. A run that fails, as by any `?`, is repeated: five runs in all. No more than
/// ten start in a second, in all workers together.
#[task(retries = 5, timeout = "30s", limit(rate = "10/s"))]
pub async fn welcome(#[inject] pool: &PgPool, address: String) -> Result<(), TaskError> {
    tracing::info!("sending the letter"); // a mail service would be called here
    let update = "update person set welcomed_at = now() where address = $1";
    sqlx::query(update).bind(&address).execute(pool).await?;
    Ok(())
}

/// Counts every morning at seven, UTC, who has signed up.
#[task(cron = "0 7 * * *")]
pub async fn report(#[inject] pool: &PgPool) -> Result<String, TaskError> {
    let people: i64 = sqlx::query_scalar("select count(*) from person")
        .fetch_one(pool)
        .await?;
    Ok(format!("{people} people have signed up"))
}

/// Makes this service's own table; the schema of the jobs is made by `pgjobs::migrate`. For tables
/// that change use `sqlx::migrate!`.
///
/// # Errors
/// When the database cannot be reached, or refuses.
pub async fn create_tables(pool: &PgPool) -> Result<(), sqlx::Error> {
    let table =
        "create table if not exists person (address text primary key, welcomed_at timestamptz)";
    sqlx::query(table).execute(pool).await?;
    Ok(())
}
