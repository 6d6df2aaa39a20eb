use pgjobs::JobHandle;
use sqlx::PgPool;

use crate::mail::welcome;

/// Adds a customer and publishes the letter that greets them: both, or neither.
pub async fn sign_up(pool: &PgPool, name: &str) -> Result<JobHandle<String>, pgjobs::Error> {
    let mut tx = pool.begin().await?;
    let letter = welcome::publish(&mut *tx, name.to_owned()).await?;
    sqlx::query("insert into customer (name) values ($1)")
        .bind(name)
        .execute(&mut *tx)
        .await?;
    tx.commit().await?;
    Ok(letter)
}

/// Makes the table of customers.
pub async fn create_tables(pool: &PgPool) -> Result<(), sqlx::Error> {
    let table = "create table if not exists customer (name text primary key)";
    sqlx::query(table).execute(pool).await?;
    Ok(())
}
