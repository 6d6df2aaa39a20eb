//! Money.

use pgjobs::{Job, TaskError, task};
use sqlx::PgPool;

use crate::mail;

/// Charges a customer and asks for the receipt, both or neither; returns the receipt's job.
#[task(retries = 5)]
pub async fn charge(
    #[inject] pool: &PgPool,
    #[inject] job: &Job,
    address: String,
    cents: i64,
) -> Result<String, TaskError> {
    let mut tx = pool.begin().await?;
    let receipt = mail::receipt::publish(&mut *tx, address, cents).await?.id().to_string();
    job.finish(&mut tx, &receipt).await?;
    tx.commit().await?;
    Ok(receipt)
}

/// Adds up the prices of an order.
#[task]
pub async fn total(cents: Vec<i64>) -> Result<i64, TaskError> {
    let sum = cents.iter().try_fold(0i64, |sum, price| sum.checked_add(*price));
    sum.ok_or_else(|| TaskError::fatal("the order is too large to be true"))
}
