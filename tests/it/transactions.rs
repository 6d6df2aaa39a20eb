//! What publishing through a `Tx` costs with the settings that PostgreSQL comes with.

use std::time::{Duration, Instant};

use pgjobs::{NewJob, Tx};
use pgjobs_tests::Db;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

const ROUNDS: usize = 41;

/// The median of what a transaction with one job takes.
async fn median(pool: &PgPool, shared: bool) -> Duration {
    let mut times = Vec::new();
    for _ in 0..ROUNDS {
        let began = Instant::now();
        let job = NewJob::named("a.b").arg(1);
        if shared {
            let tx = Tx::begin(pool).await.unwrap();
            job.publish(&tx).await.unwrap();
            tx.commit().await.unwrap();
        } else {
            let mut tx = pool.begin().await.unwrap();
            job.publish(&mut tx).await.unwrap();
            tx.commit().await.unwrap();
        }
        times.push(began.elapsed());
    }
    times.sort();
    times[ROUNDS / 2]
}

/// A plan of which a part is forbidden has a cost beyond all thresholds, and was compiled at each call: 65 ms for 1.7.
#[tokio::test]
async fn a_shared_transaction_costs_about_as_much_as_one_that_is_lent_compiler_on_or_off() {
    let db = Db::new().await;
    let options = db.options().options([("jit", "on"), ("jit_above_cost", "100000")]);
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    median(&pool, true).await; // plans are made, catalogues read
    let (lent, shared) = (median(&pool, false).await, median(&pool, true).await);
    println!("lent {lent:?}, shared {shared:?}");
    assert!(shared < lent * 4, "lent {lent:?}, shared {shared:?}");
}
