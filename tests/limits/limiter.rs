//! The rates of a limit for code that is no job.

use std::time::{Duration, Instant};

use pgjobs::limits::{Acquired, Limit};
use pgjobs::{Error, limiter};
use pgjobs_tests::Db;

#[tokio::test]
async fn starts_are_taken_while_there_is_room() {
    let db = Db::new().await;
    Limit::new("stripe").topic("pay.*").key(["account"]).rate("1/h").burst(2).save(&db.pool).await.unwrap();
    let ask = async |account: &str, cost: u32| {
        limiter("stripe").key(account).cost(cost).try_acquire(&db.pool).await.unwrap()
    };
    assert_eq!(ask("acme", 2).await, Acquired::Granted);
    assert_eq!(ask("other", 1).await, Acquired::Granted, "a key of its own");
    let hour = Duration::from_secs(3600);
    match ask("acme", 1).await {
        Acquired::After(wait) => assert!(wait <= hour && wait > hour / 2, "{wait:?}"),
        Acquired::Granted => panic!("the burst was taken"),
    }
}

#[tokio::test]
async fn who_waits_gets_the_next_starts_at_the_rate() {
    let db = Db::new().await;
    Limit::new("stripe").topic("pay.*").rate("10/s").burst(2).save(&db.pool).await.unwrap();
    let begun = Instant::now();
    for _ in 0..3 {
        limiter("stripe").cost(2).acquire(&db.pool).await.unwrap();
    }
    let took = begun.elapsed();
    assert!(took >= Duration::from_millis(390), "two at once, and four more at ten a second: {took:?}");
}

#[tokio::test]
async fn what_is_taken_in_a_transaction_that_is_rolled_back_was_not_taken() {
    let db = Db::new().await;
    Limit::new("stripe").topic("pay.*").rate("1/h").save(&db.pool).await.unwrap();
    let mut tx = db.pool.begin().await.unwrap();
    assert_eq!(limiter("stripe").try_acquire(&mut *tx).await.unwrap(), Acquired::Granted);
    tx.rollback().await.unwrap();
    assert_eq!(limiter("stripe").try_acquire(&db.pool).await.unwrap(), Acquired::Granted);
    assert!(matches!(limiter("stripe").try_acquire(&db.pool).await.unwrap(), Acquired::After(_)));
}

#[tokio::test]
async fn a_limit_without_rates_or_of_another_key_is_refused() {
    let db = Db::new().await;
    Limit::new("two").topic("*").max(2).save(&db.pool).await.unwrap();
    Limit::new("stripe").topic("pay.*").key(["account"]).rate("1/h").save(&db.pool).await.unwrap();
    let code = |error: Error| match error {
        Error::Refused { code, .. } => code,
        other => other.to_string(),
    };
    assert_eq!(code(limiter("two").acquire(&db.pool).await.unwrap_err()), "PT400");
    assert_eq!(code(limiter("stripe").acquire(&db.pool).await.unwrap_err()), "PT400");
    assert_eq!(code(limiter("none").acquire(&db.pool).await.unwrap_err()), "PT404");
}
