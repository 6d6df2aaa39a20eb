//! Money.

use pgjobs::{Job, TaskError, task};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sqlx::PgPool;

use crate::mail;

/// A charge, with what is needed to take it back.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub struct Charge {
    /// The customer's address.
    pub address: String,
    /// How much was charged.
    pub cents: i64,
    /// The job that sends the receipt.
    pub receipt: String,
}

/// Charges a customer and asks for the receipt, both or neither. The bank takes twenty calls a second.
#[task(retries = 5, limit(rate = "20/s"))]
pub async fn charge(
    #[inject] pool: &PgPool,
    #[inject] job: &Job,
    address: String,
    cents: i64,
) -> Result<Charge, TaskError> {
    let mut tx = pool.begin().await?;
    let receipt = mail::receipt::publish(&mut *tx, address.clone(), cents).await?.id().to_string();
    let charge = Charge { address, cents, receipt };
    job.finish(&mut tx, &charge).await?;
    tx.commit().await?;
    Ok(charge)
}

/// Takes a charge back. The letter is published if, and only if, this job becomes a success.
#[task(retries = 5)]
pub async fn refund(#[inject] job: &Job, charge: Charge) -> Result<(), TaskError> {
    mail::refunded::publish(job.on_success(), charge.address, charge.cents).await?;
    Ok(())
}

/// Adds up the prices of an order.
#[task]
pub async fn total(cents: Vec<i64>) -> Result<i64, TaskError> {
    let sum = cents.iter().try_fold(0i64, |sum, price| sum.checked_add(*price));
    sum.ok_or_else(|| TaskError::fatal("the order is too large to be true"))
}
