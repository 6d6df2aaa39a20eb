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
