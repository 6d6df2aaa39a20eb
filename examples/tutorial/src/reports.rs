use std::time::Duration;

use pgjobs::{TaskError, task};
use sqlx::PgPool;

/// Counts the customers, on working days at seven in the morning.
#[task(cron = "0 7 * * mon-fri", zone = "Europe/Lisbon")]
pub async fn daily(#[inject] pool: &PgPool) -> Result<i64, TaskError> {
    Ok(sqlx::query_scalar("select count(*) from customer")
        .fetch_one(pool)
        .await?)
}

/// Imports a file of a customer; one customer's files one at a time.
#[task(limit(key = customer, max = 1))]
pub async fn import(customer: String, file: String) -> Result<String, TaskError> {
    tokio::time::sleep(Duration::from_secs(5)).await;
    Ok(format!("{file} of {customer}"))
}

/// Writes a customer's statement: one at a time, however often somebody asks for it.
#[task(unique(key = customer))]
pub async fn statement(customer: String) -> Result<String, TaskError> {
    tokio::time::sleep(Duration::from_secs(5)).await;
    Ok(format!("statement of {customer}"))
}
