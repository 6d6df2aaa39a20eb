//! What is on the shelf.

use pgjobs::{Job, TaskError, task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

/// Goods that are kept for an order.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Reservation {
    /// The item.
    pub item: String,
    /// How many of it.
    pub count: i32,
}

/// Keeps goods for an order. The row and the end of the job are in one transaction, so that it happens
/// exactly once; one job of an item runs at a time, since they would wait for the same row.
#[task(retries = 5, limit(key = item, max = 1))]
pub async fn reserve(
    #[inject] pool: &PgPool,
    #[inject] job: &Job,
    item: String,
    count: i32,
) -> Result<Reservation, TaskError> {
    let mut tx = pool.begin().await?;
    let take = "update item set stock = stock - $2 where name = $1 and stock >= $2";
    if sqlx::query(take).bind(&item).bind(count).execute(&mut *tx).await?.rows_affected() == 0 {
        return Err(TaskError::fatal("out of stock")); // no retry would help
    }
    let reserved = Reservation { item, count };
    job.finish(&mut tx, &reserved).await?;
    tx.commit().await?;
    Ok(reserved)
}

/// Puts goods back, also exactly once.
#[task(retries = 5)]
pub async fn put_back(
    #[inject] pool: &PgPool,
    #[inject] job: &Job,
    reserved: Reservation,
) -> Result<(), TaskError> {
    let mut tx = pool.begin().await?;
    let put = "update item set stock = stock + $2 where name = $1";
    sqlx::query(put).bind(&reserved.item).bind(reserved.count).execute(&mut *tx).await?;
    job.finish(&mut tx, &()).await?;
    tx.commit().await?;
    Ok(())
}
