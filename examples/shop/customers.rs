//! Customers.

use pgjobs::task;
use sqlx::PgPool;

use crate::mail;

/// Only one program at a time makes tables: of two that start together, the second finds those of the first.
pub(crate) const ALONE: &str = "select pg_advisory_xact_lock(4711);";

/// Makes the table of customers, where it is missing. A program of your own has migrations:
/// `sqlx::migrate!().run(pool)`.
///
/// # Errors
/// When the database cannot be reached.
pub async fn create_tables(pool: &PgPool) -> Result<(), sqlx::Error> {
    let table = "create table if not exists customer (id bigint generated always as identity primary key, address text not null unique)";
    let mut tx = pool.begin().await?;
    sqlx::raw_sql(ALONE).execute(&mut *tx).await?;
    sqlx::raw_sql(table).execute(&mut *tx).await?;
    tx.commit().await
}

/// Writes a customer to the search index, ten seconds after the last change and a minute after the first at
/// the latest.
#[task(unique(key = customer, on_conflict = "postpone", wait = "10s", max_wait = "1m"))]
pub async fn index(customer: i64) -> Result<i64, String> {
    Ok(customer)
}

/// Changes a customer's address and has the customer indexed, both or neither.
///
/// # Errors
/// When the address belongs to another customer, or the database cannot be reached.
pub async fn change_address(pool: &PgPool, customer: i64, address: &str) -> Result<(), pgjobs::Error> {
    let mut tx = pool.begin().await?;
    let update = "update customer set address = $2 where id = $1";
    sqlx::query(update).bind(customer).bind(address).execute(&mut *tx).await?;
    index::publish(&mut *tx, customer).await?;
    tx.commit().await?;
    Ok(())
}

/// Adds a customer and asks for the letter that greets them, both or neither; returns the customer's id.
///
/// # Errors
/// When the address belongs to a customer already, or the database cannot be reached.
pub async fn sign_up(pool: &PgPool, address: &str) -> Result<i64, pgjobs::Error> {
    let mut tx = pool.begin().await?;
    let insert = "insert into customer (address) values ($1) returning id";
    let id = sqlx::query_scalar(insert).bind(address).fetch_one(&mut *tx).await?;
    mail::welcome::publish(&mut *tx, address.to_owned()).await?;
    tx.commit().await?;
    Ok(id)
}
