//! Many changes of a customer are one run of the index: each change postpones it.

use std::error::Error;
use std::time::Duration;

use pgjobs::testing::{Database, assert_published};
use shop::customers::{change_address, create_tables, index, sign_up};

#[pgjobs::test(setup = create_tables)]
async fn five_changes_are_indexed_once(db: Database) -> Result<(), Box<dyn Error>> {
    let ada = sign_up(db.pool(), "ada@example.org").await?;
    for number in 1..=5 {
        change_address(db.pool(), ada, &format!("ada{number}@example.org")).await?;
        db.clock().advance(Duration::from_secs(5)).await?;
    }
    assert_published!(db, count = 1, index { customer: ada });
    assert_eq!(db.drain().topic("shop.customers.*").await?.succeeded, 0, "it waits for ten quiet seconds");

    db.clock().advance(Duration::from_secs(10)).await?;

    assert_eq!(db.drain().topic("shop.customers.*").await?.succeeded, 1);
    Ok(())
}

#[pgjobs::test(setup = create_tables)]
async fn each_customer_is_indexed_apart(db: Database) -> Result<(), Box<dyn Error>> {
    for address in ["ada@example.org", "eve@example.org"] {
        let customer = sign_up(db.pool(), address).await?;
        change_address(db.pool(), customer, &format!("new.{address}")).await?;
    }

    assert_published!(db, count = 2, index { .. });
    Ok(())
}
