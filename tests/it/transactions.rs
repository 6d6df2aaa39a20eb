//! What publishing through a `Tx` costs with the settings that PostgreSQL comes with.

use std::time::{Duration, Instant};

use pgjobs::{NewJob, Tx};
use pgjobs_tests::Db;
use sqlx::PgPool;
use sqlx::postgres::PgPoolOptions;

const ROUNDS: usize = 101;

/// What a transaction with one job takes.
async fn time(pool: &PgPool, shared: bool) -> Duration {
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
    began.elapsed()
}

/// The medians of both kinds, measured in turns, so that what else the machine does meets both.
async fn medians(pool: &PgPool) -> (Duration, Duration) {
    let (mut lent, mut shared) = (Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        lent.push(time(pool, false).await);
        shared.push(time(pool, true).await);
    }
    lent.sort();
    shared.sort();
    (lent[ROUNDS / 2], shared[ROUNDS / 2])
}

/// A plan of which a part is forbidden has a cost beyond all thresholds, and was compiled at each call: 65 ms for 1.7.
#[tokio::test]
async fn a_shared_transaction_costs_about_as_much_as_a_lent_one() {
    let db = Db::new().await;
    let options = db.options().options([("jit", "on"), ("jit_above_cost", "100000")]);
    let pool = PgPoolOptions::new().max_connections(1).connect_with(options).await.unwrap();
    medians(&pool).await; // plans are made, catalogues read
    let (lent, shared) = medians(&pool).await;
    println!("lent {lent:?}, shared {shared:?}");
    assert!(shared < lent * 2, "lent {lent:?}, shared {shared:?}");
}
