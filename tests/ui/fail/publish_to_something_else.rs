#![allow(unused)]

use std::time::Duration;

use pgjobs::sqlx::{PgPool, Postgres, Transaction};
use pgjobs::task;

#[task]
async fn welcome(user_id: i64) {}

async fn sign_up(pool: PgPool, tx: Transaction<'_, Postgres>) -> Result<(), pgjobs::Error> {
    welcome::publish(&tx, 7).priority(3).await?;
    welcome::publish(tx, 7).delay(Duration::from_secs(7)).await?;
    pgjobs::publish_all(pool, [welcome::new(7)]).await?;
    Ok(())
}

fn main() {}
